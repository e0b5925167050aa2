/*
 * pattern_column.h
 *	  Patterns from a text[] column of an SPI result.
 */
#ifndef MHUB_PATTERN_COLUMN_H
#define MHUB_PATTERN_COLUMN_H

#include "traffic/channel_rule.h"

#include "executor/spi.h"

extern char *mhub_kept_lower(const char *text, MemoryContext context);
extern MhubPatterns mhub_patterns_column(HeapTuple tuple, int column, MemoryContext context);

#endif							/* MHUB_PATTERN_COLUMN_H */

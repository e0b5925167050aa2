/*
 * table_fill.h
 *	  Filling empty tables: all rows first, then the indexes, as a restore does.
 */
#ifndef MHUB_TABLE_FILL_H
#define MHUB_TABLE_FILL_H

#include "common/pgcompat.h"

#include "common/table_access.h"

/*
 * Is filling possible?  That is when the tables are empty, without triggers of
 * insertion, and nobody else is using them.  Then they are locked to the end of
 * the transaction.  Rows added by mhub_table_fill() are not found by an index
 * until mhub_table_end_fill(), which raises unique_violation where rows that
 * were given contradict each other.
 */
extern bool mhub_tables_begin_fill(MhubTable *const *tables, int n);
extern void mhub_table_fill(MhubTable *table, const MhubColumns *rows);
extern void mhub_table_end_fill(MhubTable *table);

#endif							/* MHUB_TABLE_FILL_H */

/*
 * fold.h
 *	  Folding for comparisons that ignore case and width.
 */
#ifndef MHUB_CONDITION_FOLD_H
#define MHUB_CONDITION_FOLD_H

#include "common/pgcompat.h"

extern char *condition_lower(const char *string, int length, int *lowered_length);
extern char *condition_fold(const char *string, int length, int *folded_length);

#endif							/* MHUB_CONDITION_FOLD_H */

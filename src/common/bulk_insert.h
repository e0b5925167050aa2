/*
 * bulk_insert.h
 *	  Many rows into a table without a statement, as COPY does it.
 */
#ifndef MHUB_BULK_INSERT_H
#define MHUB_BULK_INSERT_H

#include "common/pgcompat.h"

#include "common/plain_table.h"

/* Writes the columns of row number i; what they point to lives until mhub_bulk_insert() returns. */
typedef void (*MhubFillRow) (void *state, int i, Datum *values, bool *nulls);

/*
 * Inserts n rows.  Those that only a statement may insert are left out, and
 * their numbers come in left, which has room for n; returns how many they are.
 * A row that violates a constraint is an error.
 */
extern int	mhub_bulk_insert(const MhubPlainTable *table, int n, MhubFillRow fill, void *state, int *left);

#endif							/* MHUB_BULK_INSERT_H */

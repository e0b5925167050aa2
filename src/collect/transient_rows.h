/*
 * transient_rows.h
 *	  Rows made in C that SPI statements read as a table.
 */
#ifndef MHUB_TRANSIENT_ROWS_H
#define MHUB_TRANSIENT_ROWS_H

#include "common/pgcompat.h"

#include "access/tupdesc.h"
#include "common/plain_table.h"
#include "utils/tuplestore.h"

/* A kind of rows: name of the transient table, and the table whose columns it has.  Declare it static. */
typedef struct MhubRowType
{
	const char *name;
	const MhubPlainTable *table;
	TupleDesc	tupdesc;		/* made at first use */
} MhubRowType;

extern Tuplestorestate *mhub_transient_rows(MhubRowType *type);
extern void mhub_transient_add(MhubRowType *type, Tuplestorestate *rows, Datum *values, bool *nulls);
extern void mhub_transient_end(MhubRowType *type, Tuplestorestate *rows);

#endif							/* MHUB_TRANSIENT_ROWS_H */

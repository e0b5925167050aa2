/*
 * transient_rows.h
 *	  Rows made in C that SPI statements read as a table.
 */
#ifndef MHUB_TRANSIENT_ROWS_H
#define MHUB_TRANSIENT_ROWS_H

#include "common/pgcompat.h"

#include "access/tupdesc.h"
#include "common/table_access.h"
#include "utils/tuplestore.h"

/* A kind of rows: name of the transient table, and the table whose columns it has, with types.  Declare it static. */
typedef struct MhubRowType
{
	const char *name;
	const MhubTable *table;
	TupleDesc	tupdesc;		/* made at first use */
	MhubPlan	insertion;		/* the same */
} MhubRowType;

extern Tuplestorestate *mhub_transient_rows(MhubRowType *type);
extern void mhub_transient_add(MhubRowType *type, Tuplestorestate *rows, Datum *values, bool *nulls);

/* Inserts them into the table by one statement, and ends them. */
extern void mhub_transient_insert(MhubRowType *type, Tuplestorestate *rows);
extern void mhub_transient_end(MhubRowType *type, Tuplestorestate *rows);

#endif							/* MHUB_TRANSIENT_ROWS_H */

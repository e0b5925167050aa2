/*
 * spi_plan.h
 *	  Statements prepared once per backend.
 */
#ifndef MHUB_SPI_PLAN_H
#define MHUB_SPI_PLAN_H

#include "common/pgcompat.h"

#include "executor/spi.h"

#define MHUB_PLAN_MAX_ARGS 16

/*
 * A statement and, once used, its plan.  Declare it static and initialise it
 * with the text and the argument types; names in the text are
 * schema-qualified, values are parameters.
 */
typedef struct MhubPlan
{
	const char *sql;
	int			nargs;
	Oid			argtypes[MHUB_PLAN_MAX_ARGS];
	SPIPlanPtr	plan;
} MhubPlan;

/* A value of the last statement's result that is not NULL; columns count from 1 */
static inline Datum
mhub_result_value(uint64 row, int column)
{
	bool		isnull;

	return SPI_getbinval(SPI_tuptable->vals[row], SPI_tuptable->tupdesc, column, &isnull);
}

extern SPIPlanPtr mhub_plan(MhubPlan *statement);
extern SPIPlanPtr mhub_generic_plan(MhubPlan *statement);
extern uint64 mhub_execute_batch(MhubPlan *statement, Datum *values, const char *nulls, int expected);

#endif							/* MHUB_SPI_PLAN_H */

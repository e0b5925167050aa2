/*
 * partition_owner.c
 *	  Making and retiring partitions with the rights of their table's owner.
 *
 * Only an owner may attach and detach partitions, and it should not take one
 * to run the hub's jobs.  What is done is fixed by mhub.partition_policy.
 */
#include "mhub.h"

#include "catalog/pg_type.h"
#include "common/spi_plan.h"
#include "miscadmin.h"
#include "privacy/hub_access.h"
#include "utils/builtins.h"

PG_FUNCTION_INFO_V1(mhub_maintain_partition);

static MhubPlan create_plan = {
	.sql = "SELECT mhub.create_partition(p.parent, $2) FROM mhub.partition_policy AS p WHERE p.parent OPERATOR(pg_catalog.=) $1",
	.nargs = 2,
	.argtypes = {TEXTOID, TIMESTAMPTZOID},
};

static MhubPlan retire_plan = {
	.sql = "SELECT mhub.retire_partition(p.parent) FROM mhub.partition_policy AS p WHERE p.parent OPERATOR(pg_catalog.=) $1",
	.nargs = 1,
	.argtypes = {TEXTOID},
};

static MhubPlan retire_rows_plan = {
	.sql = "SELECT mhub.retire_rows(p.parent) FROM mhub.partition_policy AS p WHERE p.parent OPERATOR(pg_catalog.=) $1",
	.nargs = 1,
	.argtypes = {TEXTOID},
};

/* Whether the plan's function did something: it returned a value. */
static bool
did(MhubPlan *plan, Datum *values)
{
	bool		isnull = true;

	if (SPI_execute_plan(mhub_plan(plan), values, NULL, false, 1) != SPI_OK_SELECT)
		elog(ERROR, "could not look after a partition");
	if (SPI_processed > 0)
		(void) SPI_getbinval(SPI_tuptable->vals[0], SPI_tuptable->tupdesc, 1, &isnull);
	SPI_freetuptable(SPI_tuptable);
	return !isnull;
}

Datum
mhub_maintain_partition(PG_FUNCTION_ARGS)
{
	Datum		values[2];
	MhubOwnerContext saved;

	if (PG_ARGISNULL(0))
		PG_RETURN_VOID();
	values[0] = PG_GETARG_DATUM(0);
	mhub_become_owner(text_to_cstring(PG_GETARG_TEXT_PP(0)), &saved);
	SPI_connect();
	if (!PG_ARGISNULL(1))
	{
		values[1] = PG_GETARG_DATUM(1);
		(void) did(&create_plan, values);
	}
	else
	{
		while (did(&retire_plan, values))
			CHECK_FOR_INTERRUPTS();
		(void) did(&retire_rows_plan, values);
	}
	SPI_finish();
	mhub_become_self_again(&saved);
	PG_RETURN_VOID();
}

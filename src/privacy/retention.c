/*
 * retention.c
 *	  mhub.retention_step(): a step of retention with the hub owner's rights.
 *
 * Who runs the jobs need not be allowed to read and change all tables, nor
 * own the partitions that come and go.  What is executed comes from
 * mhub.retention, which only its owner may write.
 */
#include "mhub.h"

#include "catalog/pg_type.h"
#include "common/spi_plan.h"
#include "privacy/hub_access.h"

PG_FUNCTION_INFO_V1(mhub_retention_step);

static MhubPlan step = {
	.sql = "SELECT mhub.retention_chunk($1, $2)",
	.nargs = 2, .argtypes = {TEXTOID, INT4OID}
};

Datum
mhub_retention_step(PG_FUNCTION_ARGS)
{
	Datum		args[2] = {PG_GETARG_DATUM(0), PG_GETARG_DATUM(1)};
	MhubOwnerContext saved;
	bool		isnull;
	bool		finished;

	mhub_become_owner("retention", &saved);
	SPI_connect();
	if (SPI_execute_plan(mhub_plan(&step), args, NULL, false, 1) != SPI_OK_SELECT)
		elog(ERROR, "could not execute mhub.retention_chunk()");
	finished = DatumGetBool(SPI_getbinval(SPI_tuptable->vals[0], SPI_tuptable->tupdesc, 1, &isnull));
	SPI_finish();
	mhub_become_self_again(&saved);
	PG_RETURN_BOOL(finished);
}

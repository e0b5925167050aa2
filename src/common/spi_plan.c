/*
 * spi_plan.c
 *	  Statements prepared once per backend.
 */
#include "common/spi_plan.h"

#include "utils/guc.h"

/*
 * The statement's plan, prepared at first use and kept until the backend ends.
 * The plan cache revalidates it when the tables change.  The caller is
 * connected to SPI.
 */
SPIPlanPtr
mhub_plan(MhubPlan *statement)
{
	if (statement->plan == NULL)
	{
		SPIPlanPtr	plan = SPI_prepare(statement->sql, statement->nargs, statement->argtypes);

		if (plan == NULL)
			elog(ERROR, "could not prepare \"%s\": %s",
				 statement->sql, SPI_result_code_string(SPI_result));
		if (SPI_keepplan(plan) != 0)
			elog(ERROR, "could not keep the plan of \"%s\"", statement->sql);
		statement->plan = plan;
	}
	return statement->plan;
}

static void
turn_off(const char *setting)
{
	(void) set_config_option(setting, "off", PGC_USERSET, PGC_S_SESSION, GUC_ACTION_SAVE, true, 0, false);
}

/*
 * Runs a statement that joins array parameters to tables by their keys, and
 * returns the number of rows.  It is planned once for arrays of any length,
 * and for index scans: a plan made while the tables were small must still do
 * when, within the same transaction, they have become large.
 */
uint64
mhub_execute_batch(MhubPlan *statement, Datum *values, const char *nulls, int expected)
{
	int			nesting = 0;
	int			code;

	if (statement->plan == NULL)
	{
		SPIPlanPtr	plan = SPI_prepare_cursor(statement->sql, statement->nargs, statement->argtypes,
											  CURSOR_OPT_GENERIC_PLAN);

		if (plan == NULL)
			elog(ERROR, "could not prepare \"%s\": %s",
				 statement->sql, SPI_result_code_string(SPI_result));
		nesting = NewGUCNestLevel();
		if (SPI_keepplan(plan) != 0)
			elog(ERROR, "could not keep the plan of \"%s\"", statement->sql);
		statement->plan = plan;
	}
	else if (!SPI_plan_is_valid(statement->plan))
		nesting = NewGUCNestLevel();

	if (nesting > 0)
	{
		turn_off("enable_seqscan");
		turn_off("enable_hashjoin");
		turn_off("enable_mergejoin");
	}
	code = SPI_execute_plan(statement->plan, values, nulls, false, 0);
	if (nesting > 0)
		AtEOXact_GUC(true, nesting);
	if (code != expected)
		elog(ERROR, "\"%s\" failed: %s", statement->sql, SPI_result_code_string(code));
	return SPI_processed;
}

/*
 * spi_plan.c
 *	  Statements prepared once per backend.
 */
#include "common/spi_plan.h"

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

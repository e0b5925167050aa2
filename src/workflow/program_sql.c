/*
 * program_sql.c
 *	  SQL functions about definitions.
 */
#include "mhub.h"

#include "funcapi.h"
#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/fmgroids.h"
#include "utils/tuplestore.h"
#include "workflow/program.h"

PG_FUNCTION_INFO_V1(mhub_workflow_problem);

/* One row per problem: path and message. */
Datum
mhub_workflow_problem(PG_FUNCTION_ARGS)
{
	ReturnSetInfo *result = (ReturnSetInfo *) fcinfo->resultinfo;
	List	   *problems = NIL;
	ListCell   *cell;

	InitMaterializedSRF(fcinfo, 0);
	(void) wf_program_read(PG_GETARG_JSONB_P(0), &problems);
	foreach(cell, problems)
	{
		WfProblem  *problem = lfirst(cell);
		Datum		values[2] = {OidInputFunctionCall(F_ARRAY_IN, problem->path, TEXTOID, -1),
		CStringGetTextDatum(problem->message)};
		bool		nulls[2] = {false, false};

		tuplestore_putvalues(result->setResult, result->setDesc, values, nulls);
	}
	return (Datum) 0;
}

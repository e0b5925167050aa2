/*
 * logic_sql.c
 *	  mhub.condition_implies() and mhub.condition_never().
 */
#include "mhub.h"

#include "condition/logic.h"

PG_FUNCTION_INFO_V1(mhub_condition_implies);
PG_FUNCTION_INFO_V1(mhub_condition_never);

static const CondNode *
argument(FunctionCallInfo fcinfo, int number)
{
	text	   *condition = PG_GETARG_TEXT_PP(number);

	return mhub_condition_compile(VARDATA_ANY(condition), VARSIZE_ANY_EXHDR(condition), NULL)->root;
}

Datum
mhub_condition_implies(PG_FUNCTION_ARGS)
{
	PG_RETURN_BOOL(condition_implies(argument(fcinfo, 0), argument(fcinfo, 1)));
}

Datum
mhub_condition_never(PG_FUNCTION_ARGS)
{
	PG_RETURN_BOOL(condition_never(argument(fcinfo, 0)));
}

/*
 * matches.c
 *	  mhub.matches(), the operator @@ and mhub.explain().
 */
#include "mhub.h"

#include "condition/condition_cache.h"
#include "condition/explain.h"
#include "funcapi.h"
#include "lib/stringinfo.h"
#include "utils/builtins.h"
#include "utils/timestamp.h"
#include "workflow/clock.h"

PG_FUNCTION_INFO_V1(mhub_matches);
PG_FUNCTION_INFO_V1(mhub_matches_now);
PG_FUNCTION_INFO_V1(mhub_explain);

static Datum
evaluate(FunctionCallInfo fcinfo, TimestampTz at)
{
	Jsonb	   *jsonb = PG_GETARG_JSONB_P(0);
	CachedCondition *cached = condition_cached(PG_GETARG_MHUB_CONDITION(1));
	MhubTruth	outcome;

	mhub_profile_open(&cached->profile, jsonb, at);
	outcome = mhub_condition_eval(cached->condition, &cached->profile);
	if (outcome == MHUB_UNKNOWN)
		PG_RETURN_NULL();
	PG_RETURN_BOOL(outcome == MHUB_TRUE);
}

Datum
mhub_matches(PG_FUNCTION_ARGS)
{
	return evaluate(fcinfo, PG_GETARG_TIMESTAMPTZ(2));
}

Datum
mhub_matches_now(PG_FUNCTION_ARGS)
{
	return evaluate(fcinfo, mhub_clock_now());
}

static const char *
expression(const CondNode *node)
{
	StringInfoData text;

	initStringInfo(&text);
	condition_print(&text, node);
	return text.data;
}

static void
add_line(void *arg, const CondExplained *line)
{
	ReturnSetInfo *result = arg;
	Datum		values[5];
	bool		nulls[5] = {false};

	values[0] = Int32GetDatum(line->depth);
	values[1] = CStringGetTextDatum(expression(line->node));
	nulls[2] = !line->has_actual;
	if (line->has_actual)
		values[2] = JsonbPGetDatum(JsonbValueToJsonb(unconstify(JsonbValue *, &line->actual)));
	nulls[3] = line->outcome == MHUB_UNKNOWN;
	values[3] = BoolGetDatum(line->outcome == MHUB_TRUE);
	nulls[4] = line->reason == NULL;
	if (line->reason != NULL)
		values[4] = CStringGetTextDatum(psprintf("unknown: %s", line->reason));
	tuplestore_putvalues(result->setResult, result->setDesc, values, nulls);
}

Datum
mhub_explain(PG_FUNCTION_ARGS)
{
	Jsonb	   *jsonb = PG_GETARG_JSONB_P(0);
	CachedCondition *cached = condition_cached(PG_GETARG_MHUB_CONDITION(1));

	InitMaterializedSRF(fcinfo, 0);
	mhub_profile_open(&cached->profile, jsonb, PG_GETARG_TIMESTAMPTZ(2));
	condition_explain(cached->condition->root, &cached->profile, add_line, fcinfo->resultinfo);
	return (Datum) 0;
}

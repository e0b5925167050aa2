/*
 * import_sql.c
 *	  Conditions of other engines: mhub.growthbook_matches() evaluates
 *	  GrowthBook's as they are, mhub.from_jsonlogic() translates JsonLogic's.
 */
#include "mhub.h"

#include "condition/growthbook.h"
#include "condition/jsonlogic.h"
#include "lib/stringinfo.h"
#include "utils/builtins.h"
#include "utils/jsonb.h"

extern PGDLLEXPORT Datum mhub_condition_in(PG_FUNCTION_ARGS);

PG_FUNCTION_INFO_V1(mhub_growthbook_matches);
PG_FUNCTION_INFO_V1(mhub_from_jsonlogic);

static CondValue
whole(Jsonb *jsonb)
{
	CondValue	value = {.type = COND_VALUE_OBJECT, .container = &jsonb->root};

	if (!JB_ROOT_IS_OBJECT(jsonb))
		value.type = COND_VALUE_NULL;
	return value;
}

Datum
mhub_growthbook_matches(PG_FUNCTION_ARGS)
{
	CondValue	condition = whole(PG_GETARG_JSONB_P(0));
	CondValue	attributes = whole(PG_GETARG_JSONB_P(1));
	CondValue	groups = whole(PG_GETARG_JSONB_P(2));

	if (condition.type != COND_VALUE_OBJECT)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("a GrowthBook condition must be a JSON object")));
	PG_RETURN_BOOL(growthbook_eval(&condition, &attributes, &groups));
}

Datum
mhub_from_jsonlogic(PG_FUNCTION_ARGS)
{
	Jsonb	   *jsonb = PG_GETARG_JSONB_P(0);
	char	   *json = JsonbToCString(NULL, &jsonb->root, VARSIZE(jsonb));
	CondError	error;
	CondNode   *node = jsonlogic_parse(json, strlen(json), &error);
	StringInfoData canonical;

	if (node == NULL)
		ereport(ERROR,
				(errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
				 errmsg("cannot translate JsonLogic: %s", error.message),
				 errdetail("At: %.60s", json + error.offset),
				 error.hint ? errhint("%s", error.hint) : 0));
	initStringInfo(&canonical);
	condition_print(&canonical, node);
	/* Reading it again applies the limits and checks of the type. */
	PG_RETURN_DATUM(DirectFunctionCall1(mhub_condition_in, CStringGetDatum(canonical.data)));
}

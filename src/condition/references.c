/*
 * references.c
 *	  mhub.condition_references(): what a condition looks at, and
 *	  mhub.condition_problem(): whether it can be read at all.
 */
#include "mhub.h"

#include "condition/condition.h"
#include "funcapi.h"
#include "lib/stringinfo.h"
#include "utils/builtins.h"

PG_FUNCTION_INFO_V1(mhub_condition_references);
PG_FUNCTION_INFO_V1(mhub_condition_problem);

static void
put(ReturnSetInfo *result, const char *kind, const char *name)
{
	Datum		values[2] = {CStringGetTextDatum(kind), CStringGetTextDatum(name)};
	bool		nulls[2] = {false, false};

	tuplestore_putvalues(result->setResult, result->setDesc, values, nulls);
}

static void
put_path(ReturnSetInfo *result, const CondPath *path)
{
	StringInfoData text;

	if (path == NULL || path->nsegments == 0)
		return;
	initStringInfo(&text);
	condition_print_path(&text, path);
	put(result, "attribute", text.data);
}

/* Paths inside "any" and "where" are about elements and events, not about the profile. */
static void
put_node(ReturnSetInfo *result, const CondNode *node, bool inside)
{
	if (node->event != NULL)
		put(result, node->kind == COND_SEGMENT ? "segment" : "event", node->event);
	if (!inside)
	{
		put_path(result, node->path);
		put_path(result, node->other);
	}
	for (int i = 0; i < node->nchildren; i++)
		put_node(result, node->children[i], inside || condition_asks_within(node));
}

Datum
mhub_condition_references(PG_FUNCTION_ARGS)
{
	text	   *condition = PG_GETARG_TEXT_PP(0);

	InitMaterializedSRF(fcinfo, 0);
	put_node((ReturnSetInfo *) fcinfo->resultinfo,
			 mhub_condition_compile(VARDATA_ANY(condition), VARSIZE_ANY_EXHDR(condition), NULL)->root, false);
	return (Datum) 0;
}

/* What was stored by an older release, or past the type's input, may be unreadable. */
Datum
mhub_condition_problem(PG_FUNCTION_ARGS)
{
	text	   *condition = PG_GETARG_TEXT_PP(0);
	const char *problem = NULL;

	(void) mhub_condition_try_compile(VARDATA_ANY(condition), VARSIZE_ANY_EXHDR(condition), NULL, &problem);
	if (problem == NULL)
		PG_RETURN_NULL();
	PG_RETURN_TEXT_P(cstring_to_text(problem));
}

/*
 * sargable.c
 *	  mhub.condition_candidates(): where an index finds the people who may
 *	  fulfil a condition.
 */
#include "mhub.h"

#include "access/htup_details.h"
#include "catalog/pg_type.h"
#include "condition/condition.h"
#include "condition/explain.h"
#include "funcapi.h"
#include "utils/array.h"
#include "utils/builtins.h"

PG_FUNCTION_INFO_V1(mhub_condition_candidates);

/* A way to candidates; a lower rank is expected to find fewer. */
typedef struct Access
{
	int			rank;			/* 1 trait, 2 segment, 3 event; 0 none */
	const CondNode *node;
} Access;

static bool
is_trait(const CondPath *path)
{
	if (path == NULL || path->nsegments == 0 || *path->segments[0].name == '$')
		return false;
	for (int i = 0; i < path->nsegments; i++)
	{
		/* digits may index an array, which containment cannot express */
		if (path->segments[i].index >= 0)
			return false;
	}
	return true;
}

/* 0: no index helps with this predicate. */
static int
rank(const CondNode *node)
{
	if (node->kind == COND_SEGMENT)
		return 2;
	if ((node->kind == COND_DID && node->at_least >= 1) || node->subject != SUBJECT_PATH)
		return 3;
	if (node->fold || node->subject != SUBJECT_PATH || node->other != NULL || !is_trait(node->path))
		return 0;
	if ((node->kind == COND_COMPARE && node->op == OP_EQ) || (node->kind == COND_IN && !node->negated) ||
		(node->kind == COND_HAS && node->op != OP_HAS_NONE))
		return 1;
	return 0;
}

static void
consider(const CondNode *node, Access *best)
{
	int			this = rank(node);

	if (this != 0 && (best->rank == 0 || this < best->rank ||
					  (this == best->rank && this == 1 && node->nvalues < best->node->nvalues)))
	{
		best->rank = this;
		best->node = node;
	}
}

static void
push_key(JsonbParseState **state, const CondSegment *segment)
{
	JsonbValue	key = {.type = jbvString};

	key.val.string.val = unconstify(char *, segment->name);
	key.val.string.len = segment->length;
	pushJsonbValue(state, WJB_BEGIN_OBJECT, NULL);
	pushJsonbValue(state, WJB_KEY, &key);
}

/* {"a": {"b": value}}, with the value in an array where an array must have it */
static Datum
document(const CondPath *path, const CondValue *value, bool in_array)
{
	JsonbParseState *state = NULL;
	JsonbValue	literal;
	JsonbValue *whole = NULL;

	condition_to_jsonb(value, &literal);
	for (int i = 0; i < path->nsegments; i++)
		push_key(&state, &path->segments[i]);
	if (in_array)
	{
		pushJsonbValue(&state, WJB_BEGIN_ARRAY, NULL);
		pushJsonbValue(&state, WJB_ELEM, &literal);
		pushJsonbValue(&state, WJB_END_ARRAY, NULL);
	}
	else
		pushJsonbValue(&state, WJB_VALUE, &literal);
	for (int i = 0; i < path->nsegments; i++)
		whole = pushJsonbValue(&state, WJB_END_OBJECT, NULL);
	return JsonbPGetDatum(JsonbValueToJsonb(whole));
}

static Datum
documents(const CondNode *node)
{
	int			count = node->op == OP_HAS_ALL ? 1 : node->nvalues;
	Datum	   *values = palloc(count * sizeof(Datum));

	for (int i = 0; i < count; i++)
		values[i] = document(node->path, &node->values[i], node->kind == COND_HAS);
	return PointerGetDatum(construct_array(values, count, JSONBOID, -1, false, 'i'));
}

Datum
mhub_condition_candidates(PG_FUNCTION_ARGS)
{
	static const char *const names[] = {"all", "trait", "segment", "event"};
	text	   *condition = PG_GETARG_TEXT_PP(0);
	CondNode   *root = mhub_condition_compile(VARDATA_ANY(condition), VARSIZE_ANY_EXHDR(condition), NULL)->root;
	Access		best = {0, NULL};
	TupleDesc	descriptor;
	Datum		values[3];
	bool		nulls[3] = {false, true, true};

	if (get_call_result_type(fcinfo, NULL, &descriptor) != TYPEFUNC_COMPOSITE)
		elog(ERROR, "return type must be a row type");
	if (root->kind != COND_AND)
		consider(root, &best);
	else
	{
		for (int i = 0; i < root->nchildren; i++)
			consider(root->children[i], &best);
	}
	values[0] = CStringGetTextDatum(names[best.rank]);
	if (best.rank == 1)
	{
		values[1] = documents(best.node);
		nulls[1] = false;
	}
	else if (best.rank > 1)
	{
		values[2] = CStringGetTextDatum(best.node->event);
		nulls[2] = false;
	}
	PG_RETURN_DATUM(HeapTupleGetDatum(heap_form_tuple(BlessTupleDesc(descriptor), values, nulls)));
}

/*
 * value.c
 *	  Values of a profile, and how two of them compare.
 */
#include "condition/value.h"

#include "common/numeric_double.h"
#include "condition/fold.h"
#include "fmgr.h"
#include "utils/fmgrprotos.h"

/* A double holds every decimal of this many significant digits. */
#define EXACT_DIGITS 15

/*
 * Numbers are compared as doubles first: rounding keeps order, so different
 * doubles decide.  Equal ones decide too unless a side has more digits than a
 * double can hold; then the numerics are compared.
 */
void
condition_set_number(CondValue *value, Numeric numeric)
{
	char	   *text;

	if (mhub_small_numeric(numeric, &value->number))
	{
		value->type = COND_VALUE_NUMBER;
		value->numeric = numeric;
		value->inexact = false;
		return;
	}
	text = DatumGetCString(DirectFunctionCall1(numeric_out, NumericGetDatum(numeric)));
	condition_set_written_number(value, numeric, text);
	pfree(text);
}

/* The same for a number that the text says, too. */
void
condition_set_written_number(CondValue *value, Numeric numeric, const char *text)
{
	int			digits = 0;

	value->type = COND_VALUE_NUMBER;
	value->numeric = numeric;
	value->number = strtod(text, NULL);
	for (const char *at = text; *at != '\0'; at++)
	{
		if ((*at >= '1' && *at <= '9') || (*at == '0' && digits > 0))
			digits++;
	}
	value->inexact = digits > EXACT_DIGITS;
}

void
condition_from_jsonb(const JsonbValue *jsonb, CondValue *value)
{
	switch (jsonb->type)
	{
		case jbvNull:
			value->type = COND_VALUE_NULL;
			break;
		case jbvBool:
			value->type = COND_VALUE_BOOL;
			value->boolean = jsonb->val.boolean;
			break;
		case jbvNumeric:
			condition_set_number(value, jsonb->val.numeric);
			break;
		case jbvString:
			value->type = COND_VALUE_STRING;
			value->string = jsonb->val.string.val;
			value->length = jsonb->val.string.len;
			value->folded = NULL;
			break;
		case jbvBinary:
			value->container = jsonb->val.binary.data;
			value->length = jsonb->val.binary.len;
			value->elements = NULL;
			value->type = JsonContainerIsArray(value->container) ? COND_VALUE_ARRAY : COND_VALUE_OBJECT;
			break;
		default:
			elog(ERROR, "unexpected jsonb value of type %d", (int) jsonb->type);
	}
}

/* One step down a path.  A number steps into an array; everything else into an object. */
static bool
step(JsonbContainer *container, const CondSegment *segment, JsonbValue *found)
{
	if (JsonContainerIsObject(container))
		return getKeyJsonValueFromContainer(container, segment->name, segment->length, found) != NULL;
	if (JsonContainerIsArray(container) && !JsonContainerIsScalar(container) && segment->index >= 0)
	{
		JsonbValue *element = getIthJsonbValueFromContainer(container, segment->index);

		if (element == NULL)
			return false;
		*found = *element;
		pfree(element);
		return true;
	}
	return false;
}

/* The value that a path leads to; missing when a step leads nowhere. */
void
condition_walk(JsonbContainer *container, const CondPath *path, CondValue *value)
{
	JsonbValue	found;

	value->type = COND_VALUE_MISSING;
	for (int i = 0; i < path->nsegments; i++)
	{
		if (!step(container, &path->segments[i], &found))
			return;
		if (i + 1 < path->nsegments)
		{
			if (found.type != jbvBinary)
				return;
			container = found.val.binary.data;
		}
	}
	if (path->nsegments > 0)
		condition_from_jsonb(&found, value);
}

/* One step from a value that may be anything. */
void
condition_step(const CondValue *from, const CondSegment *segment, CondValue *value)
{
	JsonbValue	found;

	value->type = COND_VALUE_MISSING;
	if ((from->type == COND_VALUE_OBJECT || from->type == COND_VALUE_ARRAY) && step(from->container, segment, &found))
		condition_from_jsonb(&found, value);
}

/* Decodes an array's elements, once. */
void
condition_elements(CondValue *array)
{
	JsonbIterator *iterator;
	JsonbValue	element;
	int			n = 0;

	if (array->elements != NULL)
		return;
	array->nelements = JsonContainerSize(array->container);
	array->elements = palloc_extended(Max(array->nelements, 1) * sizeof(CondValue), MCXT_ALLOC_HUGE | MCXT_ALLOC_ZERO);
	iterator = JsonbIteratorInit(array->container);
	(void) JsonbIteratorNext(&iterator, &element, true);
	while (JsonbIteratorNext(&iterator, &element, true) == WJB_ELEM)
		condition_from_jsonb(&element, &array->elements[n++]);
}

static int
compare_numbers(const CondValue *a, const CondValue *b)
{
	if (a->number != b->number)
		return a->number < b->number ? -1 : 1;
	if (!a->inexact && !b->inexact)
		return 0;
	return DatumGetInt32(DirectFunctionCall2(numeric_cmp, NumericGetDatum(a->numeric), NumericGetDatum(b->numeric)));
}

/* By code point: the order of UTF-8's bytes. */
static int
compare_bytes(const char *a, int a_length, const char *b, int b_length)
{
	int			order = memcmp(a, b, Min(a_length, b_length));

	if (order == 0)
		order = a_length - b_length;
	return (order > 0) - (order < 0);
}

static int
compare_folded(const CondValue *a, const CondValue *b)
{
	int			a_length = a->folded_length;
	int			b_length = b->folded_length;
	const char *a_folded = a->folded ? a->folded : condition_fold(a->string, a->length, &a_length);
	const char *b_folded = b->folded ? b->folded : condition_fold(b->string, b->length, &b_length);

	return compare_bytes(a_folded, a_length, b_folded, b_length);
}

/* -1, 0 or 1; COND_INCOMPARABLE unless both are numbers, strings or booleans. */
int
condition_compare(const CondValue *a, const CondValue *b, bool fold)
{
	if (a->type != b->type)
		return COND_INCOMPARABLE;
	switch (a->type)
	{
		case COND_VALUE_BOOL:
			return (int) a->boolean - (int) b->boolean;
		case COND_VALUE_NUMBER:
			return compare_numbers(a, b);
		case COND_VALUE_STRING:
			if (fold)
				return compare_folded(a, b);
			return compare_bytes(a->string, a->length, b->string, b->length);
		default:
			return COND_INCOMPARABLE;
	}
}

/* Equality alone is cheaper for strings: different lengths differ. */
bool
condition_same(const CondValue *a, const CondValue *b, bool fold)
{
	if (a->type != b->type)
		return false;
	if (a->type == COND_VALUE_STRING && !fold)
		return a->length == b->length && memcmp(a->string, b->string, a->length) == 0;
	return condition_compare(a, b, fold) == 0;
}

/* A total order over literals: by type, then by value. */
static int
order_values(const void *a, const void *b)
{
	const CondValue *x = a;
	const CondValue *y = b;

	if (x->type != y->type)
		return x->type < y->type ? -1 : 1;
	return condition_compare(x, y, false);
}

/* Keeps the list as written for printing; search works on a sorted copy behind it. */
void
condition_sort_values(CondNode *node)
{
	int			n = node->nvalues;

	node->values = repalloc_huge(node->values, 2 * (Size) n * sizeof(CondValue));
	memcpy(node->values + n, node->values, n * sizeof(CondValue));
	qsort(node->values + n, n, sizeof(CondValue), order_values);
	node->sorted = true;
}

/* Is the value one of the node's literals? */
bool
condition_find_value(const CondNode *node, const CondValue *value)
{
	if (node->sorted)
		return bsearch(value, node->values + node->nvalues, node->nvalues, sizeof(CondValue), order_values) != NULL;
	for (int i = 0; i < node->nvalues; i++)
	{
		if (condition_same(&node->values[i], value, node->fold))
			return true;
	}
	return false;
}

const char *
condition_type_name(CondType type)
{
	static const char *const names[] = {"missing", "null", "a boolean", "a number", "a string", "an array", "an object"};

	return names[type];
}

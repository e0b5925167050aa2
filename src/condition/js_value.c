/*
 * js_value.c
 *	  JavaScript's conversions and comparisons of JSON values.
 *
 * A missing value is null here, as in the engines this serves.
 */
#include "condition/js_value.h"

#include <math.h>

#include "condition/value.h"
#include "fmgr.h"
#include "lib/stringinfo.h"
#include "utils/fmgrprotos.h"

/* Number("..."): blanks around do not count, nothing is 0, anything else is NaN. */
static double
string_to_number(const char *text)
{
	char	   *end;
	double		number;

	while (isspace((unsigned char) *text))
		text++;
	if (*text == '\0')
		return 0;
	if (strspn(text, "0123456789+-.eE \t\r\n") != strlen(text))
		return NAN;
	number = strtod(text, &end);
	while (isspace((unsigned char) *end))
		end++;
	return end == text || *end != '\0' ? NAN : number;
}

double
js_to_number(CondValue *value)
{
	switch (value->type)
	{
		case COND_VALUE_MISSING:
		case COND_VALUE_NULL:
			return 0;
		case COND_VALUE_BOOL:
			return value->boolean ? 1 : 0;
		case COND_VALUE_NUMBER:
			return value->number;
		case COND_VALUE_STRING:
		case COND_VALUE_ARRAY:
			return string_to_number(js_to_string(value));
		default:
			return NAN;
	}
}

/* Without the zeros behind the point that jsonb keeps and JavaScript does not. */
static const char *
number_to_string(const CondValue *value)
{
	char	   *text = DatumGetCString(DirectFunctionCall1(numeric_out, NumericGetDatum(value->numeric)));
	char	   *end = text + strlen(text);

	if (strchr(text, '.') == NULL)
		return text;
	while (end[-1] == '0')
		*--end = '\0';
	if (end[-1] == '.')
		*--end = '\0';
	return text;
}

static const char *
array_to_string(CondValue *array)
{
	StringInfoData text;

	initStringInfo(&text);
	condition_elements(array);
	for (int i = 0; i < array->nelements; i++)
	{
		if (i > 0)
			appendStringInfoChar(&text, ',');
		if (array->elements[i].type != COND_VALUE_NULL)
			appendStringInfoString(&text, js_to_string(&array->elements[i]));
	}
	return text.data;
}

const char *
js_to_string(CondValue *value)
{
	switch (value->type)
	{
		case COND_VALUE_BOOL:
			return value->boolean ? "true" : "false";
		case COND_VALUE_NUMBER:
			return number_to_string(value);
		case COND_VALUE_STRING:
			return pnstrdup(value->string, value->length);
		case COND_VALUE_ARRAY:
			return array_to_string(value);
		case COND_VALUE_OBJECT:
			return "[object Object]";
		default:
			return "null";
	}
}

bool
js_to_boolean(const CondValue *value)
{
	switch (value->type)
	{
		case COND_VALUE_BOOL:
			return value->boolean;
		case COND_VALUE_NUMBER:
			return value->number != 0;
		case COND_VALUE_STRING:
			return value->length > 0;
		case COND_VALUE_ARRAY:
		case COND_VALUE_OBJECT:
			return true;
		default:
			return false;
	}
}

/* a === b: no two arrays or objects are identical. */
bool
js_identical(const CondValue *a, const CondValue *b)
{
	if (a->type <= COND_VALUE_NULL || b->type <= COND_VALUE_NULL)
		return a->type <= COND_VALUE_NULL && b->type <= COND_VALUE_NULL;
	if (a->type == COND_VALUE_ARRAY || a->type == COND_VALUE_OBJECT)
		return false;
	return condition_same(a, b, false);
}

static bool
objects_equal(CondValue *a, CondValue *b)
{
	JsonbIterator *iterator;
	JsonbValue	key;
	JsonbValue	member;

	if (JsonContainerSize(a->container) != JsonContainerSize(b->container))
		return false;
	iterator = JsonbIteratorInit(a->container);
	(void) JsonbIteratorNext(&iterator, &key, true);
	while (JsonbIteratorNext(&iterator, &key, true) == WJB_KEY)
	{
		CondSegment segment = {key.val.string.val, key.val.string.len, -1};
		CondValue	ours;
		CondValue	theirs;

		(void) JsonbIteratorNext(&iterator, &member, true);
		condition_from_jsonb(&member, &ours);
		condition_step(b, &segment, &theirs);
		if (theirs.type == COND_VALUE_MISSING || !js_deep_equal(&ours, &theirs))
			return false;
	}
	return true;
}

static bool
arrays_equal(CondValue *a, CondValue *b)
{
	condition_elements(a);
	condition_elements(b);
	if (a->nelements != b->nelements)
		return false;
	for (int i = 0; i < a->nelements; i++)
	{
		if (!js_deep_equal(&a->elements[i], &b->elements[i]))
			return false;
	}
	return true;
}

/* The same JSON; the order of an object's keys does not count, jsonb does not keep it. */
bool
js_deep_equal(CondValue *a, CondValue *b)
{
	if (a->type == COND_VALUE_ARRAY && b->type == COND_VALUE_ARRAY)
		return arrays_equal(a, b);
	if (a->type == COND_VALUE_OBJECT && b->type == COND_VALUE_OBJECT)
		return objects_equal(a, b);
	return js_identical(a, b);
}

static bool
becomes_string(const CondValue *value)
{
	return value->type == COND_VALUE_STRING || value->type == COND_VALUE_ARRAY || value->type == COND_VALUE_OBJECT;
}

/* a < b and the like: as strings when both are, else as numbers. */
JsOrder
js_compare(CondValue *a, CondValue *b)
{
	double		x;
	double		y;

	if (becomes_string(a) && becomes_string(b))
	{
		int			order = strcmp(js_to_string(a), js_to_string(b));

		return order < 0 ? JS_LESS : order > 0 ? JS_GREATER : JS_EQUAL;
	}
	x = js_to_number(a);
	y = js_to_number(b);
	if (isnan(x) || isnan(y))
		return JS_UNORDERED;
	return x < y ? JS_LESS : x > y ? JS_GREATER : JS_EQUAL;
}

const char *
js_type(const CondValue *value)
{
	static const char *const names[] = {"null", "null", "boolean", "number", "string", "array", "object"};

	return names[value->type];
}

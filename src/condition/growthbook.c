/*
 * growthbook.c
 *	  GrowthBook's targeting conditions with their own semantics: two-valued,
 *	  a missing attribute is null, values are coerced as JavaScript does.
 */
#include "condition/growthbook.h"

#include "condition/fold.h"
#include "condition/js_value.h"
#include "condition/pattern.h"
#include "condition/value.h"
#include "lib/stringinfo.h"
#include "miscadmin.h"

static bool eval_value(CondValue *condition, CondValue *value, CondValue *groups, bool ignore_case);

/* A member of an object, in the order jsonb keeps them. */
typedef struct Members
{
	JsonbIterator *iterator;
	JsonbValue	key;
	CondValue	value;
} Members;

static void
open_members(Members *members, const CondValue *object)
{
	members->iterator = JsonbIteratorInit(object->container);
	(void) JsonbIteratorNext(&members->iterator, &members->key, true);
}

static bool
next_member(Members *members)
{
	JsonbValue	member;

	if (JsonbIteratorNext(&members->iterator, &members->key, true) != WJB_KEY)
		return false;
	(void) JsonbIteratorNext(&members->iterator, &member, true);
	condition_from_jsonb(&member, &members->value);
	return true;
}

static bool
key_is(const Members *members, const char *name)
{
	return members->key.val.string.len == (int) strlen(name) &&
		memcmp(members->key.val.string.val, name, members->key.val.string.len) == 0;
}

/* An object all of whose keys are operators. */
static bool
is_operator_object(const CondValue *value)
{
	Members		members;
	bool		any = false;

	if (value->type != COND_VALUE_OBJECT)
		return false;
	for (open_members(&members, value); next_member(&members); any = true)
	{
		if (members.key.val.string.len == 0 || members.key.val.string.val[0] != '$')
			return false;
	}
	return any;
}

/* The value behind a dotted path; null when a step leads nowhere. */
static CondValue
get_path(const CondValue *from, const char *path, int length)
{
	CondValue	value = *from;
	int			start = 0;

	for (int i = 0; i <= length; i++)
	{
		if (i == length || path[i] == '.')
		{
			CondSegment segment = {path + start, i - start, -1};
			CondValue	next;
			int			index = 0;

			for (int j = start; j < i && index >= 0; j++)
				index = path[j] >= '0' && path[j] <= '9' && j - start < 6 ? index * 10 + (path[j] - '0') : -1;
			segment.index = i > start ? index : -1;
			condition_step(&value, &segment, &next);
			value = next;
			start = i + 1;
		}
	}
	return value;
}

static bool
same_ignoring_case(const CondValue *a, const CondValue *b)
{
	int			a_length;
	int			b_length;
	char	   *x;
	char	   *y;

	if (a->type != COND_VALUE_STRING || b->type != COND_VALUE_STRING)
		return js_identical(a, b);
	x = condition_lower(a->string, a->length, &a_length);
	y = condition_lower(b->string, b->length, &b_length);
	return a_length == b_length && memcmp(x, y, a_length) == 0;
}

static bool
includes(CondValue *list, const CondValue *value, bool ignore_case)
{
	condition_elements(list);
	for (int i = 0; i < list->nelements; i++)
	{
		if (ignore_case ? same_ignoring_case(&list->elements[i], value) : js_identical(&list->elements[i], value))
			return true;
	}
	return false;
}

/* The value, or one of its elements, is in the list. */
static bool
is_in(CondValue *value, CondValue *list, bool ignore_case)
{
	if (value->type != COND_VALUE_ARRAY)
		return includes(list, value, ignore_case);
	condition_elements(value);
	for (int i = 0; i < value->nelements; i++)
	{
		CHECK_FOR_INTERRUPTS();
		if (includes(list, &value->elements[i], ignore_case))
			return true;
	}
	return false;
}

static bool
has_all(CondValue *value, CondValue *wanted, CondValue *groups, bool ignore_case)
{
	if (value->type != COND_VALUE_ARRAY || wanted->type != COND_VALUE_ARRAY)
		return false;
	condition_elements(value);
	condition_elements(wanted);
	for (int i = 0; i < wanted->nelements; i++)
	{
		bool		found = false;

		CHECK_FOR_INTERRUPTS();
		for (int j = 0; j < value->nelements && !found; j++)
			found = eval_value(&wanted->elements[i], &value->elements[j], groups, ignore_case);
		if (!found)
			return false;
	}
	return true;
}

static bool
element_matches(CondValue *value, CondValue *condition, CondValue *groups)
{
	bool		operators = is_operator_object(condition);

	if (value->type != COND_VALUE_ARRAY)
		return false;
	condition_elements(value);
	for (int i = 0; i < value->nelements; i++)
	{
		if (operators ? eval_value(condition, &value->elements[i], groups, false)
			: growthbook_eval(condition, &value->elements[i], groups))
			return true;
	}
	return false;
}

static bool
in_group(CondValue *value, CondValue *name, const CondValue *groups)
{
	CondSegment segment = {name->string, name->length, -1};
	CondValue	group;

	if (name->type != COND_VALUE_STRING)
		return false;
	condition_step(groups, &segment, &group);
	return group.type == COND_VALUE_ARRAY && is_in(value, &group, false);
}

static bool
has_size(CondValue *value, CondValue *expected, CondValue *groups)
{
	CondValue	size = {.type = COND_VALUE_NUMBER};

	if (value->type != COND_VALUE_ARRAY)
		return false;
	condition_set_number(&size, int64_to_numeric(JsonContainerSize(value->container)));
	return eval_value(expected, &size, groups, false);
}

/* Numbers padded on the left, so that versions compare as strings. */
static char *
padded_version(CondValue *value)
{
	const char *text = value->type == COND_VALUE_STRING || value->type == COND_VALUE_NUMBER ? js_to_string(value) : "0";
	StringInfoData padded;
	int			parts = 0;

	if (*text == '\0')
		text = "0";
	if (*text == 'v')
		text++;
	initStringInfo(&padded);
	for (;;)
	{
		int			length = strcspn(text, ".-+");

		if (length > 0 && length < 5 && (int) strspn(text, "0123456789") >= length)
			appendStringInfoSpaces(&padded, 5 - length);
		appendBinaryStringInfo(&padded, text, length);
		parts++;
		text += length;
		if (*text == '\0' || *text == '+')
			break;
		appendStringInfoChar(&padded, '-');
		text++;
	}
	if (parts == 3)
		appendStringInfoString(&padded, "-~");
	return padded.data;
}

static bool
by_version(const char *operator, CondValue *value, CondValue *expected)
{
	int			order = strcmp(padded_version(value), padded_version(expected));

	if (strcmp(operator, "$veq") == 0)
		return order == 0;
	if (strcmp(operator, "$vne") == 0)
		return order != 0;
	if (strcmp(operator, "$vgt") == 0)
		return order > 0;
	if (strcmp(operator, "$vgte") == 0)
		return order >= 0;
	if (strcmp(operator, "$vlt") == 0)
		return order < 0;
	return strcmp(operator, "$vlte") == 0 && order <= 0;
}

static bool
by_order(const char *operator, CondValue *value, CondValue *expected)
{
	JsOrder		order = js_compare(value, expected);

	if (order == JS_UNORDERED)
		return false;
	if (strcmp(operator, "$lt") == 0)
		return order < 0;
	if (strcmp(operator, "$lte") == 0)
		return order <= 0;
	if (strcmp(operator, "$gt") == 0)
		return order > 0;
	return order >= 0;
}

static bool
by_list(const char *operator, CondValue *value, CondValue *expected)
{
	bool		negated = operator[1] == 'n';
	bool		ignore_case = operator[strlen(operator) - 1] == 'i';

	return expected->type == COND_VALUE_ARRAY && is_in(value, expected, ignore_case) != negated;
}

static bool
one_of(const char *operator, const char *const *names, int count)
{
	for (int i = 0; i < count; i++)
	{
		if (strcmp(operator, names[i]) == 0)
			return true;
	}
	return false;
}

static bool
eval_operator(const char *operator, CondValue *value, CondValue *expected, CondValue *groups)
{
	static const char *const orders[] = {"$lt", "$lte", "$gt", "$gte"};
	static const char *const lists[] = {"$in", "$nin", "$ini", "$nini"};

	if (strcmp(operator, "$eq") == 0)
		return js_identical(value, expected);
	if (strcmp(operator, "$ne") == 0)
		return !js_identical(value, expected);
	if (one_of(operator, orders, lengthof(orders)))
		return by_order(operator, value, expected);
	if (one_of(operator, lists, lengthof(lists)))
		return by_list(operator, value, expected);
	if (operator[1] == 'v')
		return by_version(operator, value, expected);
	if (strcmp(operator, "$exists") == 0)
		return js_to_boolean(expected) == (value->type > COND_VALUE_NULL);
	if (strcmp(operator, "$not") == 0)
		return !eval_value(expected, value, groups, false);
	if (strcmp(operator, "$size") == 0)
		return has_size(value, expected, groups);
	if (strcmp(operator, "$elemMatch") == 0)
		return element_matches(value, expected, groups);
	if (strcmp(operator, "$all") == 0 || strcmp(operator, "$alli") == 0)
		return has_all(value, expected, groups, operator[4] == 'i');
	if (strcmp(operator, "$regex") == 0 || strcmp(operator, "$regexi") == 0)
		return expected->type == COND_VALUE_STRING &&
			condition_match_once(expected->string, expected->length, js_to_string(value), operator[6] == 'i');
	if (strcmp(operator, "$type") == 0)
		return expected->type == COND_VALUE_STRING && strcmp(js_type(value), js_to_string(expected)) == 0;
	if (strcmp(operator, "$inGroup") == 0)
		return in_group(value, expected, groups);
	if (strcmp(operator, "$notInGroup") == 0)
		return !in_group(value, expected, groups);
	return false;
}

static bool
eval_operators(CondValue *condition, CondValue *value, CondValue *groups)
{
	Members		members;

	for (open_members(&members, condition); next_member(&members);)
	{
		const char *operator = pnstrdup(members.key.val.string.val, members.key.val.string.len);

		if (!eval_operator(operator, value, &members.value, groups))
			return false;
	}
	return true;
}

/* What is said about one value: a literal it equals, or operators that all hold. */
static bool
eval_value(CondValue *condition, CondValue *value, CondValue *groups, bool ignore_case)
{
	CondValue	text = {.type = COND_VALUE_STRING};

	check_stack_depth();
	switch (condition->type)
	{
		case COND_VALUE_STRING:
			text.string = js_to_string(value);
			text.length = strlen(text.string);
			return ignore_case ? same_ignoring_case(&text, condition) : condition_same(&text, condition, false);
		case COND_VALUE_NUMBER:
			return js_to_number(value) == condition->number;
		case COND_VALUE_BOOL:
			return value->type > COND_VALUE_NULL && js_to_boolean(value) == condition->boolean;
		case COND_VALUE_MISSING:
		case COND_VALUE_NULL:
			return value->type <= COND_VALUE_NULL;
		default:
			if (is_operator_object(condition))
				return eval_operators(condition, value, groups);
			return js_deep_equal(condition, value);
	}
}

/* $or and $and of a list; an empty list holds. */
static bool
eval_list(CondValue *list, CondValue *attributes, CondValue *groups, bool all)
{
	if (list->type != COND_VALUE_ARRAY)
		return false;
	condition_elements(list);
	for (int i = 0; i < list->nelements; i++)
	{
		if (growthbook_eval(&list->elements[i], attributes, groups) != all)
			return !all;
	}
	return all || list->nelements == 0;
}

/* Does every member of the condition hold for the attributes? */
bool
growthbook_eval(CondValue *condition, CondValue *attributes, CondValue *groups)
{
	Members		members;

	check_stack_depth();
	CHECK_FOR_INTERRUPTS();
	if (condition->type != COND_VALUE_OBJECT)
		return false;
	for (open_members(&members, condition); next_member(&members);)
	{
		bool		holds;

		if (key_is(&members, "$or"))
			holds = eval_list(&members.value, attributes, groups, false);
		else if (key_is(&members, "$nor"))
			holds = !eval_list(&members.value, attributes, groups, false);
		else if (key_is(&members, "$and"))
			holds = eval_list(&members.value, attributes, groups, true);
		else if (key_is(&members, "$not"))
			holds = !growthbook_eval(&members.value, attributes, groups);
		else
		{
			CondValue	value = get_path(attributes, members.key.val.string.val, members.key.val.string.len);

			holds = eval_value(&members.value, &value, groups, false);
		}
		if (!holds)
			return false;
	}
	return true;
}

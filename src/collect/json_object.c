/*
 * json_object.c
 *	  Reading jsonb objects that strangers sent: a wrong type is no error.
 */
#include "collect/json_object.h"

#include "collect/json_writer.h"
#include "utils/builtins.h"
#include "utils/fmgrprotos.h"

bool
mhub_key_is(const char *key, int key_length, const char *name)
{
	return strncmp(key, name, key_length) == 0 && name[key_length] == '\0';
}

/* A string, or a number as text; NULL for anything else and for the empty string. */
char *
mhub_value_text(const JsonbValue *value)
{
	if (value->type == jbvString && value->val.string.len > 0)
	{
		/* pnstrdup() would look for a zero first */
		char	   *text = palloc(value->val.string.len + 1);

		memcpy(text, value->val.string.val, value->val.string.len);
		text[value->val.string.len] = '\0';
		return text;
	}
	if (value->type == jbvNumeric)
		return DatumGetCString(DirectFunctionCall1(numeric_out, NumericGetDatum(value->val.numeric)));
	return NULL;
}

char *
mhub_json_text(JsonbContainer *object, const char *key)
{
	JsonbValue	value;

	return mhub_json_get(object, key, &value) ? mhub_value_text(&value) : NULL;
}

/* Plain decimal text, as clients that keep numbers in strings write it */
static bool
looks_numeric(const char *text, int length)
{
	int			digits = 0,
				points = 0;

	for (int i = 0; i < length; i++)
	{
		if (text[i] >= '0' && text[i] <= '9')
			digits++;
		else if (text[i] == '.')
			points++;
		else if (i > 0 || text[i] != '-')
			return false;
	}
	return digits > 0 && digits < 100 && points <= 1;
}

/* A number, also one in a string; NULL for anything else. */
Numeric
mhub_json_number(JsonbContainer *object, const char *key)
{
	JsonbValue	value;

	if (!mhub_json_get(object, key, &value))
		return NULL;
	if (value.type == jbvNumeric)
		return value.val.numeric;
	if (value.type == jbvString && looks_numeric(value.val.string.val, value.val.string.len))
		return DatumGetNumeric(DirectFunctionCall3(numeric_in,
												   CStringGetDatum(pnstrdup(value.val.string.val, value.val.string.len)),
												   ObjectIdGetDatum(InvalidOid), Int32GetDatum(-1)));
	return NULL;
}

/* As a double, infinite or 0 where that cannot hold it: conversion to float8 would raise an error. */
double
mhub_number_approximately(Numeric number)
{
	return DatumGetFloat8(DirectFunctionCall1(numeric_float8_no_overflow, NumericGetDatum(number)));
}

bool
mhub_value_is_object(const JsonbValue *value)
{
	return value->type == jbvBinary && JsonContainerIsObject(value->val.binary.data);
}

/* The member when it is an object, else NULL; value keeps it. */
JsonbContainer *
mhub_json_object(JsonbContainer *object, const char *key, JsonbValue *value)
{
	if (!mhub_json_get(object, key, value) || !mhub_value_is_object(value))
		return NULL;
	return value->val.binary.data;
}

/* The object with only what the filter keeps. */
Jsonb *
mhub_json_filtered(JsonbContainer *object, MhubMemberFilter filter, void *state)
{
	JsonbPair  *pairs = palloc((JsonContainerSize(object) + 1) * sizeof(JsonbPair));
	JsonbIterator *it = JsonbIteratorInit(object);
	JsonbValue	start;
	Jsonb	   *result;
	int			n = 0;

	(void) JsonbIteratorNext(&it, &start, true);
	while (JsonbIteratorNext(&it, &pairs[n].key, true) == WJB_KEY)
	{
		JsonbPair  *pair = &pairs[n];

		(void) JsonbIteratorNext(&it, &pair->value, true);
		if (filter(pair->key.val.string.val, pair->key.val.string.len, &pair->value, state) != MHUB_MEMBER_DROP)
			n++;
	}
	result = mhub_json_write(pairs, n);
	pfree(pairs);
	return result;
}

void
mhub_json_set_string(JsonbValue *value, const char *text)
{
	value->type = jbvString;
	value->val.string.val = unconstify(char *, text);
	value->val.string.len = (int) strlen(text);
}

/* The object with one more member, unless it has one of that name that is not null; object may be NULL. */
Jsonb *
mhub_json_with_text(Jsonb *object, const char *key, const char *text)
{
	JsonbParseState *state = NULL;
	JsonbValue	name,
				value;
	Jsonb	   *single;

	if (object != NULL && mhub_json_get(&object->root, key, &value))
		return object;
	mhub_json_set_string(&name, key);
	mhub_json_set_string(&value, text);
	pushJsonbValue(&state, WJB_BEGIN_OBJECT, NULL);
	pushJsonbValue(&state, WJB_KEY, &name);
	pushJsonbValue(&state, WJB_VALUE, &value);
	single = JsonbValueToJsonb(pushJsonbValue(&state, WJB_END_OBJECT, NULL));
	if (object == NULL)
		return single;
	return DatumGetJsonbP(DirectFunctionCall2(jsonb_concat, JsonbPGetDatum(object), JsonbPGetDatum(single)));
}

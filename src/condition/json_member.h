/*
 * json_member.h
 *	  Writing members of jsonb objects.
 */
#ifndef MHUB_JSON_MEMBER_H
#define MHUB_JSON_MEMBER_H

#include "common/pgcompat.h"

#include "utils/jsonb.h"

static inline JsonbValue
json_string(const char *string, int length)
{
	JsonbValue	value = {.type = jbvString};

	value.val.string.val = unconstify(char *, string);
	value.val.string.len = length;
	return value;
}

static inline void
json_push_key(JsonbParseState **state, const char *name, int length)
{
	JsonbValue	key = json_string(name, length);

	pushJsonbValue(state, WJB_KEY, &key);
}

static inline void
json_push_member(JsonbParseState **state, const char *name, JsonbValue *value)
{
	json_push_key(state, name, strlen(name));
	pushJsonbValue(state, WJB_VALUE, value);
}

static inline void
json_push_jsonb(JsonbParseState **state, const char *name, Jsonb *jsonb)
{
	JsonbValue	value = {.type = jbvBinary};

	value.val.binary.data = &jsonb->root;
	value.val.binary.len = VARSIZE(jsonb) - VARHDRSZ;
	json_push_member(state, name, &value);
}

#endif							/* MHUB_JSON_MEMBER_H */

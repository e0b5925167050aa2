/*
 * json_object.h
 *	  Reading jsonb objects that strangers sent: a wrong type is no error.
 */
#ifndef MHUB_JSON_OBJECT_H
#define MHUB_JSON_OBJECT_H

#include "common/pgcompat.h"

#include "utils/jsonb.h"
#include "utils/numeric.h"

/* What to do with a member of an object that is copied */
typedef enum MhubMember
{
	MHUB_MEMBER_KEEP,
	MHUB_MEMBER_DROP,
	MHUB_MEMBER_REPLACE
} MhubMember;

/* Decides about one member; to replace it, changes *value. */
typedef MhubMember (*MhubMemberFilter) (const char *key, int key_length, JsonbValue *value, void *state);

/* The member, unless it is missing or null.  Inline, so that the length of a literal key is known. */
static inline bool
mhub_json_get(JsonbContainer *object, const char *key, JsonbValue *value)
{
	return object != NULL && JsonContainerIsObject(object) &&
		getKeyJsonValueFromContainer(object, key, (int) strlen(key), value) != NULL &&
		value->type != jbvNull;
}

extern char *mhub_json_text(JsonbContainer *object, const char *key);
extern double mhub_number_approximately(Numeric number);
extern Numeric mhub_json_number(JsonbContainer *object, const char *key);
extern bool mhub_value_is_object(const JsonbValue *value);
extern JsonbContainer *mhub_json_object(JsonbContainer *object, const char *key, JsonbValue *value);
extern Jsonb *mhub_json_filtered(JsonbContainer *object, MhubMemberFilter filter, void *state);
extern Jsonb *mhub_json_with_text(Jsonb *object, const char *key, const char *text);
extern void mhub_json_set_string(JsonbValue *value, const char *text);
extern char *mhub_value_text(const JsonbValue *value);
extern bool mhub_key_is(const char *key, int key_length, const char *name);

#endif							/* MHUB_JSON_OBJECT_H */

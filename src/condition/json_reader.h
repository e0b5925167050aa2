/*
 * json_reader.h
 *	  JSON read into a tree that still knows where everything stood and that
 *	  refuses duplicate keys, which the type jsonb silently drops.
 */
#ifndef MHUB_CONDITION_JSON_READER_H
#define MHUB_CONDITION_JSON_READER_H

#include "condition/ast.h"

typedef enum JsonKind
{
	JSON_KIND_NULL,
	JSON_KIND_BOOL,
	JSON_KIND_NUMBER,
	JSON_KIND_STRING,
	JSON_KIND_ARRAY,
	JSON_KIND_OBJECT
} JsonKind;

typedef struct JsonNode JsonNode;
struct JsonNode
{
	JsonKind	kind;
	bool		truth;
	int			offset;
	int			length;			/* of text */
	const char *text;			/* STRING: decoded; NUMBER: as written */
	int			nchildren;
	JsonNode  **children;
	JsonNode  **keys;			/* OBJECT: strings */
};

extern JsonNode *json_read(const char *input, int length, CondError *error);
extern JsonNode *json_member(const JsonNode *object, const char *key);

#endif							/* MHUB_CONDITION_JSON_READER_H */

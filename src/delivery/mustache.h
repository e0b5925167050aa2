/*
 * mustache.h
 *	  Mustache templates: parsing text into a flat list of nodes.
 */
#ifndef MHUB_MUSTACHE_H
#define MHUB_MUSTACHE_H

#include "common/pgcompat.h"

typedef enum MustacheKind
{
	MUSTACHE_TEXT,				/* literal text */
	MUSTACHE_VALUE,				/* {{name}} or {{name|default}} */
	MUSTACHE_RAW,				/* {{{name}}} or {{&name}} */
	MUSTACHE_SECTION,			/* {{#name}} ... {{/name}} */
	MUSTACHE_INVERTED,			/* {{^name}} ... {{/name}} */
	MUSTACHE_PARTIAL			/* {{>name}} */
} MustacheKind;

/* A stretch of the template's own text; not terminated by zero. */
typedef struct MustacheText
{
	const char *data;
	int			length;
} MustacheText;

typedef struct MustacheNode
{
	MustacheKind kind;
	MustacheText text;			/* literal text, or the name */
	MustacheText fallback;		/* a value's default text, or a partial's indentation */
	bool		has_fallback;
	int			end;			/* a section: index of the node behind its last one */
} MustacheNode;

typedef struct MustacheTemplate
{
	MustacheNode *nodes;
	int			count;
	int			capacity;
} MustacheTemplate;

/* What is wrong with a template: message is NULL when nothing is. */
typedef struct MustacheError
{
	const char *message;
	MustacheText tag;			/* the name in question, possibly empty */
	int			offset;			/* bytes from the start of the template */
} MustacheError;

extern bool mustache_parse(const char *source, int length, MustacheTemplate *result, MustacheError *error);

#endif							/* MHUB_MUSTACHE_H */

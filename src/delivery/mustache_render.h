/*
 * mustache_render.h
 *	  Filling a parsed Mustache template in from jsonb.
 */
#ifndef MHUB_MUSTACHE_RENDER_H
#define MHUB_MUSTACHE_RENDER_H

#include "delivery/mustache.h"

#include "lib/stringinfo.h"
#include "utils/jsonb.h"

/* How {{name}} is written so that a value cannot change the text around it. */
typedef enum MustacheEscape
{
	ESCAPE_HTML,
	ESCAPE_NONE,
	ESCAPE_JSON,				/* inside a JSON string */
	ESCAPE_URL					/* a component of a URL or form */
} MustacheEscape;

extern MustacheEscape mustache_escape_by_name(const char *name);
extern void mustache_append_escaped(StringInfo out, const char *text, int length, MustacheEscape escape);
extern bool mustache_value(const MustacheNode *node, Jsonb *data, Jsonb *outer, JsonbValue *result);
extern void mustache_parse_or_report(const char *source, int length, MustacheTemplate *result);
extern void mustache_render(StringInfo out, const MustacheTemplate *parsed, Jsonb *data, Jsonb *outer,
							MustacheEscape escape, Jsonb *partials);

#endif							/* MHUB_MUSTACHE_RENDER_H */

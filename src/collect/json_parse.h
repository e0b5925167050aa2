/*
 * json_parse.h
 *	  The text of a JSON document as jsonb.
 */
#ifndef MHUB_JSON_PARSE_H
#define MHUB_JSON_PARSE_H

#include "common/pgcompat.h"

#include "utils/jsonb.h"

/*
 * The same as the server's cast to jsonb, twice as fast; NULL for what
 * it does not understand, which the cast either does or says what is wrong
 * with it.
 */
extern Jsonb *mhub_json_parse(const char *text, size_t length);

/* What a body consists of */
typedef struct MhubJsonBody
{
	Jsonb	   *document;		/* all of it, or what stands around a list; NULL: nothing does */
	int			n;				/* messages in the list, which is the document or its member "batch"; -1: there is none */
	JsonbValue *messages;
} MhubJsonBody;

/*
 * The same, without putting together what is about to be taken apart: the
 * messages of a list are values by themselves.  False for what it does not
 * understand.
 */
extern bool mhub_json_parse_body(const char *text, size_t length, MhubJsonBody *body);

#endif							/* MHUB_JSON_PARSE_H */

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

#endif							/* MHUB_JSON_PARSE_H */

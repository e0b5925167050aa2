/*
 * json_text.h
 *	  The text of a jsonb value, as the server prints it.
 */
#ifndef MHUB_JSON_TEXT_H
#define MHUB_JSON_TEXT_H

#include "common/pgcompat.h"

#include "lib/stringinfo.h"
#include "utils/jsonb.h"

extern void mhub_print_json(StringInfo out, JsonbContainer *container);

#endif							/* MHUB_JSON_TEXT_H */

/*
 * body_parts.h
 *	  The messages of a body, told apart without understanding them.
 */
#ifndef MHUB_BODY_PARTS_H
#define MHUB_BODY_PARTS_H

#include "common/pgcompat.h"

typedef struct MhubBody
{
	const char *text;
	const char *end;
	const char *at;				/* where reading goes on */
} MhubBody;

/* Goes behind the '[' of the list of messages; false when the body has none. */
extern bool mhub_body_find_list(MhubBody *body);

/* The next message of the list; false at its end, where "at" stands on the ']', or at the body's. */
extern bool mhub_body_next_message(MhubBody *body, const char **message, size_t *length);

#endif							/* MHUB_BODY_PARTS_H */

/*
 * message_key.h
 *	  128-bit keys of message ids, and new message ids.
 */
#ifndef MHUB_MESSAGE_KEY_H
#define MHUB_MESSAGE_KEY_H

#include "common/pgcompat.h"

#include "utils/uuid.h"

/* Length of a UUID's text, without the terminating zero */
#define UUID_TEXT_LEN 36

extern void mhub_message_key(const char *message_id, size_t length, pg_uuid_t *key);
extern void mhub_uuid_from_random(const unsigned char *random16, uint64 unix_ms, pg_uuid_t *uuid);
extern void mhub_uuid_text(const pg_uuid_t *uuid, char *text);

#endif							/* MHUB_MESSAGE_KEY_H */

/*
 * message_key.c
 *	  128-bit keys of message ids, and new message ids.
 *
 * Message ids are unique for ever, so they are kept as 16 bytes: a UUID as it
 * is, anything else by its hash.  Pure: no SPI, no fmgr.
 */
#include "collect/message_key.h"

#include <openssl/sha.h>

#include "common/ascii.h"

/* Does a dash stand before this byte of a UUID's text? */
static bool
dash_before(int byte)
{
	return byte == 4 || byte == 6 || byte == 8 || byte == 10;
}

static bool
parse_uuid(const char *text, size_t length, pg_uuid_t *uuid)
{
	if (length != UUID_TEXT_LEN)
		return false;
	for (int i = 0; i < UUID_LEN; i++)
	{
		int			high,
					low;

		if (dash_before(i) && *text++ != '-')
			return false;
		high = mhub_hex_digit(*text++);
		low = mhub_hex_digit(*text++);
		if (high < 0 || low < 0)
			return false;
		uuid->data[i] = (unsigned char) (high << 4 | low);
	}
	return true;
}

void
mhub_message_key(const char *message_id, size_t length, pg_uuid_t *key)
{
	unsigned char digest[SHA256_DIGEST_LENGTH];

	if (parse_uuid(message_id, length, key))
		return;
	SHA256((const unsigned char *) message_id, length, digest);
	memcpy(key->data, digest, UUID_LEN);
}

/* A UUID of version 7: ascending in time, so that new keys go to the same place in the index. */
void
mhub_uuid_from_random(const unsigned char *random16, uint64 unix_ms, pg_uuid_t *uuid)
{
	memcpy(uuid->data, random16, UUID_LEN);
	for (int i = 0; i < 6; i++)
		uuid->data[i] = (unsigned char) (unix_ms >> (40 - 8 * i));
	uuid->data[6] = 0x70 | (uuid->data[6] & 0x0f);
	uuid->data[8] = 0x80 | (uuid->data[8] & 0x3f);
}

/* text has room for UUID_TEXT_LEN + 1 bytes */
void
mhub_uuid_text(const pg_uuid_t *uuid, char *text)
{
	static const char digits[] = "0123456789abcdef";

	for (int i = 0; i < UUID_LEN; i++)
	{
		if (dash_before(i))
			*text++ = '-';
		*text++ = digits[uuid->data[i] >> 4];
		*text++ = digits[uuid->data[i] & 0x0f];
	}
	*text = '\0';
}

/*
 * token.c
 *	  Tokens in links to the outside: who and what, and proof that we made it.
 *
 * A token is the base64url form of: version and use (1 byte), message id
 * (8, big endian), link id (4), and the first 12 bytes of an HMAC-SHA256 of
 * these under the keyring's index key.  It says nothing about the person and
 * cannot be made or changed without the key.
 */
#include "mhub.h"

#include <openssl/crypto.h>

#include "access/htup_details.h"
#include "delivery/digest.h"
#include "funcapi.h"
#include "port/pg_bswap.h"
#include "privacy/privacy.h"
#include "utils/builtins.h"

PG_FUNCTION_INFO_V1(mhub_link_token);
PG_FUNCTION_INFO_V1(mhub_read_link_token);

#define VERSION_BITS	0x10
#define BODY_LENGTH		13
#define MAC_LENGTH		12
#define TOKEN_LENGTH	(BODY_LENGTH + MAC_LENGTH)
#define MAC_DOMAIN		"mhub link token"

static const char alphabet[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

/* The blind index of the token's body; its first byte is a version, not part of the MAC. */
static void
compute_mac(const unsigned char *body, unsigned char *mac)
{
	uint8		index[MHUB_BLIND_INDEX_LEN];

	mhub_blind_index_bytes(MHUB_INDEX_KEY, digest_hex(body, BODY_LENGTH), MAC_DOMAIN, index);
	memcpy(mac, index + 1, MAC_LENGTH);
}

static char *
encode(const unsigned char *bytes, int length)
{
	char	   *result = palloc(length * 4 / 3 + 2);
	char	   *out = result;
	uint32		buffer = 0;
	int			bits = 0;

	for (int i = 0; i < length; i++)
	{
		buffer = (buffer << 8) | bytes[i];
		for (bits += 8; bits >= 6; bits -= 6)
			*out++ = alphabet[(buffer >> (bits - 6)) & 63];
	}
	if (bits > 0)
		*out++ = alphabet[(buffer << (6 - bits)) & 63];
	*out = 0;
	return result;
}

/* False unless the text is exactly what encode() makes of so many bytes. */
static bool
decode(const char *text, unsigned char *bytes, int length)
{
	uint32		buffer = 0;
	int			bits = 0;
	int			count = 0;

	for (const char *c = text; *c; c++)
	{
		const char *digit = strchr(alphabet, *c);

		if (digit == NULL)
			return false;
		buffer = (buffer << 6) | (uint32) (digit - alphabet);
		bits += 6;
		if (bits >= 8)
		{
			if (count == length)
				return false;
			bits -= 8;
			bytes[count++] = (unsigned char) (buffer >> bits);
		}
	}
	return count == length && bits < 6 && (buffer & ((1U << bits) - 1)) == 0;
}

Datum
mhub_link_token(PG_FUNCTION_ARGS)
{
	int64		message_id = PG_GETARG_INT64(0);
	bool		unsubscribe = PG_ARGISNULL(1);
	uint64		message = pg_hton64((uint64) message_id);
	uint32		link = pg_hton32(unsubscribe ? 0 : (uint32) PG_GETARG_INT32(1));
	unsigned char bytes[TOKEN_LENGTH];

	if (PG_ARGISNULL(0))
		PG_RETURN_NULL();
	bytes[0] = VERSION_BITS | (unsubscribe ? 1 : 0);
	memcpy(bytes + 1, &message, 8);
	memcpy(bytes + 9, &link, 4);
	compute_mac(bytes, bytes + BODY_LENGTH);
	PG_RETURN_TEXT_P(cstring_to_text(encode(bytes, TOKEN_LENGTH)));
}

Datum
mhub_read_link_token(PG_FUNCTION_ARGS)
{
	char	   *token = text_to_cstring(PG_GETARG_TEXT_PP(0));
	unsigned char bytes[TOKEN_LENGTH];
	unsigned char mac[MAC_LENGTH];
	uint64		message;
	uint32		link;
	TupleDesc	descriptor;
	Datum		values[3];
	bool		nulls[3] = {false};

	if (!decode(token, bytes, TOKEN_LENGTH) || (bytes[0] & ~1) != VERSION_BITS)
		PG_RETURN_NULL();
	compute_mac(bytes, mac);
	if (CRYPTO_memcmp(mac, bytes + BODY_LENGTH, MAC_LENGTH) != 0)
		PG_RETURN_NULL();

	memcpy(&message, bytes + 1, 8);
	memcpy(&link, bytes + 9, 4);
	if (get_call_result_type(fcinfo, NULL, &descriptor) != TYPEFUNC_COMPOSITE)
		elog(ERROR, "return type must be a row type");
	values[0] = BoolGetDatum((bytes[0] & 1) != 0);
	values[1] = Int64GetDatum((int64) pg_ntoh64(message));
	values[2] = Int32GetDatum((int32) pg_ntoh32(link));
	nulls[2] = (bytes[0] & 1) != 0;
	PG_RETURN_DATUM(HeapTupleGetDatum(heap_form_tuple(BlessTupleDesc(descriptor), values, nulls)));
}

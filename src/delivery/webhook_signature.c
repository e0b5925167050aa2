/*
 * webhook_signature.c
 *	  Standard Webhooks signatures (v1, symmetric).
 *
 * "v1," and the base64 of HMAC-SHA256 over id.timestamp.payload; the secret is
 * base64, usually after "whsec_".  See standardwebhooks.com, specification 1.0.
 */
#include "delivery/webhook_signature.h"

#include <openssl/crypto.h>

#include "common/base64.h"
#include "delivery/digest.h"

#define SECRET_PREFIX "whsec_"
#define VERSION_PREFIX "v1,"

/* The key in a secret; false when it is not base64 or empty. */
bool
webhook_key(const char *secret, WebhookKey *key)
{
	int			length;

	if (strncmp(secret, SECRET_PREFIX, strlen(SECRET_PREFIX)) == 0)
		secret += strlen(SECRET_PREFIX);
	length = (int) strlen(secret);
	key->bytes = palloc(pg_b64_dec_len(length) + 1);
	key->length = pg_b64_decode(secret, length, (void *) key->bytes, pg_b64_dec_len(length));
	return key->length > 0;
}

char *
webhook_sign(const WebhookKey *key, const char *id, int64 timestamp, const char *payload, size_t length)
{
	char	   *before = psprintf("%s." INT64_FORMAT ".", id, timestamp);
	unsigned char mac[DIGEST_LENGTH];
	char	   *encoded;
	char	   *result;

	digest_hmac_sha256_parts(key->bytes, key->length, before, strlen(before), payload, length, mac);
	encoded = digest_base64(mac, DIGEST_LENGTH);
	result = psprintf(VERSION_PREFIX "%s", encoded);
	pfree(before);
	pfree(encoded);
	return result;
}

/* True when one of the signatures, separated by spaces, is right.  Compares in constant time. */
bool
webhook_verify(const WebhookKey *key, const char *id, int64 timestamp, const char *payload, size_t length,
			   const char *signatures)
{
	char	   *wanted = webhook_sign(key, id, timestamp, payload, length);
	size_t		wanted_length = strlen(wanted);
	char	   *state = NULL;
	bool		found = false;

	for (char *one = strtok_r(pstrdup(signatures), " ", &state); one; one = strtok_r(NULL, " ", &state))
	{
		if (strlen(one) == wanted_length && CRYPTO_memcmp(one, wanted, wanted_length) == 0)
			found = true;
	}
	return found;
}

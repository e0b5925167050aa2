/*
 * digest.c
 *	  SHA-256 and HMAC-SHA256 in the forms that signatures need.
 */
#include "delivery/digest.h"

#include <openssl/evp.h>

#include "common/base64.h"

#define DIGEST_BLOCK 64

pg_noreturn static void
report_failure(void)
{
	ereport(ERROR,
			(errcode(ERRCODE_INTERNAL_ERROR),
			 errmsg("could not compute a SHA-256 digest")));
}

/*
 * The last key, digested: RFC 2104 hashes it before the inner and the outer
 * text.  Whoever sends many requests signs them all with one key.
 */
static struct
{
	unsigned char key[DIGEST_BLOCK];
	size_t		key_length;
	EVP_MD_CTX *inner;
	EVP_MD_CTX *outer;
	EVP_MD_CTX *work;
}			keyed;

static void
digest_pad(EVP_MD_CTX *context, const unsigned char *key, size_t key_length, unsigned char with)
{
	unsigned char pad[DIGEST_BLOCK];

	memset(pad, with, DIGEST_BLOCK);
	for (size_t i = 0; i < key_length; i++)
		pad[i] ^= key[i];
	if (EVP_DigestInit_ex(context, EVP_sha256(), NULL) != 1 || EVP_DigestUpdate(context, pad, DIGEST_BLOCK) != 1)
		report_failure();
}

static void
use_key(const void *key, size_t key_length)
{
	unsigned char digest[DIGEST_LENGTH];

	if (key_length > DIGEST_BLOCK)
	{
		if (EVP_Digest(key, key_length, digest, NULL, EVP_sha256(), NULL) != 1)
			report_failure();
		key = digest;
		key_length = DIGEST_LENGTH;
	}
	if (keyed.work != NULL && keyed.key_length == key_length && memcmp(keyed.key, key, key_length) == 0)
		return;
	if (keyed.work == NULL && ((keyed.inner == NULL && (keyed.inner = EVP_MD_CTX_new()) == NULL) ||
							   (keyed.outer == NULL && (keyed.outer = EVP_MD_CTX_new()) == NULL) ||
							   (keyed.work = EVP_MD_CTX_new()) == NULL))
		report_failure();
	keyed.key_length = DIGEST_BLOCK + 1;	/* none, should this fail */
	digest_pad(keyed.inner, key, key_length, 0x36);
	digest_pad(keyed.outer, key, key_length, 0x5c);
	memcpy(keyed.key, key, key_length);
	keyed.key_length = key_length;
}

/* Of two pieces, as if they were one. */
void
digest_hmac_sha256_parts(const void *key, size_t key_length, const void *first, size_t first_length,
						 const void *second, size_t second_length, unsigned char *result)
{
	use_key(key, key_length);
	if (EVP_MD_CTX_copy_ex(keyed.work, keyed.inner) != 1 ||
		EVP_DigestUpdate(keyed.work, first, first_length) != 1 ||
		EVP_DigestUpdate(keyed.work, second, second_length) != 1 ||
		EVP_DigestFinal_ex(keyed.work, result, NULL) != 1 ||
		EVP_MD_CTX_copy_ex(keyed.work, keyed.outer) != 1 ||
		EVP_DigestUpdate(keyed.work, result, DIGEST_LENGTH) != 1 ||
		EVP_DigestFinal_ex(keyed.work, result, NULL) != 1)
		report_failure();
}

void
digest_hmac_sha256(const void *key, size_t key_length, const void *data, size_t length, unsigned char *result)
{
	digest_hmac_sha256_parts(key, key_length, data, length, "", 0, result);
}

char *
digest_hex(const unsigned char *bytes, size_t length)
{
	static const char digits[] = "0123456789abcdef";
	char	   *result = palloc(2 * length + 1);

	for (size_t i = 0; i < length; i++)
	{
		result[2 * i] = digits[bytes[i] >> 4];
		result[2 * i + 1] = digits[bytes[i] & 15];
	}
	result[2 * length] = 0;
	return result;
}

char *
digest_sha256_hex(const void *data, size_t length)
{
	unsigned char bytes[DIGEST_LENGTH];

	if (EVP_Digest(data, length, bytes, NULL, EVP_sha256(), NULL) != 1)
		report_failure();
	return digest_hex(bytes, DIGEST_LENGTH);
}

char *
digest_base64(const unsigned char *bytes, size_t length)
{
	int			room = pg_b64_enc_len((int) length);
	char	   *result = palloc(room + 1);
	int			written = pg_b64_encode((const void *) bytes, (int) length, result, room);

	if (written < 0)
		report_failure();
	result[written] = 0;
	return result;
}

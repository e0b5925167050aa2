/*
 * digest.c
 *	  SHA-256 and HMAC-SHA256 in the forms that signatures need.
 */
#include "delivery/digest.h"

#include <openssl/evp.h>
#include <openssl/hmac.h>

#include "common/base64.h"

pg_noreturn static void
report_failure(void)
{
	ereport(ERROR,
			(errcode(ERRCODE_INTERNAL_ERROR),
			 errmsg("could not compute a SHA-256 digest")));
}

void
digest_hmac_sha256(const void *key, size_t key_length, const void *data, size_t length, unsigned char *result)
{
	unsigned int result_length = 0;

	if (HMAC(EVP_sha256(), key, (int) key_length, data, length, result, &result_length) == NULL)
		report_failure();
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

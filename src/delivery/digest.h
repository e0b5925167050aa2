/*
 * digest.h
 *	  SHA-256 and HMAC-SHA256 in the forms that signatures need.
 */
#ifndef MHUB_DIGEST_H
#define MHUB_DIGEST_H

#include "common/pgcompat.h"

#define DIGEST_LENGTH 32

extern void digest_hmac_sha256(const void *key, size_t key_length, const void *data, size_t length,
							   unsigned char *result);
extern char *digest_sha256_hex(const void *data, size_t length);
extern void digest_hmac_sha256_parts(const void *key, size_t key_length, const void *first, size_t first_length,
									 const void *second, size_t second_length, unsigned char *result);
extern char *digest_hex(const unsigned char *bytes, size_t length);
extern char *digest_base64(const unsigned char *bytes, size_t length);

#endif							/* MHUB_DIGEST_H */

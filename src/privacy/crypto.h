/*
 * crypto.h
 *	  AES-256-GCM and HMAC-SHA256 as the privacy room needs them (OpenSSL EVP).
 */
#ifndef MHUB_PRIVACY_CRYPTO_H
#define MHUB_PRIVACY_CRYPTO_H

#include "common/pgcompat.h"

#define MHUB_KEY_LEN 32
#define MHUB_NONCE_LEN 12
#define MHUB_TAG_LEN 16
#define MHUB_HMAC_LEN 32
#define MHUB_SHA256_LEN 32

/* A wrapped key: nonce, sealed key, tag */
#define MHUB_WRAPPED_LEN (MHUB_NONCE_LEN + MHUB_KEY_LEN + MHUB_TAG_LEN)

/* An HMAC-SHA256 key that has been expanded once; opaque */
typedef struct MhubHmac MhubHmac;

extern void mhub_gcm_seal(const uint8 *key, const uint8 *aad, int aad_len,
						  const uint8 *plain, int plain_len,
						  uint8 *nonce, uint8 *cipher, uint8 *tag);
extern bool mhub_gcm_open(const uint8 *key, const uint8 *aad, int aad_len,
						  const uint8 *nonce, const uint8 *cipher, int cipher_len,
						  const uint8 *tag, uint8 *plain);

extern void mhub_wrap_key(const uint8 *kek, const uint8 *aad, int aad_len,
						  const uint8 *key, uint8 *wrapped);
extern bool mhub_unwrap_key(const uint8 *kek, const uint8 *aad, int aad_len,
							const uint8 *wrapped, uint8 *key);

extern MhubHmac *mhub_hmac_create(const uint8 *key, int key_len);
extern void mhub_hmac_free(MhubHmac *hmac);
extern void mhub_hmac_parts(MhubHmac *hmac, const void *first, size_t first_len,
							const void *second, size_t second_len, uint8 *out);

extern void mhub_sha256(const void *data, size_t len, uint8 *out);
extern void mhub_random_key(uint8 *key);
extern void mhub_cleanse(void *memory, size_t size);

#endif							/* MHUB_PRIVACY_CRYPTO_H */

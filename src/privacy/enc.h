/*
 * enc.h
 *	  The layout of type mhub.enc: one sealed value.
 *
 *	  offset  length  field
 *	  0       1       format version
 *	  1       1       algorithm
 *	  2       1       scope: whose key
 *	  3       1       flags: 1 = the text is padded to a multiple of 16 bytes
 *	  4       4       key version, big endian
 *	  8       8       key_id, big endian (0 for the hub's secrets)
 *	  16      12      nonce
 *	  28      n       ciphertext of the UTF-8 text; padding is n bytes of value n
 *	  28 + n  16      tag
 *
 * Authenticated besides the ciphertext: bytes 0..15, the column's number and,
 * for a value bound to its row, the first half of the SHA-256 of the row's key.
 */
#ifndef MHUB_PRIVACY_ENC_H
#define MHUB_PRIVACY_ENC_H

#include "privacy/crypto.h"

#define MHUB_ENC_VERSION 1
#define MHUB_ENC_AES_256_GCM 1
#define MHUB_ENC_HEADER_LEN 16
#define MHUB_ENC_OVERHEAD (MHUB_ENC_HEADER_LEN + MHUB_NONCE_LEN + MHUB_TAG_LEN)
#define MHUB_ENC_ROW_LEN 16
#define MHUB_ENC_AAD_MAX (MHUB_ENC_HEADER_LEN + 4 + MHUB_ENC_ROW_LEN)
#define MHUB_ENC_PADDED 0x01
#define MHUB_ENC_BLOCK 16

typedef enum MhubEncScope
{
	MHUB_ENC_PERSON = 1,
	MHUB_ENC_SECRET = 2
} MhubEncScope;

/* A sealed value taken apart; pointers go into it. */
typedef struct MhubEncParts
{
	MhubEncScope scope;
	bool		padded;
	int64		key_id;
	const uint8 *header;
	const uint8 *nonce;
	const uint8 *cipher;
	int			cipher_len;
	const uint8 *tag;
} MhubEncParts;

extern void mhub_enc_parts(const bytea *sealed, MhubEncParts *parts);
extern void mhub_enc_header(MhubEncScope scope, bool padded, uint32 key_version, int64 key_id, uint8 *header);

#endif							/* MHUB_PRIVACY_ENC_H */

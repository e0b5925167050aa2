/*
 * seal.c
 *	  Sealing and opening values.
 *
 * What is sealed is UTF-8 whatever the database's encoding: a dump restored
 * into a database of another encoding still opens to the same text.
 */
#include "mhub.h"

#include "privacy/enc.h"
#include "privacy/key_store.h"

#include "port/pg_bswap.h"
#include "privacy/utf8.h"
#include "utils/memutils.h"

/* A text field can have no more than this, and neither can what becomes one. */
#define MAX_SEALED_TEXT (MaxAllocSize - VARHDRSZ - MHUB_ENC_OVERHEAD - MHUB_ENC_BLOCK - 1)

/* What the tag vouches for besides the ciphertext; returns its length. */
static int
make_aad(const uint8 *header, int32 column_id, const char *row_key, uint8 *aad)
{
	uint32		column = pg_hton32((uint32) column_id);
	uint8		digest[MHUB_SHA256_LEN];

	memcpy(aad, header, MHUB_ENC_HEADER_LEN);
	memcpy(aad + MHUB_ENC_HEADER_LEN, &column, 4);
	if (row_key == NULL)
		return MHUB_ENC_HEADER_LEN + 4;
	row_key = mhub_to_utf8(row_key);
	mhub_sha256(row_key, strlen(row_key), digest);
	memcpy(aad + MHUB_ENC_HEADER_LEN + 4, digest, MHUB_ENC_ROW_LEN);
	return MHUB_ENC_AAD_MAX;
}

/* The text with 1 to 16 bytes behind it, each of which tells how many they are */
static char *
pad(const char *plain, size_t *len)
{
	size_t		padding = MHUB_ENC_BLOCK - *len % MHUB_ENC_BLOCK;
	char	   *padded = palloc(*len + padding);

	memcpy(padded, plain, *len);
	memset(padded + *len, (int) padding, padding);
	*len += padding;
	return padded;
}

static bytea *
seal_with(const uint8 *key, const uint8 *header, const MhubEncColumn *column, const char *row_key, const char *plain)
{
	size_t		len = strlen(plain);
	uint8		aad[MHUB_ENC_AAD_MAX];
	int			aad_len = make_aad(header, column->id, row_key, aad);
	bytea	   *sealed;
	uint8	   *at;

	if (len > MAX_SEALED_TEXT)
		ereport(ERROR,
				(errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED),
				 errmsg("value is too long to be sealed"),
				 errhidestmt(true), errhidecontext(true)));
	if (column->padded)
		plain = pad(plain, &len);
	sealed = palloc(VARHDRSZ + MHUB_ENC_OVERHEAD + len);
	SET_VARSIZE(sealed, VARHDRSZ + MHUB_ENC_OVERHEAD + len);
	at = (uint8 *) VARDATA(sealed);
	memcpy(at, header, MHUB_ENC_HEADER_LEN);
	at += MHUB_ENC_HEADER_LEN;
	mhub_gcm_seal(key, aad, aad_len, (const uint8 *) plain, (int) len,
				  at, at + MHUB_NONCE_LEN, at + MHUB_NONCE_LEN + len);
	return sealed;
}

bytea *
mhub_seal_in_row(const char *value, int64 person_id, const char *column_name, const char *row_key)
{
	MhubEncColumn	column = mhub_column(column_name);
	char	   *plain = mhub_to_utf8(value);
	const MhubPersonKey *key = mhub_key_of_person(person_id);
	uint8		header[MHUB_ENC_HEADER_LEN];

	mhub_enc_header(MHUB_ENC_PERSON, column.padded, MHUB_PERSON_KEY_VERSION, key->key_id, header);
	return seal_with(key->dek, header, &column, row_key, plain);
}

bytea *
mhub_seal(const char *value, int64 person_id, const char *column_name)
{
	return mhub_seal_in_row(value, person_id, column_name, NULL);
}

bytea *
mhub_seal_secret(const char *value, const char *column_name)
{
	MhubEncColumn	column = mhub_column(column_name);
	uint8		header[MHUB_ENC_HEADER_LEN];

	mhub_enc_header(MHUB_ENC_SECRET, column.padded, MHUB_KEYRING_VERSION, 0, header);
	return seal_with(mhub_secret_key(), header, &column, NULL, mhub_to_utf8(value));
}

pg_noreturn static void
tampered(void)
{
	ereport(ERROR,
			(errcode(ERRCODE_MHUB_TAMPERED),
			 errmsg("sealed value is not authentic"),
			 errdetail("It was changed, belongs to another column or row, or was sealed under another key."),
			 errhidestmt(true), errhidecontext(true)));
}

static const MhubPersonKey *
key_of_value(const MhubEncParts *parts)
{
	const MhubPersonKey *key = mhub_person_key(parts->key_id);

	if (key == NULL)
		tampered();
	return key;
}

/* How many of the bytes are text */
static int
text_length(const MhubEncParts *parts, const char *plain)
{
	int			padding = 0;

	if (parts->padded)
		padding = parts->cipher_len > 0 ? (unsigned char) plain[parts->cipher_len - 1] : MHUB_ENC_BLOCK;
	if (padding > parts->cipher_len)
		tampered();
	return parts->cipher_len - padding;
}

static char *
open_with(const uint8 *key, const MhubEncParts *parts, int32 column_id, const char *row_key)
{
	uint8		aad[MHUB_ENC_AAD_MAX];
	int			aad_len = make_aad(parts->header, column_id, row_key, aad);
	char	   *plain = palloc(parts->cipher_len + 1);

	if (!mhub_gcm_open(key, aad, aad_len, parts->nonce, parts->cipher, parts->cipher_len,
					   parts->tag, (uint8 *) plain))
		tampered();
	plain[text_length(parts, plain)] = '\0';
	return mhub_from_utf8(plain);
}

char *
mhub_open_in_row(const bytea *sealed, const char *column_name, const char *row_key)
{
	MhubEncColumn	column = mhub_column(column_name);
	MhubEncParts parts;
	const MhubPersonKey *key;

	mhub_enc_parts(sealed, &parts);
	if (parts.scope == MHUB_ENC_SECRET)
		return open_with(mhub_secret_key(), &parts, column.id, row_key);
	key = key_of_value(&parts);
	return key->destroyed ? NULL : open_with(key->dek, &parts, column.id, row_key);
}

char *
mhub_open(const bytea *sealed, const char *column_name)
{
	return mhub_open_in_row(sealed, column_name, NULL);
}

int64
mhub_sealed_for(const bytea *sealed)
{
	MhubEncParts parts;

	mhub_enc_parts(sealed, &parts);
	return parts.scope == MHUB_ENC_SECRET ? 0 : key_of_value(&parts)->person_id;
}

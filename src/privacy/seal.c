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
#define MAX_SEALED_TEXT (MaxAllocSize - VARHDRSZ - MHUB_ENC_OVERHEAD - 1)

static void
make_aad(const uint8 *header, int32 column_id, uint8 *aad)
{
	uint32		column = pg_hton32((uint32) column_id);

	memcpy(aad, header, MHUB_ENC_HEADER_LEN);
	memcpy(aad + MHUB_ENC_HEADER_LEN, &column, 4);
}

static bytea *
seal_with(const uint8 *key, const uint8 *header, int32 column_id, const char *plain)
{
	size_t		len = strlen(plain);
	uint8		aad[MHUB_ENC_AAD_LEN];
	bytea	   *sealed;
	uint8	   *at;

	if (len > MAX_SEALED_TEXT)
		ereport(ERROR,
				(errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED),
				 errmsg("value is too long to be sealed"),
				 errhidestmt(true), errhidecontext(true)));
	sealed = palloc(VARHDRSZ + MHUB_ENC_OVERHEAD + len);
	SET_VARSIZE(sealed, VARHDRSZ + MHUB_ENC_OVERHEAD + len);
	at = (uint8 *) VARDATA(sealed);
	memcpy(at, header, MHUB_ENC_HEADER_LEN);
	make_aad(header, column_id, aad);
	at += MHUB_ENC_HEADER_LEN;
	mhub_gcm_seal(key, aad, sizeof(aad), (const uint8 *) plain, (int) len,
				  at, at + MHUB_NONCE_LEN, at + MHUB_NONCE_LEN + len);
	return sealed;
}

bytea *
mhub_seal(const char *value, int64 person_id, const char *column_name)
{
	int32		column_id = mhub_column_id(column_name);
	char	   *plain = mhub_to_utf8(value);
	const MhubPersonKey *key = mhub_key_of_person(person_id);
	uint8		header[MHUB_ENC_HEADER_LEN];

	mhub_enc_header(MHUB_ENC_PERSON, 1, key->key_id, header);
	return seal_with(key->dek, header, column_id, plain);
}

bytea *
mhub_seal_secret(const char *value, const char *column_name)
{
	int32		column_id = mhub_column_id(column_name);
	uint8		header[MHUB_ENC_HEADER_LEN];

	mhub_enc_header(MHUB_ENC_SECRET, MHUB_KEYRING_VERSION, 0, header);
	return seal_with(mhub_secret_key(), header, column_id, mhub_to_utf8(value));
}

pg_noreturn static void
tampered(void)
{
	ereport(ERROR,
			(errcode(ERRCODE_MHUB_TAMPERED),
			 errmsg("sealed value is not authentic"),
			 errdetail("It was changed, belongs to another column, or was sealed under another key."),
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

static char *
open_with(const uint8 *key, const MhubEncParts *parts, int32 column_id)
{
	uint8		aad[MHUB_ENC_AAD_LEN];
	char	   *plain = palloc(parts->cipher_len + 1);

	make_aad(parts->header, column_id, aad);
	if (!mhub_gcm_open(key, aad, sizeof(aad), parts->nonce, parts->cipher, parts->cipher_len,
					   parts->tag, (uint8 *) plain))
		tampered();
	plain[parts->cipher_len] = '\0';
	return mhub_from_utf8(plain);
}

char *
mhub_open(const bytea *sealed, const char *column_name)
{
	int32		column_id = mhub_column_id(column_name);
	MhubEncParts parts;
	const MhubPersonKey *key;

	mhub_enc_parts(sealed, &parts);
	if (parts.scope == MHUB_ENC_SECRET)
		return open_with(mhub_secret_key(), &parts, column_id);
	key = key_of_value(&parts);
	return key->destroyed ? NULL : open_with(key->dek, &parts, column_id);
}

int64
mhub_sealed_for(const bytea *sealed)
{
	MhubEncParts parts;

	mhub_enc_parts(sealed, &parts);
	return parts.scope == MHUB_ENC_SECRET ? 0 : key_of_value(&parts)->person_id;
}

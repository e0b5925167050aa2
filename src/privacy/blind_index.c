/*
 * blind_index.c
 *	  Blind indexes: finding a sealed value without opening any.
 *
 * version || HMAC-SHA256(key, domain || 0x00 || normalised value)[0..15].
 * The value is UTF-8 whatever the database's encoding.
 */
#include "mhub.h"

#include "privacy/key_store.h"

#include "mb/pg_wchar.h"
#include "utils/builtins.h"

/* Settings, defined in privacy.c */
char	   *mhub_default_country = NULL;

/*
 * SQL_ASCII says nothing about its bytes: they are taken for UTF-8 where they
 * are valid UTF-8, else no normaliser but exact has an answer.
 */
char *
mhub_normalise(MhubNormaliser normaliser, const char *value)
{
	char	   *utf8 = pg_server_to_any(value, (int) strlen(value), PG_UTF8);
	size_t		len = strlen(utf8);
	char	   *normalised;

	if (normaliser != MHUB_NORMALISE_EXACT && GetDatabaseEncoding() == PG_SQL_ASCII &&
		pg_encoding_verifymbstr(PG_UTF8, utf8, (int) len) != (int) len)
		return NULL;
	normalised = mhub_normalise_utf8(normaliser, utf8, len, mhub_default_country);
	return normalised != NULL ? pg_any_to_server(normalised, (int) strlen(normalised), PG_UTF8) : NULL;
}

void
mhub_blind_index_bytes(MhubIndexKey key, const char *normalised, const char *domain,
					   uint8 out[MHUB_BLIND_INDEX_LEN])
{
	uint8		hmac[MHUB_HMAC_LEN];
	const char *utf8 = pg_server_to_any(normalised, (int) strlen(normalised), PG_UTF8);

	/* the domain's terminating zero separates it from the value */
	mhub_hmac_parts(mhub_index_hmac(key), domain, strlen(domain) + 1, utf8, strlen(utf8), hmac);
	out[0] = MHUB_NORMALISER_VERSION;
	memcpy(out + 1, hmac, MHUB_BLIND_INDEX_LEN - 1);
}

char *
mhub_blind_index_hex(const char *normalised, const char *domain)
{
	uint8		index[MHUB_BLIND_INDEX_LEN];
	char	   *hex = palloc(MHUB_BLIND_INDEX_LEN * 2 + 1);

	mhub_blind_index_bytes(MHUB_INDEX_KEY, normalised, domain, index);
	hex_encode((const char *) index, MHUB_BLIND_INDEX_LEN, hex);
	hex[MHUB_BLIND_INDEX_LEN * 2] = '\0';
	return hex;
}

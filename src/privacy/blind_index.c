/*
 * blind_index.c
 *	  Blind indexes: finding a sealed value without opening any.
 *
 * version || HMAC-SHA256(key, domain || 0x00 || normalised value)[0..15].
 * The value is UTF-8 whatever the database's encoding.
 */
#include "mhub.h"

#include "privacy/key_store.h"

#include "privacy/utf8.h"
#include "utils/builtins.h"

/* Settings, defined in privacy.c */
char	   *mhub_default_country = NULL;

/*
 * In an SQL_ASCII database bytes that are not UTF-8 have no normal form but
 * themselves.
 */
/* What exact does to bytes that are in no known encoding */
static char *
without_spaces(const char *value)
{
	size_t		len;

	while (*value != '\0' && (unsigned char) *value <= ' ')
		value++;
	for (len = strlen(value); len > 0 && (unsigned char) value[len - 1] <= ' '; len--)
		;
	return pnstrdup(value, len);
}

char *
mhub_normalise(MhubNormaliser normaliser, const char *value)
{
	char	   *utf8 = mhub_to_utf8(value);
	size_t		len = strlen(utf8);
	char	   *normalised;

	if (GetDatabaseEncoding() == PG_SQL_ASCII &&
		pg_encoding_verifymbstr(PG_UTF8, utf8, (int) len) != (int) len)
		return normaliser == MHUB_NORMALISE_EXACT ? without_spaces(value) : NULL;
	normalised = mhub_normalise_utf8(normaliser, utf8, len, mhub_default_country);
	return normalised != NULL ? mhub_from_utf8(normalised) : NULL;
}

void
mhub_blind_index_bytes(MhubIndexKey key, const char *normalised, const char *domain,
					   uint8 out[MHUB_BLIND_INDEX_LEN])
{
	uint8		hmac[MHUB_HMAC_LEN];
	const char *utf8 = mhub_to_utf8(normalised);

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

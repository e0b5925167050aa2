/*
 * privacy_sql.c
 *	  The SQL functions over sealing, opening, blind indexes and normalisers.
 */
#include "mhub.h"

#include "privacy/key_file.h"
#include "privacy/key_store.h"

#include "access/xact.h"
#include "common/hub_relation.h"
#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/inval.h"

PG_FUNCTION_INFO_V1(mhub_encrypt);
PG_FUNCTION_INFO_V1(mhub_encrypt_secret);
PG_FUNCTION_INFO_V1(mhub_blind_index);
PG_FUNCTION_INFO_V1(mhub_normalise_value);
PG_FUNCTION_INFO_V1(mhub_suppression_index);
PG_FUNCTION_INFO_V1(mhub_suppression_index_sealed);
PG_FUNCTION_INFO_V1(mhub_reseal);
PG_FUNCTION_INFO_V1(mhub_keys_reload);

/* Only the row's key may be missing. */
Datum
mhub_encrypt(PG_FUNCTION_ARGS)
{
	char	   *value;
	char	   *column_name;
	char	   *row_key;

	if (PG_ARGISNULL(0) || PG_ARGISNULL(1) || PG_ARGISNULL(2))
		PG_RETURN_NULL();
	value = text_to_cstring(PG_GETARG_TEXT_PP(0));
	column_name = text_to_cstring(PG_GETARG_TEXT_PP(2));
	row_key = PG_ARGISNULL(3) ? NULL : text_to_cstring(PG_GETARG_TEXT_PP(3));
	PG_RETURN_BYTEA_P(mhub_seal_in_row(value, PG_GETARG_INT64(1), column_name, row_key));
}

Datum
mhub_encrypt_secret(PG_FUNCTION_ARGS)
{
	char	   *value = text_to_cstring(PG_GETARG_TEXT_PP(0));
	char	   *column_name = text_to_cstring(PG_GETARG_TEXT_PP(1));

	PG_RETURN_BYTEA_P(mhub_seal_secret(value, column_name));
}

static MhubNormaliser
normaliser_arg(const char *name)
{
	MhubNormaliser normaliser;

	if (!mhub_normaliser_named(name, &normaliser))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("unknown normaliser \"%s\"", name),
				 errhint("Normalisers are exact, lower, email and phone."),
				 errhidestmt(true), errhidecontext(true)));
	return normaliser;
}

/* The index of what the normaliser makes of value; NULL when it refuses it */
static bytea *
index_value(MhubIndexKey key, const char *value, const char *domain, MhubNormaliser normaliser)
{
	char	   *normalised = mhub_normalise(normaliser, value);
	bytea	   *index;

	if (normalised == NULL)
		return NULL;
	index = palloc(VARHDRSZ + MHUB_BLIND_INDEX_LEN);
	SET_VARSIZE(index, VARHDRSZ + MHUB_BLIND_INDEX_LEN);
	mhub_blind_index_bytes(key, normalised, domain, (uint8 *) VARDATA(index));
	return index;
}

/* Without a normaliser named, the domain names it where it can: email, phone. */
Datum
mhub_blind_index(PG_FUNCTION_ARGS)
{
	MhubNormaliser normaliser = MHUB_NORMALISE_EXACT;
	char	   *domain;
	bytea	   *index;

	if (PG_ARGISNULL(0) || PG_ARGISNULL(1))
		PG_RETURN_NULL();
	domain = text_to_cstring(PG_GETARG_TEXT_PP(1));
	if (!PG_ARGISNULL(2))
		normaliser = normaliser_arg(text_to_cstring(PG_GETARG_TEXT_PP(2)));
	else
		mhub_normaliser_named(domain, &normaliser);
	index = index_value(MHUB_INDEX_KEY, text_to_cstring(PG_GETARG_TEXT_PP(0)), domain, normaliser);
	if (index == NULL)
		PG_RETURN_NULL();
	PG_RETURN_BYTEA_P(index);
}

Datum
mhub_suppression_index(PG_FUNCTION_ARGS)
{
	char	   *value = text_to_cstring(PG_GETARG_TEXT_PP(0));
	char	   *kind = text_to_cstring(PG_GETARG_TEXT_PP(1));
	MhubNormaliser normaliser = normaliser_arg(text_to_cstring(PG_GETARG_TEXT_PP(2)));
	bytea	   *index = index_value(MHUB_SUPPRESS_KEY, value, kind, normaliser);

	if (index == NULL)
		PG_RETURN_NULL();
	PG_RETURN_BYTEA_P(index);
}

Datum
mhub_suppression_index_sealed(PG_FUNCTION_ARGS)
{
	char	   *column_name = text_to_cstring(PG_GETARG_TEXT_PP(1));
	char	   *value = mhub_open(PG_GETARG_BYTEA_PP(0), column_name);
	char	   *kind = text_to_cstring(PG_GETARG_TEXT_PP(2));
	MhubNormaliser normaliser = normaliser_arg(text_to_cstring(PG_GETARG_TEXT_PP(3)));
	bytea	   *index = value != NULL ? index_value(MHUB_SUPPRESS_KEY, value, kind, normaliser) : NULL;

	if (index == NULL)
		PG_RETURN_NULL();
	PG_RETURN_BYTEA_P(index);
}

Datum
mhub_normalise_value(PG_FUNCTION_ARGS)
{
	char	   *value = text_to_cstring(PG_GETARG_TEXT_PP(0));
	MhubNormaliser normaliser = normaliser_arg(text_to_cstring(PG_GETARG_TEXT_PP(1)));
	char	   *normalised = mhub_normalise(normaliser, value);

	if (normalised == NULL)
		PG_RETURN_NULL();
	PG_RETURN_TEXT_P(cstring_to_text(normalised));
}

/* The value itself when it is the person's already, or can no longer be read */
Datum
mhub_reseal(PG_FUNCTION_ARGS)
{
	bytea	   *sealed = PG_GETARG_BYTEA_PP(0);
	int64		person_id = PG_GETARG_INT64(1);
	char	   *column_name = text_to_cstring(PG_GETARG_TEXT_PP(2));
	char	   *value = mhub_sealed_for(sealed) != person_id ? mhub_open(sealed, column_name) : NULL;

	if (value == NULL)
		PG_RETURN_BYTEA_P(sealed);
	PG_RETURN_BYTEA_P(mhub_seal(value, person_id, column_name));
}

/*
 * Reads the key file here, to report what is wrong with it, and makes every
 * session (this one too) read it again when it next needs a key.
 */
Datum
mhub_keys_reload(PG_FUNCTION_ARGS pg_attribute_unused())
{
	const uint32 *epochs;
	int			n;

	mhub_forget_epochs();
	n = mhub_epochs(&epochs);
	CacheInvalidateRelcacheByRelid(mhub_relation("keyring"));
	PG_RETURN_INT32(n);
}

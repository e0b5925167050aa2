/*
 * keyring.c
 *	  mhub.keyring: the hub's own keys, for blind indexes, the suppression list
 *	  and secrets.
 *
 * They are random and wrapped, not derived from the epoch key, so that a new
 * epoch changes no index value.  Each is made when it is first needed.
 */
#include "mhub.h"

#include "privacy/key_store.h"

#include "catalog/pg_type.h"
#include "common/hub_relation.h"
#include "common/spi_plan.h"
#include "port/pg_bswap.h"
#include "privacy/hub_access.h"
#include "privacy/key_file.h"
#include "utils/builtins.h"

static MhubPlan select_key = {
	.sql = "SELECT epoch, wrapped FROM mhub.keyring WHERE purpose OPERATOR(pg_catalog.=) $1 AND version OPERATOR(pg_catalog.=) $2",
	.nargs = 2, .argtypes = {TEXTOID, INT4OID}
};
static MhubPlan insert_key = {
	.sql = "INSERT INTO mhub.keyring (purpose, version, epoch, wrapped) VALUES ($1, $2, $3, $4) ON CONFLICT DO NOTHING",
	.nargs = 4, .argtypes = {TEXTOID, INT4OID, INT8OID, BYTEAOID}
};

#define WRAP_LABEL "mhub.ring1"
#define PURPOSE_MAX 16
#define WRAP_AAD_MAX (sizeof(WRAP_LABEL) + PURPOSE_MAX + 8)

/* What a backend has in use; hmacs stay NULL until needed */
static MhubHmac *index_hmacs[2] = {NULL, NULL};
static const char *const index_purposes[2] = {"index", "suppress"};
static uint8 secret_key[MHUB_KEY_LEN];
static bool secret_known = false;

void
mhub_keyring_clear(void)
{
	for (int i = 0; i < 2; i++)
	{
		mhub_hmac_free(index_hmacs[i]);
		index_hmacs[i] = NULL;
	}
	mhub_cleanse(secret_key, sizeof(secret_key));
	secret_known = false;
}

/* label, purpose, version, epoch; returns the length */
static int
wrap_aad(const char *purpose, int32 version, uint32 epoch, uint8 *aad)
{
	int			label_len = sizeof(WRAP_LABEL) - 1;
	int			purpose_len = (int) strlen(purpose);
	uint32		v = pg_hton32((uint32) version);
	uint32		e = pg_hton32(epoch);

	Assert(purpose_len <= PURPOSE_MAX);
	memcpy(aad, WRAP_LABEL, label_len);
	memcpy(aad + label_len, purpose, purpose_len);
	memcpy(aad + label_len + purpose_len, &v, 4);
	memcpy(aad + label_len + purpose_len + 4, &e, 4);
	return label_len + purpose_len + 8;
}

/* Wraps under the newest epoch and tells which that is. */
void
mhub_wrap_keyring_key(const char *purpose, int32 version, uint32 *epoch, const uint8 *key, uint8 *wrapped)
{
	uint8		aad[WRAP_AAD_MAX];
	const uint8 *kek = mhub_newest_epoch(epoch);
	int			aad_len = wrap_aad(purpose, version, *epoch, aad);

	mhub_wrap_key(kek, aad, aad_len, key, wrapped);
}

void
mhub_unwrap_keyring_key(const char *purpose, int32 version, uint32 epoch, const bytea *wrapped, uint8 *key)
{
	uint8		aad[WRAP_AAD_MAX];
	const uint8 *kek = mhub_epoch_key(epoch);
	int			aad_len = wrap_aad(purpose, version, epoch, aad);

	if (VARSIZE_ANY_EXHDR(wrapped) != MHUB_WRAPPED_LEN ||
		!mhub_unwrap_key(kek, aad, aad_len, (const uint8 *) VARDATA_ANY(wrapped), key))
		ereport(ERROR,
				(errcode(ERRCODE_MHUB_TAMPERED),
				 errmsg("keyring key \"%s\" does not open under epoch %u", purpose, epoch),
				 errdetail("Its row was changed, or the key file has another key for this epoch."),
				 errhidestmt(true), errhidecontext(true)));
}

static bool
select_into(const char *purpose, uint8 *key)
{
	Datum		args[2] = {CStringGetTextDatum(purpose), Int32GetDatum(MHUB_KEYRING_VERSION)};
	bool		isnull;
	uint32		epoch;
	Datum		wrapped;

	if (SPI_execute_plan(mhub_plan(&select_key), args, NULL, false, 1) != SPI_OK_SELECT)
		elog(ERROR, "could not read mhub.keyring");
	if (SPI_processed == 0)
		return false;
	epoch = (uint32) DatumGetInt64(SPI_getbinval(SPI_tuptable->vals[0], SPI_tuptable->tupdesc, 1, &isnull));
	wrapped = SPI_getbinval(SPI_tuptable->vals[0], SPI_tuptable->tupdesc, 2, &isnull);
	mhub_unwrap_keyring_key(purpose, MHUB_KEYRING_VERSION, epoch, DatumGetByteaPP(wrapped), key);
	return true;
}

static void
create_key(const char *purpose)
{
	uint8		key[MHUB_KEY_LEN];
	uint32		epoch;
	bytea	   *wrapped = palloc(VARHDRSZ + MHUB_WRAPPED_LEN);
	Datum		args[4];

	SET_VARSIZE(wrapped, VARHDRSZ + MHUB_WRAPPED_LEN);
	mhub_random_key(key);
	mhub_wrap_keyring_key(purpose, MHUB_KEYRING_VERSION, &epoch, key, (uint8 *) VARDATA(wrapped));
	mhub_cleanse(key, sizeof(key));
	args[0] = CStringGetTextDatum(purpose);
	args[1] = Int32GetDatum(MHUB_KEYRING_VERSION);
	args[2] = Int64GetDatum((int64) epoch);
	args[3] = PointerGetDatum(wrapped);
	if (SPI_execute_plan(mhub_plan(&insert_key), args, NULL, false, 0) != SPI_OK_INSERT)
		elog(ERROR, "could not write mhub.keyring");
	mhub_keys_uncommitted();
}

/*
 * Reads the purpose's key, making it first where there is none.  Of two
 * sessions that make it at once one waits for the other and takes its key;
 * under REPEATABLE READ it cannot see that key, and has to try again.
 */
static void
load_key(const char *purpose, uint8 *key)
{
	MhubOwnerContext saved;
	bool		found;

	mhub_watch(MHUB_WATCH_KEYRING, mhub_relation("keyring"));
	mhub_become_owner("keyring", &saved);
	SPI_connect();
	found = select_into(purpose, key);
	if (!found)
	{
		create_key(purpose);
		found = select_into(purpose, key);
	}
	SPI_finish();
	mhub_become_self_again(&saved);
	if (!found)
		ereport(ERROR,
				(errcode(ERRCODE_T_R_SERIALIZATION_FAILURE),
				 errmsg("could not read keyring key \"%s\" made by a concurrent transaction", purpose),
				 errhidestmt(true), errhidecontext(true)));
}

MhubHmac *
mhub_index_hmac(MhubIndexKey which)
{
	if (index_hmacs[which] == NULL)
	{
		uint8		key[MHUB_KEY_LEN];

		load_key(index_purposes[which], key);
		index_hmacs[which] = mhub_hmac_create(key, MHUB_KEY_LEN);
		mhub_cleanse(key, sizeof(key));
	}
	return index_hmacs[which];
}

const uint8 *
mhub_secret_key(void)
{
	if (!secret_known)
	{
		load_key("secret", secret_key);
		secret_known = true;
	}
	return secret_key;
}

/*
 * person_key.c
 *	  mhub.person_key: one random data key per person, wrapped by an epoch key.
 *
 * A key belongs to the person it was created for and is never moved: merges
 * do not touch it, and values carry its key_id.
 */
#include "mhub.h"

#include "privacy/key_store.h"

#include "catalog/pg_type.h"
#include "common/hub_relation.h"
#include "common/spi_plan.h"
#include "port/pg_bswap.h"
#include "privacy/hub_access.h"
#include "privacy/key_cache.h"
#include "privacy/key_file.h"
#include "utils/array.h"
#include "utils/builtins.h"

#define KEY_COLUMNS "key_id, person_id, epoch, wrapped, destroyed_at IS NOT NULL"

static MhubPlan select_by_key = {
	.sql = "SELECT " KEY_COLUMNS " FROM mhub.person_key WHERE key_id OPERATOR(pg_catalog.=) $1",
	.nargs = 1, .argtypes = {INT8OID}
};
/* The newest living key of each person last, so that it is the one cached for sealing */
static MhubPlan select_by_persons = {
	.sql = "SELECT " KEY_COLUMNS " FROM mhub.person_key WHERE person_id OPERATOR(pg_catalog.=) ANY ($1)"
	" ORDER BY destroyed_at IS NULL, key_id",
	.nargs = 1, .argtypes = {INT8ARRAYOID}
};
static MhubPlan draw_ids = {
	.sql = "SELECT pg_catalog.nextval('mhub.person_key_key_id_seq'::pg_catalog.regclass)"
	" FROM pg_catalog.generate_series(1, $1)",
	.nargs = 1, .argtypes = {INT4OID}
};
static MhubPlan insert_keys = {
	.sql = "INSERT INTO mhub.person_key (key_id, person_id, epoch, wrapped)"
	" SELECT * FROM ROWS FROM (pg_catalog.unnest($1), pg_catalog.unnest($2), pg_catalog.unnest($3), pg_catalog.unnest($4))",
	.nargs = 4, .argtypes = {INT8ARRAYOID, INT8ARRAYOID, INT8ARRAYOID, BYTEAARRAYOID}
};

#define WRAP_LABEL "mhub.dek1"
#define WRAP_AAD_LEN (sizeof(WRAP_LABEL) - 1 + 8 + 4 + 4)

/* Binds a wrapped key to its row, version and epoch */
static void
wrap_aad(int64 key_id, uint32 epoch, uint8 *aad)
{
	uint64		id = pg_hton64((uint64) key_id);
	uint32		v = pg_hton32(MHUB_PERSON_KEY_VERSION);
	uint32		e = pg_hton32(epoch);

	memcpy(aad, WRAP_LABEL, sizeof(WRAP_LABEL) - 1);
	memcpy(aad + sizeof(WRAP_LABEL) - 1, &id, 8);
	memcpy(aad + sizeof(WRAP_LABEL) - 1 + 8, &v, 4);
	memcpy(aad + sizeof(WRAP_LABEL) - 1 + 12, &e, 4);
}

/* Wraps under the newest epoch and tells which that is. */
void
mhub_wrap_person_key(int64 key_id, uint32 *epoch, const uint8 *dek, uint8 *wrapped)
{
	uint8		aad[WRAP_AAD_LEN];
	const uint8 *kek = mhub_newest_epoch(epoch);

	wrap_aad(key_id, *epoch, aad);
	mhub_wrap_key(kek, aad, WRAP_AAD_LEN, dek, wrapped);
}

void
mhub_unwrap_person_key(int64 key_id, uint32 epoch, const bytea *wrapped, uint8 *dek)
{
	uint8		aad[WRAP_AAD_LEN];
	const uint8 *kek = mhub_epoch_key(epoch);

	wrap_aad(key_id, epoch, aad);
	if (VARSIZE_ANY_EXHDR(wrapped) != MHUB_WRAPPED_LEN ||
		!mhub_unwrap_key(kek, aad, WRAP_AAD_LEN, (const uint8 *) VARDATA_ANY(wrapped), dek))
		ereport(ERROR,
				(errcode(ERRCODE_MHUB_TAMPERED),
				 errmsg("person key " INT64_FORMAT " does not open under epoch %u", key_id, epoch),
				 errdetail("Its row was changed, or the key file has another key for this epoch."),
				 errhidestmt(true), errhidecontext(true)));
}

static Datum
column(uint64 row, int number)
{
	bool		isnull;

	return SPI_getbinval(SPI_tuptable->vals[row], SPI_tuptable->tupdesc, number, &isnull);
}

static void
run(MhubPlan *statement, Datum *args, int expected)
{
	int			code = SPI_execute_plan(mhub_plan(statement), args, NULL, false, 0);

	if (code != expected)
		elog(ERROR, "statement on mhub.person_key failed: %s", SPI_result_code_string(code));
}

static void
connect_as_owner(MhubOwnerContext *saved)
{
	mhub_watch(MHUB_WATCH_PERSON_KEY, mhub_relation("person_key"));
	mhub_become_owner("person_key", saved);
	SPI_connect();
}

static void
finish_as_owner(const MhubOwnerContext *saved)
{
	SPI_finish();
	mhub_become_self_again(saved);
}

/* Unwraps the rows of SPI_tuptable and caches them; with what they are in a context that SPI_finish() frees. */
static void
cache_result(void)
{
	for (uint64 row = 0; row < SPI_processed; row++)
	{
		MhubPersonKey key = {0};

		key.key_id = DatumGetInt64(column(row, 1));
		key.person_id = DatumGetInt64(column(row, 2));
		key.destroyed = DatumGetBool(column(row, 5));
		if (!key.destroyed)
			mhub_unwrap_person_key(key.key_id, (uint32) DatumGetInt64(column(row, 3)),
								   DatumGetByteaPP(column(row, 4)), key.dek);
		mhub_cache_key(&key);
		mhub_cleanse(&key, sizeof(key));
	}
}

/*
 * Runs a query that delivers keys and caches them.  Should keys be dropped
 * while it runs, what it saw may be from before: it is then run again.
 */
static void
load_keys(MhubPlan *query, Datum arg)
{
	uint64		generation;
	MhubOwnerContext saved;

	do
	{
		connect_as_owner(&saved);
		generation = mhub_key_generation();
		run(query, &arg, SPI_OK_SELECT);
		cache_result();
		finish_as_owner(&saved);
	} while (generation != mhub_key_generation());
}

/* The key with this id, or NULL when there is none. */
const MhubPersonKey *
mhub_person_key(int64 key_id)
{
	const MhubPersonKey *key = mhub_cached_key(key_id);

	if (key != NULL)
		return key;
	load_keys(&select_by_key, Int64GetDatum(key_id));
	return mhub_cached_key(key_id);
}

static Datum
int8_array(const int64 *values, int n)
{
	Datum	   *elements = palloc(n * sizeof(Datum));

	for (int i = 0; i < n; i++)
		elements[i] = Int64GetDatum(values[i]);
	return PointerGetDatum(construct_array(elements, n, INT8OID, 8, FLOAT8PASSBYVAL, TYPALIGN_DOUBLE));
}

static void
new_key_ids(int64 *ids, int n)
{
	Datum		arg = Int32GetDatum(n);

	run(&draw_ids, &arg, SPI_OK_SELECT);
	for (int i = 0; i < n; i++)
		ids[i] = DatumGetInt64(column(i, 1));
}

/*
 * Random nonces are safe for 2^32 uses of one key (NIST SP 800-38D); half of
 * that is our bound for an epoch key.  It wraps each person key at most once,
 * when that is made or when it is re-wrapped, so the ids count for us.
 */
#define KEY_ID_MAX INT64CONST(2147483647)

static void
refuse_too_many(int64 key_id)
{
	if (key_id > KEY_ID_MAX)
		ereport(ERROR,
				(errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED),
				 errmsg("no more person keys can be made"),
				 errdetail("An epoch key must not wrap more than 2^31 keys, and so many were made in this hub."),
				 errhidestmt(true), errhidecontext(true)));
}

/* Makes n random keys, one for each person, and stores them wrapped. */
static void
create_keys(const int64 *persons, int n)
{
	MhubPersonKey *keys = palloc0(n * sizeof(MhubPersonKey));
	int64	   *ids = palloc(n * sizeof(int64));
	int64	   *epochs = palloc(n * sizeof(int64));
	Datum	   *wrapped = palloc(n * sizeof(Datum));
	Datum		args[4];

	new_key_ids(ids, n);
	refuse_too_many(ids[n - 1]);
	for (int i = 0; i < n; i++)
	{
		bytea	   *box = palloc(VARHDRSZ + MHUB_WRAPPED_LEN);
		uint32		epoch;

		SET_VARSIZE(box, VARHDRSZ + MHUB_WRAPPED_LEN);
		keys[i].key_id = ids[i];
		keys[i].person_id = persons[i];
		mhub_random_key(keys[i].dek);
		mhub_wrap_person_key(ids[i], &epoch, keys[i].dek, (uint8 *) VARDATA(box));
		epochs[i] = epoch;
		wrapped[i] = PointerGetDatum(box);
	}
	args[0] = int8_array(ids, n);
	args[1] = int8_array(persons, n);
	args[2] = int8_array(epochs, n);
	args[3] = PointerGetDatum(construct_array(wrapped, n, BYTEAOID, -1, false, TYPALIGN_INT));
	run(&insert_keys, args, SPI_OK_INSERT);
	mhub_keys_uncommitted();
	for (int i = 0; i < n; i++)
		mhub_cache_key(&keys[i]);
	mhub_cleanse(keys, n * sizeof(MhubPersonKey));
}

pg_noreturn static void
person_erased(int64 person_id)
{
	ereport(ERROR,
			(errcode(ERRCODE_MHUB_KEY_DESTROYED),
			 errmsg("person " INT64_FORMAT " was erased", person_id),
			 errdetail("The person's key is destroyed; nothing can be sealed for this person again."),
			 errhidestmt(true), errhidecontext(true)));
}

/* Persons of the list that no living key is cached for */
static int
without_key(const int64 *persons, int n, int64 *missing)
{
	int			count = 0;

	for (int i = 0; i < n; i++)
	{
		bool		known = mhub_cached_key_of(persons[i]) != NULL;

		for (int j = 0; j < count && !known; j++)
			known = missing[j] == persons[i];
		if (!known)
			missing[count++] = persons[i];
	}
	return count;
}

/* One of the persons whose key is destroyed, 0 if there is none */
static int64
find_erased(const int64 *persons, int n)
{
	Datum		arg = int8_array(persons, n);

	run(&select_by_persons, &arg, SPI_OK_SELECT);
	for (uint64 row = 0; row < SPI_processed; row++)
	{
		if (DatumGetBool(column(row, 5)))
			return DatumGetInt64(column(row, 2));
	}
	return 0;
}

int64
mhub_prepare_person_keys(const int64 *persons, int n)
{
	int64		missing[MHUB_KEY_BATCH];
	int			count;
	int64		erased;
	MhubOwnerContext saved;

	if (n > MHUB_KEY_BATCH)
		elog(ERROR, "keys of at most %d persons can be prepared at once", MHUB_KEY_BATCH);
	count = without_key(persons, n, missing);
	if (count == 0)
		return 0;
	load_keys(&select_by_persons, int8_array(missing, count));
	count = without_key(missing, count, missing);
	if (count == 0)
		return 0;
	connect_as_owner(&saved);
	erased = find_erased(missing, count);
	if (erased == 0)
		create_keys(missing, count);
	finish_as_owner(&saved);
	return erased;
}

/* The key to seal with for a person; made now if there is none. */
const MhubPersonKey *
mhub_key_of_person(int64 person_id)
{
	const MhubPersonKey *key = mhub_cached_key_of(person_id);

	if (key != NULL)
		return key;
	if (mhub_prepare_person_keys(&person_id, 1) != 0)
		person_erased(person_id);
	return mhub_cached_key_of(person_id);
}

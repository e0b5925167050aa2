/*
 * rewrap.c
 *	  Moving wrapped keys to the newest epoch.
 *
 * Only the wrapping changes: the keys themselves, and all that is sealed with
 * them, stay as they are, so a session that holds a key unwrapped need not
 * hear of it.
 */
#include "mhub.h"

#include "privacy/key_file.h"
#include "privacy/key_store.h"

#include "catalog/pg_type.h"
#include "common/spi_plan.h"
#include "miscadmin.h"
#include "privacy/hub_access.h"
#include "utils/array.h"
#include "utils/builtins.h"

PG_FUNCTION_INFO_V1(mhub_rewrap_batch);
PG_FUNCTION_INFO_V1(mhub_key_epochs);

/* Locked rows are somebody else's: being erased, or re-wrapped already. */
static MhubPlan select_person_keys = {
	.sql = "SELECT key_id, epoch, wrapped FROM mhub.person_key"
	" WHERE destroyed_at IS NULL AND epoch OPERATOR(pg_catalog.<) $1 ORDER BY epoch LIMIT $2 FOR UPDATE SKIP LOCKED",
	.nargs = 2, .argtypes = {INT8OID, INT4OID}
};
static MhubPlan update_person_keys = {
	.sql = "UPDATE mhub.person_key AS k SET epoch = $1, wrapped = n.wrapped"
	" FROM ROWS FROM (pg_catalog.unnest($2), pg_catalog.unnest($3)) AS n (key_id, wrapped)"
	" WHERE k.key_id OPERATOR(pg_catalog.=) n.key_id",
	.nargs = 3, .argtypes = {INT8OID, INT8ARRAYOID, BYTEAARRAYOID}
};
static MhubPlan select_keyring = {
	.sql = "SELECT purpose, version, epoch, wrapped FROM mhub.keyring"
	" WHERE epoch OPERATOR(pg_catalog.<) $1 FOR UPDATE",
	.nargs = 1, .argtypes = {INT8OID}
};
static MhubPlan update_keyring = {
	.sql = "UPDATE mhub.keyring SET epoch = $1, wrapped = $2"
	" WHERE purpose OPERATOR(pg_catalog.=) $3 AND version OPERATOR(pg_catalog.=) $4",
	.nargs = 4, .argtypes = {INT8OID, BYTEAOID, TEXTOID, INT4OID}
};

static void
run(MhubPlan *statement, Datum *args, int expected)
{
	int			code = SPI_execute_plan(mhub_plan(statement), args, NULL, false, 0);

	if (code != expected)
		elog(ERROR, "re-wrapping failed: %s", SPI_result_code_string(code));
}

static Datum
column(SPITupleTable *rows, uint64 row, int number)
{
	bool		isnull;

	return SPI_getbinval(rows->vals[row], rows->tupdesc, number, &isnull);
}

static bytea *
empty_wrap(void)
{
	bytea	   *wrapped = palloc(VARHDRSZ + MHUB_WRAPPED_LEN);

	SET_VARSIZE(wrapped, VARHDRSZ + MHUB_WRAPPED_LEN);
	return wrapped;
}

static Datum
rewrapped_person_key(int64 key_id, uint32 epoch, const bytea *old)
{
	uint8		dek[MHUB_KEY_LEN];
	uint32		newest;
	bytea	   *wrapped = empty_wrap();

	mhub_unwrap_person_key(key_id, epoch, old, dek);
	mhub_wrap_person_key(key_id, &newest, dek, (uint8 *) VARDATA(wrapped));
	mhub_cleanse(dek, sizeof(dek));
	return PointerGetDatum(wrapped);
}

static int64
rewrap_person_keys(uint32 newest, int32 limit)
{
	Datum		args[3] = {Int64GetDatum((int64) newest), Int32GetDatum(limit)};
	SPITupleTable *rows;
	int			n;
	Datum	   *ids;
	Datum	   *wrapped;

	run(&select_person_keys, args, SPI_OK_SELECT);
	rows = SPI_tuptable;
	n = (int) SPI_processed;
	if (n == 0)
		return 0;
	ids = palloc(n * sizeof(Datum));
	wrapped = palloc(n * sizeof(Datum));
	for (int i = 0; i < n; i++)
	{
		CHECK_FOR_INTERRUPTS();
		ids[i] = column(rows, i, 1);
		wrapped[i] = rewrapped_person_key(DatumGetInt64(ids[i]), (uint32) DatumGetInt64(column(rows, i, 2)),
										  DatumGetByteaPP(column(rows, i, 3)));
	}
	args[1] = PointerGetDatum(construct_array(ids, n, INT8OID, 8, FLOAT8PASSBYVAL, TYPALIGN_DOUBLE));
	args[2] = PointerGetDatum(construct_array(wrapped, n, BYTEAOID, -1, false, TYPALIGN_INT));
	run(&update_person_keys, args, SPI_OK_UPDATE);
	return n;
}

static void
rewrap_keyring_row(SPITupleTable *rows, uint64 row)
{
	uint8		key[MHUB_KEY_LEN];
	char	   *purpose = text_to_cstring(DatumGetTextPP(column(rows, row, 1)));
	int32		version = DatumGetInt32(column(rows, row, 2));
	uint32		newest;
	bytea	   *wrapped = empty_wrap();
	Datum		args[4];

	mhub_unwrap_keyring_key(purpose, version, (uint32) DatumGetInt64(column(rows, row, 3)),
							DatumGetByteaPP(column(rows, row, 4)), key);
	mhub_wrap_keyring_key(purpose, version, &newest, key, (uint8 *) VARDATA(wrapped));
	mhub_cleanse(key, sizeof(key));
	args[0] = Int64GetDatum((int64) newest);
	args[1] = PointerGetDatum(wrapped);
	args[2] = CStringGetTextDatum(purpose);
	args[3] = Int32GetDatum(version);
	run(&update_keyring, args, SPI_OK_UPDATE);
}

/* A handful of rows at most */
static int64
rewrap_keyring(uint32 newest)
{
	Datum		arg = Int64GetDatum((int64) newest);
	SPITupleTable *rows;
	int64		n;

	run(&select_keyring, &arg, SPI_OK_SELECT);
	rows = SPI_tuptable;
	n = (int64) SPI_processed;
	for (int64 row = 0; row < n; row++)
		rewrap_keyring_row(rows, row);
	return n;
}

/* The keyring, or when that is done a batch of person keys; 0 when nothing is left. */
Datum
mhub_rewrap_batch(PG_FUNCTION_ARGS)
{
	int32		limit = PG_GETARG_INT32(0);
	MhubOwnerContext saved;
	uint32		newest;
	int64		n;

	if (limit < 1 || limit > 1000000)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("a batch of %d keys is out of range", limit),
				 errhint("Use 1 to 1000000.")));
	mhub_newest_epoch(&newest);
	mhub_become_owner("person_key", &saved);
	SPI_connect();
	n = rewrap_keyring(newest);
	if (n == 0)
		n = rewrap_person_keys(newest, limit);
	SPI_finish();
	mhub_become_self_again(&saved);
	PG_RETURN_INT64(n);
}

Datum
mhub_key_epochs(PG_FUNCTION_ARGS)
{
	const uint32 *epochs;
	int			n = mhub_epochs(&epochs);
	Datum	   *elements = palloc(n * sizeof(Datum));

	for (int i = 0; i < n; i++)
		elements[i] = Int64GetDatum((int64) epochs[i]);
	PG_RETURN_ARRAYTYPE_P(construct_array(elements, n, INT8OID, 8, FLOAT8PASSBYVAL, TYPALIGN_DOUBLE));
}

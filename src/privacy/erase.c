/*
 * erase.c
 *	  What export and erasure need beyond SQL.
 */
#include "mhub.h"

#include "privacy/access_log.h"
#include "privacy/key_store.h"

#include "catalog/pg_type.h"
#include "common/hub_relation.h"
#include "common/spi_plan.h"
#include "privacy/hub_access.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/inval.h"
#include "utils/lsyscache.h"

PG_FUNCTION_INFO_V1(mhub_destroy_person_keys);
PG_FUNCTION_INFO_V1(mhub_note_access);
PG_FUNCTION_INFO_V1(mhub_refresh_statistics);
PG_FUNCTION_INFO_V1(mhub_key_configured);
PG_FUNCTION_INFO_V1(mhub_finish_erasure_step);

static MhubPlan destroy_keys = {
	.sql = "UPDATE mhub.person_key SET wrapped = '', epoch = 0, destroyed_at = pg_catalog.now()"
	" WHERE person_id OPERATOR(pg_catalog.=) ANY ($1) AND destroyed_at IS NULL",
	.nargs = 1, .argtypes = {INT8ARRAYOID}
};
/* A person who never had a key gets a destroyed one, so that none is made later. */
static MhubPlan leave_tombstones = {
	.sql = "INSERT INTO mhub.person_key (person_id, epoch, wrapped, destroyed_at)"
	" SELECT p, 0, '', pg_catalog.now() FROM pg_catalog.unnest($1) AS p"
	" WHERE NOT EXISTS (SELECT FROM mhub.person_key AS k WHERE k.person_id OPERATOR(pg_catalog.=) p)",
	.nargs = 1, .argtypes = {INT8ARRAYOID}
};

static MhubPlan finish_rows = {.sql = "SELECT mhub.finish_erasure_rows()"};

Datum
mhub_destroy_person_keys(PG_FUNCTION_ARGS)
{
	Datum		persons = PointerGetDatum(PG_GETARG_ARRAYTYPE_P(0));
	MhubOwnerContext saved;
	int64		destroyed;

	mhub_become_owner("person_key", &saved);
	SPI_connect();
	if (SPI_execute_plan(mhub_plan(&destroy_keys), &persons, NULL, false, 0) != SPI_OK_UPDATE)
		elog(ERROR, "could not destroy keys");
	destroyed = (int64) SPI_processed;
	if (SPI_execute_plan(mhub_plan(&leave_tombstones), &persons, NULL, false, 0) != SPI_OK_INSERT)
		elog(ERROR, "could not leave tombstones for keys");
	SPI_finish();
	mhub_become_self_again(&saved);
	/* no session goes on using what it has unwrapped */
	CacheInvalidateRelcacheByRelid(mhub_relation("person_key"));
	PG_RETURN_INT64(destroyed);
}

/* Without a purpose given it is mhub.purpose, which then must be set. */
Datum
mhub_note_access(PG_FUNCTION_ARGS)
{
	char	   *action;

	if (PG_ARGISNULL(0) || PG_ARGISNULL(1))
		PG_RETURN_VOID();
	action = text_to_cstring(PG_GETARG_TEXT_PP(0));
	if (PG_ARGISNULL(2))
		mhub_require_purpose(psprintf("action \"%s\"", action));
	mhub_log_access(action, PG_ARGISNULL(2) ? mhub_purpose : text_to_cstring(PG_GETARG_TEXT_PP(2)), "",
					PG_GETARG_INT64(1));
	PG_RETURN_VOID();
}

static void
analyze_table(Oid table)
{
	char	   *schema = get_namespace_name(get_rel_namespace(table));
	char	   *name = get_rel_name(table);
	MhubOwnerContext saved;
	char	   *command;

	if (name == NULL || schema == NULL)
		return;
	command = psprintf("ANALYZE %s", quote_qualified_identifier(schema, name));
	mhub_become_owner_of(table, &saved);
	SPI_connect();
	if (SPI_execute(command, false, 0) != SPI_OK_UTILITY)
		elog(ERROR, "could not analyze relation %u", table);
	SPI_finish();
	mhub_become_self_again(&saved);
}

/* As each table's owner: who may erase need not own the hub. */
Datum
mhub_refresh_statistics(PG_FUNCTION_ARGS)
{
	Datum	   *tables;
	bool	   *nulls;
	int			n;

	deconstruct_array(PG_GETARG_ARRAYTYPE_P(0), REGCLASSOID, sizeof(Oid), true, TYPALIGN_INT, &tables, &nulls, &n);
	for (int i = 0; i < n; i++)
	{
		if (!nulls[i])
			analyze_table(DatumGetObjectId(tables[i]));
	}
	PG_RETURN_VOID();
}

Datum
mhub_key_configured(PG_FUNCTION_ARGS pg_attribute_unused())
{
	PG_RETURN_BOOL(mhub_key_source_set());
}

/* As the hub's owner: who runs the jobs has no rights on all those tables. */
Datum
mhub_finish_erasure_step(PG_FUNCTION_ARGS pg_attribute_unused())
{
	MhubOwnerContext saved;
	bool		isnull;
	int32		finished;

	mhub_become_owner("erasure_pending", &saved);
	SPI_connect();
	if (SPI_execute_plan(mhub_plan(&finish_rows), NULL, NULL, false, 1) != SPI_OK_SELECT)
		elog(ERROR, "could not execute mhub.finish_erasure_rows()");
	finished = DatumGetInt32(SPI_getbinval(SPI_tuptable->vals[0], SPI_tuptable->tupdesc, 1, &isnull));
	SPI_finish();
	mhub_become_self_again(&saved);
	PG_RETURN_INT32(finished);
}

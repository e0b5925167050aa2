/*
 * unmerge.c
 *	  mhub.unlink(), mhub.split_person(), mhub.relink(), mhub.lock_person() for SQL.
 */
#include "mhub.h"

#include "identity/find.h"
#include "identity/identity.h"
#include "identity/old_snapshot.h"
#include "identity/person_lock.h"
#include "identity/split.h"

#include "access/xact.h"
#include "catalog/pg_type.h"
#include "common/compare_ids.h"
#include "common/spi_array.h"
#include "common/spi_plan.h"
#include "executor/spi.h"
#include "miscadmin.h"
#include "utils/builtins.h"

PG_FUNCTION_INFO_V1(mhub_unlink);
PG_FUNCTION_INFO_V1(mhub_split_person);
PG_FUNCTION_INFO_V1(mhub_relink);
PG_FUNCTION_INFO_V1(mhub_lock_person);

/* Two identifiers never seen together are kept apart, too: the row says so beforehand. */
static MhubPlan remove_link = {
	"INSERT INTO mhub.link AS l (identifier_a, identifier_b, first_seen_at, last_seen_at, joins, source, removed_at, removed_reason)"
	" VALUES ($1, $2, now(), now(), false, 'unlink', now(), $3)"
	" ON CONFLICT (identifier_a, identifier_b) DO UPDATE SET joins = false, removed_at = now(), removed_reason = $3"
	" WHERE l.removed_at IS NULL",
	3, {INT8OID, INT8OID, TEXTOID}, NULL
};
/* $1 leave, and stay one person by a link to the first of them; their links to others of $2 are removed. */
static MhubPlan remove_links_between = {
	"UPDATE mhub.link AS l SET joins = false, removed_at = now(), removed_reason = $3"
	" FROM (SELECT x.identifier_a, x.identifier_b FROM mhub.identifier AS i"
	"  JOIN mhub.link AS x ON x.identifier_b = i.identifier_id AND x.joins"
	"  WHERE i.person_id = $2"
	"  AND (x.identifier_a IN (SELECT unnest($1))) <> (x.identifier_b IN (SELECT unnest($1)))) AS w"
	" WHERE l.identifier_a = w.identifier_a AND l.identifier_b = w.identifier_b",
	3, {INT8ARRAYOID, INT8OID, TEXTOID}, NULL
};
static MhubPlan keep_together = {
	"INSERT INTO mhub.link AS l (identifier_a, identifier_b, first_seen_at, last_seen_at, source)"
	" SELECT least(w.id, ($1)[1]), greatest(w.id, ($1)[1]), now(), now(), 'split_person' FROM unnest($1) AS w(id)"
	" WHERE w.id <> ($1)[1]"
	" ON CONFLICT (identifier_a, identifier_b) DO UPDATE SET joins = true, removed_at = NULL, removed_reason = NULL",
	1, {INT8ARRAYOID}, NULL
};
static MhubPlan resolve_person = {
	"SELECT mhub.resolve_person($1)", 1, {INT8OID}, NULL
};

static FoundIdentifier
find_argument(FunctionCallInfo fcinfo, int number)
{
	text	   *kind = PG_GETARG_TEXT_PP(number);
	text	   *value = PG_GETARG_TEXT_PP(number + 1);

	return identity_find(VARDATA_ANY(kind), VARSIZE_ANY_EXHDR(kind), VARDATA_ANY(value), VARSIZE_ANY_EXHDR(value));
}

static char *
optional_text(FunctionCallInfo fcinfo, int number)
{
	return PG_ARGISNULL(number) ? NULL : text_to_cstring(PG_GETARG_TEXT_PP(number));
}

/* "unlink: wrong device", or just "unlink" */
static const char *
cause_with_reason(const char *action, const char *reason)
{
	return reason == NULL ? action : psprintf("%s: %s", action, reason);
}

/* Finds both identifiers and locks their persons; false when one of them was never seen. */
static bool
find_and_lock(FunctionCallInfo fcinfo, FoundIdentifier *a, FoundIdentifier *b)
{
	for (;;)
	{
		PersonLocks locks;
		FoundIdentifier x;
		FoundIdentifier y;

		CHECK_FOR_INTERRUPTS();
		*a = find_argument(fcinfo, 0);
		*b = find_argument(fcinfo, 2);
		if (a->identifier_id == 0 || b->identifier_id == 0)
			return false;
		person_lock((int64[]) {a->person_id, b->person_id}, 2, &locks);
		x = find_argument(fcinfo, 0);
		y = find_argument(fcinfo, 2);
		if (x.person_id == a->person_id && y.person_id == b->person_id &&
			x.identifier_id == a->identifier_id && y.identifier_id == b->identifier_id)
		{
			identity_refuse_changed_persons((int64[]) {a->person_id, b->person_id}, 2);
			return true;
		}
		person_unlock(&locks);
	}
}

static void
run_remove_link(int64 a, int64 b, const char *reason)
{
	Datum		args[3] = {Int64GetDatum(a), Int64GetDatum(b), 0};
	char		nulls[4] = "  n";

	if (reason != NULL)
	{
		args[2] = CStringGetTextDatum(reason);
		nulls[2] = ' ';
	}
	(void) mhub_execute_batch(&remove_link, args, nulls, SPI_OK_INSERT);
}

Datum
mhub_unlink(PG_FUNCTION_ARGS)
{
	FoundIdentifier a;
	FoundIdentifier b;
	char	   *reason;
	SplitCause	cause;

	if (PG_ARGISNULL(0) || PG_ARGISNULL(1) || PG_ARGISNULL(2) || PG_ARGISNULL(3) || !find_and_lock(fcinfo, &a, &b))
		PG_RETURN_NULL();
	if (a.identifier_id == b.identifier_id)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("an identifier cannot be unlinked from itself")));
	reason = optional_text(fcinfo, 4);
	cause = (SplitCause) {cause_with_reason("unlink", reason),
		Min(a.identifier_id, b.identifier_id), Max(a.identifier_id, b.identifier_id)};
	SPI_connect();
	run_remove_link(cause.identifier_a, cause.identifier_b, reason);
	if (a.person_id == b.person_id)
		(void) identity_recompute(a.person_id, NULL, 0, &cause);
	SPI_finish();
	PG_RETURN_BOOL(find_argument(fcinfo, 0).person_id != find_argument(fcinfo, 2).person_id);
}

/* The named identifiers' ids, in order and each once; all must be of the person. */
static int
named_ids(const IdentityName *names, int n, int64 person_id, int64 *ids)
{
	int			distinct = 0;
	int			i;

	for (i = 0; i < n; i++)
	{
		FoundIdentifier found = identity_find(names[i].kind, names[i].kind_length, names[i].value, names[i].value_length);

		if (found.person_id != person_id)
			ereport(ERROR,
					(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
					 errmsg("identifier number %d, of kind \"%.*s\", does not belong to person " INT64_FORMAT,
							i + 1, names[i].kind_length, names[i].kind, person_id)));
		ids[i] = found.identifier_id;
	}
	qsort(ids, n, sizeof(int64), mhub_compare_ids);
	for (i = 0; i < n; i++)
	{
		if (distinct == 0 || ids[distinct - 1] != ids[i])
			ids[distinct++] = ids[i];
	}
	return distinct;
}

/* The surviving person behind an id, 0 if there is none */
static int64
run_resolve(int64 person_id)
{
	Datum		arg = Int64GetDatum(person_id);
	bool		isnull;
	Datum		resolved;

	SPI_connect();
	(void) mhub_execute_batch(&resolve_person, &arg, NULL, SPI_OK_SELECT);
	resolved = SPI_getbinval(SPI_tuptable->vals[0], SPI_tuptable->tupdesc, 1, &isnull);
	SPI_finish();
	return isnull ? 0 : DatumGetInt64(resolved);
}

int64
mhub_identity_lock_person(int64 person_id)
{
	for (;;)
	{
		PersonLocks locks;
		int64		resolved = run_resolve(person_id);

		CHECK_FOR_INTERRUPTS();
		if (resolved == 0)
			return 0;
		person_lock(&resolved, 1, &locks);
		if (run_resolve(person_id) == resolved)
		{
			identity_refuse_changed_persons(&resolved, 1);
			return resolved;
		}
		person_unlock(&locks);
	}
}

Datum
mhub_lock_person(PG_FUNCTION_ARGS)
{
	int64		person_id = mhub_identity_lock_person(PG_GETARG_INT64(0));

	if (person_id == 0)
		PG_RETURN_NULL();
	PG_RETURN_INT64(person_id);
}

static void
cut_off(int64 person_id, const int64 *ids, int n, const char *cause)
{
	static const Oid types[] = {INT8OID};
	MhubColumns column;
	Datum		args[3];
	int			i;

	mhub_columns_init(&column, 1, types);
	for (i = 0; i < n; i++)
		mhub_columns_add(&column, (Datum[]) {Int64GetDatum(ids[i])});
	mhub_columns_arrays(&column, args);
	args[1] = Int64GetDatum(person_id);
	args[2] = CStringGetTextDatum(cause);
	(void) mhub_execute_batch(&remove_links_between, args, NULL, SPI_OK_UPDATE);
	(void) mhub_execute_batch(&keep_together, args, NULL, SPI_OK_INSERT);
	(void) identity_recompute(person_id, ids, n, &(SplitCause) {cause, 0, 0});
}

Datum
mhub_split_person(PG_FUNCTION_ARGS)
{
	IdentityName *names;
	int			n;
	int64		person_id;
	int64	   *ids;

	if (PG_ARGISNULL(0) || PG_ARGISNULL(1))
		PG_RETURN_NULL();
	names = mhub_identity_names(PG_GETARG_JSONB_P(1), false, &n);
	if (n == 0)
		PG_RETURN_NULL();
	person_id = mhub_identity_lock_person(PG_GETARG_INT64(0));
	if (person_id == 0)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("there is no person " INT64_FORMAT, PG_GETARG_INT64(0))));
	ids = palloc(sizeof(int64) * n);
	SPI_connect();
	cut_off(person_id, ids, named_ids(names, n, person_id, ids),
			cause_with_reason("split_person", optional_text(fcinfo, 2)));
	SPI_finish();
	PG_RETURN_INT64(identity_find(names[0].kind, names[0].kind_length, names[0].value, names[0].value_length).person_id);
}

Datum
mhub_relink(PG_FUNCTION_ARGS)
{
	IdentityName names[2];
	IdentityObservation observation = {.identifiers = names, .nidentifiers = 2, .force = true};
	int			i;

	for (i = 0; i < 4; i++)
	{
		if (PG_ARGISNULL(i))
			PG_RETURN_NULL();
	}
	for (i = 0; i < 2; i++)
	{
		text	   *kind = PG_GETARG_TEXT_PP(i * 2);
		text	   *value = PG_GETARG_TEXT_PP(i * 2 + 1);

		names[i] = (IdentityName) {VARDATA_ANY(kind), VARSIZE_ANY_EXHDR(kind), VARDATA_ANY(value), VARSIZE_ANY_EXHDR(value)};
	}
	observation.occurred_at = GetCurrentTransactionStartTimestamp();
	observation.source = "relink";
	observation.cause = cause_with_reason("relink", optional_text(fcinfo, 4));
	mhub_identity_resolve(&observation, 1);
	mhub_identity_refuse_unknown_kind(&observation);
	if (observation.person_id == 0)
		PG_RETURN_NULL();
	PG_RETURN_INT64(observation.person_id);
}

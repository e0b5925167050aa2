/*
 * batch_merge.c
 *	  Writes the merges of a batch: identifiers move, persons point to those
 *	  they went into, and the log tells.
 *
 * Few merges change their rows directly; many, or where rows hold what only a
 * statement can join (traits), take three statements for all of them.
 */
#include "mhub.h"

#include "identity/batch.h"

#include "access/xact.h"
#include "catalog/pg_type.h"
#include "common/spi_array.h"
#include "common/spi_plan.h"
#include "executor/spi.h"
#include "identity/tables.h"
#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/jsonb.h"
#include "utils/snapmgr.h"

/* So many are looked through for their survivors one by one. */
#define FEW_MERGES 16

static MhubPlan move_merged = {
	"UPDATE mhub.identifier AS i SET person_id = w.survivor"
	" FROM ROWS FROM (unnest($1), unnest($2)) AS w(loser, survivor) WHERE i.person_id = w.loser",
	2, {INT8ARRAYOID, INT8ARRAYOID}, NULL
};
static MhubPlan merge_persons = {
	"UPDATE mhub.person AS p SET merged_into = w.survivor, updated_at = now()"
	" FROM ROWS FROM (unnest($1), unnest($2)) AS w(loser, survivor) WHERE p.person_id = w.loser",
	2, {INT8ARRAYOID, INT8ARRAYOID}, NULL
};
/* The rule of write_traits among persons who become one; at the same time the survivor's wins. */
static MhubPlan merge_traits = {
	"WITH member AS (SELECT w.person_id, w.survivor FROM ROWS FROM (unnest($1), unnest($2)) AS w(person_id, survivor)"
	"  UNION SELECT w.survivor, w.survivor FROM unnest($2) AS w(survivor)),"
	" known AS (SELECT m.survivor, p.person_id, p.created_at, p.traits, p.trait_times"
	"  FROM member AS m JOIN mhub.person AS p ON p.person_id = m.person_id),"
	" best AS (SELECT DISTINCT ON (k.survivor, t.key) k.survivor, t.key, t.value, k.trait_times -> t.key AS at"
	"  FROM known AS k CROSS JOIN LATERAL jsonb_each(k.traits) AS t(key, value)"
	"  ORDER BY k.survivor, t.key, (k.trait_times ->> t.key)::timestamptz DESC NULLS LAST, k.person_id <> k.survivor, k.person_id),"
	" merged AS (SELECT b.survivor, jsonb_object_agg(b.key, b.value) AS traits, jsonb_object_agg(b.key, b.at) AS times"
	"  FROM best AS b GROUP BY b.survivor)"
	" UPDATE mhub.person AS p SET created_at = o.created_at, updated_at = now(),"
	"  traits = coalesce(g.traits, p.traits), trait_times = coalesce(g.times, p.trait_times)"
	" FROM (SELECT k.survivor, min(k.created_at) AS created_at FROM known AS k GROUP BY k.survivor) AS o"
	" LEFT JOIN merged AS g ON g.survivor = o.survivor"
	" WHERE p.person_id = o.survivor",
	2, {INT8ARRAYOID, INT8ARRAYOID}, NULL
};

/* One person that went into another */
typedef struct PersonMerge
{
	int64		loser;
	int64		survivor;		/* into which it went, */
	int64		last;			/* and where that is in the end */
	TimestampTz created_at;		/* of the loser */
} PersonMerge;

static bool
move_identifiers_of(MhubTableAccess *identifiers, const PersonMerge *merge)
{
	MhubTableChange change = {IDENTIFIER_PERSON, Int64GetDatum(merge->last)};

	mhub_table_seek(identifiers, IDENTIFIER_BY_PERSON, (Datum[]) {Int64GetDatum(merge->loser)});
	while (mhub_table_next(identifiers))
	{
		CHECK_FOR_INTERRUPTS();
		if (!mhub_table_change_found(identifiers, &change, 1))
			return false;
	}
	return true;
}

/* False: a statement has to, for what is left. */
static bool
move_identifiers(const PersonMerge *merges, int n)
{
	MhubTableAccess *identifiers = mhub_table_open_to_change(&identity_identifier_table, false);
	int			i = 0;

	if (identifiers == NULL)
		return false;
	mhub_table_push_latest();
	while (i < n && move_identifiers_of(identifiers, &merges[i]))
		i++;
	mhub_table_close(identifiers);
	PopActiveSnapshot();
	CommandCounterIncrement();
	return i == n;
}

static bool
find_person(MhubTableAccess *persons, int64 person_id)
{
	mhub_table_seek(persons, MERGED_PERSON, (Datum[]) {Int64GetDatum(person_id)});
	return mhub_table_next(persons);
}

static TimestampTz
created_at(MhubTableAccess *persons)
{
	bool		isnull;

	return DatumGetTimestampTz(mhub_table_value(persons, MERGED_CREATED_AT, &isnull));
}

static bool
has_traits(MhubTableAccess *persons)
{
	bool		isnull;
	Jsonb	   *traits = DatumGetJsonbP(mhub_table_value(persons, MERGED_TRAITS, &isnull));

	return JB_ROOT_COUNT(traits) > 0;
}

/* Reads when the losers were created.  False when one has traits, which the survivor may get. */
static bool
read_losers(PersonMerge *merges, int n)
{
	MhubTableAccess *persons = mhub_table_open(&identity_merged_table);
	int			i = 0;

	if (persons == NULL)
		return false;
	mhub_table_push_latest();
	while (i < n && find_person(persons, merges[i].loser) && !has_traits(persons))
		merges[i++].created_at = created_at(persons);
	mhub_table_close(persons);
	PopActiveSnapshot();
	return i == n;
}

static bool
write_loser(MhubTableAccess *persons, const PersonMerge *merge, Datum now)
{
	MhubTableChange changes[] = {{MERGED_INTO, Int64GetDatum(merge->survivor)}, {MERGED_UPDATED_AT, now}};

	return find_person(persons, merge->loser) && mhub_table_change_found(persons, changes, lengthof(changes));
}

/* The last survivor is as old as the oldest of them all; it is written for the first of its merges. */
static bool
write_survivor(MhubTableAccess *persons, const PersonMerge *merges, int n, int number, Datum now)
{
	TimestampTz earliest = DT_NOEND;
	MhubTableChange changes[2];
	int			i;

	for (i = 0; i < n; i++)
	{
		if (merges[i].last != merges[number].last)
			continue;
		if (i < number)
			return true;
		earliest = Min(earliest, merges[i].created_at);
	}
	if (!find_person(persons, merges[number].last))
		return false;
	changes[0] = (MhubTableChange) {MERGED_CREATED_AT, TimestampTzGetDatum(Min(earliest, created_at(persons)))};
	changes[1] = (MhubTableChange) {MERGED_UPDATED_AT, now};
	return mhub_table_change_found(persons, changes, lengthof(changes));
}

/* One UPDATE of all the persons.  False: statements have to, which write again what this has. */
static bool
write_persons(PersonMerge *merges, int n)
{
	static const int columns[] = {MERGED_CREATED_AT, MERGED_INTO, MERGED_UPDATED_AT};
	Datum		now = TimestampTzGetDatum(GetCurrentTransactionStartTimestamp());
	MhubTableAccess *persons;
	int			i = 0;

	if (!read_losers(merges, n))
		return false;
	persons = mhub_table_open_to_update(&identity_merged_table, columns, lengthof(columns));
	if (persons == NULL)
		return false;
	mhub_table_push_latest();
	while (i < n && write_loser(persons, &merges[i], now) && write_survivor(persons, merges, n, i, now))
		i++;
	mhub_table_close(persons);
	PopActiveSnapshot();
	CommandCounterIncrement();
	return i == n;
}

static void
run_on_pairs(MhubPlan *statement, const PersonMerge *merges, int n, bool to_last)
{
	static const Oid types[] = {INT8OID, INT8OID};
	MhubColumns rows;
	int			i;

	mhub_columns_init(&rows, lengthof(types), types);
	for (i = 0; i < n; i++)
		mhub_columns_add(&rows, (Datum[]) {Int64GetDatum(merges[i].loser),
			Int64GetDatum(to_last ? merges[i].last : merges[i].survivor)});
	batch_run(statement, &rows, SPI_OK_UPDATE);
}

static void
write_merge_log(Batch *batch)
{
	static const Oid types[] = {TEXTOID, INT8OID, INT8OID, INT8OID, INT8OID, TEXTOID, TEXTOID, TIMESTAMPTZOID};
	Datum		action = CStringGetTextDatum("merge");
	MhubColumns rows;
	int			i;

	mhub_columns_init(&rows, lengthof(types), types);
	for (i = 0; i < batch->nmerges; i++)
	{
		const BatchMerge *merge = &batch->merges[i];
		const BatchObservation *observation = &batch->observations[merge->observation];
		const IdentityObservation *public = observation->public;
		const BatchLink *link = &batch->links[merge->link];
		int64		a = batch->identifiers[link->a].identifier_id;
		int64		b = batch->identifiers[link->b].identifier_id;

		mhub_columns_add(&rows, (Datum[]) {
			action,
			Int64GetDatum(batch->plan.nodes[merge->survivor].person_id),
			Int64GetDatum(batch->plan.nodes[merge->loser].person_id),
			Int64GetDatum(Min(a, b)), Int64GetDatum(Max(a, b)),
			CStringGetTextDatum(public->cause != NULL ? public->cause : "observation"),
			batch_source(batch, public->source), TimestampTzGetDatum(observation->at)});
		if (public->source == NULL)
			mhub_columns_null(&rows, 6);
	}
	(void) mhub_table_insert(&identity_merge_log_table, &rows);
}

static PersonMerge *
merges_of_persons(Batch *batch)
{
	PersonMerge *merges = palloc_extended(sizeof(PersonMerge) * (Size) batch->nmerges, MCXT_ALLOC_HUGE);
	int			i;

	for (i = 0; i < batch->nmerges; i++)
	{
		const BatchMerge *merge = &batch->merges[i];
		int			root = plan_find(&batch->plan, merge->loser);

		merges[i].loser = batch->plan.nodes[merge->loser].person_id;
		merges[i].survivor = batch->plan.nodes[merge->survivor].person_id;
		merges[i].last = batch->plan.nodes[root].person_id;
	}
	return merges;
}

/* args: those merged away, and their last survivors, who get the best of all their traits */
void
batch_merge_traits(Datum *args)
{
	(void) mhub_execute_batch(&merge_traits, args, NULL, SPI_OK_UPDATE);
}

/* All identifiers of those merged away move to the last survivor at once; each person points to its own. */
void
batch_write_merges(Batch *batch)
{
	PersonMerge *merges;
	int			n = batch->nmerges;
	bool		few = n <= FEW_MERGES;

	if (n == 0)
		return;
	merges = merges_of_persons(batch);
	if (!few || !move_identifiers(merges, n))
		run_on_pairs(&move_merged, merges, n, true);
	if (!few || !write_persons(merges, n))
	{
		run_on_pairs(&merge_traits, merges, n, true);
		run_on_pairs(&merge_persons, merges, n, false);
	}
	write_merge_log(batch);
	pfree(merges);
}

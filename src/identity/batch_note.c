/*
 * batch_note.c
 *	  Writes what a batch has observed besides merges: links, conflicts and
 *	  traits.
 */
#include "mhub.h"

#include "identity/batch.h"

#include "catalog/pg_type.h"
#include "common/spi_array.h"
#include "common/spi_plan.h"
#include "executor/spi.h"
#include "identity/tables.h"
#include "miscadmin.h"
#include "utils/builtins.h"

static MhubPlan restore_links = {
	"UPDATE mhub.link AS l SET joins = true, removed_at = NULL, removed_reason = NULL, confidence = w.confidence"
	" FROM ROWS FROM (unnest($1), unnest($2), unnest($3)) AS w(a, b, confidence)"
	" WHERE l.identifier_a = w.a AND l.identifier_b = w.b",
	3, {INT8ARRAYOID, INT8ARRAYOID, FLOAT4ARRAYOID}, NULL
};
static MhubPlan insert_conflicts = {
	"INSERT INTO mhub.identity_conflict (reason, kind, identifier_id, left_out_identifier_id, person_id,"
	" other_person_id, source, occurred_at)"
	" SELECT DISTINCT ON (w.id, w.left_out) w.reason, w.kind, w.id, w.left_out, w.person_id, w.other_person_id, w.source, w.at"
	" FROM ROWS FROM (unnest($1), unnest($2), unnest($3), unnest($4), unnest($5), unnest($6), unnest($7), unnest($8))"
	" WITH ORDINALITY AS w(reason, kind, id, left_out, person_id, other_person_id, source, at, place)"
	" WHERE NOT EXISTS (SELECT FROM mhub.identity_conflict AS c"
	"  WHERE c.identifier_id = w.id AND c.left_out_identifier_id = w.left_out)"
	" ORDER BY w.id, w.left_out, w.place"
	" ON CONFLICT (identifier_id, left_out_identifier_id) DO NOTHING",
	8, {TEXTARRAYOID, TEXTARRAYOID, INT8ARRAYOID, INT8ARRAYOID, INT8ARRAYOID, INT8ARRAYOID, TEXTARRAYOID, TIMESTAMPTZARRAYOID}, NULL
};

/* The time kept with a trait, always in UTC; only that of old times says its era */
#define TRAIT_TIME(at) "replace(to_char(" at " AT TIME ZONE 'UTC', 'YYYY-MM-DD\"T\"HH24:MI:SS.US\"Z\" BC'), ' AD', '')"

/* Per key the latest value that is not null wins; at the same time the one that came last. */
static MhubPlan write_traits = {
	"UPDATE mhub.person AS p SET traits = p.traits || n.traits, trait_times = p.trait_times || n.times, updated_at = now()"
	" FROM (SELECT e.person_id, jsonb_object_agg(e.key, e.value) AS traits,"
	"   jsonb_object_agg(e.key, " TRAIT_TIME("e.at") ") AS times"
	"  FROM (SELECT DISTINCT ON (w.person_id, t.key) w.person_id, t.key, t.value, w.at"
	"   FROM ROWS FROM (unnest($1), unnest($2), unnest($3)) WITH ORDINALITY AS w(person_id, traits, at, place)"
	"   JOIN mhub.person AS q ON q.person_id = w.person_id"
	"   CROSS JOIN LATERAL jsonb_each(w.traits) AS t(key, value)"
	"   WHERE t.value <> 'null' AND coalesce((q.trait_times ->> t.key)::timestamptz <= w.at, true)"
	"   ORDER BY w.person_id, t.key, w.at DESC, w.place DESC) AS e"
	"  GROUP BY e.person_id) AS n"
	" WHERE p.person_id = n.person_id",
	3, {INT8ARRAYOID, JSONBARRAYOID, TIMESTAMPTZARRAYOID}, NULL
};

typedef struct LinkRow
{
	int64		a;				/* the smaller id */
	int64		b;
	int			number;			/* in the batch */
} LinkRow;

static inline int
compare_links(const LinkRow *x, const LinkRow *y)
{
	if (x->b != y->b)
		return x->b < y->b ? -1 : 1;
	return (x->a > y->a) - (x->a < y->a);
}

#define ST_SORT sort_links
#define ST_ELEMENT_TYPE LinkRow
#define ST_COMPARE(x, y) compare_links(x, y)
#define ST_SCOPE static
#define ST_CHECK_FOR_INTERRUPTS
#define ST_DEFINE
#include "lib/sort_template.h"

/* Links to write, in the order in which every session inserts them */
static int
links_in_order(const Batch *batch, LinkRow **sorted)
{
	int			n = 0;
	int			i;

	*sorted = palloc_extended(sizeof(LinkRow) * (Size) Max(batch->nlinks, 1), MCXT_ALLOC_HUGE);
	for (i = 0; i < batch->nlinks; i++)
	{
		const BatchLink *link = &batch->links[i];
		int64		a = batch->identifiers[link->a].identifier_id;
		int64		b = batch->identifiers[link->b].identifier_id;

		if (link->to_join || link->to_note)
			(*sorted)[n++] = (LinkRow) {Min(a, b), Max(a, b), i};
	}
	sort_links(*sorted, n);
	return n;
}

/* Writes links that are new, and empties the rows for the next. */
static void
insert_links(MhubColumns *joining, MhubColumns *evidence)
{
	bool		inserted[BATCH_ROWS];

	/* Who joins two persons has locked both, so nobody else is inserting their links. */
	(void) mhub_table_insert(&identity_link_table, joining);
	/* Evidence is noted without a lock, so two sessions may insert the same link; the other columns need none merged. */
	(void) mhub_table_insert_unique(&identity_link_table, evidence, LINK_BY_ENDS, inserted, false);
	joining->n = evidence->n = 0;
}

static void
add_link(Batch *batch, MhubColumns *rows, const BatchLink *link, Datum a, Datum b)
{
	mhub_columns_add(rows, (Datum[]) {
		a, b, TimestampTzGetDatum(link->earliest), TimestampTzGetDatum(link->latest),
		Float4GetDatum(link->confidence), BoolGetDatum(link->to_join), batch_source(batch, link->source)});
	if (link->source == NULL)
		mhub_columns_null(rows, LINK_SOURCE);
}

/* Does a link that was there join from now on, or is it certain now, having been only probable? */
static bool
is_restored(const BatchLink *link)
{
	return link->to_join && (!link->joins || (link->doubtful && link->confidence >= 1));
}

void
batch_write_links(Batch *batch)
{
	static const Oid new_types[LINK_INSERTED_COLUMNS] = {INT8OID, INT8OID, TIMESTAMPTZOID, TIMESTAMPTZOID, FLOAT4OID, BOOLOID, TEXTOID};
	static const Oid restored_types[] = {INT8OID, INT8OID, FLOAT4OID};
	MhubColumns joining;
	MhubColumns evidence;
	MhubColumns restored;
	LinkRow    *sorted;
	int			n = links_in_order(batch, &sorted);
	int			i;

	mhub_columns_init(&joining, lengthof(new_types), new_types);
	mhub_columns_init(&evidence, lengthof(new_types), new_types);
	mhub_columns_init(&restored, lengthof(restored_types), restored_types);
	for (i = 0; i < n; i++)
	{
		const BatchLink *link = &batch->links[sorted[i].number];
		Datum		a = Int64GetDatum(sorted[i].a);
		Datum		b = Int64GetDatum(sorted[i].b);

		if (!link->found)
			add_link(batch, link->to_join ? &joining : &evidence, link, a, b);
		else if (is_restored(link))
			mhub_columns_add(&restored, (Datum[]) {a, b, Float4GetDatum(link->confidence)});
		if (joining.n + evidence.n == BATCH_ROWS)
			insert_links(&joining, &evidence);
	}
	insert_links(&joining, &evidence);
	batch_run(&restore_links, &restored, SPI_OK_UPDATE);
	pfree(sorted);
}

void
batch_write_conflicts(Batch *batch)
{
	static const Oid types[] = {TEXTOID, TEXTOID, INT8OID, INT8OID, INT8OID, INT8OID, TEXTOID, TIMESTAMPTZOID};
	MhubColumns rows;
	int			i;

	mhub_columns_init(&rows, lengthof(types), types);
	for (i = 0; i < batch->nconflicts; i++)
	{
		const BatchConflict *conflict = &batch->conflicts[i];
		const BatchObservation *observation = &batch->observations[conflict->observation];
		const IdentityKind *kind = &batch->kinds->kinds[conflict->kind];

		mhub_columns_add(&rows, (Datum[]) {
			CStringGetTextDatum(batch->kinds->limits[conflict->kind].unique ? "unique" : "limit"),
			CStringGetTextDatum(kind->name),
			Int64GetDatum(batch->identifiers[observation->base].identifier_id),
			Int64GetDatum(batch->identifiers[conflict->left_out].identifier_id),
			Int64GetDatum(batch_person(batch, conflict->person_node)->person_id),
			Int64GetDatum(batch_person(batch, conflict->other_node)->person_id),
			batch_source(batch, observation->public->source), TimestampTzGetDatum(observation->at)});
		if (observation->public->source == NULL)
			mhub_columns_null(&rows, 6);
	}
	batch_run(&insert_conflicts, &rows, SPI_OK_INSERT);
}

void
batch_write_traits(Batch *batch)
{
	static const Oid types[] = {INT8OID, JSONBOID, TIMESTAMPTZOID};
	MhubColumns rows;
	int			i;

	mhub_columns_init(&rows, lengthof(types), types);
	for (i = 0; i < batch->nobservations; i++)
	{
		const BatchObservation *observation = &batch->observations[i];

		if (observation->base < 0 || observation->public->traits == NULL)
			continue;
		mhub_columns_add(&rows, (Datum[]) {
			Int64GetDatum(batch_person_of(batch, observation->base)->person_id),
			JsonbPGetDatum(observation->public->traits), TimestampTzGetDatum(observation->at)});
	}
	batch_run(&write_traits, &rows, SPI_OK_UPDATE);
}

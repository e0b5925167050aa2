/*
 * batch_tally.c
 *	  How many identifiers of each limited kind, and in all, the persons have
 *	  that a batch may change.
 */
#include "mhub.h"

#include "identity/batch.h"

#include "catalog/pg_type.h"
#include "common/compare_ids.h"
#include "common/spi_array.h"
#include "common/spi_plan.h"
#include "executor/spi.h"
#include "identity/tables.h"
#include "utils/builtins.h"
#include "utils/snapmgr.h"

/* A person with more identifiers than this has its limited kinds counted one by one. */
#define TALLY_ALL 64

/* Beyond this size the older person survives, whatever the younger's. */
#define SIZE_LIMIT 16384

static MhubPlan tally_persons = {
	"SELECT w.person_id, i.identifier_id, i.kind, i.first_seen_at FROM unnest($1) AS w(person_id)"
	" CROSS JOIN LATERAL (SELECT x.identifier_id, x.kind, x.first_seen_at FROM mhub.identifier AS x"
	"  WHERE x.person_id = w.person_id LIMIT 65) AS i",
	1, {INT8ARRAYOID}, NULL
};
static MhubPlan tally_kinds = {
	"SELECT w.person_id, i.identifier_id, k.kind, i.first_seen_at FROM unnest($1) AS w(person_id)"
	" CROSS JOIN ROWS FROM (unnest($2), unnest($3), unnest($4)) AS k(kind, most, since)"
	" CROSS JOIN LATERAL (SELECT x.identifier_id, x.first_seen_at FROM mhub.identifier AS x"
	"  WHERE x.person_id = w.person_id AND x.kind = k.kind AND x.first_seen_at > k.since LIMIT k.most) AS i",
	4, {INT8ARRAYOID, TEXTARRAYOID, INT4ARRAYOID, TIMESTAMPTZARRAYOID}, NULL
};
static MhubPlan count_persons = {
	"SELECT w.person_id, i.n FROM unnest($1) AS w(person_id)"
	" CROSS JOIN LATERAL (SELECT count(*) AS n FROM (SELECT FROM mhub.identifier AS y"
	"  WHERE y.person_id = w.person_id LIMIT $2) AS x) AS i",
	2, {INT8ARRAYOID, INT8OID}, NULL
};

static Datum
person_array(const int64 *persons, int n)
{
	static const Oid types[] = {INT8OID};
	MhubColumns column;
	Datum		array;
	int			i;

	mhub_columns_init(&column, lengthof(types), types);
	for (i = 0; i < n; i++)
		mhub_columns_add(&column, (Datum[]) {Int64GetDatum(persons[i])});
	mhub_columns_arrays(&column, &array);
	return array;
}

/*
 * The identifiers that this call has inserted, in order.  They are in the
 * table with persons that the coming plan has still to confirm.
 */
static int
inserted_ids(const Batch *batch, int64 **ids)
{
	int			n = 0;
	int			i;

	*ids = palloc(sizeof(int64) * Max(batch->nidentifiers, 1));
	for (i = 0; i < batch->nidentifiers; i++)
	{
		if (batch->identifiers[i].inserted)
			(*ids)[n++] = batch->identifiers[i].identifier_id;
	}
	qsort(*ids, n, sizeof(int64), mhub_compare_ids);
	return n;
}

/* Ids in order, of identifiers that are in the plan as nodes of their own */
typedef struct InsertedIds
{
	int64	   *ids;
	int			n;
} InsertedIds;

static void
tally_row(Batch *batch, int node, int64 id, text *name, TimestampTz seen, const InsertedIds *inserted)
{
	int			kind = identity_kind_number(batch->kinds, VARDATA_ANY(name), VARSIZE_ANY_EXHDR(name));

	if (kind >= 0 && bsearch(&id, inserted->ids, inserted->n, sizeof(int64), mhub_compare_ids) == NULL)
		plan_tally(&batch->plan, node, kind, 1, &seen);
	batch->plan.nodes[node].size++;
}

static void
tally_rows(Batch *batch)
{
	InsertedIds inserted;
	uint64		row;

	inserted.n = inserted_ids(batch, &inserted.ids);
	for (row = 0; row < SPI_processed; row++)
		tally_row(batch, batch_node_of_person(batch, DatumGetInt64(mhub_result_value(row, 1))), DatumGetInt64(mhub_result_value(row, 2)),
				  DatumGetTextPP(mhub_result_value(row, 3)), DatumGetTimestampTz(mhub_result_value(row, 4)), &inserted);
	SPI_freetuptable(SPI_tuptable);
}

static void
seek_tally(Batch *batch, MhubTableAccess *access, int64 person_id, const InsertedIds *inserted)
{
	int			node = batch_node_of_person(batch, person_id);
	int			n;
	bool		isnull;

	mhub_table_seek(access, IDENTIFIER_BY_PERSON, (Datum[]) {Int64GetDatum(person_id)});
	for (n = 0; n <= TALLY_ALL && mhub_table_next(access); n++)
		tally_row(batch, node, DatumGetInt64(mhub_table_value(access, IDENTIFIER_ID, &isnull)),
				  DatumGetTextPP(mhub_table_value(access, IDENTIFIER_KIND, &isnull)),
				  DatumGetTimestampTz(mhub_table_value(access, IDENTIFIER_FIRST_SEEN, &isnull)), inserted);
}

/* Counts the identifiers of each person as far as TALLY_ALL and one more. */
static void
tally_small(Batch *batch, const int64 *persons, int n)
{
	MhubTableAccess *access = mhub_table_open(&identity_identifier_table);
	InsertedIds inserted;
	Datum		array;
	int			i;

	if (access == NULL)
	{
		array = person_array(persons, n);
		(void) mhub_execute_batch(&tally_persons, &array, NULL, SPI_OK_SELECT);
		tally_rows(batch);
		return;
	}
	inserted.n = inserted_ids(batch, &inserted.ids);
	mhub_table_push_latest();
	for (i = 0; i < n; i++)
		seek_tally(batch, access, persons[i], &inserted);
	PopActiveSnapshot();
	mhub_table_close(access);
}

/* The earliest time that any observation of the batch can look back to */
static TimestampTz
earliest_observation(const Batch *batch)
{
	TimestampTz earliest = DT_NOEND;
	int			i;

	for (i = 0; i < batch->nidentifiers; i++)
		earliest = Min(earliest, batch->identifiers[i].earliest);
	return earliest;
}

static bool
is_inserted_kind(const Batch *batch, int kind)
{
	int			i;

	for (i = 0; i < batch->nidentifiers; i++)
	{
		if (batch->identifiers[i].inserted && batch->identifiers[i].kind == kind)
			return true;
	}
	return false;
}

/*
 * Counts each limited kind of large persons as far as its limit goes; of one
 * person alone, those kinds of which it can get more.
 */
static void
tally_large(Batch *batch, Datum persons, bool alone)
{
	static const Oid types[] = {TEXTOID, INT4OID, TIMESTAMPTZOID};
	TimestampTz earliest = earliest_observation(batch);
	int64	   *inserted;
	int			ninserted = inserted_ids(batch, &inserted);
	MhubColumns limited;
	Datum		args[4];
	int			i;

	mhub_columns_init(&limited, lengthof(types), types);
	for (i = 0; i < batch->kinds->n; i++)
	{
		const PlanLimit *limit = &batch->kinds->limits[i];
		const IdentityKind *kind = &batch->kinds->kinds[i];
		bool		windowed = limit->period > 0;

		/* The window differs by observation, so of these take all that may lie in one. */
		if (limit->most > 0 && (!alone || is_inserted_kind(batch, i)))
			mhub_columns_add(&limited, (Datum[]) {PointerGetDatum(kind->name_text),
				Int32GetDatum(windowed || limit->most > PG_INT32_MAX - ninserted ? PG_INT32_MAX : limit->most + ninserted),
				TimestampTzGetDatum(windowed ? earliest - limit->period : DT_NOBEGIN)});
	}
	if (limited.n == 0)
		return;
	args[0] = persons;
	mhub_columns_arrays(&limited, args + 1);
	(void) mhub_execute_batch(&tally_kinds, args, NULL, SPI_OK_SELECT);
	tally_rows(batch);
}

/*
 * How far the sizes of large persons matter.  A younger one survives when it
 * has so many times the identifiers of the older; where all the others are
 * small, no more than that many of theirs need to be counted.
 */
static int64
size_that_matters(const Batch *batch, int large)
{
	int64		small = batch->nidentifiers;
	int			i;

	if (large > 1)
		return SIZE_LIMIT;
	for (i = 0; i < batch->plan.nnodes; i++)
	{
		if (batch->plan.nodes[i].person_id != 0 && batch->plan.nodes[i].size <= TALLY_ALL)
			small += batch->plan.nodes[i].size;
	}
	return Min(SIZE_LIMIT, small * IDENTITY_SURVIVOR_FACTOR + 1);
}

static void
size_large(Batch *batch, Datum persons, int64 most)
{
	Datum		args[2] = {persons, Int64GetDatum(most)};
	uint64		row;

	if (most <= TALLY_ALL)
		return;
	(void) mhub_execute_batch(&count_persons, args, NULL, SPI_OK_SELECT);
	for (row = 0; row < SPI_processed; row++)
	{
		int			node = batch_node_of_person(batch, DatumGetInt64(mhub_result_value(row, 1)));

		batch->plan.nodes[node].size = (int) DatumGetInt64(mhub_result_value(row, 2));
	}
	SPI_freetuptable(SPI_tuptable);
}

/* What this call has inserted is in the plan already, as nodes of their own. */
static void
subtract_inserted(Batch *batch)
{
	int			i;

	for (i = 0; i < batch->nidentifiers; i++)
	{
		const BatchIdentifier *identifier = &batch->identifiers[i];
		int			node = identifier->inserted ? batch_node_of_person(batch, identifier->person_id) : -1;

		if (node >= 0 && batch->plan.nodes[node].size > 0)
			batch->plan.nodes[node].size--;
	}
}

/* Nodes that may become one, were there no limits */
typedef struct Meeting
{
	int		   *parent;
	int		   *persons;		/* of a root: how many existing ones it has, */
	bool	   *limited;		/* and whether new identifiers of a limited kind */
} Meeting;

static int
find_root(Meeting *meeting, int node)
{
	while (meeting->parent[node] != node)
		node = meeting->parent[node] = meeting->parent[meeting->parent[node]];
	return node;
}

static void
meet(Meeting *meeting, int a, int b)
{
	a = find_root(meeting, a);
	b = find_root(meeting, b);
	if (a == b)
		return;
	meeting->parent[b] = a;
	meeting->persons[a] += meeting->persons[b];
	meeting->limited[a] |= meeting->limited[b];
}

static void
start_meeting(const Batch *batch, Meeting *meeting)
{
	Size		n = Max(batch->plan.nnodes, 1);
	int			i;

	meeting->parent = palloc_extended(sizeof(int) * n, MCXT_ALLOC_HUGE);
	meeting->persons = palloc_extended(sizeof(int) * n, MCXT_ALLOC_HUGE);
	meeting->limited = palloc_extended(sizeof(bool) * n, MCXT_ALLOC_HUGE | MCXT_ALLOC_ZERO);
	for (i = 0; i < batch->plan.nnodes; i++)
	{
		meeting->parent[i] = i;
		meeting->persons[i] = batch->plan.nodes[i].person_id != 0;
	}
	for (i = 0; i < batch->nidentifiers; i++)
	{
		const BatchIdentifier *identifier = &batch->identifiers[i];

		if (identifier->inserted && batch->kinds->limits[identifier->kind].most > 0)
			meeting->limited[batch->node_of[i]] = true;
	}
}

/*
 * Of the persons those for whom it matters what they have; returns how many
 * these are.  Of two who may meet, limits and sizes matter.  One who can only
 * meet new identifiers needs to be counted where these are of a limited kind.
 */
static int
whose_tallies_matter(const Batch *batch, int64 *persons, int n)
{
	Meeting		meeting;
	int			matter = 0;
	int			i;

	start_meeting(batch, &meeting);
	for (i = 0; i < batch->nlinks; i++)
	{
		if (!batch->links[i].joins)
			meet(&meeting, batch->node_of[batch->links[i].a], batch->node_of[batch->links[i].b]);
	}
	for (i = 0; i < n; i++)
	{
		int			root = find_root(&meeting, batch_node_of_person(batch, persons[i]));

		if (meeting.persons[root] > 1 || meeting.limited[root])
			persons[matter++] = persons[i];
	}
	pfree(meeting.parent);
	pfree(meeting.persons);
	pfree(meeting.limited);
	return matter;
}

/*
 * Loads how many identifiers of each limited kind, and in all, the persons
 * have.  Few have more than a handful, which one short index scan counts.
 */
void
batch_load_tallies(Batch *batch, int64 *persons, int n)
{
	Datum		array;
	int			large = 0;
	int			i;

	n = whose_tallies_matter(batch, persons, n);
	if (n == 0)
		return;
	qsort(persons, n, sizeof(int64), mhub_compare_ids);	/* neighbours share pages of the index */
	tally_small(batch, persons, n);
	for (i = 0; i < n; i++)
	{
		PlanNode   *node = &batch->plan.nodes[batch_node_of_person(batch, persons[i])];

		if (node->size <= TALLY_ALL)
			continue;
		node->tallies = NULL;
		persons[large++] = persons[i];
	}
	if (large > 0)
	{
		array = person_array(persons, large);
		tally_large(batch, array, n == 1);
		/* Sizes only decide who survives a merge, which takes two. */
		if (n > 1)
			size_large(batch, array, size_that_matters(batch, large));
	}
	subtract_inserted(batch);
}

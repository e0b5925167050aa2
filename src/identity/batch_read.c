/*
 * batch_read.c
 *	  What the tables know of a batch's identifiers, links and persons.
 */
#include "mhub.h"

#include "identity/batch.h"

#include "access/xact.h"
#include "catalog/pg_type.h"
#include "common/hashfn.h"
#include "common/spi_array.h"
#include "common/spi_plan.h"
#include "executor/spi.h"
#include "identity/old_snapshot.h"
#include "identity/tables.h"
#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/snapmgr.h"

static MhubPlan find_identifiers = {
	"SELECT w.place, i.identifier_id, i.person_id, i.first_seen_at, i.last_seen_at"
	" FROM ROWS FROM (unnest($1), unnest($2), unnest($3)) AS w(place, kind, value)"
	" JOIN mhub.identifier AS i ON i.kind = w.kind AND i.value = w.value",
	3, {INT4ARRAYOID, TEXTARRAYOID, TEXTARRAYOID}, NULL
};
static MhubPlan find_identifier = {
	"SELECT $1, i.identifier_id, i.person_id, i.first_seen_at, i.last_seen_at"
	" FROM mhub.identifier AS i WHERE i.kind = $2 AND i.value = $3",
	3, {INT4OID, TEXTOID, TEXTOID}, NULL
};
static MhubPlan find_links = {
	"SELECT w.place, l.joins, l.removed_at IS NOT NULL, l.first_seen_at, l.last_seen_at, l.confidence < 1"
	" FROM ROWS FROM (unnest($1), unnest($2), unnest($3)) AS w(place, a, b)"
	" JOIN mhub.link AS l ON l.identifier_a = w.a AND l.identifier_b = w.b",
	3, {INT4ARRAYOID, INT8ARRAYOID, INT8ARRAYOID}, NULL
};
static MhubPlan find_link = {
	"SELECT $1, l.joins, l.removed_at IS NOT NULL, l.first_seen_at, l.last_seen_at, l.confidence < 1"
	" FROM mhub.link AS l WHERE l.identifier_a = $2 AND l.identifier_b = $3",
	3, {INT4OID, INT8OID, INT8OID}, NULL
};
static MhubPlan find_persons = {
	"SELECT w.place, i.person_id FROM ROWS FROM (unnest($1), unnest($2)) AS w(place, id)"
	" JOIN mhub.identifier AS i ON i.identifier_id = w.id",
	2, {INT4ARRAYOID, INT8ARRAYOID}, NULL
};
/* Takes over the row of an identifier that access has found. */
static void
take_identifier(Batch *batch, int number, MhubTableAccess *access)
{
	BatchIdentifier *identifier = &batch->identifiers[number];
	BatchRow   *row = &batch->rows[number];
	bool		isnull;

	identifier->identifier_id = DatumGetInt64(mhub_table_value(access, IDENTIFIER_ID, &isnull));
	identifier->person_id = DatumGetInt64(mhub_table_value(access, IDENTIFIER_PERSON, &isnull));
	row->first_seen = DatumGetTimestampTz(mhub_table_value(access, IDENTIFIER_FIRST_SEEN, &isnull));
	row->last_seen = DatumGetTimestampTz(mhub_table_value(access, IDENTIFIER_LAST_SEEN, &isnull));
	row->place = mhub_table_place(access);
}

/* Finds the row of an identifier once more, at its place if that has not changed meanwhile. */
bool
batch_find_again(const Batch *batch, MhubTableAccess *access, int number)
{
	int64		id = batch->identifiers[number].identifier_id;
	const ItemPointerData *place = &batch->rows[number].place;
	bool		isnull;

	if (ItemPointerIsValid(place) && mhub_table_find_again(access, place) &&
		DatumGetInt64(mhub_table_value(access, IDENTIFIER_ID, &isnull)) == id)
		return true;
	mhub_table_seek(access, IDENTIFIER_BY_ID, (Datum[]) {Int64GetDatum(id)});
	return mhub_table_next(access);
}

static MhubHints hints;

static uint32
hash_of(const BatchIdentifier *identifier)
{
	return hash_combine(hash_bytes((const unsigned char *) identifier->value, identifier->length), identifier->kind);
}

/* Batch.read_at once something has changed meanwhile: no number of transactions */
#define READ_AT_TIMES PG_UINT64_MAX

/*
 * How many transactions that changed anything have ended in this server.  As
 * long as it stays the same, so does what can be seen of others.
 */
static uint64
completed_transactions(void)
{
	return GetLatestSnapshot()->snapXactCompletionCount;
}

/* From here on tables are read; a trigger might change what was read before. */
static void
note_moment(Batch *batch, const MhubTableAccess *access)
{
	if (batch->read_at == 0 && !mhub_table_has_triggers(access) && !IsolationUsesXactSnapshot())
		batch->read_at = completed_transactions();
}

/* So many new ones of a kind without a known one between them, and the next is taken for new, too. */
#define NEW_IN_A_ROW 32

/* By the number of the kind; where two share a place, less is assumed. */
static uint8 new_in_a_row[64];

/*
 * Streams of new visitors are what makes a hub grow, and half of what one costs
 * is to find out that it is not there.  Inserting it finds that out as well:
 * should it be there after all, everything is looked up as if another session
 * had been faster, and a dead row remains.  Not where triggers would see that
 * row, nor where the value would be sealed for it, nor for who may only look,
 * nor for many at once, which might all be there.
 */
static bool
is_probably_new(const Batch *batch, const IdentityKind *kind, const MhubTableAccess *access)
{
	return !batch->looked_up && batch->nidentifiers <= MHUB_FEW_ROWS && !kind->pii &&
		new_in_a_row[kind->number % lengthof(new_in_a_row)] >= NEW_IN_A_ROW &&
		!mhub_table_has_triggers(access) && mhub_table_may_insert(access);
}

static void
note_news(const IdentityKind *kind, bool found)
{
	uint8	   *news = &new_in_a_row[kind->number % lengthof(new_in_a_row)];

	*news = found ? 0 : Min(*news + 1, NEW_IN_A_ROW);
}

static void
seek_identifier(Batch *batch, int number, const IdentityKind *kind, MhubTableAccess *access)
{
	const BatchIdentifier *identifier = &batch->identifiers[number];
	bool		found = mhub_table_find(access, IDENTIFIER_BY_VALUE, (Datum[]) {PointerGetDatum(kind->name_text), batch_value(identifier)},
										&hints, hash_of(identifier));

	if (found)
		take_identifier(batch, number, access);
	note_news(kind, found);
}

static void
seek_identifiers(Batch *batch, MhubTableAccess *access)
{
	int			i;

	note_moment(batch, access);
	mhub_table_push_latest();
	for (i = 0; i < batch->nidentifiers; i++)
	{
		const BatchIdentifier *identifier = &batch->identifiers[batch->in_order[i]];
		const IdentityKind *kind = &batch->kinds->kinds[identifier->kind];

		CHECK_FOR_INTERRUPTS();
		if (identifier->person_id == 0 && !is_probably_new(batch, kind, access))
			seek_identifier(batch, batch->in_order[i], kind, access);
	}
	batch->looked_up = true;
	PopActiveSnapshot();
	mhub_table_close(access);
}

static void
take_identifiers(Batch *batch)
{
	uint64		row;

	for (row = 0; row < SPI_processed; row++)
	{
		int			number = DatumGetInt32(mhub_result_value(row, 1));
		BatchIdentifier *identifier = &batch->identifiers[number];

		identifier->identifier_id = DatumGetInt64(mhub_result_value(row, 2));
		identifier->person_id = DatumGetInt64(mhub_result_value(row, 3));
		batch->rows[number].first_seen = DatumGetTimestampTz(mhub_result_value(row, 4));
		batch->rows[number].last_seen = DatumGetTimestampTz(mhub_result_value(row, 5));
	}
	SPI_freetuptable(SPI_tuptable);
}

/* Runs a query for all rows wanted, and takes over what it finds. */
static void
look_up(Batch *batch, MhubPlan *one, MhubPlan *many, const MhubColumns *wanted, void (*take) (Batch *))
{
	Datum		args[MHUB_MAX_COLUMNS];
	int			i;

	if (wanted->n > MHUB_FEW_ROWS)
	{
		mhub_columns_arrays(wanted, args);
		(void) mhub_execute_batch(many, args, NULL, SPI_OK_SELECT);
		take(batch);
		return;
	}
	for (i = 0; i < wanted->n; i++)
	{
		(void) mhub_execute_row(one, wanted, i, SPI_OK_SELECT);
		take(batch);
	}
}

/* Looks up the identifiers not found so far. */
void
batch_find_identifiers(Batch *batch)
{
	static const Oid types[] = {INT4OID, TEXTOID, TEXTOID};
	MhubTableAccess *access;
	MhubColumns wanted;
	int			i;

	if (batch->fills)
		return;
	access = mhub_table_open(&identity_identifier_table);
	if (access != NULL)
	{
		seek_identifiers(batch, access);
		return;
	}
	mhub_columns_init(&wanted, lengthof(types), types);
	for (i = 0; i < batch->nidentifiers; i++)
	{
		const BatchIdentifier *identifier = &batch->identifiers[i];
		const IdentityKind *kind = &batch->kinds->kinds[identifier->kind];

		if (identifier->person_id != 0)
			continue;
		mhub_columns_add(&wanted, (Datum[]) {Int32GetDatum(i), PointerGetDatum(kind->name_text), batch_value(identifier)});
	}
	look_up(batch, &find_identifier, &find_identifiers, &wanted, take_identifiers);
}

static bool
may_be_linked(const Batch *batch, const BatchLink *link)
{
	const BatchIdentifier *a = &batch->identifiers[link->a];
	const BatchIdentifier *b = &batch->identifiers[link->b];

	return a->person_id != 0 && b->person_id != 0 && !a->inserted && !b->inserted;
}

static void
seek_link(Batch *batch, int number, MhubTableAccess *access)
{
	BatchLink  *link = &batch->links[number];
	BatchLinkRow *row = &batch->link_rows[number];
	int64		x = batch->identifiers[link->a].identifier_id;
	int64		y = batch->identifiers[link->b].identifier_id;
	bool		isnull;
	bool		kept;

	mhub_table_seek(access, LINK_BY_ENDS, (Datum[]) {Int64GetDatum(Min(x, y)), Int64GetDatum(Max(x, y))});
	if (!mhub_table_next(access))
		return;
	link->found = true;
	link->joins = DatumGetBool(mhub_table_value(access, LINK_JOINS, &isnull));
	(void) mhub_table_value(access, LINK_REMOVED_AT, &kept);
	link->removed = !kept;
	link->doubtful = DatumGetFloat4(mhub_table_value(access, LINK_CONFIDENCE, &isnull)) < 1;
	row->first_seen = DatumGetTimestampTz(mhub_table_value(access, LINK_FIRST_SEEN, &isnull));
	row->last_seen = DatumGetTimestampTz(mhub_table_value(access, LINK_LAST_SEEN, &isnull));
}

/* False when only a statement can do it. */
static bool
seek_links(Batch *batch)
{
	MhubTableAccess *access = mhub_table_open(&identity_link_table);
	int			i;

	if (access == NULL)
		return false;
	mhub_table_push_latest();
	for (i = 0; i < batch->nlinks; i++)
	{
		CHECK_FOR_INTERRUPTS();
		if (may_be_linked(batch, &batch->links[i]))
			seek_link(batch, i, access);
	}
	PopActiveSnapshot();
	mhub_table_close(access);
	return true;
}

static void
take_links(Batch *batch)
{
	uint64		row;

	for (row = 0; row < SPI_processed; row++)
	{
		int			number = DatumGetInt32(mhub_result_value(row, 1));
		BatchLink  *link = &batch->links[number];

		link->found = true;
		link->joins = DatumGetBool(mhub_result_value(row, 2));
		link->removed = DatumGetBool(mhub_result_value(row, 3));
		link->doubtful = DatumGetBool(mhub_result_value(row, 6));
		batch->link_rows[number].first_seen = DatumGetTimestampTz(mhub_result_value(row, 4));
		batch->link_rows[number].last_seen = DatumGetTimestampTz(mhub_result_value(row, 5));
	}
	SPI_freetuptable(SPI_tuptable);
}

/* Looks up, or up again, the links between identifiers that both were there before. */
void
batch_find_links(Batch *batch)
{
	static const Oid types[] = {INT4OID, INT8OID, INT8OID};
	MhubColumns wanted;
	int			i;

	if (batch->fills)
		return;
	mhub_columns_init(&wanted, lengthof(types), types);
	for (i = 0; i < batch->nlinks; i++)
	{
		BatchLink  *link = &batch->links[i];
		int64		x = batch->identifiers[link->a].identifier_id;
		int64		y = batch->identifiers[link->b].identifier_id;

		link->found = link->joins = link->removed = link->doubtful = false;
		if (may_be_linked(batch, link))
			mhub_columns_add(&wanted, (Datum[]) {Int32GetDatum(i), Int64GetDatum(Min(x, y)), Int64GetDatum(Max(x, y))});
	}
	if (wanted.n > 0 && !seek_links(batch))
		look_up(batch, &find_link, &find_links, &wanted, take_links);
}

/* The person of an identifier under the active snapshot, 0 when it is gone */
static int64
person_now(const Batch *batch, MhubTableAccess *access, int number)
{
	bool		isnull;

	return batch_find_again(batch, access, number) ? DatumGetInt64(mhub_table_value(access, IDENTIFIER_PERSON, &isnull)) : 0;
}

/* False when only a statement can do it. */
static bool
seek_persons_again(const Batch *batch, const MhubColumns *wanted, int64 *now)
{
	MhubTableAccess *access = mhub_table_open(&identity_identifier_table);
	int			i;

	if (access == NULL)
		return false;
	PushActiveSnapshot(GetLatestSnapshot());
	for (i = 0; i < wanted->n; i++)
	{
		int			place = DatumGetInt32(wanted->values[0][i]);

		now[place] = person_now(batch, access, place);
	}
	PopActiveSnapshot();
	mhub_table_close(access);
	return true;
}

static void
execute_persons_again(const Batch *batch, Datum *args)
{
	int			code;

	if (!IsolationUsesXactSnapshot())
	{
		(void) mhub_execute_batch(&find_persons, args, NULL, SPI_OK_SELECT);
		return;
	}
	code = SPI_execute_snapshot(mhub_plan(&find_persons), args, NULL, GetLatestSnapshot(), InvalidSnapshot,
								true, false, 0);
	MemoryContextSwitchTo(batch->memory);
	if (code != SPI_OK_SELECT)
		elog(ERROR, "could not read persons: %s", SPI_result_code_string(code));
}

/* The persons of identifiers as they are now: wanted is (place in now, identifier_id). */
static void
read_persons_again(const Batch *batch, const MhubColumns *wanted, int64 *now)
{
	Datum		args[2];
	uint64		row;

	if (seek_persons_again(batch, wanted, now))
		return;
	mhub_columns_arrays(wanted, args);
	execute_persons_again(batch, args);
	for (row = 0; row < SPI_processed; row++)
		now[DatumGetInt32(mhub_result_value(row, 1))] = DatumGetInt64(mhub_result_value(row, 2));
	SPI_freetuptable(SPI_tuptable);
}

/* An identifier that somebody has erased meanwhile is a new one. */
static void
forget(BatchIdentifier *identifier)
{
	identifier->identifier_id = 0;
	identifier->person_id = 0;
}

/*
 * The identifiers of a person who was erased since they were looked up are
 * gone.  False when they are not: this transaction looks at the state before.
 */
bool
batch_forget_person(Batch *batch, int64 erased)
{
	int			i;

	for (i = 0; i < batch->nidentifiers; i++)
	{
		if (batch->identifiers[i].person_id == erased && !batch->identifiers[i].inserted)
			forget(&batch->identifiers[i]);
	}
	batch_find_identifiers(batch);
	for (i = 0; i < batch->nidentifiers; i++)
	{
		if (batch->identifiers[i].person_id == erased && !batch->identifiers[i].inserted)
			return false;
	}
	return true;
}

/* Which nodes of the plan are these persons? */
static bool *
mark_nodes(Batch *batch, const int64 *persons, int n)
{
	bool	   *marked = palloc0(sizeof(bool) * Max(batch->plan.nnodes, 1));
	int			i;

	for (i = 0; i < n; i++)
		marked[batch_node_of_person(batch, persons[i])] = true;
	return marked;
}

/*
 * Under the locks: do the identifiers still belong to the persons that were
 * locked?  Takes over what has changed, and looks up the links again.
 */
bool
batch_still_true(Batch *batch, const int64 *persons, int n)
{
	static const Oid types[] = {INT4OID, INT8OID};
	MhubColumns wanted;
	bool	   *locked;
	int64	   *now;
	bool		same = true;
	int			i;

	if (batch->read_at != 0 && batch->read_at == completed_transactions())
		return true;
	batch->read_at = READ_AT_TIMES; /* only these identifiers are read again */
	locked = mark_nodes(batch, persons, n);
	now = palloc0(sizeof(int64) * Max(batch->nidentifiers, 1));
	mhub_columns_init(&wanted, lengthof(types), types);
	for (i = 0; i < batch->nidentifiers; i++)
	{
		if (batch->identifiers[i].inserted || batch->identifiers[i].person_id == 0 || !locked[batch->node_of[i]])
			continue;
		mhub_columns_add(&wanted, (Datum[]) {Int32GetDatum(i), Int64GetDatum(batch->identifiers[i].identifier_id)});
	}
	if (wanted.n == 0)
		return true;
	read_persons_again(batch, &wanted, now);
	for (i = 0; i < wanted.n; i++)
	{
		int			place = DatumGetInt32(wanted.values[0][i]);
		BatchIdentifier *identifier = &batch->identifiers[place];

		if (now[place] == identifier->person_id)
			continue;
		identity_refuse_old_snapshot();
		same = false;
		identifier->person_id = now[place];
		if (now[place] == 0)
			forget(identifier);
	}
	batch_find_links(batch);
	return same;
}

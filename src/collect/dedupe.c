/*
 * dedupe.c
 *	  Each message once: claims the batch's message ids for ever.
 */
#include "collect/record.h"

#include "catalog/pg_type_d.h"
#include "collect/event_id.h"
#include "collect/transient_rows.h"

#define MESSAGE_COLUMNS 2

static MhubTable message_table = {
	.name = "event_message",
	.ncolumns = MESSAGE_COLUMNS,
	.columns = {"message_key", "event_id"},
	.types = {UUIDOID, INT8OID},
	.keys = {{1, {0}}}
};

static MhubRowType message_rows = {.name = "mhub_new_message", .table = &message_table};

static MhubPlan claim = {
	"INSERT INTO mhub.event_message (message_key, event_id) "
	"SELECT n.message_key, n.event_id FROM mhub_new_message AS n "
	"ON CONFLICT (message_key) DO NOTHING RETURNING event_id",
	0, {0}, NULL
};

static MhubPlan find_original = {
	"SELECT m.event_id FROM mhub.event_message AS m WHERE m.message_key = $1",
	1, {UUIDOID}, NULL
};

static MhubPlan forget = {
	"DELETE FROM mhub.event_message AS m WHERE m.message_key = $1",
	1, {UUIDOID}, NULL
};

static int
compare_keys(const void *a, const void *b)
{
	const MhubEvent *left = *(MhubEvent *const *) a;
	const MhubEvent *right = *(MhubEvent *const *) b;
	int			order = memcmp(left->message_key.data, right->message_key.data, UUID_LEN);

	/* Of two with the same id the first in the batch is the original. */
	if (order == 0)
		order = (left->event_id > right->event_id) - (left->event_id < right->event_id);
	return order;
}

static bool
same_key(const MhubEvent *a, const MhubEvent *b)
{
	return memcmp(a->message_key.data, b->message_key.data, UUID_LEN) == 0;
}

/* Gives event ids in the batch's order, then sorts by key: everybody claims in that order, so nobody deadlocks. */
static int
pending_by_key(MhubEventBatch *batch, MhubEvent **pending)
{
	int64	   *ids = MemoryContextAllocHuge(batch->memory, batch->n_events * sizeof(int64));
	int			n = 0;

	for (int i = 0; i < batch->n_events; i++)
	{
		if (batch->events[i]->status == MHUB_EVENT_PENDING)
			pending[n++] = batch->events[i];
	}
	mhub_event_ids(ids, n);
	for (int i = 0; i < n; i++)
		pending[i]->event_id = ids[i];
	qsort(pending, n, sizeof(MhubEvent *), compare_keys);
	return n;
}

/* The first event of each key, in order; returns their number. */
static int
distinct_keys(MhubEvent **pending, int n, MhubEvent **distinct)
{
	int			kept = 0;

	for (int i = 0; i < n; i++)
	{
		if (i == 0 || !same_key(pending[i - 1], pending[i]))
			distinct[kept++] = pending[i];
	}
	return kept;
}

static void
fill_key(const MhubEvent *event, Datum *values)
{
	values[0] = UUIDPGetDatum(&event->message_key);
	values[1] = Int64GetDatum(event->event_id);
}

static Tuplestorestate *
keys_as_rows(MhubEvent **distinct, int n)
{
	Tuplestorestate *rows = mhub_transient_rows(&message_rows);
	Datum		values[MESSAGE_COLUMNS];
	bool		nulls[MESSAGE_COLUMNS] = {false};

	for (int i = 0; i < n; i++)
	{
		fill_key(distinct[i], values);
		mhub_transient_add(&message_rows, rows, values, nulls);
	}
	return rows;
}

static MhubColumns
keys_as_columns(MhubEvent **distinct, int n)
{
	MhubColumns columns;
	Datum		values[MESSAGE_COLUMNS];

	mhub_columns_init(&columns, message_table.ncolumns, message_table.types);
	for (int i = 0; i < n; i++)
	{
		fill_key(distinct[i], values);
		mhub_columns_add(&columns, values);
	}
	return columns;
}

static bool
all_ids_are_ours(MhubEvent **pending, int n)
{
	for (int i = 0; i < n; i++)
	{
		if (!pending[i]->has_own_id)
			return false;
	}
	return true;
}

/* Cheaper by a probe and a WAL record a row, but a duplicate is an error */
static void
insert_keys(MhubEvent **distinct, int n)
{
	MhubTableAccess *messages = mhub_table_open_to_insert(&message_table);
	MhubColumns keys;

	if (messages == NULL)
	{
		mhub_transient_insert(&message_rows, keys_as_rows(distinct, n));
		return;
	}
	keys = keys_as_columns(distinct, n);
	mhub_table_insert_into(messages, &keys);
	mhub_table_close(messages);
}

/* Every key is new, or this raises unique_violation; only repetitions within the batch are duplicates. */
static void
claim_as_new(MhubEvent **pending, int n)
{
	MhubEvent **distinct = MemoryContextAllocHuge(CurrentMemoryContext, n * sizeof(MhubEvent *));

	insert_keys(distinct, distinct_keys(pending, n, distinct));
	for (int i = 1; i < n; i++)
	{
		if (same_key(pending[i - 1], pending[i]))
			pending[i]->status = MHUB_EVENT_DUPLICATE;
	}
}

/* May keys be claimed without a statement?  Not where a trigger would see the one that is known twice. */
static bool
may_claim_directly(void)
{
	MhubTableAccess *messages = mhub_table_open_to_insert(&message_table);
	bool		may = messages != NULL && !mhub_table_has_triggers(messages);

	if (messages != NULL)
		mhub_table_close(messages);
	return may;
}

/*
 * Claims keys without a look beforehand until the first that is known: most
 * batches have none that is, and a repeated batch begins with one.  Returns
 * how many it has dealt with.
 */
static int
claim_directly(MhubEvent **distinct, int n, bool *claimed)
{
	MhubColumns keys;
	int			done = 0;

	if (!may_claim_directly())
		return 0;
	keys = keys_as_columns(distinct, n);
	(void) mhub_table_insert_unique(&message_table, &keys, 0, claimed, true);
	while (done < n && claimed[done])
		done++;
	return Min(done + 1, n);
}

/* RETURNING gives the claimed rows in the order they went in: a merge of two sorted lists tells which were new. */
static void
claim_by_statement(MhubEvent **distinct, int n, bool *claimed)
{
	Tuplestorestate *rows = keys_as_rows(distinct, n);
	uint64		found = 0;

	if (SPI_execute_plan(mhub_plan(&claim), NULL, NULL, false, 0) != SPI_OK_INSERT_RETURNING)
		elog(ERROR, "could not claim message ids");
	for (int i = 0; i < n; i++)
	{
		bool		isnull;

		claimed[i] = found < SPI_processed &&
			DatumGetInt64(SPI_getbinval(SPI_tuptable->vals[found], SPI_tuptable->tupdesc, 1, &isnull)) == distinct[i]->event_id;
		found += claimed[i];
	}
	if (found != SPI_processed)
		elog(ERROR, "claimed message ids came back in another order");
	SPI_freetuptable(SPI_tuptable);
	mhub_transient_end(&message_rows, rows);
}

static void
claim_unless_known(MhubEvent **pending, int n)
{
	MhubEvent **distinct = MemoryContextAllocHuge(CurrentMemoryContext, n * sizeof(MhubEvent *));
	int			n_distinct = distinct_keys(pending, n, distinct);
	bool	   *claimed = MemoryContextAllocHuge(CurrentMemoryContext, n_distinct * sizeof(bool));
	int			done = claim_directly(distinct, n_distinct, claimed);
	int			key = 0;

	if (done < n_distinct)
		claim_by_statement(distinct + done, n_distinct - done, claimed + done);
	for (int i = 0; i < n; i++)
	{
		if (key == n_distinct || distinct[key] != pending[i] || !claimed[key++])
			pending[i]->status = MHUB_EVENT_DUPLICATE;
	}
}

/* A duplicate gets its original's event id; duplicates are few, so one probe each will do. */
static void
find_originals(MhubEvent **pending, int n)
{
	for (int i = 0; i < n; i++)
	{
		Datum		key = UUIDPGetDatum(&pending[i]->message_key);
		bool		isnull;

		if (pending[i]->status != MHUB_EVENT_DUPLICATE)
			continue;
		SPI_execute_plan(mhub_plan(&find_original), &key, NULL, false, 1);
		pending[i]->event_id = SPI_processed == 0 ? 0 :
			DatumGetInt64(SPI_getbinval(SPI_tuptable->vals[0], SPI_tuptable->tupdesc, 1, &isnull));
		SPI_freetuptable(SPI_tuptable);
	}
}

void
mhub_claim_messages(MhubEventBatch *batch)
{
	MhubEvent **pending = MemoryContextAllocHuge(batch->memory, batch->n_events * sizeof(MhubEvent *));
	int			n = pending_by_key(batch, pending);

	if (n == 0)
		return;
	if (batch->expects_no_duplicate || all_ids_are_ours(pending, n))
		claim_as_new(pending, n);
	else
		claim_unless_known(pending, n);
	find_originals(pending, n);
}

/* What repeats a rejected message within the batch has no original any more. */
static void
reject_repetitions(MhubEventBatch *batch, const MhubEvent *original)
{
	for (int i = 0; i < batch->n_events; i++)
	{
		if (batch->events[i]->status == MHUB_EVENT_DUPLICATE && same_key(batch->events[i], original))
			mhub_reject_event(batch->events[i], original->reason, original->detail);
	}
}

/* A message rejected after its id was claimed may come again, corrected. */
void
mhub_forget_messages(MhubEventBatch *batch)
{
	for (int i = 0; i < batch->n_events; i++)
	{
		MhubEvent  *event = batch->events[i];
		Datum		key = UUIDPGetDatum(&event->message_key);

		if (event->status != MHUB_EVENT_REJECTED || event->event_id == 0)
			continue;
		SPI_execute_plan(mhub_plan(&forget), &key, NULL, false, 0);
		reject_repetitions(batch, event);
	}
}

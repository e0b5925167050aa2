/*
 * ingest_record.c
 *	  Recording the messages of a body, whatever is wrong with some of them.
 *
 * All messages are recorded at once.  Should the data of one make a statement
 * fail after all, the batch is undone and the guilty one found by halves; then
 * all the others are recorded at once.
 */
#include "collect/ingest.h"

#include "collect/json_object.h"
#include "collect/kept_memory.h"
#include "collect/record.h"
#include "common/error_class.h"
#include "common/subtransaction.h"
#include "miscadmin.h"
#include "pgstat.h"
#include "storage/latch.h"
#include "storage/lock.h"

/* What 500 messages take */
#define KEPT_MEMORY (2 * 1024 * 1024)

#define MAX_ATTEMPTS 10
#define WAIT_MAX_MS 1000

/* First key of a two-key advisory lock: "mhuj", less the top bit */
#define ALONE_LOCK_CLASS 0x6d68756a

typedef enum Attempt
{
	SUCCEEDED,
	BAD_DATA,
	DEADLOCKED
} Attempt;

/* n messages from the first on, to be recorded, or to see whether they can be */
typedef struct Slice
{
	MhubIngest *ingest;
	MhubEventBatch *batch;
	int			first;
	int			n;
	bool		rehearse;
} Slice;

static char *
copied(const char *text)
{
	return text == NULL ? NULL : pstrdup(text);
}

static void
keep_outcome(MhubIngest *ingest, int i, const MhubEvent *event)
{
	MhubOutcome *outcome = &ingest->outcomes[i];
	MemoryContext old = MemoryContextSwitchTo(ingest->memory);

	outcome->status = event->status;
	outcome->message_id = copied(event->message_id);
	outcome->reason = copied(event->reason);
	outcome->detail = copied(event->detail);
	outcome->event_id = event->event_id;
	outcome->person_id = event->person_id;
	MemoryContextSwitchTo(old);
}

static bool
is_settled(const MhubIngest *ingest, int i)
{
	return ingest->outcomes[i].status == MHUB_EVENT_REJECTED;
}

static void
read_messages(const Slice *slice)
{
	MemoryContext old = MemoryContextSwitchTo(slice->batch->memory);

	for (int i = slice->first; i < slice->first + slice->n; i++)
	{
		CHECK_FOR_INTERRUPTS();
		if (!is_settled(slice->ingest, i))
			mhub_read_message(slice->batch, mhub_event_batch_add(slice->batch), &slice->ingest->messages[i],
							  &slice->ingest->envelope);
	}
	MemoryContextSwitchTo(old);
}

static void
keep_outcomes(const Slice *slice)
{
	int			event = 0;

	for (int i = slice->first; i < slice->first + slice->n; i++)
	{
		if (!is_settled(slice->ingest, i))
			keep_outcome(slice->ingest, i, slice->batch->events[event++]);
	}
}

static void
record_slice(void *argument)
{
	const Slice *slice = argument;

	read_messages(slice);
	mhub_event_batch_record(slice->batch);
	if (!slice->rehearse)
		keep_outcomes(slice);
}

/* Is the error one of the message, so that others may well succeed?  Some need a key, where there is none. */
static bool
is_message_error(int sqlerrcode)
{
	return mhub_error_is_about_data(sqlerrcode) || ERRCODE_TO_CATEGORY(sqlerrcode) == ERRCODE_TO_CATEGORY(ERRCODE_MHUB_NO_KEY);
}

static void
keep_error(MhubIngest *ingest, int i, const ErrorData *error)
{
	MhubOutcome *outcome = &ingest->outcomes[i];

	outcome->status = MHUB_EVENT_REJECTED;
	outcome->message_id = mhub_value_is_object(&ingest->messages[i]) ?
		mhub_json_text(ingest->messages[i].val.binary.data, "messageId") : NULL;
	outcome->reason = psprintf("sqlstate_%s", unpack_sql_state(error->sqlerrcode));
	outcome->detail = copied(error->message);
}

/* What an error says about the attempt; those that are none of ours go on up. */
static Attempt
judge_error(ErrorData *error)
{
	if (is_message_error(error->sqlerrcode))
		return BAD_DATA;
	if (error->sqlerrcode != ERRCODE_T_R_DEADLOCK_DETECTED)
		ReThrowError(error);
	return DEADLOCKED;
}

/* Unless it succeeds, nothing has happened; of a rehearsal nothing stays. */
static Attempt
try_to_record(Slice *slice)
{
	ErrorData  *error = mhub_attempt(record_slice, slice, slice->rehearse);
	Attempt		attempt;

	mhub_event_batch_reset(slice->batch);
	if (error == NULL)
		return SUCCEEDED;
	attempt = judge_error(error);
	if (attempt == BAD_DATA && slice->n == 1 && !slice->batch->expects_no_duplicate)
		keep_error(slice->ingest, slice->first, error);
	return attempt;
}

/* Longer from attempt to attempt, and not the same for two sessions, so that the other one gets done. */
static void
let_others_go_on(int attempts)
{
	long		milliseconds = Min(10 << attempts, WAIT_MAX_MS) * (1 + MyProcPid % 8) / 8;

	(void) WaitLatch(MyLatch, WL_LATCH_SET | WL_TIMEOUT | WL_EXIT_ON_PM_DEATH, milliseconds, PG_WAIT_EXTENSION);
	ResetLatch(MyLatch);
}

static void
give_up(void)
{
	ereport(ERROR,
			(errcode(ERRCODE_T_R_DEADLOCK_DETECTED),
			 errmsg("messages were not recorded because of deadlocks with other sessions"),
			 errhint("Roll back and send them again; nothing of them was recorded.")));
}

/*
 * A deadlock may come of what else is done to persons meanwhile.  Undoing the
 * attempt gives all its locks back, so the others go on, and so may we.
 */
static Attempt
attempt_patiently(Slice *slice)
{
	Attempt		attempt = DEADLOCKED;

	for (int i = 0; i < MAX_ATTEMPTS && attempt == DEADLOCKED; i++)
	{
		CHECK_FOR_INTERRUPTS();
		if (i > 0)
			let_others_go_on(i);
		attempt = try_to_record(slice);
	}
	if (attempt == DEADLOCKED)
		give_up();
	return attempt;
}

static bool
record_together(MhubIngest *ingest, MhubEventBatch *batch)
{
	Slice		all = {ingest, batch, 0, ingest->n_messages, false};

	return attempt_patiently(&all) == SUCCEEDED;
}

/*
 * Rejects the messages among these that fail by themselves.  They are
 * rehearsed rather than recorded one by one: locks would be taken in no order
 * then, and sessions with the same messages deadlock for ever.
 */
static void
find_guilty(MhubIngest *ingest, MhubEventBatch *batch, int first, int n)
{
	Slice		slice = {ingest, batch, first, n, true};
	int			half = n / 2;

	if (attempt_patiently(&slice) == SUCCEEDED || n == 1)
		return;
	find_guilty(ingest, batch, first, half);
	find_guilty(ingest, batch, first + half, n - half);
}

/* One session at a time, until the transaction ends */
static void
record_alone(void)
{
	LOCKTAG		tag;

	SET_LOCKTAG_ADVISORY(tag, MyDatabaseId, ALONE_LOCK_CLASS, 0, 2);
	(void) LockAcquire(&tag, ExclusiveLock, false, false);
}

/*
 * Each message by itself, when each works but not all together: a trigger may
 * want statements of one row.  After a deadlock another attempt is no use.  Who
 * waits for a row of a subtransaction that is over waits for all of our
 * transaction, and what was recorded before is of such ones.
 */
static void
record_each(MhubIngest *ingest, MhubEventBatch *batch)
{
	record_alone();
	for (int i = 0; i < ingest->n_messages; i++)
	{
		Slice		slice = {ingest, batch, i, 1, false};

		CHECK_FOR_INTERRUPTS();
		if (!is_settled(ingest, i) && try_to_record(&slice) == DEADLOCKED)
			give_up();
	}
}

/*
 * Duplicates are rare: first as if there were none, then with an eye on them,
 * then without the messages that fail, and when even that fails each by itself.
 */
static void
record_batch(MhubIngest *ingest, MhubEventBatch *batch)
{
	batch->expects_no_duplicate = true;
	if (record_together(ingest, batch))
		return;
	batch->expects_no_duplicate = false;
	if (record_together(ingest, batch))
		return;
	find_guilty(ingest, batch, 0, ingest->n_messages);
	if (!record_together(ingest, batch))
		record_each(ingest, batch);
}

void
mhub_ingest_record(MhubIngest *ingest)
{
	static MhubKeptMemory kept = {.name = "messages", .size = KEPT_MEMORY};
	MemoryContext memory;

	ingest->outcomes = MemoryContextAllocExtended(ingest->memory, Max(ingest->n_messages, 1) * sizeof(MhubOutcome),
												  MCXT_ALLOC_HUGE | MCXT_ALLOC_ZERO);
	if (ingest->n_messages == 0)
		return;
	memory = mhub_kept_memory_take(&kept);
	PG_TRY();
	{
		MhubEventBatch *batch = mhub_event_batch_create_in(memory, MHUB_INGEST_SOURCE);

		record_batch(ingest, batch);
		mhub_event_batch_destroy(batch);
	}
	PG_FINALLY();
	{
		mhub_kept_memory_return(&kept, memory);
	}
	PG_END_TRY();
}

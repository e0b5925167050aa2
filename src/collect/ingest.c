/*
 * ingest.c
 *	  mhub.ingest(): bodies as Segment's libraries send them.
 *
 * All messages are recorded at once.  Should the data of one make a statement
 * fail after all, the batch is undone and each message recorded by itself, so
 * that only the guilty one is rejected.
 */
#include "collect/ingest.h"

#include "access/xact.h"
#include "collect/json_object.h"
#include "collect/record.h"
#include "funcapi.h"
#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/memutils.h"
#include "utils/resowner.h"
#include "utils/tuplestore.h"

PG_FUNCTION_INFO_V1(mhub_ingest);

#define KEPT_MEMORY (1024 * 1024)

#define MAX_ATTEMPTS 10

typedef enum Attempt
{
	RECORDED,
	BAD_DATA,
	DEADLOCKED
} Attempt;

/* The messages of the body: itself, its elements, or those of its batch. */
static void
find_messages(MhubIngest *ingest, Jsonb *body)
{
	JsonbContainer *list = &body->root;
	JsonbValue	value;

	ingest->n_messages = 1;
	mhub_read_envelope(NULL, &ingest->envelope);
	if (JB_ROOT_IS_OBJECT(body))
	{
		value.type = jbvBinary;
		value.val.binary.data = list;
		value.val.binary.len = VARSIZE_ANY_EXHDR(body);
		ingest->messages = palloc(sizeof(JsonbValue));
		ingest->messages[0] = value;
		if (!mhub_json_get(list, "batch", &value) || value.type != jbvBinary ||
			!JsonContainerIsArray(value.val.binary.data))
			return;
		mhub_read_envelope(list, &ingest->envelope);
		list = value.val.binary.data;
	}
	ingest->n_messages = JsonContainerSize(list);
	ingest->messages = MemoryContextAllocHuge(ingest->memory, Max(ingest->n_messages, 1) * sizeof(JsonbValue));
	for (int i = 0; i < ingest->n_messages; i++)
		ingest->messages[i] = *getIthJsonbValueFromContainer(list, i);
}

static char *
copied(const char *text)
{
	return text == NULL ? NULL : pstrdup(text);
}

static void
keep_outcome(MhubIngest *ingest, int i, const MhubEvent *event)
{
	MhubEvent  *outcome = &ingest->outcomes[i];
	MemoryContext old = MemoryContextSwitchTo(ingest->memory);

	outcome->status = event->status;
	outcome->message_id = copied(event->message_id);
	outcome->reason = copied(event->reason);
	outcome->detail = copied(event->detail);
	outcome->event_id = event->event_id;
	outcome->person_id = event->person_id;
	MemoryContextSwitchTo(old);
}

/* Records n messages from the first on. */
static void
record_messages(MhubIngest *ingest, MhubEventBatch *batch, int first, int n)
{
	MemoryContext old = MemoryContextSwitchTo(batch->memory);

	for (int i = 0; i < n; i++)
	{
		CHECK_FOR_INTERRUPTS();
		mhub_read_message(batch, mhub_event_batch_add(batch), &ingest->messages[first + i], &ingest->envelope);
	}
	MemoryContextSwitchTo(old);
	mhub_event_batch_record(batch);
	for (int i = 0; i < n; i++)
		keep_outcome(ingest, first + i, batch->events[i]);
	mhub_event_batch_reset(batch);
}

/* Is the error one of the data, so that other messages may well succeed? */
static bool
is_data_error(int sqlerrcode)
{
	int			category = ERRCODE_TO_CATEGORY(sqlerrcode);

	return category == ERRCODE_DATA_EXCEPTION ||
		category == ERRCODE_INTEGRITY_CONSTRAINT_VIOLATION ||
		category == ERRCODE_PROGRAM_LIMIT_EXCEEDED ||
		category == ERRCODE_TO_CATEGORY(ERRCODE_MHUB_NO_KEY) ||
		category == ERRCODE_TO_CATEGORY(ERRCODE_PLPGSQL_ERROR);
}

static void
keep_error(MhubIngest *ingest, int i, const ErrorData *error)
{
	MhubEvent  *outcome = &ingest->outcomes[i];

	outcome->status = MHUB_EVENT_REJECTED;
	outcome->message_id = mhub_value_is_object(&ingest->messages[i]) ?
		mhub_json_text(ingest->messages[i].val.binary.data, "messageId") : NULL;
	outcome->reason = psprintf("sqlstate_%s", unpack_sql_state(error->sqlerrcode));
	outcome->detail = copied(error->message);
}

/*
 * In a subtransaction, which is over in any case when this returns or throws:
 * left open, it would leave the session in an aborted transaction.
 */
static Attempt
try_to_record(MhubIngest *ingest, MhubEventBatch *batch, int first, int n)
{
	ResourceOwner owner = CurrentResourceOwner;
	volatile Attempt attempt = RECORDED;

	BeginInternalSubTransaction(NULL);
	MemoryContextSwitchTo(ingest->memory);
	PG_TRY();
	{
		record_messages(ingest, batch, first, n);
		ReleaseCurrentSubTransaction();
	}
	PG_CATCH();
	{
		ErrorData  *error;

		MemoryContextSwitchTo(ingest->memory);
		error = CopyErrorData();
		FlushErrorState();
		RollbackAndReleaseCurrentSubTransaction();
		MemoryContextSwitchTo(ingest->memory);
		CurrentResourceOwner = owner;
		mhub_event_batch_reset(batch);
		if (is_data_error(error->sqlerrcode))
			attempt = BAD_DATA;
		else if (error->sqlerrcode == ERRCODE_T_R_DEADLOCK_DETECTED)
			attempt = DEADLOCKED;
		else
			ReThrowError(error);
		if (n == 1)
			keep_error(ingest, first, error);
	}
	PG_END_TRY();
	MemoryContextSwitchTo(ingest->memory);
	CurrentResourceOwner = owner;
	return attempt;
}

/*
 * A deadlock may come of what else is done to persons meanwhile.  Undoing the
 * attempt gives all its locks back, so the others go on, and so may we.  False
 * when the data of the messages are at fault, which for a single one is its
 * outcome.
 */
static bool
record_together(MhubIngest *ingest, MhubEventBatch *batch, int first, int n)
{
	Attempt		attempt = DEADLOCKED;

	for (int i = 0; i < MAX_ATTEMPTS && attempt == DEADLOCKED; i++)
	{
		CHECK_FOR_INTERRUPTS();
		attempt = try_to_record(ingest, batch, first, n);
	}
	if (attempt == DEADLOCKED)
		ereport(ERROR,
				(errcode(ERRCODE_T_R_DEADLOCK_DETECTED),
				 errmsg("messages were not recorded because of deadlocks, %d times", MAX_ATTEMPTS),
				 errhint("Send them again; nothing of them was recorded.")));
	return attempt == RECORDED;
}

static void
record_each(MhubIngest *ingest, MhubEventBatch *batch)
{
	for (int i = 0; i < ingest->n_messages; i++)
	{
		CHECK_FOR_INTERRUPTS();
		(void) record_together(ingest, batch, i, 1);
	}
}

/*
 * Duplicates are rare: first as if there were none, then with an eye on them,
 * and when even that fails each message by itself.
 */
static void
record_batch(MhubIngest *ingest, MhubEventBatch *batch)
{
	batch->expects_no_duplicate = true;
	if (record_together(ingest, batch, 0, ingest->n_messages))
		return;
	batch->expects_no_duplicate = false;
	if (!record_together(ingest, batch, 0, ingest->n_messages) && ingest->n_messages > 1)
		record_each(ingest, batch);
}

/*
 * Sessions that ingest do so again and again: they keep the first megabyte
 * instead of handing it back to the system and getting it cleared every time.
 */
static MemoryContext
kept_memory(void)
{
	static MemoryContext memory = NULL;

	if (memory == NULL)
		memory = AllocSetContextCreate(TopMemoryContext, "mhub ingest", KEPT_MEMORY, KEPT_MEMORY, ALLOCSET_DEFAULT_MAXSIZE);
	return memory;
}

static void
record_all(MhubIngest *ingest)
{
	static bool busy = false;	/* a trigger on our tables might ingest, too */
	MhubEventBatch *batch;

	ingest->outcomes = MemoryContextAllocExtended(ingest->memory, Max(ingest->n_messages, 1) * sizeof(MhubEvent),
												  MCXT_ALLOC_HUGE | MCXT_ALLOC_ZERO);
	if (ingest->n_messages == 0)
		return;
	if (busy)
	{
		batch = mhub_event_batch_create(MHUB_INGEST_SOURCE);
		record_batch(ingest, batch);
		mhub_event_batch_destroy(batch);
		return;
	}
	busy = true;
	PG_TRY();
	{
		batch = mhub_event_batch_create_in(kept_memory(), MHUB_INGEST_SOURCE);
		record_batch(ingest, batch);
		mhub_event_batch_destroy(batch);
	}
	PG_FINALLY();
	{
		busy = false;
	}
	PG_END_TRY();
}

static const char *
raw_text(const MhubIngest *ingest, int i)
{
	Jsonb	   *jsonb;

	if (ingest->unread != NULL && ingest->unread[i].raw != NULL)
		return ingest->unread[i].raw;
	jsonb = JsonbValueToJsonb(&ingest->messages[i]);
	return JsonbToCString(NULL, &jsonb->root, VARSIZE_ANY_EXHDR(jsonb));
}

static void
keep_rejected(MhubIngest *ingest)
{
	for (int i = 0; i < ingest->n_messages; i++)
	{
		MhubEvent  *outcome = &ingest->outcomes[i];

		if (outcome->status == MHUB_EVENT_REJECTED)
			mhub_reject(MHUB_INGEST_SOURCE, outcome->reason, outcome->detail, outcome->message_id, raw_text(ingest, i));
	}
}

static void
add_result(ReturnSetInfo *result, int i, const MhubEvent *outcome)
{
	static const char *const words[] = {"pending", "accepted", "duplicate", "rejected"};
	const char *texts[] = {outcome->message_id, words[outcome->status], outcome->reason, outcome->detail};
	int64		ids[] = {outcome->event_id, outcome->person_id};
	Datum		values[1 + lengthof(texts) + lengthof(ids)] = {0};
	bool		nulls[lengthof(values)] = {false};
	int			n = 0;

	values[n++] = Int32GetDatum(i + 1);
	for (size_t k = 0; k < lengthof(texts); k++, n++)
	{
		nulls[n] = texts[k] == NULL;
		if (texts[k] != NULL)
			values[n] = CStringGetTextDatum(texts[k]);
	}
	for (size_t k = 0; k < lengthof(ids); k++, n++)
	{
		nulls[n] = ids[k] == 0 || outcome->status == MHUB_EVENT_REJECTED;
		values[n] = Int64GetDatum(ids[k]);
	}
	tuplestore_putvalues(result->setResult, result->setDesc, values, nulls);
}

/* What could not even be read was given to be recorded as null: its outcome is another, and it is kept as it came. */
static void
tell_unread(MhubIngest *ingest)
{
	for (int i = 0; i < ingest->n_messages && ingest->unread != NULL; i++)
	{
		if (ingest->unread[i].raw == NULL)
			continue;
		ingest->outcomes[i].reason = "not_json";
		ingest->outcomes[i].detail = ingest->unread[i].why;
	}
}

void
mhub_ingest_run(MhubIngest *ingest, ReturnSetInfo *result)
{
	record_all(ingest);
	tell_unread(ingest);
	keep_rejected(ingest);
	for (int i = 0; i < ingest->n_messages; i++)
		add_result(result, i, &ingest->outcomes[i]);
}

void
mhub_ingest_body(Jsonb *body, ReturnSetInfo *result)
{
	MhubIngest	ingest = {.memory = CurrentMemoryContext};

	find_messages(&ingest, body);
	mhub_ingest_run(&ingest, result);
}

Datum
mhub_ingest(PG_FUNCTION_ARGS)
{
	InitMaterializedSRF(fcinfo, 0);
	mhub_ingest_body(PG_GETARG_JSONB_P(0), (ReturnSetInfo *) fcinfo->resultinfo);
	return (Datum) 0;
}

/*
 * ingest.c
 *	  mhub.ingest(): bodies as Segment's libraries send them.
 */
#include "collect/ingest.h"

#include "collect/json_object.h"
#include "funcapi.h"
#include "utils/builtins.h"
#include "utils/memutils.h"
#include "utils/tuplestore.h"

PG_FUNCTION_INFO_V1(mhub_ingest);

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
		MhubOutcome *outcome = &ingest->outcomes[i];

		if (outcome->status == MHUB_EVENT_REJECTED)
			mhub_reject(MHUB_INGEST_SOURCE, outcome->reason, outcome->detail, outcome->message_id, raw_text(ingest, i));
	}
}

static void
add_result(ReturnSetInfo *result, int i, const MhubOutcome *outcome)
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
	mhub_ingest_record(ingest);
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

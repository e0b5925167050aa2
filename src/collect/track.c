/*
 * track.c
 *	  The collection calls in SQL: mhub.track(), page(), screen(), and
 *	  mhub.record_event() for the hub's own events.
 */
#include "collect/collect.h"

#include "collect/details.h"
#include "collect/json_object.h"
#include "collect/message.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/timestamp.h"

PG_FUNCTION_INFO_V1(mhub_track);
PG_FUNCTION_INFO_V1(mhub_page);
PG_FUNCTION_INFO_V1(mhub_screen);
PG_FUNCTION_INFO_V1(mhub_record_event);

/* Type of events that the hub records about itself */
#define HUB_EVENT "hub"

static const char *
text_argument(FunctionCallInfo fcinfo, int n)
{
	return PG_ARGISNULL(n) ? NULL : text_to_cstring(PG_GETARG_TEXT_PP(n));
}

static TimestampTz
time_argument(FunctionCallInfo fcinfo, int n)
{
	TimestampTz time;

	if (PG_ARGISNULL(n))
		return DT_NOBEGIN;
	time = PG_GETARG_TIMESTAMPTZ(n);
	if (TIMESTAMP_NOT_FINITE(time))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("occurred_at must be a finite time")));
	return time;
}

/* NULL for SQL's null and JSON's */
static Jsonb *
object_argument(FunctionCallInfo fcinfo, int n, const char *name)
{
	Jsonb	   *object;

	if (PG_ARGISNULL(n))
		return NULL;
	object = PG_GETARG_JSONB_P(n);
	if (JB_ROOT_IS_OBJECT(object))
		return object;
	if (JB_ROOT_IS_SCALAR(object) && getIthJsonbValueFromContainer(&object->root, 0)->type == jbvNull)
		return NULL;
	ereport(ERROR,
			(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
			 errmsg("%s must be a JSON object", name)));
}

static void
add_identifiers(MhubEventBatch *batch, MhubEvent *event, Jsonb *identifiers)
{
	int			n;
	IdentityName *names;

	if (identifiers == NULL)
		return;
	names = mhub_identity_names(identifiers, false, &n);
	for (int i = 0; i < n; i++)
		mhub_event_add_name(batch, event, &names[i]);
}

/* The caller waits for an answer, so what rejects a message of a batch is an error here. */
static int64
record_one(MhubEventBatch *batch, MhubEvent *event)
{
	int64		event_id;

	mhub_event_batch_record(batch);
	if (event->status == MHUB_EVENT_REJECTED)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("event is rejected: %s", event->reason),
				 event->detail != NULL ? errdetail("%s.", event->detail) : 0));
	event_id = event->event_id;
	mhub_event_batch_destroy(batch);
	return event_id;
}

/* Arguments: name, identifiers, properties, context, occurred_at, message_id */
static int64
collect_call(FunctionCallInfo fcinfo, const char *type, const char *name)
{
	MhubEventBatch *batch = mhub_event_batch_create(type);
	MhubEvent  *event = mhub_event_batch_add(batch);
	MemoryContext old = MemoryContextSwitchTo(batch->memory);
	Jsonb	   *properties = object_argument(fcinfo, 2, "properties");
	Jsonb	   *context = object_argument(fcinfo, 3, "context");

	event->type = type;
	event->name = name != NULL ? name : text_argument(fcinfo, 0);
	add_identifiers(batch, event, object_argument(fcinfo, 1, "identifiers"));
	if (name != NULL && !PG_ARGISNULL(0))
		properties = mhub_json_with_text(properties, "name", text_argument(fcinfo, 0));
	if (properties != NULL)
		mhub_event_take_properties(event, properties);
	if (context != NULL)
		mhub_event_take_context(batch, event, &context->root);
	event->original_timestamp = time_argument(fcinfo, 4);
	event->message_id = text_argument(fcinfo, 5);
	MemoryContextSwitchTo(old);
	return record_one(batch, event);
}

Datum
mhub_track(PG_FUNCTION_ARGS)
{
	PG_RETURN_INT64(collect_call(fcinfo, "track", NULL));
}

Datum
mhub_page(PG_FUNCTION_ARGS)
{
	PG_RETURN_INT64(collect_call(fcinfo, "page", MHUB_PAGE_EVENT));
}

Datum
mhub_screen(PG_FUNCTION_ARGS)
{
	PG_RETURN_INT64(collect_call(fcinfo, "screen", MHUB_SCREEN_EVENT));
}

/* Arguments: identifier_id, name, properties, occurred_at, message_id */
Datum
mhub_record_event(PG_FUNCTION_ARGS)
{
	MhubEventBatch *batch = mhub_event_batch_create(HUB_EVENT);
	MhubEvent  *event = mhub_event_batch_add(batch);
	MemoryContext old = MemoryContextSwitchTo(batch->memory);
	Jsonb	   *properties = object_argument(fcinfo, 2, "properties");

	event->type = HUB_EVENT;
	event->identifier_id = PG_ARGISNULL(0) ? 0 : PG_GETARG_INT64(0);
	event->name = text_argument(fcinfo, 1);
	if (properties != NULL)
		mhub_event_take_properties(event, properties);
	event->original_timestamp = time_argument(fcinfo, 3);
	event->message_id = text_argument(fcinfo, 4);
	MemoryContextSwitchTo(old);
	PG_RETURN_INT64(record_one(batch, event));
}

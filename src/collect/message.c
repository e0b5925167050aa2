/*
 * message.c
 *	  Segment's messages as events.
 *
 * The field names and their meaning are those of Segment's specification and
 * HTTP API.  Whatever a message lacks rejects that message with a reason.
 */
#include "collect/message.h"

#include <math.h>

#include "collect/client_time.h"
#include "collect/details.h"
#include "collect/json_object.h"
#include "collect/record.h"
#include "common/hashfn.h"
#include "fmgr.h"
#include "utils/builtins.h"
#include "utils/fmgrprotos.h"

/* Safely within a bigint */
#define SEQUENCE_MAX 9.2e18

/* Reads a time, text or epoch number; false when there is something that is no time. */
static bool
read_time(JsonbContainer *object, const char *key, TimestampTz *time)
{
	JsonbValue	value;

	if (!mhub_json_get(object, key, &value))
		return true;
	if (value.type == jbvString)
		return mhub_parse_client_time(value.val.string.val, value.val.string.len, time);
	if (value.type == jbvNumeric)
		return mhub_epoch_time(mhub_number_approximately(value.val.numeric), time);
	return false;
}

static bool
read_times(MhubEvent *event, JsonbContainer *message, const MhubEnvelope *envelope)
{
	event->sent_at = envelope->sent_at;
	if (!read_time(message, "timestamp", &event->original_timestamp) ||
		!read_time(message, "originalTimestamp", &event->original_timestamp))
	{
		mhub_reject_event(event, "invalid_timestamp", "timestamp is neither ISO 8601 nor an epoch number");
		return false;
	}
	/* A broken sentAt only means that the skew of the clock stays unknown. */
	(void) read_time(message, "sentAt", &event->sent_at);
	return true;
}

void
mhub_read_envelope(JsonbContainer *body, MhubEnvelope *envelope)
{
	JsonbValue	value;

	envelope->sent_at = DT_NOBEGIN;
	envelope->context = NULL;
	if (body == NULL)
		return;
	(void) read_time(body, "sentAt", &envelope->sent_at);
	envelope->context = mhub_json_object(body, "context", &value);
}

/* The type as sent.  Those there are have one string each for all events, which needs to be made a value once. */
static const char *
type_sent(JsonbContainer *message)
{
	static const char *const types[] = {"page", "track", "screen", "identify", "group", "alias"};
	JsonbValue	value;

	if (!mhub_json_get(message, "type", &value))
		return NULL;
	for (size_t i = 0; i < lengthof(types) && value.type == jbvString; i++)
	{
		if (mhub_key_is(value.val.string.val, value.val.string.len, types[i]))
			return types[i];
	}
	return mhub_value_text(&value);
}

/* The endpoints for a single message leave the type out, since their address says it. */
static const char *
type_of(JsonbContainer *message)
{
	static const char *const telling[][2] = {
		{"event", "track"}, {"groupId", "group"}, {"previousId", "alias"}, {"traits", "identify"}
	};
	const char *type = type_sent(message);
	JsonbValue	value;

	for (size_t i = 0; i < lengthof(telling) && type == NULL; i++)
	{
		if (mhub_json_get(message, telling[i][0], &value))
			type = telling[i][1];
	}
	return type;
}

/* A call of the specification: what it is named as an event, and whether it is one. */
static bool
read_kind_of_call(MhubEvent *event, JsonbContainer *message)
{
	event->type = type_of(message);
	if (event->type == NULL)
		mhub_reject_event(event, "no_type", NULL);
	else if (strcmp(event->type, "track") == 0)
		event->name = mhub_json_text(message, "event");
	else if (strcmp(event->type, "page") == 0)
		event->name = MHUB_PAGE_EVENT;
	else if (strcmp(event->type, "screen") == 0)
		event->name = MHUB_SCREEN_EVENT;
	else if (strcmp(event->type, "identify") == 0 || strcmp(event->type, "group") == 0 || strcmp(event->type, "alias") == 0)
	{
		event->name = event->type;
		event->stores_event = false;
	}
	else
		mhub_reject_event(event, "unknown_type", NULL);
	return event->status != MHUB_EVENT_REJECTED;
}

static void
add_id(MhubEventBatch *batch, MhubEvent *event, const char *kind, JsonbContainer *object, const char *key)
{
	const char *value = mhub_json_text(object, key);

	if (value != NULL)
		mhub_event_add_identifier(batch, event, kind, value);
}

/* An object; null for nothing, as which the empty array that PHP makes of it counts, too.  False when it is something else. */
static bool
read_object(MhubEvent *event, JsonbContainer *message, const char *key, JsonbValue *value)
{
	if (!mhub_json_get(message, key, value))
		value->type = jbvNull;
	else if (value->type == jbvBinary && JsonContainerSize(value->val.binary.data) == 0)
		value->type = jbvNull;
	else if (!mhub_value_is_object(value))
		mhub_reject_event(event, psprintf("%s_not_object", key), NULL);
	return event->status != MHUB_EVENT_REJECTED;
}

static void
read_group(MhubEvent *event, JsonbContainer *message)
{
	JsonbValue	traits;

	event->group_id = mhub_json_text(message, "groupId");
	if (event->group_id == NULL)
		mhub_reject_event(event, "no_group_id", NULL);
	else if (read_object(event, message, "traits", &traits) && traits.type != jbvNull)
		event->group_traits = JsonbValueToJsonb(&traits);
}

/* Without an earlier id there must be two others to be one person. */
static void
read_earlier_id(MhubEvent *event, JsonbContainer *message)
{
	event->alias_of = mhub_json_text(message, "previousId");
	if (event->alias_of == NULL && event->n_identifiers == 1)
		mhub_reject_event(event, "no_previous_id", NULL);
}

static void
read_identifiers(MhubEventBatch *batch, MhubEvent *event, JsonbContainer *message)
{
	JsonbValue	traits;

	add_id(batch, event, "user_id", message, "userId");
	add_id(batch, event, "anonymous_id", message, "anonymousId");
	if (strcmp(event->type, "alias") == 0)
		read_earlier_id(event, message);
	if (strcmp(event->type, "identify") == 0 && read_object(event, message, "traits", &traits))
		mhub_event_take_traits(batch, event, &traits, true);
}

/* name and category of a page or screen stand beside its properties; clients mostly repeat them there. */
static Jsonb *
page_properties(MhubEvent *event, JsonbContainer *message, Jsonb *properties)
{
	static const char *const keys[] = {"name", "category"};

	if (strcmp(event->type, "track") == 0)
		return properties;
	for (size_t i = 0; i < lengthof(keys); i++)
	{
		char	   *text = mhub_json_text(message, keys[i]);

		if (text != NULL)
			properties = mhub_json_with_text(properties, keys[i], text);
	}
	return properties;
}

static void
read_properties(MhubEvent *event, JsonbContainer *message)
{
	JsonbValue	value;
	Jsonb	   *properties = NULL;

	if (!event->stores_event || !read_object(event, message, "properties", &value))
		return;
	if (value.type != jbvNull)
		properties = JsonbValueToJsonb(&value);
	properties = page_properties(event, message, properties);
	if (properties != NULL)
		mhub_event_take_properties(event, properties);
}

static void
read_context(MhubEventBatch *batch, MhubEvent *event, JsonbContainer *message, const MhubEnvelope *envelope)
{
	JsonbValue	value;

	if (!read_object(event, message, "context", &value))
		return;
	if (value.type != jbvNull)
		mhub_event_take_context(batch, event, value.val.binary.data);
	if (envelope->context != NULL)
		mhub_event_take_context(batch, event, envelope->context);
}

static void
read_sequence(MhubEvent *event, JsonbContainer *message)
{
	Numeric		number = mhub_json_number(message, "sequence");

	if (number == NULL || fabs(mhub_number_approximately(number)) > SEQUENCE_MAX)
		return;
	event->has_client_sequence = true;
	event->client_sequence = DatumGetInt64(DirectFunctionCall1(numeric_int8, NumericGetDatum(number)));
}

static MhubMember
content_filter(const char *key, int key_length, JsonbValue *value pg_attribute_unused(), void *state pg_attribute_unused())
{
	return mhub_key_is(key, key_length, "sentAt") ? MHUB_MEMBER_DROP : MHUB_MEMBER_KEEP;
}

/*
 * A message without an id: the same content at the same client time is the
 * same message sent again.  Without a time of its own nothing tells two alike
 * messages from one sent twice, and each counts.
 */
static const char *
id_from_content(JsonbContainer *message)
{
	Jsonb	   *content = mhub_json_filtered(message, content_filter, NULL);
	const unsigned char *data = (const unsigned char *) VARDATA_ANY(content);
	int			length = VARSIZE_ANY_EXHDR(content);

	return psprintf("content-" UINT64_FORMAT "-" UINT64_FORMAT, hash_bytes_extended(data, length, 0),
					hash_bytes_extended(data, length, 1));
}

/* Fills in the event; a message that cannot be one is marked as rejected. */
void
mhub_read_message(MhubEventBatch *batch, MhubEvent *event,
				  const JsonbValue *message, const MhubEnvelope *envelope)
{
	JsonbContainer *object;

	if (!mhub_value_is_object(message))
	{
		mhub_reject_event(event, "not_an_object", NULL);
		return;
	}
	object = message->val.binary.data;
	event->message_id = mhub_json_text(object, "messageId");
	if (!read_kind_of_call(event, object) || !read_times(event, object, envelope))
		return;
	if (event->message_id == NULL && !TIMESTAMP_IS_NOBEGIN(event->original_timestamp))
		event->message_id = id_from_content(object);
	read_identifiers(batch, event, object);
	if (strcmp(event->type, "group") == 0)
		read_group(event, object);
	read_properties(event, object);
	read_context(batch, event, object, envelope);
	read_sequence(event, object);
}

/*
 * access_log_load.c
 *	  mhub.load_access_log(): a web server's access log into events.
 *
 * Every well-formed line is one event: a page that was shown is a Page Viewed,
 * anything else (images, redirects, errors, posts) a Request Received.  A line
 * that is not understood goes to mhub.rejected.  All in the caller's
 * transaction, in batches.
 */
#include "mhub.h"

#include <arpa/inet.h>
#include <openssl/sha.h>

#include "access/htup_details.h"
#include "catalog/pg_type.h"
#include "collect/access_log.h"
#include "collect/collect.h"
#include "collect/line_source.h"
#include "collect/own_host.h"
#include "common/encoding.h"
#include "funcapi.h"
#include "lib/stringinfo.h"
#include "miscadmin.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/hsearch.h"
#include "utils/inet.h"
#include "utils/memutils.h"

PG_FUNCTION_INFO_V1(mhub_load_access_log_file);
PG_FUNCTION_INFO_V1(mhub_load_access_log_lines);

#define SOURCE_NAME "access_log"
#define EVENTS_PER_BATCH 2000
#define LINE_DIGEST_LENGTH 16

/* Equal lines carry the same second; those an hour apart in the log are no longer told from a repetition. */
#define REPETITION_SECONDS 3600

typedef struct LineCount
{
	uint8		digest[LINE_DIGEST_LENGTH]; /* hash key */
	int			count;
} LineCount;

typedef struct Load
{
	LineSource *source;
	MemoryContext memory;		/* of the whole load; the batch has one of its own */
	MhubEventBatch *batch;
	char	   *host;			/* the site's own host */
	HTAB	   *seen;			/* lines of the last hour, to tell equal ones apart */
	int64		seen_since;		/* unix seconds */

	int64		lines;
	int64		events;
	int64		duplicates;
	int64		rejected;
	int64		first_at;		/* unix seconds */
	int64		last_at;
} Load;

/* Bytes that may be no text at all, as text that shows them. */
static char *
escaped_bytes(const char *bytes, size_t length)
{
	StringInfoData result;

	initStringInfo(&result);
	for (size_t i = 0; i < length; i++)
	{
		unsigned char c = (unsigned char) bytes[i];

		if (c < 0x20 || c >= 0x7f)
			appendStringInfo(&result, "\\x%02x", c);
		else
			appendStringInfoChar(&result, (char) c);
	}
	return result.data;
}

/* A field as text without the log's escapes; NULL when the line has none. */
static char *
field_text(LogField field)
{
	char	   *bytes;
	char	   *result;

	if (field.length == 0)
		return NULL;
	bytes = palloc(field.length);
	result = mhub_from_utf8(bytes, access_log_unescape(field, bytes));
	/* \xHH may spell bytes that are no text: then the spelling itself is kept. */
	if (result == NULL)
		result = mhub_from_utf8(field.start, field.length);
	return result;
}

/* The client's address, where the line gives one and not a name. */
static inet *
address_of(const char *host)
{
	unsigned char bytes[16];

	if (inet_pton(AF_INET, host, bytes) != 1 && inet_pton(AF_INET6, host, bytes) != 1)
		return NULL;
	return DatumGetInetPP(DirectFunctionCall1(inet_in, CStringGetDatum(host)));
}

static void
hex_of(const uint8 *bytes, size_t length, char *out)
{
	out[hex_encode((const char *) bytes, length, out)] = '\0';
}

/* Address and agent together: all that an access log says of somebody without an account. */
static char *
visitor_of(const char *host, const char *user_agent)
{
	uint8		digest[SHA256_DIGEST_LENGTH];
	char	   *text = psprintf("%s\n%s", host, user_agent != NULL ? user_agent : "");
	char	   *result = palloc(2 * LINE_DIGEST_LENGTH + 1);

	SHA256((const unsigned char *) text, strlen(text), digest);
	hex_of(digest, LINE_DIGEST_LENGTH, result);
	pfree(text);
	return result;
}

static HTAB *
create_seen(Load *load)
{
	HASHCTL		control = {.keysize = LINE_DIGEST_LENGTH, .entrysize = sizeof(LineCount), .hcxt = load->memory};

	return hash_create("lines of an access log", 1024, &control, HASH_ELEM | HASH_BLOBS | HASH_CONTEXT);
}

/*
 * The message id: a digest of the line and how many equal ones came before it.
 * So the same log loaded twice gives duplicates, and two equal requests within
 * one second stay two.
 */
static char *
message_id_of(Load *load, const char *line, size_t length, int64 unix_seconds)
{
	uint8		digest[SHA256_DIGEST_LENGTH];
	char		hex[2 * LINE_DIGEST_LENGTH + 1];
	LineCount  *entry;
	bool		found;

	if (unix_seconds - load->seen_since > REPETITION_SECONDS)
	{
		hash_destroy(load->seen);
		load->seen = create_seen(load);
		load->seen_since = unix_seconds;
	}
	SHA256((const unsigned char *) line, length, digest);
	entry = hash_search(load->seen, digest, HASH_ENTER, &found);
	entry->count = found ? entry->count + 1 : 0;
	hex_of(digest, LINE_DIGEST_LENGTH, hex);
	return psprintf("log-%s-%d", hex, entry->count);
}

static void
reject_line(Load *load, const char *reason, const char *detail, const char *line, size_t length)
{
	char	   *raw = mhub_from_utf8(line, length);

	if (raw == NULL)
		raw = escaped_bytes(line, length);
	mhub_reject(SOURCE_NAME, reason, detail, message_id_of(load, line, length, load->seen_since), raw);
	pfree(raw);
	load->rejected++;
}

static JsonbValue *
push_pair(JsonbParseState **state, const char *key, JsonbValue *value)
{
	JsonbValue	name = {.type = jbvString, .val.string = {.len = (int) strlen(key), .val = unconstify(char *, key)}};

	pushJsonbValue(state, WJB_KEY, &name);
	return pushJsonbValue(state, WJB_VALUE, value);
}

static void
push_text(JsonbParseState **state, const char *key, char *text)
{
	JsonbValue	value = {.type = jbvString};

	if (text == NULL)
		return;
	value.val.string.val = text;
	value.val.string.len = (int) strlen(text);
	push_pair(state, key, &value);
}

static void
push_integer(JsonbParseState **state, const char *key, int64 number)
{
	JsonbValue	value = {.type = jbvNumeric, .val.numeric = int64_to_numeric(number)};

	push_pair(state, key, &value);
}

/* {"path": ..., "method": ..., "status": ..., "bytes": ...} */
static Jsonb *
request_properties(const AccessLogLine *line)
{
	JsonbParseState *state = NULL;

	pushJsonbValue(&state, WJB_BEGIN_OBJECT, NULL);
	push_text(&state, "path", field_text(access_log_path(line->target)));
	push_text(&state, "method", field_text(line->method));
	push_integer(&state, "status", line->status);
	push_integer(&state, "bytes", line->bytes);
	return JsonbValueToJsonb(pushJsonbValue(&state, WJB_END_OBJECT, NULL));
}

/* A page that was shown: asked for by GET, found, and no file that other pages embed. */
static bool
is_page_view(const AccessLogLine *line)
{
	bool		found = (line->status >= 200 && line->status < 300) || line->status == 304;

	return found && line->method.length == 3 && memcmp(line->method.start, "GET", 3) == 0 &&
		!access_log_is_asset(line->target);
}

/* The address asked for.  A proxy's log has it whole; otherwise the log's own host completes it. */
static char *
url_of(Load *load, const AccessLogLine *line)
{
	char	   *target = field_text(line->target);

	if (target == NULL || target[0] != '/')
		return target;
	return psprintf("https://%s%s", load->host != NULL ? load->host : "localhost", target);
}

static void
add_identifiers(Load *load, MhubEvent *event, const AccessLogLine *line, const char *host)
{
	char	   *user = field_text(line->user);

	if (user != NULL)
		mhub_event_add_identifier(load->batch, event, "user_id", user);
	mhub_event_add_identifier(load->batch, event, "fingerprint", visitor_of(host, event->user_agent));
}

static TimestampTz
timestamp_of(int64 unix_seconds)
{
	return (unix_seconds - (int64) (POSTGRES_EPOCH_JDATE - UNIX_EPOCH_JDATE) * SECS_PER_DAY) * USECS_PER_SEC;
}

static void
add_event(Load *load, const AccessLogLine *line, const char *raw, size_t length)
{
	MemoryContext old = MemoryContextSwitchTo(load->batch->memory);
	MhubEvent  *event = mhub_event_batch_add(load->batch);
	char	   *host = field_text(line->host);
	bool		page_view = is_page_view(line);

	event->type = page_view ? "page" : "track";
	event->name = page_view ? "Page Viewed" : "Request Received";
	event->message_id = message_id_of(load, raw, length, line->unix_seconds);
	event->original_timestamp = timestamp_of(line->unix_seconds);
	event->url = url_of(load, line);
	event->referrer = field_text(line->referrer);
	event->user_agent = field_text(line->user_agent);
	event->ip = address_of(host);
	event->properties = request_properties(line);
	add_identifiers(load, event, line, host);
	MemoryContextSwitchTo(old);

	load->first_at = Min(load->first_at, line->unix_seconds);
	load->last_at = Max(load->last_at, line->unix_seconds);
}

/* Writes what has gathered and counts what became of it. */
static void
record_batch(Load *load)
{
	mhub_event_batch_record(load->batch);
	for (int i = 0; i < load->batch->n_events; i++)
	{
		MhubEvent  *event = load->batch->events[i];

		if (event->status == MHUB_EVENT_ACCEPTED)
			load->events++;
		else if (event->status == MHUB_EVENT_DUPLICATE)
			load->duplicates++;
		else
		{
			mhub_reject(SOURCE_NAME, event->reason, event->detail, event->message_id, event->url);
			load->rejected++;
		}
	}
	mhub_event_batch_reset(load->batch);
}

static void
load_line(Load *load, const char *line, size_t length)
{
	AccessLogLine parsed;
	const char *problem;
	char	   *valid;

	load->lines++;
	valid = mhub_from_utf8(line, length);
	if (valid == NULL)
	{
		reject_line(load, "invalid_encoding", "the line is not valid UTF-8", line, length);
		return;
	}
	pfree(valid);
	problem = access_log_parse(line, length, &parsed);
	if (problem != NULL)
		reject_line(load, "malformed_line", problem, line, length);
	else
		add_event(load, &parsed, line, length);
}

static void
load_all(Load *load)
{
	const char *line;
	size_t		length;

	while (line_source_next(load->source, &line, &length))
	{
		CHECK_FOR_INTERRUPTS();
		if (length > 0)
			load_line(load, line, length);
		if (load->batch->n_events == EVENTS_PER_BATCH)
			record_batch(load);
	}
	if (load->batch->n_events > 0)
		record_batch(load);
	mhub_event_batch_destroy(load->batch);
}

static Datum
answer(FunctionCallInfo fcinfo, Load *load)
{
	TupleDesc	descriptor;
	Datum		values[7];
	bool		nulls[7] = {false};
	bool		nothing = load->last_at < load->first_at;

	if (get_call_result_type(fcinfo, NULL, &descriptor) != TYPEFUNC_COMPOSITE)
		elog(ERROR, "return type must be a row type");
	values[0] = Int64GetDatum(load->lines);
	values[1] = Int64GetDatum(load->events);
	values[2] = Int64GetDatum(load->duplicates);
	values[3] = Int64GetDatum(load->rejected);
	values[4] = TimestampTzGetDatum(timestamp_of(load->first_at));
	values[5] = TimestampTzGetDatum(timestamp_of(load->last_at));
	nulls[4] = nulls[5] = nothing;
	nulls[6] = load->host == NULL;
	if (load->host != NULL)
		values[6] = CStringGetTextDatum(load->host);
	return HeapTupleGetDatum(heap_form_tuple(BlessTupleDesc(descriptor), values, nulls));
}

static Datum
load_from(FunctionCallInfo fcinfo, LineSource *source)
{
	Load		load = {.source = source, .memory = CurrentMemoryContext, .first_at = PG_INT64_MAX / 2, .last_at = PG_INT64_MIN / 2};

	load.host = PG_ARGISNULL(1) ? own_host_of_log(source) : text_to_cstring(PG_GETARG_TEXT_PP(1));
	load.seen = create_seen(&load);
	load.batch = mhub_event_batch_create(SOURCE_NAME);
	load_all(&load);
	return answer(fcinfo, &load);
}

Datum
mhub_load_access_log_file(PG_FUNCTION_ARGS)
{
	if (PG_ARGISNULL(0))
		PG_RETURN_NULL();
	return load_from(fcinfo, line_source_open_file(text_to_cstring(PG_GETARG_TEXT_PP(0))));
}

Datum
mhub_load_access_log_lines(PG_FUNCTION_ARGS)
{
	if (PG_ARGISNULL(0))
		PG_RETURN_NULL();
	return load_from(fcinfo, line_source_open_array(PG_GETARG_ARRAYTYPE_P(0)));
}

/*
 * event_rows.c
 *	  The batch's events as rows of mhub.event.
 */
#include "collect/record.h"

#include "catalog/pg_type_d.h"
#include "collect/transient_rows.h"
#include "common/spi_plan.h"
#include "utils/builtins.h"

/* In the order of fill_row() */
static const MhubColumn event_columns[] = {
	{"event_id", INT8OID},
	{"occurred_at", TIMESTAMPTZOID},
	{"received_at", TIMESTAMPTZOID},
	{"identifier_id", INT8OID},
	{"type", TEXTOID},
	{"name", TEXTOID},
	{"message_id", TEXTOID},
	{"channel", TEXTOID},
	{"source", TEXTOID},
	{"medium", TEXTOID},
	{"campaign", TEXTOID},
	{"term", TEXTOID},
	{"content", TEXTOID},
	{"campaign_id", TEXTOID},
	{"click_id", TEXTOID},
	{"click_network", TEXTOID},
	{"referrer_host", TEXTOID},
	{"search_term", TEXTOID},
	{"is_paid", BOOLOID},
	{"url", TEXTOID},
	{"ip", INETOID},
	{"user_agent", TEXTOID},
	{"invalid_reason", TEXTOID},
	{"value", NUMERICOID},
	{"currency", TEXTOID},
	{"original_timestamp", TIMESTAMPTZOID},
	{"sent_at", TIMESTAMPTZOID},
	{"client_sequence", INT8OID},
	{"properties", JSONBOID},
	{"context", JSONBOID}
};

static MhubRowType event_rows = {"mhub_new_event", lengthof(event_columns), event_columns, NULL};

#define EVENT_COLUMN_LIST \
	"event_id, occurred_at, received_at, identifier_id, type, name, message_id, channel, source, medium, campaign, " \
	"term, content, campaign_id, click_id, click_network, referrer_host, search_term, is_paid, url, ip, user_agent, " \
	"invalid_reason, value, currency, original_timestamp, sent_at, client_sequence, properties, context"

static MhubPlan insert_events = {
	"INSERT INTO mhub.event (" EVENT_COLUMN_LIST ") SELECT " EVENT_COLUMN_LIST " FROM mhub_new_event",
	0, {0}, NULL
};

/* A power of 2 */
#define KNOWN_TEXTS 64

/* A string as a datum: most are shared by many events (visit_cache.c), and by their addresses that shows. */
typedef struct KnownText
{
	const char *string;
	Datum		datum;
} KnownText;

/* The row under construction */
typedef struct RowBuilder
{
	KnownText	known[KNOWN_TEXTS];
	int			n;
	Datum		values[lengthof(event_columns)];
	bool		nulls[lengthof(event_columns)];
} RowBuilder;

static void
put(RowBuilder *row, Datum value, bool isnull)
{
	row->values[row->n] = value;
	row->nulls[row->n] = isnull;
	row->n++;
}

static Datum
text_datum(RowBuilder *row, const char *string)
{
	KnownText  *known = &row->known[((uintptr_t) string / MAXIMUM_ALIGNOF) % KNOWN_TEXTS];

	if (known->string != string)
	{
		known->string = string;
		known->datum = CStringGetTextDatum(string);
	}
	return known->datum;
}

static void
put_text(RowBuilder *row, const char *text)
{
	put(row, text == NULL ? (Datum) 0 : text_datum(row, text), text == NULL);
}

static void
put_time(RowBuilder *row, TimestampTz time)
{
	put(row, TimestampTzGetDatum(time), TIMESTAMP_IS_NOBEGIN(time));
}

static void
put_object(RowBuilder *row, Jsonb *object, Jsonb *empty)
{
	put(row, JsonbPGetDatum(object == NULL ? empty : object), false);
}

static void
put_source(RowBuilder *row, const MhubSource *source)
{
	put_text(row, source->channel);
	put_text(row, source->source);
	put_text(row, source->medium);
	put_text(row, source->campaign);
	put_text(row, source->term);
	put_text(row, source->content);
	put_text(row, source->campaign_id);
	put_text(row, source->click_id);
	put_text(row, source->click_network);
	put_text(row, source->referrer_host);
	put_text(row, source->search_term);
	put(row, BoolGetDatum(source->is_paid), source->channel == NULL);
}

static void
fill_row(RowBuilder *row, const MhubEventBatch *batch, const MhubEvent *event, Jsonb *empty)
{
	row->n = 0;
	put(row, Int64GetDatum(event->event_id), false);
	put_time(row, event->occurred_at);
	put_time(row, batch->received_at);
	put(row, Int64GetDatum(event->identifier_id), false);
	put_text(row, event->type);
	put_text(row, event->name);
	put_text(row, event->message_id);
	put_source(row, &event->source);
	put_text(row, event->url);
	put(row, InetPGetDatum(event->ip), event->ip == NULL);
	put_text(row, event->user_agent);
	put_text(row, event->invalid_reason);
	put(row, NumericGetDatum(event->value), event->value == NULL);
	put_text(row, event->currency);
	put_time(row, event->original_timestamp);
	put_time(row, event->sent_at);
	put(row, Int64GetDatum(event->client_sequence), !event->has_client_sequence);
	put_object(row, event->properties, empty);
	put_object(row, event->context, empty);
	Assert(row->n == lengthof(event_columns));
}

static Jsonb *
empty_object(void)
{
	JsonbParseState *state = NULL;

	pushJsonbValue(&state, WJB_BEGIN_OBJECT, NULL);
	return JsonbValueToJsonb(pushJsonbValue(&state, WJB_END_OBJECT, NULL));
}

/* Inserts the accepted events of the batch. */
void
mhub_insert_events(MhubEventBatch *batch)
{
	Tuplestorestate *rows = mhub_transient_rows(&event_rows);
	Jsonb	   *empty = empty_object();
	RowBuilder	row;
	int			n = 0;

	memset(row.known, 0, sizeof(row.known));
	for (int i = 0; i < batch->n_events; i++)
	{
		MhubEvent  *event = batch->events[i];

		if (event->status != MHUB_EVENT_ACCEPTED || !event->stores_event)
			continue;
		fill_row(&row, batch, event, empty);
		mhub_transient_add(&event_rows, rows, row.values, row.nulls);
		n++;
	}
	if (n > 0 && SPI_execute_plan(mhub_plan(&insert_events), NULL, NULL, false, 0) != SPI_OK_INSERT)
		elog(ERROR, "could not insert events");
}

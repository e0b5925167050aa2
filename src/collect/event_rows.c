/*
 * event_rows.c
 *	  The batch's events as rows of mhub.event.
 */
#include "collect/record.h"

#include "catalog/pg_type_d.h"
#include "collect/transient_rows.h"
#include "utils/builtins.h"

#define EVENT_COLUMNS 30

/* Columns in the order of fill_row() */
static const MhubTable event_table = {
	.name = "event",
	.ncolumns = EVENT_COLUMNS,
	.columns = {"event_id", "occurred_at", "received_at", "identifier_id",
		"type", "name", "message_id",
		"channel", "source", "medium", "campaign", "term", "content",
		"campaign_id", "click_id", "click_network", "referrer_host", "search_term", "is_paid",
		"url", "ip", "user_agent", "invalid_reason",
		"value", "currency", "original_timestamp", "sent_at", "client_sequence",
	"properties", "context"},
	.types = {INT8OID, TIMESTAMPTZOID, TIMESTAMPTZOID, INT8OID,
		TEXTOID, TEXTOID, TEXTOID,
		TEXTOID, TEXTOID, TEXTOID, TEXTOID, TEXTOID, TEXTOID,
		TEXTOID, TEXTOID, TEXTOID, TEXTOID, TEXTOID, BOOLOID,
		TEXTOID, INETOID, TEXTOID, TEXTOID,
		NUMERICOID, TEXTOID, TIMESTAMPTZOID, TIMESTAMPTZOID, INT8OID,
	JSONBOID, JSONBOID}
};

static MhubRowType event_rows = {.name = "mhub_new_event", .table = &event_table};

/* A power of 2 */
#define KNOWN_TEXTS 64

/* A string as a datum: most are shared by many events (visit_cache.c), and by their addresses that shows. */
typedef struct KnownText
{
	const char *string;
	Datum		datum;
} KnownText;

/* Makes the rows: state of fill_row() */
typedef struct RowBuilder
{
	const MhubEventBatch *batch;
	MhubEvent **events;			/* those to be stored */
	Jsonb	   *empty;
	KnownText	known[KNOWN_TEXTS];

	/* The row under construction */
	int			n;
	Datum	   *values;
	bool	   *nulls;
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
put_object(RowBuilder *row, Jsonb *object)
{
	put(row, JsonbPGetDatum(object == NULL ? row->empty : object), false);
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
fill_row(void *state, int i, Datum *values, bool *nulls)
{
	RowBuilder *row = state;
	const MhubEvent *event = row->events[i];

	row->n = 0;
	row->values = values;
	row->nulls = nulls;
	put(row, Int64GetDatum(event->event_id), false);
	put_time(row, event->occurred_at);
	put_time(row, row->batch->received_at);
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
	put_object(row, event->properties);
	put_object(row, event->context);
	Assert(row->n == EVENT_COLUMNS);
}

static Jsonb *
empty_object(void)
{
	JsonbParseState *state = NULL;

	pushJsonbValue(&state, WJB_BEGIN_OBJECT, NULL);
	return JsonbValueToJsonb(pushJsonbValue(&state, WJB_END_OBJECT, NULL));
}

/* For the rows that only a statement may insert */
static void
insert_by_statement(RowBuilder *row, const int *numbers, int n)
{
	Tuplestorestate *rows = mhub_transient_rows(&event_rows);
	Datum		values[EVENT_COLUMNS];
	bool		nulls[EVENT_COLUMNS];

	for (int i = 0; i < n; i++)
	{
		fill_row(row, numbers[i], values, nulls);
		mhub_transient_add(&event_rows, rows, values, nulls);
	}
	mhub_transient_insert(&event_rows, rows);
}

/* Inserts the accepted events of the batch. */
void
mhub_insert_events(MhubEventBatch *batch)
{
	RowBuilder *row = palloc0(sizeof(RowBuilder));
	int		   *left = MemoryContextAllocHuge(batch->memory, batch->n_events * sizeof(int));
	int			n = 0;

	row->batch = batch;
	row->events = MemoryContextAllocHuge(batch->memory, batch->n_events * sizeof(MhubEvent *));
	row->empty = empty_object();
	for (int i = 0; i < batch->n_events; i++)
	{
		if (batch->events[i]->status == MHUB_EVENT_ACCEPTED && batch->events[i]->stores_event)
			row->events[n++] = batch->events[i];
	}
	if (n > 0)
		n = mhub_table_insert_routed(&event_table, n, fill_row, row, left);
	if (n > 0)
		insert_by_statement(row, left, n);
}

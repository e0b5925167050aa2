/*
 * event_facts.c
 *	  A profile's $events, from daily counters and, where asked for, from the
 *	  events themselves.  behaviour.c says what it looks like.
 */
#include "mhub.h"

#include "condition/person_facts.h"

#include "catalog/pg_type.h"
#include "condition/json_member.h"
#include "utils/builtins.h"
#include "utils/date.h"
#include "utils/datetime.h"
#include "utils/fmgrprotos.h"
#include "utils/json.h"
#include "utils/numeric.h"

/* $1 person, $2 event, $3 the time */
static MhubPlan items_plan = {
	.sql = "SELECT v.occurred_at, v.value, v.properties FROM mhub.identifier AS i "
	"JOIN mhub.event AS v ON v.identifier_id = i.identifier_id "
	"WHERE i.person_id = $1 AND v.name = $2 AND v.invalid_reason IS NULL AND v.occurred_at <= $3 ORDER BY v.occurred_at",
	.nargs = 3, .argtypes = {INT8OID, TEXTOID, TIMESTAMPTZOID}
};

static int
order_counts(const void *a, const void *b)
{
	const EventCount *x = a;
	const EventCount *y = b;
	int			order = memcmp(x->name, y->name, Min(x->length, y->length));

	if (order == 0)
		order = x->length - y->length;
	if (order == 0)
		order = (x->day > y->day) - (x->day < y->day);
	return order;
}

static Numeric
add_numbers(Numeric a, Numeric b)
{
	return DatumGetNumeric(DirectFunctionCall2(numeric_add, NumericGetDatum(a), NumericGetDatum(b)));
}

static bool
same_event(const EventCount *a, const EventCount *b)
{
	return a->length == b->length && memcmp(a->name, b->name, a->length) == 0;
}

static void
add_count(EventCount *sum, const EventCount *count)
{
	sum->count += count->count;
	sum->value = add_numbers(sum->value, count->value);
	sum->first_at = Min(sum->first_at, count->first_at);
	sum->last_at = Max(sum->last_at, count->last_at);
}

/* Identifiers of one person that did the same on the same day: their counts become one. */
static int
sum_days(EventCount *counts, int n)
{
	int			last = 0;

	for (int i = 1; i < n; i++)
	{
		if (same_event(&counts[last], &counts[i]) && counts[last].day == counts[i].day)
			add_count(&counts[last], &counts[i]);
		else
			counts[++last] = counts[i];
	}
	return n > 0 ? last + 1 : 0;
}

static void
push_number(JsonbParseState **state, const char *name, Numeric number)
{
	JsonbValue	value = {.type = jbvNumeric, .val.numeric = number};

	json_push_member(state, name, &value);
}

static void
push_time(JsonbParseState **state, const char *name, TimestampTz at)
{
	char		text[MAXDATELEN + 1];
	JsonbValue	value;

	JsonEncodeDateTime(text, TimestampTzGetDatum(at), TIMESTAMPTZOID, NULL);
	value = json_string(pstrdup(text), strlen(text));
	json_push_member(state, name, &value);
}

static void
push_days(JsonbParseState **state, const EventCount *days, int n)
{
	json_push_key(state, "days", strlen("days"));
	pushJsonbValue(state, WJB_BEGIN_OBJECT, NULL);
	for (int i = 0; i < n; i++)
	{
		char		text[MAXDATELEN + 1];

		JsonEncodeDateTime(text, DateADTGetDatum(days[i].day), DATEOID, NULL);
		push_number(state, pstrdup(text), int64_to_numeric(days[i].count));
	}
	pushJsonbValue(state, WJB_END_OBJECT, NULL);
}

static void
push_item(JsonbParseState **state, HeapTuple row, TupleDesc descriptor)
{
	JsonbValue	none = {.type = jbvNull};
	bool		isnull;
	Datum		value;

	pushJsonbValue(state, WJB_BEGIN_OBJECT, NULL);
	push_time(state, "at", DatumGetTimestampTz(SPI_getbinval(row, descriptor, 1, &isnull)));
	value = SPI_getbinval(row, descriptor, 2, &isnull);
	if (isnull)
		json_push_member(state, "value", &none);
	else
		push_number(state, "value", DatumGetNumeric(value));
	json_push_jsonb(state, "properties", DatumGetJsonbP(SPI_getbinval(row, descriptor, 3, &isnull)));
	pushJsonbValue(state, WJB_END_OBJECT, NULL);
}

/* Each single occurrence, copied into the current memory context. */
static Jsonb *
read_items(const FactsReader *reader, int64 person_id, const EventCount *event)
{
	MemoryContext context = CurrentMemoryContext;
	JsonbParseState *state = NULL;
	Datum		arguments[3];
	Jsonb	   *items;
	Jsonb	   *copy;

	if (SPI_connect() != SPI_OK_CONNECT)
		elog(ERROR, "could not connect to SPI");
	arguments[0] = Int64GetDatum(person_id);
	arguments[1] = PointerGetDatum(cstring_to_text_with_len(event->name, event->length));
	arguments[2] = TimestampTzGetDatum(reader->at);
	if (SPI_execute_plan(mhub_generic_plan(&items_plan), arguments, NULL, true, 0) != SPI_OK_SELECT)
		elog(ERROR, "could not read events");
	pushJsonbValue(&state, WJB_BEGIN_ARRAY, NULL);
	for (uint64 i = 0; i < SPI_processed; i++)
		push_item(&state, SPI_tuptable->vals[i], SPI_tuptable->tupdesc);
	items = JsonbValueToJsonb(pushJsonbValue(&state, WJB_END_ARRAY, NULL));
	copy = MemoryContextAllocHuge(context, VARSIZE(items));
	memcpy(copy, items, VARSIZE(items));
	SPI_finish();
	return copy;
}

static bool
is_listed(const FactsWanted *wanted, const EventCount *event)
{
	for (int i = 0; i < wanted->nitem_events; i++)
	{
		if ((int) strlen(wanted->item_events[i]) == event->length &&
			memcmp(wanted->item_events[i], event->name, event->length) == 0)
			return true;
	}
	return false;
}

/* "name": {"count": ..., "value": ..., "first_at": ..., "last_at": ..., "days": {...}, "items": [...]} */
static void
push_event(JsonbParseState **state, const EventCount *days, int ndays, const FactsReader *reader, int64 person_id)
{
	EventCount	sum = days[0];

	for (int i = 1; i < ndays; i++)
		add_count(&sum, &days[i]);
	json_push_key(state, sum.name, sum.length);
	pushJsonbValue(state, WJB_BEGIN_OBJECT, NULL);
	push_number(state, "count", int64_to_numeric(sum.count));
	if (reader->wanted->event_times)
	{
		push_number(state, "value", sum.value);
		push_time(state, "first_at", sum.first_at);
		push_time(state, "last_at", sum.last_at);
	}
	push_days(state, days, ndays);
	if (is_listed(reader->wanted, &sum))
		json_push_jsonb(state, "items", read_items(reader, person_id, &sum));
	pushJsonbValue(state, WJB_END_OBJECT, NULL);
}

Jsonb *
event_facts(EventCount *counts, int n, const FactsReader *reader, int64 person_id)
{
	JsonbParseState *state = NULL;
	int			next;

	if (n > 1)
		qsort(counts, n, sizeof(EventCount), order_counts);
	n = sum_days(counts, n);
	pushJsonbValue(&state, WJB_BEGIN_OBJECT, NULL);
	for (int i = 0; i < n; i = next)
	{
		for (next = i + 1; next < n && same_event(&counts[i], &counts[next]); next++)
			;
		push_event(&state, &counts[i], next - i, reader, person_id);
	}
	return JsonbValueToJsonb(pushJsonbValue(&state, WJB_END_OBJECT, NULL));
}

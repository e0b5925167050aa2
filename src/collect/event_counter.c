/*
 * event_counter.c
 *	  Moves the counters of identifiers and events in one statement a batch.
 */
#include "collect/record.h"

#include "catalog/pg_type_d.h"
#include "collect/transient_rows.h"
#include "common/hub_time.h"
#include "common/spi_plan.h"
#include "utils/builtins.h"
#include "utils/date.h"
#include "utils/fmgrprotos.h"

static const MhubColumn count_columns[] = {
	{"identifier_id", INT8OID},
	{"name", TEXTOID},
	{"day", DATEOID},
	{"count", INT8OID},
	{"value_sum", NUMERICOID},
	{"first_at", TIMESTAMPTZOID},
	{"last_at", TIMESTAMPTZOID}
};

static MhubRowType count_rows = {"mhub_new_count", lengthof(count_columns), count_columns, NULL};

static MhubPlan upsert = {
	"INSERT INTO mhub.event_counter AS c (identifier_id, name, day, count, value_sum, first_at, last_at) "
	"SELECT n.identifier_id, n.name, n.day, n.count, n.value_sum, n.first_at, n.last_at FROM mhub_new_count AS n "
	"ON CONFLICT (identifier_id, name, day) DO UPDATE SET count = c.count + excluded.count, "
	"value_sum = c.value_sum + excluded.value_sum, "
	"first_at = least(c.first_at, excluded.first_at), last_at = greatest(c.last_at, excluded.last_at)",
	0, {0}, NULL
};

typedef struct Count
{
	int64		identifier_id;
	const char *name;
	DateADT		day;
	int64		count;
	Numeric		value_sum;		/* NULL: nothing summed yet */
	TimestampTz first_at;
	TimestampTz last_at;
} Count;

/* Everybody takes the counters' locks in this order, so nobody deadlocks. */
static int
compare_counts(const void *a, const void *b)
{
	const Count *left = a;
	const Count *right = b;
	int			order;

	if (left->identifier_id != right->identifier_id)
		return left->identifier_id < right->identifier_id ? -1 : 1;
	order = strcmp(left->name, right->name);
	if (order != 0)
		return order;
	return (left->day > right->day) - (left->day < right->day);
}

static bool
counts(const MhubEvent *event)
{
	return event->status == MHUB_EVENT_ACCEPTED && event->stores_event && event->invalid_reason == NULL;
}

static int
collect_counts(MhubEventBatch *batch, Count *list)
{
	int			n = 0;

	for (int i = 0; i < batch->n_events; i++)
	{
		MhubEvent  *event = batch->events[i];
		Count	   *count = &list[n];

		if (!counts(event))
			continue;
		count->identifier_id = event->identifier_id;
		count->name = event->name;
		count->day = mhub_day_of(event->occurred_at);
		count->count = 1;
		count->value_sum = event->value;
		count->first_at = count->last_at = event->occurred_at;
		n++;
	}
	return n;
}

static void
add_count(Count *sum, const Count *one)
{
	sum->count += one->count;
	sum->first_at = Min(sum->first_at, one->first_at);
	sum->last_at = Max(sum->last_at, one->last_at);
	if (sum->value_sum == NULL)
		sum->value_sum = one->value_sum;
	else if (one->value_sum != NULL)
		sum->value_sum = DatumGetNumeric(DirectFunctionCall2(numeric_add, NumericGetDatum(sum->value_sum),
															 NumericGetDatum(one->value_sum)));
}

/* Sorts the list and adds up equal keys; returns the number left. */
static int
merge_counts(Count *list, int n)
{
	int			kept = 0;

	qsort(list, n, sizeof(Count), compare_counts);
	for (int i = 1; i < n; i++)
	{
		if (compare_counts(&list[kept], &list[i]) == 0)
			add_count(&list[kept], &list[i]);
		else
			list[++kept] = list[i];
	}
	return kept + 1;
}

static void
add_row(Tuplestorestate *rows, const Count *count, Datum zero)
{
	bool		nulls[lengthof(count_columns)] = {false};
	Datum		values[] = {
		Int64GetDatum(count->identifier_id),
		CStringGetTextDatum(count->name),
		DateADTGetDatum(count->day),
		Int64GetDatum(count->count),
		count->value_sum == NULL ? zero : NumericGetDatum(count->value_sum),
		TimestampTzGetDatum(count->first_at),
		TimestampTzGetDatum(count->last_at)
	};

	mhub_transient_add(&count_rows, rows, values, nulls);
}

/* Adds the accepted, valid events of the batch to mhub.event_counter. */
void
mhub_count_events(MhubEventBatch *batch)
{
	Count	   *list = MemoryContextAllocHuge(batch->memory, Max(batch->n_events, 1) * sizeof(Count));
	int			n = collect_counts(batch, list);
	Tuplestorestate *rows;
	Datum		zero;

	if (n == 0)
		return;
	n = merge_counts(list, n);
	rows = mhub_transient_rows(&count_rows);
	zero = DirectFunctionCall1(int8_numeric, Int64GetDatum(0));
	for (int i = 0; i < n; i++)
		add_row(rows, &list[i], zero);
	if (SPI_execute_plan(mhub_plan(&upsert), NULL, NULL, false, 0) != SPI_OK_INSERT)
		elog(ERROR, "could not count events");
}

/*
 * event_counter.c
 *	  Moves the counters of identifiers and events.
 */
#include "collect/record.h"

#include "collect/counted_value.h"
#include "collect/counter_table.h"
#include "collect/transient_rows.h"
#include "common/hub_time.h"
#include "common/spi_plan.h"
#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/fmgrprotos.h"

static MhubRowType count_rows = {.name = "mhub_new_count", .table = &mhub_counter_table};

static MhubPlan upsert = {
	"INSERT INTO mhub.event_counter AS c (identifier_id, name, day, count, value_sum, first_at, last_at) "
	"SELECT n.identifier_id, n.name, n.day, n.count, n.value_sum, n.first_at, n.last_at FROM mhub_new_count AS n "
	"ON CONFLICT (identifier_id, name, day) DO UPDATE SET count = c.count + excluded.count, "
	"value_sum = c.value_sum + excluded.value_sum, "
	"first_at = least(c.first_at, excluded.first_at), last_at = greatest(c.last_at, excluded.last_at)",
	0, {0}, NULL
};

/* Everybody takes the counters' locks in this order, so nobody deadlocks. */
static int
compare_counts(const void *a, const void *b)
{
	const MhubCount *left = a;
	const MhubCount *right = b;
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
collect_counts(MhubEventBatch *batch, MhubCount *list)
{
	int			n = 0;

	for (int i = 0; i < batch->n_events; i++)
	{
		MhubEvent  *event = batch->events[i];
		MhubCount  *count = &list[n];

		if (!counts(event))
			continue;
		count->identifier_id = event->identifier_id;
		count->name = event->name;
		count->day = mhub_day_of(event->occurred_at);
		count->count = 1;
		count->value_sum = mhub_value_counted(event->value, event->currency, event->occurred_at);
		count->first_at = count->last_at = event->occurred_at;
		count->is_first = event->is_first;
		n++;
	}
	return n;
}

static void
add_count(MhubCount *sum, const MhubCount *one)
{
	sum->count += one->count;
	sum->first_at = Min(sum->first_at, one->first_at);
	sum->last_at = Max(sum->last_at, one->last_at);
	if (sum->value_sum == NULL)
		sum->value_sum = one->value_sum;
	else if (one->value_sum != NULL)
		sum->value_sum = mhub_add_values(sum->value_sum, one->value_sum);
}

/* Sorts the list and adds up equal keys; returns the number left. */
static int
merge_counts(MhubCount *list, int n)
{
	int			kept = 0;

	qsort(list, n, sizeof(MhubCount), compare_counts);
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
count_by_statement(MhubCount *list, int n)
{
	Tuplestorestate *rows = mhub_transient_rows(&count_rows);
	Datum		values[MHUB_COUNTER_COLUMNS];
	bool		nulls[MHUB_COUNTER_COLUMNS] = {false};

	for (int i = 0; i < n; i++)
	{
		mhub_counter_row(&list[i], values);
		mhub_transient_add(&count_rows, rows, values, nulls);
	}
	if (SPI_execute_plan(mhub_plan(&upsert), NULL, NULL, false, 0) != SPI_OK_INSERT)
		elog(ERROR, "could not count events");
	mhub_transient_end(&count_rows, rows);
}

/* A counter that somebody else is at comes in its turn too: the order is what excludes deadlocks. */
static void
count_directly(MhubTableAccess *counters, MhubCount *list, int n)
{
	n = mhub_counters_insert_first(counters, list, n);
	for (int i = 0; i < n; i++)
	{
		CHECK_FOR_INTERRUPTS();
		if (!mhub_counters_add(counters, &list[i]))
			count_by_statement(&list[i], 1);
	}
	mhub_counters_close(counters);
}

/* Adds the accepted, valid events of the batch to mhub.event_counter. */
void
mhub_count_events(MhubEventBatch *batch)
{
	MhubCount  *list = MemoryContextAllocHuge(batch->memory, Max(batch->n_events, 1) * sizeof(MhubCount));
	int			n = collect_counts(batch, list);
	MhubTableAccess *counters;

	if (n == 0)
		return;
	n = merge_counts(list, n);
	counters = mhub_counters_open();
	if (counters != NULL)
		count_directly(counters, list, n);
	else
		count_by_statement(list, n);
}

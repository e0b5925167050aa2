/*
 * counter_table.c
 *	  mhub.event_counter written without a statement.
 *
 * Most counters of a batch are there already.  ON CONFLICT DO UPDATE locks
 * such a row before it updates it, both with WAL; here the row found by the
 * index is updated at once, and what somebody else has changed meanwhile is
 * left to the statement.
 */
#include "collect/counter_table.h"

#include "access/xact.h"
#include "catalog/pg_type_d.h"
#include "common/hashfn.h"
#include "utils/builtins.h"
#include "utils/fmgrprotos.h"
#include "utils/snapmgr.h"

enum
{
	IDENTIFIER_ID, NAME, DAY, COUNT, VALUE_SUM, FIRST_AT, LAST_AT
};

#define CHANGING_COLUMNS (MHUB_COUNTER_COLUMNS - COUNT)

MhubTable	mhub_counter_table = {
	.name = "event_counter",
	.ncolumns = MHUB_COUNTER_COLUMNS,
	.columns = {"identifier_id", "name", "day", "count", "value_sum", "first_at", "last_at"},
	.types = {INT8OID, TEXTOID, DATEOID, INT8OID, NUMERICOID, TIMESTAMPTZOID, TIMESTAMPTZOID},
	.keys = {{3, {IDENTIFIER_ID, NAME, DAY}}}
};

static MhubHints hints;

Numeric
mhub_add_values(Numeric a, Numeric b)
{
	return DatumGetNumeric(DirectFunctionCall2(numeric_add, NumericGetDatum(a), NumericGetDatum(b)));
}

/* NULL where only statements may write the counters. */
MhubTableAccess *
mhub_counters_open(void)
{
	MhubTableAccess *counters = mhub_table_open_to_change(&mhub_counter_table, true);

	if (counters != NULL && !mhub_table_key_is_unique(counters, 0))
	{
		mhub_table_close(counters);
		return NULL;
	}
	if (counters != NULL)
		mhub_table_push_latest();
	return counters;
}

void
mhub_counter_row(const MhubCount *count, Datum *values)
{
	values[IDENTIFIER_ID] = Int64GetDatum(count->identifier_id);
	values[NAME] = CStringGetTextDatum(count->name);
	values[DAY] = DateADTGetDatum(count->day);
	values[COUNT] = Int64GetDatum(count->count);
	values[VALUE_SUM] = count->value_sum == NULL ?
		DirectFunctionCall1(int8_numeric, Int64GetDatum(0)) : NumericGetDatum(count->value_sum);
	values[FIRST_AT] = TimestampTzGetDatum(count->first_at);
	values[LAST_AT] = TimestampTzGetDatum(count->last_at);
}

/* They go in together, as nobody can have inserted them or wait for them. */
int
mhub_counters_insert_first(MhubTableAccess *counters, MhubCount *list, int n)
{
	MhubColumns first;
	Datum		values[MHUB_COUNTER_COLUMNS];
	int			kept = 0;

	mhub_columns_init(&first, MHUB_COUNTER_COLUMNS, mhub_counter_table.types);
	for (int i = 0; i < n; i++)
	{
		if (list[i].is_first)
		{
			mhub_counter_row(&list[i], values);
			mhub_columns_add(&first, values);
		}
		else
			list[kept++] = list[i];
	}
	if (first.n > 0)
		mhub_table_insert_into(counters, &first);
	return kept;
}

/* values: what to add; afterwards the new sums */
static void
add_found(MhubTableAccess *counters, const MhubCount *count, Datum *values)
{
	Datum		found[MHUB_COUNTER_COLUMNS];

	for (int i = COUNT; i < MHUB_COUNTER_COLUMNS; i++)
		found[i] = mhub_table_datum(counters, i);
	values[COUNT] = Int64GetDatum(count->count + DatumGetInt64(found[COUNT]));
	values[VALUE_SUM] = count->value_sum == NULL ? found[VALUE_SUM] :
		NumericGetDatum(mhub_add_values(DatumGetNumeric(found[VALUE_SUM]), count->value_sum));
	values[FIRST_AT] = TimestampTzGetDatum(Min(count->first_at, DatumGetTimestampTz(found[FIRST_AT])));
	values[LAST_AT] = TimestampTzGetDatum(Max(count->last_at, DatumGetTimestampTz(found[LAST_AT])));
}

static bool
change_found(MhubTableAccess *counters, const MhubCount *count, Datum *values)
{
	MhubTableChange changes[CHANGING_COLUMNS];

	add_found(counters, count, values);
	for (int i = 0; i < CHANGING_COLUMNS; i++)
		changes[i] = (MhubTableChange) {COUNT + i, values[COUNT + i]};
	return mhub_table_change_found(counters, changes, CHANGING_COLUMNS);
}

static uint32
hash_of(const MhubCount *count)
{
	return hash_combine(hash_bytes((const unsigned char *) count->name, (int) strlen(count->name)),
						hash_combine(hash_bytes_uint32((uint32) count->identifier_id), hash_bytes_uint32((uint32) count->day)));
}

/* Adds to one counter; keys must not repeat.  False: only a statement can, so that nothing was done. */
bool
mhub_counters_add(MhubTableAccess *counters, const MhubCount *count)
{
	Datum		values[MHUB_COUNTER_COLUMNS];

	mhub_counter_row(count, values);
	if (mhub_table_find(counters, 0, values, &hints, hash_of(count)))
		return change_found(counters, count, values);
	return mhub_table_insert_one(counters, 0, values);
}

void
mhub_counters_close(MhubTableAccess *counters)
{
	mhub_table_close(counters);
	PopActiveSnapshot();
	/* What follows in this transaction is to see the counters. */
	CommandCounterIncrement();
}

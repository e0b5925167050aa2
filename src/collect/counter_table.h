/*
 * counter_table.h
 *	  mhub.event_counter written without a statement.
 */
#ifndef MHUB_COUNTER_TABLE_H
#define MHUB_COUNTER_TABLE_H

#include "common/pgcompat.h"

#include "common/table_access.h"
#include "utils/date.h"
#include "utils/numeric.h"
#include "utils/timestamp.h"

/* What to add to the counter of an identifier, event and day */
typedef struct MhubCount
{
	int64		identifier_id;
	const char *name;
	DateADT		day;
	int64		count;
	Numeric		value_sum;		/* NULL: nothing summed yet */
	TimestampTz first_at;
	TimestampTz last_at;
	bool		is_first;		/* the identifier is this batch's, so that it has no counters */
} MhubCount;

#define MHUB_COUNTER_COLUMNS 7

/* Its columns are those of MhubCount, in order. */
extern MhubTable mhub_counter_table;

/* values: room for the table's columns, none of which is NULL */
extern void mhub_counter_row(const MhubCount *count, Datum *values);

extern MhubTableAccess *mhub_counters_open(void);

/* Inserts those of the list that come first; returns how many are left, in order. */
extern int	mhub_counters_insert_first(MhubTableAccess *counters, MhubCount *list, int n);
extern bool mhub_counters_add(MhubTableAccess *counters, const MhubCount *count);
extern void mhub_counters_close(MhubTableAccess *counters);

extern Numeric mhub_add_values(Numeric a, Numeric b);

#endif							/* MHUB_COUNTER_TABLE_H */

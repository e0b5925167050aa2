/*
 * event_log.c
 *	  A log of marked events behind a head: the state of funnels and sequences.
 *
 * An event takes 12 bytes: its time, then its marks.
 */
#include "attribution/event_log.h"

#include "catalog/pg_type.h"

#define EVENT_SIZE (sizeof(int64) + sizeof(uint32))

void
mhub_bad_conditions(void)
{
	ereport(ERROR,
			(errcode(ERRCODE_ARRAY_SUBSCRIPT_ERROR),
			 errmsg("the conditions must be a one-dimensional array of 1 to %d booleans, of the same length in every row",
					MHUB_MAX_CONDITIONS)));
}

/* The conditions that hold, as bits; NULL counts as false. */
uint32
mhub_condition_marks(const ArrayType *array, int *n)
{
	const bool *values = (const bool *) ARR_DATA_PTR(array);
	const bits8 *bitmap = ARR_NULLBITMAP(array);
	uint32		marks = 0;

	if (ARR_NDIM(array) != 1 || ARR_ELEMTYPE(array) != BOOLOID || ARR_DIMS(array)[0] > MHUB_MAX_CONDITIONS)
		mhub_bad_conditions();
	*n = ARR_DIMS(array)[0];
	for (int i = 0; i < *n; i++)
	{
		if (bitmap != NULL && (bitmap[i / 8] & (1 << (i % 8))) == 0)
			continue;
		marks |= (uint32) *values++ << i;
	}
	return marks;
}

MhubLog *
mhub_event_append(MhubLog *log, int64 at, uint32 marks)
{
	log = mhub_log_reserve(log, EVENT_SIZE);
	memcpy(log->data + log->used, &at, sizeof(int64));
	memcpy(log->data + log->used + sizeof(int64), &marks, sizeof(uint32));
	log->used += EVENT_SIZE;
	return log;
}

/* The events, sorted, in the current memory context. */
MhubMarkedEvent *
mhub_event_read(const MhubLog *log, Size head, int *n)
{
	const char *data = log->data + head;
	MhubMarkedEvent *events;

	*n = (log->used - head) / EVENT_SIZE;
	events = palloc_extended(sizeof(MhubMarkedEvent) * (*n + 1), MCXT_ALLOC_HUGE);
	for (int i = 0; i < *n; i++, data += EVENT_SIZE)
	{
		memcpy(&events[i].at, data, sizeof(int64));
		memcpy(&events[i].marks, data + sizeof(int64), sizeof(uint32));
	}
	mhub_sort_marked_events(events, *n);
	return events;
}

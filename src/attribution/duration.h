/*
 * duration.h
 *	  Exact durations, in microseconds.
 */
#ifndef MHUB_DURATION_H
#define MHUB_DURATION_H

#include "common/pgcompat.h"

#include "common/int.h"
#include "datatype/timestamp.h"

/* From one time to a later one; the longest there is when that is longer, as since -infinity. */
static inline int64
mhub_elapsed(int64 from, int64 to)
{
	int64		duration;

	return pg_sub_s64_overflow(to, from, &duration) ? PG_INT64_MAX : duration;
}

/* How long an interval is, a day being 24 hours.  False when it has months, is negative or too long. */
static inline bool
mhub_duration(const Interval *interval, int64 *duration)
{
	return interval->month == 0 &&
		!pg_mul_s64_overflow(interval->day, USECS_PER_DAY, duration) &&
		!pg_add_s64_overflow(*duration, interval->time, duration) && *duration >= 0;
}

#endif							/* MHUB_DURATION_H */

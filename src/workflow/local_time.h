/*
 * local_time.h
 *	  Instants computed on a wall clock: calendar delays, times of day, windows
 *	  and weekdays in an IANA time zone.
 */
#ifndef MHUB_LOCAL_TIME_H
#define MHUB_LOCAL_TIME_H

#include "common/pgcompat.h"

#include "datatype/timestamp.h"
#include "pgtime.h"

/*
 * Which local times are welcome.  has_time asks for one time of day, has_window
 * for any moment from window_from up to, but not including, window_until (both
 * microseconds of the day; a window whose end lies before its start crosses
 * midnight and belongs to the day it starts on).  Bit 0 of weekdays is Monday;
 * 0 means every day.
 */
typedef struct MhubLocalRule
{
	bool		has_time;
	bool		has_window;
	int64		time;
	int64		window_from;
	int64		window_until;
	int			weekdays;
} MhubLocalRule;

extern pg_tz *mhub_time_zone(const char *name);
extern TimestampTz mhub_local_add(TimestampTz at, const Interval *delay, pg_tz *zone);
extern TimestampTz mhub_local_next(TimestampTz at, const MhubLocalRule *rule, pg_tz *zone);
extern TimestampTz mhub_local_instant(int julian_day, int64 time_of_day, pg_tz *zone);
extern int	mhub_local_day(TimestampTz at, pg_tz *zone, int64 *time_of_day);

#endif							/* MHUB_LOCAL_TIME_H */

/*
 * local_time.c
 *	  Instants computed on a wall clock.
 *
 * A local time that happens twice (clocks go back) means its second passing,
 * in standard time; one that does not happen (clocks go forward) is as much
 * later as the clock jumps.  That is how PostgreSQL itself reads local times,
 * so "at 02:30" fires exactly once on every day of the year.
 */
#include "workflow/local_time.h"

#include "common/int.h"
#include "utils/datetime.h"
#include "utils/timestamp.h"

/* The zones of the IANA database whose names carry digits outside Etc/. */
static const char *const digit_zones[] = {
	"EST5EDT", "CST6CDT", "MST7MDT", "PST8PDT", "GMT0", "GMT+0", "GMT-0"
};

/*
 * pg_tzset() also takes POSIX rules such as UTC2 or Foo-8, whose sign is the
 * opposite of what people mean.  Only names of the database pass.
 */
static bool
is_database_name(const char *name)
{
	if (name[0] == '\0' || name[0] == '<' || strlen(name) > TZ_STRLEN_MAX)
		return false;
	if (strpbrk(name, "0123456789,") == NULL || pg_strncasecmp(name, "Etc/", 4) == 0)
		return true;
	for (int i = 0; i < (int) lengthof(digit_zones); i++)
		if (pg_strcasecmp(name, digit_zones[i]) == 0)
			return true;
	return false;
}

/* The zone of that name in the IANA database, or NULL. */
pg_tz *
mhub_time_zone(const char *name)
{
	return is_database_name(name) ? pg_tzset(name) : NULL;
}

pg_noreturn static void
out_of_range(void)
{
	ereport(ERROR,
			(errcode(ERRCODE_DATETIME_VALUE_OUT_OF_RANGE),
			 errmsg("timestamp out of range")));
}

static void
to_local(TimestampTz at, pg_tz *zone, struct pg_tm *tm, fsec_t *fraction)
{
	int			offset;

	if (timestamp2tm(at, &offset, tm, fraction, NULL, zone) != 0)
		out_of_range();
}

static TimestampTz
from_local(struct pg_tm *tm, fsec_t fraction, pg_tz *zone)
{
	int			offset = DetermineTimeZoneOffset(tm, zone);
	TimestampTz result;

	if (tm2timestamp(tm, fraction, &offset, &result) != 0)
		out_of_range();
	return result;
}

/* The Julian day of an instant's local date; its time of day in microseconds. */
int
mhub_local_day(TimestampTz at, pg_tz *zone, int64 *time_of_day)
{
	struct pg_tm tm;
	fsec_t		fraction;

	to_local(at, zone, &tm, &fraction);
	*time_of_day = ((int64) tm.tm_hour * SECS_PER_HOUR + tm.tm_min * SECS_PER_MINUTE + tm.tm_sec)
		* USECS_PER_SEC + fraction;
	return date2j(tm.tm_year, tm.tm_mon, tm.tm_mday);
}

/* The instant of a local date and time of day. */
TimestampTz
mhub_local_instant(int julian_day, int64 time_of_day, pg_tz *zone)
{
	struct pg_tm tm = {0};
	int64		seconds = time_of_day / USECS_PER_SEC;

	j2date(julian_day, &tm.tm_year, &tm.tm_mon, &tm.tm_mday);
	tm.tm_hour = (int) (seconds / SECS_PER_HOUR);
	tm.tm_min = (int) (seconds / SECS_PER_MINUTE % MINS_PER_HOUR);
	tm.tm_sec = (int) (seconds % SECS_PER_MINUTE);
	return from_local(&tm, (fsec_t) (time_of_day % USECS_PER_SEC), zone);
}

/* Adds months on the calendar; a day that the month lacks becomes its last. */
static void
add_months(struct pg_tm *tm, int32 months)
{
	int64		month = (int64) tm->tm_year * MONTHS_PER_YEAR + tm->tm_mon - 1 + months;

	if (month < 0 || month / MONTHS_PER_YEAR > JULIAN_MAXYEAR)
		out_of_range();
	tm->tm_year = (int) (month / MONTHS_PER_YEAR);
	tm->tm_mon = (int) (month % MONTHS_PER_YEAR) + 1;
	if (tm->tm_mday > day_tab[isleap(tm->tm_year)][tm->tm_mon - 1])
		tm->tm_mday = day_tab[isleap(tm->tm_year)][tm->tm_mon - 1];
}

/*
 * at + delay on the zone's calendar: months and days keep the wall-clock time
 * over changes of the clock, hours and smaller are elapsed time.
 */
TimestampTz
mhub_local_add(TimestampTz at, const Interval *delay, pg_tz *zone)
{
	TimestampTz result = at;

	if (TIMESTAMP_NOT_FINITE(at))
		return at;
	if (delay->month != 0 || delay->day != 0)
	{
		struct pg_tm tm;
		fsec_t		fraction;
		int64		julian_day;

		to_local(at, zone, &tm, &fraction);
		add_months(&tm, delay->month);
		julian_day = (int64) date2j(tm.tm_year, tm.tm_mon, tm.tm_mday) + delay->day;
		if (julian_day < 0 || julian_day > DATE_END_JULIAN)
			out_of_range();
		j2date((int) julian_day, &tm.tm_year, &tm.tm_mon, &tm.tm_mday);
		result = from_local(&tm, fraction, zone);
	}
	if (pg_add_s64_overflow(result, delay->time, &result) || !IS_VALID_TIMESTAMP(result))
		out_of_range();
	return result;
}

/* j2day() counts from Sunday; ours count from Monday. */
static bool
weekday_allowed(const MhubLocalRule *rule, int julian_day)
{
	return rule->weekdays == 0 || (rule->weekdays & (1 << ((j2day(julian_day) + 6) % 7))) != 0;
}

static bool
inside_window(const MhubLocalRule *rule, int julian_day, int64 time_of_day)
{
	if (rule->window_from < rule->window_until)
		return time_of_day >= rule->window_from && time_of_day < rule->window_until &&
			weekday_allowed(rule, julian_day);
	if (time_of_day >= rule->window_from)
		return weekday_allowed(rule, julian_day);
	return time_of_day < rule->window_until && weekday_allowed(rule, julian_day - 1);
}

/* The earliest instant, not before at, whose local time the rule welcomes. */
TimestampTz
mhub_local_next(TimestampTz at, const MhubLocalRule *rule, pg_tz *zone)
{
	int64		time_of_day;
	int64		wanted;
	int			today;

	if (TIMESTAMP_NOT_FINITE(at))
		return at;
	today = mhub_local_day(at, zone, &time_of_day);
	if (rule->has_window)
	{
		if (inside_window(rule, today, time_of_day))
			return at;
		wanted = rule->window_from;
	}
	else if (rule->has_time)
		wanted = rule->time;
	else if (weekday_allowed(rule, today))
		return at;
	else
		wanted = time_of_day;

	/* Within eight days every weekday has come, today's time of day included. */
	for (int day = today; day <= today + 8; day++)
	{
		TimestampTz candidate;

		if (!weekday_allowed(rule, day))
			continue;
		candidate = mhub_local_instant(day, wanted, zone);
		if (candidate >= at)
			return candidate;
	}
	elog(ERROR, "no local time found within eight days");
}

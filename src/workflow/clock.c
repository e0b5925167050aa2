/*
 * clock.c
 *	  mhub.now(): the transaction's start, or the time a test has set.
 */
#include "workflow/clock.h"

#include "mhub.h"

#include "access/xact.h"
#include "utils/datetime.h"
#include "utils/guc.h"
#include "utils/timestamp.h"

PG_FUNCTION_INFO_V1(mhub_now);

static char *simulated_time_text;
static TimestampTz simulated_time = DT_NOBEGIN;

/* The fields of "2026-11-22 09:30:00" (UTC, with or without a Z), or false. */
static bool
parse_utc(const char *text, struct pg_tm *tm)
{
	int			used = 0;

	memset(tm, 0, sizeof(*tm));
	if (sscanf(text, "%4d-%2d-%2d%*1[ T]%2d:%2d:%2d%n", &tm->tm_year, &tm->tm_mon, &tm->tm_mday,
			   &tm->tm_hour, &tm->tm_min, &tm->tm_sec, &used) != 6)
		return false;
	if (strcmp(text + used, "") != 0 && strcmp(text + used, "Z") != 0 && strcmp(text + used, "+00") != 0)
		return false;
	return tm->tm_year >= 1970 && tm->tm_mon >= 1 && tm->tm_mon <= MONTHS_PER_YEAR &&
		tm->tm_mday >= 1 && tm->tm_mday <= day_tab[isleap(tm->tm_year)][tm->tm_mon - 1] &&
		tm->tm_hour >= 0 && tm->tm_hour < HOURS_PER_DAY && tm->tm_min >= 0 && tm->tm_min < MINS_PER_HOUR &&
		tm->tm_sec >= 0 && tm->tm_sec < SECS_PER_MINUTE;
}

/* The time that a value of the setting stands for; DT_NOBEGIN for none.  False if it cannot be read. */
static bool
read_simulated_time(const char *text, TimestampTz *at)
{
	struct pg_tm tm;
	int			utc = 0;

	*at = DT_NOBEGIN;
	if (text == NULL || text[0] == '\0')
		return true;
	return parse_utc(text, &tm) && tm2timestamp(&tm, 0, &utc, at) == 0;
}

static bool
check_simulated_time(char **newval, void **extra pg_attribute_unused(),
					 GucSource source pg_attribute_unused())
{
	TimestampTz at;

	if (read_simulated_time(*newval, &at))
		return true;
	GUC_check_errhint("Write the time in UTC, for example 2026-11-22 09:30:00; empty means the real time.");
	return false;
}

static void
assign_simulated_time(const char *newval, void *extra pg_attribute_unused())
{
	(void) read_simulated_time(newval, &simulated_time);
}

TimestampTz
mhub_clock_now(void)
{
	return simulated_time == DT_NOBEGIN ? GetCurrentTransactionStartTimestamp() : simulated_time;
}

Datum
mhub_now(PG_FUNCTION_ARGS pg_attribute_unused())
{
	PG_RETURN_TIMESTAMPTZ(mhub_clock_now());
}

void
mhub_workflow_init(void)
{
	DefineCustomStringVariable("mhub.simulated_time",
							   "Time that mhub.now() tells instead of the real one.",
							   "In UTC, for example 2026-11-22 09:30:00. For tests; empty means the real time.",
							   &simulated_time_text, "", PGC_SUSET, 0,
							   check_simulated_time, assign_simulated_time, NULL);
}

/*
 * hub_time.c
 *	  Days in the hub's time zone (mhub.time_zone).
 *
 * Counters, costs and reports are by day, and everybody must mean the same
 * day, whatever time zone a session happens to use.
 */
#include "mhub.h"

#include "common/hub_time.h"
#include "utils/builtins.h"
#include "utils/datetime.h"
#include "utils/guc.h"
#include "utils/timestamp.h"

PG_FUNCTION_INFO_V1(mhub_hub_time_zone);
PG_FUNCTION_INFO_V1(mhub_hub_day);

static char *zone_name;
static pg_tz *zone;

static bool
check_zone(char **newval, void **extra pg_attribute_unused(), GucSource source pg_attribute_unused())
{
	pg_tz	   *found = pg_tzset(*newval);

	if (found == NULL)
	{
		GUC_check_errdetail("No time zone is named \"%s\".", *newval);
		return false;
	}
	if (!pg_tz_acceptable(found))
	{
		GUC_check_errdetail("PostgreSQL does not support leap seconds.");
		return false;
	}
	return true;
}

/* pg_tzset() finds the checked zone in its cache and cannot fail. */
static void
assign_zone(const char *newval, void *extra pg_attribute_unused())
{
	zone = pg_tzset(newval);
}

void
mhub_hub_time_init(void)
{
	DefineCustomStringVariable("mhub.time_zone",
							   "Time zone whose days the hub's counters, costs and reports are cut by.",
							   "Set it once, before the first event (ALTER DATABASE ... SET): what is counted by day already stays as it is.",
							   &zone_name, "UTC", PGC_SUSET, 0,
							   check_zone, assign_zone, NULL);
}

pg_tz *
mhub_hub_zone(void)
{
	return zone;
}

/* The day of a time in the hub's time zone; infinity stays infinity. */
DateADT
mhub_day_of(TimestampTz at)
{
	struct pg_tm tm;
	fsec_t		fsec;
	int			offset;

	if (TIMESTAMP_IS_NOBEGIN(at))
		return DATEVAL_NOBEGIN;
	if (TIMESTAMP_IS_NOEND(at))
		return DATEVAL_NOEND;
	if (timestamp2tm(at, &offset, &tm, &fsec, NULL, zone) != 0)
		ereport(ERROR,
				(errcode(ERRCODE_DATETIME_VALUE_OUT_OF_RANGE),
				 errmsg("timestamp out of range")));
	return date2j(tm.tm_year, tm.tm_mon, tm.tm_mday) - POSTGRES_EPOCH_JDATE;
}

Datum
mhub_hub_time_zone(PG_FUNCTION_ARGS pg_attribute_unused())
{
	PG_RETURN_TEXT_P(cstring_to_text(zone_name));
}

Datum
mhub_hub_day(PG_FUNCTION_ARGS)
{
	PG_RETURN_DATEADT(mhub_day_of(PG_GETARG_TIMESTAMPTZ(0)));
}

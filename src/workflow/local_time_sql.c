/*
 * local_time_sql.c
 *	  SQL functions of local_time.c.
 */
#include "mhub.h"

#include "catalog/pg_type.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/date.h"
#include "utils/timestamp.h"
#include "workflow/local_time.h"

PG_FUNCTION_INFO_V1(mhub_is_time_zone);
PG_FUNCTION_INFO_V1(mhub_add_local);
PG_FUNCTION_INFO_V1(mhub_next_local_time);

static pg_tz *
required_zone(text *name)
{
	char	   *zone_name = text_to_cstring(name);
	pg_tz	   *zone = mhub_time_zone(zone_name);

	if (zone == NULL)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("unknown time zone \"%s\"", zone_name),
				 errhint("Use a name of the IANA database, such as Asia/Shanghai.")));
	return zone;
}

static int
weekday_bits(ArrayType *weekdays)
{
	Datum	   *values;
	bool	   *nulls;
	int			count;
	int			bits = 0;

	deconstruct_array(weekdays, INT4OID, sizeof(int32), true, TYPALIGN_INT, &values, &nulls, &count);
	for (int i = 0; i < count; i++)
	{
		int32		day = nulls[i] ? 0 : DatumGetInt32(values[i]);

		if (day < 1 || day > 7)
			ereport(ERROR,
					(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
					 errmsg("weekday must be between 1 and 7"),
					 errdetail("1 is Monday, 7 is Sunday (ISO 8601).")));
		bits |= 1 << (day - 1);
	}
	return bits;
}

Datum
mhub_is_time_zone(PG_FUNCTION_ARGS)
{
	PG_RETURN_BOOL(mhub_time_zone(text_to_cstring(PG_GETARG_TEXT_PP(0))) != NULL);
}

Datum
mhub_add_local(PG_FUNCTION_ARGS)
{
	PG_RETURN_TIMESTAMPTZ(mhub_local_add(PG_GETARG_TIMESTAMPTZ(0), PG_GETARG_INTERVAL_P(1),
										 required_zone(PG_GETARG_TEXT_PP(2))));
}

Datum
mhub_next_local_time(PG_FUNCTION_ARGS)
{
	MhubLocalRule rule = {0};

	if (PG_ARGISNULL(0) || PG_ARGISNULL(1))
		PG_RETURN_NULL();
	if (PG_ARGISNULL(3) != PG_ARGISNULL(4))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("a window needs both its start and its end")));
	if (!PG_ARGISNULL(2) && !PG_ARGISNULL(3))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("a time of day and a window exclude each other")));

	rule.has_time = !PG_ARGISNULL(2);
	rule.has_window = !PG_ARGISNULL(3);
	if (rule.has_time)
		rule.time = PG_GETARG_TIMEADT(2);
	if (rule.has_window)
	{
		rule.window_from = PG_GETARG_TIMEADT(3);
		rule.window_until = PG_GETARG_TIMEADT(4);
	}
	if (!PG_ARGISNULL(5))
		rule.weekdays = weekday_bits(PG_GETARG_ARRAYTYPE_P(5));
	PG_RETURN_TIMESTAMPTZ(mhub_local_next(PG_GETARG_TIMESTAMPTZ(0), &rule,
										  required_zone(PG_GETARG_TEXT_PP(1))));
}

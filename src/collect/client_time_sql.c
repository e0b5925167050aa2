/*
 * client_time_sql.c
 *	  Times as clients send them, in SQL.
 */
#include "mhub.h"

#include "collect/client_time.h"
#include "fmgr.h"
#include "utils/builtins.h"
#include "utils/timestamp.h"

PG_FUNCTION_INFO_V1(mhub_client_time);

Datum
mhub_client_time(PG_FUNCTION_ARGS)
{
	text	   *written = PG_GETARG_TEXT_PP(0);
	TimestampTz time;

	if (!mhub_parse_client_time(VARDATA_ANY(written), VARSIZE_ANY_EXHDR(written), &time))
		PG_RETURN_NULL();
	PG_RETURN_TIMESTAMPTZ(time);
}

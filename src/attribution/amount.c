/*
 * amount.c
 *	  From numeric to exact units.
 */
#include "attribution/amount.h"

#include "common/int.h"
#include "fmgr.h"
#include "utils/builtins.h"

pg_noreturn static void out_of_range(const char *text);

static void
out_of_range(const char *text)
{
	ereport(ERROR,
			(errcode(ERRCODE_NUMERIC_VALUE_OUT_OF_RANGE),
			 errmsg("amount %s is out of range for attribution", text),
			 errdetail("An amount may have at most 18 digits, decimals included.")));
}

MhubAmount
mhub_amount_of(Datum numeric, int min_scale)
{
	MhubAmount	amount;
	char	   *text = DatumGetCString(DirectFunctionCall1(numeric_out, numeric));

	if (!mhub_amount_parse(text, min_scale, &amount))
		out_of_range(text);
	pfree(text);
	return amount;
}

/* The units at a finer scale. */
int64
mhub_amount_rescaled(MhubAmount amount, int scale)
{
	int64		units = amount.units;

	for (int i = amount.scale; i < scale; i++)
	{
		if (pg_mul_s64_overflow(units, 10, &units))
			out_of_range(psprintf(INT64_FORMAT "e-%d", amount.units, amount.scale));
	}
	return units;
}

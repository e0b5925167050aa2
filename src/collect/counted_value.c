/*
 * counted_value.c
 *	  What an event's value adds to sums of values: it in the hub's currency.
 *
 * Most events are in that currency already, and most hubs have no exchange
 * rates; so both are known per backend until they change, and only an amount
 * that there may be a rate for costs a statement.
 */
#include "mhub.h"

#include "collect/counted_value.h"

#include "catalog/pg_type_d.h"
#include "common/hub_time.h"
#include "common/spi_plan.h"
#include "common/table_cache.h"
#include "utils/builtins.h"
#include "utils/date.h"
#include "utils/timestamp.h"

PG_FUNCTION_INFO_V1(mhub_counted_value);

#define CODE_SIZE 4

static MhubTableCache cache = {.tables = {"attribution_setting", "exchange_rate"}};
static char hub_currency[CODE_SIZE];
static bool has_rates;

static MhubPlan settings_plan = {
	"SELECT s.currency, EXISTS (SELECT FROM mhub.exchange_rate) FROM mhub.attribution_setting AS s",
	0, {0}, NULL
};

static MhubPlan convert_plan = {
	"SELECT pg_catalog.round($1 OPERATOR(pg_catalog.*) mhub.exchange_rate_on($2, $3, $4), 4)",
	4, {NUMERICOID, TEXTOID, TEXTOID, DATEOID}, NULL
};

static void
load(void)
{
	uint64		seen = mhub_table_cache_begin(&cache);
	bool		isnull;

	hub_currency[0] = '\0';
	has_rates = false;
	SPI_connect();
	mhub_execute_latest(mhub_plan(&settings_plan));
	if (SPI_processed > 0)
	{
		HeapTuple	tuple = SPI_tuptable->vals[0];

		strlcpy(hub_currency, SPI_getvalue(tuple, SPI_tuptable->tupdesc, 1), sizeof(hub_currency));
		has_rates = DatumGetBool(SPI_getbinval(tuple, SPI_tuptable->tupdesc, 2, &isnull));
	}
	SPI_finish();
	mhub_table_cache_end(&cache, seen);
}

/* NULL when there is no rate */
static Numeric
converted(Numeric value, const char *currency, TimestampTz at)
{
	MemoryContext caller = CurrentMemoryContext;
	Datum		values[] = {
		NumericGetDatum(value), CStringGetTextDatum(currency), CStringGetTextDatum(hub_currency), DateADTGetDatum(mhub_day_of(at))
	};
	Numeric		result = NULL;
	Datum		found;
	bool		isnull;

	SPI_connect();
	if (SPI_execute_plan(mhub_plan(&convert_plan), values, NULL, true, 1) != SPI_OK_SELECT)
		elog(ERROR, "could not convert a value");
	found = SPI_getbinval(SPI_tuptable->vals[0], SPI_tuptable->tupdesc, 1, &isnull);
	if (!isnull)
	{
		MemoryContext old = MemoryContextSwitchTo(caller);

		result = DatumGetNumericCopy(found);
		MemoryContextSwitchTo(old);
	}
	SPI_finish();
	return result;
}

Numeric
mhub_value_counted(Numeric value, const char *currency, TimestampTz at)
{
	Numeric		result = NULL;

	if (value == NULL || currency == NULL)
		return value;
	if (!cache.valid)
		load();
	if (has_rates && strcmp(currency, hub_currency) != 0)
		result = converted(value, currency, at);
	return result != NULL ? result : value;
}

Datum
mhub_counted_value(PG_FUNCTION_ARGS)
{
	if (PG_ARGISNULL(0))
		PG_RETURN_NULL();
	if (PG_ARGISNULL(1) || PG_ARGISNULL(2))
		PG_RETURN_DATUM(PG_GETARG_DATUM(0));
	PG_RETURN_NUMERIC(mhub_value_counted(PG_GETARG_NUMERIC(0), text_to_cstring(PG_GETARG_TEXT_PP(1)), PG_GETARG_TIMESTAMPTZ(2)));
}

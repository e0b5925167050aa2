/*
 * rejected.c
 *	  Keeps what could not be understood.
 */
#include "collect/collect.h"

#include "catalog/pg_type_d.h"
#include "common/spi_plan.h"
#include "mb/pg_wchar.h"
#include "utils/builtins.h"

static MhubPlan insert_rejected = {
	"INSERT INTO mhub.rejected (source, reason, detail, message_id, raw) VALUES ($1, $2, $3, $4, $5) ON CONFLICT DO NOTHING",
	5, {TEXTOID, TEXTOID, TEXTOID, TEXTOID, TEXTOID}, NULL
};

/* As much of an id as an index takes */
static const char *
indexed(const char *message_id)
{
	if (message_id == NULL || strlen(message_id) <= MHUB_EVENT_NAME_MAX)
		return message_id;
	return pnstrdup(message_id, pg_mbcliplen(message_id, (int) strlen(message_id), MHUB_EVENT_NAME_MAX));
}

void
mhub_reject(const char *source, const char *reason, const char *detail,
			const char *message_id, const char *raw)
{
	const char *texts[] = {source, reason, detail, indexed(message_id), raw};
	Datum		values[lengthof(texts)];
	char		nulls[lengthof(texts)];

	SPI_connect();
	for (size_t i = 0; i < lengthof(texts); i++)
	{
		values[i] = texts[i] == NULL ? (Datum) 0 : CStringGetTextDatum(texts[i]);
		nulls[i] = texts[i] == NULL ? 'n' : ' ';
	}
	if (SPI_execute_plan(mhub_plan(&insert_rejected), values, nulls, false, 0) != SPI_OK_INSERT)
		elog(ERROR, "could not keep a rejected message");
	SPI_finish();
}

/*
 * touch.c
 *	  Trigger that notes new persons for the next refresh of segments.
 *
 * A trigger of rows, before them, because new persons come one by one with
 * most observations, and one that waits for the end of a statement, with a
 * table of its rows, costs more than the row itself.
 */
#include "mhub.h"

#include "catalog/pg_type.h"
#include "commands/trigger.h"
#include "common/table_access.h"
#include "common/table_cache.h"

PG_FUNCTION_INFO_V1(mhub_touch_person);

static MhubTable touched = {.name = "segment_touched", .ncolumns = 1, .columns = {"person_id"}, .types = {INT8OID}};
static MhubTableCache cache = {.tables = {"segment"}};
static bool segments_exist;

static MhubPlan any_segment = {"SELECT FROM mhub.segment LIMIT 1", 0, {0}, NULL};

static void
look_for_segments(void)
{
	uint64		seen;

	SPI_connect();
	seen = mhub_table_cache_begin(&cache);
	mhub_execute_latest(mhub_plan(&any_segment));
	segments_exist = SPI_processed > 0;
	mhub_table_cache_end(&cache, seen);
	SPI_finish();
}

static void
note_person(Datum person_id)
{
	static const Oid types[] = {INT8OID};
	MhubColumns row;

	SPI_connect();
	mhub_columns_init(&row, lengthof(types), types);
	mhub_columns_add(&row, &person_id);
	(void) mhub_table_insert(&touched, &row);
	SPI_finish();
}

Datum
mhub_touch_person(PG_FUNCTION_ARGS)
{
	TriggerData *trigger = (TriggerData *) fcinfo->context;
	TupleDesc	descriptor;
	int			column;
	bool		isnull;
	Datum		person_id;

	if (!CALLED_AS_TRIGGER(fcinfo) || !TRIGGER_FIRED_BEFORE(trigger->tg_event) ||
		!TRIGGER_FIRED_BY_INSERT(trigger->tg_event) || !TRIGGER_FIRED_FOR_ROW(trigger->tg_event))
		ereport(ERROR,
				(errcode(ERRCODE_E_R_I_E_TRIGGER_PROTOCOL_VIOLATED),
				 errmsg("mhub.touch_person() must be called as a trigger before the insertion of a row")));
	if (!cache.valid)
		look_for_segments();
	if (segments_exist)
	{
		descriptor = RelationGetDescr(trigger->tg_relation);
		column = SPI_fnumber(descriptor, "person_id");
		person_id = SPI_getbinval(trigger->tg_trigtuple, descriptor, column, &isnull);
		if (column > 0 && !isnull)
			note_person(person_id);
	}
	return PointerGetDatum(trigger->tg_trigtuple);
}

/*
 * profile.c
 *	  Profiles of persons, built from what the hub knows about them.
 */
#include "mhub.h"

#include "condition/profile.h"

#include "catalog/pg_type.h"
#include "common/spi_plan.h"
#include "lib/stringinfo.h"
#include "miscadmin.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/fmgrprotos.h"
#include "utils/memutils.h"
#include "utils/timestamp.h"

/*
 * $1 persons, $2 the time, $3 events to list one by one.  Family: every id
 * that became this person.  Consent is by purpose: the latest decision of
 * each of them, for each channel, and all of them must be grants.
 */
#define PROFILE_SQL(items) \
	"SELECT p.person_id, p.traits || CASE WHEN p.traits ? 'score' THEN pg_catalog.jsonb_build_object('$score', p.traits->'score')" \
	"  ELSE '{}' END || pg_catalog.jsonb_build_object(" \
	" '$unit', p.person_id::pg_catalog.text," \
	" '$events', coalesce((SELECT pg_catalog.jsonb_object_agg(e.name, pg_catalog.jsonb_build_object(" \
	"   'count', e.count, 'value', e.value, 'first_at', e.first_at, 'last_at', e.last_at, 'days', e.days)" \
	items \
	")" \
	"  FROM (SELECT d.name, pg_catalog.sum(d.count) AS count, pg_catalog.sum(d.value) AS value, pg_catalog.min(d.first_at) AS first_at," \
	"      pg_catalog.max(d.last_at) AS last_at, pg_catalog.jsonb_object_agg(d.day, d.count) AS days" \
	"    FROM (SELECT c.name, c.day, pg_catalog.sum(c.count) AS count, pg_catalog.sum(c.value_sum) AS value," \
	"        pg_catalog.min(c.first_at) AS first_at, pg_catalog.max(c.last_at) AS last_at" \
	"      FROM mhub.identifier AS i JOIN mhub.event_counter AS c ON c.identifier_id = i.identifier_id" \
	"      WHERE i.person_id = p.person_id AND c.first_at <= $2 GROUP BY c.name, c.day) AS d" \
	"    GROUP BY d.name) AS e), '{}')," \
	" '$consent', coalesce((SELECT pg_catalog.jsonb_object_agg(q.purpose, q.granted) FROM (" \
	"   SELECT g.purpose, pg_catalog.bool_and(g.granted) AS granted FROM (" \
	"     SELECT DISTINCT ON (c.person_id, c.purpose, c.channel) c.purpose, c.granted FROM mhub.consent AS c" \
	"     WHERE c.person_id = ANY (family.ids)" \
	"     ORDER BY c.person_id, c.purpose, c.channel, c.consent_id DESC) AS g GROUP BY g.purpose) AS q), '{}'))," \
	" (SELECT pg_catalog.array_agg(DISTINCT l.segment) FROM mhub.segment_listed AS l WHERE l.person_id = ANY (family.ids))" \
	" FROM mhub.person AS p CROSS JOIN LATERAL (WITH RECURSIVE r (id) AS (SELECT p.person_id UNION SELECT m.person_id" \
	"   FROM mhub.person AS m JOIN r ON m.merged_into = r.id) SELECT pg_catalog.array_agg(r.id) AS ids FROM r) AS family" \
	" WHERE p.person_id = ANY ($1) AND p.merged_into IS NULL"

#define ITEMS_SQL \
	"   || CASE WHEN e.name = ANY ($3) THEN pg_catalog.jsonb_build_object('items', (SELECT coalesce(pg_catalog.jsonb_agg(pg_catalog.jsonb_build_object(" \
	"       'at', v.occurred_at, 'value', v.value, 'properties', v.properties) ORDER BY v.occurred_at), '[]')" \
	"     FROM mhub.identifier AS i JOIN mhub.event AS v ON v.identifier_id = i.identifier_id" \
	"     WHERE i.person_id = p.person_id AND v.name = e.name AND v.invalid_reason IS NULL AND v.occurred_at <= $2)) ELSE '{}' END"

/*
 * Planned once: planning for each person anew would cost far more than a
 * plan for that person could save.
 */
static MhubPlan profile_plan = {
	.sql = PROFILE_SQL(""),
	.nargs = 3, .argtypes = {INT8ARRAYOID, TIMESTAMPTZOID, TEXTARRAYOID}
};
static MhubPlan profile_with_items_plan = {
	.sql = PROFILE_SQL(ITEMS_SQL),
	.nargs = 3, .argtypes = {INT8ARRAYOID, TIMESTAMPTZOID, TEXTARRAYOID}
};

static Datum
persons_array(const int64 *persons, int npersons)
{
	Datum	   *values = palloc(npersons * sizeof(Datum));

	for (int i = 0; i < npersons; i++)
		values[i] = Int64GetDatum(persons[i]);
	return PointerGetDatum(construct_array(values, npersons, INT8OID, sizeof(int64), FLOAT8PASSBYVAL, 'd'));
}

/* The events to list: those asked for and those that segments need. */
static Datum
events_array(const ProfileRequest *request, const SegmentSet *set)
{
	int			count = request->nitem_events + set->nitem_events;
	Datum	   *values = palloc((count + 1) * sizeof(Datum));

	for (int i = 0; i < request->nitem_events; i++)
		values[i] = CStringGetTextDatum(request->item_events[i]);
	for (int i = 0; i < set->nitem_events; i++)
		values[request->nitem_events + i] = CStringGetTextDatum(set->item_events[i]);
	return PointerGetDatum(construct_array(values, count, TEXTOID, -1, false, 'i'));
}

/* {"$segments": [...]} */
static Jsonb *
segments_object(const BuiltProfile *built)
{
	JsonbParseState *state = NULL;
	JsonbValue	key = {.type = jbvString, .val.string = {.val = "$segments", .len = 9}};
	JsonbValue *whole;

	pushJsonbValue(&state, WJB_BEGIN_OBJECT, NULL);
	pushJsonbValue(&state, WJB_KEY, &key);
	pushJsonbValue(&state, WJB_BEGIN_ARRAY, NULL);
	for (int i = 0; i < built->nsegments; i++)
	{
		JsonbValue	segment = {.type = jbvString};

		segment.val.string.val = unconstify(char *, built->segments[i]);
		segment.val.string.len = strlen(built->segments[i]);
		pushJsonbValue(&state, WJB_ELEM, &segment);
	}
	pushJsonbValue(&state, WJB_END_ARRAY, NULL);
	whole = pushJsonbValue(&state, WJB_END_OBJECT, NULL);
	return JsonbValueToJsonb(whole);
}

/* The lists that a person is on. */
static const char **
listed_segments(HeapTuple row, TupleDesc descriptor, int *count)
{
	bool		isnull;
	Datum		value = SPI_getbinval(row, descriptor, 3, &isnull);
	Datum	   *keys;
	const char **lists;

	*count = 0;
	if (isnull)
		return NULL;
	deconstruct_array(DatumGetArrayTypeP(value), TEXTOID, -1, false, TYPALIGN_INT, &keys, NULL, count);
	lists = palloc(*count * sizeof(char *));
	for (int i = 0; i < *count; i++)
		lists[i] = TextDatumGetCString(keys[i]);
	return lists;
}

static void
build_one(HeapTuple row, TupleDesc descriptor, SegmentSet *set, TimestampTz at, BuiltProfile *built)
{
	bool		isnull;
	Jsonb	   *base;
	int			nlists;
	const char **lists = listed_segments(row, descriptor, &nlists);

	built->person_id = DatumGetInt64(SPI_getbinval(row, descriptor, 1, &isnull));
	base = DatumGetJsonbP(SPI_getbinval(row, descriptor, 2, &isnull));
	built->segments = segment_set_evaluate(set, base, lists, nlists, at, &built->nsegments, &built->next_change);
	built->profile = DatumGetJsonbP(DirectFunctionCall2(jsonb_concat, JsonbPGetDatum(base),
														JsonbPGetDatum(segments_object(built))));
}

void
mhub_build_profiles(const int64 *persons, int npersons, const ProfileRequest *request, ProfileSink sink, void *arg)
{
	SegmentSet *set = segment_set_get();
	MemoryContext row_context;
	Datum		arguments[3];
	SPITupleTable *rows;
	bool		lists_items = request->nitem_events + set->nitem_events > 0;

	if (SPI_connect() != SPI_OK_CONNECT)
		elog(ERROR, "could not connect to SPI");
	arguments[0] = persons_array(persons, npersons);
	arguments[1] = TimestampTzGetDatum(request->at);
	arguments[2] = events_array(request, set);
	if (SPI_execute_plan(mhub_generic_plan(lists_items ? &profile_with_items_plan : &profile_plan), arguments, NULL, false, 0) != SPI_OK_SELECT)
		elog(ERROR, "could not build profiles");
	rows = SPI_tuptable;
	row_context = AllocSetContextCreate(CurrentMemoryContext, "mhub profile", ALLOCSET_DEFAULT_SIZES);
	for (uint64 i = 0; i < rows->numvals; i++)
	{
		MemoryContext before = MemoryContextSwitchTo(row_context);
		BuiltProfile built;

		CHECK_FOR_INTERRUPTS();
		build_one(rows->vals[i], rows->tupdesc, set, request->at, &built);
		sink(arg, &built);
		MemoryContextSwitchTo(before);
		MemoryContextReset(row_context);
	}
	SPI_finish();
}

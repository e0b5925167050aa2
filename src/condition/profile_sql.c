/*
 * profile_sql.c
 *	  mhub.profile(), mhub.profiles() and mhub.segment_outcomes().
 */
#include "mhub.h"

#include "catalog/pg_type.h"
#include "common/spi_plan.h"
#include "condition/profile.h"
#include "funcapi.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/timestamp.h"

PG_FUNCTION_INFO_V1(mhub_profile);
PG_FUNCTION_INFO_V1(mhub_profiles);
PG_FUNCTION_INFO_V1(mhub_segment_outcomes);

/* The surviving person of an id, following merges. */
static MhubPlan survivor_plan = {
	.sql = "WITH RECURSIVE chain (person_id, merged_into) AS ("
	"SELECT p.person_id, p.merged_into FROM mhub.person AS p WHERE p.person_id = $1 "
	"UNION SELECT p.person_id, p.merged_into FROM mhub.person AS p JOIN chain AS c ON p.person_id = c.merged_into) "
	"SELECT c.person_id FROM chain AS c WHERE c.merged_into IS NULL",
	.nargs = 1, .argtypes = {INT8OID}
};

/* 0 for an unknown person */
static int64
survivor(int64 person_id)
{
	Datum		argument = Int64GetDatum(person_id);
	bool		isnull;
	int64		found = 0;

	if (SPI_connect() != SPI_OK_CONNECT)
		elog(ERROR, "could not connect to SPI");
	if (SPI_execute_plan(mhub_plan(&survivor_plan), &argument, NULL, true, 1) != SPI_OK_SELECT)
		elog(ERROR, "could not look up a person");
	if (SPI_processed > 0)
		found = DatumGetInt64(SPI_getbinval(SPI_tuptable->vals[0], SPI_tuptable->tupdesc, 1, &isnull));
	SPI_finish();
	return found;
}

/* What a condition needs to be in the profile. */
static void
request_for(FunctionCallInfo fcinfo, int argument, ProfileRequest *request)
{
	text	   *condition;

	if (PG_ARGISNULL(argument))
		return;
	condition = PG_GETARG_TEXT_PP(argument);
	condition_item_events(mhub_condition_compile(VARDATA_ANY(condition), VARSIZE_ANY_EXHDR(condition), NULL)->root,
						  &request->item_events, &request->nitem_events);
}

typedef struct OneProfile
{
	MemoryContext context;
	Jsonb	   *profile;
} OneProfile;

static void
keep_profile(void *arg, const BuiltProfile *built)
{
	OneProfile *one = arg;
	MemoryContext before = MemoryContextSwitchTo(one->context);

	one->profile = facts_to_jsonb(built->facts, built->segments, built->nsegments);
	MemoryContextSwitchTo(before);
}

Datum
mhub_profile(PG_FUNCTION_ARGS)
{
	ProfileRequest request = {0};
	OneProfile	one = {CurrentMemoryContext, NULL};
	int64		person_id;

	if (PG_ARGISNULL(0) || PG_ARGISNULL(1))
		PG_RETURN_NULL();
	person_id = survivor(PG_GETARG_INT64(0));
	request.at = PG_GETARG_TIMESTAMPTZ(1);
	request_for(fcinfo, 2, &request);
	if (person_id != 0)
		mhub_build_profiles(&person_id, 1, &request, keep_profile, &one);
	if (one.profile == NULL)
		PG_RETURN_NULL();
	PG_RETURN_JSONB_P(one.profile);
}

static int64 *
get_persons(ArrayType *array, int *count)
{
	*count = ArrayGetNItems(ARR_NDIM(array), ARR_DIMS(array));
	if (array_contains_nulls(array))
		ereport(ERROR,
				(errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
				 errmsg("person ids must not be NULL")));
	return (int64 *) ARR_DATA_PTR(array);
}

static void
put_profile(void *arg, const BuiltProfile *built)
{
	ReturnSetInfo *result = arg;
	Jsonb	   *profile = facts_to_jsonb(built->facts, built->segments, built->nsegments);
	Datum		values[2] = {Int64GetDatum(built->facts->person_id), JsonbPGetDatum(profile)};
	bool		nulls[2] = {false, false};

	tuplestore_putvalues(result->setResult, result->setDesc, values, nulls);
}

Datum
mhub_profiles(PG_FUNCTION_ARGS)
{
	ProfileRequest request = {0};
	int64	   *persons;
	int			count;

	InitMaterializedSRF(fcinfo, 0);
	if (PG_ARGISNULL(0) || PG_ARGISNULL(1))
		return (Datum) 0;
	persons = get_persons(PG_GETARG_ARRAYTYPE_P(0), &count);
	request.at = PG_GETARG_TIMESTAMPTZ(1);
	request_for(fcinfo, 2, &request);
	mhub_build_profiles(persons, count, &request, put_profile, fcinfo->resultinfo);
	return (Datum) 0;
}

static void
put_outcome(void *arg, const BuiltProfile *built)
{
	ReturnSetInfo *result = arg;
	Datum	   *keys = palloc((built->nsegments + 1) * sizeof(Datum));
	Datum		values[3];
	bool		nulls[3] = {false, false, false};

	for (int i = 0; i < built->nsegments; i++)
		keys[i] = CStringGetTextDatum(built->segments[i]);
	values[0] = Int64GetDatum(built->facts->person_id);
	values[1] = PointerGetDatum(construct_array(keys, built->nsegments, TEXTOID, -1, false, 'i'));
	nulls[2] = built->next_change == DT_NOEND;
	values[2] = TimestampTzGetDatum(built->next_change);
	tuplestore_putvalues(result->setResult, result->setDesc, values, nulls);
}

Datum
mhub_segment_outcomes(PG_FUNCTION_ARGS)
{
	ProfileRequest request = {0};
	int64	   *persons;
	int			count;

	InitMaterializedSRF(fcinfo, 0);
	persons = get_persons(PG_GETARG_ARRAYTYPE_P(0), &count);
	request.at = PG_GETARG_TIMESTAMPTZ(1);
	mhub_build_profiles(persons, count, &request, put_outcome, fcinfo->resultinfo);
	return (Datum) 0;
}

/*
 * identify.c
 *	  mhub.identify(), mhub.alias(), mhub.person_id() and their like for SQL.
 */
#include "mhub.h"

#include "identity/identity.h"
#include "identity/find.h"

#include "access/xact.h"
#include "funcapi.h"
#include "utils/builtins.h"

PG_FUNCTION_INFO_V1(mhub_identify);
PG_FUNCTION_INFO_V1(mhub_observe);
PG_FUNCTION_INFO_V1(mhub_alias);

void
mhub_identity_refuse_unknown_kind(const IdentityObservation *observation)
{
	if (observation->unknown_kind != NULL)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("unknown identifier kind \"%.*s\"",
						observation->unknown_kind_length, observation->unknown_kind),
				 errhint("Kinds are the rows of mhub.identifier_kind; insert one for a kind of your own.")));
}

static const char *
optional_text(FunctionCallInfo fcinfo, int number)
{
	return PG_ARGISNULL(number) ? NULL : text_to_cstring(PG_GETARG_TEXT_PP(number));
}

static TimestampTz
optional_time(FunctionCallInfo fcinfo, int number)
{
	return PG_ARGISNULL(number) ? GetCurrentTransactionStartTimestamp() : PG_GETARG_TIMESTAMPTZ(number);
}

static Jsonb *
optional_traits(FunctionCallInfo fcinfo, int number)
{
	Jsonb	   *traits = PG_ARGISNULL(number) ? NULL : PG_GETARG_JSONB_P(number);

	if (traits != NULL && !JB_ROOT_IS_OBJECT(traits))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("traits must be a jsonb object")));
	return traits == NULL || JB_ROOT_COUNT(traits) == 0 ? NULL : traits;
}

Datum
mhub_identify(PG_FUNCTION_ARGS)
{
	IdentityObservation observation = {0};

	if (PG_ARGISNULL(0))
		PG_RETURN_NULL();
	observation.identifiers = mhub_identity_names(PG_GETARG_JSONB_P(0), false, &observation.nidentifiers);
	observation.traits = optional_traits(fcinfo, 1);
	observation.occurred_at = optional_time(fcinfo, 2);
	observation.source = optional_text(fcinfo, 3);
	mhub_identity_resolve(&observation, 1);
	mhub_identity_refuse_unknown_kind(&observation);
	if (observation.person_id == 0)
		PG_RETURN_NULL();
	PG_RETURN_INT64(observation.person_id);
}

Datum
mhub_observe(PG_FUNCTION_ARGS)
{
	IdentityObservation observation = {0};
	TupleDesc	descriptor;
	Datum		values[2];
	bool		nulls[2];

	if (get_call_result_type(fcinfo, NULL, &descriptor) != TYPEFUNC_COMPOSITE)
		elog(ERROR, "return type must be a row type");
	if (!PG_ARGISNULL(0))
		observation.identifiers = mhub_identity_names(PG_GETARG_JSONB_P(0), false, &observation.nidentifiers);
	observation.occurred_at = optional_time(fcinfo, 1);
	observation.source = optional_text(fcinfo, 2);
	mhub_identity_resolve(&observation, 1);
	mhub_identity_refuse_unknown_kind(&observation);
	values[0] = Int64GetDatum(observation.identifier_id);
	values[1] = Int64GetDatum(observation.person_id);
	nulls[0] = nulls[1] = observation.person_id == 0;
	PG_RETURN_DATUM(HeapTupleGetDatum(heap_form_tuple(BlessTupleDesc(descriptor), values, nulls)));
}

static IdentityName
name_of(const char *kind, text *value)
{
	return (IdentityName) {kind, strlen(kind), VARDATA_ANY(value), VARSIZE_ANY_EXHDR(value)};
}

/* A previous id that is known as a user's is one; else it is the client's random id, as in Segment's libraries. */
static const char *
kind_of_previous(text *previous)
{
	FoundIdentifier found = identity_find("user_id", strlen("user_id"), VARDATA_ANY(previous), VARSIZE_ANY_EXHDR(previous));

	return found.identifier_id != 0 ? "user_id" : "anonymous_id";
}

Datum
mhub_alias(PG_FUNCTION_ARGS)
{
	IdentityName names[2];
	IdentityObservation observation = {.identifiers = names, .nidentifiers = 2, .first_survives = true, .cause = "alias"};

	if (PG_ARGISNULL(0) || PG_ARGISNULL(1))
		PG_RETURN_NULL();
	names[0] = name_of("user_id", PG_GETARG_TEXT_PP(1));
	names[1] = name_of(PG_ARGISNULL(4) ? kind_of_previous(PG_GETARG_TEXT_PP(0)) : optional_text(fcinfo, 4),
					   PG_GETARG_TEXT_PP(0));
	observation.occurred_at = optional_time(fcinfo, 2);
	observation.source = optional_text(fcinfo, 3);
	mhub_identity_resolve(&observation, 1);
	mhub_identity_refuse_unknown_kind(&observation);
	if (observation.person_id == 0)
		PG_RETURN_NULL();
	PG_RETURN_INT64(observation.person_id);
}

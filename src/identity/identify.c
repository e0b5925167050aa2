/*
 * identify.c
 *	  mhub.identify(), mhub.alias(), mhub.person_id() and their like for SQL.
 */
#include "mhub.h"

#include "identity/identity.h"
#include "identity/kinds.h"

#include "access/xact.h"
#include "utils/builtins.h"

PG_FUNCTION_INFO_V1(mhub_identify);

static void
refuse_unknown_kind(const IdentityObservation *observation)
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
	refuse_unknown_kind(&observation);
	if (observation.person_id == 0)
		PG_RETURN_NULL();
	PG_RETURN_INT64(observation.person_id);
}

/*
 * link_match.c
 *	  mhub.link_match(): a probable identity becomes a link.
 */
#include "mhub.h"

#include "identity/identity.h"

#include "access/xact.h"
#include "catalog/pg_type.h"
#include "common/spi_plan.h"
#include "executor/spi.h"
#include "utils/builtins.h"
#include "utils/guc.h"

PG_FUNCTION_INFO_V1(mhub_link_match);

static double identity_threshold = 0.99;

/* The identifiers that were first of each, and how probable the match is */
static MhubPlan find_match = {
	"SELECT c.probability, a.kind, a.value, b.kind, b.value"
	" FROM mhub.match_candidates($1) AS c"
	" CROSS JOIN LATERAL (SELECT i.kind, i.value FROM mhub.identifier AS i JOIN mhub.identifier_kind AS k USING (kind)"
	"  WHERE i.person_id = mhub.resolve_person($1) AND k.mergeable ORDER BY i.identifier_id LIMIT 1) AS a"
	" CROSS JOIN LATERAL (SELECT i.kind, i.value FROM mhub.identifier AS i JOIN mhub.identifier_kind AS k USING (kind)"
	"  WHERE i.person_id = c.candidate_id AND k.mergeable ORDER BY i.identifier_id LIMIT 1) AS b"
	" WHERE c.candidate_id = mhub.resolve_person($2) AND c.probability >= $3"
	" AND mhub.has_consent(mhub.resolve_person($1), 'identity_matching')"
	" AND mhub.has_consent(c.candidate_id, 'identity_matching')",
	3, {INT8OID, INT8OID, FLOAT8OID}, NULL
};
static MhubPlan same_person = {
	"SELECT mhub.resolve_person($1) = mhub.resolve_person($2)", 2, {INT8OID, INT8OID}, NULL
};

void
mhub_identity_init(void)
{
	DefineCustomRealVariable("mhub.identity_threshold",
							 "Probability from which mhub.link_match() links two persons.",
							 NULL, &identity_threshold, 0.99, 0.5, 1.0, PGC_USERSET, 0, NULL, NULL, NULL);
}

static IdentityName
stored_name(MemoryContext context, int column)
{
	HeapTuple	row = SPI_tuptable->vals[0];
	char	   *kind = MemoryContextStrdup(context, SPI_getvalue(row, SPI_tuptable->tupdesc, column));
	char	   *value = MemoryContextStrdup(context, SPI_getvalue(row, SPI_tuptable->tupdesc, column + 1));

	return (IdentityName) {kind, strlen(kind), value, strlen(value)};
}

/* False when the match is not good enough, or consent is missing. */
static bool
load_match(Datum *args, IdentityObservation *observation)
{
	MemoryContext caller = CurrentMemoryContext;
	bool		found;
	bool		isnull;

	SPI_connect();
	if (SPI_execute_plan(mhub_plan(&find_match), args, NULL, false, 1) != SPI_OK_SELECT)
		elog(ERROR, "could not look up a match");
	found = SPI_processed > 0;
	if (found)
	{
		observation->confidence = DatumGetFloat4(SPI_getbinval(SPI_tuptable->vals[0], SPI_tuptable->tupdesc, 1, &isnull));
		observation->identifiers[0] = stored_name(caller, 2);
		observation->identifiers[1] = stored_name(caller, 4);
	}
	SPI_finish();
	return found;
}

static bool
are_one(Datum *args)
{
	bool		one;
	bool		isnull;

	SPI_connect();
	if (SPI_execute_plan(mhub_plan(&same_person), args, NULL, false, 1) != SPI_OK_SELECT)
		elog(ERROR, "could not look up persons");
	one = DatumGetBool(SPI_getbinval(SPI_tuptable->vals[0], SPI_tuptable->tupdesc, 1, &isnull)) && !isnull;
	SPI_finish();
	return one;
}

Datum
mhub_link_match(PG_FUNCTION_ARGS)
{
	IdentityName names[2];
	IdentityObservation observation = {.identifiers = names, .nidentifiers = 2, .stored = true, .source = "match", .cause = "match"};
	Datum		args[3] = {PG_GETARG_DATUM(0), PG_GETARG_DATUM(1), Float8GetDatum(identity_threshold)};

	if (!load_match(args, &observation))
		PG_RETURN_NULL();
	observation.occurred_at = GetCurrentTransactionStartTimestamp();
	mhub_identity_resolve(&observation, 1);
	if (!are_one(args))
		PG_RETURN_NULL();
	PG_RETURN_INT64(observation.person_id);
}

/*
 * trait_open.c
 *	  mhub.message_traits(): the sealed traits, for filling in a message.
 *
 * Who delivers messages fills names into templates without being allowed to
 * decrypt at will: this opens the traits of one person, nothing else, and is
 * logged as such.
 */
#include "mhub.h"

#include "privacy/access_log.h"
#include "privacy/privacy.h"

#include "catalog/pg_type.h"
#include "common/spi_plan.h"
#include "privacy/hub_access.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/jsonb.h"

PG_FUNCTION_INFO_V1(mhub_message_traits);

static MhubPlan select_traits = {
	.sql = "WITH RECURSIVE family (id) AS (SELECT $1"
	" UNION SELECT p.person_id FROM family AS f JOIN mhub.person AS p ON p.merged_into OPERATOR(pg_catalog.=) f.id)"
	" SELECT DISTINCT ON (t.name) t.name, t.sealed FROM family AS f"
	" JOIN mhub.sealed_trait AS t ON t.person_id OPERATOR(pg_catalog.=) f.id"
	" ORDER BY t.name, t.observed_at DESC, t.person_id",
	.nargs = 1, .argtypes = {INT8OID}
};

typedef struct OpenTraits
{
	int			n;
	Datum	   *names;
	Datum	   *values;
} OpenTraits;

/* Copies into the caller's context: SPI's ends with SPI_finish(). */
static void
read_sealed(int64 person_id, OpenTraits *traits)
{
	MemoryContext caller = CurrentMemoryContext;
	MhubOwnerContext saved;
	Datum		arg = Int64GetDatum(person_id);
	bool		isnull;

	mhub_become_owner("sealed_trait", &saved);
	SPI_connect();
	if (SPI_execute_plan(mhub_plan(&select_traits), &arg, NULL, false, 0) != SPI_OK_SELECT)
		elog(ERROR, "could not read mhub.sealed_trait");
	MemoryContextSwitchTo(caller);
	traits->n = (int) SPI_processed;
	traits->names = palloc(traits->n * sizeof(Datum) + 1);
	traits->values = palloc(traits->n * sizeof(Datum) + 1);
	for (int i = 0; i < traits->n; i++)
	{
		Datum		name = SPI_getbinval(SPI_tuptable->vals[i], SPI_tuptable->tupdesc, 1, &isnull);
		Datum		sealed = SPI_getbinval(SPI_tuptable->vals[i], SPI_tuptable->tupdesc, 2, &isnull);

		traits->names[i] = PointerGetDatum(DatumGetTextPCopy(name));
		traits->values[i] = PointerGetDatum(DatumGetByteaPCopy(sealed));
	}
	SPI_finish();
	mhub_become_self_again(&saved);
}

/* Puts texts in place of ciphertexts; leaves out what an erasure has made unreadable. */
static void
open_values(int64 person_id, OpenTraits *traits)
{
	int			opened = 0;

	for (int i = 0; i < traits->n; i++)
	{
		char	   *value = mhub_open(DatumGetByteaPP(traits->values[i]), "sealed_trait.sealed");

		if (value == NULL)
			continue;
		mhub_log_access("message", "delivery", "sealed_trait.sealed", person_id);
		traits->names[opened] = traits->names[i];
		traits->values[opened] = CStringGetTextDatum(value);
		opened++;
	}
	traits->n = opened;
}

Datum
mhub_message_traits(PG_FUNCTION_ARGS)
{
	int64		person_id = PG_GETARG_INT64(0);
	OpenTraits	traits;
	ArrayType  *names;
	ArrayType  *values;

	read_sealed(person_id, &traits);
	open_values(person_id, &traits);
	names = construct_array(traits.names, traits.n, TEXTOID, -1, false, TYPALIGN_INT);
	values = construct_array(traits.values, traits.n, TEXTOID, -1, false, TYPALIGN_INT);
	PG_RETURN_DATUM(DirectFunctionCall2(jsonb_object_two_arg, PointerGetDatum(names), PointerGetDatum(values)));
}

/*
 * find.c
 *	  Looking identifiers up without writing anything.
 */
#include "mhub.h"

#include "identity/find.h"

#include "catalog/pg_type.h"
#include "common/spi_plan.h"
#include "executor/spi.h"
#include "funcapi.h"
#include "identity/kinds.h"
#include "privacy/privacy.h"
#include "utils/builtins.h"

PG_FUNCTION_INFO_V1(mhub_person_id);
PG_FUNCTION_INFO_V1(mhub_check_identifier);

static MhubPlan find_identifier = {
	"SELECT i.identifier_id, i.person_id FROM mhub.identifier AS i WHERE i.kind = $1 AND i.value = $2",
	2, {TEXTOID, TEXTOID}, NULL
};

static const IdentityKind *
kind_named(const char *name, int length)
{
	const IdentityKinds *kinds = identity_kinds();
	int			number = identity_kind_number(kinds, name, length);

	if (number < 0)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("unknown identifier kind \"%.*s\"", length, name),
				 errhint("Kinds are the rows of mhub.identifier_kind; insert one for a kind of your own.")));
	return &kinds->kinds[number];
}

/* In a read-write query the latest committed state counts, as elsewhere in this room; STABLE functions look as their query does. */
static FoundIdentifier
look_up(const IdentityKind *kind, char *value, bool read_only)
{
	FoundIdentifier found = {0, 0};
	Datum		args[2];

	if (kind->pii)
		value = mhub_blind_index_hex(value, kind->name);
	args[0] = CStringGetTextDatum(kind->name);
	args[1] = CStringGetTextDatum(value);
	SPI_connect();
	if (SPI_execute_plan(mhub_plan(&find_identifier), args, NULL, read_only, 1) != SPI_OK_SELECT)
		elog(ERROR, "could not look up an identifier");
	if (SPI_processed > 0)
	{
		bool		isnull;

		found.identifier_id = DatumGetInt64(SPI_getbinval(SPI_tuptable->vals[0], SPI_tuptable->tupdesc, 1, &isnull));
		found.person_id = DatumGetInt64(SPI_getbinval(SPI_tuptable->vals[0], SPI_tuptable->tupdesc, 2, &isnull));
	}
	SPI_finish();
	return found;
}

FoundIdentifier
identity_find(const char *kind_name, int kind_length, const char *value, int value_length)
{
	const IdentityKind *kind = kind_named(kind_name, kind_length);
	const char *reason;
	char	   *normal = identity_normalise(kind, value, value_length, &reason);

	if (normal == NULL)
		return (FoundIdentifier) {0, 0};
	return look_up(kind, normal, false);
}

Datum
mhub_person_id(PG_FUNCTION_ARGS)
{
	text	   *name = PG_GETARG_TEXT_PP(0);
	text	   *given = PG_GETARG_TEXT_PP(1);
	const IdentityKind *kind = kind_named(VARDATA_ANY(name), VARSIZE_ANY_EXHDR(name));
	const char *reason;
	char	   *value = identity_normalise(kind, VARDATA_ANY(given), VARSIZE_ANY_EXHDR(given), &reason);
	FoundIdentifier found = {0, 0};

	if (value != NULL)
		found = look_up(kind, value, true);
	if (found.person_id == 0)
		PG_RETURN_NULL();
	PG_RETURN_INT64(found.person_id);
}

Datum
mhub_check_identifier(PG_FUNCTION_ARGS)
{
	text	   *name = PG_GETARG_TEXT_PP(0);
	text	   *given = PG_GETARG_TEXT_PP(1);
	const IdentityKind *kind = kind_named(VARDATA_ANY(name), VARSIZE_ANY_EXHDR(name));
	const char *reason;
	char	   *value = identity_normalise(kind, VARDATA_ANY(given), VARSIZE_ANY_EXHDR(given), &reason);
	TupleDesc	descriptor;
	Datum		values[3] = {0};
	bool		nulls[3] = {false};

	if (get_call_result_type(fcinfo, NULL, &descriptor) != TYPEFUNC_COMPOSITE)
		elog(ERROR, "return type must be a row type");
	values[0] = BoolGetDatum(value != NULL);
	nulls[1] = value == NULL;
	nulls[2] = value != NULL;
	if (value != NULL)
		values[1] = CStringGetTextDatum(value);
	else
		values[2] = CStringGetTextDatum(reason);
	PG_RETURN_DATUM(HeapTupleGetDatum(heap_form_tuple(BlessTupleDesc(descriptor), values, nulls)));
}

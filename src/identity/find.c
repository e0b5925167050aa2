/*
 * find.c
 *	  Looking identifiers up without writing anything.
 */
#include "mhub.h"

#include "identity/kinds.h"

#include "catalog/pg_type.h"
#include "common/spi_plan.h"
#include "executor/spi.h"
#include "funcapi.h"
#include "privacy/privacy.h"
#include "utils/builtins.h"

PG_FUNCTION_INFO_V1(mhub_person_id);
PG_FUNCTION_INFO_V1(mhub_check_identifier);

static MhubPlan find_person = {
	"SELECT i.person_id FROM mhub.identifier AS i WHERE i.kind = $1 AND i.value = $2", 2, {TEXTOID, TEXTOID}, NULL
};

static const IdentityKind *
kind_named(text *name)
{
	const IdentityKinds *kinds = identity_kinds();
	int			number = identity_kind_number(kinds, VARDATA_ANY(name), VARSIZE_ANY_EXHDR(name));

	if (number < 0)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("unknown identifier kind \"%s\"", text_to_cstring(name)),
				 errhint("Kinds are the rows of mhub.identifier_kind; insert one for a kind of your own.")));
	return &kinds->kinds[number];
}

Datum
mhub_person_id(PG_FUNCTION_ARGS)
{
	const IdentityKind *kind = kind_named(PG_GETARG_TEXT_PP(0));
	text	   *given = PG_GETARG_TEXT_PP(1);
	const char *reason;
	char	   *value = identity_normalise(kind, VARDATA_ANY(given), VARSIZE_ANY_EXHDR(given), &reason);
	Datum		args[2];
	Datum		person = 0;
	bool		isnull = true;

	if (value == NULL)
		PG_RETURN_NULL();
	if (kind->pii)
		value = mhub_blind_index_hex(value, kind->name);
	SPI_connect();
	args[0] = PG_GETARG_DATUM(0);
	args[1] = CStringGetTextDatum(value);
	if (SPI_execute_plan(mhub_plan(&find_person), args, NULL, true, 1) != SPI_OK_SELECT)
		elog(ERROR, "could not look up an identifier");
	if (SPI_processed > 0)
		person = SPI_getbinval(SPI_tuptable->vals[0], SPI_tuptable->tupdesc, 1, &isnull);
	SPI_finish();
	if (isnull)
		PG_RETURN_NULL();
	PG_RETURN_INT64(DatumGetInt64(person));
}

Datum
mhub_check_identifier(PG_FUNCTION_ARGS)
{
	const IdentityKind *kind = kind_named(PG_GETARG_TEXT_PP(0));
	text	   *given = PG_GETARG_TEXT_PP(1);
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

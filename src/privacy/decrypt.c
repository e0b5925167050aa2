/*
 * decrypt.c
 *	  mhub.decrypt(): opening sealed values for people, who say why and are logged.
 */
#include "mhub.h"

#include "privacy/access_log.h"
#include "privacy/privacy.h"

#include "catalog/pg_type.h"
#include "common/spi_plan.h"
#include "privacy/hub_access.h"
#include "utils/builtins.h"

PG_FUNCTION_INFO_V1(mhub_decrypt);
PG_FUNCTION_INFO_V1(mhub_decrypt_strict);

static MhubPlan is_family = {
	.sql = "SELECT EXISTS (SELECT FROM mhub.person_family($1) AS f (person_id) WHERE f.person_id OPERATOR(pg_catalog.=) $2)",
	.nargs = 2, .argtypes = {INT8OID, INT8OID}
};

/* Whether the two are one person after merges */
static bool
same_person(int64 a, int64 b)
{
	MhubOwnerContext saved;
	Datum		args[2] = {Int64GetDatum(a), Int64GetDatum(b)};
	bool		isnull;
	bool		same;

	if (a == b)
		return true;
	mhub_become_owner("person", &saved);
	SPI_connect();
	if (SPI_execute_plan(mhub_plan(&is_family), args, NULL, false, 1) != SPI_OK_SELECT)
		elog(ERROR, "could not read mhub.person");
	same = DatumGetBool(SPI_getbinval(SPI_tuptable->vals[0], SPI_tuptable->tupdesc, 1, &isnull));
	SPI_finish();
	mhub_become_self_again(&saved);
	return same;
}

/*
 * The value, or NULL when its key is destroyed.  The third argument says
 * whose it must be, the fourth to which row it is bound, if they are given.
 */
static text *
decrypt(FunctionCallInfo fcinfo, const char *function)
{
	bytea	   *sealed = PG_GETARG_BYTEA_PP(0);
	char	   *column_name = text_to_cstring(PG_GETARG_TEXT_PP(1));
	char	   *row_key = PG_ARGISNULL(3) ? NULL : text_to_cstring(PG_GETARG_TEXT_PP(3));
	int64		owner;
	char	   *value;

	mhub_require_purpose(function);
	owner = mhub_sealed_for(sealed);
	if (!PG_ARGISNULL(2) && !same_person(owner, PG_GETARG_INT64(2)))
		ereport(ERROR,
				(errcode(ERRCODE_MHUB_TAMPERED),
				 errmsg("sealed value belongs to another person"),
				 errdetail("Person " INT64_FORMAT " was asked for; the value was sealed for person " INT64_FORMAT ".",
						   PG_GETARG_INT64(2), owner),
				 errhidestmt(true), errhidecontext(true)));
	value = mhub_open_in_row(sealed, column_name, row_key);
	if (value == NULL)
		return NULL;
	mhub_log_access("decrypt", mhub_purpose, column_name, owner);
	return cstring_to_text(value);
}

Datum
mhub_decrypt(PG_FUNCTION_ARGS)
{
	text	   *value;

	if (PG_ARGISNULL(0) || PG_ARGISNULL(1))
		PG_RETURN_NULL();
	value = decrypt(fcinfo, "mhub.decrypt()");
	if (value == NULL)
		PG_RETURN_NULL();
	PG_RETURN_TEXT_P(value);
}

Datum
mhub_decrypt_strict(PG_FUNCTION_ARGS)
{
	text	   *value;

	if (PG_ARGISNULL(0) || PG_ARGISNULL(1))
		PG_RETURN_NULL();
	value = decrypt(fcinfo, "mhub.decrypt_strict()");
	if (value == NULL)
		ereport(ERROR,
				(errcode(ERRCODE_MHUB_KEY_DESTROYED),
				 errmsg("the key of this value is destroyed"),
				 errdetail("The person it belonged to was erased."),
				 errhidestmt(true), errhidecontext(true)));
	PG_RETURN_TEXT_P(value);
}

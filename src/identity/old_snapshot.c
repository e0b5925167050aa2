/*
 * old_snapshot.c
 *	  What a transaction must not do with persons that its snapshot shows as they were.
 */
#include "mhub.h"

#include "identity/old_snapshot.h"

#include "access/xact.h"
#include "catalog/pg_type.h"
#include "common/spi_array.h"
#include "common/spi_plan.h"
#include "executor/spi.h"
#include "utils/snapmgr.h"

/* A sum of hashes, which differs when any identifier or link of the persons does */
static MhubPlan state_of_persons = {
	"SELECT concat_ws(' ',"
	" (SELECT sum(hashint8extended(i.identifier_id, i.person_id)::numeric) FROM mhub.identifier AS i WHERE i.person_id = ANY ($1)),"
	" (SELECT sum(hashtextextended(concat_ws(' ', l.identifier_a, l.identifier_b, l.joins), 0)::numeric)"
	"  FROM mhub.identifier AS i JOIN mhub.link AS l ON l.identifier_b = i.identifier_id WHERE i.person_id = ANY ($1)))",
	1, {INT8ARRAYOID}, NULL
};

void
identity_refuse_old_snapshot(void)
{
	if (IsolationUsesXactSnapshot())
		ereport(ERROR,
				(errcode(ERRCODE_T_R_SERIALIZATION_FAILURE),
				 errmsg("could not serialize access due to concurrent change of persons"),
				 errhint("The transaction might succeed if retried.")));
}

static char *
state_under(Snapshot snapshot, Datum persons)
{
	int			code = SPI_execute_snapshot(mhub_plan(&state_of_persons), &persons, NULL, snapshot, InvalidSnapshot, true, false, 1);

	if (code != SPI_OK_SELECT)
		elog(ERROR, "could not read persons: %s", SPI_result_code_string(code));
	return SPI_getvalue(SPI_tuptable->vals[0], SPI_tuptable->tupdesc, 1);
}

void
identity_refuse_changed_persons(const int64 *persons, int n)
{
	static const Oid types[] = {INT8OID};
	MhubColumns column;
	Datum		array;
	int			i;

	if (!IsolationUsesXactSnapshot() || n == 0)
		return;
	SPI_connect();
	mhub_columns_init(&column, lengthof(types), types);
	for (i = 0; i < n; i++)
		mhub_columns_add(&column, (Datum[]) {Int64GetDatum(persons[i])});
	mhub_columns_arrays(&column, &array);
	if (strcmp(state_under(GetTransactionSnapshot(), array), state_under(GetLatestSnapshot(), array)) != 0)
		identity_refuse_old_snapshot();
	SPI_finish();
}

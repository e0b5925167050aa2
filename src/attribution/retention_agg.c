/*
 * retention_agg.c
 *	  mhub.retention(): who came back, as ClickHouse's retention().
 *
 * The state is a bigint passed by value: the number of conditions in its upper
 * half, which of them were ever true in its lower half.
 */
#include "attribution/event_log.h"

#include "catalog/pg_type.h"

PG_FUNCTION_INFO_V1(mhub_retention_transfn);
PG_FUNCTION_INFO_V1(mhub_retention_combinefn);
PG_FUNCTION_INFO_V1(mhub_retention_finalfn);

/* Arguments: state, conditions.  A NULL array does not count, a NULL element is false. */
Datum
mhub_retention_transfn(PG_FUNCTION_ARGS)
{
	uint64		state = PG_ARGISNULL(0) ? 0 : (uint64) PG_GETARG_INT64(0);
	int			n;

	mhub_require_aggregate(fcinfo, "mhub.retention()");
	if (PG_ARGISNULL(1))
	{
		if (PG_ARGISNULL(0))
			PG_RETURN_NULL();
		PG_RETURN_INT64((int64) state);
	}
	state |= mhub_condition_marks(PG_GETARG_ARRAYTYPE_P(1), &n);
	if (state >> 32 != 0 && (int) (state >> 32) != n)
		mhub_bad_conditions();
	state |= (uint64) n << 32;
	PG_RETURN_INT64((int64) state);
}

Datum
mhub_retention_combinefn(PG_FUNCTION_ARGS)
{
	mhub_require_aggregate(fcinfo, "mhub.retention()");
	PG_RETURN_INT64(PG_GETARG_INT64(0) | PG_GETARG_INT64(1));
}

/* Element 1: the first condition was met; element i: the first and the i-th were. */
Datum
mhub_retention_finalfn(PG_FUNCTION_ARGS)
{
	uint64		state = (uint64) PG_GETARG_INT64(0);
	int			n = (int) (state >> 32);
	Datum		result[MHUB_MAX_CONDITIONS];

	for (int i = 0; i < n; i++)
		result[i] = BoolGetDatum((state & 1) != 0 && (state & (UINT64CONST(1) << i)) != 0);
	PG_RETURN_ARRAYTYPE_P(construct_array(result, n, BOOLOID, sizeof(bool), true, TYPALIGN_CHAR));
}

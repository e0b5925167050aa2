/*
 * reached_agg.c
 *	  mhub.funnel_reached(): the whole funnel in one state.
 */
#include "attribution/big_state.h"

#include "attribution/reached.h"
#include "catalog/pg_type.h"
#include "utils/array.h"
#include "utils/timestamp.h"

PG_FUNCTION_INFO_V1(mhub_funnel_reached_transfn);
PG_FUNCTION_INFO_V1(mhub_funnel_reached_combinefn);
PG_FUNCTION_INFO_V1(mhub_funnel_reached_finalfn);

static const MhubBigStateMethods reached_methods = {
	"mhub.funnel_reached()", mhub_reached_flat_size, mhub_reached_flatten, mhub_reached_create_like, mhub_reached_merge,
	mhub_reached_attach
};

/* Arguments 4 and 5: window and mode.  The number of steps is not known, so that the funnel ends with the last one seen. */
static void *
create_reached(FunctionCallInfo fcinfo)
{
	return mhub_reached_create(mhub_funnel_options(fcinfo, 4, MHUB_FUNNEL_MAX_STEPS));
}

/* Arguments: state, person, at, step, window [, mode].  A row without person or time does not count. */
Datum
mhub_funnel_reached_transfn(PG_FUNCTION_ARGS)
{
	Datum		result;
	MemoryContext context;
	MhubReached *reached = mhub_big_state(fcinfo, &reached_methods, create_reached, &result, &context);
	uint32		marks = PG_ARGISNULL(3) ? 0 : mhub_funnel_step_mark(PG_GETARG_INT32(3));

	if (!PG_ARGISNULL(1) && !PG_ARGISNULL(2) && mhub_funnel_wants(&reached->options, marks))
		mhub_reached_add(reached, (MhubPersonEvent) {PG_GETARG_INT64(1), PG_GETARG_TIMESTAMPTZ(2), marks});
	PG_RETURN_DATUM(result);
}

Datum
mhub_funnel_reached_combinefn(PG_FUNCTION_ARGS)
{
	return mhub_big_state_combine(fcinfo, &reached_methods);
}

/* Element k: how many people reached step k; up to the last step any event is. */
Datum
mhub_funnel_reached_finalfn(PG_FUNCTION_ARGS)
{
	MhubReached *reached;
	int64		levels[MHUB_FUNNEL_MAX_STEPS + 1] = {0};
	Datum		elements[MHUB_FUNNEL_MAX_STEPS];
	int64		people = 0;
	int			n = 0;

	if (PG_ARGISNULL(0))
		PG_RETURN_NULL();
	reached = mhub_big_state_content(fcinfo, &reached_methods);
	mhub_reached_levels(reached, levels);
	while (n < MHUB_FUNNEL_MAX_STEPS && (uint64) reached->marks >> n != 0)
		n++;
	for (int k = MHUB_FUNNEL_MAX_STEPS; k > 0; k--)
	{
		people += levels[k];
		elements[k - 1] = Int64GetDatum(people);
	}
	PG_RETURN_ARRAYTYPE_P(construct_array(elements, n, INT8OID, sizeof(int64), FLOAT8PASSBYVAL, TYPALIGN_DOUBLE));
}

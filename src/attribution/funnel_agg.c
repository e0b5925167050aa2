/*
 * funnel_agg.c
 *	  mhub.window_funnel() and mhub.window_funnel_times().
 */
#include "attribution/event_log.h"

#include "attribution/funnel_options.h"
#include "catalog/pg_type.h"
#include "utils/timestamp.h"

PG_FUNCTION_INFO_V1(mhub_window_funnel_transfn);
PG_FUNCTION_INFO_V1(mhub_window_funnel_step_transfn);
PG_FUNCTION_INFO_V1(mhub_window_funnel_combinefn);
PG_FUNCTION_INFO_V1(mhub_window_funnel_finalfn);
PG_FUNCTION_INFO_V1(mhub_window_funnel_times_finalfn);

#define AGGREGATE "mhub.window_funnel()"

/* Room for the steps that most people take: 18 of them. */
#define USUAL_SIZE 240

/* The log, begun with the window and mode of the first row: arguments 3 and 4. */
static MhubLog *
funnel_log(FunctionCallInfo fcinfo, int n_steps)
{
	MhubLog    *log = MHUB_LOG_STATE();
	MhubFunnelOptions options;

	if (log != NULL)
		return log;
	options = mhub_funnel_options(fcinfo, 3, n_steps);
	log = mhub_log_reserve(NULL, USUAL_SIZE);
	memcpy(log->data, &options, sizeof(options));
	log->used = sizeof(options);
	return log;
}

static MhubLog *
add_event(MhubLog *log, int64 at, uint32 steps)
{
	return mhub_funnel_wants((MhubFunnelOptions *) log->data, steps) ? mhub_event_append(log, at, steps) : log;
}

/* Arguments: state, at, steps, window [, mode]. */
Datum
mhub_window_funnel_transfn(PG_FUNCTION_ARGS)
{
	MhubLog    *log;
	uint32		steps;
	int			n;

	mhub_require_aggregate(fcinfo, AGGREGATE);
	if (PG_ARGISNULL(1) || PG_ARGISNULL(2))
	{
		if (PG_ARGISNULL(0))
			PG_RETURN_NULL();
		PG_RETURN_DATUM(PG_GETARG_DATUM(0));
	}
	steps = mhub_condition_marks(PG_GETARG_ARRAYTYPE_P(2), &n);
	log = funnel_log(fcinfo, n);
	if (((MhubFunnelOptions *) log->data)->n_steps != n)
		mhub_bad_conditions();
	PG_RETURN_POINTER(add_event(log, PG_GETARG_TIMESTAMPTZ(1), steps));
}

/* Arguments: state, at, step (its number), window [, mode].  The number of steps is not known, so that the funnel ends with the last one seen. */
Datum
mhub_window_funnel_step_transfn(PG_FUNCTION_ARGS)
{
	MhubLog    *log;
	int32		step;

	mhub_require_aggregate(fcinfo, AGGREGATE);
	if (PG_ARGISNULL(1))
	{
		if (PG_ARGISNULL(0))
			PG_RETURN_NULL();
		PG_RETURN_DATUM(PG_GETARG_DATUM(0));
	}
	step = PG_ARGISNULL(2) ? 0 : PG_GETARG_INT32(2);
	log = funnel_log(fcinfo, MHUB_FUNNEL_MAX_STEPS);
	PG_RETURN_POINTER(add_event(log, PG_GETARG_TIMESTAMPTZ(1), mhub_funnel_step_mark(step)));
}

Datum
mhub_window_funnel_combinefn(PG_FUNCTION_ARGS)
{
	return mhub_log_combine(fcinfo, sizeof(MhubFunnelOptions), AGGREGATE);
}

static void
run_funnel(const MhubLog *log, MhubFunnelResult *result)
{
	const MhubFunnelOptions *options = (const MhubFunnelOptions *) log->data;
	int			n;
	MhubMarkedEvent *events = mhub_event_read(log, sizeof(MhubFunnelOptions), &n);

	mhub_funnel(events, n, options->n_steps, options->window, options->mode, result);
	pfree(events);
}

Datum
mhub_window_funnel_finalfn(PG_FUNCTION_ARGS)
{
	MhubFunnelResult result;

	mhub_require_aggregate(fcinfo, AGGREGATE);
	if (PG_ARGISNULL(0))
		PG_RETURN_NULL();
	run_funnel((MhubLog *) PG_GETARG_BYTEA_P(0), &result);
	PG_RETURN_INT32(result.level);
}

Datum
mhub_window_funnel_times_finalfn(PG_FUNCTION_ARGS)
{
	MhubFunnelResult result;
	Datum		times[MHUB_FUNNEL_MAX_STEPS];

	mhub_require_aggregate(fcinfo, AGGREGATE);
	if (PG_ARGISNULL(0))
		PG_RETURN_NULL();
	run_funnel((MhubLog *) PG_GETARG_BYTEA_P(0), &result);
	for (int i = 0; i < result.level; i++)
		times[i] = TimestampTzGetDatum(result.times[i]);
	PG_RETURN_ARRAYTYPE_P(construct_array(times, result.level, TIMESTAMPTZOID, sizeof(TimestampTz), FLOAT8PASSBYVAL, TYPALIGN_DOUBLE));
}

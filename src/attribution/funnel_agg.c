/*
 * funnel_agg.c
 *	  mhub.window_funnel() and mhub.window_funnel_times().
 */
#include "attribution/event_log.h"

#include "attribution/funnel.h"
#include "catalog/pg_type.h"
#include "utils/builtins.h"
#include "utils/timestamp.h"

PG_FUNCTION_INFO_V1(mhub_window_funnel_transfn);
PG_FUNCTION_INFO_V1(mhub_window_funnel_step_transfn);
PG_FUNCTION_INFO_V1(mhub_window_funnel_combinefn);
PG_FUNCTION_INFO_V1(mhub_window_funnel_finalfn);
PG_FUNCTION_INFO_V1(mhub_window_funnel_times_finalfn);

#define AGGREGATE "mhub.window_funnel()"

/* At the head of the log. */
typedef struct Head
{
	int64		window;			/* microseconds */
	int32		n_steps;
	int32		mode;
} Head;

static int
mode_word(const char *word, size_t length)
{
	static const struct
	{
		const char *word;
		MhubFunnelMode mode;
	}			words[] = {
		{"strict_order", MHUB_FUNNEL_STRICT_ORDER}, {"strict_deduplication", MHUB_FUNNEL_STRICT_DEDUPLICATION},
		{"strict_increase", MHUB_FUNNEL_STRICT_INCREASE}, {"strict_once", MHUB_FUNNEL_STRICT_ONCE},
		{"allow_reentry", MHUB_FUNNEL_ALLOW_REENTRY}
	};

	for (size_t i = 0; i < lengthof(words); i++)
	{
		if (strlen(words[i].word) == length && memcmp(words[i].word, word, length) == 0)
			return words[i].mode;
	}
	ereport(ERROR,
			(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
			 errmsg("unknown funnel mode \"%s\"", pnstrdup(word, length)),
			 errhint("Modes are strict_order, strict_deduplication, strict_increase, strict_once and allow_reentry, separated by commas or blanks.")));
}

static int
parse_mode(const char *text)
{
	int			mode = 0;

	for (text += strspn(text, ", "); *text != '\0'; text += strspn(text, ", "))
	{
		size_t		length = strcspn(text, ", ");

		mode |= mode_word(text, length);
		text += length;
	}
	if ((mode & MHUB_FUNNEL_ALLOW_REENTRY) != 0 && (mode & MHUB_FUNNEL_STRICT_ORDER) == 0)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("funnel mode allow_reentry needs strict_order")));
	return mode;
}

static int64
parse_window(const Interval *interval)
{
	int64		window = interval->time + interval->day * USECS_PER_DAY;

	if (interval->month != 0 || window < 0)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("the window of a funnel must not be negative nor have months"),
				 errhint("Give it in days or smaller units; a day is 24 hours.")));
	return window;
}

/* The log, begun with the window and mode of the first row: arguments 3 and 4. */
static MhubLog *
funnel_log(FunctionCallInfo fcinfo, int n_steps)
{
	MhubLog    *log = MHUB_LOG_STATE();
	Head		head = {0};

	if (log != NULL)
		return log;
	if (PG_ARGISNULL(3) || (PG_NARGS() > 4 && PG_ARGISNULL(4)))
		ereport(ERROR,
				(errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
				 errmsg("window and mode of a funnel must not be null")));
	head.window = parse_window(PG_GETARG_INTERVAL_P(3));
	head.mode = PG_NARGS() > 4 ? parse_mode(text_to_cstring(PG_GETARG_TEXT_PP(4))) : 0;
	head.n_steps = n_steps;
	log = mhub_log_reserve(NULL, sizeof(Head));
	memcpy(log->data, &head, sizeof(Head));
	log->used = sizeof(Head);
	return log;
}

/* Other events matter to strict_order alone. */
static MhubLog *
add_event(MhubLog *log, int64 at, uint32 steps)
{
	if (steps == 0 && (((Head *) log->data)->mode & MHUB_FUNNEL_STRICT_ORDER) == 0)
		return log;
	return mhub_event_append(log, at, steps);
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
	if (((Head *) log->data)->n_steps != n)
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
	if (step < 0 || step > MHUB_FUNNEL_MAX_STEPS)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("step %d of a funnel is not within 1 and %d", step, MHUB_FUNNEL_MAX_STEPS)));
	log = funnel_log(fcinfo, MHUB_FUNNEL_MAX_STEPS);
	PG_RETURN_POINTER(add_event(log, PG_GETARG_TIMESTAMPTZ(1), step == 0 ? 0 : (uint32) 1 << (step - 1)));
}

Datum
mhub_window_funnel_combinefn(PG_FUNCTION_ARGS)
{
	return mhub_log_combine(fcinfo, sizeof(Head), AGGREGATE);
}

static void
run_funnel(const MhubLog *log, MhubFunnelResult *result)
{
	const Head *head = (const Head *) log->data;
	int			n;
	MhubMarkedEvent *events = mhub_event_read(log, sizeof(Head), &n);

	mhub_funnel(events, n, head->n_steps, head->window, head->mode, result);
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

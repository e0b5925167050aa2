/*
 * funnel_agg.c
 *	  mhub.window_funnel(), mhub.window_funnel_times() and mhub.funnel_reached().
 */
#include "attribution/event_log.h"

#include "attribution/big_state.h"
#include "attribution/funnel.h"
#include "catalog/pg_type.h"
#include "utils/builtins.h"
#include "utils/memutils.h"
#include "utils/timestamp.h"

PG_FUNCTION_INFO_V1(mhub_window_funnel_transfn);
PG_FUNCTION_INFO_V1(mhub_window_funnel_step_transfn);
PG_FUNCTION_INFO_V1(mhub_window_funnel_combinefn);
PG_FUNCTION_INFO_V1(mhub_window_funnel_finalfn);
PG_FUNCTION_INFO_V1(mhub_window_funnel_times_finalfn);
PG_FUNCTION_INFO_V1(mhub_funnel_reached_transfn);
PG_FUNCTION_INFO_V1(mhub_funnel_reached_combinefn);
PG_FUNCTION_INFO_V1(mhub_funnel_reached_finalfn);

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

static uint32
step_mark(int32 step)
{
	if (step < 0 || step > MHUB_FUNNEL_MAX_STEPS)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("step %d of a funnel is not within 1 and %d", step, MHUB_FUNNEL_MAX_STEPS)));
	return step == 0 ? 0 : (uint32) 1 << (step - 1);
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
	PG_RETURN_POINTER(add_event(log, PG_GETARG_TIMESTAMPTZ(1), step_mark(step)));
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

/*
 * mhub.funnel_reached(): the whole funnel in one state.  A row is kept as it
 * is; at the end the rows are dealt into parts by person, each small enough for
 * the processor's cache, and every part is sorted.
 */
typedef struct PersonEvent
{
	int64		person;
	int64		at;
	uint32		marks;
} PersonEvent;

typedef struct Reached
{
	Head		head;
	PersonEvent *events;
	int64		n;
	int64		capacity;
} Reached;

#define PARTS 4096

static void *
create_reached(FunctionCallInfo fcinfo)
{
	Reached    *reached = palloc0(sizeof(Reached));

	if (PG_ARGISNULL(4) || (PG_NARGS() > 5 && PG_ARGISNULL(5)))
		ereport(ERROR,
				(errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
				 errmsg("window and mode of a funnel must not be null")));
	reached->head.window = parse_window(PG_GETARG_INTERVAL_P(4));
	reached->head.mode = PG_NARGS() > 5 ? parse_mode(text_to_cstring(PG_GETARG_TEXT_PP(5))) : 0;
	reached->head.n_steps = MHUB_FUNNEL_MAX_STEPS;
	reached->capacity = 1024;
	reached->events = palloc(sizeof(PersonEvent) * reached->capacity);
	return reached;
}

static void
reserve_events(Reached *reached, int64 more)
{
	if (reached->n + more <= reached->capacity)
		return;
	reached->capacity = Max(reached->capacity * 2, reached->n + more);
	reached->events = repalloc_huge(reached->events, sizeof(PersonEvent) * reached->capacity);
}

static Size
reached_flat_size(void *content)
{
	return sizeof(Reached) + sizeof(PersonEvent) * ((Reached *) content)->n;
}

static void
reached_flatten(const void *content, char *to)
{
	const Reached *reached = content;

	memcpy(to, reached, sizeof(Reached));
	memcpy(to + sizeof(Reached), reached->events, sizeof(PersonEvent) * reached->n);
}

static void
reached_merge(void *content, const char *flat)
{
	Reached    *reached = content;
	Reached		other;

	memcpy(&other, flat, sizeof(Reached));
	reserve_events(reached, other.n);
	memcpy(reached->events + reached->n, flat + sizeof(Reached), sizeof(PersonEvent) * other.n);
	reached->n += other.n;
}

static void *
reached_unflatten(const char *flat)
{
	Reached    *reached = palloc0(sizeof(Reached));

	memcpy(&reached->head, flat, sizeof(Head));
	reached->capacity = 1024;
	reached->events = palloc(sizeof(PersonEvent) * reached->capacity);
	reached_merge(reached, flat);
	return reached;
}

static const MhubBigStateMethods reached_methods = {
	"mhub.funnel_reached()", reached_flat_size, reached_flatten, reached_unflatten, reached_merge
};

/* Arguments: state, person, at, step, window [, mode].  A row without person or time does not count. */
Datum
mhub_funnel_reached_transfn(PG_FUNCTION_ARGS)
{
	Datum		result;
	MemoryContext context;
	Reached    *reached = mhub_big_state(fcinfo, &reached_methods, create_reached, &result, &context);
	int32		step = PG_ARGISNULL(3) ? 0 : PG_GETARG_INT32(3);

	if (PG_ARGISNULL(1) || PG_ARGISNULL(2) || (step == 0 && (reached->head.mode & MHUB_FUNNEL_STRICT_ORDER) == 0))
		PG_RETURN_DATUM(result);
	reserve_events(reached, 1);
	reached->events[reached->n++] = (PersonEvent) {PG_GETARG_INT64(1), PG_GETARG_TIMESTAMPTZ(2), step_mark(step)};
	PG_RETURN_DATUM(result);
}

Datum
mhub_funnel_reached_combinefn(PG_FUNCTION_ARGS)
{
	return mhub_big_state_combine(fcinfo, &reached_methods);
}

static int
compare_person_events(const void *a, const void *b)
{
	const PersonEvent *left = a;
	const PersonEvent *right = b;

	if (left->person != right->person)
		return left->person < right->person ? -1 : 1;
	if (left->at != right->at)
		return left->at < right->at ? -1 : 1;
	return left->marks < right->marks ? -1 : left->marks > right->marks;
}

static uint32
part_of(int64 person)
{
	return (uint64) person * UINT64CONST(0x9E3779B97F4A7C15) >> 52;
}

/* The events by parts; begin has one element more than there are parts. */
static PersonEvent *
deal_events(const Reached *reached, int64 *begin)
{
	PersonEvent *dealt = palloc_extended(sizeof(PersonEvent) * (reached->n + 1), MCXT_ALLOC_HUGE);
	int64		next[PARTS];

	memset(begin, 0, sizeof(int64) * (PARTS + 1));
	for (int64 i = 0; i < reached->n; i++)
		begin[part_of(reached->events[i].person) + 1]++;
	for (int p = 0; p < PARTS; p++)
		begin[p + 1] += begin[p];
	memcpy(next, begin, sizeof(next));
	for (int64 i = 0; i < reached->n; i++)
		dealt[next[part_of(reached->events[i].person)]++] = reached->events[i];
	return dealt;
}

/* Counts the level of each person of a sorted part. */
static void
count_levels(const Head *head, const PersonEvent *events, int64 n, MhubMarkedEvent *scratch, int64 *levels)
{
	int64		begin = 0;

	for (int64 i = 0; i < n; i++)
	{
		MhubFunnelResult result;

		scratch[i - begin] = (MhubMarkedEvent) {events[i].at, events[i].marks};
		if (i + 1 < n && events[i + 1].person == events[i].person)
			continue;
		mhub_funnel(scratch, i + 1 - begin, head->n_steps, head->window, head->mode, &result);
		levels[result.level]++;
		begin = i + 1;
	}
}

/* Element k: how many people reached step k; up to the last step any event is. */
static Datum
reached_array(const Reached *reached, const int64 *levels)
{
	Datum		elements[MHUB_FUNNEL_MAX_STEPS];
	uint32		marks = 0;
	int			n = 0;
	int64		people = 0;

	for (int64 i = 0; i < reached->n; i++)
		marks |= reached->events[i].marks;
	while (n < MHUB_FUNNEL_MAX_STEPS && (uint64) marks >> n != 0)
		n++;
	for (int k = MHUB_FUNNEL_MAX_STEPS; k > 0; k--)
	{
		people += levels[k];
		elements[k - 1] = Int64GetDatum(people);
	}
	return PointerGetDatum(construct_array(elements, n, INT8OID, sizeof(int64), FLOAT8PASSBYVAL, TYPALIGN_DOUBLE));
}

Datum
mhub_funnel_reached_finalfn(PG_FUNCTION_ARGS)
{
	Reached    *reached;
	int64		begin[PARTS + 1];
	int64		levels[MHUB_FUNNEL_MAX_STEPS + 1] = {0};
	int64		largest = 0;
	PersonEvent *dealt;
	MhubMarkedEvent *scratch;

	if (PG_ARGISNULL(0))
		PG_RETURN_NULL();
	reached = mhub_big_state_content(fcinfo, &reached_methods);
	dealt = deal_events(reached, begin);
	for (int p = 0; p < PARTS; p++)
		largest = Max(largest, begin[p + 1] - begin[p]);
	scratch = palloc_extended(sizeof(MhubMarkedEvent) * (largest + 1), MCXT_ALLOC_HUGE);
	for (int p = 0; p < PARTS; p++)
	{
		qsort(dealt + begin[p], begin[p + 1] - begin[p], sizeof(PersonEvent), compare_person_events);
		count_levels(&reached->head, dealt + begin[p], begin[p + 1] - begin[p], scratch, levels);
	}
	pfree(dealt);
	pfree(scratch);
	PG_RETURN_DATUM(reached_array(reached, levels));
}

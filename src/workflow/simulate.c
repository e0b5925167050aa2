/*
 * simulate.c
 *	  Plays a definition through for one imaginary person: the same state
 *	  machine as the engine's, with a clock that jumps from wake-up to wake-up.
 */
#include "mhub.h"

#include "catalog/pg_type.h"
#include "funcapi.h"
#include "miscadmin.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/timestamp.h"
#include "utils/tuplestore.h"
#include "workflow/run.h"

PG_FUNCTION_INFO_V1(mhub_simulate_path);

/* A workflow that goes round and round for years is stopped here. */
#define MAX_WAKES 10000

#define CONTEXT_KEY "$context"

typedef struct Simulation
{
	ReturnSetInfo *result;
	WfProgram  *program;
	WfInput		input;
	Jsonb	   *traits;			/* set by update steps so far; NULL: none */
	TimestampTz until;
	int			nevents;
	int			next_event;
	Datum	   *times;
	Datum	   *names;
	Datum	   *properties;
	Datum	   *contexts;		/* what each event puts into the context of whom it wakes */
	Datum	   *profiles;		/* one more than events: the profile before each of them, and after the last */
	int			nrefusals;		/* that hold all the time */
	const int32 *refusals;
	List	   *sent;			/* SentMessage: for the caps */
} Simulation;

/* A marketing message that has gone out. */
typedef struct SentMessage
{
	const char *channel;
	TimestampTz at;
} SentMessage;

enum
{
	ARG_DEFINITION, ARG_WORKFLOW, ARG_PERSON, ARG_CONTEXT, ARG_PROFILES, ARG_TIMES, ARG_NAMES, ARG_PROPERTIES,
	ARG_CONTEXTS, ARG_REFUSALS, ARG_FROM, ARG_UNTIL
};

static Datum *
array_elements(FunctionCallInfo fcinfo, int argument, Oid type, int length, bool by_value, char align, int *count)
{
	Datum	   *elements;

	deconstruct_array(PG_GETARG_ARRAYTYPE_P(argument), type, length, by_value, align, &elements, NULL, count);
	return elements;
}

static void
emit(Simulation *simulation, int step, int outcome, const WfMove *move, bool last, Jsonb *filled)
{
	Datum		values[5];
	bool		nulls[5] = {false};

	values[0] = TimestampTzGetDatum(simulation->input.now);
	values[1] = Int32GetDatum(step);
	values[2] = Int32GetDatum(outcome);
	values[3] = TimestampTzGetDatum(move->wake_at);
	nulls[3] = !last || move->end != WF_IN_FLIGHT;
	values[4] = JsonbPGetDatum(filled);
	nulls[4] = filled == NULL;
	tuplestore_putvalues(simulation->result->setResult, simulation->result->setDesc, values, nulls);
}

static void
note_sent(Simulation *simulation, const char *channel)
{
	SentMessage *message = palloc(sizeof(SentMessage));

	message->channel = channel;
	message->at = simulation->input.now;
	simulation->sent = lappend(simulation->sent, message);
}

/* How many more messages the cap of a step allows now. */
static int
room_under_cap(const Simulation *simulation, const WfStep *step)
{
	TimestampTz since = DatumGetTimestampTz(DirectFunctionCall2(timestamptz_mi_interval, TimestampTzGetDatum(simulation->input.now),
																IntervalPGetDatum(&step->cap_period)));
	int			room = step->cap_count;
	ListCell   *cell;

	foreach(cell, simulation->sent)
	{
		const SentMessage *message = lfirst(cell);

		if (message->at > since && strcmp(message->channel, step->channel) == 0)
			room--;
	}
	return room;
}

static bool
is_refused(const Simulation *simulation, int step)
{
	for (int i = 0; i < simulation->nrefusals; i++)
		if (simulation->refusals[i] / WF_VISIT == step)
			return true;
	return false;
}

/* The refusals that hold all the time, and the caps as they are now. */
static void
set_refusals(Simulation *simulation)
{
	const WfProgram *program = simulation->program;
	int32	   *refusals = palloc((simulation->nrefusals + program->nsteps) * sizeof(int32));
	int			count = simulation->nrefusals;

	if (count > 0)
		memcpy(refusals, simulation->refusals, count * sizeof(int32));
	for (int i = 0; i < program->nsteps; i++)
	{
		int			room;

		if (program->steps[i].cap_count == 0 || program->steps[i].transactional || is_refused(simulation, i))
			continue;
		room = room_under_cap(simulation, &program->steps[i]);
		refusals[count++] = i * WF_VISIT + (room <= 0 ? WF_SKIPPED_CAP : WF_ROOM + Min(room, 400));
	}
	simulation->input.refusals = refusals;
	simulation->input.nrefusals = count;
}

static void
emit_path(Simulation *simulation, const WfMove *move)
{
	ListCell   *filled = list_head(move->filled);

	for (int i = 0; i < move->npath; i++)
	{
		int			outcome = move->path[i] % WF_VISIT;
		const WfStep *step = &simulation->program->steps[move->path[i] / WF_VISIT];
		bool		has_filled = outcome == WF_DONE && step->settings != NULL;

		emit(simulation, move->path[i] / WF_VISIT, outcome, move, i == move->npath - 1, has_filled ? lfirst(filled) : NULL);
		if (has_filled)
			filled = lnext(move->filled, filled);
		if (outcome == WF_DONE && step->type == WF_MESSAGE && !step->transactional)
			note_sent(simulation, step->channel);
	}
	if (move->end != WF_IN_FLIGHT)
		emit(simulation, -1, (int) move->end, move, true, NULL);
}

/* {"$context": ...} */
static Datum
as_context(Jsonb *context)
{
	JsonbParseState *state = NULL;
	JsonbValue	key = {.type = jbvString,.val.string = {.val = CONTEXT_KEY,.len = sizeof(CONTEXT_KEY) - 1}};
	JsonbValue	value = {.type = jbvBinary,.val.binary = {.data = &context->root,.len = VARSIZE(context) - VARHDRSZ}};

	(void) pushJsonbValue(&state, WJB_BEGIN_OBJECT, NULL);
	(void) pushJsonbValue(&state, WJB_KEY, &key);
	(void) pushJsonbValue(&state, WJB_VALUE, &value);
	return JsonbPGetDatum(JsonbValueToJsonb(pushJsonbValue(&state, WJB_END_OBJECT, NULL)));
}

static bool
event_is(Simulation *simulation, int event, const char *name, const WfPredicate *where)
{
	MhubProfile profile;
	Datum		seen = simulation->properties[event];

	if (name == NULL || strcmp(TextDatumGetCString(simulation->names[event]), name) != 0)
		return false;
	if (where == NULL)
		return true;
	if (strstr(where->text, CONTEXT_KEY) != NULL)
		seen = DirectFunctionCall2(jsonb_concat, seen, as_context(simulation->input.context));
	mhub_profile_init(&profile, mhub_attributes_create());
	mhub_profile_open(&profile, DatumGetJsonbP(seen), DatumGetTimestampTz(simulation->times[event]));
	return mhub_condition_eval(where->condition, &profile) == MHUB_TRUE;
}

/* What an event means for somebody at a step, as the engine would signal it. */
static int
signal_of(Simulation *simulation, int event, int step)
{
	const WfProgram *program = simulation->program;

	for (int i = 0; i < program->ncriteria; i++)
		if (event_is(simulation, event, program->criteria[i].event, program->criteria[i].where))
			return program->criteria[i].is_goal ? WF_SIGNAL_GOAL : WF_SIGNAL_CRITERION;
	if (program->steps[step].type == WF_WAIT_FOR &&
		event_is(simulation, event, program->steps[step].event, program->steps[step].where))
		return step + 1;
	return WF_SIGNAL_NONE;
}

/* Lets events happen up to the wake-up; true if one of them wakes earlier. */
static bool
next_signal(Simulation *simulation, const WfMove *move)
{
	TimestampTz limit = Min(move->wake_at, simulation->until);

	while (simulation->next_event < simulation->nevents &&
		   DatumGetTimestampTz(simulation->times[simulation->next_event]) <= limit)
	{
		int			event = simulation->next_event++;

		simulation->input.signal = signal_of(simulation, event, move->step);
		if (simulation->input.signal != WF_SIGNAL_NONE)
		{
			simulation->input.context = DatumGetJsonbP(DirectFunctionCall2(jsonb_concat, JsonbPGetDatum(simulation->input.context),
																		   simulation->contexts[event]));
			simulation->input.now = Max(simulation->input.now, DatumGetTimestampTz(simulation->times[event]));
			return true;
		}
	}
	return false;
}

static Jsonb *
current_profile(Simulation *simulation)
{
	Datum		profile = simulation->profiles[simulation->next_event];

	if (simulation->traits != NULL)
		profile = DirectFunctionCall2(jsonb_concat, profile, JsonbPGetDatum(simulation->traits));
	return DatumGetJsonbP(profile);
}

static void
play(Simulation *simulation)
{
	WfInput    *input = &simulation->input;

	for (int wakes = 0; wakes < MAX_WAKES; wakes++)
	{
		WfMove		move;

		CHECK_FOR_INTERRUPTS();
		input->profile = current_profile(simulation);
		set_refusals(simulation);
		wf_run(simulation->program, input, &move);
		emit_path(simulation, &move);
		if (move.end != WF_IN_FLIGHT)
			return;
		if (move.traits != NULL)
			simulation->traits = simulation->traits == NULL ? move.traits
				: DatumGetJsonbP(DirectFunctionCall2(jsonb_concat, JsonbPGetDatum(simulation->traits), JsonbPGetDatum(move.traits)));
		input->starting = false;
		input->step = move.step;
		input->arrived_at = move.arrived_at;
		input->wake_at = move.wake_at;
		input->context = move.context;
		input->signal = move.signal;
		if (move.signal != WF_SIGNAL_NONE || next_signal(simulation, &move))
			continue;
		if (move.wake_at > simulation->until)
			return;
		input->now = move.wake_at;
	}
}

Datum
mhub_simulate_path(PG_FUNCTION_ARGS)
{
	Simulation	simulation = {0};
	WfInput    *input = &simulation.input;
	List	   *problems = NIL;
	int			count;

	InitMaterializedSRF(fcinfo, 0);
	simulation.result = (ReturnSetInfo *) fcinfo->resultinfo;
	simulation.program = wf_program_read(PG_GETARG_JSONB_P(ARG_DEFINITION), &problems);
	if (problems != NIL)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("the definition has %d problem(s)", list_length(problems))));
	simulation.times = array_elements(fcinfo, ARG_TIMES, TIMESTAMPTZOID, sizeof(TimestampTz), true, TYPALIGN_DOUBLE, &simulation.nevents);
	simulation.names = array_elements(fcinfo, ARG_NAMES, TEXTOID, -1, false, TYPALIGN_INT, &count);
	simulation.properties = array_elements(fcinfo, ARG_PROPERTIES, JSONBOID, -1, false, TYPALIGN_INT, &count);
	simulation.contexts = array_elements(fcinfo, ARG_CONTEXTS, JSONBOID, -1, false, TYPALIGN_INT, &count);
	simulation.profiles = array_elements(fcinfo, ARG_PROFILES, JSONBOID, -1, false, TYPALIGN_INT, &count);
	if (count != simulation.nevents + 1)
		elog(ERROR, "there must be one profile more than events");
	simulation.until = PG_GETARG_TIMESTAMPTZ(ARG_UNTIL);
	/* What happened before the entry is known, and wakes nobody. */
	while (simulation.next_event < simulation.nevents &&
		   DatumGetTimestampTz(simulation.times[simulation.next_event]) < PG_GETARG_TIMESTAMPTZ(ARG_FROM))
		simulation.next_event++;

	input->person_id = PG_GETARG_INT64(ARG_PERSON);
	input->workflow = text_to_cstring(PG_GETARG_TEXT_PP(ARG_WORKFLOW));
	input->context = PG_GETARG_JSONB_P(ARG_CONTEXT);
	input->step = simulation.program->start;
	input->starting = true;
	input->now = PG_GETARG_TIMESTAMPTZ(ARG_FROM);
	input->arrived_at = input->now;
	input->wake_at = input->now;
	input->events_until = DT_NOEND;
	input->facts = wf_facts_create(simulation.program->attributes);
	if (ARR_NDIM(PG_GETARG_ARRAYTYPE_P(ARG_REFUSALS)) == 1)
	{
		simulation.nrefusals = ARR_DIMS(PG_GETARG_ARRAYTYPE_P(ARG_REFUSALS))[0];
		simulation.refusals = (int32 *) ARR_DATA_PTR(PG_GETARG_ARRAYTYPE_P(ARG_REFUSALS));
	}
	play(&simulation);
	return (Datum) 0;
}

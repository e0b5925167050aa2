/*
 * run.c
 *	  Takes one enrollment from a wake-up to its next wait.
 *
 * No SPI, no side effects: what happened is the path, from which everything
 * else (history, counters, messages ...) follows.  The same code simulates.
 */
#include "workflow/run.h"

#include "common/hashfn.h"
#include "content/bucket.h"
#include "utils/builtins.h"
#include "utils/fmgrprotos.h"
#include "utils/timestamp.h"
#include "workflow/fill.h"
#include "workflow/segment_list.h"

/* A message held back by a cap is tried again so much later. */
#define CAP_RETRY USECS_PER_HOUR

/* State of a run besides the move. */
typedef struct Run
{
	const WfProgram *program;
	const WfInput *input;
	WfMove	   *move;
	Jsonb	   *profile;
	pg_tz	   *zone;			/* NULL until asked for */
	int			signal;			/* not answered yet */
	bool		late;
	bool		stopped;
} Run;

static void
visit(Run *run, int outcome)
{
	WfMove	   *move = run->move;

	if (move->npath == move->path_space)
	{
		move->path_space = Max(16, move->path_space * 2);
		move->path = move->path == NULL ? palloc(move->path_space * sizeof(int32))
			: repalloc(move->path, move->path_space * sizeof(int32));
	}
	move->path[move->npath++] = move->step * WF_VISIT + outcome;
}

static void
finish(Run *run, WfEnd end)
{
	run->move->end = end;
	run->stopped = true;
}

static void
wait_until(Run *run, TimestampTz wake_at)
{
	run->move->wake_at = wake_at;
	run->stopped = true;
}

/* Leaves the step by a branch. */
static void
leave(Run *run, int branch)
{
	const WfStep *step = &run->program->steps[run->move->step];
	int			target = branch < step->nbranches ? step->branches[branch].target : -1;

	if (target < 0)
	{
		finish(run, WF_END_COMPLETED);
		return;
	}
	run->move->step = target;
	run->move->arrived_at = run->input->now;
}

static void
open_facts(Run *run)
{
	static const JsonbContainer empty = {.header = JB_FOBJECT};
	Jsonb	   *profile = run->profile;

	if (profile == NULL)
	{
		profile = palloc(VARHDRSZ + sizeof(empty));
		SET_VARSIZE(profile, VARHDRSZ + offsetof(JsonbContainer, children));
		memcpy(&profile->root, &empty, offsetof(JsonbContainer, children));
		run->profile = profile;
	}
	wf_facts_open(run->input->facts, profile, run->move->context, run->input->now);
}

static bool
holds(Run *run, const WfPredicate *predicate)
{
	return wf_predicate_holds(predicate, run->input->facts);
}

static pg_tz *
trait_zone(Jsonb *profile, const char *trait)
{
	JsonbValue *value = getKeyJsonValueFromContainer(&profile->root, trait, (int) strlen(trait), NULL);

	if (value == NULL || value->type != jbvString)
		return NULL;
	return mhub_time_zone(pnstrdup(value->val.string.val, value->val.string.len));
}

/* The person's time zone, else the workflow's. */
static pg_tz *
person_zone(Run *run)
{
	if (run->zone == NULL && run->profile != NULL && JB_ROOT_IS_OBJECT(run->profile))
		run->zone = trait_zone(run->profile, "time_zone");
	if (run->zone == NULL && run->profile != NULL && JB_ROOT_IS_OBJECT(run->profile))
		run->zone = trait_zone(run->profile, "timezone");
	if (run->zone == NULL)
		run->zone = run->program->zone;
	return run->zone;
}

/* A number that is the same for the same person and seed, and spread evenly. */
uint32
wf_person_hash(const char *seed, int64 person_id)
{
	return hash_combine(hash_bytes((const unsigned char *) seed, (int) strlen(seed)),
						hash_bytes((const unsigned char *) &person_id, sizeof(person_id)));
}

/* Whether this very wake-up has left the step already: the way leads in a circle. */
static bool
has_left(const Run *run)
{
	for (int i = 0; i < run->move->npath; i++)
		if (run->move->path[i] == run->move->step * WF_VISIT + WF_DONE)
			return true;
	return false;
}

static TimestampTz
delay_end(Run *run, const WfStep *step)
{
	TimestampTz end = run->move->arrived_at;

	if (step->has_delay)
		end = mhub_local_add(end, &step->delay, person_zone(run));
	if (step->spread > 0)
		end += (int64) ((double) wf_person_hash(step->key, run->input->person_id) / PG_UINT32_MAX * step->spread);
	if (step->has_local)
		end = mhub_local_next(end + (step->local.has_time && has_left(run) ? 1 : 0), &step->local, person_zone(run));
	return end;
}

static void
arrive_at_delay(Run *run, const WfStep *step)
{
	TimestampTz end = delay_end(run, step);

	/* A delay that is over already does not wait, unless the run has been in circles. */
	if (end <= run->input->now && run->move->npath <= run->program->nsteps)
	{
		visit(run, WF_DONE);
		leave(run, 0);
		return;
	}
	visit(run, WF_ENTERED);
	wait_until(run, end);
}

/* When to look again after a condition: not later than the timeout. */
static void
wait_for_more(Run *run, const WfStep *step)
{
	TimestampTz timeout = mhub_local_add(run->move->arrived_at, &step->delay, person_zone(run));
	TimestampTz recheck = run->input->now + Max(wf_span_usecs(&step->recheck), USECS_PER_SEC);

	wait_until(run, step->event != NULL ? timeout : Min(timeout, recheck));
}

/* Has what the step waits for come? */
static bool
has_come(Run *run, const WfStep *step)
{
	return step->event == NULL ? holds(run, step->predicate) : run->signal == run->move->step + 1;
}

/*
 * An event may have come while the person was still on the way here.  It is
 * answered by a wake-up of its own, which fetches what the steps behind it ask
 * for.
 */
static void
arrive_at_wait(Run *run, const WfStep *step)
{
	bool		come = has_come(run, step);

	if (come && step->event == NULL)
	{
		visit(run, WF_DONE);
		leave(run, 0);
		return;
	}
	visit(run, WF_ENTERED);
	if (come)
	{
		run->move->signal = run->signal;
		wait_until(run, run->input->now);
	}
	else
		wait_for_more(run, step);
}

static void
decide(Run *run, const WfStep *step)
{
	int			branch = 0;

	while (branch < step->nbranches - 1 && !holds(run, step->branches[branch].predicate))
		branch++;
	visit(run, branch);
	leave(run, branch);
}

/* Sticky: depends on nothing but the person and the experiment. */
static void
choose_variant(Run *run, const WfStep *step)
{
	char		unit[MAXINT8LEN + 1];
	char	   *seed = psprintf("%s/%s/%s", run->input->workflow, step->key, step->salt == NULL ? "" : step->salt);
	double		bucket;
	double		total = 0;
	double		upto = 0;
	int			branch = 0;

	pg_lltoa(run->input->person_id, unit);
	bucket = mhub_bucket_of(seed, (int) strlen(seed), unit, (int) strlen(unit), MHUB_HASH_VERSION, false);
	for (int i = 0; i < step->nbranches; i++)
		total += step->branches[i].weight;
	for (int i = 0; i < step->nbranches; i++)
	{
		upto += step->branches[i].weight / total;
		branch = i;
		if (bucket < upto)
			break;
	}
	visit(run, branch);
	leave(run, branch);
}

/* Marketing messages of a channel in this very run, which the facts fetched before cannot know. */
static int
sent_in_run(const Run *run, const char *channel)
{
	int			sent = 0;

	for (int i = 0; i < run->move->npath; i++)
	{
		const WfStep *step = &run->program->steps[run->move->path[i] / WF_VISIT];

		if (step->type == WF_MESSAGE && !step->transactional && run->move->path[i] % WF_VISIT == WF_DONE &&
			strcmp(step->channel, channel) == 0)
			sent++;
	}
	return sent;
}

static int
refusal_of(const Run *run, const WfStep *step)
{
	for (int i = 0; i < run->input->nrefusals; i++)
	{
		int			refusal = run->input->refusals[i] % WF_VISIT;

		if (run->input->refusals[i] / WF_VISIT != run->move->step)
			continue;
		if (refusal < WF_ROOM)
			return refusal;
		return sent_in_run(run, step->channel) < refusal - WF_ROOM ? 0 : WF_SKIPPED_CAP;
	}
	return 0;
}

static void
skip(Run *run, int outcome)
{
	visit(run, outcome);
	leave(run, 0);
}

static void
refuse(Run *run, const WfStep *step, int refusal)
{
	WfThen		then = refusal == WF_SKIPPED_CAP ? step->when_capped : step->when_refused;

	if (then == WF_THEN_DEFER)
	{
		visit(run, WF_DEFERRED_CAP);
		wait_until(run, run->input->now + CAP_RETRY);
	}
	else if (then == WF_THEN_EXIT)
	{
		visit(run, refusal == WF_SKIPPED_CAP ? WF_EXIT_CAP : WF_EXIT_CONSENT);
		finish(run, refusal == WF_SKIPPED_CAP ? WF_END_CAP : WF_END_NO_CONSENT);
	}
	else
		skip(run, refusal);
}

/* Notes the effect, with the step as it is for this person; gives that back if it has templates. */
static Jsonb *
carry_out(Run *run, const WfStep *step)
{
	Jsonb	   *filled = NULL;

	run->move->effects |= step->effect;
	if (step->settings != NULL)
	{
		filled = wf_fill(step, run->move->context, run->profile);
		run->move->filled = lappend(run->move->filled, filled);
	}
	return filled;
}

static void
send_message(Run *run, const WfStep *step)
{
	TimestampTz allowed = run->input->now;
	int			refusal = refusal_of(run, step);

	if (refusal != 0)
	{
		refuse(run, step, refusal);
		return;
	}
	if (run->late)
	{
		skip(run, WF_SKIPPED_LATE);
		return;
	}
	if (step->has_quiet)
		allowed = mhub_local_next(run->input->now, &step->local, person_zone(run));
	if (allowed > run->input->now && step->when_quiet == WF_THEN_SKIP)
		skip(run, WF_SKIPPED_QUIET);
	else if (allowed > run->input->now)
	{
		visit(run, WF_DEFERRED_QUIET);
		wait_until(run, allowed);
	}
	else
	{
		carry_out(run, step);
		skip(run, WF_DONE);
	}
}

static Jsonb *
merged(Jsonb *into, Jsonb *more)
{
	return into == NULL ? more : DatumGetJsonbP(DirectFunctionCall2(jsonb_concat, JsonbPGetDatum(into), JsonbPGetDatum(more)));
}

static Jsonb *
field_of(Jsonb *object, const char *field)
{
	return JsonbValueToJsonb(getKeyJsonValueFromContainer(&object->root, field, (int) strlen(field), NULL));
}

static void
set_traits(Run *run, Jsonb *traits)
{
	run->profile = merged(run->profile, traits);
	run->move->traits = merged(run->move->traits, traits);
}

/* Later steps of the same run must see what this one sets. */
static void
update(Run *run, const WfStep *step)
{
	Jsonb	   *filled = carry_out(run, step);
	Jsonb	   *context = filled == NULL || step->context == NULL ? step->context : field_of(filled, "context");
	Jsonb	   *traits = filled == NULL || step->traits == NULL ? step->traits : field_of(filled, "set");

	if (context != NULL)
		run->move->context = merged(run->move->context, context);
	if (step->unset != NULL)
		set_traits(run, step->unset);
	if (traits != NULL)
		set_traits(run, traits);
	if (step->add_to != NIL || step->remove_from != NIL)
		run->profile = merged(run->profile, wf_change_segments(run->profile, step->add_to, step->remove_from));
	open_facts(run);
	visit(run, WF_DONE);
	leave(run, 0);
}

static void
arrive(Run *run)
{
	const WfStep *step = &run->program->steps[run->move->step];

	switch (step->type)
	{
		case WF_DELAY:
			arrive_at_delay(run, step);
			break;
		case WF_WAIT_FOR:
			arrive_at_wait(run, step);
			break;
		case WF_DECISION:
			decide(run, step);
			break;
		case WF_EXPERIMENT:
			choose_variant(run, step);
			break;
		case WF_MESSAGE:
			send_message(run, step);
			break;
		case WF_UPDATE:
			update(run, step);
			break;
		case WF_EXIT:
			visit(run, WF_DONE);
			finish(run, WF_END_COMPLETED);
			break;
		case WF_GOAL:
			visit(run, WF_DONE);
			if (step->branches[0].target < 0)
				finish(run, WF_END_GOAL);
			else
				leave(run, 0);
			break;
		case WF_TASK:
		case WF_WEBHOOK:
		case WF_ENTER:
		case WF_LEAVE:
			(void) carry_out(run, step);
			visit(run, WF_DONE);
			leave(run, 0);
			break;
		case WF_UNKNOWN:
			elog(ERROR, "step %d has no type", run->move->step);
	}
}

/* The wake-up itself: does what the enrollment waited for let it go on? */
static void
wake(Run *run)
{
	const WfInput *input = run->input;
	const WfStep *step = &run->program->steps[run->move->step];

	if (input->starting || !wf_type_waits(step))
		return;
	if (step->type == WF_DELAY || has_come(run, step))
	{
		run->signal = WF_SIGNAL_NONE;	/* one event, one answer: the way may lead back here */
		visit(run, WF_DONE);
		leave(run, 0);
	}
	else if (input->now >= mhub_local_add(input->arrived_at, &step->delay, person_zone(run)))
	{
		/* The event may have come in time and not be read yet. */
		if (step->event != NULL && input->wake_at > input->events_until)
		{
			run->move->moved = false;
			run->stopped = true;
			return;
		}
		visit(run, 1);
		leave(run, 1);
	}
	else
		wait_for_more(run, step);
}

/* Goals and exit criteria come before everything else. */
static void
check_criteria(Run *run)
{
	const WfInput *input = run->input;

	if (input->signal < 0)
	{
		visit(run, input->signal == WF_SIGNAL_GOAL ? WF_LEFT_GOAL :
			  input->signal == WF_SIGNAL_CRITERION ? WF_LEFT_CRITERION : WF_LEFT_REMOVED);
		finish(run, input->signal == WF_SIGNAL_GOAL ? WF_END_GOAL :
			   input->signal == WF_SIGNAL_CRITERION ? WF_END_CRITERION : WF_END_REMOVED);
		return;
	}
	for (int i = 0; i < run->program->ncriteria; i++)
	{
		const WfCriterion *criterion = &run->program->criteria[i];

		if (criterion->predicate == NULL || !holds(run, criterion->predicate))
			continue;
		visit(run, criterion->is_goal ? WF_LEFT_GOAL : WF_LEFT_CRITERION);
		finish(run, criterion->is_goal ? WF_END_GOAL : WF_END_CRITERION);
		return;
	}
}

void
wf_run(const WfProgram *program, const WfInput *input, WfMove *move)
{
	Run			run = {.program = program, .input = input, .move = move, .profile = input->profile, .signal = input->signal};

	memset(move, 0, sizeof(*move));
	move->moved = true;
	move->step = input->step;
	move->arrived_at = input->starting ? input->now : input->arrived_at;
	move->context = input->context;
	run.late = program->has_late && input->signal == WF_SIGNAL_NONE && !input->starting &&
		input->now - input->wake_at > program->late_after;
	open_facts(&run);

	check_criteria(&run);
	if (!run.stopped)
		wake(&run);
	while (!run.stopped)
		arrive(&run);
}

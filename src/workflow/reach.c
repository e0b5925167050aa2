/*
 * reach.c
 *	  What a wake-up at a step can lead to before the next wait: which facts
 *	  its conditions need, and which messages it may send.
 *
 * The engine fetches only those.  A superset does no harm, so every wait that
 * can be over at once counts as passable.
 */
#include "workflow/run.h"

/*
 * Whether a person who comes to a step may leave it by a branch in the same
 * moment: a delay of no time, a window that is open, a condition that holds.
 */
bool
wf_may_pass(const WfStep *step, int branch)
{
	if (step->type == WF_DELAY)
		return wf_span_usecs(&step->delay) == 0;
	if (step->type == WF_WAIT_FOR)
		return branch == 0 ? step->event == NULL : wf_span_usecs(&step->delay) == 0;
	return true;
}

static void
walk(const WfProgram *program, int at, bool *seen)
{
	if (at < 0 || seen[at])
		return;
	seen[at] = true;
	for (int i = 0; i < program->steps[at].nbranches; i++)
		if (wf_may_pass(&program->steps[at], i))
			walk(program, program->steps[at].branches[i].target, seen);
}

/* Every step that a wake-up at from may touch, itself included. */
static bool *
touched(const WfProgram *program, int from)
{
	bool	   *seen = palloc0(program->nsteps * sizeof(bool));

	seen[from] = true;
	for (int i = 0; i < program->steps[from].nbranches; i++)
		walk(program, program->steps[from].branches[i].target, seen);
	return seen;
}

static int
needs_of(const WfPredicate *predicate)
{
	return predicate == NULL ? 0 : predicate->needs;
}

int
wf_step_needs(const WfProgram *program, int from)
{
	bool	   *seen = touched(program, from);
	int			needs = 0;

	for (int i = 0; i < program->ncriteria; i++)
		needs |= needs_of(program->criteria[i].predicate);
	for (int i = 0; i < program->nsteps; i++)
	{
		const WfStep *step = &program->steps[i];

		if (!seen[i])
			continue;
		needs |= needs_of(step->predicate) | step->template_needs;
		for (int j = 0; j < step->nbranches; j++)
			needs |= needs_of(step->branches[j].predicate);
		/* The person's time zone is a trait. */
		if (step->has_local || step->has_quiet || step->delay.day != 0 || step->delay.month != 0)
			needs |= WF_NEEDS_TRAITS;
		if (step->type == WF_MESSAGE)
			needs |= WF_NEEDS_CONTACT;
	}
	pfree(seen);
	return needs;
}

void
wf_messages_ahead(const WfProgram *program, int from, bool *ahead)
{
	bool	   *seen = touched(program, from);

	for (int i = 0; i < program->nsteps; i++)
		ahead[i] = seen[i] && program->steps[i].type == WF_MESSAGE;
	pfree(seen);
}

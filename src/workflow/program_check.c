/*
 * program_check.c
 *	  A program as a graph: where transitions lead, what can be reached, and
 *	  that nobody runs in circles.
 */
#include "workflow/reader.h"
#include "workflow/run.h"

#include "miscadmin.h"

static void
link_branch(WfProgram *program, const Reader *step_reader, WfStep *step, int index)
{
	WfBranch   *branch = &step->branches[index];

	if (branch->target_key == NULL)
		return;
	branch->target = wf_step_number(program, branch->target_key);
	if (branch->target >= 0)
		return;
	/* Where in the step the name stands depends on its type. */
	if (step->type == WF_DECISION && index == step->nbranches - 1)
		reader_problem(step_reader, "else", "there is no step \"%s\"", branch->target_key);
	else if (step->type == WF_DECISION || step->type == WF_EXPERIMENT)
	{
		Reader		element = *step_reader;

		element.parent = step_reader;
		element.list = step->type == WF_DECISION ? "branches" : "variants";
		element.name = psprintf("%d", index);
		reader_problem(&element, "next", "there is no step \"%s\"", branch->target_key);
	}
	else
		reader_problem(step_reader, index == 0 ? "next" : "on_timeout", "there is no step \"%s\"", branch->target_key);
}

static void
mark_reachable(const WfProgram *program, int from, bool *reached)
{
	check_stack_depth();
	if (from < 0 || reached[from])
		return;
	reached[from] = true;
	for (int i = 0; i < program->steps[from].nbranches; i++)
		mark_reachable(program, program->steps[from].branches[i].target, reached);
}

/*
 * A time of day comes once a day: whoever leaves it in a circle waits for the
 * next.  A window that is open keeps nobody.
 */
static bool
takes_no_time(const WfStep *step, int branch)
{
	return wf_may_pass(step, branch) && !(step->type == WF_DELAY && step->has_local && step->local.has_time);
}

/* A walk over steps that take no time; one that comes back to where it is would never end. */
static bool
loops_without_wait(const WfProgram *program, int at, char *state)
{
	const WfStep *step;

	check_stack_depth();
	if (at < 0)
		return false;
	step = &program->steps[at];
	if (state[at] == 'd')
		return false;
	if (state[at] == 'v')
		return true;
	state[at] = 'v';
	for (int i = 0; i < step->nbranches; i++)
		if (takes_no_time(step, i) && loops_without_wait(program, step->branches[i].target, state))
			return true;
	state[at] = 'd';
	return false;
}

static bool
leads_to(const WfProgram *program, int target)
{
	for (int i = 0; i < program->nsteps; i++)
		for (int j = 0; j < program->steps[i].nbranches; j++)
			if (program->steps[i].branches[j].target == target)
				return true;
	return false;
}

/* Whether some path from a step ends the workflow. */
static void
mark_ending(const WfProgram *program, bool *ends)
{
	bool		changed = true;

	while (changed)
	{
		changed = false;
		for (int i = 0; i < program->nsteps; i++)
		{
			const WfStep *step = &program->steps[i];
			bool		now = step->type == WF_EXIT || step->type == WF_UNKNOWN;

			for (int j = 0; j < step->nbranches; j++)
				now = now || step->branches[j].target_key == NULL ||
					(step->branches[j].target >= 0 && ends[step->branches[j].target]);
			changed = changed || (now && !ends[i]);
			ends[i] = now;
		}
	}
}

static void
check_graph(const WfProgram *program, const Reader *steps)
{
	bool	   *reached = palloc0(program->nsteps * sizeof(bool));
	bool	   *ends = palloc0(program->nsteps * sizeof(bool));
	char	   *state = palloc0(program->nsteps);

	mark_reachable(program, program->start, reached);
	mark_ending(program, ends);
	for (int i = 0; i < program->nsteps; i++)
	{
		const char *key = program->steps[i].key;

		if (!reached[i])
			reader_problem(steps, key, leads_to(program, i) ? "cannot be reached from the start" : "no transition leads here");
		else if (!ends[i] && program->ncriteria == 0)
			reader_problem(steps, key, "dead end: no way from here ever ends the workflow, and there is no goal or exit criterion");
		if (loops_without_wait(program, i, state))
		{
			reader_problem(steps, key, "a loop without a wait leads back here");
			memset(state, 'd', program->nsteps);
		}
	}
}

/* Turns names of steps into numbers and looks at the graph. */
void
wf_program_link(WfProgram *program, Reader *reader)
{
	Reader		steps = *reader;
	int			before = list_length(*reader->problems);

	steps.parent = reader;
	steps.name = "steps";
	for (int i = 0; i < program->nsteps; i++)
	{
		Reader		step = steps;

		step.parent = &steps;
		step.name = program->steps[i].key;
		for (int j = 0; j < program->steps[i].nbranches; j++)
			link_branch(program, &step, &program->steps[i], j);
	}
	/* With a target or the start missing the graph would only repeat the problem in other words. */
	if (program->nsteps > 0 && program->start >= 0 && list_length(*reader->problems) == before)
		check_graph(program, &steps);
}

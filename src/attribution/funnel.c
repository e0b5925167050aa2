/*
 * funnel.c
 *	  How far a sequence of events gets along ordered steps within a window.
 *
 * Pure: no SPI, no fmgr.  The semantics are those of ClickHouse's windowFunnel
 * with its modes.  Events at one time are taken as a group, so that their order
 * in the input never shows:
 *
 * - normally the steps of a group are reached in ascending order, and one event
 *   that can be several steps may be all of them;
 * - with strict_increase a step needs an earlier time than its successor, so a
 *   group only builds upon what was reached before it;
 * - with strict_once an event is at most one step of a path: a group advances a
 *   path as far as different events of it can be matched to successive steps.
 */
#include "attribution/funnel.h"

#include "attribution/duration.h"
#include "miscadmin.h"
#include "port/pg_bitutils.h"

/* What has been reached: for each step the path that got there last, which is the one that started last. */
typedef struct Funnel
{
	int			n_steps;
	int			mode;
	int64		window;
	int			level;			/* steps 1 .. level are reached */
	int64		paths[MHUB_FUNNEL_MAX_STEPS][MHUB_FUNNEL_MAX_STEPS];	/* [k][0 .. k]: times of the path to step k + 1 */
} Funnel;

static bool
has_mode(const Funnel *funnel, MhubFunnelMode mode)
{
	return (funnel->mode & mode) != 0;
}

/* Step k + 1 at that time, as a continuation of the path to step k (k > 0) if that is still within the window. */
static void
reach(Funnel *funnel, int k, int64 at)
{
	if (k > 0)
	{
		if (mhub_elapsed(funnel->paths[k - 1][0], at) > funnel->window)
			return;
		memcpy(funnel->paths[k], funnel->paths[k - 1], sizeof(int64) * k);
	}
	funnel->paths[k][k] = at;
	funnel->level = Max(funnel->level, k + 1);
}

/* Is the event at odds with strict_order, the steps below "level" being reached? */
static bool
out_of_order(const Funnel *funnel, uint32 steps, int level)
{
	return has_mode(funnel, MHUB_FUNNEL_STRICT_ORDER) && !has_mode(funnel, MHUB_FUNNEL_ALLOW_REENTRY) &&
		level > 0 && ((uint64) steps >> level) > 1;
}

/* The steps that any event of the group can be. */
static uint32
steps_of(const Funnel *funnel, const MhubMarkedEvent *events, int n)
{
	uint32		steps = 0;

	for (int i = 0; i < n; i++)
		steps |= events[i].marks;
	return steps & (uint32) (((uint64) 1 << funnel->n_steps) - 1);
}

/* A group of events at one time, normally.  False when nothing after it can count. */
static bool
take_group(Funnel *funnel, const MhubMarkedEvent *events, int n)
{
	for (uint32 steps = steps_of(funnel, events, n); steps != 0; steps &= steps - 1)
	{
		int			k = pg_rightmost_one_pos32(steps);

		for (int i = 0; i < n; i++)
		{
			if ((events[i].marks & ((uint32) 1 << k)) == 0)
				continue;
			if (k > 0 && k < funnel->level && has_mode(funnel, MHUB_FUNNEL_STRICT_DEDUPLICATION))
				return false;
			if (k <= funnel->level)
				reach(funnel, k, events[i].at);
			else if (out_of_order(funnel, (uint32) 1 << k, funnel->level))
				return false;
		}
	}
	return true;
}

/* The same with strict_increase: from the last step down, so that each builds upon what was there before. */
static bool
take_group_increasing(Funnel *funnel, const MhubMarkedEvent *events, int n)
{
	uint32		steps = steps_of(funnel, events, n);
	int			level = funnel->level;

	if (has_mode(funnel, MHUB_FUNNEL_STRICT_DEDUPLICATION) && level > 0 &&
		(steps & ~(uint32) 1 & (uint32) (((uint64) 1 << level) - 1)) != 0)
		return false;
	for (int k = Min(level, funnel->n_steps - 1); k >= 0; k--)
	{
		if ((steps & ((uint32) 1 << k)) != 0)
			reach(funnel, k, events[0].at);
	}
	return !out_of_order(funnel, steps, funnel->level);
}

/* Kuhn's algorithm: finds an event for the step, moving the steps already matched to other events if need be. */
static bool
match_step(const MhubMarkedEvent *events, int n, int step, int *step_of, bool *tried)
{
	for (int i = 0; i < n; i++)
	{
		if ((events[i].marks & ((uint32) 1 << step)) == 0 || tried[i])
			continue;
		tried[i] = true;
		if (step_of[i] < 0 || match_step(events, n, step_of[i], step_of, tried))
		{
			step_of[i] = step;
			return true;
		}
	}
	return false;
}

/* How many steps after the first "level" ones different events of the group can be. */
static int
steps_matched(const Funnel *funnel, const MhubMarkedEvent *events, int n, int level)
{
	int			k = level;
	int		   *step_of = palloc(sizeof(int) * n);
	bool	   *tried = palloc(n);

	for (int i = 0; i < n; i++)
		step_of[i] = -1;
	for (; k < funnel->n_steps; k++)
	{
		memset(tried, false, n);
		if (!match_step(events, n, k, step_of, tried))
			break;
	}
	pfree(step_of);
	pfree(tried);
	return k - level;
}

/* The same with strict_once.  From the longest path down, so that none uses an event twice. */
static bool
take_group_once(Funnel *funnel, const MhubMarkedEvent *events, int n)
{
	int			before = funnel->level;

	for (int i = 0; i < n; i++)
	{
		if (has_mode(funnel, MHUB_FUNNEL_STRICT_DEDUPLICATION) && before > 0 &&
			(events[i].marks & ~(uint32) 1 & (uint32) (((uint64) 1 << before) - 1)) != 0)
			return false;
	}
	for (int level = before; level >= 0; level--)
	{
		int			more = steps_matched(funnel, events, n, level);

		for (int k = level; k < level + more && k <= funnel->level; k++)
			reach(funnel, k, events[0].at);
	}
	for (int i = 0; i < n; i++)
	{
		/* An event in its right place as one of its steps may be out of place as another. */
		if ((events[i].marks & (uint32) (((uint64) 2 << funnel->level) - 1)) == 0 &&
			out_of_order(funnel, events[i].marks, funnel->level))
			return false;
	}
	return true;
}

/* With strict_order any other event ends the search once the first step is reached.  Those of a group count before its steps. */
static bool
ended_by_other(const Funnel *funnel, const MhubMarkedEvent *events, int n)
{
	if (!has_mode(funnel, MHUB_FUNNEL_STRICT_ORDER) || funnel->level == 0)
		return false;
	for (int i = 0; i < n; i++)
	{
		if (events[i].marks == 0)
			return true;
	}
	return false;
}

static int
group_end(const MhubMarkedEvent *events, int n, int begin)
{
	int			end = begin + 1;

	while (end < n && events[end].at == events[begin].at)
		end++;
	return end;
}

/*
 * Finds the highest level that the (sorted) events reach.  The result's times
 * are those of the path that reached it; among several, of the one that started
 * last.  Mark k of an event means that it can be step k + 1; one without marks
 * is any other event.
 */
void
mhub_funnel(const MhubMarkedEvent *events, int n, int n_steps, int64 window, int mode, MhubFunnelResult *result)
{
	Funnel		funnel;
	bool		going = true;

	funnel.n_steps = n_steps;
	funnel.mode = mode;
	funnel.window = window;
	funnel.level = 0;
	for (int begin = 0, end; begin < n && going && funnel.level < n_steps; begin = end)
	{
		CHECK_FOR_INTERRUPTS();
		end = group_end(events, n, begin);
		if (ended_by_other(&funnel, events + begin, end - begin))
			break;
		if (has_mode(&funnel, MHUB_FUNNEL_STRICT_INCREASE))
			going = take_group_increasing(&funnel, events + begin, end - begin);
		else if (has_mode(&funnel, MHUB_FUNNEL_STRICT_ONCE))
			going = take_group_once(&funnel, events + begin, end - begin);
		else
			going = take_group(&funnel, events + begin, end - begin);
	}
	result->level = funnel.level;
	if (funnel.level > 0)
		memcpy(result->times, funnel.paths[funnel.level - 1], sizeof(int64) * funnel.level);
}

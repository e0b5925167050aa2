/*
 * change.c
 *	  When may a condition's outcome change only because time passes?
 *
 * The answer may be too early, never too late: whoever waits for it evaluates
 * the condition again then and asks again.
 */
#include "condition/change.h"

#include "condition/value.h"
#include "condition/when.h"
#include "utils/timestamp.h"

/* When nobody can tell better: look again at the next midnight. */
static TimestampTz
next_midnight(TimestampTz now)
{
	CondSpan	day = {0, 1, 0};
	char		text[11];
	TimestampTz midnight;

	condition_local_day(condition_shift(now, &day, false), text);
	return condition_instant(text, 10, &midnight) && midnight > now ? midnight : now + USECS_PER_DAY;
}

/* Some predicates change at the instant itself, others just after it: look twice. */
static TimestampTz
later_than(TimestampTz now, TimestampTz at)
{
	if (at == now)
		return at + 1;
	return at > now ? at : DT_NOEND;
}

/*
 * A moment relative to now meets the instant when now is as far beyond it.
 * With months the way there and the way back may differ by days: look early.
 */
static TimestampTz
meets(TimestampTz now, TimestampTz instant, const CondSpan *span, bool back)
{
	TimestampTz at = condition_shift(instant, span, back);

	if (span->months != 0)
		at -= 3 * USECS_PER_DAY;
	if (span->months != 0 && at < now && at > now - 7 * USECS_PER_DAY)
		return next_midnight(now);
	return later_than(now, at);
}

static TimestampTz
time_changes(const CondNode *node, CondScope *scope)
{
	TimestampTz now = scope->profile->at;
	TimestampTz instant;

	if (!condition_subject_instant(node, scope, &instant))
		return DT_NOEND;
	switch (node->op)
	{
		case OP_BEFORE:
		case OP_AFTER:
			return node->moment.relative ? meets(now, instant, &node->moment.span, !node->moment.minus) : DT_NOEND;
		case OP_WITHIN:
			return Min(later_than(now, instant), meets(now, instant, &node->span, false));
		case OP_WITHIN_NEXT:
			return Min(later_than(now, instant), meets(now, instant, &node->span, true));
		case OP_OLDER:
			return meets(now, instant, &node->span, false);
		default:
			return DT_NOEND;
	}
}

/* Events leave a window of whole days at midnight, a shorter one when they are as old as it is long. */
static TimestampTz
did_changes(const CondNode *node, CondScope *scope)
{
	TimestampTz now = scope->profile->at;
	CondNode	last = *node;
	TimestampTz at;

	if (!node->has_span)
		return DT_NOEND;
	last.subject = SUBJECT_LAST;
	last.nchildren = 0;
	if (!condition_event_time(&last, scope, &at) || condition_shift(at, &node->span, false) < now - USECS_PER_DAY)
		return DT_NOEND;
	if (node->span.usecs == 0)
		return next_midnight(now);
	/* the last event is the last to leave; earlier ones leave before it, so look often while the window lasts */
	return Min(later_than(now, condition_shift(at, &node->span, false)), now + Max(node->span.usecs / 16, USECS_PER_MINUTE));
}

static bool
depends_on_time(const CondNode *node)
{
	if (node->kind == COND_TIME || (node->kind == COND_DID && node->has_span))
		return true;
	for (int i = 0; i < node->nchildren; i++)
	{
		if (depends_on_time(node->children[i]))
			return true;
	}
	return false;
}

/* The earliest time after the profile's at when the outcome may be another; DT_NOEND: never. */
TimestampTz
condition_next_change(const CondNode *node, CondScope *scope)
{
	TimestampTz earliest = DT_NOEND;

	if (node->kind == COND_TIME || node->kind == COND_DID)
	{
		earliest = node->kind == COND_DID ? did_changes(node, scope) : time_changes(node, scope);
		if (node->nchildren > 0 && depends_on_time(node->children[0]))
			earliest = Min(earliest, next_midnight(scope->profile->at));
		return earliest;
	}
	if (node->kind == COND_ANY)
		return depends_on_time(node->children[0]) ? next_midnight(scope->profile->at) : DT_NOEND;
	for (int i = 0; i < node->nchildren; i++)
		earliest = Min(earliest, condition_next_change(node->children[i], scope));
	return earliest;
}

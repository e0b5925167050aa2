/*
 * logic.c
 *	  What can be told about conditions without a profile: whether one holds
 *	  whenever another does, and whether one can hold at all.
 *
 * Both answer true only when it is certain; false means that it could not be
 * shown.  They look at pairs of predicates about the same attribute: lists of
 * values are tried one by one, intervals are compared by their ends.
 */
#include "condition/logic.h"

#include "condition/eval.h"
#include "condition/value.h"
#include "lib/stringinfo.h"
#include "miscadmin.h"

/* A predicate "attribute between these ends"; an end may be missing. */
typedef struct ValueRange
{
	const CondValue *low;
	const CondValue *high;
	bool		low_open;		/* the end itself is outside */
	bool		high_open;
} ValueRange;

static bool
same_text(const CondNode *a, const CondNode *b)
{
	StringInfoData x;
	StringInfoData y;

	if (a->kind != b->kind)
		return false;
	initStringInfo(&x);
	initStringInfo(&y);
	condition_print(&x, a);
	condition_print(&y, b);
	return x.len == y.len && memcmp(x.data, y.data, x.len) == 0;
}

static bool
same_path(const CondPath *a, const CondPath *b)
{
	if (a == NULL || b == NULL || a->nsegments != b->nsegments)
		return false;
	for (int i = 0; i < a->nsegments; i++)
	{
		if (a->segments[i].length != b->segments[i].length ||
			memcmp(a->segments[i].name, b->segments[i].name, a->segments[i].length) != 0)
			return false;
	}
	return true;
}

/* Is the predicate's outcome a function of the attribute's value alone? */
static bool
of_value_alone(const CondNode *node)
{
	switch (node->kind)
	{
		case COND_COMPARE:
			return node->other == NULL;
		case COND_IN:
		case COND_BETWEEN:
		case COND_HAS:
		case COND_EXISTS:
		case COND_MISSING:
		case COND_IS_NULL:
		case COND_AFFIX:
		case COND_VERSION:
		case COND_NETWORK:
			return true;
		default:
			return false;
	}
}

/* The predicate's outcome for a value of its attribute. */
static MhubTruth
outcome_for(const CondNode *node, const CondValue *value)
{
	CondPath	element = {.nsegments = 0, .attribute = -1};
	CondNode	about_element = *node;
	CondValue	copy = *value;
	CondScope	scope = {NULL, &copy};

	about_element.path = &element;
	return condition_eval(&about_element, &scope);
}

/* Does the predicate hold for a few values only, those it lists? */
static bool
lists_values(const CondNode *node)
{
	return !node->fold && ((node->kind == COND_COMPARE && node->op == OP_EQ && node->other == NULL) ||
						   (node->kind == COND_IN && !node->negated));
}

static bool
get_interval(const CondNode *node, ValueRange *interval)
{
	memset(interval, 0, sizeof(*interval));
	if (node->fold)
		return false;
	if (node->kind == COND_BETWEEN)
	{
		interval->low = &node->values[0];
		interval->high = &node->values[1];
		return true;
	}
	if (node->kind != COND_COMPARE || node->other != NULL)
		return false;
	if (node->op == OP_LT || node->op == OP_LE)
		interval->high = &node->values[0];
	else if (node->op == OP_GT || node->op == OP_GE)
		interval->low = &node->values[0];
	else
		return false;
	interval->high_open = node->op == OP_LT;
	interval->low_open = node->op == OP_GT;
	return true;
}

static CondType
interval_type(const ValueRange *interval)
{
	return interval->low ? interval->low->type : interval->high->type;
}

/* Is everything inside a also inside b? */
static bool
interval_within(const ValueRange *a, const ValueRange *b)
{
	int			order;

	if (interval_type(a) != interval_type(b))
		return false;
	if (b->low != NULL)
	{
		if (a->low == NULL)
			return false;
		order = condition_compare(a->low, b->low, false);
		if (order < 0 || (order == 0 && b->low_open && !a->low_open))
			return false;
	}
	if (b->high != NULL)
	{
		if (a->high == NULL)
			return false;
		order = condition_compare(a->high, b->high, false);
		if (order > 0 || (order == 0 && b->high_open && !a->high_open))
			return false;
	}
	return true;
}

static bool
ends_before(const ValueRange *a, const ValueRange *b)
{
	int			order;

	if (a->high == NULL || b->low == NULL)
		return false;
	order = condition_compare(a->high, b->low, false);
	return order < 0 || (order == 0 && (a->high_open || b->low_open));
}

static bool
outside(const ValueRange *interval, const CondValue *value)
{
	ValueRange	point = {value, value, false, false};

	return value->type != interval_type(interval) || ends_before(&point, interval) || ends_before(interval, &point);
}

/* Does the predicate say that the attribute is there? */
static bool
needs_value(const CondNode *node)
{
	if (node->weak || node->subject != SUBJECT_PATH)
		return false;
	return of_value_alone(node) ? node->kind != COND_MISSING && node->kind != COND_IS_NULL
		: node->kind == COND_REGEX || node->kind == COND_TIME || node->kind == COND_ANY || node->kind == COND_COMPARE;
}

/* All values that given allows make wanted have this outcome. */
static bool
all_values_are(const CondNode *given, const CondNode *wanted, bool holds)
{
	if (!lists_values(given) || !of_value_alone(wanted))
		return false;
	for (int i = 0; i < given->nvalues; i++)
	{
		if ((outcome_for(wanted, &given->values[i]) == MHUB_TRUE) != holds)
			return false;
	}
	return true;
}

static bool
interval_avoids_values(const ValueRange *interval, const CondNode *node)
{
	for (int i = 0; i < node->nvalues; i++)
	{
		if (!outside(interval, &node->values[i]))
			return false;
	}
	return true;
}

/* != and not in: implied by an interval that has none of the values but their type. */
static bool
interval_implies_difference(const ValueRange *interval, const CondNode *wanted)
{
	bool		same_type = false;

	if (wanted->fold || wanted->other != NULL ||
		!((wanted->kind == COND_COMPARE && wanted->op == OP_NE) || (wanted->kind == COND_IN && wanted->negated)))
		return false;
	for (int i = 0; i < wanted->nvalues; i++)
		same_type |= wanted->values[i].type == interval_type(interval);
	return (wanted->weak || same_type) && interval_avoids_values(interval, wanted);
}

/* has x, has all (x ...): implies has x, has any (x ...) */
static bool
has_implies(const CondNode *given, const CondNode *wanted)
{
	if (given->kind != COND_HAS || wanted->kind != COND_HAS || given->fold || wanted->fold)
		return false;
	if ((given->op != OP_HAS && given->op != OP_HAS_ALL) || wanted->op == OP_HAS_NONE)
		return false;
	for (int i = 0; i < wanted->nvalues; i++)
	{
		bool		found = false;

		for (int j = 0; j < given->nvalues; j++)
			found |= condition_same(&wanted->values[i], &given->values[j], false);
		if (found != (wanted->op == OP_HAS_ALL))
			return found;
	}
	return wanted->op == OP_HAS_ALL;
}

/* Do both count the same events, each for a number of times of its own? */
static bool
count_the_same(const CondNode *a, const CondNode *b)
{
	CondNode	as_often = *b;

	if (a->kind != COND_DID || b->kind != COND_DID)
		return false;
	as_often.at_least = a->at_least;
	as_often.at_most = a->at_most;
	return same_text(a, &as_often);
}

static bool
times_within(const CondNode *given, const CondNode *wanted)
{
	return given->at_least >= wanted->at_least &&
		(wanted->at_most < 0 || (given->at_most >= 0 && given->at_most <= wanted->at_most));
}

static bool
more_often(const CondNode *a, const CondNode *b)
{
	return b->at_most >= 0 && a->at_least > b->at_most;
}

static bool
leaf_implies(const CondNode *given, const CondNode *wanted)
{
	ValueRange	a;
	ValueRange	b;

	if (same_text(given, wanted))
		return true;
	if (count_the_same(given, wanted))
		return times_within(given, wanted);
	if (given->subject != SUBJECT_PATH || wanted->subject != SUBJECT_PATH || !same_path(given->path, wanted->path))
		return false;
	if (wanted->kind == COND_EXISTS && needs_value(given))
		return true;
	if (all_values_are(given, wanted, true) || has_implies(given, wanted))
		return true;
	if (!get_interval(given, &a))
		return false;
	return (get_interval(wanted, &b) && interval_within(&a, &b)) || interval_implies_difference(&a, wanted);
}

/* between as two comparisons, so that each end may be implied by another predicate */
static bool
implies_between(const CondNode *given, const CondNode *wanted)
{
	CondNode	end = *wanted;

	end.kind = COND_COMPARE;
	end.nvalues = 1;
	end.op = OP_GE;
	if (!condition_implies(given, &end))
		return false;
	end.op = OP_LE;
	end.values = &wanted->values[1];
	return condition_implies(given, &end);
}

static bool
any_child_implies(const CondNode *given, const CondNode *wanted)
{
	for (int i = 0; i < given->nchildren; i++)
	{
		if (condition_implies(given->children[i], wanted))
			return true;
	}
	return false;
}

static bool
all_children(const CondNode *node, const CondNode *other, bool node_is_given)
{
	for (int i = 0; i < node->nchildren; i++)
	{
		if (node_is_given ? !condition_implies(node->children[i], other) : !condition_implies(other, node->children[i]))
			return false;
	}
	return true;
}

static bool
implied_by_some(const CondNode *given, const CondNode *wanted)
{
	for (int i = 0; i < wanted->nchildren; i++)
	{
		if (condition_implies(given, wanted->children[i]))
			return true;
	}
	return false;
}

/* Is wanted true of every profile that given is true of? */
bool
condition_implies(const CondNode *given, const CondNode *wanted)
{
	CHECK_FOR_INTERRUPTS();
	if (wanted->kind == COND_CONSTANT && wanted->truth)
		return true;
	if (given->kind == COND_CONSTANT)
		return !given->truth;
	if (wanted->kind == COND_AND)
		return all_children(wanted, given, false);
	if (given->kind == COND_OR)
		return all_children(given, wanted, true);
	if (wanted->kind == COND_OR && implied_by_some(given, wanted))
		return true;
	if (given->kind == COND_AND && any_child_implies(given, wanted))
		return true;
	if (wanted->kind == COND_BETWEEN && given->kind == COND_AND && !wanted->fold)
		return implies_between(given, wanted);
	return leaf_implies(given, wanted);
}

/* Does the node say that something is not so which given says is? */
static bool
denies(const CondNode *node, const CondNode *given)
{
	return (node->kind == COND_NOT || node->kind == COND_UNLESS) && condition_implies(given, node->children[0]);
}

/* Can the two predicates not both be true? */
static bool
excludes(const CondNode *a, const CondNode *b)
{
	ValueRange	x;
	ValueRange	y;

	if (denies(a, b) || denies(b, a))
		return true;
	if (count_the_same(a, b))
		return more_often(a, b) || more_often(b, a);
	if (a->subject != SUBJECT_PATH || b->subject != SUBJECT_PATH || !same_path(a->path, b->path))
		return false;
	if ((a->kind == COND_MISSING && needs_value(b)) || (b->kind == COND_MISSING && needs_value(a)))
		return true;
	if (all_values_are(a, b, false) || all_values_are(b, a, false))
		return true;
	if (!get_interval(a, &x) || !get_interval(b, &y))
		return false;
	return interval_type(&x) != interval_type(&y) || ends_before(&x, &y) || ends_before(&y, &x);
}

static bool
never_together(const CondNode *node)
{
	for (int i = 0; i < node->nchildren; i++)
	{
		if (condition_never(node->children[i]))
			return true;
		for (int j = 0; j < i; j++)
		{
			if (excludes(node->children[i], node->children[j]))
				return true;
		}
	}
	return false;
}

/* Is the condition true of no profile at all? */
bool
condition_never(const CondNode *node)
{
	ValueRange	interval;

	CHECK_FOR_INTERRUPTS();
	if (node->kind == COND_CONSTANT)
		return !node->truth;
	if (node->kind == COND_AND)
		return never_together(node);
	if (node->kind == COND_OR)
	{
		for (int i = 0; i < node->nchildren; i++)
		{
			if (!condition_never(node->children[i]))
				return false;
		}
		return true;
	}
	if (node->kind == COND_ANY)
		return condition_never(node->children[0]);
	return node->kind == COND_BETWEEN && get_interval(node, &interval) &&
		condition_compare(interval.low, interval.high, false) > 0;
}

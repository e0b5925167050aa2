/*
 * rule_index.c
 *	  Which rules can match a profile at all.
 *
 * A rule with a predicate "attribute equals one of these values" among those
 * that must all hold is posted under each of the values; it is a candidate
 * only for profiles that have one of them.  Of several such predicates the
 * two rarest are taken together, under each pair of their values.  A rule
 * without one, or with values only that all the others ask for too, which asks
 * for a narrow range of a number is a candidate for numbers thereabouts; the
 * rest are candidates for every profile.  Of the
 * candidates, those pass that ask for a range which the profile's number lies
 * outside.
 * The whole condition is evaluated for each that is left, so an index that
 * lets too many through costs time only.
 */
#include "content/ruleset.h"

#include <math.h>

#include "condition/value.h"
#include "content/rule_keys.h"
#include "content/rule_range.h"
#include "miscadmin.h"

/* How many elements an array of a profile is taken to have. */
#define TYPICAL_ELEMENTS 4

/* A rule is posted under at most so many pairs of values. */
#define MOST_PAIRS 32

/* Of so many numbers that a rule asks for a range of, the index knows. */
#define RANGES 2

/* Attributes that rules are posted under together; second is NULL for one alone. */
typedef struct PathPair
{
	CondPath   *first;
	CondPath   *second;
} PathPair;

struct RuleIndex
{
	RuleKeys   *keys;
	int		   *distinct;		/* per attribute: how many values rules ask for */
	PathPair   *pairs;
	int			npairs;
	RangeIndex	by_range;		/* rules without a usable predicate that ask for a range */
	Posting		rest;			/* rules without either */
	Range	   *ranges;			/* of each rule RANGES, those that it has first */
};

/* Can the predicate be true only for profiles that have one of its values? */
static bool
is_usable(const CondNode *node)
{
	if (node->fold || node->subject != SUBJECT_PATH || node->other != NULL)
		return false;
	if (node->kind == COND_SEGMENT)
		return true;
	if (node->path == NULL || node->path->attribute < 0)
		return false;
	return (node->kind == COND_COMPARE && node->op == OP_EQ) || (node->kind == COND_IN && !node->negated) ||
		(node->kind == COND_HAS && node->op != OP_HAS_NONE);
}

static bool
of_array(const CondNode *node)
{
	return node->kind == COND_HAS || node->kind == COND_SEGMENT;
}

static CondPath *
path_of(const CondNode *node)
{
	return node->kind == COND_SEGMENT ? node->event_path : node->path;
}

/* The values it is posted under: of "has all" one will do. */
static int
count_values(const CondNode *node)
{
	if (node->kind == COND_SEGMENT)
		return 1;
	return node->op == OP_HAS_ALL ? 1 : node->nvalues;
}

static CondValue
value_of(const CondNode *node, int i)
{
	CondValue	value = {.type = COND_VALUE_STRING, .string = node->event, .length = node->event_length};

	return node->kind == COND_SEGMENT ? value : node->values[i];
}

/* The i-th predicate that must hold for the condition to. */
static CondNode *
conjunct(const CondNode *root, int i)
{
	if (root->kind == COND_AND)
		return i < root->nchildren ? root->children[i] : NULL;
	return i == 0 ? unconstify(CondNode *, root) : NULL;
}

/* Counts the values that a condition can be posted under. */
static void
count_keys(RuleIndex *index, const CondNode *root)
{
	const CondNode *node;

	for (int i = 0; (node = conjunct(root, i)) != NULL; i++)
	{
		if (!is_usable(node))
			continue;
		for (int j = 0; j < count_values(node); j++)
		{
			CondValue	value = value_of(node, j);
			bool		is_new;

			(void) rule_keys_add_value(index->keys, path_of(node)->attribute, &value, &is_new);
			index->distinct[path_of(node)->attribute] += is_new;
		}
	}
}

/* The share of profiles that a predicate is expected to let through. */
static double
expected_share(const RuleIndex *index, const CondNode *node)
{
	double		share = (double) count_values(node) / Max(index->distinct[path_of(node)->attribute], 1);

	return of_array(node) ? share * TYPICAL_ELEMENTS : share;
}

/* The rarest usable predicate about another attribute than that of other (NULL: about any). */
static const CondNode *
rarest(const RuleIndex *index, const CondNode *root, const CondNode *other)
{
	const CondNode *best = NULL;
	double		best_share = 0;
	const CondNode *node;

	for (int i = 0; (node = conjunct(root, i)) != NULL; i++)
	{
		double		share;

		if (!is_usable(node) || (other != NULL && path_of(node)->attribute == path_of(other)->attribute))
			continue;
		share = expected_share(index, node);
		if (best == NULL || share < best_share)
		{
			best = node;
			best_share = share;
		}
	}
	return best;
}

static void
add_pair(RuleIndex *index, CondPath *first, CondPath *second)
{
	for (int i = 0; i < index->npairs; i++)
	{
		const PathPair *pair = &index->pairs[i];

		if (pair->first->attribute == first->attribute &&
			(pair->second ? pair->second->attribute : -1) == (second ? second->attribute : -1))
			return;
	}
	if ((index->npairs & (index->npairs - 1)) == 0)
		index->pairs = index->pairs == NULL ? palloc(sizeof(PathPair))
			: repalloc(index->pairs, 2 * index->npairs * sizeof(PathPair));
	index->pairs[index->npairs].first = first;
	index->pairs[index->npairs++].second = second;
}

/* The numbers of a predicate's values; all of them have one. */
static int
numbers_of(const RuleIndex *index, const CondNode *node, int *numbers)
{
	int			n = 0;

	for (int i = 0; i < count_values(node); i++)
	{
		CondValue	value = value_of(node, i);
		int			number = rule_keys_value(index->keys, path_of(node)->attribute, &value);

		if (number != NO_VALUE)
			numbers[n++] = number;
	}
	return n;
}

static void
post_single(RuleIndex *index, int rule, const CondNode *node)
{
	int		   *numbers = palloc_extended(Max(count_values(node), 1) * sizeof(int), MCXT_ALLOC_HUGE);
	int			n = numbers_of(index, node, numbers);

	add_pair(index, path_of(node), NULL);
	for (int i = 0; i < n; i++)
		rule_keys_post(index->keys, numbers[i], NO_VALUE, rule);
	pfree(numbers);
}

static void
post_pairs(RuleIndex *index, int rule, const CondNode *a, const CondNode *b)
{
	int			first[MOST_PAIRS];
	int			second[MOST_PAIRS];
	int			nfirst = numbers_of(index, a, first);
	int			nsecond = numbers_of(index, b, second);

	add_pair(index, path_of(a), path_of(b));
	for (int i = 0; i < nfirst; i++)
	{
		for (int j = 0; j < nsecond; j++)
			rule_keys_post(index->keys, first[i], second[j], rule);
	}
}

/* A predicate that lets nearly everybody through is worth less than a range. */
static bool
is_selective(const RuleIndex *index, const CondNode *rarest)
{
	return rarest != NULL && expected_share(index, rarest) < 1;
}

static bool
post_by_range(RuleIndex *index, int rule)
{
	for (int i = 0; i < RANGES; i++)
	{
		if (range_index_post(&index->by_range, rule, &index->ranges[rule * RANGES + i]))
			return true;
	}
	return false;
}

static void
post_rule(RuleIndex *index, int rule, const CondNode *root)
{
	const CondNode *a = rarest(index, root, NULL);
	const CondNode *b = a ? rarest(index, root, a) : NULL;

	if (!is_selective(index, a) && post_by_range(index, rule))
		return;
	if (a == NULL)
		posting_add(&index->rest, rule);
	else if (b == NULL || count_values(a) * count_values(b) > MOST_PAIRS)
		post_single(index, rule, a);
	else if (path_of(a)->attribute < path_of(b)->attribute)
		post_pairs(index, rule, a, b);
	else
		post_pairs(index, rule, b, a);
}

/*
 * The range that a predicate allows.  Rounded bounds will do: rounding keeps
 * order, so a number outside of them is outside of the exact ones.
 */
static bool
range_of(const CondNode *node, Range *range)
{
	range->path = node->path;
	range->low = -INFINITY;
	range->high = INFINITY;
	if (node->subject != SUBJECT_PATH || node->other != NULL || node->weak || node->nvalues == 0 ||
		node->values[0].type != COND_VALUE_NUMBER || node->path == NULL || node->path->attribute < 0)
		return false;
	if (node->kind == COND_BETWEEN || (node->kind == COND_COMPARE && (node->op == OP_EQ || node->op == OP_GT || node->op == OP_GE)))
		range->low = node->values[0].number;
	if (node->kind == COND_COMPARE && (node->op == OP_EQ || node->op == OP_LT || node->op == OP_LE))
		range->high = node->values[0].number;
	if (node->kind == COND_BETWEEN)
		range->high = node->values[1].number;
	return range->low > -INFINITY || range->high < INFINITY;
}

/* The ranges of the first numbers that a condition asks for, each by all its predicates about it. */
static void
find_ranges(const CondNode *root, Range *ranges)
{
	Range		one;
	const CondNode *node;

	for (int i = 0; (node = conjunct(root, i)) != NULL; i++)
	{
		Range	   *range = ranges;

		if (!range_of(node, &one))
			continue;
		while (range < ranges + RANGES && range->path != NULL && range->path->attribute != one.path->attribute)
			range++;
		if (range == ranges + RANGES)
			continue;
		if (range->path == NULL)
			*range = one;
		range->low = Max(range->low, one.low);
		range->high = Min(range->high, one.high);
	}
}

static void
note_ranges(RuleIndex *index, int rule, const CondNode *root)
{
	if (is_selective(index, rarest(index, root, NULL)))
		return;
	for (int i = 0; i < RANGES; i++)
		range_index_note(&index->by_range, &index->ranges[rule * RANGES + i]);
}

/* First what there is to post under, then the posting. */
RuleIndex *
rule_index_build(RuleSet *set)
{
	RuleIndex  *index = palloc0(sizeof(RuleIndex));

	index->keys = rule_keys_create();
	index->distinct = palloc0((set->attributes->count + 1) * sizeof(int));
	index->ranges = palloc_extended((set->nrules + 1) * RANGES * sizeof(Range), MCXT_ALLOC_HUGE | MCXT_ALLOC_ZERO);
	for (int i = 0; i < set->nrules; i++)
	{
		if (set->rules[i].broken != NULL)
			continue;
		count_keys(index, set->rules[i].condition->root);
		find_ranges(set->rules[i].condition->root, &index->ranges[i * RANGES]);
	}
	for (int i = 0; i < set->nrules; i++)
	{
		if (set->rules[i].broken == NULL)
			note_ranges(index, i, set->rules[i].condition->root);
	}
	range_index_choose_bounds(&index->by_range);
	for (int i = 0; i < set->nrules; i++)
	{
		if (set->rules[i].broken == NULL)
			post_rule(index, i, set->rules[i].condition->root);
	}
	return index;
}

/* What the search has found so far. */
typedef struct Search
{
	RuleSet    *set;
	const Range *ranges;
	int			attributes[RANGES]; /* whose numbers are known, -1 for none */
	double		numbers[RANGES];	/* NaN where it is no number */
	const bool *excluded;
	int			best;
	RuleOutcome outcome;
	RuleVariant *variant;
} Search;

/* The profile's number there, remembered in a place; a NaN where it has none. */
static double
number_at(Search *search, const CondPath *path, int place)
{
	if (path->attribute != search->attributes[place])
	{
		CondValue	scratch;
		CondValue  *value = mhub_profile_value(&search->set->profile, path, &scratch);

		search->attributes[place] = path->attribute;
		search->numbers[place] = value->type == COND_VALUE_NUMBER ? value->number : NAN;
	}
	return search->numbers[place];
}

/* Are the profile's numbers in the rule's ranges?  A NaN is in none. */
static bool
in_ranges(Search *search, const Range *ranges)
{
	for (int i = 0; i < RANGES && ranges[i].path != NULL; i++)
	{
		double		number = number_at(search, ranges[i].path, i);

		if (!(number >= ranges[i].low && number <= ranges[i].high))
			return false;
	}
	return true;
}

/* Tries a rule; true when it applies. */
static bool
try_rule(Search *search, int rule)
{
	RuleVariant *variant;
	RuleOutcome outcome;

	if (!in_ranges(search, &search->ranges[rule * RANGES]))
		return false;
	CHECK_FOR_INTERRUPTS();
	outcome = ruleset_try(search->set, rule, search->excluded, &variant);
	if (outcome != RULE_APPLIES && outcome != RULE_HELD_OUT)
		return false;
	search->best = rule;
	search->outcome = outcome;
	search->variant = variant;
	return true;
}

/* Tries a list's rules in order, up to the best one found so far. */
static void
try_posting(Search *search, const Posting *posting)
{
	for (int i = 0; i < posting->count && posting->rules[i] < search->best; i++)
	{
		if (try_rule(search, posting->rules[i]))
			return;
	}
}

/* The same for those posted under a pair of values. */
static void
try_pair(Search *search, const RuleKeys *keys, int first, int second)
{
	int			at = rule_keys_first(keys, first, second);

	while (at >= 0)
	{
		int			rule = rule_keys_next(keys, &at);

		if (rule >= search->best || try_rule(search, rule))
			return;
	}
}

/* The numbers of the values of an attribute: the value itself, or an array's elements. */
static int *
numbers_at(RuleSet *set, const RuleKeys *keys, CondPath *path, int *count)
{
	CondValue	scratch;
	CondValue  *value = mhub_profile_value(&set->profile, path, &scratch);
	int			n = 1;
	int		   *numbers;

	if (value->type == COND_VALUE_ARRAY)
	{
		condition_elements(value);
		n = value->nelements;
	}
	numbers = palloc_extended(Max(n, 1) * sizeof(int), MCXT_ALLOC_HUGE);
	*count = 0;
	for (int i = 0; i < n; i++)
	{
		numbers[*count] = rule_keys_value(keys, path->attribute, value->type == COND_VALUE_ARRAY ? &value->elements[i] : value);
		*count += numbers[*count] != NO_VALUE;
	}
	return numbers;
}

static void
try_attributes(Search *search, const RuleKeys *keys, const PathPair *pair)
{
	int			nfirst;
	int			nsecond = 0;
	int		   *first = numbers_at(search->set, keys, pair->first, &nfirst);
	int		   *second = pair->second && nfirst > 0 ? numbers_at(search->set, keys, pair->second, &nsecond) : NULL;

	for (int i = 0; i < nfirst; i++)
	{
		CHECK_FOR_INTERRUPTS();
		if (pair->second == NULL)
			try_pair(search, keys, first[i], NO_VALUE);
		for (int j = 0; j < nsecond; j++)
			try_pair(search, keys, first[i], second[j]);
	}
	pfree(first);
	if (second != NULL)
		pfree(second);
}

static void
try_axis(Search *search, const RangeAxis *axis)
{
	double		number = number_at(search, axis->path, 0);

	if (!isnan(number))
		try_posting(search, range_axis_rules(axis, number));
}

/* The first rule that applies to the open profile, or -1. */
int
rule_index_first(RuleSet *set, RuleIndex *index, const bool *excluded, RuleOutcome *outcome, RuleVariant **variant)
{
	Search		search = {.set = set, .ranges = index->ranges, .attributes = {-1, -1}, .excluded = excluded,
		.best = set->nrules, .outcome = RULE_NO_MATCH};

	for (int i = 0; i < index->npairs; i++)
		try_attributes(&search, index->keys, &index->pairs[i]);
	for (int i = 0; i < index->by_range.naxes; i++)
		try_axis(&search, &index->by_range.axes[i]);
	try_posting(&search, &index->rest);
	*outcome = search.outcome;
	*variant = search.variant;
	return search.best < set->nrules ? search.best : -1;
}

/*
 * rule_index.c
 *	  Which rules can match a profile at all.
 *
 * A rule with a predicate "attribute equals one of these values" among those
 * that must all hold is posted under each of the values; it is a candidate
 * only for profiles that have one of them.  Of several such predicates the
 * two rarest are taken together, under each pair of their values.  Rules
 * without one are candidates for every profile.  Of the candidates, those
 * pass that ask for a range of a number which the profile's lies outside.
 * The whole condition is evaluated for each that is left, so an index that
 * lets too many through costs time only.
 */
#include "content/ruleset.h"

#include <math.h>

#include "common/hashfn.h"
#include "condition/value.h"
#include "miscadmin.h"

/* How many elements an array of a profile is taken to have. */
#define TYPICAL_ELEMENTS 4

/* A rule is posted under at most so many pairs of values. */
#define MOST_PAIRS 32

/* One value of one attribute. */
typedef struct KeyPart
{
	int			attribute;		/* -1: no such part */
	CondType	type;
	int			length;
	uint32		hash;
	double		number;
	const char *string;
} KeyPart;

typedef struct IndexEntry
{
	uint32		hash;
	KeyPart		first;
	KeyPart		second;
	Posting		posting;
} IndexEntry;

/* Attributes that rules are posted under together; second is NULL for one alone. */
typedef struct PathPair
{
	CondPath   *first;
	CondPath   *second;
} PathPair;

/* Where a number must lie for the rule to match, both ends included. */
typedef struct Range
{
	CondPath   *path;			/* NULL: the rule asks for none */
	double		low;
	double		high;
} Range;

struct RuleIndex
{
	int			nentries;
	int			space;
	IndexEntry *entries;
	int			nbuckets;		/* a power of two, at least twice the entries */
	int		   *buckets;		/* number of an entry, -1 when free */
	int		   *distinct;		/* per attribute: how many values rules ask for */
	PathPair   *pairs;
	int			npairs;
	Posting		rest;			/* rules without a usable predicate */
	Range	   *ranges;			/* of each rule */
};

static const KeyPart no_part = {.attribute = -1};

static bool
make_part(int attribute, const CondValue *value, KeyPart *part)
{
	memset(part, 0, sizeof(*part));
	part->attribute = attribute;
	part->type = value->type;
	if (value->type == COND_VALUE_STRING)
	{
		part->string = value->string;
		part->length = value->length;
		part->hash = hash_bytes((const unsigned char *) value->string, value->length);
	}
	else if (value->type == COND_VALUE_NUMBER || value->type == COND_VALUE_BOOL)
	{
		/* zero has one sign here */
		part->number = value->type == COND_VALUE_BOOL ? value->boolean : value->number == 0 ? 0 : value->number;
		part->hash = hash_bytes((const unsigned char *) &part->number, sizeof(double));
	}
	else
		return false;
	part->hash = hash_combine(part->hash, hash_bytes_uint32((uint32) attribute * 8 + value->type));
	return true;
}

static bool
same_part(const KeyPart *a, const KeyPart *b)
{
	return a->hash == b->hash && a->attribute == b->attribute && a->type == b->type && a->number == b->number &&
		a->length == b->length && (a->length == 0 || memcmp(a->string, b->string, a->length) == 0);
}

static uint32
hash_parts(const KeyPart *first, const KeyPart *second)
{
	return hash_combine(first->hash, second->hash);
}

/* The bucket of a key: with its entry, or the free one where it belongs. */
static int *
find_bucket(const RuleIndex *index, uint32 hash, const KeyPart *first, const KeyPart *second)
{
	uint32		mask = index->nbuckets - 1;

	for (uint32 at = hash & mask;; at = (at + 1) & mask)
	{
		int			number = index->buckets[at];
		const IndexEntry *entry = &index->entries[number];

		if (number < 0 ||
			(entry->hash == hash && same_part(&entry->first, first) && same_part(&entry->second, second)))
			return &index->buckets[at];
	}
}

static void
make_buckets(RuleIndex *index, int nbuckets)
{
	if (index->buckets != NULL)
		pfree(index->buckets);
	index->nbuckets = nbuckets;
	index->buckets = palloc_extended(nbuckets * sizeof(int), MCXT_ALLOC_HUGE);
	memset(index->buckets, -1, nbuckets * sizeof(int));
	for (int i = 0; i < index->nentries; i++)
	{
		IndexEntry *entry = &index->entries[i];

		*find_bucket(index, entry->hash, &entry->first, &entry->second) = i;
	}
}

static IndexEntry *
add_entry(RuleIndex *index, uint32 hash, const KeyPart *first, const KeyPart *second)
{
	IndexEntry *entry;

	if (index->nentries == index->space)
	{
		index->space *= 2;
		index->entries = repalloc_huge(index->entries, index->space * sizeof(IndexEntry));
	}
	entry = &index->entries[index->nentries++];
	memset(entry, 0, sizeof(*entry));
	entry->hash = hash;
	entry->first = *first;
	entry->second = *second;
	if (second->attribute < 0)
		index->distinct[first->attribute]++;
	return entry;
}

static IndexEntry *
enter(RuleIndex *index, const KeyPart *first, const KeyPart *second)
{
	uint32		hash = hash_parts(first, second);
	int		   *bucket;

	if (index->nentries * 2 >= index->nbuckets)
		make_buckets(index, 4 * index->nbuckets);
	bucket = find_bucket(index, hash, first, second);
	if (*bucket >= 0)
		return &index->entries[*bucket];
	*bucket = index->nentries;
	return add_entry(index, hash, first, second);
}

static void
post(Posting *posting, int rule)
{
	if (posting->count > 0 && posting->rules[posting->count - 1] == rule)
		return;
	if (posting->count == posting->space)
	{
		posting->space = Max(4, 2 * posting->space);
		posting->rules = posting->rules ? repalloc(posting->rules, posting->space * sizeof(int))
			: palloc(posting->space * sizeof(int));
	}
	posting->rules[posting->count++] = rule;
}

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
			KeyPart		part;

			if (make_part(path_of(node)->attribute, &value, &part))
				enter(index, &part, &no_part);
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
	const CondNode *node;

	for (int i = 0; (node = conjunct(root, i)) != NULL; i++)
	{
		if (!is_usable(node) || (other != NULL && path_of(node)->attribute == path_of(other)->attribute))
			continue;
		if (best == NULL || expected_share(index, node) < expected_share(index, best))
			best = node;
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

static void
post_single(RuleIndex *index, int number, const CondNode *node)
{
	add_pair(index, path_of(node), NULL);
	for (int i = 0; i < count_values(node); i++)
	{
		CondValue	value = value_of(node, i);
		KeyPart		part;

		if (make_part(path_of(node)->attribute, &value, &part))
			post(&enter(index, &part, &no_part)->posting, number);
	}
}

static void
post_pairs(RuleIndex *index, int number, const CondNode *a, const CondNode *b)
{
	add_pair(index, path_of(a), path_of(b));
	for (int i = 0; i < count_values(a); i++)
	{
		for (int j = 0; j < count_values(b); j++)
		{
			CondValue	x = value_of(a, i);
			CondValue	y = value_of(b, j);
			KeyPart		first;
			KeyPart		second;

			if (make_part(path_of(a)->attribute, &x, &first) && make_part(path_of(b)->attribute, &y, &second))
				post(&enter(index, &first, &second)->posting, number);
		}
	}
}

static void
post_rule(RuleIndex *index, int number, const CondNode *root)
{
	const CondNode *a = rarest(index, root, NULL);
	const CondNode *b = a ? rarest(index, root, a) : NULL;

	if (a == NULL)
		post(&index->rest, number);
	else if (b == NULL || count_values(a) * count_values(b) > MOST_PAIRS)
		post_single(index, number, a);
	else if (path_of(a)->attribute < path_of(b)->attribute)
		post_pairs(index, number, a, b);
	else
		post_pairs(index, number, b, a);
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

/* The range of the first number that a condition asks for, by all its predicates about it. */
static Range
find_range(const CondNode *root)
{
	Range		found = {NULL, -INFINITY, INFINITY};
	Range		one;
	const CondNode *node;

	for (int i = 0; (node = conjunct(root, i)) != NULL; i++)
	{
		if (!range_of(node, &one) || (found.path != NULL && found.path->attribute != one.path->attribute))
			continue;
		found.path = one.path;
		found.low = Max(found.low, one.low);
		found.high = Min(found.high, one.high);
	}
	return found;
}

RuleIndex *
rule_index_build(RuleSet *set)
{
	RuleIndex  *index = palloc0(sizeof(RuleIndex));

	index->space = 64;
	index->entries = palloc(index->space * sizeof(IndexEntry));
	make_buckets(index, 256);
	index->distinct = palloc0((set->attributes->count + 1) * sizeof(int));
	index->ranges = palloc_extended((set->nrules + 1) * sizeof(Range), MCXT_ALLOC_HUGE | MCXT_ALLOC_ZERO);
	for (int i = 0; i < set->nrules; i++)
	{
		if (set->rules[i].broken == NULL)
			count_keys(index, set->rules[i].condition->root);
	}
	for (int i = 0; i < set->nrules; i++)
	{
		if (set->rules[i].broken != NULL)
			continue;
		post_rule(index, i, set->rules[i].condition->root);
		index->ranges[i] = find_range(set->rules[i].condition->root);
	}
	return index;
}

/* What the search has found so far. */
typedef struct Search
{
	RuleSet    *set;
	const Range *ranges;
	int			attribute;		/* the one whose number is known, -1 for none */
	double		number;			/* NaN where it is no number */
	const bool *excluded;
	int			best;
	RuleOutcome outcome;
	RuleVariant *variant;
} Search;

/* Is the profile's number in the range?  A NaN, as anything else that is no number, is in none. */
static bool
in_range(Search *search, const Range *range)
{
	if (range->path == NULL)
		return true;
	if (range->path->attribute != search->attribute)
	{
		CondValue	scratch;
		CondValue  *value = mhub_profile_value(&search->set->profile, range->path, &scratch);

		search->attribute = range->path->attribute;
		search->number = value->type == COND_VALUE_NUMBER ? value->number : NAN;
	}
	return search->number >= range->low && search->number <= range->high;
}

/* Tries a list's rules in order, up to the best one found so far. */
static void
try_posting(Search *search, const Posting *posting)
{
	for (int i = 0; i < posting->count && posting->rules[i] < search->best; i++)
	{
		RuleVariant *variant;
		RuleOutcome outcome;

		if (!in_range(search, &search->ranges[posting->rules[i]]))
			continue;
		CHECK_FOR_INTERRUPTS();
		outcome = ruleset_try(search->set, posting->rules[i], search->excluded, &variant);
		if (outcome == RULE_APPLIES || outcome == RULE_HELD_OUT)
		{
			search->best = posting->rules[i];
			search->outcome = outcome;
			search->variant = variant;
			return;
		}
	}
}

/* The values of an attribute as keys: the value itself, or an array's elements. */
static KeyPart *
parts_of(RuleSet *set, CondPath *path, int *count)
{
	CondValue	scratch;
	CondValue  *value = mhub_profile_value(&set->profile, path, &scratch);
	KeyPart    *parts;

	*count = 0;
	if (value->type != COND_VALUE_ARRAY)
	{
		parts = palloc(sizeof(KeyPart));
		*count += make_part(path->attribute, value, &parts[0]);
		return parts;
	}
	condition_elements(value);
	parts = palloc_extended(Max(value->nelements, 1) * sizeof(KeyPart), MCXT_ALLOC_HUGE);
	for (int i = 0; i < value->nelements; i++)
		*count += make_part(path->attribute, &value->elements[i], &parts[*count]);
	return parts;
}

static void
try_key(Search *search, const RuleIndex *index, const KeyPart *first, const KeyPart *second)
{
	int			number = *find_bucket(index, hash_parts(first, second), first, second);

	if (number >= 0)
		try_posting(search, &index->entries[number].posting);
}

static void
try_pair(Search *search, const RuleIndex *index, const PathPair *pair)
{
	int			nfirst;
	int			nsecond = 0;
	KeyPart    *first = parts_of(search->set, pair->first, &nfirst);
	KeyPart    *second = pair->second && nfirst > 0 ? parts_of(search->set, pair->second, &nsecond) : NULL;

	for (int i = 0; i < nfirst; i++)
	{
		CHECK_FOR_INTERRUPTS();
		if (pair->second == NULL)
			try_key(search, index, &first[i], &no_part);
		for (int j = 0; j < nsecond; j++)
			try_key(search, index, &first[i], &second[j]);
	}
	pfree(first);
	if (second != NULL)
		pfree(second);
}

/* The first rule that applies to the open profile, or -1. */
int
rule_index_first(RuleSet *set, RuleIndex *index, const bool *excluded, RuleOutcome *outcome, RuleVariant **variant)
{
	Search		search = {.set = set, .ranges = index->ranges, .attribute = -1, .excluded = excluded,
		.best = set->nrules, .outcome = RULE_NO_MATCH};

	for (int i = 0; i < index->npairs; i++)
		try_pair(&search, index, &index->pairs[i]);
	try_posting(&search, &index->rest);
	*outcome = search.outcome;
	*variant = search.variant;
	return search.best < set->nrules ? search.best : -1;
}

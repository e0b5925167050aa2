/*
 * rule_index.c
 *	  Which rules can match a profile at all.
 *
 * A rule with a predicate "attribute equals one of these values" among those
 * that must all hold is posted under each of the values; it is a candidate
 * only for profiles that have one of them.  Of several such predicates the
 * rarest is taken.  Rules without one are candidates for every profile.  The
 * whole condition is evaluated for each candidate, so an index that lets too
 * many through costs time only.
 */
#include "content/ruleset.h"

#include "common/hashfn.h"
#include "condition/value.h"

/* How many elements an array of a profile is taken to have. */
#define TYPICAL_ELEMENTS 4

typedef struct IndexKey
{
	int			attribute;
	CondType	type;
	double		number;
	const char *string;
	int			length;
} IndexKey;

typedef struct IndexEntry
{
	bool		used;
	uint32		hash;
	IndexKey	key;
	Posting		posting;
} IndexEntry;

struct RuleIndex
{
	int			nentries;
	int			space;			/* a power of two */
	IndexEntry *entries;
	int			nattributes;
	int		   *distinct;		/* per attribute: how many values rules ask for */
	CondPath  **paths;			/* attributes that have postings */
	int			npaths;
	Posting		rest;			/* rules without a usable predicate */
};

static bool
make_key(int attribute, const CondValue *value, IndexKey *key)
{
	key->attribute = attribute;
	key->type = value->type;
	key->number = 0;
	key->string = NULL;
	key->length = 0;
	switch (value->type)
	{
		case COND_VALUE_BOOL:
			key->number = value->boolean;
			return true;
		case COND_VALUE_NUMBER:
			key->number = value->number == 0 ? 0 : value->number;	/* no negative zero */
			return true;
		case COND_VALUE_STRING:
			key->string = value->string;
			key->length = value->length;
			return true;
		default:
			return false;
	}
}

static uint32
hash_key(const IndexKey *key)
{
	uint32		hash = hash_bytes_uint32((uint32) key->attribute * 8 + key->type);

	if (key->type == COND_VALUE_STRING)
		return hash ^ hash_bytes((const unsigned char *) key->string, key->length);
	return hash ^ hash_bytes((const unsigned char *) &key->number, sizeof(double));
}

static bool
same_key(const IndexKey *a, const IndexKey *b)
{
	return a->attribute == b->attribute && a->type == b->type && a->number == b->number &&
		a->length == b->length && memcmp(a->string ? a->string : "", b->string ? b->string : "", a->length) == 0;
}

/* The entry of a key, or the free one where it belongs. */
static IndexEntry *
find_entry(const RuleIndex *index, const IndexKey *key, uint32 hash)
{
	uint32		mask = index->space - 1;

	for (uint32 at = hash & mask;; at = (at + 1) & mask)
	{
		IndexEntry *entry = &index->entries[at];

		if (!entry->used || (entry->hash == hash && same_key(&entry->key, key)))
			return entry;
	}
}

static void
grow(RuleIndex *index)
{
	IndexEntry *old = index->entries;
	int			old_space = index->space;

	index->space *= 2;
	index->entries = palloc_extended(index->space * sizeof(IndexEntry), MCXT_ALLOC_HUGE | MCXT_ALLOC_ZERO);
	for (int i = 0; i < old_space; i++)
	{
		if (old[i].used)
			*find_entry(index, &old[i].key, old[i].hash) = old[i];
	}
	pfree(old);
}

static IndexEntry *
enter(RuleIndex *index, const IndexKey *key)
{
	uint32		hash = hash_key(key);
	IndexEntry *entry;

	if (index->nentries * 2 >= index->space)
		grow(index);
	entry = find_entry(index, key, hash);
	if (!entry->used)
	{
		entry->used = true;
		entry->hash = hash;
		entry->key = *key;
		index->nentries++;
		index->distinct[key->attribute]++;
	}
	return entry;
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
			IndexKey	key;

			if (make_key(path_of(node)->attribute, &value, &key))
				enter(index, &key);
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

static const CondNode *
rarest(const RuleIndex *index, const CondNode *root)
{
	const CondNode *best = NULL;
	const CondNode *node;

	for (int i = 0; (node = conjunct(root, i)) != NULL; i++)
	{
		if (is_usable(node) && (best == NULL || expected_share(index, node) < expected_share(index, best)))
			best = node;
	}
	return best;
}

static void
add_path(RuleIndex *index, CondPath *path)
{
	for (int i = 0; i < index->npaths; i++)
	{
		if (index->paths[i]->attribute == path->attribute)
			return;
	}
	index->paths[index->npaths++] = path;
}

static void
post_rule(RuleIndex *index, int number, const CondNode *root)
{
	const CondNode *node = rarest(index, root);

	if (node == NULL)
	{
		post(&index->rest, number);
		return;
	}
	add_path(index, path_of(node));
	for (int i = 0; i < count_values(node); i++)
	{
		CondValue	value = value_of(node, i);
		IndexKey	key;

		if (make_key(path_of(node)->attribute, &value, &key))
			post(&enter(index, &key)->posting, number);
	}
}

RuleIndex *
rule_index_build(RuleSet *set)
{
	RuleIndex  *index = palloc0(sizeof(RuleIndex));

	index->space = 256;
	index->entries = palloc0(index->space * sizeof(IndexEntry));
	index->nattributes = set->attributes->count;
	index->distinct = palloc0((index->nattributes + 1) * sizeof(int));
	index->paths = palloc((index->nattributes + 1) * sizeof(CondPath *));
	for (int i = 0; i < set->nrules; i++)
	{
		if (set->rules[i].broken == NULL)
			count_keys(index, set->rules[i].condition->root);
	}
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
	const bool *excluded;
	int			best;
	RuleOutcome outcome;
	RuleVariant *variant;
} Search;

/* Tries a list's rules in order, up to the best one found so far. */
static void
try_posting(Search *search, const Posting *posting)
{
	for (int i = 0; i < posting->count && posting->rules[i] < search->best; i++)
	{
		RuleVariant *variant;
		RuleOutcome outcome = ruleset_try(search->set, posting->rules[i], search->excluded, &variant);

		if (outcome == RULE_APPLIES || outcome == RULE_HELD_OUT)
		{
			search->best = posting->rules[i];
			search->outcome = outcome;
			search->variant = variant;
			return;
		}
	}
}

static void
try_value(Search *search, const RuleIndex *index, int attribute, const CondValue *value)
{
	IndexKey	key;
	IndexEntry *entry;

	if (!make_key(attribute, value, &key))
		return;
	entry = find_entry(index, &key, hash_key(&key));
	if (entry->used)
		try_posting(search, &entry->posting);
}

/* The first rule that applies to the open profile, or -1. */
int
rule_index_first(RuleSet *set, RuleIndex *index, const bool *excluded, RuleOutcome *outcome, RuleVariant **variant)
{
	Search		search = {set, excluded, set->nrules, RULE_NO_MATCH, NULL};

	for (int i = 0; i < index->npaths; i++)
	{
		CondValue	scratch;
		CondValue  *value = mhub_profile_value(&set->profile, index->paths[i], &scratch);

		try_value(&search, index, index->paths[i]->attribute, value);
		if (value->type != COND_VALUE_ARRAY)
			continue;
		condition_elements(value);
		for (int j = 0; j < value->nelements; j++)
			try_value(&search, index, index->paths[i]->attribute, &value->elements[j]);
	}
	try_posting(&search, &index->rest);
	*outcome = search.outcome;
	*variant = search.variant;
	return search.best < set->nrules ? search.best : -1;
}

/*
 * rule_keys.c
 *	  Values of attributes, numbered, and the rules posted under them.
 *
 * Two hash tables with open addressing: from a value to its number, and from
 * a pair of numbers to its rules.  A value is hashed once however many pairs
 * it is part of, and pairs are compared as two numbers.
 */
#include "content/rule_keys.h"

#include "common/hashfn.h"

typedef struct Value
{
	int			attribute;
	CondType	type;
	uint32		hash;
	int			length;
	double		number;
	const char *string;
} Value;

typedef struct Pair
{
	int			first;
	int			second;
	int			head;			/* of its list of posts */
	int			tail;
} Pair;

typedef struct Post
{
	int			rule;
	int			next;			/* -1: the last */
} Post;

/* Numbers of elements by hash; a power of two, at least twice the elements */
typedef struct Buckets
{
	int			n;
	int		   *numbers;		/* -1 when free */
} Buckets;

struct RuleKeys
{
	int			nvalues;
	int			value_space;
	Value	   *values;
	Buckets		by_value;
	int			npairs;
	int			pair_space;
	Pair	   *pairs;
	Buckets		by_pair;
	int			nposts;
	int			post_space;
	Post	   *posts;
};

/* Room for one more in an array that doubles. */
#define MAKE_ROOM(array, n, space) \
	do { \
		if ((n) == (space)) \
		{ \
			(space) *= 2; \
			(array) = repalloc_huge((array), (space) * sizeof(*(array))); \
		} \
	} while (0)

static void
init_buckets(Buckets *buckets, int n)
{
	if (buckets->numbers != NULL)
		pfree(buckets->numbers);
	buckets->n = n;
	buckets->numbers = palloc_extended(n * sizeof(int), MCXT_ALLOC_HUGE);
	memset(buckets->numbers, -1, n * sizeof(int));
}

RuleKeys *
rule_keys_create(void)
{
	RuleKeys   *keys = palloc0(sizeof(RuleKeys));

	keys->value_space = keys->pair_space = keys->post_space = 64;
	keys->values = palloc(keys->value_space * sizeof(Value));
	keys->pairs = palloc(keys->pair_space * sizeof(Pair));
	keys->posts = palloc(keys->post_space * sizeof(Post));
	init_buckets(&keys->by_value, 256);
	init_buckets(&keys->by_pair, 256);
	return keys;
}

static bool
take_value(int attribute, const CondValue *from, Value *value)
{
	memset(value, 0, sizeof(*value));
	value->attribute = attribute;
	value->type = from->type;
	if (from->type == COND_VALUE_STRING)
	{
		value->string = from->string;
		value->length = from->length;
		value->hash = hash_bytes((const unsigned char *) from->string, from->length);
	}
	else if (from->type == COND_VALUE_NUMBER || from->type == COND_VALUE_BOOL)
	{
		/* zero has one sign here */
		value->number = from->type == COND_VALUE_BOOL ? from->boolean : from->number == 0 ? 0 : from->number;
		value->hash = hash_bytes((const unsigned char *) &value->number, sizeof(double));
	}
	else
		return false;
	value->hash = hash_combine(value->hash, hash_bytes_uint32((uint32) attribute * 8 + from->type));
	return true;
}

static bool
same_value(const Value *a, const Value *b)
{
	return a->hash == b->hash && a->attribute == b->attribute && a->type == b->type && a->number == b->number &&
		a->length == b->length && (a->length == 0 || memcmp(a->string, b->string, a->length) == 0);
}

/* The bucket of a value: with its number, or the free one where it belongs. */
static int *
value_bucket(const RuleKeys *keys, const Value *value)
{
	uint32		mask = keys->by_value.n - 1;

	for (uint32 at = value->hash & mask;; at = (at + 1) & mask)
	{
		int		   *number = &keys->by_value.numbers[at];

		if (*number < 0 || same_value(&keys->values[*number], value))
			return number;
	}
}

static uint32
hash_pair(int first, int second)
{
	return hash_combine(hash_bytes_uint32((uint32) first), hash_bytes_uint32((uint32) second));
}

static int *
pair_bucket(const RuleKeys *keys, int first, int second)
{
	uint32		mask = keys->by_pair.n - 1;

	for (uint32 at = hash_pair(first, second) & mask;; at = (at + 1) & mask)
	{
		int		   *number = &keys->by_pair.numbers[at];

		if (*number < 0 || (keys->pairs[*number].first == first && keys->pairs[*number].second == second))
			return number;
	}
}

int
rule_keys_value(const RuleKeys *keys, int attribute, const CondValue *from)
{
	Value		value;

	return take_value(attribute, from, &value) ? *value_bucket(keys, &value) : NO_VALUE;
}

int
rule_keys_add_value(RuleKeys *keys, int attribute, const CondValue *from, bool *is_new)
{
	Value		value;
	int		   *bucket;

	*is_new = false;
	if (!take_value(attribute, from, &value))
		return NO_VALUE;
	if (keys->nvalues * 2 >= keys->by_value.n)
	{
		init_buckets(&keys->by_value, 4 * keys->by_value.n);
		for (int i = 0; i < keys->nvalues; i++)
			*value_bucket(keys, &keys->values[i]) = i;
	}
	bucket = value_bucket(keys, &value);
	if (*bucket < 0)
	{
		MAKE_ROOM(keys->values, keys->nvalues, keys->value_space);
		*bucket = keys->nvalues;
		keys->values[keys->nvalues++] = value;
		*is_new = true;
	}
	return *bucket;
}

static Pair *
enter_pair(RuleKeys *keys, int first, int second)
{
	int		   *bucket;

	if (keys->npairs * 2 >= keys->by_pair.n)
	{
		init_buckets(&keys->by_pair, 4 * keys->by_pair.n);
		for (int i = 0; i < keys->npairs; i++)
			*pair_bucket(keys, keys->pairs[i].first, keys->pairs[i].second) = i;
	}
	bucket = pair_bucket(keys, first, second);
	if (*bucket < 0)
	{
		MAKE_ROOM(keys->pairs, keys->npairs, keys->pair_space);
		*bucket = keys->npairs;
		keys->pairs[keys->npairs++] = (Pair) {first, second, -1, -1};
	}
	return &keys->pairs[*bucket];
}

void
rule_keys_post(RuleKeys *keys, int first, int second, int rule)
{
	Pair	   *pair = enter_pair(keys, first, second);

	if (pair->tail >= 0 && keys->posts[pair->tail].rule == rule)
		return;
	MAKE_ROOM(keys->posts, keys->nposts, keys->post_space);
	keys->posts[keys->nposts] = (Post) {rule, -1};
	if (pair->tail >= 0)
		keys->posts[pair->tail].next = keys->nposts;
	else
		pair->head = keys->nposts;
	pair->tail = keys->nposts++;
}

int
rule_keys_first(const RuleKeys *keys, int first, int second)
{
	int			pair = *pair_bucket(keys, first, second);

	return pair < 0 ? -1 : keys->pairs[pair].head;
}

int
rule_keys_next(const RuleKeys *keys, int *at)
{
	const Post *post = &keys->posts[*at];

	*at = post->next;
	return post->rule;
}

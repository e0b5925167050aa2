/*
 * component_set.c
 *	  Connected components of edges between 64-bit nodes: the pure part.
 */
#include "identity/component_set.h"

#include "identity/union_find.h"
#include "miscadmin.h"
#include "port/pg_bitutils.h"

/* From so many pairs on it is worth compacting before asking for more memory. */
#define COMPACT_FROM ((uint64) 1 << 20)

/* Ids are looked up in an array instead of sorted while it has at most so many places for each end of an edge. */
#define DENSE_FACTOR 4

#define ABSENT PG_UINT32_MAX

#define RADIX_BITS 11
#define RADIX_SIZE (1 << RADIX_BITS)

/* One end of an edge */
typedef struct RadixItem
{
	uint64		key;
	uint64		place;
} RadixItem;

void
component_set_init(ComponentSet *set, MemoryContext context)
{
	memset(set, 0, sizeof(*set));
	set->context = context;
}

static void *
allocate(ComponentSet *set, uint64 n, Size size)
{
	return MemoryContextAllocExtended(set->context, Max(n, 1) * size, MCXT_ALLOC_HUGE);
}

static void
enlarge(ComponentSet *set, uint64 capacity)
{
	if (set->pairs == NULL)
		set->pairs = allocate(set, capacity, sizeof(ComponentPair));
	else
		set->pairs = repalloc_huge(set->pairs, capacity * sizeof(ComponentPair));
	set->capacity = capacity;
}

/*
 * Makes room for one more pair: by compacting, when repeated edges and such
 * between known nodes promise to give half of the room back, else by doubling.
 */
void
component_set_grow(ComponentSet *set)
{
	if (set->n >= COMPACT_FROM && set->n >= set->compacted * 2)
		component_set_compact(set);
	if (set->n > set->capacity / 2 || set->capacity == 0)
		enlarge(set, Max(64, set->capacity * 2));
}

void
component_set_add_all(ComponentSet *set, const ComponentPair *pairs, uint64 n)
{
	uint64		capacity = Max(set->capacity, 64);

	while (capacity < set->n + n)
		capacity *= 2;
	if (capacity > set->capacity)
		enlarge(set, capacity);
	memcpy(set->pairs + set->n, pairs, n * sizeof(ComponentPair));
	set->n += n;
}

static void
find_range(const ComponentSet *set, int64 *least, int64 *greatest)
{
	*least = PG_INT64_MAX;
	*greatest = PG_INT64_MIN;
	for (uint64 i = 0; i < set->n; i++)
	{
		const ComponentPair *pair = &set->pairs[i];

		*least = Min(*least, Min(pair->node, pair->component));
		*greatest = Max(*greatest, Max(pair->node, pair->component));
	}
}

static uint32
add_dense(uint32 *parent, uint64 place)
{
	if (parent[place] == ABSENT)
		parent[place] = (uint32) place;
	return (uint32) place;
}

/* Ids that lie close together index an array directly. */
static void
compact_dense(ComponentSet *set, int64 least, uint64 places)
{
	uint32	   *parent = allocate(set, places, sizeof(uint32));
	uint64		n = 0;

	memset(parent, 0xff, places * sizeof(uint32));
	for (uint64 i = 0; i < set->n; i++)
	{
		uint32		a = add_dense(parent, (uint64) set->pairs[i].node - (uint64) least);
		uint32		b = add_dense(parent, (uint64) set->pairs[i].component - (uint64) least);

		union_find_join(parent, a, b);
		if ((i & 0xfffff) == 0)
			CHECK_FOR_INTERRUPTS();
	}
	for (uint64 place = 0; place < places; place++)
		n += parent[place] != ABSENT;
	if (n > set->capacity)
		enlarge(set, n);
	set->n = 0;
	for (uint64 place = 0; place < places; place++)
	{
		if (parent[place] != ABSENT)
			set->pairs[set->n++] = (ComponentPair) {least + (int64) place,
				least + (int64) union_find_root(parent, (uint32) place)};
	}
	pfree(parent);
}

/* One pass of a radix sort, from the lowest digit up; stable */
static void
radix_pass(const RadixItem *from, RadixItem *to, uint64 n, int shift)
{
	uint64		start[RADIX_SIZE] = {0};
	uint64		sum = 0;

	for (uint64 i = 0; i < n; i++)
		start[(from[i].key >> shift) & (RADIX_SIZE - 1)]++;
	for (int digit = 0; digit < RADIX_SIZE; digit++)
	{
		uint64		count = start[digit];

		start[digit] = sum;
		sum += count;
	}
	for (uint64 i = 0; i < n; i++)
		to[start[(from[i].key >> shift) & (RADIX_SIZE - 1)]++] = from[i];
}

/* All ends of edges in order of id; frees the array that is not returned. */
static RadixItem *
sorted_ends(ComponentSet *set, int64 least, uint64 range)
{
	uint64		n = set->n * 2;
	int			bits = range == 0 ? 1 : pg_leftmost_one_pos64(range) + 1;
	RadixItem  *items = allocate(set, n, sizeof(RadixItem));
	RadixItem  *other = allocate(set, n, sizeof(RadixItem));

	for (uint64 i = 0; i < set->n; i++)
	{
		items[i * 2] = (RadixItem) {(uint64) set->pairs[i].node - (uint64) least, i * 2};
		items[i * 2 + 1] = (RadixItem) {(uint64) set->pairs[i].component - (uint64) least, i * 2 + 1};
	}
	for (int shift = 0; shift < bits; shift += RADIX_BITS)
	{
		RadixItem  *sorted = other;

		CHECK_FOR_INTERRUPTS();
		radix_pass(items, other, n, shift);
		other = items;
		items = sorted;
	}
	pfree(other);
	return items;
}

/*
 * Numbers the nodes by rank: ranks[end of an edge], keys[rank].  A rank that is
 * smaller is a smaller id, so the smallest rank of a component names it.
 */
static uint32
rank_nodes(const RadixItem *items, uint64 n, uint32 *ranks, uint64 *keys)
{
	uint32		rank = 0;

	for (uint64 i = 0; i < n; i++)
	{
		if (i > 0 && items[i].key != items[i - 1].key)
			rank++;
		keys[rank] = items[i].key;
		ranks[items[i].place] = rank;
	}
	return rank + 1;
}

static void
compact_sparse(ComponentSet *set, int64 least, uint64 range)
{
	uint64		nends = set->n * 2;
	RadixItem  *items = sorted_ends(set, least, range);
	uint32	   *ranks = allocate(set, nends, sizeof(uint32));
	uint64	   *keys = allocate(set, nends, sizeof(uint64));
	uint32		n = rank_nodes(items, nends, ranks, keys);
	uint32	   *parent;

	pfree(items);
	CHECK_FOR_INTERRUPTS();
	parent = allocate(set, n, sizeof(uint32));
	for (uint32 i = 0; i < n; i++)
		parent[i] = i;
	for (uint64 i = 0; i < set->n; i++)
		union_find_join(parent, ranks[i * 2], ranks[i * 2 + 1]);
	pfree(ranks);

	if (n > set->capacity)
		enlarge(set, n);
	for (uint32 i = 0; i < n; i++)
		set->pairs[i] = (ComponentPair) {(int64) (keys[i] + (uint64) least),
			(int64) (keys[union_find_root(parent, i)] + (uint64) least)};
	set->n = n;
	pfree(keys);
	pfree(parent);
}

void
component_set_compact(ComponentSet *set)
{
	int64		least;
	int64		greatest;
	uint64		range;

	if (set->n == 0 || set->n == set->compacted)
		return;
	if (set->n >= PG_INT32_MAX)
		ereport(ERROR,
				(errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED),
				 errmsg("too many nodes for one set of components"),
				 errhint("Partition the edges, take the components of each part, and then those of the parts' results.")));
	find_range(set, &least, &greatest);
	range = (uint64) greatest - (uint64) least;
	if (range / DENSE_FACTOR < set->n * 2 && range < ABSENT)
		compact_dense(set, least, range + 1);
	else
		compact_sparse(set, least, range);
	set->compacted = set->n;
}

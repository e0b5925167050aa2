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

/* One end of an edge, with an id of any width; ids within 32 bits are packed into one number with their place. */
typedef struct RadixItem
{
	uint64		key;
	uint64		place;
} RadixItem;

/* What sorting leaves: the ids in order, and the rank of each end's id among them */
typedef struct RankedNodes
{
	uint32		n;
	uint64	   *keys;
	uint32	   *ranks;
} RankedNodes;

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

/* Of so many nodes one is looked at to guess how many there are. */
#define SAMPLE 64
#define SAMPLE_BITS 20

static uint64
hash_node(int64 node)
{
	uint64		x = (uint64) node * UINT64CONST(0x9e3779b97f4a7c15);

	return x ^ (x >> 32);
}

static void
mark_sampled(uint8 *marks, int64 node)
{
	uint64		hash = hash_node(node);

	if (hash % SAMPLE == 0)
	{
		hash = (hash / SAMPLE) & ((1 << SAMPLE_BITS) - 1);
		marks[hash / 8] |= 1 << (hash % 8);
	}
}

/* Would compacting leave at most half of the pairs?  A guess: distinct nodes are counted in a sample. */
static bool
is_worth_compacting(const ComponentSet *set)
{
	uint8	   *marks = palloc0((1 << SAMPLE_BITS) / 8);
	uint64		nodes;

	for (uint64 i = 0; i < set->n; i++)
	{
		mark_sampled(marks, set->pairs[i].node);
		mark_sampled(marks, set->pairs[i].component);
	}
	nodes = pg_popcount((char *) marks, (1 << SAMPLE_BITS) / 8) * SAMPLE;
	pfree(marks);
	return nodes <= set->n / 2;
}

/*
 * Makes room for one more pair: by compacting, when repeated edges and such
 * between known nodes give half of the room back, else by doubling.
 */
void
component_set_grow(ComponentSet *set)
{
	if (set->n >= COMPACT_FROM && is_worth_compacting(set))
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

/* Turns counts of digits into the places where their items begin. */
static void
counts_to_starts(uint64 *counts)
{
	uint64		sum = 0;

	for (int digit = 0; digit < RADIX_SIZE; digit++)
	{
		uint64		count = counts[digit];

		counts[digit] = sum;
		sum += count;
	}
}

#define DIGIT(key, shift) (((key) >> (shift)) & (RADIX_SIZE - 1))

/* One pass of a radix sort, from the lowest digit up; stable */
static void
radix_pass(const RadixItem *from, RadixItem *to, uint64 n, int shift)
{
	uint64		start[RADIX_SIZE] = {0};

	for (uint64 i = 0; i < n; i++)
		start[DIGIT(from[i].key, shift)]++;
	counts_to_starts(start);
	for (uint64 i = 0; i < n; i++)
		to[start[DIGIT(from[i].key, shift)]++] = from[i];
}

/* The same for packed items whose digits were counted beforehand */
static void
radix_pass_packed(const uint64 *from, uint64 *to, uint64 n, int shift, uint64 *counts)
{
	counts_to_starts(counts);
	for (uint64 i = 0; i < n; i++)
		to[counts[DIGIT(from[i], shift)]++] = from[i];
}

/* The arrays that were sorted become those of the answer: a key is never written before it is read. */
static RankedNodes
rank_wide(ComponentSet *set, int64 least, int bits)
{
	uint64		n = set->n * 2;
	RadixItem  *items = allocate(set, n, sizeof(RadixItem));
	RadixItem  *other = allocate(set, n, sizeof(RadixItem));
	RankedNodes nodes = {0};

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
	nodes.keys = (uint64 *) items;
	nodes.ranks = (uint32 *) other;
	for (uint64 i = 0; i < n; i++)
	{
		RadixItem	item = items[i];

		if (nodes.n == 0 || nodes.keys[nodes.n - 1] != item.key)
			nodes.keys[nodes.n++] = item.key;
		nodes.ranks[item.place] = nodes.n - 1;
	}
	return nodes;
}

static inline uint64
pack(uint64 key, uint64 place, uint64 (*counts)[RADIX_SIZE], int passes)
{
	for (int pass = 0; pass < passes; pass++)
		counts[pass][DIGIT(key, pass * RADIX_BITS)]++;
	return key << 32 | place;
}

static RankedNodes
rank_packed(ComponentSet *set, int64 least, int bits)
{
	uint64		n = set->n * 2;
	uint64	   *items = allocate(set, n, sizeof(uint64));
	uint64	   *other = allocate(set, n, sizeof(uint64));
	uint64		counts[32 / RADIX_BITS + 1][RADIX_SIZE] = {{0}};
	int			passes = (bits + RADIX_BITS - 1) / RADIX_BITS;
	RankedNodes nodes = {0};

	for (uint64 i = 0; i < set->n; i++)
	{
		items[i * 2] = pack((uint64) set->pairs[i].node - (uint64) least, i * 2, counts, passes);
		items[i * 2 + 1] = pack((uint64) set->pairs[i].component - (uint64) least, i * 2 + 1, counts, passes);
	}
	for (int pass = 0; pass < passes; pass++)
	{
		uint64	   *sorted = other;

		CHECK_FOR_INTERRUPTS();
		radix_pass_packed(items, other, n, 32 + pass * RADIX_BITS, counts[pass]);
		other = items;
		items = sorted;
	}
	nodes.keys = items;
	nodes.ranks = (uint32 *) other;
	for (uint64 i = 0; i < n; i++)
	{
		uint64		item = items[i];

		if (nodes.n == 0 || nodes.keys[nodes.n - 1] != item >> 32)
			nodes.keys[nodes.n++] = item >> 32;
		nodes.ranks[(uint32) item] = nodes.n - 1;
	}
	return nodes;
}

/*
 * Nodes are joined by rank.  A rank that is smaller is a smaller id, so the
 * smallest rank of a component names it.
 */
static void
compact_sparse(ComponentSet *set, int64 least, uint64 range)
{
	int			bits = range == 0 ? 1 : pg_leftmost_one_pos64(range) + 1;
	RankedNodes nodes = bits <= 32 && set->n < PG_UINT32_MAX / 2
		? rank_packed(set, least, bits) : rank_wide(set, least, bits);
	uint32	   *parent = allocate(set, nodes.n, sizeof(uint32));

	CHECK_FOR_INTERRUPTS();
	for (uint32 i = 0; i < nodes.n; i++)
		parent[i] = i;
	for (uint64 i = 0; i < set->n; i++)
		union_find_join(parent, nodes.ranks[i * 2], nodes.ranks[i * 2 + 1]);
	pfree(nodes.ranks);

	if (nodes.n > set->capacity)
		enlarge(set, nodes.n);
	for (uint32 i = 0; i < nodes.n; i++)
		set->pairs[i] = (ComponentPair) {(int64) (nodes.keys[i] + (uint64) least),
			(int64) (nodes.keys[union_find_root(parent, i)] + (uint64) least)};
	set->n = nodes.n;
	pfree(nodes.keys);
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

/*
 * component_set.h
 *	  Connected components of edges between 64-bit nodes: the pure part.
 *
 * Edges are only collected.  Now and then, and in the end, they are compacted
 * to one pair (node, smallest node of its component) for each node, which is a
 * graph with the same components.  Compacting sorts the nodes by radix and
 * joins them by their ranks; a hash table of sparse ids would cost several
 * times as much, for its cache misses.
 */
#ifndef MHUB_IDENTITY_COMPONENT_SET_H
#define MHUB_IDENTITY_COMPONENT_SET_H

#include "common/pgcompat.h"

typedef struct ComponentPair
{
	int64		node;
	int64		component;		/* or, until compacted, the other end of an edge */
} ComponentPair;

typedef struct ComponentSet
{
	ComponentPair *pairs;
	uint64		n;
	uint64		capacity;
	uint64		compacted;		/* so many pairs were left when it was last compacted */
	MemoryContext context;
} ComponentSet;

extern void component_set_init(ComponentSet *set, MemoryContext context);
extern void component_set_add_all(ComponentSet *set, const ComponentPair *pairs, uint64 n);
extern void component_set_grow(ComponentSet *set);

/* Afterwards the pairs are (node, component), in order of node. */
extern void component_set_compact(ComponentSet *set);

static inline void
component_set_add(ComponentSet *set, int64 a, int64 b)
{
	if (set->n == set->capacity)
		component_set_grow(set);
	set->pairs[set->n++] = (ComponentPair) {a, b};
}

#endif							/* MHUB_IDENTITY_COMPONENT_SET_H */

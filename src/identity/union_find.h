/*
 * union_find.h
 *	  Disjoint sets of numbers 0 .. n-1.
 */
#ifndef MHUB_IDENTITY_UNION_FIND_H
#define MHUB_IDENTITY_UNION_FIND_H

#include "common/pgcompat.h"

/* parent[x] = x for each set's smallest member, which stands for the set */
static inline uint32
union_find_root(uint32 *parent, uint32 x)
{
	while (parent[x] != x)
	{
		parent[x] = parent[parent[x]];	/* halves the path */
		x = parent[x];
	}
	return x;
}

/* The smaller root stands for both: with halved paths the cost stays near linear. */
static inline void
union_find_join(uint32 *parent, uint32 a, uint32 b)
{
	a = union_find_root(parent, a);
	b = union_find_root(parent, b);
	if (a < b)
		parent[b] = a;
	else
		parent[a] = b;
}

#endif							/* MHUB_IDENTITY_UNION_FIND_H */

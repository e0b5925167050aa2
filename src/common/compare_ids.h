/*
 * compare_ids.h
 *	  The order of ids, for qsort() and bsearch().
 */
#ifndef MHUB_COMPARE_IDS_H
#define MHUB_COMPARE_IDS_H

#include "common/pgcompat.h"

static inline int
mhub_compare_ids(const void *a, const void *b)
{
	int64		x = *(const int64 *) a;
	int64		y = *(const int64 *) b;

	return (x > y) - (x < y);
}

#endif							/* MHUB_COMPARE_IDS_H */

/*
 * bucket.h
 *	  Deterministic assignment of units (people, devices) to variants.
 */
#ifndef MHUB_BUCKET_H
#define MHUB_BUCKET_H

#include "common/pgcompat.h"

#define MHUB_HASH_VERSION 2

typedef struct BucketRange
{
	double		start;			/* inclusive */
	double		end;			/* exclusive */
} BucketRange;

/* Strings are UTF-8; utf16 hashes their UTF-16 code units, as JavaScript does. */
extern double mhub_bucket_of(const char *seed, int seed_length, const char *unit, int unit_length,
							 int version, bool utf16);
extern void mhub_bucket_ranges_of(int variants, double coverage, const double *weights, int nweights, BucketRange *ranges);
extern int	mhub_choose_range(double bucket, const BucketRange *ranges, int nranges);
extern double mhub_equal_weight(int variants);

#endif							/* MHUB_BUCKET_H */

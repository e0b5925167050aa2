/*
 * bucket.c
 *	  Deterministic assignment of units (people, devices) to variants, the
 *	  way GrowthBook does it, so that its SDKs and this agree.
 *
 * Version 1: FNV-1a of unit and seed, modulo 1000.  Version 2: FNV-1a of the
 * decimal FNV-1a of seed and unit, modulo 10000; without version 1's bias
 * between experiments whose seeds are alike.
 */
#include "content/bucket.h"

#include <math.h>

#define FNV_OFFSET 0x811C9DC5U
#define FNV_PRIME 0x01000193U

static inline uint32
fnv_add(uint32 hash, uint32 unit)
{
	return (hash ^ unit) * FNV_PRIME;
}

static uint32
fnv_bytes(uint32 hash, const char *text, int length)
{
	for (int i = 0; i < length; i++)
		hash = fnv_add(hash, (unsigned char) text[i]);
	return hash;
}

/* The code point at *at, which moves on; a broken sequence counts byte by byte. */
static uint32
next_code_point(const unsigned char **at, const unsigned char *end)
{
	const unsigned char *p = *at;
	int			more = *p < 0xC0 ? 0 : *p < 0xE0 ? 1 : *p < 0xF0 ? 2 : 3;
	uint32		code = more == 0 ? *p : *p & (0x3F >> more);

	(*at)++;
	if (end - p <= more)
		return *p;
	for (int i = 1; i <= more; i++)
		code = (code << 6) | (p[i] & 0x3F);
	*at = p + 1 + more;
	return code;
}

static uint32
fnv_utf16(uint32 hash, const char *text, int length)
{
	const unsigned char *at = (const unsigned char *) text;
	const unsigned char *end = at + length;

	while (at < end)
	{
		uint32		code = next_code_point(&at, end);

		if (code >= 0x10000)
		{
			hash = fnv_add(hash, 0xD800 + ((code - 0x10000) >> 10));
			hash = fnv_add(hash, 0xDC00 + ((code - 0x10000) & 0x3FF));
		}
		else
			hash = fnv_add(hash, code);
	}
	return hash;
}

static uint32
fnv(uint32 hash, const char *text, int length, bool utf16)
{
	return utf16 ? fnv_utf16(hash, text, length) : fnv_bytes(hash, text, length);
}

/* The unit's bucket, 0 <= bucket < 1; NaN for an unknown version. */
double
mhub_bucket_of(const char *seed, int seed_length, const char *unit, int unit_length, int version, bool utf16)
{
	uint32		hash = FNV_OFFSET;
	char		digits[12];
	int			ndigits;

	if (version == 1)
	{
		hash = fnv(fnv(hash, unit, unit_length, utf16), seed, seed_length, utf16);
		return (hash % 1000) / 1000.0;
	}
	if (version != 2)
		return NAN;
	hash = fnv(fnv(hash, seed, seed_length, utf16), unit, unit_length, utf16);
	ndigits = snprintf(digits, sizeof(digits), "%u", hash);
	return (fnv_bytes(FNV_OFFSET, digits, ndigits) % 10000) / 10000.0;
}

double
mhub_equal_weight(int variants)
{
	return variants > 0 ? 1.0 / variants : 0;
}

static bool
usable(const double *weights, int nweights, int variants)
{
	double		sum = 0;

	if (weights == NULL || nweights != variants)
		return false;
	for (int i = 0; i < nweights; i++)
		sum += weights[i];
	return sum >= 0.99 && sum <= 1.01;
}

/*
 * The bucket range of each variant.  A larger coverage only lengthens the
 * ranges, so ramping up moves nobody from one variant to another.  Weights
 * that do not sum to 1 (within 0.01) give way to equal ones.
 */
void
mhub_bucket_ranges_of(int variants, double coverage, const double *weights, int nweights, BucketRange *ranges)
{
	bool		weighted = usable(weights, nweights, variants);
	double		start = 0;

	coverage = Min(Max(coverage, 0), 1);
	for (int i = 0; i < variants; i++)
	{
		double		weight = weighted ? weights[i] : mhub_equal_weight(variants);

		ranges[i].start = start;
		ranges[i].end = start + coverage * weight;
		start += weight;
	}
}

/* The first range that the bucket is in, or -1. */
int
mhub_choose_range(double bucket, const BucketRange *ranges, int nranges)
{
	for (int i = 0; i < nranges; i++)
	{
		if (bucket >= ranges[i].start && bucket < ranges[i].end)
			return i;
	}
	return -1;
}

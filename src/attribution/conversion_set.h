/*
 * conversion_set.h
 *	  Conversions of many people, to be looked up by person.
 */
#ifndef MHUB_CONVERSION_SET_H
#define MHUB_CONVERSION_SET_H

#include "attribution/journey.h"

/* One conversion as it is passed around: units are of 10^-scale, the same scale for all of a set. */
typedef struct MhubPersonConversion
{
	int64		person;
	int64		at;
	int64		id;
	int64		units;
} MhubPersonConversion;

/* The flat form: this, then the conversions in order of (person, at, id). */
typedef struct MhubConversionSetHead
{
	uint32		magic;
	int32		n;
	int32		scale;
} MhubConversionSetHead;

#define MHUB_CONVERSION_SET_MAGIC 0x4D485643

/* What a look-up needs to see of a person, in half a cache line. */
typedef struct MhubPersonSlot
{
	int64		person;
	int64		first_at;		/* of the person's conversions */
	int64		last_at;
	int32		number;			/* + 1; 0 for a free slot */
} MhubPersonSlot;

/* The people of a set; conversions[begin of i] to conversions[begin of i + 1] are those of person i. */
typedef struct MhubConversionSet
{
	int			n;				/* conversions */
	int			n_persons;
	int			scale;
	int64	   *persons;
	int		   *begin;
	MhubConversion *conversions;
	uint64	   *filter;			/* a bit for each of filter_mask + 1 hashes: is anybody there? */
	uint32		filter_mask;
	struct MhubPersonSlot *slots;	/* open addressing */
	uint32		slot_mask;
} MhubConversionSet;

extern MhubConversionSet *mhub_conversion_set_open(const char *flat, Size size, int min_scale);
extern Size mhub_conversion_set_flat_size(const MhubConversionSet *set);
extern void mhub_conversion_set_flatten(const MhubConversionSet *set, char **to);

static inline uint32
mhub_person_hash(int64 person)
{
	uint64		hash = (uint64) person * UINT64CONST(0x9E3779B97F4A7C15);

	return (uint32) (hash >> 32);
}

/* May there be a person of this hash?  Most people never convert: the filter fits into the processor's cache, the table may not. */
static inline bool
mhub_conversion_set_may_have(const MhubConversionSet *set, uint32 hash)
{
	uint32		bit = hash & set->filter_mask;

	return (set->filter[bit / 64] & (UINT64CONST(1) << (bit % 64))) != 0;
}

static inline void
mhub_conversion_set_prefetch(const MhubConversionSet *set, uint32 hash)
{
	__builtin_prefetch(&set->slots[hash & set->slot_mask]);
}

/* The person in the set, or NULL. */
static inline const MhubPersonSlot *
mhub_conversion_set_find(const MhubConversionSet *set, int64 person, uint32 hash)
{
	uint32		slot;

	for (slot = hash & set->slot_mask; set->slots[slot].number != 0; slot = (slot + 1) & set->slot_mask)
	{
		if (set->slots[slot].person == person)
			return &set->slots[slot];
	}
	return NULL;
}

#endif							/* MHUB_CONVERSION_SET_H */

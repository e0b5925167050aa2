/*
 * conversion_set.h
 *	  Conversions of many people, to be looked up by person.
 */
#ifndef MHUB_CONVERSION_SET_H
#define MHUB_CONVERSION_SET_H

#include "attribution/journey.h"
#include "attribution/person_index.h"

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
	uint64		fingerprint;	/* of the conversions */
	uint32		magic;
	int32		n;
	int64		scale;
} MhubConversionSetHead;

#define MHUB_CONVERSION_SET_MAGIC 0x4D485643

/* When a person converts. */
typedef struct MhubPersonSpan
{
	int64		first_at;
	int64		last_at;
} MhubPersonSpan;

/* The people of a set; conversions[begin of i] to conversions[begin of i + 1] are those of person i. */
typedef struct MhubConversionSet
{
	int			n;				/* conversions */
	int			n_persons;
	int			scale;
	uint64		fingerprint;
	int64	   *persons;
	MhubPersonSpan *spans;		/* by number of the person */
	int		   *begin;
	MhubConversion *conversions;
	MhubPersonIndex index;
} MhubConversionSet;

extern int64 mhub_conversion_set_next(const MhubConversionSet *set, int person, int64 at);
extern MhubConversionSet *mhub_conversion_set_open(const char *flat, Size size, int min_scale);
extern Size mhub_conversion_set_flat_size(const MhubConversionSet *set);
extern void mhub_conversion_set_flatten(const MhubConversionSet *set, char **to);

/* Unlimited: unsigned, as from -infinity on takes longer than an int64 tells. */
#define MHUB_ANY_REACH PG_UINT64_MAX

/* Does the person convert at that time or later, at most so much later? */
static inline bool
mhub_conversion_set_reaches(const MhubConversionSet *set, int person, int64 at, uint64 reach)
{
	const MhubPersonSpan *span = &set->spans[person];
	int64		next;

	if (at > span->last_at)
		return false;
	if ((uint64) span->last_at - (uint64) at <= reach)
		return true;
	next = at <= span->first_at ? span->first_at : mhub_conversion_set_next(set, person, at);
	return (uint64) next - (uint64) at <= reach;
}

#endif							/* MHUB_CONVERSION_SET_H */

/*
 * totals.h
 *	  The credits of all people together, by label and model.
 */
#ifndef MHUB_TOTALS_H
#define MHUB_TOTALS_H

#include "attribution/conversion_set.h"
#include "attribution/spill.h"

/* A touch that some conversion may credit. */
typedef struct MhubKeptTouch
{
	int64		at;
	int64		id;
	int32		person;			/* number in the set */
	int32		label;
} MhubKeptTouch;

/* A touch that is still to be looked up. */
typedef struct MhubPendingTouch
{
	int64		person;			/* id; once found, number in the set */
	int64		at;
	int64		id;
	MhubLabelKey label;			/* of a long one length is -1 and head its number */
} MhubPendingTouch;

#define MHUB_TOTALS_PENDING 64

/* The steps of a look-up. */
typedef struct MhubTotalsPipe
{
	int			n_pending;
	int			n_candidates;
	int			n_found;
	MhubPendingTouch pending[MHUB_TOTALS_PENDING];
	MhubPendingTouch candidates[MHUB_TOTALS_PENDING];	/* their persons may convert */
	MhubPendingTouch found[MHUB_TOTALS_PENDING];	/* they do, if perhaps too early or too late */
} MhubTotalsPipe;

typedef struct MhubTotals
{
	MhubCreditOptions *options;
	uint64		reach;			/* how long before a conversion a touch may lie; MHUB_ANY_REACH: no limit */
	MhubConversionSet *conversions;
	MhubLabelSet labels;
	MhubKeptTouch *touches;
	int64		n;
	int64		capacity;
	MhubSpill  *spill;
	MhubTotalsPipe pipe;
} MhubTotals;

/* Of a label under a model. */
typedef struct MhubTotal
{
	double		conversions;
	int128		units;
} MhubTotal;

extern MhubTotals *mhub_totals_create(MhubCreditOptions *options, MhubConversionSet *conversions);
extern void mhub_totals_add(MhubTotals *totals, int64 person, int64 at, int64 id, const char *label, int length);
extern Size mhub_totals_flat_size(void *totals);
extern void mhub_totals_flatten(const void *totals, char *to);
extern void mhub_totals_attach(void *totals, MhubSpill *spill);
extern void *mhub_totals_create_like(const char *flat);
extern void mhub_totals_merge(void *totals, const char *flat);
extern MhubTotal *mhub_totals_credit(MhubTotals *totals);

#endif							/* MHUB_TOTALS_H */

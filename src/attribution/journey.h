/*
 * journey.h
 *	  One person's touches, milestones and conversions, and the credits that follow.
 */
#ifndef MHUB_JOURNEY_H
#define MHUB_JOURNEY_H

#include "attribution/credit_options.h"
#include "attribution/label_set.h"
#include "attribution/money.h"

typedef struct MhubConversion
{
	TimestampTz at;
	int64		id;
	MhubAmount	amount;
} MhubConversion;

typedef struct MhubMilestoneReached
{
	TimestampTz at;
	MhubMilestone milestone;
} MhubMilestoneReached;

typedef struct MhubJourney
{
	int			n_touches;
	int			n_conversions;
	int			n_milestones;
	int			n_labels;
	MhubTouch  *touches;
	MhubConversion *conversions;
	MhubMilestoneReached *milestones;
	const MhubLabel *labels;
} MhubJourney;

/*
 * Receives each credit that is not 0, conversion by conversion, model by model,
 * in order of the touches; touch is NULL for what no touch can be credited with.
 */
typedef void (*MhubCreditSink) (void *arg, const MhubConversion *conversion, MhubModel model,
								const MhubTouch *touch, double share, int64 units);

extern void mhub_journey_sort(MhubJourney *journey);
extern void mhub_journey_credit(const MhubJourney *journey, const MhubCreditOptions *options,
								MhubCreditSink sink, void *arg);

#endif							/* MHUB_JOURNEY_H */

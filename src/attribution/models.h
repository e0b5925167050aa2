/*
 * models.h
 *	  Attribution models: how the credit of one conversion is shared by its touches.
 */
#ifndef MHUB_MODELS_H
#define MHUB_MODELS_H

#include "common/pgcompat.h"

#include "datatype/timestamp.h"

typedef enum MhubModel
{
	MHUB_FIRST_TOUCH,
	MHUB_LAST_TOUCH,
	MHUB_LAST_NON_DIRECT_TOUCH,
	MHUB_LINEAR,
	MHUB_POSITION_BASED,
	MHUB_W_SHAPED,
	MHUB_FULL_PATH,
	MHUB_J_SHAPED,
	MHUB_INVERSE_J_SHAPED,
	MHUB_TIME_DECAY,
	MHUB_CUSTOM,
	MHUB_PARTICIPATION,
	MHUB_MODELS					/* their number */
} MhubModel;

typedef enum MhubMilestone
{
	MHUB_LEAD = 1,
	MHUB_OPPORTUNITY = 2
} MhubMilestone;

/* Weights of the first, all middle and the last touch together; they need not sum to 1. */
typedef struct MhubShape
{
	double		first;
	double		middle;
	double		last;
} MhubShape;

typedef struct MhubTouch
{
	TimestampTz at;
	int64		id;
	int32		label;			/* equal numbers are equal labels */
	bool		direct;
	uint8		milestones;		/* bits of MhubMilestone: the touch that led to it */
} MhubTouch;

typedef struct MhubModelOptions
{
	int64		half_life;		/* microseconds */
	MhubShape	position;
	MhubShape	custom;
} MhubModelOptions;

extern const char *const mhub_model_names[MHUB_MODELS];

extern int	mhub_model_by_name(const char *name);
extern void mhub_model_weights(MhubModel model, const MhubModelOptions *options,
							   const MhubTouch *touches, int n, double *weights);

#endif							/* MHUB_MODELS_H */

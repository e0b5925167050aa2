/*
 * models.c
 *	  Attribution models: how the credit of one conversion is shared by its touches.
 *
 * Pure: no SPI, no fmgr.  The touches come in order of (time, id).  Each model
 * writes weights that sum to 1, except participation.  Where a model names
 * places that a short path does not have (a middle, a milestone), the weights
 * of the places that exist are scaled up to 1, as Adobe does for two touches.
 */
#include "attribution/models.h"

#include "attribution/duration.h"

#include <math.h>

const char *const mhub_model_names[MHUB_MODELS] = {
	"first_touch", "last_touch", "last_non_direct_touch", "linear", "position_based", "w_shaped",
	"full_path", "j_shaped", "inverse_j_shaped", "time_decay", "custom", "participation"
};

/* The MhubModel of that name, or -1. */
int
mhub_model_by_name(const char *name)
{
	for (int i = 0; i < MHUB_MODELS; i++)
	{
		if (strcmp(mhub_model_names[i], name) == 0)
			return i;
	}
	return -1;
}

static void
scale_to_one(double *weights, int n)
{
	double		sum = 0;

	for (int i = 0; i < n; i++)
		sum += weights[i];
	for (int i = 0; i < n; i++)
		weights[i] = sum > 0 ? weights[i] / sum : 1.0 / n;
}

/* The last touch that is not direct; the last one when all are. */
static int
last_non_direct(const MhubTouch *touches, int n)
{
	for (int i = n - 1; i >= 0; i--)
	{
		if (!touches[i].direct)
			return i;
	}
	return n - 1;
}

static void
shaped(MhubShape shape, int n, double *weights)
{
	if (n == 1)
	{
		weights[0] = 1;
		return;
	}
	weights[0] = shape.first;
	weights[n - 1] = shape.last;
	for (int i = 1; i < n - 1; i++)
		weights[i] = shape.middle / (n - 2);
	scale_to_one(weights, n);
}

/*
 * HubSpot's W and full path: so much for the first touch and for the touch that
 * led to each milestone (full path: and the last), a tenth for all others.
 */
static void
milestone_shaped(double landmark, bool close, const MhubTouch *touches, int n, double *weights)
{
	int			others = 0;

	for (int i = 0; i < n; i++)
	{
		weights[i] = (i == 0) + (close && i == n - 1);
		weights[i] += (touches[i].milestones & MHUB_LEAD) != 0;
		weights[i] += (touches[i].milestones & MHUB_OPPORTUNITY) != 0;
		weights[i] *= landmark;
		others += weights[i] == 0;
	}
	for (int i = 0; i < n; i++)
	{
		if (weights[i] == 0)
			weights[i] = 0.1 / others;
	}
	scale_to_one(weights, n);
}

/*
 * 2^(-age / half-life).  Ages count from the last touch instead of the
 * conversion: the common factor cancels out, and the largest weight is 1, so
 * that the sum never underflows to 0.
 */
static void
time_decay(int64 half_life, const MhubTouch *touches, int n, double *weights)
{
	for (int i = 0; i < n; i++)
		weights[i] = exp2(-(double) mhub_elapsed(touches[i].at, touches[n - 1].at) / half_life);
	scale_to_one(weights, n);
}

/* Full credit for every distinct label, given to its last touch. */
static void
participation(const MhubTouch *touches, int n, double *weights)
{
	int			labels = 0;
	bool	   *seen;

	for (int i = 0; i < n; i++)
		labels = Max(labels, touches[i].label + 1);
	seen = palloc0(labels);
	for (int i = n - 1; i >= 0; i--)
	{
		weights[i] = !seen[touches[i].label];
		seen[touches[i].label] = true;
	}
	pfree(seen);
}

/* The weight of each of n > 0 touches under the model. */
void
mhub_model_weights(MhubModel model, const MhubModelOptions *options, const MhubTouch *touches, int n, double *weights)
{
	memset(weights, 0, sizeof(double) * n);
	switch (model)
	{
		case MHUB_FIRST_TOUCH:
			weights[0] = 1;
			break;
		case MHUB_LAST_TOUCH:
			weights[n - 1] = 1;
			break;
		case MHUB_LAST_NON_DIRECT_TOUCH:
			weights[last_non_direct(touches, n)] = 1;
			break;
		case MHUB_LINEAR:
			for (int i = 0; i < n; i++)
				weights[i] = 1.0 / n;
			break;
		case MHUB_POSITION_BASED:
			shaped(options->position, n, weights);
			break;
		case MHUB_W_SHAPED:
			milestone_shaped(0.3, false, touches, n, weights);
			break;
		case MHUB_FULL_PATH:
			milestone_shaped(0.225, true, touches, n, weights);
			break;
		case MHUB_J_SHAPED:
			shaped((MhubShape) {0.2, 0.2, 0.6}, n, weights);
			break;
		case MHUB_INVERSE_J_SHAPED:
			shaped((MhubShape) {0.6, 0.2, 0.2}, n, weights);
			break;
		case MHUB_TIME_DECAY:
			time_decay(options->half_life, touches, n, weights);
			break;
		case MHUB_CUSTOM:
			shaped(options->custom, n, weights);
			break;
		case MHUB_PARTICIPATION:
			participation(touches, n, weights);
			break;
		case MHUB_MODELS:
			break;
	}
}

/*
 * shapley.h
 *	  Shapley values of channels from paths, by the sets of channels they touch.
 */
#ifndef MHUB_SHAPLEY_H
#define MHUB_SHAPLEY_H

#include "attribution/label_set.h"
#include "attribution/markov.h"

/* Up to so many channels rates are exact; beyond, they are sampled. */
#define MHUB_SHAPLEY_EXACT_CHANNELS 16

/* Coalitions: the distinct sets of channels, as the bytes of their ascending int32 numbers, and the paths that have them. */
typedef struct MhubShapley
{
	bool		rates;
	MhubLabelSet channels;
	MhubLabelSet coalitions;
	MhubMarkovState *weights;
	int			capacity;		/* of weights */
} MhubShapley;

extern MhubShapley *mhub_shapley_create(bool rates);
extern void mhub_shapley_add(MhubShapley *shapley, int32 *path, int n, MhubMarkovState weight);
extern Size mhub_shapley_flat_size(void *shapley);
extern void mhub_shapley_flatten(const void *shapley, char *to);
extern void *mhub_shapley_create_like(const char *flat);
extern void mhub_shapley_merge(void *shapley, const char *flat);
extern MhubMarkovState mhub_shapley_total(const MhubShapley *shapley);
extern void mhub_shapley_values(const MhubShapley *shapley, MhubEffect *values);

#endif							/* MHUB_SHAPLEY_H */

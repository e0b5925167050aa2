/*
 * markov.h
 *	  Markov chains over paths, and what removing a channel does to them.
 */
#ifndef MHUB_MARKOV_H
#define MHUB_MARKOV_H

#include "attribution/label_set.h"

#define MHUB_MARKOV_MAX_ORDER 8

/* How often paths went from one state to another. */
typedef struct MhubTransition
{
	uint64		key;			/* from << 32 | to */
	double		weight;
	uint32		status;			/* of the hash table */
} MhubTransition;

/* How paths ended in a state, and how many were in it. */
typedef struct MhubMarkovState
{
	double		conversions;
	double		value;
	double		others;			/* paths that did not convert */
} MhubMarkovState;

/*
 * State 0 is the start; state i > 0 is the gram i - 1: the last k channels
 * (fewer at the end of a shorter path), as the bytes of their int32 numbers.
 */
typedef struct MhubMarkov
{
	int			order;
	MhubLabelSet channels;
	MhubLabelSet grams;
	MhubMarkovState *states;
	int			capacity;		/* of states */
	struct transition_hash *transitions;
} MhubMarkov;

typedef struct MhubEffect
{
	double		conversions;	/* removal effect: 0 to 1 */
	double		value;
} MhubEffect;

extern MhubMarkov *mhub_markov_create(int order);
extern void mhub_markov_add(MhubMarkov *markov, const int32 *path, int n, MhubMarkovState weight);
extern Size mhub_markov_flat_size(void *markov);
extern void mhub_markov_flatten(const void *markov, char *to);
extern void *mhub_markov_create_like(const char *flat);
extern void mhub_markov_merge(void *markov, const char *flat);
extern MhubMarkovState mhub_markov_total(const MhubMarkov *markov);
extern void mhub_markov_removal_effects(const MhubMarkov *markov, MhubEffect *effects);

#endif							/* MHUB_MARKOV_H */

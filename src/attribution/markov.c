/*
 * markov.c
 *	  Markov chains over paths: counting transitions, and passing them on.
 *
 * Pure: no SPI, no fmgr.  Everything lives in the memory context the chain was
 * created in.  markov_solve.c does the calculation.
 */
#include "attribution/markov.h"

#include "attribution/flat.h"
#include "attribution/markov_hash.h"

MhubMarkov *
mhub_markov_create(int order)
{
	MhubMarkov *markov = palloc0(sizeof(MhubMarkov));

	markov->order = order;
	mhub_label_set_init(&markov->channels);
	mhub_label_set_init(&markov->grams);
	markov->capacity = 64;
	markov->states = palloc0(sizeof(MhubMarkovState) * markov->capacity);
	markov->transitions = transition_create(CurrentMemoryContext, 256, NULL);
	return markov;
}

/* The state of a gram. */
static uint32
state_of(MhubMarkov *markov, const int32 *gram, int n)
{
	int			state = mhub_label_number_copied(&markov->grams, (const char *) gram, n * sizeof(int32)) + 1;

	if (state >= markov->capacity)
	{
		markov->states = repalloc_huge(markov->states, sizeof(MhubMarkovState) * markov->capacity * 2);
		memset(markov->states + markov->capacity, 0, sizeof(MhubMarkovState) * markov->capacity);
		markov->capacity *= 2;
	}
	return state;
}

static void
add_transition(MhubMarkov *markov, uint32 from, uint32 to, double weight)
{
	bool		found;
	MhubTransition *transition = transition_insert(markov->transitions, (uint64) from << 32 | to, &found);

	transition->weight = found ? transition->weight + weight : weight;
}

static void
add_end(MhubMarkovState *state, MhubMarkovState weight)
{
	state->conversions += weight.conversions;
	state->value += weight.value;
	state->others += weight.others;
}

/*
 * Counts a path, weight times.  The states are the sliding windows of order
 * channels; a shorter path is one state.  Staying in a state changes no
 * probability of where a path ends, so that is left out.
 */
void
mhub_markov_add(MhubMarkov *markov, const int32 *path, int n, MhubMarkovState weight)
{
	double		paths = weight.conversions + weight.others;
	int			window = Min(n, markov->order);
	uint32		from = 0;

	if (n == 0 || paths <= 0)
		return;
	for (int i = 0; i + window <= n; i++)
	{
		uint32		to = state_of(markov, path + i, window);

		if (to != from)
			add_transition(markov, from, to, paths);
		from = to;
	}
	add_end(&markov->states[from], weight);
}

MhubMarkovState
mhub_markov_total(const MhubMarkov *markov)
{
	MhubMarkovState total = {0};

	for (int i = 1; i <= markov->grams.n; i++)
		add_end(&total, markov->states[i]);
	return total;
}

/* Flattened: order, channels, grams, their states, number of transitions, transitions. */
Size
mhub_markov_flat_size(void *content)
{
	const MhubMarkov *markov = content;

	return 2 * sizeof(int32) + mhub_label_set_flat_size(&markov->channels) + mhub_label_set_flat_size(&markov->grams) +
		sizeof(MhubMarkovState) * markov->grams.n + (sizeof(uint64) + sizeof(double)) * markov->transitions->members;
}

void
mhub_markov_flatten(const void *content, char *to)
{
	const MhubMarkov *markov = content;
	transition_iterator iterator;
	MhubTransition *transition;

	mhub_flat_put_int(&to, markov->order);
	mhub_label_set_flatten(&markov->channels, &to);
	mhub_label_set_flatten(&markov->grams, &to);
	mhub_flat_put(&to, markov->states + 1, sizeof(MhubMarkovState) * markov->grams.n);
	mhub_flat_put_int(&to, markov->transitions->members);
	transition_start_iterate(markov->transitions, &iterator);
	while ((transition = transition_iterate(markov->transitions, &iterator)) != NULL)
	{
		mhub_flat_put(&to, &transition->key, sizeof(uint64));
		mhub_flat_put(&to, &transition->weight, sizeof(double));
	}
}

void *
mhub_markov_create_like(const char *flat)
{
	const char *at = flat;

	return mhub_markov_create(mhub_flat_get_int(&at));
}

/* The states that the flattened chain's grams have here; its channels have other numbers. */
static uint32 *
merge_grams(MhubMarkov *markov, const char **from, const int *channels, int *n)
{
	uint32	   *states;

	*n = mhub_flat_get_int(from);
	states = palloc_extended(sizeof(uint32) * ((Size) *n + 1), MCXT_ALLOC_HUGE);
	states[0] = 0;
	for (int i = 1; i <= *n; i++)
	{
		int32		gram[MHUB_MARKOV_MAX_ORDER];
		int			length = mhub_flat_get_int(from);

		mhub_flat_get(from, gram, length);
		for (int k = 0; k < (int) (length / sizeof(int32)); k++)
			gram[k] = channels[gram[k]];
		states[i] = state_of(markov, gram, length / sizeof(int32));
	}
	return states;
}

void
mhub_markov_merge(void *content, const char *flat)
{
	MhubMarkov *markov = content;
	int			n;
	int		   *channels;
	uint32	   *states;

	mhub_flat_get_int(&flat);
	channels = mhub_label_set_merge(&markov->channels, &flat, &n);
	states = merge_grams(markov, &flat, channels, &n);
	for (int i = 1; i <= n; i++)
	{
		MhubMarkovState weight;

		mhub_flat_get(&flat, &weight, sizeof(weight));
		add_end(&markov->states[states[i]], weight);
	}
	n = mhub_flat_get_int(&flat);
	for (int i = 0; i < n; i++)
	{
		uint64		key;
		double		weight;

		mhub_flat_get(&flat, &key, sizeof(key));
		mhub_flat_get(&flat, &weight, sizeof(weight));
		add_transition(markov, states[key >> 32], states[key & 0xFFFFFFFF], weight);
	}
	pfree(channels);
	pfree(states);
}

/*
 * markov_solve.c
 *	  What removing a channel does to a Markov chain, exactly.
 *
 * Pure: no SPI, no fmgr.  For each state s let h(s) be the probability that a
 * path in s converts, v(s) the value it brings on average:
 *
 *		h = b + Q h,  b(s) = conversions ending in s / paths through s
 *		v = r + Q v,  r(s) = value ending in s / paths through s
 *
 * with Q the transition probabilities.  Removing channel c makes every state
 * that contains c an end without conversion, and
 *
 *		removal effect(c) = 1 - h without c(start) / h(start)
 *
 * Small chains are solved with the inverse N of I - Q: with R the states of c,
 * the paths that h(start) loses are those that reach R at all, so
 *
 *		h(start) - h without c(start) = row(R) N(R,R)^-1 h(R),  row = start N
 *
 * which for a single state is row(c) h(c) / N(c,c).  Large ones, which are
 * sparse, are iterated to convergence for several channels at once.
 */
#include "attribution/markov.h"

#include <math.h>

#include "attribution/markov_hash.h"
#include "miscadmin.h"
#include "utils/memutils.h"

/* Up to so many states the inverse takes less time than iterating. */
#define DENSE_STATES 700

/* Channels iterated together. */
#define LANES 8

/* The chain as a sparse matrix, rows of state numbers from 0 = first gram; the start is a vector. */
typedef struct Chain
{
	const MhubMarkov *markov;
	int			n;
	int		   *begin;			/* of each row in to/probability; n + 1 of them */
	int		   *to;
	double	   *probability;
	double	   *start;
	double	   *convert;		/* b */
	double	   *value;			/* r */
} Chain;

static void *
allocate(Size count, Size size)
{
	return palloc_extended(Max(count, 1) * size, MCXT_ALLOC_HUGE | MCXT_ALLOC_ZERO);
}

/* Paths leaving each state, and the lengths of the rows. */
static double *
count_rows(Chain *chain)
{
	double	   *paths = allocate(chain->n + 1, sizeof(double));
	transition_iterator iterator;
	MhubTransition *transition;

	for (int i = 0; i <= chain->n; i++)
		paths[i] = chain->markov->states[i].conversions + chain->markov->states[i].others;
	transition_start_iterate(chain->markov->transitions, &iterator);
	while ((transition = transition_iterate(chain->markov->transitions, &iterator)) != NULL)
	{
		paths[transition->key >> 32] += transition->weight;
		if (transition->key >> 32 > 0)
			chain->begin[transition->key >> 32]++;
	}
	return paths;
}

static void
fill_rows(Chain *chain, const double *paths)
{
	int		   *next = allocate(chain->n + 1, sizeof(int));
	transition_iterator iterator;
	MhubTransition *transition;

	memcpy(next, chain->begin, sizeof(int) * chain->n);
	transition_start_iterate(chain->markov->transitions, &iterator);
	while ((transition = transition_iterate(chain->markov->transitions, &iterator)) != NULL)
	{
		uint32		from = transition->key >> 32;
		uint32		to = (transition->key & 0xFFFFFFFF) - 1;

		if (from == 0)
			chain->start[to] = transition->weight / paths[0];
		else
		{
			chain->to[next[from - 1]] = to;
			chain->probability[next[from - 1]++] = transition->weight / paths[from];
		}
	}
	for (int i = 0; i < chain->n; i++)
	{
		chain->convert[i] = chain->markov->states[i + 1].conversions / paths[i + 1];
		chain->value[i] = chain->markov->states[i + 1].value / paths[i + 1];
	}
	pfree(next);
}

static Chain
build_chain(const MhubMarkov *markov)
{
	Chain		chain = {.markov = markov,.n = markov->grams.n};
	double	   *paths;

	chain.begin = allocate(chain.n + 1, sizeof(int));
	chain.start = allocate(chain.n, sizeof(double));
	chain.convert = allocate(chain.n, sizeof(double));
	chain.value = allocate(chain.n, sizeof(double));
	paths = count_rows(&chain);
	for (int i = 1; i <= chain.n; i++)
		chain.begin[i] += chain.begin[i - 1];
	chain.to = allocate(chain.begin[chain.n], sizeof(int));
	chain.probability = allocate(chain.begin[chain.n], sizeof(double));
	fill_rows(&chain, paths);
	pfree(paths);
	return chain;
}

static bool
contains(const Chain *chain, int state, int channel)
{
	const MhubLabel *gram = &chain->markov->grams.labels[state];
	const int32 *channels = (const int32 *) gram->text;

	for (int k = 0; k < (int) (gram->length / sizeof(int32)); k++)
	{
		if (channels[k] == channel)
			return true;
	}
	return false;
}

/*
 * Replaces the n x n matrix by its inverse (Gauss-Jordan).  I - Q is diagonally
 * dominant, and every state leads to an end, so no pivoting is needed; nor is
 * it for the diagonal blocks of its inverse.
 */
static void
invert(double *matrix, int n)
{
	for (int k = 0; k < n; k++)
	{
		double	   *pivot = matrix + (Size) k * n;
		double		scale = 1 / pivot[k];

		CHECK_FOR_INTERRUPTS();
		pivot[k] = 1;
		for (int j = 0; j < n; j++)
			pivot[j] *= scale;
		for (int i = 0; i < n; i++)
		{
			double	   *row = matrix + (Size) i * n;
			double		factor = row[k];

			if (i == k || factor == 0)
				continue;
			row[k] = 0;
			for (int j = 0; j < n; j++)
				row[j] -= factor * pivot[j];
		}
	}
}

/* row x matrix */
static double *
row_times(const double *row, const double *matrix, int n)
{
	double	   *result = allocate(n, sizeof(double));

	for (int i = 0; i < n; i++)
	{
		for (int j = 0; row[i] != 0 && j < n; j++)
			result[j] += row[i] * matrix[(Size) i * n + j];
	}
	return result;
}

/* matrix x column */
static double *
times_column(const double *matrix, const double *column, int n)
{
	double	   *result = allocate(n, sizeof(double));

	for (int i = 0; i < n; i++)
	{
		for (int j = 0; j < n; j++)
			result[i] += matrix[(Size) i * n + j] * column[j];
	}
	return result;
}

static double
dot(const double *a, const double *b, int n)
{
	double		sum = 0;

	for (int i = 0; i < n; i++)
		sum += a[i] * b[i];
	return sum;
}

/* What h(start) and v(start) lose without the states of R. */
static MhubEffect
loss(const double *inverse, const double *row, const double *h, const double *v, int n, const int *removed, int n_removed)
{
	double	   *block = allocate((Size) n_removed * n_removed, sizeof(double));
	double	   *block_row = allocate(n_removed, sizeof(double));
	double	   *first;
	MhubEffect	result = {0};

	for (int i = 0; i < n_removed; i++)
	{
		block_row[i] = row[removed[i]];
		for (int j = 0; j < n_removed; j++)
			block[(Size) i * n_removed + j] = inverse[(Size) removed[i] * n + removed[j]];
	}
	invert(block, n_removed);
	/* The probability that a path's first state of R is this one. */
	first = row_times(block_row, block, n_removed);
	for (int i = 0; i < n_removed; i++)
	{
		result.conversions += first[i] * h[removed[i]];
		result.value += first[i] * v[removed[i]];
	}
	pfree(block);
	pfree(block_row);
	pfree(first);
	return result;
}

static void
solve_dense(const Chain *chain, MhubEffect *effects)
{
	int			n = chain->n;
	double	   *inverse = allocate((Size) n * n, sizeof(double));
	int		   *removed = allocate(n, sizeof(int));
	double	   *row;
	double	   *h;
	double	   *v;
	MhubEffect	whole;

	for (int i = 0; i < n; i++)
	{
		inverse[(Size) i * n + i] = 1;
		for (int e = chain->begin[i]; e < chain->begin[i + 1]; e++)
			inverse[(Size) i * n + chain->to[e]] -= chain->probability[e];
	}
	invert(inverse, n);
	row = row_times(chain->start, inverse, n);
	h = times_column(inverse, chain->convert, n);
	v = times_column(inverse, chain->value, n);
	whole = (MhubEffect) {dot(chain->start, h, n), dot(chain->start, v, n)};
	for (int c = 0; c < chain->markov->channels.n; c++)
	{
		int			n_removed = 0;

		for (int i = 0; i < n; i++)
		{
			if (contains(chain, i, c))
				removed[n_removed++] = i;
		}
		effects[c] = loss(inverse, row, h, v, n, removed, n_removed);
		effects[c].conversions = whole.conversions != 0 ? effects[c].conversions / whole.conversions : 0;
		effects[c].value = whole.value != 0 ? effects[c].value / whole.value : 0;
	}
	pfree(inverse);
}

/* h and v for one batch of channels, each without its channel: lane by lane. */
typedef struct Lanes
{
	double		h[LANES];
	double		v[LANES];
} Lanes;

/* One sweep of Gauss-Seidel over all states; the answer is the greatest change of any h or relative change of v. */
static double
sweep(const Chain *chain, const int *order, const bool *kept, double value_scale, Lanes *x)
{
	double		change = 0;

	for (int o = 0; o < chain->n; o++)
	{
		int			i = order[o];
		Lanes		sum;

		for (int l = 0; l < LANES; l++)
		{
			sum.h[l] = chain->convert[i];
			sum.v[l] = chain->value[i];
		}
		for (int e = chain->begin[i]; e < chain->begin[i + 1]; e++)
		{
			const Lanes *to = &x[chain->to[e]];
			double		p = chain->probability[e];

			for (int l = 0; l < LANES; l++)
			{
				sum.h[l] += p * to->h[l];
				sum.v[l] += p * to->v[l];
			}
		}
		for (int l = 0; l < LANES; l++)
		{
			double		h = kept[(Size) i * LANES + l] ? sum.h[l] : 0;
			double		v = kept[(Size) i * LANES + l] ? sum.v[l] : 0;

			change = Max(change, fabs(h - x[i].h[l]));
			change = Max(change, fabs(v - x[i].v[l]) / value_scale);
			x[i].h[l] = h;
			x[i].v[l] = v;
		}
	}
	return change;
}

/*
 * Iterates until nothing changes by more than a double's precision.  The error
 * that is left is the last change / (1 - rate of convergence): the rate is
 * measured, and the bound driven below 1e-12.
 */
static void
iterate(const Chain *chain, const int *order, const bool *kept, double value_scale, Lanes *x)
{
	double		before = 0;

	for (;;)
	{
		double		change = sweep(chain, order, kept, value_scale, x);
		double		rate = before > 0 ? Min(change / before, 0.999999) : 0.999999;

		CHECK_FOR_INTERRUPTS();
		if (change < 1e-15 || change * rate / (1 - rate) < 1e-13)
			return;
		before = change;
	}
}

/* States nearest to the end of paths first: those found last from the start. */
static int *
backward_order(const Chain *chain)
{
	int		   *queue = allocate(chain->n, sizeof(int));
	bool	   *seen = allocate(chain->n, sizeof(bool));
	int			n = 0;

	for (int i = 0; i < chain->n; i++)
	{
		if (chain->start[i] > 0)
		{
			seen[i] = true;
			queue[n++] = i;
		}
	}
	for (int next = 0; next < n; next++)
	{
		for (int e = chain->begin[queue[next]]; e < chain->begin[queue[next] + 1]; e++)
		{
			if (!seen[chain->to[e]])
			{
				seen[chain->to[e]] = true;
				queue[n++] = chain->to[e];
			}
		}
	}
	Assert(n == chain->n);
	for (int i = 0; i < n / 2; i++)
	{
		int			other = queue[n - 1 - i];

		queue[n - 1 - i] = queue[i];
		queue[i] = other;
	}
	pfree(seen);
	return queue;
}

/* A batch of channels: first, first + 1 ...; with first = -1 the whole chain, in all lanes. */
static MhubEffect *
solve_batch(const Chain *chain, const int *order, double value_scale, int first, Lanes *x, bool *kept)
{
	MhubEffect *result = allocate(LANES, sizeof(MhubEffect));

	for (int i = 0; i < chain->n; i++)
	{
		for (int l = 0; l < LANES; l++)
			kept[(Size) i * LANES + l] = first < 0 || !contains(chain, i, first + l);
	}
	memset(x, 0, sizeof(Lanes) * chain->n);
	iterate(chain, order, kept, value_scale, x);
	for (int i = 0; i < chain->n; i++)
	{
		for (int l = 0; l < LANES; l++)
		{
			result[l].conversions += chain->start[i] * x[i].h[l];
			result[l].value += chain->start[i] * x[i].v[l];
		}
	}
	return result;
}

static void
solve_sparse(const Chain *chain, MhubEffect *effects)
{
	int			n_channels = chain->markov->channels.n;
	int		   *order = backward_order(chain);
	Lanes	   *x = allocate(chain->n, sizeof(Lanes));
	bool	   *kept = allocate((Size) chain->n * LANES, sizeof(bool));
	double		value_scale = 1e-300;
	MhubEffect	whole;

	for (int i = 0; i < chain->n; i++)
		value_scale = Max(value_scale, fabs(chain->value[i]));
	whole = solve_batch(chain, order, value_scale, -1, x, kept)[0];
	for (int first = 0; first < n_channels; first += LANES)
	{
		MhubEffect *without = solve_batch(chain, order, value_scale, first, x, kept);

		for (int l = 0; l < LANES && first + l < n_channels; l++)
		{
			effects[first + l].conversions = whole.conversions != 0 ? 1 - without[l].conversions / whole.conversions : 0;
			effects[first + l].value = whole.value != 0 ? 1 - without[l].value / whole.value : 0;
		}
		pfree(without);
	}
	pfree(order);
	pfree(x);
	pfree(kept);
}

/* The removal effect of every channel. */
void
mhub_markov_removal_effects(const MhubMarkov *markov, MhubEffect *effects)
{
	Chain		chain = build_chain(markov);

	if (chain.n <= DENSE_STATES)
		solve_dense(&chain, effects);
	else
		solve_sparse(&chain, effects);
	pfree(chain.begin);
	pfree(chain.to);
	pfree(chain.probability);
	pfree(chain.start);
	pfree(chain.convert);
	pfree(chain.value);
}

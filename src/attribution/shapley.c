/*
 * shapley.c
 *	  Shapley values of channels from paths, by the sets of channels they touch.
 *
 * No SPI, no fmgr.  Two games:
 *
 * - counts: a coalition S is worth the conversions of the paths that need no
 *   channel outside S.  That is a sum of unanimity games, whose Shapley value is
 *   known: each conversion is shared evenly by the distinct channels of its path.
 * - rates: S is worth the conversion rate of those paths.  Exact by summing over
 *   all 2^n coalitions for few channels; for more the average marginal
 *   contribution over random orders, with a fixed seed, so that the answer is the
 *   same every time.
 */
#include "attribution/shapley.h"

#include <math.h>

#include "attribution/flat.h"
#include "miscadmin.h"
#include "utils/memutils.h"

#define SAMPLED_ORDERS 4096

MhubShapley *
mhub_shapley_create(bool rates)
{
	MhubShapley *shapley = palloc0(sizeof(MhubShapley));

	shapley->rates = rates;
	mhub_label_set_init(&shapley->channels);
	mhub_label_set_init(&shapley->coalitions);
	shapley->capacity = 64;
	shapley->weights = palloc0(sizeof(MhubMarkovState) * shapley->capacity);
	return shapley;
}

static int
compare_numbers(const void *a, const void *b)
{
	int32		left = *(const int32 *) a;
	int32		right = *(const int32 *) b;

	return left < right ? -1 : left > right;
}

static int
distinct(int32 *numbers, int n)
{
	int			kept = 0;

	qsort(numbers, n, sizeof(int32), compare_numbers);
	for (int i = 0; i < n; i++)
	{
		if (kept == 0 || numbers[kept - 1] != numbers[i])
			numbers[kept++] = numbers[i];
	}
	return kept;
}

static void
add_coalition(MhubShapley *shapley, const int32 *channels, int n, MhubMarkovState weight)
{
	int			coalition = mhub_label_number_copied(&shapley->coalitions, (const char *) channels, n * sizeof(int32));

	if (coalition >= shapley->capacity)
	{
		shapley->weights = repalloc_huge(shapley->weights, sizeof(MhubMarkovState) * shapley->capacity * 2);
		memset(shapley->weights + shapley->capacity, 0, sizeof(MhubMarkovState) * shapley->capacity);
		shapley->capacity *= 2;
	}
	shapley->weights[coalition].conversions += weight.conversions;
	shapley->weights[coalition].value += weight.value;
	shapley->weights[coalition].others += weight.others;
}

/*
 * Counts a path, weight times.  Sorts it.  With counts every channel of a set
 * gets the same part of it, so the parts are kept and not the sets, of which
 * there may be millions.
 */
void
mhub_shapley_add(MhubShapley *shapley, int32 *path, int n, MhubMarkovState weight)
{
	int			size = distinct(path, n);

	if (n == 0 || weight.conversions + weight.others <= 0)
		return;
	if (shapley->rates)
	{
		add_coalition(shapley, path, size, weight);
		return;
	}
	weight = (MhubMarkovState) {weight.conversions / size, weight.value / size, weight.others / size};
	for (int i = 0; i < size; i++)
		add_coalition(shapley, &path[i], 1, weight);
}

MhubMarkovState
mhub_shapley_total(const MhubShapley *shapley)
{
	MhubMarkovState total = {0};

	for (int i = 0; i < shapley->coalitions.n; i++)
	{
		total.conversions += shapley->weights[i].conversions;
		total.value += shapley->weights[i].value;
		total.others += shapley->weights[i].others;
	}
	return total;
}

/* Flattened: rates, channels, coalitions, their weights. */
Size
mhub_shapley_flat_size(void *content)
{
	const MhubShapley *shapley = content;

	return sizeof(int32) + mhub_label_set_flat_size(&shapley->channels) + mhub_label_set_flat_size(&shapley->coalitions) +
		sizeof(MhubMarkovState) * shapley->coalitions.n;
}

void
mhub_shapley_flatten(const void *content, char *to)
{
	const MhubShapley *shapley = content;

	mhub_flat_put_int(&to, shapley->rates);
	mhub_label_set_flatten(&shapley->channels, &to);
	mhub_label_set_flatten(&shapley->coalitions, &to);
	mhub_flat_put(&to, shapley->weights, sizeof(MhubMarkovState) * shapley->coalitions.n);
}

void *
mhub_shapley_create_like(const char *flat)
{
	const char *at = flat;

	return mhub_shapley_create(mhub_flat_get_int(&at) != 0);
}

void
mhub_shapley_merge(void *content, const char *flat)
{
	MhubShapley *shapley = content;
	int			n;
	int		   *channels;
	const char *weights;

	mhub_flat_get_int(&flat);
	channels = mhub_label_set_merge(&shapley->channels, &flat, &n);
	n = mhub_flat_get_int(&flat);
	weights = flat;
	for (int i = 0; i < n; i++)
	{
		int			length = mhub_flat_get_int(&weights);

		weights += length;
	}
	for (int i = 0; i < n; i++)
	{
		int			length = mhub_flat_get_int(&flat);
		int32	   *path = palloc(Max(length, 1));
		MhubMarkovState weight;

		mhub_flat_get(&flat, path, length);
		mhub_flat_get(&weights, &weight, sizeof(weight));
		for (int k = 0; k < (int) (length / sizeof(int32)); k++)
			path[k] = channels[path[k]];
		mhub_shapley_add(shapley, path, length / sizeof(int32), weight);
		pfree(path);
	}
	pfree(channels);
}

static const int32 *
members(const MhubShapley *shapley, int coalition, int *n)
{
	const MhubLabel *label = &shapley->coalitions.labels[coalition];

	*n = label->length / sizeof(int32);
	return (const int32 *) label->text;
}

static void
count_values(const MhubShapley *shapley, MhubEffect *values)
{
	for (int i = 0; i < shapley->coalitions.n; i++)
	{
		int			n;
		const int32 *channels = members(shapley, i, &n);

		for (int k = 0; k < n; k++)
		{
			values[channels[k]].conversions += shapley->weights[i].conversions / n;
			values[channels[k]].value += shapley->weights[i].value / n;
		}
	}
}

static MhubEffect
worth(MhubMarkovState paths)
{
	double		n = paths.conversions + paths.others;

	return n > 0 ? (MhubEffect) {paths.conversions / n, paths.value / n} : (MhubEffect) {0, 0};
}

static void
add_paths(MhubMarkovState *sum, const MhubMarkovState *paths)
{
	sum->conversions += paths->conversions;
	sum->value += paths->value;
	sum->others += paths->others;
}

/* For every set of channels the paths that need no other: sums over subsets. */
static MhubMarkovState *
subset_sums(const MhubShapley *shapley, int n)
{
	MhubMarkovState *sums = palloc_extended(sizeof(MhubMarkovState) << n, MCXT_ALLOC_HUGE | MCXT_ALLOC_ZERO);

	for (int i = 0; i < shapley->coalitions.n; i++)
	{
		int			size;
		const int32 *channels = members(shapley, i, &size);
		uint32		set = 0;

		for (int k = 0; k < size; k++)
			set |= (uint32) 1 << channels[k];
		add_paths(&sums[set], &shapley->weights[i]);
	}
	for (int k = 0; k < n; k++)
	{
		for (uint32 set = 0; set < (uint32) 1 << n; set++)
		{
			if ((set & ((uint32) 1 << k)) != 0)
				add_paths(&sums[set], &sums[set & ~((uint32) 1 << k)]);
		}
	}
	return sums;
}

static void
exact_rates(const MhubShapley *shapley, MhubEffect *values)
{
	int			n = shapley->channels.n;
	MhubMarkovState *sums = subset_sums(shapley, n);
	double		factor[MHUB_SHAPLEY_EXACT_CHANNELS + 1];	/* of a set of that size: size! (n - size - 1)! / n! */

	factor[0] = 1.0 / n;
	for (int size = 1; size < n; size++)
		factor[size] = factor[size - 1] * size / (n - size);
	for (uint32 set = 0; set < (uint32) 1 << n; set++)
	{
		MhubEffect	without = worth(sums[set]);
		int			size = __builtin_popcount(set);

		CHECK_FOR_INTERRUPTS();
		for (int k = 0; k < n; k++)
		{
			MhubEffect	with;

			if ((set & ((uint32) 1 << k)) != 0)
				continue;
			with = worth(sums[set | (uint32) 1 << k]);
			values[k].conversions += factor[size] * (with.conversions - without.conversions);
			values[k].value += factor[size] * (with.value - without.value);
		}
	}
	pfree(sums);
}

/* xorshift64*: the sampling needs no more, and must be the same everywhere. */
static uint64
next_random(uint64 *state)
{
	*state ^= *state >> 12;
	*state ^= *state << 25;
	*state ^= *state >> 27;
	return *state * UINT64CONST(2685821657736338717);
}

static void
shuffle(int *order, int n, uint64 *random)
{
	for (int i = n - 1; i > 0; i--)
	{
		int			j = (next_random(random) >> 11) % (i + 1);
		int			other = order[i];

		order[i] = order[j];
		order[j] = other;
	}
}

/* The marginal contributions along one order of channels.  A coalition's paths are in as soon as its last member is. */
static void
walk_order(const MhubShapley *shapley, const int *order, int *place, MhubMarkovState *joining, MhubEffect *values)
{
	int			n = shapley->channels.n;
	MhubMarkovState sum = {0};
	MhubEffect	before = {0};

	memset(joining, 0, sizeof(MhubMarkovState) * n);
	for (int i = 0; i < n; i++)
		place[order[i]] = i;
	for (int i = 0; i < shapley->coalitions.n; i++)
	{
		int			size;
		const int32 *channels = members(shapley, i, &size);
		int			last = 0;

		for (int k = 0; k < size; k++)
			last = Max(last, place[channels[k]]);
		add_paths(&joining[last], &shapley->weights[i]);
	}
	for (int i = 0; i < n; i++)
	{
		MhubEffect	after;

		add_paths(&sum, &joining[i]);
		after = worth(sum);
		values[order[i]].conversions += (after.conversions - before.conversions) / SAMPLED_ORDERS;
		values[order[i]].value += (after.value - before.value) / SAMPLED_ORDERS;
		before = after;
	}
}

/* The channels in order of their labels: their numbers depend on the order of the input, the sample must not. */
static int *
channels_by_label(const MhubShapley *shapley)
{
	int			n = shapley->channels.n;
	int		   *order = palloc(sizeof(int) * Max(n, 1));

	for (int i = 0; i < n; i++)
	{
		int			j = i;

		for (; j > 0 && mhub_label_compare(&shapley->channels.labels[order[j - 1]], &shapley->channels.labels[i]) > 0; j--)
			order[j] = order[j - 1];
		order[j] = i;
	}
	return order;
}

static void
sampled_rates(const MhubShapley *shapley, MhubEffect *values)
{
	int			n = shapley->channels.n;
	int		   *order = channels_by_label(shapley);
	int		   *place = palloc(sizeof(int) * n);
	MhubMarkovState *joining = palloc(sizeof(MhubMarkovState) * n);
	uint64		random = UINT64CONST(0x9E3779B97F4A7C15);

	for (int i = 0; i < SAMPLED_ORDERS; i++)
	{
		CHECK_FOR_INTERRUPTS();
		shuffle(order, n, &random);
		walk_order(shapley, order, place, joining, values);
	}
	pfree(order);
	pfree(place);
	pfree(joining);
}

/* The Shapley value of every channel; values are zeroed before. */
void
mhub_shapley_values(const MhubShapley *shapley, MhubEffect *values)
{
	if (!shapley->rates)
		count_values(shapley, values);
	else if (shapley->channels.n <= MHUB_SHAPLEY_EXACT_CHANNELS)
		exact_rates(shapley, values);
	else
		sampled_rates(shapley, values);
}

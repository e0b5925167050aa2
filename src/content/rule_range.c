/*
 * rule_range.c
 *	  Rules posted by the range of a number that they ask for.
 */
#include "content/rule_range.h"

#include <math.h>

/* A rule is posted in so many intervals at most: a quarter of them. */
#define MOST_BOUNDS 64
#define MOST_INTERVALS 16

void
posting_add(Posting *posting, int rule)
{
	if (posting->count == posting->space)
	{
		posting->space = Max(4, 2 * posting->space);
		posting->rules = posting->rules ? repalloc_huge(posting->rules, posting->space * sizeof(int))
			: palloc(posting->space * sizeof(int));
	}
	posting->rules[posting->count++] = rule;
}

static RangeAxis *
find_axis(RangeIndex *index, const CondPath *path)
{
	for (int i = 0; i < index->naxes; i++)
	{
		if (index->axes[i].path->attribute == path->attribute)
			return &index->axes[i];
	}
	return NULL;
}

static RangeAxis *
add_axis(RangeIndex *index, CondPath *path)
{
	RangeAxis  *axis;

	if (index->naxes == 0)
		index->axes = palloc(sizeof(RangeAxis));
	else if ((index->naxes & (index->naxes - 1)) == 0)
		index->axes = repalloc(index->axes, 2 * index->naxes * sizeof(RangeAxis));
	axis = &index->axes[index->naxes++];
	*axis = (RangeAxis) {.path = path, .space = 16, .bounds = palloc(16 * sizeof(double))};
	return axis;
}

static void
add_bound(RangeAxis *axis, double bound)
{
	if (isinf(bound))
		return;
	if (axis->nbounds == axis->space)
	{
		axis->space *= 2;
		axis->bounds = repalloc_huge(axis->bounds, axis->space * sizeof(double));
	}
	axis->bounds[axis->nbounds++] = bound;
}

void
range_index_note(RangeIndex *index, const Range *range)
{
	RangeAxis  *axis;

	if (range->path == NULL)
		return;
	axis = find_axis(index, range->path);
	if (axis == NULL)
		axis = add_axis(index, range->path);
	add_bound(axis, range->low);
	add_bound(axis, range->high);
}

static int
order_bounds(const void *a, const void *b)
{
	double		x = *(const double *) a;
	double		y = *(const double *) b;

	return (x > y) - (x < y);
}

/* Of all bounds that rules have, some, with as many rules' between one and the next. */
static void
choose_bounds(RangeAxis *axis)
{
	int			n = 0;
	int			all = axis->nbounds;

	qsort(axis->bounds, all, sizeof(double), order_bounds);
	for (int i = 0; i < MOST_BOUNDS && all > 0; i++)
	{
		double		bound = axis->bounds[(int64) i * all / MOST_BOUNDS];

		if (n == 0 || bound > axis->bounds[n - 1])
			axis->bounds[n++] = bound;
	}
	axis->nbounds = n;
	axis->intervals = palloc0((n + 1) * sizeof(Posting));
}

void
range_index_choose_bounds(RangeIndex *index)
{
	for (int i = 0; i < index->naxes; i++)
		choose_bounds(&index->axes[i]);
}

/* The interval of a number: how many bounds are not above it. */
static int
interval_of(const RangeAxis *axis, double number)
{
	int			low = 0;
	int			high = axis->nbounds;

	while (low < high)
	{
		int			middle = (low + high) / 2;

		if (axis->bounds[middle] <= number)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

bool
range_index_post(RangeIndex *index, int rule, const Range *range)
{
	RangeAxis  *axis = range->path ? find_axis(index, range->path) : NULL;
	int			first;
	int			last;

	if (axis == NULL)
		return false;
	first = interval_of(axis, range->low);
	last = interval_of(axis, range->high);
	if (last - first >= MOST_INTERVALS)
		return false;
	for (int i = first; i <= last; i++)
		posting_add(&axis->intervals[i], rule);
	return true;
}

const Posting *
range_axis_rules(const RangeAxis *axis, double number)
{
	return &axis->intervals[interval_of(axis, number)];
}

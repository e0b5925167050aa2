/*
 * rule_range.h
 *	  Rules posted by the range of a number that they ask for.
 */
#ifndef MHUB_RULE_RANGE_H
#define MHUB_RULE_RANGE_H

#include "condition/ast.h"

/* Rules, in order. */
typedef struct Posting
{
	int			count;
	int			space;
	int		   *rules;
} Posting;

/* Where a number must lie for a rule to match, both ends included. */
typedef struct Range
{
	CondPath   *path;			/* NULL: the rule asks for none */
	double		low;
	double		high;
} Range;

/* The rules whose range is about one attribute: numbers are cut into intervals, each with the rules that reach into it. */
typedef struct RangeAxis
{
	CondPath   *path;
	int			nbounds;		/* one less than the intervals */
	int			space;
	double	   *bounds;
	Posting    *intervals;
} RangeAxis;

typedef struct RangeIndex
{
	int			naxes;
	RangeAxis  *axes;
} RangeIndex;

extern void posting_add(Posting *posting, int rule);

/* First every range is noted, then the bounds are chosen, then the rules posted, in order. */
extern void range_index_note(RangeIndex *index, const Range *range);
extern void range_index_choose_bounds(RangeIndex *index);

/* False for a rule whose range is no help: none, or so wide that most numbers are in it. */
extern bool range_index_post(RangeIndex *index, int rule, const Range *range);

/* The rules that a number of the axis may be in the range of. */
extern const Posting *range_axis_rules(const RangeAxis *axis, double number);

#endif							/* MHUB_RULE_RANGE_H */

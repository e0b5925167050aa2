/*
 * segment_set.h
 *	  All segments, compiled together.
 */
#ifndef MHUB_SEGMENT_SET_H
#define MHUB_SEGMENT_SET_H

#include "condition/condition.h"

typedef struct Segment
{
	const char *key;
	MhubCondition *condition;	/* NULL: a list */
} Segment;

typedef struct SegmentSet
{
	int			nsegments;
	Segment    *segments;		/* those that others refer to first */
	MhubAttributes *attributes;
	MhubProfile profile;
	char	  **item_events;	/* events whose single occurrences conditions ask for */
	int			nitem_events;
} SegmentSet;

/* Good until the end of the transaction. */
extern SegmentSet *segment_set_get(void);

/*
 * The keys of the segments that a profile is in, whose person is on lists;
 * *next_change: when that may change with time alone.
 */
extern const char **segment_set_evaluate(SegmentSet *set, Jsonb *profile, const char *const *lists, int nlists,
										 TimestampTz at, int *count, TimestampTz *next_change);

/* item_events.c */
extern void condition_item_events(const CondNode *node, char ***events, int *nevents);

#endif							/* MHUB_SEGMENT_SET_H */

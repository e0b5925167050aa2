/*
 * segment_set.h
 *	  All segments, compiled together.
 */
#ifndef MHUB_SEGMENT_SET_H
#define MHUB_SEGMENT_SET_H

#include "condition/person_facts.h"

typedef struct Segment
{
	const char *key;
	MhubCondition *condition;	/* NULL: a list, or broken */
	const char *broken;			/* why nobody can tell who is in it, or NULL */
} Segment;

typedef struct SegmentSet
{
	int			nsegments;
	Segment    *segments;		/* those that others refer to first */
	bool		has_lists;
	uint64		generation;		/* another one for each set of this backend */
	MhubAttributes *attributes;
	MhubProfile profile;
	char	  **item_events;	/* events whose single occurrences conditions ask for */
	int			nitem_events;
} SegmentSet;

/* Good until the end of the transaction. */
extern SegmentSet *segment_set_get(void);

/*
 * The keys of the segments that a person is in.  wanted, unless NULL, says
 * which to look at; then nobody is in a broken one, with a warning, which is
 * an error else: people must not leave a segment because it broke.
 * *next_change: when the keys may change with time alone.
 */
extern const char **segment_set_evaluate(SegmentSet *set, const PersonFacts *facts, const bool *wanted, TimestampTz at,
										 int *count, TimestampTz *next_change);

/* item_events.c */
extern void condition_item_events(const CondNode *node, char ***events, int *nevents);

/* facts_wanted.c; wanted->segments has a place for each segment of the set */
extern void facts_want(FactsWanted *wanted, const SegmentSet *set, const CondNode *node);

#endif							/* MHUB_SEGMENT_SET_H */

/*
 * sequence.h
 *	  Patterns over sequences of events: (?1).*(?t<=3600)(?2)
 */
#ifndef MHUB_SEQUENCE_H
#define MHUB_SEQUENCE_H

#include "attribution/marked_event.h"

/* One event to match. */
typedef struct MhubSequenceStep
{
	uint32		mark;			/* it must have this one; 0: any event */
	bool		gap;			/* others may lie between it and the one before */
	int64		min_time;		/* microseconds since the one before, both included */
	int64		max_time;
} MhubSequenceStep;

typedef struct MhubSequencePattern
{
	int			n_steps;
	int			max_condition;	/* the greatest number it names */
	MhubSequenceStep *steps;
} MhubSequencePattern;

extern const char *mhub_sequence_parse(const char *text, int length, MhubSequencePattern *pattern);
extern int64 mhub_sequence_count(const MhubSequencePattern *pattern, const MhubMarkedEvent *events, int n, int64 limit);

#endif							/* MHUB_SEQUENCE_H */

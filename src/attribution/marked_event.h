/*
 * marked_event.h
 *	  An event reduced to its time and the conditions it meets.
 */
#ifndef MHUB_MARKED_EVENT_H
#define MHUB_MARKED_EVENT_H

#include "common/pgcompat.h"

#define MHUB_MAX_CONDITIONS 32

typedef struct MhubMarkedEvent
{
	int64		at;
	uint32		marks;			/* bit i: meets condition i + 1 */
} MhubMarkedEvent;

/* Puts events in order of (time, marks), so that no order of input shows; most often they are already. */
extern void mhub_sort_marked_events(MhubMarkedEvent *events, int n);

#endif							/* MHUB_MARKED_EVENT_H */

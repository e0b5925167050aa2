/*
 * reached.h
 *	  How many people reach each step of a funnel: the events of all at once.
 */
#ifndef MHUB_REACHED_H
#define MHUB_REACHED_H

#include "attribution/funnel_options.h"
#include "attribution/spill.h"

typedef struct MhubPersonEvent
{
	int64		person;
	int64		at;
	uint32		marks;			/* as of MhubMarkedEvent */
} MhubPersonEvent;

typedef struct MhubReached
{
	MhubFunnelOptions options;
	uint32		marks;			/* of any event */
	MhubPersonEvent *events;
	int64		n;
	int64		capacity;
	MhubSpill  *spill;
} MhubReached;

extern MhubReached *mhub_reached_create(MhubFunnelOptions options);
extern void mhub_reached_add(MhubReached *reached, MhubPersonEvent event);
extern void mhub_reached_levels(MhubReached *reached, int64 *levels);

extern void mhub_reached_attach(void *reached, MhubSpill *spill);
extern Size mhub_reached_flat_size(void *reached);
extern void mhub_reached_flatten(const void *reached, char *to);
extern void *mhub_reached_create_like(const char *flat);
extern void mhub_reached_merge(void *reached, const char *flat);

#endif							/* MHUB_REACHED_H */

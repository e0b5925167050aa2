/*
 * kept_memory.h
 *	  Memory that a session keeps from call to call.
 */
#ifndef MHUB_KEPT_MEMORY_H
#define MHUB_KEPT_MEMORY_H

#include "common/pgcompat.h"

/*
 * Sessions that ingest do so again and again: they keep the first megabytes
 * instead of handing them back to the system and getting them cleared every
 * time.  Declare it static with the first two members.
 */
typedef struct MhubKeptMemory
{
	const char *name;
	Size		size;
	MemoryContext context;
	bool		taken;
} MhubKeptMemory;

/* Empty memory: what is kept, or, where that is in use (a trigger on our tables might ingest, too), some for this time. */
extern MemoryContext mhub_kept_memory_take(MhubKeptMemory *kept);

/* To be called after errors, too. */
extern void mhub_kept_memory_return(MhubKeptMemory *kept, MemoryContext memory);

#endif							/* MHUB_KEPT_MEMORY_H */

/*
 * kept_memory.c
 *	  Memory that a session keeps from call to call.
 */
#include "collect/kept_memory.h"

#include "utils/memutils.h"

MemoryContext
mhub_kept_memory_take(MhubKeptMemory *kept)
{
	if (kept->taken)
		return AllocSetContextCreate(CurrentMemoryContext, "mhub memory for once", ALLOCSET_DEFAULT_SIZES);
	if (kept->context == NULL)
	{
		kept->context = AllocSetContextCreate(TopMemoryContext, "mhub kept memory", kept->size, kept->size, ALLOCSET_DEFAULT_MAXSIZE);
		MemoryContextSetIdentifier(kept->context, kept->name);
	}
	kept->taken = true;
	return kept->context;
}

void
mhub_kept_memory_return(MhubKeptMemory *kept, MemoryContext memory)
{
	if (memory != kept->context)
	{
		MemoryContextDelete(memory);
		return;
	}
	MemoryContextReset(memory);
	kept->taken = false;
}

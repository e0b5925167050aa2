/*
 * heap_place.c
 *	  Rows of a heap by the place where they were.
 */
#include "common/heap_place.h"

#include "access/heapam.h"
#include "access/tableam.h"
#include "storage/bufmgr.h"
#include "utils/memutils.h"

/* A power of 2 */
#define HINTS 32768

bool
mhub_is_heap(Relation relation)
{
	return relation->rd_tableam == GetHeapamTableAmRoutine();
}

MhubHint *
mhub_hint_for(MhubHints *hints, uint32 hash)
{
	if (hints->hints == NULL)
		hints->hints = MemoryContextAllocZero(TopMemoryContext, HINTS * sizeof(MhubHint));
	return &hints->hints[hash % HINTS];
}

void
mhub_hint_note(MhubHint *hint, uint32 hash, ItemPointerData place, Buffer buffer)
{
	hint->place = place;
	hint->tag = hash >> 16;
	hint->buffer = buffer;
}

/*
 * The buffer knows whether it still holds the page, so that neither the table
 * of buffers has to be asked nor how long the table is: VACUUM may have cut
 * its end off.
 */
Buffer
mhub_hint_pin(const MhubHint *hint, uint32 hash, Relation relation)
{
	if (hint->tag != (uint16) (hash >> 16) || !BufferIsValid(hint->buffer) ||
		!mhub_read_recent_buffer(relation, ItemPointerGetBlockNumber(&hint->place), hint->buffer))
		return InvalidBuffer;
	return hint->buffer;
}

bool
mhub_heap_fetch(Relation relation, Buffer page, ItemPointerData place, Snapshot snapshot, TupleTableSlot *slot, bool *all_dead)
{
	HeapTuple	tuple = &((BufferHeapTupleTableSlot *) slot)->base.tupdata;
	bool		found;

	LockBuffer(page, BUFFER_LOCK_SHARE);
	found = heap_hot_search_buffer(&place, relation, page, snapshot, tuple, all_dead, true);
	LockBuffer(page, BUFFER_LOCK_UNLOCK);
	if (found)
		ExecStoreBufferHeapTuple(tuple, slot, page);
	return found;
}

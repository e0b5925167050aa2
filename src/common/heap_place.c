/*
 * heap_place.c
 *	  Rows of a heap by the place where they were.
 */
#include "common/heap_place.h"

#include "access/heapam.h"
#include "access/tableam.h"
#include "storage/bufmgr.h"
#include "utils/memutils.h"

/* What has one remainder of its hash shares a few hints, which are used in turn.  Powers of 2 */
#define SETS 8192
#define WAYS 4

bool
mhub_is_heap(Relation relation)
{
	return relation->rd_tableam == GetHeapamTableAmRoutine();
}

static uint16
tag_of(uint32 hash)
{
	return hash >> 16;
}

MhubHint *
mhub_hint_for(MhubHints *hints, uint32 hash)
{
	MhubHint   *set;

	if (hints->hints == NULL)
		hints->hints = MemoryContextAllocZero(TopMemoryContext, SETS * WAYS * sizeof(MhubHint));
	set = &hints->hints[hash % SETS * WAYS];
	for (int i = 0; i < WAYS; i++)
	{
		if (set[i].tag == tag_of(hash) || !BufferIsValid(set[i].buffer))
			return &set[i];
	}
	return &set[hints->turn++ % WAYS];
}

void
mhub_hint_note(MhubHint *hint, uint32 hash, ItemPointerData place, Buffer buffer)
{
	hint->place = place;
	hint->tag = tag_of(hash);
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
	if (hint->tag != tag_of(hash) || !BufferIsValid(hint->buffer) ||
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

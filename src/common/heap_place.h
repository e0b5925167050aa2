/*
 * heap_place.h
 *	  Rows of a heap by the place where they were.
 */
#ifndef MHUB_HEAP_PLACE_H
#define MHUB_HEAP_PLACE_H

#include "common/pgcompat.h"

#include "executor/tuptable.h"
#include "storage/buf.h"
#include "storage/itemptr.h"
#include "utils/rel.h"
#include "utils/snapshot.h"

/* Where a row was lately */
typedef struct MhubHint
{
	ItemPointerData place;		/* where the index says that it is */
	uint16		tag;			/* the other half of its key's hash */
	Buffer		buffer;			/* that held the page */
} MhubHint;

/*
 * Where rows with certain keys were lately, so that the next look needs no
 * index.  Declare it static.  Wrong ones do no harm, as long as the row found
 * there is asked for its key, and the key is unique.
 */
typedef struct MhubHints
{
	MhubHint   *hints;
	unsigned	turn;			/* whose place is taken next where all are in use */
} MhubHints;

extern bool mhub_is_heap(Relation relation);

/* The hint for keys with this hash; it may be one for another key. */
extern MhubHint *mhub_hint_for(MhubHints *hints, uint32 hash);
extern void mhub_hint_note(MhubHint *hint, uint32 hash, ItemPointerData place, Buffer buffer);

/* Pins the page that the hint tells of; InvalidBuffer when it is for another key, or the page is not there any more. */
extern Buffer mhub_hint_pin(const MhubHint *hint, uint32 hash, Relation relation);

/* Fetches into the slot what of the chain of versions that begins at a place of the pinned page the snapshot sees. */
extern bool mhub_heap_fetch(Relation relation, Buffer page, ItemPointerData place, Snapshot snapshot,
							TupleTableSlot *slot, bool *all_dead);

#endif							/* MHUB_HEAP_PLACE_H */

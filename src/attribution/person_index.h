/*
 * person_index.h
 *	  From a person's id to its number among some people: a look-up that mostly answers no.
 */
#ifndef MHUB_PERSON_INDEX_H
#define MHUB_PERSON_INDEX_H

#include "common/pgcompat.h"

#include "port/pg_bitutils.h"

/* 64 ids: whether each is there, and how many are before them. */
typedef struct MhubIdBlock
{
	uint64		present;
	uint32		before;
} MhubIdBlock;

typedef struct MhubPersonSlot
{
	int64		person;
	int32		number;			/* + 1; 0 for a free slot */
} MhubPersonSlot;

/*
 * Ids out of one sequence lie close together: then blocks, one for each 64 ids
 * of the range, answer exactly and stay in the processor's cache (slots is
 * NULL).  Otherwise there is a hash table, with a filter before it that stays
 * there.
 */
typedef struct MhubPersonIndex
{
	int64		first;			/* least id */
	uint64		n_ids;			/* from it to the greatest */
	MhubIdBlock *blocks;
	uint64	   *filter;			/* a bit for each of filter_mask + 1 hashes: is anybody there? */
	uint32		filter_mask;
	MhubPersonSlot *slots;		/* open addressing */
	uint32		slot_mask;
} MhubPersonIndex;

extern void mhub_person_index_build(MhubPersonIndex *index, const int64 *persons, int n);

static inline uint32
mhub_person_hash(int64 person)
{
	uint64		hash = (uint64) person * UINT64CONST(0x9E3779B97F4A7C15);

	return (uint32) (hash >> 32);
}

static inline const MhubIdBlock *
mhub_person_block(const MhubPersonIndex *index, int64 person, uint64 *bit)
{
	uint64		id = (uint64) person - (uint64) index->first;

	*bit = UINT64CONST(1) << (id % 64);
	return id < index->n_ids ? &index->blocks[id / 64] : NULL;
}

/* Before mhub_person_may_be(), as long as possible. */
static inline void
mhub_person_expect(const MhubPersonIndex *index, int64 person)
{
	uint64		bit;

	if (index->slots == NULL)
		__builtin_prefetch(mhub_person_block(index, person, &bit));
	else
		__builtin_prefetch(&index->filter[(mhub_person_hash(person) & index->filter_mask) / 64]);
}

/* May the person be there?  Where there is a hash table, its slot is expected then. */
static inline bool
mhub_person_may_be(const MhubPersonIndex *index, int64 person)
{
	uint32		hash;
	uint32		bit;

	if (index->slots == NULL)
	{
		uint64		id_bit;
		const MhubIdBlock *block = mhub_person_block(index, person, &id_bit);

		return block != NULL && (block->present & id_bit) != 0;
	}
	hash = mhub_person_hash(person);
	bit = hash & index->filter_mask;
	if ((index->filter[bit / 64] & (UINT64CONST(1) << (bit % 64))) == 0)
		return false;
	__builtin_prefetch(&index->slots[hash & index->slot_mask]);
	return true;
}

/* The number of a person who may be there, or -1. */
static inline int
mhub_person_number(const MhubPersonIndex *index, int64 person)
{
	if (index->slots == NULL)
	{
		uint64		bit;
		const MhubIdBlock *block = mhub_person_block(index, person, &bit);

		return block->before + pg_popcount64(block->present & (bit - 1));
	}
	for (uint32 slot = mhub_person_hash(person) & index->slot_mask; index->slots[slot].number != 0; slot = (slot + 1) & index->slot_mask)
	{
		if (index->slots[slot].person == person)
			return index->slots[slot].number - 1;
	}
	return -1;
}

#endif							/* MHUB_PERSON_INDEX_H */

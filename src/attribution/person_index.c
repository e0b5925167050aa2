/*
 * person_index.c
 *	  From a person's id to its number among some people: a look-up that mostly answers no.
 *
 * No SPI, no fmgr.
 */
#include "attribution/person_index.h"

#include "utils/memutils.h"

/* Up to so many ids for each person there are blocks: at most 8 bytes a person. */
#define CLOSE_TOGETHER 32

static void *
allocate(Size count, Size size)
{
	return palloc_extended(Max(count, 1) * size, MCXT_ALLOC_HUGE | MCXT_ALLOC_ZERO);
}

/* At least so many, as a power of two less one. */
static uint32
mask_for(Size count)
{
	uint32		size = 64;

	while (size < count && size < (UINT32_C(1) << 31))
		size *= 2;
	return size - 1;
}

static void
build_blocks(MhubPersonIndex *index, const int64 *persons, int n)
{
	Size		n_blocks = (index->n_ids + 63) / 64;
	uint32		before = 0;

	index->blocks = allocate(n_blocks, sizeof(MhubIdBlock));
	for (int i = 0; i < n; i++)
	{
		uint64		id = (uint64) persons[i] - (uint64) index->first;

		index->blocks[id / 64].present |= UINT64CONST(1) << (id % 64);
	}
	for (Size b = 0; b < n_blocks; b++)
	{
		index->blocks[b].before = before;
		before += pg_popcount64(index->blocks[b].present);
	}
}

static void
build_hash(MhubPersonIndex *index, const int64 *persons, int n)
{
	index->filter_mask = mask_for((Size) n * 8);
	index->filter = allocate(((Size) index->filter_mask + 1) / 64, sizeof(uint64));
	index->slot_mask = mask_for((Size) n * 2);
	index->slots = allocate((Size) index->slot_mask + 1, sizeof(MhubPersonSlot));
	for (int i = 0; i < n; i++)
	{
		uint32		hash = mhub_person_hash(persons[i]);
		uint32		bit = hash & index->filter_mask;
		uint32		slot = hash & index->slot_mask;

		index->filter[bit / 64] |= UINT64CONST(1) << (bit % 64);
		while (index->slots[slot].number != 0)
			slot = (slot + 1) & index->slot_mask;
		index->slots[slot] = (MhubPersonSlot) {persons[i], i + 1};
	}
}

/* An index of n different persons, in ascending order; they are numbered from 0. */
void
mhub_person_index_build(MhubPersonIndex *index, const int64 *persons, int n)
{
	uint64		last_id = n == 0 ? 0 : (uint64) persons[n - 1] - (uint64) persons[0];

	memset(index, 0, sizeof(*index));
	if (n == 0)
		return;
	index->first = persons[0];
	if (last_id / CLOSE_TOGETHER < (uint64) n)
	{
		index->n_ids = last_id + 1;
		build_blocks(index, persons, n);
	}
	else
		build_hash(index, persons, n);
}

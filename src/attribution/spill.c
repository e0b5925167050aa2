/*
 * spill.c
 *	  Records of an aggregate's state that go to temporary files when memory is short.
 *
 * For states of one big group that hold an array of small records (big_state.h).
 * When the array would outgrow the memory that a hash table of the executor may
 * take (work_mem * hash_mem_multiplier), its records are dealt to files by a
 * part number that keeps together what is needed together; at the end the parts
 * are read back one at a time.
 */
#include "attribution/spill.h"

#include "miscadmin.h"
#include "nodes/execnodes.h"
#include "utils/memutils.h"

/* Smaller arrays are not worth 64 files and their buffers. */
#define SMALLEST_SPILL (1024 * 1024)

/* At the end of the group, or of the query; after an error PostgreSQL itself removes the files. */
static void
close_files(Datum arg)
{
	MhubSpill  *spill = (MhubSpill *) DatumGetPointer(arg);

	for (int i = 0; i < MHUB_SPILL_PARTS; i++)
	{
		if (spill->files[i] != NULL)
			BufFileClose(spill->files[i]);
		spill->files[i] = NULL;
	}
}

/* A window function's state has no end that would be told, hence stays in memory. */
MhubSpill *
mhub_spill_create(FunctionCallInfo fcinfo, MemoryContext aggregate, MemoryContext state)
{
	MhubSpill  *spill = MemoryContextAllocZero(state, sizeof(MhubSpill));

	spill->state = state;
	spill->aggregate = aggregate;
	spill->allowed = AggCheckCallContext(fcinfo, NULL) == AGG_CONTEXT_AGGREGATE;
	if (spill->allowed)
		AggRegisterCallback(fcinfo, close_files, PointerGetDatum(spill));
	return spill;
}

/* Is it time to write an array of that size out, instead of doubling it?  The memory of all groups counts together. */
bool
mhub_spill_due(const MhubSpill *spill, Size array)
{
	double		limit = work_mem * 1024.0 * hash_mem_multiplier;

	return spill->allowed && array >= SMALLEST_SPILL && MemoryContextMemAllocated(spill->aggregate, true) + (double) array > limit;
}

void
mhub_spill_write(MhubSpill *spill, int part, const void *record, Size size)
{
	if (spill->files[part] == NULL)
	{
		MemoryContext old = MemoryContextSwitchTo(spill->state);

		spill->files[part] = BufFileCreateTemp(false);
		spill->used = true;
		MemoryContextSwitchTo(old);
	}
	BufFileWrite(spill->files[part], unconstify(void *, record), size);
	spill->records[part]++;
}

int64
mhub_spill_total(const MhubSpill *spill)
{
	int64		total = 0;

	for (int i = 0; i < MHUB_SPILL_PARTS; i++)
		total += spill->records[i];
	return total;
}

/* Reads all records of a part; more may be written afterwards. */
void
mhub_spill_read(MhubSpill *spill, int part, void *records, Size size)
{
	BufFile    *file = spill->files[part];
	Size		bytes = size * spill->records[part];
	int			file_number;
	off_t		offset;

	if (file == NULL)
		return;
	BufFileTell(file, &file_number, &offset);
	if (BufFileSeek(file, 0, 0, SEEK_SET) != 0 || BufFileRead(file, records, bytes) != bytes ||
		BufFileSeek(file, file_number, offset, SEEK_SET) != 0)
		ereport(ERROR,
				(errcode_for_file_access(),
				 errmsg("could not read back the state of an aggregate from its temporary file: %m")));
}

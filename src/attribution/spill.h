/*
 * spill.h
 *	  Records of an aggregate's state that go to temporary files when memory is short.
 */
#ifndef MHUB_SPILL_H
#define MHUB_SPILL_H

#include "common/pgcompat.h"

#include "fmgr.h"
#include "storage/buffile.h"

/* One file each; later every part must fit into memory by itself. */
#define MHUB_SPILL_PARTS 64

typedef struct MhubSpill
{
	MemoryContext state;		/* where the files' buffers are */
	MemoryContext aggregate;	/* whose memory counts */
	bool		allowed;
	bool		used;
	BufFile    *files[MHUB_SPILL_PARTS];
	int64		records[MHUB_SPILL_PARTS];
} MhubSpill;

extern MhubSpill *mhub_spill_create(FunctionCallInfo fcinfo, MemoryContext aggregate, MemoryContext state);
extern bool mhub_spill_due(const MhubSpill *spill, Size array);
extern void mhub_spill_write(MhubSpill *spill, int part, const void *record, Size size);
extern int64 mhub_spill_total(const MhubSpill *spill);
extern void mhub_spill_read(MhubSpill *spill, int part, void *records, Size size);

#endif							/* MHUB_SPILL_H */

/*
 * table_cache.h
 *	  Per-backend caches of what small tables say, dropped when one changes.
 */
#ifndef MHUB_TABLE_CACHE_H
#define MHUB_TABLE_CACHE_H

#include "common/pgcompat.h"

#include "executor/spi.h"

#define MHUB_CACHE_MAX_TABLES 4

/*
 * A cache over tables of schema mhub that carry the statement trigger
 * mhub.invalidate_cache().  Declare it static, with the tables' names; keep
 * what is loaded in variables of your own.  Use:
 *
 *	if (!cache.valid)
 *	{
 *		uint64 seen = mhub_table_cache_begin(&cache);
 *		... load with mhub_execute_latest() ...
 *		mhub_table_cache_end(&cache, seen);
 *	}
 */
typedef struct MhubTableCache
{
	const char *tables[MHUB_CACHE_MAX_TABLES];
	bool		valid;
	uint64		changes;
	Oid			relids[MHUB_CACHE_MAX_TABLES];
	struct MhubTableCache *next;
	bool		registered;
} MhubTableCache;

extern uint64 mhub_table_cache_begin(MhubTableCache *cache);
extern void mhub_table_cache_end(MhubTableCache *cache, uint64 seen);
extern void mhub_execute_latest(SPIPlanPtr plan);

#endif							/* MHUB_TABLE_CACHE_H */

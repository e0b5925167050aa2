/*
 * table_cache.c
 *	  Per-backend caches of what small tables say, dropped when one changes.
 *
 * The tables carry a statement trigger, mhub.invalidate_cache(), which sends
 * a relcache invalidation for them: every backend gets it when the change
 * commits, and the changing one at once and again should it roll back.
 */
#include "common/table_cache.h"

#include "access/parallel.h"
#include "access/xact.h"
#include "catalog/pg_class.h"
#include "commands/trigger.h"
#include "common/hub_relation.h"
#include "fmgr.h"
#include "utils/inval.h"
#include "utils/lsyscache.h"
#include "utils/rel.h"
#include "utils/snapmgr.h"

PG_FUNCTION_INFO_V1(mhub_invalidate_cache);

static MhubTableCache *caches = NULL;

/* Was a cache filled during a parallel query, from a snapshot that may be older than its last change? */
static bool provisional = false;

Datum
mhub_invalidate_cache(PG_FUNCTION_ARGS)
{
	if (!CALLED_AS_TRIGGER(fcinfo))
		ereport(ERROR,
				(errcode(ERRCODE_E_R_I_E_TRIGGER_PROTOCOL_VIOLATED),
				 errmsg("mhub.invalidate_cache() must be called as a trigger")));
	CacheInvalidateRelcache(((TriggerData *) fcinfo->context)->tg_relation);
	/* a trigger returns a null pointer, not the SQL NULL */
	PG_RETURN_POINTER(NULL);
}

/* relid is InvalidOid when everything may have changed */
static void
relation_changed(Datum arg pg_attribute_unused(), Oid relid)
{
	MhubTableCache *cache;

	for (cache = caches; cache != NULL; cache = cache->next)
	{
		int			i;

		for (i = 0; i < MHUB_CACHE_MAX_TABLES && cache->tables[i] != NULL; i++)
		{
			if (relid == InvalidOid || cache->relids[i] == relid)
			{
				cache->valid = false;
				cache->changes++;
				break;
			}
		}
	}
}

/* What was filled from an older snapshot does not outlive the transaction. */
static void
transaction_ended(XactEvent event pg_attribute_unused(), void *arg pg_attribute_unused())
{
	if (provisional)
		relation_changed((Datum) 0, InvalidOid);
	provisional = false;
}

static void
register_cache(MhubTableCache *cache)
{
	if (caches == NULL)
	{
		CacheRegisterRelcacheCallback(relation_changed, (Datum) 0);
		RegisterXactCallback(transaction_ended, NULL);
	}
	cache->next = caches;
	caches = cache;
	cache->registered = true;
}

/*
 * Starts loading: from here on changes are noticed.  The names are looked up
 * anew each time, for the hub may have been removed and made again.
 */
uint64
mhub_table_cache_begin(MhubTableCache *cache)
{
	int			i;

	cache->valid = false;
	if (!cache->registered)
		register_cache(cache);
	for (i = 0; i < MHUB_CACHE_MAX_TABLES && cache->tables[i] != NULL; i++)
		cache->relids[i] = mhub_relation(cache->tables[i]);
	return cache->changes;
}

/* Ends loading.  What changed meanwhile is loaded again at the next use. */
void
mhub_table_cache_end(MhubTableCache *cache, uint64 seen)
{
	cache->valid = (cache->changes == seen);
}

/*
 * Runs a SELECT without parameters under the newest snapshot, whatever the
 * transaction's isolation level: a cache outlives the transaction, so it must
 * not be filled from an old snapshot.  During a parallel query a new snapshot
 * cannot be had; then the query's own is used, and forgotten with the
 * transaction.  The caller is connected to SPI and finds the rows in
 * SPI_tuptable.
 */
void
mhub_execute_latest(SPIPlanPtr plan)
{
	Snapshot	snapshot;
	int			result;

	provisional = provisional || IsInParallelMode();
	snapshot = IsInParallelMode() ? GetActiveSnapshot() : GetLatestSnapshot();
	result = SPI_execute_snapshot(plan, NULL, NULL, snapshot, InvalidSnapshot, true, false, 0);

	if (result != SPI_OK_SELECT)
		elog(ERROR, "could not load a cache: %s", SPI_result_code_string(result));
}

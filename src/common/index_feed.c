/*
 * index_feed.c
 *	  Building the indexes of a table from rows that are still in memory.
 *
 * Most of what building a b-tree costs is reading the table and sorting.
 * Whoever has just written all the rows still has them, mostly knows their
 * order by a key better than a general sort, and sorting what is in order is
 * nothing but a look at each pair of neighbours.  The server asks the table's
 * access method for the rows; here that answers from memory instead.
 *
 * Everything else is the server's own way to rebuild an index.  Should it ask
 * anybody else, as parallel workers do, it gets the same rows from the table.
 */
#include "common/index_feed.h"

#include "access/genam.h"
#include "access/table.h"
#include "access/tableam.h"
#include "catalog/index.h"
#include "catalog/pg_am.h"
#include "executor/executor.h"
#include "miscadmin.h"
#include "nodes/execnodes.h"
#include "optimizer/optimizer.h"
#include "utils/guc.h"
#include "utils/lsyscache.h"
#include "utils/rel.h"

/* The feed of the index that is being built, and who has the rows else */
static const MhubFeed *feeding = NULL;
static const TableAmRoutine *table_itself = NULL;

/* Attributes that an index looks at */
typedef struct Needed
{
	int			n;
	AttrNumber	attributes[INDEX_MAX_KEYS * 2];
	int			columns[INDEX_MAX_KEYS * 2];
} Needed;

static bool
need(Needed *needed, const MhubFeed *feed, AttrNumber attribute)
{
	if (attribute <= 0 || attribute > feed->natts || needed->n == lengthof(needed->attributes) ||
		feed->columns[attribute - 1] == MHUB_FEED_UNKNOWN)
		return false;
	needed->attributes[needed->n] = attribute;
	needed->columns[needed->n++] = feed->columns[attribute - 1];
	return true;
}

/* False when the index looks at anything that is not in memory. */
static bool
find_needed(const IndexInfo *info, const MhubFeed *feed, Needed *needed)
{
	Bitmapset  *conditions = NULL;
	int			i;

	needed->n = 0;
	for (i = 0; i < info->ii_NumIndexAttrs; i++)
	{
		if (!need(needed, feed, info->ii_IndexAttrNumbers[i]))
			return false;
	}
	pull_varattnos((Node *) info->ii_Predicate, 1, &conditions);
	for (i = -1; (i = bms_next_member(conditions, i)) >= 0;)
	{
		if (!need(needed, feed, i + FirstLowInvalidHeapAttributeNumber))
			return false;
	}
	return true;
}

static bool
begins_with(const Needed *needed, const MhubTableKey *key)
{
	int			i;
	int			j;

	for (i = 0; i < key->n; i++)
	{
		for (j = 0; j < key->n && j < needed->n && needed->columns[j] != key->columns[i]; j++)
			;
		if (j >= key->n || j >= needed->n)
			return false;
	}
	return key->n > 0;
}

/* The rows in the order of the index, as far as known; NULL: as they lie in the table */
static const int *
order_for(const Needed *needed, const MhubFeed *feed)
{
	const int  *order = NULL;
	int			i;

	for (i = 0; i < MHUB_TABLE_MAX_KEYS && order == NULL; i++)
	{
		if (begins_with(needed, &feed->table->keys[i]))
			order = feed->filling->in_order(feed->filling->state, i);
	}
	return order;
}

static inline Datum
value_of(const MhubFilling *filling, int row, int column, bool *isnull)
{
	*isnull = column == MHUB_FEED_NULL;
	return *isnull ? (Datum) 0 : filling->value(filling->state, row, column, isnull);
}

static void
fill_slot(TupleTableSlot *slot, const Needed *needed, const MhubFilling *filling, int row)
{
	int			i;

	ExecClearTuple(slot);
	for (i = 0; i < needed->n; i++)
	{
		int			at = needed->attributes[i] - 1;

		slot->tts_values[at] = value_of(filling, row, needed->columns[i], &slot->tts_isnull[at]);
	}
	ExecStoreVirtualTuple(slot);
}

/* Of an index without expressions, whose columns are the first that it needs */
static void
index_values(const IndexInfo *info, const Needed *needed, const MhubFilling *filling, int row, Datum *values, bool *nulls)
{
	int			i;

	for (i = 0; i < info->ii_NumIndexAttrs; i++)
		values[i] = value_of(filling, row, needed->columns[i], &nulls[i]);
}

/* So many rows ahead of its turn memory is asked for what one needs. */
#define AHEAD 16

static void
expect_row(const MhubFilling *filling, const int *order, int i)
{
	if (i >= filling->n)
		return;
	__builtin_prefetch(&feeding->places[order[i]]);
	filling->expect(filling->state, i);
}

static void
feed_rows(TupleTableSlot *slot, EState *estate, Relation index, IndexInfo *info, IndexBuildCallback callback, void *state)
{
	const MhubFilling *filling = feeding->filling;
	ExprContext *context = GetPerTupleExprContext(estate);
	ExprState  *predicate = ExecPrepareQual(info->ii_Predicate, estate);
	Datum		values[INDEX_MAX_KEYS];
	bool		nulls[INDEX_MAX_KEYS];
	const int  *order;
	Needed		needed;
	int			i;

	(void) find_needed(info, feeding, &needed);
	order = order_for(&needed, feeding);
	context->ecxt_scantuple = slot;
	memset(slot->tts_isnull, true, sizeof(bool) * slot->tts_tupleDescriptor->natts);
	for (i = 0; i < filling->n; i++)
	{
		CHECK_FOR_INTERRUPTS();
		if (order != NULL)
			expect_row(filling, order, i + AHEAD);
		if (predicate != NULL)
		{
			fill_slot(slot, &needed, filling, i);
			if (!ExecQualAndReset(predicate, context))
				continue;
		}
		index_values(info, &needed, filling, i, values, nulls);
		callback(index, &feeding->places[order == NULL ? i : order[i]], values, nulls, true, state);
	}
	if (order != NULL)
		filling->done(filling->state);
}

/* As TableAmRoutine.index_build_range_scan */
static double
feed_index(Relation table, Relation index, IndexInfo *info, bool allow_sync, bool anyvisible, bool progress,
		   BlockNumber start, BlockNumber nblocks, IndexBuildCallback callback, void *state, TableScanDesc scan)
{
	TupleTableSlot *slot;
	EState	   *estate;

	if (feeding == NULL || scan != NULL)
		return table_itself->index_build_range_scan(table, index, info, allow_sync, anyvisible, progress,
													start, nblocks, callback, state, scan);
	slot = MakeSingleTupleTableSlot(RelationGetDescr(table), &TTSOpsVirtual);
	estate = CreateExecutorState();
	feed_rows(slot, estate, index, info, callback, state);
	ExecDropSingleTupleTableSlot(slot);
	FreeExecutorState(estate);
	return feeding->filling->n;
}

/* Other access methods than b-tree may count on the order of the table. */
static bool
can_be_fed(Oid index, const MhubFeed *feed)
{
	Relation	relation = index_open(index, AccessExclusiveLock);
	Needed		needed;
	bool		can = relation->rd_rel->relam == BTREE_AM_OID && find_needed(BuildIndexInfo(relation), feed, &needed);

	index_close(relation, NoLock);
	return can;
}

/* With the table answering for the rows as feed_index() does */
static void
reindex_with(Relation table, Oid index, const MhubFeed *feed)
{
	static TableAmRoutine feeder;
	int			guc_level = NewGUCNestLevel();

	table_itself = table->rd_tableam;
	feeder = *table_itself;
	feeder.index_build_range_scan = feed_index;
	(void) set_config_option("max_parallel_maintenance_workers", "0", PGC_USERSET, PGC_S_SESSION, GUC_ACTION_SAVE, true, 0, false);
	PG_TRY();
	{
		feeding = feed;
		table->rd_tableam = &feeder;
		mhub_reindex_index(index);
	}
	PG_FINALLY();
	{
		feeding = NULL;
		table->rd_tableam = table_itself;
	}
	PG_END_TRY();
	AtEOXact_GUC(false, guc_level);
}

void
mhub_reindex_fed(Oid index, const MhubFeed *feed)
{
	Relation	table;

	/* What was deleted lately may be in view of somebody's snapshot; then the index needs it, too. */
	if (!feed->table->was_void || !can_be_fed(index, feed))
	{
		mhub_reindex_index(index);
		return;
	}
	table = table_open(feed->table->relid, NoLock);
	reindex_with(table, index, feed);
	table_close(table, NoLock);
}

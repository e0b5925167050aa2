/*
 * table_fill.c
 *	  Filling empty tables: all rows first, then the indexes, as a restore does.
 *
 * An index built over rows that are there costs a fraction of one that grows
 * row by row.  It takes locks that keep others from the table, and from its
 * indexes even readers.  Who waited for these while holding others could
 * deadlock with a session that goes the opposite way.  So all of them are taken
 * beforehand, and none is waited for: when one is not to be had, somebody is
 * using the table, and it is not the time for this.
 *
 * All this is transactional: should the transaction fail, the old indexes are
 * in place again, and the rows are dead ones that none of them knows.
 */
#include "common/table_fill.h"

#include "access/table.h"
#include "access/tableam.h"
#include "access/xact.h"
#include "catalog/pg_trigger.h"
#include "commands/trigger.h"
#include "common/index_feed.h"
#include "common/table_state.h"
#include "executor/executor.h"
#include "miscadmin.h"
#include "storage/bufmgr.h"
#include "storage/lmgr.h"
#include "utils/lsyscache.h"
#include "utils/rel.h"
#include "utils/snapmgr.h"

/* Rows written together */
#define ROWS_TOGETHER 500

typedef struct HeldLock
{
	Oid			relid;
	LOCKMODE	mode;
} HeldLock;

static bool
is_ours(const MhubTable *table, Oid function)
{
	const char *name = get_func_name(function);
	int			i;

	if (name == NULL || get_func_namespace(function) != get_rel_namespace(table->relid))
		return false;
	for (i = 0; i < MHUB_TABLE_MAX_TRIGGERS && table->row_triggers[i] != NULL; i++)
	{
		if (strcmp(name, table->row_triggers[i]) == 0)
			return true;
	}
	return false;
}

/* Is there a trigger of insertion that might look at the table, whose indexes lack rows? */
static bool
has_curious_triggers(const MhubTable *table, const TriggerDesc *triggers)
{
	int			i;

	if (triggers == NULL)
		return false;
	for (i = 0; i < triggers->numtriggers; i++)
	{
		const Trigger *trigger = &triggers->triggers[i];

		if (TRIGGER_FOR_INSERT(trigger->tgtype) &&
			!(TRIGGER_FOR_ROW(trigger->tgtype) && TRIGGER_FOR_BEFORE(trigger->tgtype) && is_ours(table, trigger->tgfoid)))
			return true;
	}
	return false;
}

static bool
is_empty(Relation relation)
{
	Snapshot	snapshot = RegisterSnapshot(GetLatestSnapshot());
	TupleTableSlot *slot = table_slot_create(relation, NULL);
	TableScanDesc scan = table_beginscan(relation, snapshot, 0, NULL);
	bool		found = table_scan_getnextslot(scan, ForwardScanDirection, slot);

	table_endscan(scan);
	ExecDropSingleTupleTableSlot(slot);
	UnregisterSnapshot(snapshot);
	return !found;
}

static bool
take_lock(Oid relid, LOCKMODE mode, List **held)
{
	HeldLock   *lock;

	if (!ConditionalLockRelationOid(relid, mode))
		return false;
	lock = palloc(sizeof(HeldLock));
	*lock = (HeldLock) {relid, mode};
	*held = lappend(*held, lock);
	return true;
}

/* A query of this session may be reading an index, which no lock tells. */
static bool
take_indexes(MhubTableAccess *access, List **held)
{
	int			i;

	for (i = 0; i < access->result->ri_NumIndices; i++)
	{
		if (access->result->ri_IndexRelationDescs[i]->rd_refcnt != 1 ||
			!take_lock(access->indexes[i], AccessExclusiveLock, held))
			return false;
	}
	return true;
}

/* Emptiness is looked at before the lock, which is not to be taken in vain, and again behind it. */
static bool
take_table(MhubTable *table, List **held)
{
	MhubTableAccess *access = mhub_table_open_for(table, ACL_INSERT | ACL_SELECT);
	bool		taken;

	if (access == NULL)
		return false;
	taken = !has_curious_triggers(table, access->result->ri_TrigDesc) && is_empty(access->relation) &&
		take_lock(table->relid, ShareRowExclusiveLock, held) && take_indexes(access, held) &&
		is_empty(access->relation);
	table->was_void = taken && RelationGetNumberOfBlocks(access->relation) == 0;
	mhub_table_close(access);
	return taken;
}

static void
give_back(List *held)
{
	ListCell   *cell;

	foreach(cell, held)
	{
		const HeldLock *lock = lfirst(cell);

		UnlockRelationOid(lock->relid, lock->mode);
	}
}

bool
mhub_tables_begin_fill(MhubTable *const *tables, int n)
{
	List	   *held = NIL;
	int			i;

	/* What an older snapshot shows may differ from what is there. */
	if (IsolationUsesXactSnapshot())
		return false;
	for (i = 0; i < n; i++)
	{
		if (take_table(tables[i], &held))
			continue;
		give_back(held);
		return false;
	}
	return true;
}

static MhubTableAccess *
open_to_fill(MhubTable *table)
{
	MhubTableAccess *access = mhub_table_open_for(table, ACL_INSERT | ACL_SELECT);

	if (access == NULL)
		elog(ERROR, "table mhub.%s cannot be filled any more", table->name);
	return access;
}

static void
fill_slot(MhubTableAccess *access, TupleTableSlot *slot, const MhubFilling *filling, int row)
{
	int			i;

	mhub_table_start_row(access, slot);
	for (i = 0; i < filling->ncolumns; i++)
	{
		int			at = access->columns[i] - 1;

		slot->tts_isnull[at] = false;
		slot->tts_values[at] = filling->value(filling->state, row, i, &slot->tts_isnull[at]);
	}
	ExecStoreVirtualTuple(slot);
}

static void
fire_triggers(MhubTableAccess *access, TupleTableSlot *slot)
{
	const TriggerDesc *triggers = access->result->ri_TrigDesc;

	if (triggers != NULL && triggers->trig_insert_before_row &&
		!ExecBRInsertTriggers(access->estate, access->result, slot))
		elog(ERROR, "a trigger of table mhub.%s has left out a row", access->table->name);
}

/* Writes as many rows as there are slots, from this one on. */
static void
write_rows(MhubTableAccess *access, const MhubFilling *filling, int row, TupleTableSlot **slots, int n, ItemPointerData *places)
{
	int			i;

	if (filling->prepare != NULL)
		filling->prepare(filling->state, row, n);
	for (i = 0; i < n; i++)
	{
		fill_slot(access, slots[i], filling, row + i);
		fire_triggers(access, slots[i]);
	}
	mhub_write_slots(access->result, access->estate, slots, n, GetCurrentCommandId(true));
	for (i = 0; i < n; i++)
	{
		places[row + i] = slots[i]->tts_tid;
		ExecClearTuple(slots[i]);
	}
}

/* Writes all rows, and no index entries for them; returns where they lie. */
static ItemPointerData *
write_all_rows(MhubTableAccess *access, const MhubFilling *filling)
{
	ItemPointerData *places = palloc_extended(sizeof(ItemPointerData) * (Size) filling->n, MCXT_ALLOC_HUGE);
	TupleTableSlot *slots[ROWS_TOGETHER];
	MemoryContext old;
	int			i;

	for (i = 0; i < ROWS_TOGETHER; i++)
		slots[i] = table_slot_create(access->relation, NULL);
	old = MemoryContextSwitchTo(GetPerTupleMemoryContext(access->estate));
	for (i = 0; i < filling->n; i += ROWS_TOGETHER)
	{
		CHECK_FOR_INTERRUPTS();
		write_rows(access, filling, i, slots, Min(filling->n - i, ROWS_TOGETHER), places);
		ResetPerTupleExprContext(access->estate);
	}
	MemoryContextSwitchTo(old);
	for (i = 0; i < ROWS_TOGETHER; i++)
		ExecDropSingleTupleTableSlot(slots[i]);
	return places;
}

/* Whether and where the rows in memory have the value of an attribute */
static int
fed_column(const MhubTableAccess *access, const MhubFilling *filling, AttrNumber attribute)
{
	int			i;

	for (i = 0; i < filling->ncolumns; i++)
	{
		if (access->columns[i] == attribute)
			return (filling->fleeting & (1U << i)) != 0 ? MHUB_FEED_UNKNOWN : i;
	}
	if (TupleDescAttr(access->descriptor, attribute - 1)->attgenerated != '\0')
		return MHUB_FEED_UNKNOWN;
	for (i = 0; i < access->ndefaults; i++)
	{
		if (access->defaults[i].column == attribute)
			return MHUB_FEED_UNKNOWN;
	}
	return MHUB_FEED_NULL;
}

static void
describe_attributes(const MhubTableAccess *access, MhubFeed *feed)
{
	int			i;

	feed->natts = access->descriptor->natts;
	feed->columns = palloc(sizeof(int) * Max(feed->natts, 1));
	for (i = 0; i < feed->natts; i++)
		feed->columns[i] = fed_column(access, feed->filling, i + 1);
}

static void
build_indexes(List *indexes, const MhubFeed *feed)
{
	ListCell   *cell;

	/* expressions of indexes want a snapshot, and so do parallel workers */
	PushActiveSnapshot(GetTransactionSnapshot());
	foreach(cell, indexes)
	{
		mhub_reindex_fed(lfirst_oid(cell), feed);
		CommandCounterIncrement();
	}
	PopActiveSnapshot();
}

void
mhub_table_fill(MhubTable *table, const MhubFilling *filling)
{
	MhubTableAccess *access;
	MhubFeed	feed = {.table = table, .filling = filling};
	List	   *indexes;

	if (filling->n == 0)
		return;
	access = open_to_fill(table);
	PreventCommandIfReadOnly("INSERT");
	feed.places = write_all_rows(access, filling);
	describe_attributes(access, &feed);
	indexes = RelationGetIndexList(access->relation);
	mhub_table_close(access);
	CommandCounterIncrement();
	build_indexes(indexes, &feed);
	pfree(feed.places);
}

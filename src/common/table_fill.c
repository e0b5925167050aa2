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
#include "catalog/index.h"
#include "commands/trigger.h"
#include "common/table_state.h"
#include "storage/lmgr.h"
#include "utils/rel.h"
#include "utils/snapmgr.h"

typedef struct HeldLock
{
	Oid			relid;
	LOCKMODE	mode;
} HeldLock;

static bool
has_insert_triggers(const TriggerDesc *triggers)
{
	return triggers != NULL &&
		(triggers->trig_insert_before_row || triggers->trig_insert_after_row ||
		 triggers->trig_insert_before_statement || triggers->trig_insert_after_statement);
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
	taken = !has_insert_triggers(access->result->ri_TrigDesc) && is_empty(access->relation) &&
		take_lock(table->relid, ShareRowExclusiveLock, held) && take_indexes(access, held) &&
		is_empty(access->relation);
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

void
mhub_table_fill(MhubTable *table, const MhubColumns *rows)
{
	MhubTableAccess *access;

	if (rows->n == 0)
		return;
	access = mhub_table_open_for(table, ACL_INSERT | ACL_SELECT);
	if (access == NULL)
		elog(ERROR, "table mhub.%s cannot be filled any more", table->name);
	mhub_table_insert_unindexed(access, rows);
	mhub_table_close(access);
}

void
mhub_table_end_fill(MhubTable *table)
{
	/* expressions of indexes want a snapshot, and so do parallel workers */
	PushActiveSnapshot(GetTransactionSnapshot());
	(void) mhub_reindex_relation(table->relid, REINDEX_REL_CHECK_CONSTRAINTS);
	PopActiveSnapshot();
}

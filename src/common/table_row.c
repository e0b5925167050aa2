/*
 * table_row.c
 *	  Reading and changing single rows of the hub's ordinary tables without SQL.
 *
 * Rows of a heap are fetched here rather than by the table's access method,
 * which prunes a page at each look once the part that fillfactor leaves free
 * is in use.  Where rows change all the time it always is; so pages are pruned
 * when a change finds no room, which is much rarer.
 */
#include "common/table_state.h"

#include "access/heapam.h"
#include "access/tableam.h"
#include "access/xact.h"
#include "executor/executor.h"
#include "executor/nodeModifyTable.h"
#include "storage/bufmgr.h"
#include "utils/memutils.h"
#include "utils/rel.h"
#include "utils/snapmgr.h"

/* Most rows that change are counters and identifiers. */
#define ROOM_FOR_A_ROW 256

/* The snapshot that the next statement of a volatile function would have; pop it after use. */
void
mhub_table_push_latest(void)
{
	CommandCounterIncrement();
	PushActiveSnapshot(GetTransactionSnapshot());
}

static IndexScanDesc
begin_scan(MhubTableAccess *access, Oid number, Snapshot snapshot, int n)
{
	/* those of a table that is written are locked */
	Relation	index = index_open(number, access->result != NULL ? NoLock : AccessShareLock);
	IndexScanDesc scan = mhub_index_beginscan(access->relation, index, snapshot, n, 0);

	index_close(index, NoLock);
	return scan;
}

static IndexScanDesc
scan_of(MhubTableAccess *access, TableKeyState *state, int n)
{
	Snapshot	snapshot = GetActiveSnapshot();

	if (state->scan != NULL && state->scan->xs_snapshot == snapshot)
		return state->scan;
	if (state->scan != NULL)
		index_endscan(state->scan);
	state->scan = begin_scan(access, state->index, snapshot, n);
	return state->scan;
}

static void
seek(MhubTableAccess *access, int key, const Datum *values)
{
	const MhubTableKey *columns = &access->table->keys[key];
	TableKeyState *state = &access->keys[key];
	int			i;

	for (i = 0; i < columns->n; i++)
		state->scan_keys[state->positions[i]].sk_argument = values[i];
	access->reading = key;
	index_rescan(scan_of(access, state, columns->n), state->scan_keys, columns->n, NULL, 0);
}

/* Looks the rows up, under the active snapshot, whose key has these values.  Scans keep some of what they allocate. */
void
mhub_table_seek(MhubTableAccess *access, int key, const Datum *values)
{
	MemoryContext old;

	if (access->relation == NULL)
	{
		mhub_table_ask(access, key, values);
		return;
	}
	old = MemoryContextSwitchTo(access->memory);
	seek(access, key, values);
	MemoryContextSwitchTo(old);
}

/* A row's next version on its page saves entries in the indexes.  Nothing on the page may be in use by the caller. */
static void
make_room(MhubTableAccess *access)
{
	if (PageGetHeapFreeSpace(BufferGetPage(access->page)) < ROOM_FOR_A_ROW)
		heap_page_prune_opt(access->relation, access->page);
}

/* Fetches what of the chain of versions that begins at a place of the page the snapshot sees, as the access method does. */
static bool
fetch_from_page(MhubTableAccess *access, ItemPointerData place, Snapshot snapshot, bool *all_dead)
{
	if (access->to_change)
		make_room(access);
	return mhub_heap_fetch(access->relation, access->page, place, snapshot, access->found, all_dead);
}

static bool
next_in_heap(MhubTableAccess *access, IndexScanDesc scan)
{
	ItemPointer tid;

	while ((tid = index_getnext_tid(scan, ForwardScanDirection)) != NULL)
	{
		bool		all_dead;

		access->page = ReleaseAndReadBuffer(access->page, access->relation, ItemPointerGetBlockNumber(tid));
		if (fetch_from_page(access, *tid, scan->xs_snapshot, &all_dead))
			return true;
		/* The index may forget an entry whose rows nobody sees any more. */
		if (!scan->xactStartedInRecovery)
			scan->kill_prior_tuple = all_dead;
	}
	return false;
}

static bool
next_directly(MhubTableAccess *access)
{
	IndexScanDesc scan = access->keys[access->reading].scan;

	ExecClearTuple(access->found);
	if (mhub_is_heap(access->relation))
		return next_in_heap(access, scan);
	return index_getnext_slot(scan, ForwardScanDirection, access->found);
}

/* The next row found; its values stay valid until the next call. */
bool
mhub_table_next(MhubTableAccess *access)
{
	MemoryContext old;
	bool		found;

	if (access->relation == NULL)
		return mhub_table_next_answer(access);
	old = MemoryContextSwitchTo(access->memory);
	found = next_directly(access);
	MemoryContextSwitchTo(old);
	return found;
}

static bool
has_key(MhubTableAccess *access, int key, const Datum *values)
{
	const MhubTableKey *columns = &access->table->keys[key];
	TableKeyState *state = &access->keys[key];
	int			i;

	for (i = 0; i < columns->n; i++)
	{
		ScanKey		scan_key = &state->scan_keys[state->positions[i]];
		bool		isnull;
		Datum		value = mhub_table_value(access, columns->columns[i], &isnull);

		if (isnull || !DatumGetBool(FunctionCall2Coll(&scan_key->sk_func, scan_key->sk_collation, value, values[i])))
			return false;
	}
	return true;
}

static bool
find_by_hint(MhubTableAccess *access, int key, const Datum *values, MhubHint *hint, uint32 hash)
{
	Buffer		page = mhub_hint_pin(hint, hash, access->relation);
	bool		all_dead;

	if (!BufferIsValid(page))
		return false;
	ExecClearTuple(access->found);
	if (BufferIsValid(access->page))
		ReleaseBuffer(access->page);
	access->page = page;
	return fetch_from_page(access, hint->place, GetActiveSnapshot(), &all_dead) && has_key(access, key, values);
}

bool
mhub_table_find(MhubTableAccess *access, int key, const Datum *values, MhubHints *hints, uint32 hash)
{
	bool		is_heap = access->relation != NULL && mhub_is_heap(access->relation);
	MhubHint   *hint = mhub_hint_for(hints, hash);

	if (is_heap && find_by_hint(access, key, values, hint, hash))
		return true;
	mhub_table_seek(access, key, values);
	if (!mhub_table_next(access))
		return false;
	if (is_heap)
		mhub_hint_note(hint, hash, access->keys[key].scan->xs_heaptid, access->page);
	return true;
}

Datum
mhub_table_value(MhubTableAccess *access, int column, bool *isnull)
{
	if (access->relation == NULL)
		return mhub_table_answered(access, column, isnull);
	return slot_getattr(access->found, access->columns[column], isnull);
}

ItemPointerData
mhub_table_place(const MhubTableAccess *access)
{
	return access->found->tts_tid;
}

bool
mhub_table_find_again(MhubTableAccess *access, const ItemPointerData *place)
{
	ItemPointerData tid = *place;

	ExecClearTuple(access->found);
	if (access->to_change)
	{
		access->page = ReleaseAndReadBuffer(access->page, access->relation, ItemPointerGetBlockNumber(&tid));
		make_room(access);
	}
	return table_tuple_fetch_row_version(access->relation, &tid, GetActiveSnapshot(), access->found);
}

/* Locks the row found last, unless somebody else is at it: then nothing happens, and it is false. */
bool
mhub_table_lock_found(MhubTableAccess *access)
{
	ItemPointerData tid = access->found->tts_tid;
	TM_FailureData failure;

	return table_tuple_lock(access->relation, &tid, GetActiveSnapshot(), access->found, GetCurrentCommandId(true),
							LockTupleNoKeyExclusive, LockWaitSkip, 0, &failure) == TM_Ok;
}

static void
fill_changed(MhubTableAccess *access, const MhubTableChange *changes, int n)
{
	TupleTableSlot *slot = access->written;
	int			natts = slot->tts_tupleDescriptor->natts;
	int			i;

	slot_getallattrs(access->found);
	ExecClearTuple(slot);
	memcpy(slot->tts_values, access->found->tts_values, natts * sizeof(Datum));
	memcpy(slot->tts_isnull, access->found->tts_isnull, natts * sizeof(bool));
	for (i = 0; i < n; i++)
	{
		slot->tts_values[access->columns[changes[i].column] - 1] = changes[i].value;
		slot->tts_isnull[access->columns[changes[i].column] - 1] = false;
	}
	ExecStoreVirtualTuple(slot);
}

void
mhub_complete_row(ResultRelInfo *result, EState *estate, TupleTableSlot *slot)
{
	const TupleConstr *constraints = RelationGetDescr(result->ri_RelationDesc)->constr;

	if (constraints == NULL)
		return;
	if (constraints->has_generated_stored)
		ExecComputeStoredGenerated(result, estate, slot, CMD_INSERT);
	ExecConstraints(result, slot, estate);
}

bool
mhub_write_version(ResultRelInfo *result, EState *estate, ItemPointer tid, TupleTableSlot *slot, CommandId command)
{
	TM_FailureData failure;
	LockTupleMode lock_mode;
	MhubUpdateIndexes indexes;

	mhub_complete_row(result, estate, slot);
	if (table_tuple_update(result->ri_RelationDesc, tid, slot, command, GetActiveSnapshot(), InvalidSnapshot, true,
						   &failure, &lock_mode, &indexes) != TM_Ok)
		return false;
	if (mhub_must_update_indexes(indexes))
		(void) mhub_insert_index_tuples(result, slot, estate, indexes);
	return true;
}

static bool
write_changed(MhubTableAccess *access)
{
	ItemPointerData tid = access->found->tts_tid;

	if (!mhub_write_version(access->result, access->estate, &tid, access->written, GetCurrentCommandId(true)))
		return false;
	mhub_table_note_update(access, &tid);
	return true;
}

/*
 * Changes columns of the row found last.  False, with nothing done, when
 * somebody else has changed or removed it since the snapshot: then a statement
 * has to.  What is written shows after the next CommandCounterIncrement().
 */
bool
mhub_table_change_found(MhubTableAccess *access, const MhubTableChange *changes, int n)
{
	MemoryContext old = MemoryContextSwitchTo(GetPerTupleMemoryContext(access->estate));
	bool		done;

	fill_changed(access, changes, n);
	done = write_changed(access);
	ExecClearTuple(access->written);
	MemoryContextSwitchTo(old);
	ResetPerTupleExprContext(access->estate);
	return done;
}

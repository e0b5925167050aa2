/*
 * mover.c
 *	  Receives the enrollments that are due and moves them.
 *
 * For each row that the fetching statement returns, the state machine is run
 * and the new version of the row written through the table's access method,
 * while its page is still pinned by the scan.  Against the equivalent UPDATE
 * ... FROM (SELECT ... function) this spares a second look-up of the row and
 * the composite values in between, half of the time in all.
 *
 * A row that somebody else is changing, or has changed since the snapshot, is
 * passed over; it is still due and comes again in the next round.  So the
 * engine does not wait for a row (but for one that is changed in the very moment
 * between looking and writing).
 *
 * Nothing else of common/table_access.h is of use here: the row is at hand, and
 * there are no triggers to care for, as they do not see what the engine does.
 */
#include "workflow/advance.h"

#include "access/genam.h"
#include "access/heapam.h"
#include "access/table.h"
#include "access/tableam.h"
#include "catalog/pg_type.h"
#include "common/hub_relation.h"
#include "common/table_state.h"
#include "executor/executor.h"
#include "storage/bufmgr.h"
#include "utils/array.h"
#include "utils/lsyscache.h"
#include "utils/rel.h"
#include "utils/snapmgr.h"
#include "workflow/version_cache.h"

/* The enrollment's columns that the mover reads or writes. */
typedef enum Column
{
	COL_ENROLLMENT_ID, COL_PERSON_ID, COL_WAKE_AT, COL_ARRIVED_AT, COL_VERSION_ID, COL_HOPS,
	COL_STEP, COL_OUTCOME, COL_SIGNAL, COL_VARIANTS, COL_CONTEXT, COLUMNS
} Column;

static const char *const column_names[COLUMNS] = {
	"enrollment_id", "person_id", "wake_at", "arrived_at", "version_id", "hops",
	"step", "outcome", "signal", "variants", "context"
};

typedef struct Mover
{
	DestReceiver receiver;		/* must be first */
	MoveSink   *sink;
	TimestampTz now;
	TimestampTz events_until;
	Relation	relation;
	AttrNumber	columns[COLUMNS];
	TupleTableSlot *slot;		/* the new version */
	EState	   *estate;			/* for the indexes, where a version does not fit into its page */
	ResultRelInfo *result;
	CommandId	command;
	MemoryContext scratch;		/* reset for each row */
} Mover;

static void
open_indexes(Mover *mover)
{
	mover->estate = CreateExecutorState();
	mover->result = makeNode(ResultRelInfo);
	/* No place in a range table: no indexed column changes, which is what it would tell. */
	InitResultRelInfo(mover->result, mover->relation, 0, NULL, 0);
	ExecOpenIndices(mover->result, false);
}

static void
startup(DestReceiver *self, int operation pg_attribute_unused(), TupleDesc desc pg_attribute_unused())
{
	Mover	   *mover = (Mover *) self;
	MemoryContext caller = MemoryContextSwitchTo(mover->sink->context);
	Oid			table = mhub_relation("enrollment");

	mover->relation = table_open(table, RowExclusiveLock);
	CheckCmdReplicaIdentity(mover->relation, CMD_UPDATE);
	for (int i = 0; i < COLUMNS; i++)
	{
		mover->columns[i] = get_attnum(table, column_names[i]);
		if (mover->columns[i] == InvalidAttrNumber)
			elog(ERROR, "mhub.enrollment has no column %s", column_names[i]);
	}
	mover->slot = table_slot_create(mover->relation, NULL);
	mover->scratch = AllocSetContextCreate(mover->sink->context, "mhub enrollment", ALLOCSET_DEFAULT_SIZES);
	mover->command = GetCurrentCommandId(true);
	open_indexes(mover);
	MemoryContextSwitchTo(caller);
}

static void
shutdown(DestReceiver *self)
{
	Mover	   *mover = (Mover *) self;

	ExecCloseIndices(mover->result);
	FreeExecutorState(mover->estate);
	ExecDropSingleTupleTableSlot(mover->slot);
	table_close(mover->relation, NoLock);
}

static void
destroy(DestReceiver *self pg_attribute_unused())
{
}

/* Copies the enrollment's own columns, which come without those that were dropped. */
static void
copy_row(Mover *mover, TupleTableSlot *due)
{
	TupleDesc	desc = RelationGetDescr(mover->relation);
	int			from = DUE_ENROLLMENT;

	ExecClearTuple(mover->slot);
	for (int i = 0; i < desc->natts; i++)
	{
		bool		dropped = TupleDescAttr(desc, i)->attisdropped;

		mover->slot->tts_values[i] = dropped ? (Datum) 0 : due->tts_values[from];
		mover->slot->tts_isnull[i] = dropped || due->tts_isnull[from];
		from += dropped ? 0 : 1;
	}
}

static Datum
get(Mover *mover, Column column)
{
	return mover->slot->tts_values[mover->columns[column] - 1];
}

static void
put(Mover *mover, Column column, Datum value, bool isnull)
{
	mover->slot->tts_values[mover->columns[column] - 1] = value;
	mover->slot->tts_isnull[mover->columns[column] - 1] = isnull;
}

static void
read_refusals(TupleTableSlot *due, WfInput *input)
{
	ArrayType  *array;

	if (due->tts_isnull[DUE_REFUSALS])
		return;
	array = DatumGetArrayTypeP(due->tts_values[DUE_REFUSALS]);
	if (ARR_NDIM(array) != 1)
		return;
	input->nrefusals = ARR_DIMS(array)[0];
	input->refusals = (int32 *) ARR_DATA_PTR(array);
}

static void
read_input(Mover *mover, TupleTableSlot *due, const WfVersion *version, WfInput *input)
{
	memset(input, 0, sizeof(*input));
	input->person_id = DatumGetInt64(get(mover, COL_PERSON_ID));
	input->step = DatumGetInt16(get(mover, COL_STEP));
	input->starting = DatumGetInt32(get(mover, COL_HOPS)) == 0;
	input->signal = DatumGetInt16(get(mover, COL_SIGNAL));
	input->arrived_at = DatumGetTimestampTz(get(mover, COL_ARRIVED_AT));
	input->wake_at = DatumGetTimestampTz(get(mover, COL_WAKE_AT));
	input->now = mover->now;
	input->events_until = mover->events_until;
	if (!mover->slot->tts_isnull[mover->columns[COL_CONTEXT] - 1])
		input->context = DatumGetJsonbP(get(mover, COL_CONTEXT));
	if (!due->tts_isnull[DUE_PROFILE])
		input->profile = DatumGetJsonbP(due->tts_values[DUE_PROFILE]);
	read_refusals(due, input);
	input->workflow = version->workflow;
	input->facts = version->facts;
	if (input->step < 0 || input->step >= version->program->nsteps)
		ereport(ERROR,
				(errcode(ERRCODE_DATA_CORRUPTED),
				 errmsg("workflow \"%s\" has no step %d in version %d", version->workflow, input->step, version->version_id)));
}

/* The experiments the enrollment is in, with those of this wake-up; NULL without any. */
static ArrayType *
variants_after(Mover *mover, const WfProgram *program, const WfMove *move)
{
	bool		isnull = mover->slot->tts_isnull[mover->columns[COL_VARIANTS] - 1];
	ArrayType  *before = isnull ? NULL : DatumGetArrayTypeP(get(mover, COL_VARIANTS));
	int			nbefore = before == NULL || ARR_NDIM(before) == 0 ? 0 : ARR_DIMS(before)[0];
	int			count = 0;
	Datum	   *visits;

	if (!program->has_experiment)
		return before;
	visits = palloc((nbefore + move->npath) * sizeof(Datum));
	for (int i = 0; i < nbefore; i++)
		visits[count++] = Int32GetDatum(((int32 *) ARR_DATA_PTR(before))[i]);
	for (int i = 0; i < move->npath; i++)
	{
		bool		known = program->steps[move->path[i] / WF_VISIT].type != WF_EXPERIMENT ||
			move->path[i] % WF_VISIT >= WF_MAX_BRANCHES;

		for (int j = 0; j < count && !known; j++)
			known = DatumGetInt32(visits[j]) == move->path[i];
		if (!known)
			visits[count++] = Int32GetDatum(move->path[i]);
	}
	return count == nbefore ? before : construct_array(visits, count, INT4OID, sizeof(int32), true, TYPALIGN_INT);
}

static void
apply(Mover *mover, const WfInput *input, const WfMove *move, ArrayType *variants)
{
	if (variants != NULL)
		put(mover, COL_VARIANTS, PointerGetDatum(variants), false);
	put(mover, COL_STEP, Int16GetDatum((int16) move->step), false);
	put(mover, COL_OUTCOME, Int16GetDatum((int16) move->end), false);
	put(mover, COL_ARRIVED_AT, TimestampTzGetDatum(move->arrived_at), false);
	put(mover, COL_WAKE_AT, TimestampTzGetDatum(move->wake_at), move->end != WF_IN_FLIGHT);
	put(mover, COL_HOPS, Int32GetDatum(DatumGetInt32(get(mover, COL_HOPS)) + 1), false);
	put(mover, COL_SIGNAL, Int16GetDatum((int16) move->signal), false);
	if (move->context != input->context)
		put(mover, COL_CONTEXT, JsonbPGetDatum(move->context), false);
	ExecStoreVirtualTuple(mover->slot);
}

/*
 * Whether another transaction is changing or locking the row.  The update
 * below could tell as well, but heap_update() does not mean to be called with
 * wait = false: with assertions enabled it stops the server.  A lock of our own,
 * which a trigger on UPDATE leaves behind, is in nobody's way.
 */
static bool
is_being_modified(Mover *mover, ItemPointer tid)
{
	Buffer		buffer = ReadBuffer(mover->relation, ItemPointerGetBlockNumber(tid));
	ItemId		item;
	HeapTupleData row;
	TM_Result	result;
	bool		ours;

	LockBuffer(buffer, BUFFER_LOCK_SHARE);
	item = PageGetItemId(BufferGetPage(buffer), ItemPointerGetOffsetNumber(tid));
	row.t_self = *tid;
	row.t_tableOid = RelationGetRelid(mover->relation);
	row.t_data = (HeapTupleHeader) PageGetItem(BufferGetPage(buffer), item);
	row.t_len = ItemIdGetLength(item);
	result = HeapTupleSatisfiesUpdate(&row, mover->command, buffer);
	ours = !(row.t_data->t_infomask & HEAP_XMAX_IS_MULTI) &&
		TransactionIdIsCurrentTransactionId(HeapTupleHeaderGetRawXmax(row.t_data));
	UnlockReleaseBuffer(buffer);
	return result == TM_BeingModified && !ours;
}

/* False if somebody else is at the row, or was since the snapshot. */
static bool
write_row(Mover *mover, ItemPointer tid)
{
	bool		done = !is_being_modified(mover, tid) &&
		mhub_write_version(mover->result, mover->estate, tid, mover->slot, mover->command);

	ResetPerTupleExprContext(mover->estate);
	return done;
}

static void
move_row(Mover *mover, TupleTableSlot *due)
{
	WfVersion  *version;
	WfInput		input;
	WfMove		move;
	MoveRecord	record;

	copy_row(mover, due);
	version = wf_version(DatumGetInt32(get(mover, COL_VERSION_ID)));
	read_input(mover, due, version, &input);
	wf_run(version->program, &input, &move);
	if (!move.moved)
		return;
	record.variants = variants_after(mover, version->program, &move);
	apply(mover, &input, &move, record.variants);
	if (!write_row(mover, (ItemPointer) DatumGetPointer(due->tts_values[DUE_TID])))
		return;

	record.enrollment_id = DatumGetInt64(get(mover, COL_ENROLLMENT_ID));
	record.person_id = input.person_id;
	record.version_id = version->version_id;
	record.hops = DatumGetInt32(get(mover, COL_HOPS));
	record.woken_at = input.starting ? -1 : input.step;
	record.waited = input.starting ? 0 : input.now - input.arrived_at;
	record.tid = mover->slot->tts_tid;
	record.move = &move;
	wf_sink_add(mover->sink, version->program, &record);
}

static bool
receive(TupleTableSlot *due, DestReceiver *self)
{
	Mover	   *mover = (Mover *) self;
	MemoryContext caller = MemoryContextSwitchTo(mover->scratch);

	slot_getallattrs(due);
	move_row(mover, due);
	ExecClearTuple(mover->slot);
	MemoryContextSwitchTo(caller);
	MemoryContextReset(mover->scratch);
	return true;
}

/* A receiver for rows of mhub.enrollment that are due; what they do goes into the sink. */
DestReceiver *
wf_mover_create(MoveSink *sink, TimestampTz now, TimestampTz events_until)
{
	Mover	   *mover = MemoryContextAllocZero(sink->context, sizeof(Mover));

	mover->receiver.receiveSlot = receive;
	mover->receiver.rStartup = startup;
	mover->receiver.rShutdown = shutdown;
	mover->receiver.rDestroy = destroy;
	mover->receiver.mydest = DestNone;
	mover->sink = sink;
	mover->now = now;
	mover->events_until = events_until;
	return &mover->receiver;
}

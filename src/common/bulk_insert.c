/*
 * bulk_insert.c
 *	  Many rows into a table without a statement, as COPY does it.
 *
 * Rows for one page go in together, under one lock and one WAL record, and
 * nothing is spent on the executor's nodes.  That is half of what INSERT takes.
 */
#include "common/bulk_insert.h"

#include "access/table.h"
#include "access/tableam.h"
#include "access/xact.h"
#include "executor/execPartition.h"
#include "executor/executor.h"
#include "miscadmin.h"
#include "nodes/makefuncs.h"

/* Rows that wait for being written together: several pages of them */
#define BUFFERED_ROWS 64

typedef struct BulkInsert
{
	const MhubPlainTable *table;
	Relation	relation;
	EState	   *estate;
	CommandId	command;
	ResultRelInfo *root;
	ModifyTableState *mtstate;	/* what routing wants to know */
	PartitionTupleRouting *routing; /* NULL: not partitioned */
	TupleTableSlot *row;		/* as it came */

	/* Where the buffered rows go */
	ResultRelInfo *target;
	bool		target_is_plain;
	int			n_buffered;
	int			n_slots;
	TupleTableSlot *slots[BUFFERED_ROWS];
} BulkInsert;

static void
set_up_routing(BulkInsert *insert)
{
	ModifyTableState *mtstate = makeNode(ModifyTableState);

	mtstate->ps.state = insert->estate;
	mtstate->operation = CMD_INSERT;
	mtstate->mt_nrels = 1;
	mtstate->resultRelInfo = insert->root;
	mtstate->rootResultRelInfo = insert->root;
	insert->mtstate = mtstate;
	insert->routing = ExecSetupPartitionTupleRouting(insert->estate, insert->relation);
}

static void
start(BulkInsert *insert, const MhubPlainTable *table, Relation relation)
{
	memset(insert, 0, sizeof(*insert));
	insert->table = table;
	insert->relation = relation;
	insert->estate = CreateExecutorState();
	insert->command = GetCurrentCommandId(true);
	insert->root = makeNode(ResultRelInfo);
	/* No place in a range table, which would tell the rights on columns: they are checked for the table. */
	InitResultRelInfo(insert->root, relation, 0, NULL, 0);
	insert->row = MakeSingleTupleTableSlot(RelationGetDescr(relation), &TTSOpsVirtual);
	if (relation->rd_rel->relkind == RELKIND_PARTITIONED_TABLE)
		set_up_routing(insert);
	else
		ExecOpenIndices(insert->root, false);
}

/* The next buffered row's slot.  They live in the executor state's memory. */
static TupleTableSlot *
next_slot(BulkInsert *insert)
{
	if (insert->n_buffered == insert->n_slots)
	{
		MemoryContext old = MemoryContextSwitchTo(insert->estate->es_query_cxt);

		insert->slots[insert->n_slots++] = table_slot_create(insert->target->ri_RelationDesc, NULL);
		MemoryContextSwitchTo(old);
	}
	return insert->slots[insert->n_buffered++];
}

static void
flush(BulkInsert *insert)
{
	ResultRelInfo *target = insert->target;
	MemoryContext old;

	if (insert->n_buffered == 0)
		return;
	CHECK_FOR_INTERRUPTS();
	old = MemoryContextSwitchTo(GetPerTupleMemoryContext(insert->estate));
	if (RelationGetDescr(target->ri_RelationDesc)->constr != NULL)
	{
		for (int i = 0; i < insert->n_buffered; i++)
			ExecConstraints(target, insert->slots[i], insert->estate);
	}
	table_multi_insert(target->ri_RelationDesc, insert->slots, insert->n_buffered, insert->command, 0, NULL);
	for (int i = 0; target->ri_NumIndices > 0 && i < insert->n_buffered; i++)
		(void) mhub_insert_index_tuples_unless(target, insert->slots[i], insert->estate, NIL, NULL);
	for (int i = 0; i < insert->n_buffered; i++)
		ExecClearTuple(insert->slots[i]);
	MemoryContextSwitchTo(old);
	ResetPerTupleExprContext(insert->estate);
	insert->n_buffered = 0;
}

static void
drop_slots(BulkInsert *insert)
{
	for (int i = 0; i < insert->n_slots; i++)
		ExecDropSingleTupleTableSlot(insert->slots[i]);
	insert->n_slots = 0;
}

/* From now on rows go to this table. */
static void
aim_at(BulkInsert *insert, ResultRelInfo *target)
{
	if (insert->target == target)
		return;
	if (insert->target != NULL)
	{
		flush(insert);
		drop_slots(insert);
	}
	insert->target = target;
	insert->target_is_plain = target->ri_RelationDesc->rd_rel->relkind == RELKIND_RELATION &&
		mhub_is_plain(target->ri_RelationDesc, insert->table, ACL_INSERT);
}

/* False: only a statement may insert this row. */
static bool
add_row(BulkInsert *insert)
{
	TupleTableSlot *row = insert->row;
	TupleTableSlot *slot;

	aim_at(insert, insert->routing == NULL ? insert->root :
		   ExecFindPartition(insert->mtstate, insert->root, insert->routing, row, insert->estate));
	if (!insert->target_is_plain)
		return false;
	slot = next_slot(insert);
	memcpy(slot->tts_values, row->tts_values, sizeof(Datum) * insert->table->n_columns);
	memcpy(slot->tts_isnull, row->tts_isnull, sizeof(bool) * insert->table->n_columns);
	ExecStoreVirtualTuple(slot);
	if (insert->n_buffered == BUFFERED_ROWS)
		flush(insert);
	return true;
}

static void
finish(BulkInsert *insert)
{
	flush(insert);
	drop_slots(insert);
	ExecDropSingleTupleTableSlot(insert->row);
	/* Routing has slots there for partitions whose columns are in another order. */
	ExecResetTupleTable(insert->estate->es_tupleTable, false);
	if (insert->routing != NULL)
		ExecCleanupTupleRouting(insert->mtstate, insert->routing);
	else
		ExecCloseIndices(insert->root);
	FreeExecutorState(insert->estate);
	table_close(insert->relation, NoLock);
	/* What follows in this transaction is to see the rows. */
	CommandCounterIncrement();
}

static int
leave_all(int n, int *left)
{
	for (int i = 0; i < n; i++)
		left[i] = i;
	return n;
}

int
mhub_bulk_insert(const MhubPlainTable *table, int n, MhubFillRow fill, void *state, int *left)
{
	Relation	relation = mhub_open_plain_table(table, ACL_INSERT);
	BulkInsert	insert;
	int			n_left = 0;

	if (relation == NULL)
		return leave_all(n, left);
	start(&insert, table, relation);
	for (int i = 0; i < n; i++)
	{
		ExecClearTuple(insert.row);
		fill(state, i, insert.row->tts_values, insert.row->tts_isnull);
		ExecStoreVirtualTuple(insert.row);
		if (!add_row(&insert))
			left[n_left++] = i;
	}
	finish(&insert);
	return n_left;
}

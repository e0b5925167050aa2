/*
 * table_route.c
 *	  Inserting into partitioned tables without a statement, as COPY does it.
 *
 * This stands apart from the other tables.  Of a partitioned one nothing is
 * kept from call to call: only the rows tell which partitions they go to, and
 * each of these has its own indexes, triggers and places of columns.  So
 * neither defaults nor triggers are seen to here.  Rows are written to those
 * partitions that take nothing but storing them; for the others there is the
 * statement.
 */
#include "common/table_state.h"

#include "access/table.h"
#include "access/tableam.h"
#include "access/xact.h"
#include "catalog/pg_class.h"
#include "common/hub_relation.h"
#include "executor/execPartition.h"
#include "executor/executor.h"
#include "miscadmin.h"
#include "nodes/makefuncs.h"

typedef struct RoutedInsert
{
	const MhubTable *table;
	Relation	relation;
	EState	   *estate;
	CommandId	command;
	ResultRelInfo *root;
	ModifyTableState *mtstate;	/* what routing wants to know */
	PartitionTupleRouting *routing;
	TupleTableSlot *row;		/* as it came */

	/* Where the buffered rows go */
	ResultRelInfo *target;
	bool		target_is_bare;
	int			n_buffered;
	int			n_slots;
	TupleTableSlot *slots[MHUB_ROWS_TOGETHER];
} RoutedInsert;

/* These columns in this order, and no others? */
static bool
has_columns(TupleDesc descriptor, const MhubTable *table)
{
	if (descriptor->natts != table->ncolumns)
		return false;
	for (int i = 0; i < table->ncolumns; i++)
	{
		Form_pg_attribute column = TupleDescAttr(descriptor, i);

		if (column->attisdropped || column->atttypid != table->types[i] ||
			strcmp(NameStr(column->attname), table->columns[i]) != 0)
			return false;
	}
	return true;
}

/* Does a row take nothing but being stored? */
static bool
is_bare(Relation relation, const MhubTable *table)
{
	const TupleConstr *constraints = RelationGetDescr(relation)->constr;

	return mhub_table_is_itself(relation) && !mhub_fires_on_insert(relation->trigdesc) &&
		(constraints == NULL || !constraints->has_generated_stored) &&
		has_columns(RelationGetDescr(relation), table);
}

/* NULL when that takes a statement, or the user may not do it, which the statement will say best */
static Relation
open_root(const MhubTable *table)
{
	Oid			relid = mhub_find_relation(table->name);
	Relation	relation;

	if (!OidIsValid(relid) || !mhub_table_grants(relid, ACL_INSERT))
		return NULL;
	relation = table_open(relid, RowExclusiveLock);
	if (relation->rd_rel->relkind == RELKIND_PARTITIONED_TABLE && is_bare(relation, table))
		return relation;
	table_close(relation, NoLock);
	return NULL;
}

static void
set_up_routing(RoutedInsert *insert)
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
start(RoutedInsert *insert, const MhubTable *table, Relation relation)
{
	PreventCommandIfReadOnly("INSERT");
	PreventCommandIfParallelMode("INSERT");
	memset(insert, 0, sizeof(*insert));
	insert->table = table;
	insert->relation = relation;
	insert->estate = CreateExecutorState();
	insert->command = GetCurrentCommandId(true);
	insert->root = makeNode(ResultRelInfo);
	/* No place in a range table, which would tell the rights on columns: they are checked for the table. */
	InitResultRelInfo(insert->root, relation, 0, NULL, 0);
	insert->row = MakeSingleTupleTableSlot(RelationGetDescr(relation), &TTSOpsVirtual);
	set_up_routing(insert);
}

/* The next buffered row's slot.  They live in the executor state's memory. */
static TupleTableSlot *
next_slot(RoutedInsert *insert)
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
flush(RoutedInsert *insert)
{
	if (insert->n_buffered > 0)
		mhub_write_together(insert->target, insert->estate, insert->slots, insert->n_buffered, insert->command);
	insert->n_buffered = 0;
}

static void
drop_slots(RoutedInsert *insert)
{
	for (int i = 0; i < insert->n_slots; i++)
		ExecDropSingleTupleTableSlot(insert->slots[i]);
	insert->n_slots = 0;
}

/* From now on rows go to this partition. */
static void
aim_at(RoutedInsert *insert, ResultRelInfo *target)
{
	if (insert->target == target)
		return;
	flush(insert);
	drop_slots(insert);
	insert->target = target;
	insert->target_is_bare = target->ri_RelationDesc->rd_rel->relkind == RELKIND_RELATION &&
		is_bare(target->ri_RelationDesc, insert->table);
}

/* False: only a statement may insert this row. */
static bool
add_row(RoutedInsert *insert)
{
	TupleTableSlot *row = insert->row;
	TupleTableSlot *slot;

	aim_at(insert, ExecFindPartition(insert->mtstate, insert->root, insert->routing, row, insert->estate));
	if (!insert->target_is_bare)
		return false;
	slot = next_slot(insert);
	memcpy(slot->tts_values, row->tts_values, sizeof(Datum) * insert->table->ncolumns);
	memcpy(slot->tts_isnull, row->tts_isnull, sizeof(bool) * insert->table->ncolumns);
	ExecStoreVirtualTuple(slot);
	if (insert->n_buffered == MHUB_ROWS_TOGETHER)
		flush(insert);
	return true;
}

static void
finish(RoutedInsert *insert)
{
	flush(insert);
	drop_slots(insert);
	ExecDropSingleTupleTableSlot(insert->row);
	/* Routing has slots there for partitions whose columns are in another order. */
	ExecResetTupleTable(insert->estate->es_tupleTable, false);
	ExecCleanupTupleRouting(insert->mtstate, insert->routing);
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
mhub_table_insert_routed(const MhubTable *table, int n, MhubFillRow fill, void *state, int *left)
{
	Relation	relation = open_root(table);
	RoutedInsert insert;
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

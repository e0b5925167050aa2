/*
 * counter_table.c
 *	  mhub.event_counter written without a statement.
 *
 * Most counters of a batch are there already.  ON CONFLICT DO UPDATE locks
 * such a row before it updates it, both with WAL; here the row found by the
 * index is updated at once, and what somebody else has changed meanwhile is
 * left to the statement.
 */
#include "collect/counter_table.h"

#include "access/genam.h"
#include "access/table.h"
#include "access/tableam.h"
#include "access/xact.h"
#include "catalog/pg_type_d.h"
#include "common/plain_table.h"
#include "executor/executor.h"
#include "miscadmin.h"
#include "storage/lmgr.h"
#include "utils/builtins.h"
#include "utils/fmgroids.h"
#include "utils/fmgrprotos.h"
#include "utils/snapmgr.h"

/* Columns of the table, which its primary key's columns come first of */
enum
{
	IDENTIFIER_ID, NAME, DAY, COUNT, VALUE_SUM, FIRST_AT, LAST_AT
};

#define N_KEYS (DAY + 1)

static const MhubColumn columns[MHUB_COUNTER_COLUMNS] = {
	{"identifier_id", INT8OID},
	{"name", TEXTOID},
	{"day", DATEOID},
	{"count", INT8OID},
	{"value_sum", NUMERICOID},
	{"first_at", TIMESTAMPTZOID},
	{"last_at", TIMESTAMPTZOID}
};

const MhubPlainTable mhub_counter_table = {"event_counter", lengthof(columns), columns};

struct MhubCounterTable
{
	Relation	relation;
	EState	   *estate;
	ResultRelInfo *result;
	Relation	key;			/* index of the primary key */
	List	   *arbiters;		/* its id */
	Snapshot	snapshot;
	IndexScanDesc scan;
	ScanKeyData keys[N_KEYS];
	TupleTableSlot *found;
	TupleTableSlot *written;
	CommandId	command;
	Datum		zero;
};

Numeric
mhub_add_values(Numeric a, Numeric b)
{
	return DatumGetNumeric(DirectFunctionCall2(numeric_add, NumericGetDatum(a), NumericGetDatum(b)));
}

/* The index of the primary key among those opened, when it is on the expected columns; else NULL. */
static Relation
primary_key(const ResultRelInfo *result)
{
	for (int i = 0; i < result->ri_NumIndices; i++)
	{
		Form_pg_index index = result->ri_IndexRelationDescs[i]->rd_index;

		if (index->indisprimary && index->indisvalid && index->indimmediate && index->indnkeyatts == N_KEYS &&
			index->indkey.values[0] == IDENTIFIER_ID + 1 &&
			index->indkey.values[1] == NAME + 1 &&
			index->indkey.values[2] == DAY + 1)
			return result->ri_IndexRelationDescs[i];
	}
	return NULL;
}

static void
start_scan(MhubCounterTable *counters)
{
	static const RegProcedure equals[N_KEYS] = {F_INT8EQ, F_TEXTEQ, F_DATE_EQ};

	for (int i = 0; i < N_KEYS; i++)
	{
		ScanKeyInit(&counters->keys[i], (AttrNumber) (i + 1), BTEqualStrategyNumber, equals[i], (Datum) 0);
		counters->keys[i].sk_collation = counters->key->rd_indcollation[i];
	}
	counters->snapshot = RegisterSnapshot(GetTransactionSnapshot());
	counters->scan = mhub_index_beginscan(counters->relation, counters->key, counters->snapshot, N_KEYS, 0);
	counters->arbiters = list_make1_oid(RelationGetRelid(counters->key));
}

/* NULL where only statements may write the counters; a fixed snapshot is left to them, too. */
MhubCounterTable *
mhub_counters_open(void)
{
	Relation	relation = IsolationUsesXactSnapshot() ? NULL :
		mhub_open_plain_table(&mhub_counter_table, ACL_SELECT | ACL_INSERT | ACL_UPDATE);
	MhubCounterTable *counters;

	if (relation == NULL)
		return NULL;
	counters = palloc0(sizeof(MhubCounterTable));
	counters->relation = relation;
	counters->estate = CreateExecutorState();
	counters->result = makeNode(ResultRelInfo);
	InitResultRelInfo(counters->result, relation, 0, NULL, 0);
	ExecOpenIndices(counters->result, false);
	counters->key = primary_key(counters->result);
	if (counters->key == NULL || relation->rd_rel->relkind != RELKIND_RELATION)
	{
		mhub_counters_close(counters);
		return NULL;
	}
	start_scan(counters);
	counters->found = table_slot_create(relation, NULL);
	counters->written = table_slot_create(relation, NULL);
	counters->command = GetCurrentCommandId(true);
	counters->zero = DirectFunctionCall1(int8_numeric, Int64GetDatum(0));
	return counters;
}

static bool
find(MhubCounterTable *counters, const MhubCount *count, Datum name)
{
	counters->keys[IDENTIFIER_ID].sk_argument = Int64GetDatum(count->identifier_id);
	counters->keys[NAME].sk_argument = name;
	counters->keys[DAY].sk_argument = DateADTGetDatum(count->day);
	index_rescan(counters->scan, counters->keys, N_KEYS, NULL, 0);
	return index_getnext_slot(counters->scan, ForwardScanDirection, counters->found);
}

static void
set_row(MhubCounterTable *counters, const MhubCount *count, Datum name)
{
	Datum	   *values = counters->written->tts_values;

	ExecClearTuple(counters->written);
	memset(counters->written->tts_isnull, false, MHUB_COUNTER_COLUMNS);
	values[IDENTIFIER_ID] = Int64GetDatum(count->identifier_id);
	values[NAME] = name;
	values[DAY] = DateADTGetDatum(count->day);
	values[COUNT] = Int64GetDatum(count->count);
	values[VALUE_SUM] = count->value_sum == NULL ? counters->zero : NumericGetDatum(count->value_sum);
	values[FIRST_AT] = TimestampTzGetDatum(count->first_at);
	values[LAST_AT] = TimestampTzGetDatum(count->last_at);
}

static void
add_found(MhubCounterTable *counters, const MhubCount *count)
{
	Datum	   *values = counters->written->tts_values;
	const Datum *found = counters->found->tts_values;

	slot_getallattrs(counters->found);
	values[COUNT] = Int64GetDatum(count->count + DatumGetInt64(found[COUNT]));
	values[VALUE_SUM] = count->value_sum == NULL ? found[VALUE_SUM] :
		NumericGetDatum(mhub_add_values(DatumGetNumeric(found[VALUE_SUM]), count->value_sum));
	values[FIRST_AT] = TimestampTzGetDatum(Min(count->first_at, DatumGetTimestampTz(found[FIRST_AT])));
	values[LAST_AT] = TimestampTzGetDatum(Max(count->last_at, DatumGetTimestampTz(found[LAST_AT])));
}

/* False: somebody else has changed or removed the row since the snapshot. */
static bool
update(MhubCounterTable *counters)
{
	TM_FailureData failure;
	LockTupleMode lock_mode;
	MhubUpdateIndexes indexes;

	ExecStoreVirtualTuple(counters->written);
	if (table_tuple_update(counters->relation, &counters->found->tts_tid, counters->written, counters->command,
						   counters->snapshot, InvalidSnapshot, true, &failure, &lock_mode, &indexes) != TM_Ok)
		return false;
	if (mhub_must_update_indexes(indexes))
		(void) mhub_insert_index_tuples(counters->result, counters->written, counters->estate, indexes);
	return true;
}

/* Speculative, so that a row with the same key is no error.  False: there is one. */
static bool
insert(MhubCounterTable *counters)
{
	TransactionId xid = GetCurrentTransactionId();
	uint32		token = SpeculativeInsertionLockAcquire(xid);
	bool		conflict = false;

	ExecStoreVirtualTuple(counters->written);
	table_tuple_insert_speculative(counters->relation, counters->written, counters->command, 0, NULL, token);
	(void) mhub_insert_index_tuples_unless(counters->result, counters->written, counters->estate, counters->arbiters, &conflict);
	table_tuple_complete_speculative(counters->relation, counters->written, token, !conflict);
	SpeculativeInsertionLockRelease(xid);
	return !conflict;
}

/* Adds to one counter; keys must not repeat.  False: only a statement can, so that nothing was done. */
bool
mhub_counters_add(MhubCounterTable *counters, const MhubCount *count)
{
	Datum		name = CStringGetTextDatum(count->name);
	/* Not in the memory reset below: the scan keeps things of its own. */
	bool		exists = find(counters, count, name);
	MemoryContext old = MemoryContextSwitchTo(GetPerTupleMemoryContext(counters->estate));
	bool		done;

	set_row(counters, count, name);
	if (exists)
		add_found(counters, count);
	done = exists ? update(counters) : insert(counters);
	ExecClearTuple(counters->written);
	MemoryContextSwitchTo(old);
	ResetPerTupleExprContext(counters->estate);
	return done;
}

void
mhub_counters_close(MhubCounterTable *counters)
{
	if (counters->scan != NULL)
	{
		index_endscan(counters->scan);
		UnregisterSnapshot(counters->snapshot);
		ExecDropSingleTupleTableSlot(counters->found);
		ExecDropSingleTupleTableSlot(counters->written);
		/* What follows in this transaction is to see the counters. */
		CommandCounterIncrement();
	}
	ExecCloseIndices(counters->result);
	FreeExecutorState(counters->estate);
	table_close(counters->relation, NoLock);
	pfree(counters);
}

/*
 * table_insert.c
 *	  Inserting into the hub's ordinary tables without SQL.
 *
 * A unique key that several sessions may insert at the same time is inserted
 * speculatively, without the look beforehand that ON CONFLICT takes, for the
 * caller has just looked: the index reports a possible conflict instead of
 * raising it or waiting, and the row is killed at once, so that nobody waits
 * for it.  Then the statement with ON CONFLICT DO NOTHING, which knows how to
 * wait, is run in its place.
 */
#include "common/table_state.h"

#include "access/tableam.h"
#include "access/xact.h"
#include "commands/trigger.h"
#include "common/insertion_token.h"
#include "executor/executor.h"
#include "executor/spi.h"
#include "lib/stringinfo.h"
#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"
#include "utils/rel.h"

/* One INSERT statement under way */
typedef struct Insertion
{
	MhubTableAccess *access;
	const MhubColumns *rows;
	List	   *arbiters;		/* the unique index that may say no; NIL: none may */
	MhubInsertionToken token;	/* of speculative insertions */
	CommandId	command;
	TransitionCaptureState *capture;
} Insertion;

void
mhub_table_start_row(MhubTableAccess *access, TupleTableSlot *slot)
{
	int			i;

	ExecClearTuple(slot);
	memset(slot->tts_isnull, true, sizeof(bool) * slot->tts_tupleDescriptor->natts);
	memset(slot->tts_values, 0, sizeof(Datum) * slot->tts_tupleDescriptor->natts);
	for (i = 0; i < access->ndefaults; i++)
	{
		int			column = access->defaults[i].column - 1;

		slot->tts_values[column] = ExecEvalExprSwitchContext(access->defaults[i].value,
															 GetPerTupleExprContext(access->estate),
															 &slot->tts_isnull[column]);
	}
}

static void
fill_slot(MhubTableAccess *access, TupleTableSlot *slot, const MhubColumns *rows, int row)
{
	int			i;

	mhub_table_start_row(access, slot);
	for (i = 0; i < rows->ncolumns; i++)
	{
		slot->tts_values[access->columns[i] - 1] = rows->values[i][row];
		slot->tts_isnull[access->columns[i] - 1] = rows->nulls[i][row];
	}
	ExecStoreVirtualTuple(slot);
}

/* Writes the row and its index entries; false, with nothing left behind, if the arbiter stands against it. */
static bool
write_speculatively(Insertion *insertion, List **recheck)
{
	MhubTableAccess *access = insertion->access;
	bool		conflict = false;

	table_tuple_insert_speculative(access->relation, access->written, insertion->command, 0, NULL, insertion->token.token);
	*recheck = mhub_insert_index_tuples_unless(access->result, access->written, access->estate,
											   insertion->arbiters, &conflict);
	table_tuple_complete_speculative(access->relation, access->written, insertion->token.token, !conflict);
	return !conflict;
}

static bool
write_slot(Insertion *insertion, List **recheck)
{
	MhubTableAccess *access = insertion->access;

	if (insertion->arbiters != NIL)
		return write_speculatively(insertion, recheck);
	table_tuple_insert(access->relation, access->written, insertion->command, 0, NULL);
	*recheck = mhub_insert_index_tuples_unless(access->result, access->written, access->estate, NIL, NULL);
	return true;
}

/* Writes the row in the slot; false if the arbiter stands against it. */
static bool
insert_slot(Insertion *insertion)
{
	MhubTableAccess *access = insertion->access;
	ResultRelInfo *result = access->result;
	TupleTableSlot *slot = access->written;
	List	   *recheck;

	if (result->ri_TrigDesc != NULL && result->ri_TrigDesc->trig_insert_before_row &&
		!ExecBRInsertTriggers(access->estate, result, slot))
		return true;			/* a trigger wants the row left out */
	mhub_complete_row(result, access->estate, slot);
	slot->tts_tableOid = access->table->relid;
	if (!write_slot(insertion, &recheck))
		return false;
	ExecARInsertTriggers(access->estate, result, slot, recheck, insertion->capture);
	return true;
}

static bool
insert_row(Insertion *insertion, int row)
{
	bool		done;

	ResetPerTupleExprContext(insertion->access->estate);
	fill_slot(insertion->access, insertion->access->written, insertion->rows, row);
	done = insert_slot(insertion);
	ExecClearTuple(insertion->access->written);
	return done;
}

/* Must rows go in one by one, because a trigger sees each? */
static bool
has_row_triggers(const ResultRelInfo *result)
{
	const TriggerDesc *triggers = result->ri_TrigDesc;

	return triggers != NULL &&
		(triggers->trig_insert_before_row || triggers->trig_insert_after_row || triggers->trig_insert_new_table);
}

void
mhub_write_slots(ResultRelInfo *result, EState *estate, TupleTableSlot **slots, int n, CommandId command)
{
	int			i;

	for (i = 0; i < n; i++)
		mhub_complete_row(result, estate, slots[i]);
	table_multi_insert(result->ri_RelationDesc, slots, n, command, 0, NULL);
}

void
mhub_write_together(ResultRelInfo *result, EState *estate, TupleTableSlot **slots, int n, CommandId command)
{
	MemoryContext old = MemoryContextSwitchTo(GetPerTupleMemoryContext(estate));
	int			i;

	CHECK_FOR_INTERRUPTS();
	mhub_write_slots(result, estate, slots, n, command);
	for (i = 0; i < n; i++)
	{
		(void) mhub_insert_index_tuples_unless(result, slots[i], estate, NIL, NULL);
		ExecClearTuple(slots[i]);
	}
	MemoryContextSwitchTo(old);
	ResetPerTupleExprContext(estate);
}

static void
insert_together(Insertion *insertion)
{
	MhubTableAccess *access = insertion->access;
	TupleTableSlot *slots[MHUB_ROWS_TOGETHER];
	int			nslots = Min(insertion->rows->n, MHUB_ROWS_TOGETHER);
	int			n = 0;
	int			i;

	for (i = 0; i < nslots; i++)
		slots[i] = table_slot_create(access->relation, NULL);
	for (i = 0; i < insertion->rows->n; i++)
	{
		fill_slot(access, slots[n++], insertion->rows, i);
		if (n == nslots || i + 1 == insertion->rows->n)
		{
			mhub_write_together(access->result, access->estate, slots, n, insertion->command);
			n = 0;
		}
	}
	for (i = 0; i < nslots; i++)
		ExecDropSingleTupleTableSlot(slots[i]);
}

/* Does anything happen at the end of the statement, or for it as a whole? */
static bool
has_statement_triggers(const ResultRelInfo *result)
{
	const TriggerDesc *triggers = result->ri_TrigDesc;

	return triggers != NULL &&
		(triggers->trig_insert_before_statement || triggers->trig_insert_after_statement ||
		 triggers->trig_insert_after_row || triggers->trig_insert_new_table);
}

static void
begin_statement(Insertion *insertion)
{
	MhubTableAccess *access = insertion->access;

	PreventCommandIfReadOnly("INSERT");
	PreventCommandIfParallelMode("INSERT");
	insertion->command = GetCurrentCommandId(true);
	if (!has_statement_triggers(access->result))
		return;
	AfterTriggerBeginQuery();
	insertion->capture = MakeTransitionCaptureState(access->result->ri_TrigDesc, access->table->relid, CMD_INSERT);
	ExecBSInsertTriggers(access->estate, access->result);
}

static void
end_statement(Insertion *insertion)
{
	MhubTableAccess *access = insertion->access;

	if (has_statement_triggers(access->result))
	{
		ExecASInsertTriggers(access->estate, access->result, insertion->capture);
		AfterTriggerEndQuery(access->estate);
	}
	CommandCounterIncrement();
}

static void
insert_one_by_one(Insertion *insertion)
{
	int			i;

	for (i = 0; i < insertion->rows->n; i++)
	{
		CHECK_FOR_INTERRUPTS();
		(void) insert_row(insertion, i);
	}
}

/* Rows that nothing stands against */
void
mhub_table_insert_into(MhubTableAccess *access, const MhubColumns *rows)
{
	Insertion	insertion = {.access = access, .rows = rows};
	MemoryContext scratch = AllocSetContextCreate(CurrentMemoryContext, "mhub insertion", ALLOCSET_DEFAULT_SIZES);
	MemoryContext old = MemoryContextSwitchTo(scratch);

	begin_statement(&insertion);
	if (rows->n > 1 && !has_row_triggers(access->result))
		insert_together(&insertion);
	else
		insert_one_by_one(&insertion);
	end_statement(&insertion);
	MemoryContextSwitchTo(old);
	MemoryContextDelete(scratch);
}

/*
 * Inserts rows in order until the end, or the first that the key refuses.
 * Returns how many it has dealt with.
 */
static int
insert_rows_unique(MhubTableAccess *access, const MhubColumns *rows, int from, int key)
{
	Insertion	insertion = {.access = access, .rows = rows};
	MemoryContext scratch = AllocSetContextCreate(CurrentMemoryContext, "mhub insertion", ALLOCSET_DEFAULT_SIZES);
	MemoryContext old = MemoryContextSwitchTo(scratch);
	int			i;

	insertion.arbiters = access->keys[key].arbiters;
	begin_statement(&insertion);
	mhub_insertion_token_take(&insertion.token);
	for (i = from; i < rows->n; i++)
	{
		CHECK_FOR_INTERRUPTS();
		if (!insert_row(&insertion, i))
			break;
	}
	mhub_insertion_token_return(&insertion.token, i < rows->n);
	end_statement(&insertion);
	MemoryContextSwitchTo(old);
	MemoryContextDelete(scratch);
	return i;
}

bool
mhub_table_insert_one(MhubTableAccess *access, int key, const Datum *values)
{
	MemoryContext old = MemoryContextSwitchTo(GetPerTupleMemoryContext(access->estate));
	Insertion	insertion = {.access = access};
	bool		done;
	int			i;

	insertion.arbiters = access->keys[key].arbiters;
	insertion.command = GetCurrentCommandId(true);
	mhub_insertion_token_take(&insertion.token);
	mhub_table_start_row(access, access->written);
	for (i = 0; i < access->table->ncolumns; i++)
	{
		access->written->tts_values[access->columns[i] - 1] = values[i];
		access->written->tts_isnull[access->columns[i] - 1] = false;
	}
	ExecStoreVirtualTuple(access->written);
	done = insert_slot(&insertion);
	mhub_insertion_token_return(&insertion.token, !done);
	ExecClearTuple(access->written);
	MemoryContextSwitchTo(old);
	ResetPerTupleExprContext(access->estate);
	return done;
}

static void
name_columns(StringInfo sql, const MhubTable *table, const int *columns, int n)
{
	int			i;

	for (i = 0; i < n; i++)
		appendStringInfo(sql, "%s%s", i > 0 ? ", " : "", quote_identifier(table->columns[columns == NULL ? i : columns[i]]));
}

/* Types of the hub's own have numbers that live as long as the table. */
static void
set_parameters(MhubTable *table, MhubPlan *plan, int n)
{
	int			i;

	plan->nargs = n;
	for (i = 0; i < n; i++)
	{
		plan->argtypes[i] = table->types[i];
		if (!OidIsValid(plan->argtypes[i]))
			plan->argtypes[i] = get_atttype(table->relid, get_attnum(table->relid, table->columns[i]));
	}
}

static void
forget_plan(MhubPlan *plan)
{
	if (plan->plan != NULL)
		SPI_freeplan(plan->plan);
	if (plan->sql != NULL)
		pfree(unconstify(char *, plan->sql));
	memset(plan, 0, sizeof(*plan));
}

/* The statement for one row, made at first use */
static MhubPlan *
statement_for(MhubTable *table, const MhubColumns *rows, int key)
{
	MhubPlan   *plan = &table->plans[key >= 0 ? 1 : 0];
	StringInfoData sql;
	int			i;

	if (table->planned_relid != table->relid)
	{
		forget_plan(&table->plans[0]);
		forget_plan(&table->plans[1]);
		table->planned_relid = table->relid;
	}
	if (plan->sql != NULL)
		return plan;
	initStringInfo(&sql);
	appendStringInfo(&sql, "INSERT INTO mhub.%s (", quote_identifier(table->name));
	name_columns(&sql, table, NULL, rows->ncolumns);
	appendStringInfoString(&sql, ") VALUES (");
	for (i = 0; i < rows->ncolumns; i++)
		appendStringInfo(&sql, "%s$%d", i > 0 ? ", " : "", i + 1);
	appendStringInfoChar(&sql, ')');
	if (key >= 0)
	{
		appendStringInfoString(&sql, " ON CONFLICT (");
		name_columns(&sql, table, table->keys[key].columns, table->keys[key].n);
		appendStringInfoString(&sql, ") DO NOTHING");
	}
	set_parameters(table, plan, rows->ncolumns);
	plan->sql = MemoryContextStrdup(TopMemoryContext, sql.data);
	return plan;
}

static bool
insert_by_statement(MhubTable *table, const MhubColumns *rows, int row, int key)
{
	bool		inserted;

	SPI_connect();
	inserted = mhub_execute_row(statement_for(table, rows, key), rows, row, SPI_OK_INSERT) > 0;
	SPI_finish();
	return inserted;
}

uint64
mhub_table_insert(MhubTable *table, const MhubColumns *rows)
{
	MhubTableAccess *access;
	uint64		processed = 0;
	int			i;

	if (rows->n == 0)
		return 0;
	access = mhub_table_open_to_insert(table);
	if (access != NULL)
	{
		mhub_table_insert_into(access, rows);
		mhub_table_close(access);
		return rows->n;
	}
	for (i = 0; i < rows->n; i++)
		processed += insert_by_statement(table, rows, i, -1);
	return processed;
}

uint64
mhub_table_insert_unique(MhubTable *table, const MhubColumns *rows, int key, bool *inserted, bool stop)
{
	uint64		processed = 0;
	int			i = 0;

	memset(inserted, false, sizeof(bool) * rows->n);
	while (i < rows->n)
	{
		MhubTableAccess *access = mhub_table_open_for(table, ACL_INSERT | ACL_SELECT);
		int			from = i;

		if (access != NULL)
		{
			if (access->keys[key].unique)
				i = insert_rows_unique(access, rows, from, key);
			mhub_table_close(access);
			memset(inserted + from, true, sizeof(bool) * (i - from));
			processed += i - from;
		}
		if (i == rows->n)
			break;
		inserted[i] = insert_by_statement(table, rows, i, key);
		processed += inserted[i];
		if (!inserted[i++] && stop)
			break;
	}
	return processed;
}

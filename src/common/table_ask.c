/*
 * table_ask.c
 *	  Reading by statement what cannot be read directly.
 */
#include "common/table_state.h"

#include "lib/stringinfo.h"
#include "utils/builtins.h"
#include "utils/datum.h"
#include "utils/memutils.h"

MhubTableAccess *
mhub_table_open_to_read(MhubTable *table)
{
	MhubTableAccess *access = mhub_table_open(table);

	if (access == NULL)
	{
		access = palloc0(sizeof(MhubTableAccess));
		access->table = table;
	}
	return access;
}

/* The values come as the types they are taken for, whatever the columns are. */
static char *
statement_text(const MhubTable *table, const MhubTableKey *key)
{
	StringInfoData text;
	int			i;

	initStringInfo(&text);
	appendStringInfoString(&text, "SELECT");
	for (i = 0; i < table->ncolumns; i++)
		appendStringInfo(&text, "%s t.%s::%s", i > 0 ? "," : "", quote_identifier(table->columns[i]),
						 format_type_be_qualified(table->types[i]));
	appendStringInfo(&text, " FROM mhub.%s AS t", quote_identifier(table->name));
	for (i = 0; i < key->n; i++)
		appendStringInfo(&text, " %s t.%s = $%d", i > 0 ? "AND" : "WHERE",
						 quote_identifier(table->columns[key->columns[i]]), i + 1);
	return MemoryContextStrdup(TopMemoryContext, text.data);
}

static SPIPlanPtr
statement_for(MhubTable *table, int number)
{
	const MhubTableKey *key = &table->keys[number];
	MhubPlan   *plan = &table->reading[number];
	int			i;

	if (plan->sql == NULL)
	{
		plan->nargs = key->n;
		for (i = 0; i < key->n; i++)
			plan->argtypes[i] = table->types[key->columns[i]];
		plan->sql = statement_text(table, key);
	}
	return mhub_generic_plan(plan);
}

/* Copies the rows out of SPI's memory. */
static void
keep_rows(TableAnswer *answer, const SPITupleTable *rows, int ncolumns, MemoryContext memory)
{
	MemoryContext before = MemoryContextSwitchTo(memory);
	uint64		row;
	int			i;

	answer->values = palloc_extended(Max(1, answer->n * ncolumns) * sizeof(Datum), MCXT_ALLOC_HUGE);
	answer->nulls = palloc_extended(Max(1, answer->n * ncolumns) * sizeof(bool), MCXT_ALLOC_HUGE);
	for (row = 0; row < answer->n; row++)
	{
		for (i = 0; i < ncolumns; i++)
		{
			Form_pg_attribute column = TupleDescAttr(rows->tupdesc, i);
			bool	   *isnull = &answer->nulls[row * ncolumns + i];
			Datum		value = SPI_getbinval(rows->vals[row], rows->tupdesc, i + 1, isnull);

			answer->values[row * ncolumns + i] = *isnull ? (Datum) 0 : datumCopy(value, column->attbyval, column->attlen);
		}
	}
	MemoryContextSwitchTo(before);
}

/* What it finds is kept in the current memory context. */
void
mhub_table_ask(MhubTableAccess *access, int key, const Datum *values)
{
	MemoryContext memory = CurrentMemoryContext;
	MhubTable  *table = access->table;

	if (SPI_connect() != SPI_OK_CONNECT)
		elog(ERROR, "could not connect to SPI");
	if (SPI_execute_plan(statement_for(table, key), unconstify(Datum *, values), NULL, true, 0) != SPI_OK_SELECT)
		elog(ERROR, "could not read table \"%s\"", table->name);
	access->answer = (TableAnswer) {.n = SPI_processed};
	keep_rows(&access->answer, SPI_tuptable, table->ncolumns, memory);
	SPI_finish();
}

bool
mhub_table_next_answer(MhubTableAccess *access)
{
	TableAnswer *answer = &access->answer;

	if (answer->row == answer->n)
		return false;
	answer->row++;
	return true;
}

Datum
mhub_table_answered(const MhubTableAccess *access, int column, bool *isnull)
{
	const TableAnswer *answer = &access->answer;
	uint64		place = (answer->row - 1) * access->table->ncolumns + column;

	*isnull = answer->nulls[place];
	return answer->values[place];
}

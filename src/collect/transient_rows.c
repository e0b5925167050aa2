/*
 * transient_rows.c
 *	  Rows made in C that SPI statements read as a table.
 *
 * They are what a trigger's transition table is, an ephemeral named relation:
 * no arrays to build and take apart, one plan for any number of rows, and
 * memory beyond work_mem goes to disk.
 */
#include "collect/transient_rows.h"

#include "lib/stringinfo.h"
#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/memutils.h"
#include "utils/queryenvironment.h"

/* The planner's idea of their number; the statements insert them whatever it is. */
#define EXPECTED_ROWS 100

static TupleDesc
row_descriptor(MhubRowType *type)
{
	MemoryContext old;

	if (type->tupdesc != NULL)
		return type->tupdesc;
	old = MemoryContextSwitchTo(TopMemoryContext);
	type->tupdesc = CreateTemplateTupleDesc(type->table->ncolumns);
	for (int i = 0; i < type->table->ncolumns; i++)
		TupleDescInitEntry(type->tupdesc, (AttrNumber) (i + 1), type->table->columns[i], type->table->types[i], -1, 0);
	MemoryContextSwitchTo(old);
	return type->tupdesc;
}

/* An empty set of rows, visible to statements under type->name. */
Tuplestorestate *
mhub_transient_rows(MhubRowType *type)
{
	EphemeralNamedRelation relation = palloc0(sizeof(EphemeralNamedRelationData));
	Tuplestorestate *rows = tuplestore_begin_heap(false, false, work_mem);

	relation->md.name = pstrdup(type->name);
	relation->md.tupdesc = row_descriptor(type);
	relation->md.enrtype = ENR_NAMED_TUPLESTORE;
	relation->md.enrtuples = EXPECTED_ROWS;
	relation->reldata = rows;
	if (SPI_register_relation(relation) != SPI_OK_REL_REGISTER)
		elog(ERROR, "could not register the transient table \"%s\"", type->name);
	return rows;
}

/* Must not be left to the end of the transaction: then the temporary file of many rows would count as forgotten. */
void
mhub_transient_end(MhubRowType *type, Tuplestorestate *rows)
{
	SPI_unregister_relation(type->name);
	tuplestore_end(rows);
}

void
mhub_transient_add(MhubRowType *type, Tuplestorestate *rows, Datum *values, bool *nulls)
{
	tuplestore_putvalues(rows, type->tupdesc, values, nulls);
}

static char *
insertion_text(const MhubRowType *type)
{
	const MhubTable *table = type->table;
	StringInfoData columns;
	MemoryContext old = MemoryContextSwitchTo(TopMemoryContext);
	char	   *text;

	initStringInfo(&columns);
	for (int i = 0; i < table->ncolumns; i++)
		appendStringInfo(&columns, "%s%s", i > 0 ? ", " : "", quote_identifier(table->columns[i]));
	text = psprintf("INSERT INTO mhub.%s (%s) SELECT %s FROM %s", quote_identifier(table->name), columns.data, columns.data, type->name);
	pfree(columns.data);
	MemoryContextSwitchTo(old);
	return text;
}

void
mhub_transient_insert(MhubRowType *type, Tuplestorestate *rows)
{
	if (type->insertion.sql == NULL)
		type->insertion.sql = insertion_text(type);
	if (SPI_execute_plan(mhub_plan(&type->insertion), NULL, NULL, false, 0) != SPI_OK_INSERT)
		elog(ERROR, "could not insert into mhub.%s", type->table->name);
	mhub_transient_end(type, rows);
}

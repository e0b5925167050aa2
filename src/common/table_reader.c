/*
 * table_reader.c
 *	  Rows of a table by the first columns of an index.
 *
 * A statement that finds one row by its key spends far more on the executor
 * than on the index.  The hub's tables are ordinary ones, though: whoever owns
 * them may add row security, replace indexes, or have an extension keep the
 * rows elsewhere.  So the index is read directly only where all of that is
 * ruled out, and otherwise a statement does it.
 */
#include "common/table_reader.h"

#include "access/htup_details.h"
#include "access/relation.h"
#include "access/table.h"
#include "access/tableam.h"
#include "access/xact.h"
#include "catalog/namespace.h"
#include "catalog/pg_am.h"
#include "catalog/pg_class.h"
#include "catalog/pg_type.h"
#include "common/hashfn.h"
#include "common/kept_elsewhere.h"
#include "executor/executor.h"
#include "lib/stringinfo.h"
#include "miscadmin.h"
#include "nodes/primnodes.h"
#include "storage/bufmgr.h"
#include "utils/acl.h"
#include "utils/builtins.h"
#include "utils/datum.h"
#include "utils/fmgroids.h"
#include "utils/inval.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"

static MhubLookup *lookups = NULL;

static void
relation_changed(Datum arg pg_attribute_unused(), Oid relid)
{
	for (MhubLookup *lookup = lookups; lookup != NULL; lookup = lookup->next)
	{
		if (relid == InvalidOid || relid == lookup->table_oid || relid == lookup->index_oid)
			lookup->known = false;
	}
}

static void
register_lookup(MhubLookup *lookup)
{
	if (lookups == NULL)
		CacheRegisterRelcacheCallback(relation_changed, (Datum) 0);
	lookup->next = lookups;
	lookups = lookup;
	lookup->registered = true;
}

/* Numbers of columns that exist with these types; false when one does not. */
static bool
number_columns(Relation table, const MhubLookupColumn *columns, int n, AttrNumber *numbers)
{
	TupleDesc	descriptor = RelationGetDescr(table);

	for (int i = 0; i < n; i++)
	{
		numbers[i] = get_attnum(RelationGetRelid(table), columns[i].name);
		if (numbers[i] <= 0 || TupleDescAttr(descriptor, numbers[i] - 1)->atttypid != columns[i].type)
			return false;
	}
	return true;
}

/* Of partial indexes, one of all rows where its first column is not NULL will do: keys are not. */
static bool
has_all_rows(Relation index)
{
	List	   *predicate = RelationGetIndexPredicate(index);
	NullTest   *test = predicate ? linitial(predicate) : NULL;

	if (test == NULL)
		return true;
	return list_length(predicate) == 1 && IsA(test, NullTest) && test->nulltesttype == IS_NOT_NULL &&
		IsA(test->arg, Var) && ((Var *) test->arg)->varattno == index->rd_index->indkey.values[0];
}

static int
find_key(const MhubLookup *lookup, AttrNumber column)
{
	for (int i = 0; i < lookup->nkeys; i++)
	{
		if (lookup->key_numbers[i] == column)
			return i;
	}
	return -1;
}

static bool
starts_with_keys(Relation index, MhubLookup *lookup)
{
	if (index->rd_index->indnkeyatts < lookup->nkeys)
		return false;
	for (int i = 0; i < lookup->nkeys; i++)
	{
		int			key = find_key(lookup, index->rd_index->indkey.values[i]);

		if (key < 0 || index->rd_opcintype[i] != lookup->keys[key].type)
			return false;
		lookup->index_keys[i] = key;
	}
	return true;
}

static bool
is_usable(Relation index, MhubLookup *lookup)
{
	return index->rd_rel->relam == BTREE_AM_OID && index->rd_index->indisvalid && !index->rd_index->indcheckxmin &&
		starts_with_keys(index, lookup) && has_all_rows(index);
}

static bool
is_unique(Relation index, const MhubLookup *lookup)
{
	return index->rd_index->indisunique && index->rd_index->indimmediate && index->rd_index->indnkeyatts == lookup->nkeys;
}

static Oid
find_index(Relation table, MhubLookup *lookup)
{
	List	   *indexes = RelationGetIndexList(table);
	Oid			found = InvalidOid;
	ListCell   *cell;

	foreach(cell, indexes)
	{
		Relation	index = index_open(lfirst_oid(cell), AccessShareLock);

		if (is_usable(index, lookup))
		{
			found = RelationGetRelid(index);
			lookup->unique = is_unique(index, lookup);
		}
		index_close(index, AccessShareLock);
		if (OidIsValid(found))
			break;
	}
	list_free(indexes);
	return found;
}

/* Finds out about the table and its index. */
static void
get_to_know(MhubLookup *lookup)
{
	Oid			schema = get_namespace_oid("mhub", true);
	Relation	table;

	if (!lookup->registered)
		register_lookup(lookup);
	lookup->index_oid = InvalidOid;
	lookup->table_oid = OidIsValid(schema) ? get_relname_relid(lookup->table, schema) : InvalidOid;
	if (!OidIsValid(lookup->table_oid))
		return;
	/* before looking: what changes from here on is noticed */
	lookup->known = true;
	table = relation_open(lookup->table_oid, AccessShareLock);
	if (table->rd_rel->relkind == RELKIND_RELATION && !mhub_is_kept_elsewhere(table) &&
		number_columns(table, lookup->keys, lookup->nkeys, lookup->key_numbers) &&
		number_columns(table, lookup->columns, lookup->ncolumns, lookup->column_numbers))
		lookup->index_oid = find_index(table, lookup);
	relation_close(table, AccessShareLock);
}

static bool
may_read_columns(Oid table, const AttrNumber *numbers, int n)
{
	for (int i = 0; i < n; i++)
	{
		if (pg_attribute_aclcheck(table, numbers[i], GetUserId(), ACL_SELECT) != ACLCHECK_OK)
			return false;
	}
	return true;
}

static bool
may_read(const MhubLookup *lookup)
{
	Oid			table = lookup->table_oid;

	if (ExecutorCheckPerms_hook != NULL)
		return false;
	return pg_class_aclcheck(table, GetUserId(), ACL_SELECT) == ACLCHECK_OK ||
		(may_read_columns(table, lookup->key_numbers, lookup->nkeys) &&
		 may_read_columns(table, lookup->column_numbers, lookup->ncolumns));
}

void
mhub_reader_open(MhubReader *reader, MhubLookup *lookup, Snapshot snapshot)
{
	memset(reader, 0, sizeof(*reader));
	reader->lookup = lookup;
	reader->snapshot = snapshot;
	reader->memory = CurrentMemoryContext;
	if (!lookup->known)
		get_to_know(lookup);
	if (!OidIsValid(lookup->index_oid) || !may_read(lookup))
		return;
	reader->table = table_open(lookup->table_oid, AccessShareLock);
	/* waiting for the lock may have brought news */
	if (!lookup->known || reader->table->rd_rel->relrowsecurity)
	{
		table_close(reader->table, AccessShareLock);
		reader->table = NULL;
		return;
	}
	reader->is_heap = mhub_is_heap(reader->table);
	reader->slot = table_slot_create(reader->table, NULL);
}

static uint32
hash_key(Oid type, Datum key)
{
	int64		number;
	const text *word;

	if (type == INT8OID)
	{
		number = DatumGetInt64(key);
		return hash_bytes((const unsigned char *) &number, sizeof(number));
	}
	word = DatumGetTextPP(key);
	return hash_bytes((const unsigned char *) VARDATA_ANY(word), VARSIZE_ANY_EXHDR(word));
}

static uint32
hash_keys(const MhubLookup *lookup, const Datum *keys)
{
	uint32		hash = 0;

	for (int i = 0; i < lookup->nkeys; i++)
		hash = hash_combine(hash, hash_key(lookup->keys[i].type, keys[i]));
	return hash;
}

static bool
same_text(const text *a, const text *b)
{
	return VARSIZE_ANY_EXHDR(a) == VARSIZE_ANY_EXHDR(b) && memcmp(VARDATA_ANY(a), VARDATA_ANY(b), VARSIZE_ANY_EXHDR(a)) == 0;
}

/* Does the row found have these keys?  What is equal in other bytes, the index will find. */
static bool
has_keys(MhubReader *reader, const Datum *keys)
{
	const MhubLookup *lookup = reader->lookup;

	for (int i = 0; i < lookup->nkeys; i++)
	{
		bool		isnull;
		Datum		value = slot_getattr(reader->slot, lookup->key_numbers[i], &isnull);

		if (isnull)
			return false;
		if (lookup->keys[i].type == INT8OID ? DatumGetInt64(value) != DatumGetInt64(keys[i])
			: !same_text(DatumGetTextPP(value), DatumGetTextPP(keys[i])))
			return false;
	}
	return true;
}

/* Looks for the one row with these keys where it was the last time. */
static bool
find_by_place(MhubReader *reader, const Datum *keys)
{
	MhubHint   *hint;
	Buffer		page;
	bool		all_dead;

	reader->hash = hash_keys(reader->lookup, keys);
	hint = mhub_hint_for(&reader->lookup->hints, reader->hash);
	page = mhub_hint_pin(hint, reader->hash, reader->table);
	if (!BufferIsValid(page))
		return false;
	if (BufferIsValid(reader->page))
		ReleaseBuffer(reader->page);
	reader->page = page;
	return mhub_heap_fetch(reader->table, page, hint->place, reader->snapshot, reader->slot, &all_dead) && has_keys(reader, keys);
}

/* Most who look for unique keys need no index at all. */
static void
open_index(MhubReader *reader)
{
	MemoryContext before = MemoryContextSwitchTo(reader->memory);
	MhubLookup *lookup = reader->lookup;

	reader->index = index_open(lookup->index_oid, AccessShareLock);
	reader->scan = mhub_index_beginscan(reader->table, reader->index, reader->snapshot, lookup->nkeys, 0);
	MemoryContextSwitchTo(before);
}

static void
scan_for(MhubReader *reader, const Datum *keys)
{
	MhubLookup *lookup = reader->lookup;
	ScanKeyData scankeys[MHUB_LOOKUP_KEYS];

	if (reader->index == NULL)
		open_index(reader);
	for (int i = 0; i < lookup->nkeys; i++)
	{
		int			key = lookup->index_keys[i];

		ScanKeyEntryInitialize(&scankeys[i], 0, i + 1, BTEqualStrategyNumber, InvalidOid,
							   reader->index->rd_indcollation[i],
							   lookup->keys[key].type == INT8OID ? F_INT8EQ : F_TEXTEQ, keys[key]);
	}
	index_rescan(reader->scan, scankeys, lookup->nkeys, NULL, 0);
}

static char *
statement_text(const MhubLookup *lookup)
{
	StringInfoData text;

	initStringInfo(&text);
	appendStringInfoString(&text, "SELECT");
	for (int i = 0; i < lookup->ncolumns; i++)
		appendStringInfo(&text, "%s t.%s", i > 0 ? "," : "", quote_identifier(lookup->columns[i].name));
	appendStringInfo(&text, " FROM mhub.%s AS t", quote_identifier(lookup->table));
	for (int i = 0; i < lookup->nkeys; i++)
		appendStringInfo(&text, " %s t.%s = $%d", i > 0 ? "AND" : "WHERE", quote_identifier(lookup->keys[i].name), i + 1);
	return MemoryContextStrdup(TopMemoryContext, text.data);
}

static SPIPlanPtr
statement(MhubLookup *lookup)
{
	if (lookup->plan.sql == NULL)
	{
		lookup->plan.nargs = lookup->nkeys;
		for (int i = 0; i < lookup->nkeys; i++)
			lookup->plan.argtypes[i] = lookup->keys[i].type;
		lookup->plan.sql = statement_text(lookup);
	}
	return mhub_generic_plan(&lookup->plan);
}

/* Copies the rows out of SPI's memory. */
static void
keep_rows(MhubReader *reader, SPITupleTable *rows, MemoryContext memory)
{
	int			ncolumns = reader->lookup->ncolumns;
	MemoryContext before = MemoryContextSwitchTo(memory);

	reader->values = palloc_extended(Max(1, reader->nrows * ncolumns) * sizeof(Datum), MCXT_ALLOC_HUGE);
	reader->nulls = palloc_extended(Max(1, reader->nrows * ncolumns) * sizeof(bool), MCXT_ALLOC_HUGE);
	for (uint64 row = 0; row < reader->nrows; row++)
	{
		for (int i = 0; i < ncolumns; i++)
		{
			Form_pg_attribute column = TupleDescAttr(rows->tupdesc, i);
			bool	   *isnull = &reader->nulls[row * ncolumns + i];
			Datum		value = SPI_getbinval(rows->vals[row], rows->tupdesc, i + 1, isnull);

			reader->values[row * ncolumns + i] = *isnull ? (Datum) 0 : datumCopy(value, column->attbyval, column->attlen);
		}
	}
	MemoryContextSwitchTo(before);
}

static void
ask_for(MhubReader *reader, const Datum *keys)
{
	MemoryContext memory = CurrentMemoryContext;
	SPIPlanPtr	plan;

	if (SPI_connect() != SPI_OK_CONNECT)
		elog(ERROR, "could not connect to SPI");
	plan = statement(reader->lookup);
	if (SPI_execute_snapshot(plan, unconstify(Datum *, keys), NULL, reader->snapshot, InvalidSnapshot, true, false, 0) != SPI_OK_SELECT)
		elog(ERROR, "could not read table \"%s\"", reader->lookup->table);
	reader->nrows = SPI_processed;
	reader->row = 0;
	keep_rows(reader, SPI_tuptable, memory);
	SPI_finish();
}

void
mhub_reader_find(MhubReader *reader, const Datum *keys)
{
	if (reader->table == NULL)
	{
		ask_for(reader, keys);
		return;
	}
	reader->by_place = reader->is_next = reader->is_heap && reader->lookup->unique && find_by_place(reader, keys);
	if (!reader->by_place)
		scan_for(reader, keys);
}

static bool
next_in_heap(MhubReader *reader)
{
	IndexScanDesc scan = reader->scan;
	ItemPointer tid;

	while ((tid = index_getnext_tid(scan, ForwardScanDirection)) != NULL)
	{
		bool		all_dead;

		reader->page = ReleaseAndReadBuffer(reader->page, reader->table, ItemPointerGetBlockNumber(tid));
		if (mhub_heap_fetch(reader->table, reader->page, *tid, reader->snapshot, reader->slot, &all_dead))
		{
			if (reader->lookup->unique)
				mhub_hint_note(mhub_hint_for(&reader->lookup->hints, reader->hash), reader->hash, *tid, reader->page);
			return true;
		}
		if (!scan->xactStartedInRecovery)
			scan->kill_prior_tuple = all_dead;
	}
	return false;
}

/* The scan keeps some of what it allocates. */
static bool
next_slot(MhubReader *reader)
{
	MemoryContext before = MemoryContextSwitchTo(reader->memory);
	bool		found;

	if (reader->is_heap)
		found = next_in_heap(reader);
	else
		found = index_getnext_slot(reader->scan, ForwardScanDirection, reader->slot);
	MemoryContextSwitchTo(before);
	return found;
}

static bool
take_next(MhubReader *reader)
{
	bool		is_next = reader->is_next;

	reader->is_next = false;
	return reader->by_place ? is_next : next_slot(reader);
}

bool
mhub_reader_next(MhubReader *reader, Datum *values, bool *nulls)
{
	int			ncolumns = reader->lookup->ncolumns;

	if (reader->table == NULL)
	{
		if (reader->row >= reader->nrows)
			return false;
		memcpy(values, &reader->values[reader->row * ncolumns], ncolumns * sizeof(Datum));
		memcpy(nulls, &reader->nulls[reader->row * ncolumns], ncolumns * sizeof(bool));
		reader->row++;
		return true;
	}
	if (!take_next(reader))
		return false;
	for (int i = 0; i < ncolumns; i++)
		values[i] = slot_getattr(reader->slot, reader->lookup->column_numbers[i], &nulls[i]);
	return true;
}

void
mhub_reader_rest(MhubReader *reader)
{
	if (reader->index == NULL)
		return;
	index_endscan(reader->scan);
	index_close(reader->index, NoLock);
	reader->index = NULL;
}

void
mhub_reader_close(MhubReader *reader)
{
	if (reader->table == NULL)
		return;
	mhub_reader_rest(reader);
	ExecDropSingleTupleTableSlot(reader->slot);
	if (BufferIsValid(reader->page))
		ReleaseBuffer(reader->page);
	table_close(reader->table, NoLock);
}

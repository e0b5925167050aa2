/*
 * table_reader.h
 *	  Rows of a table by the first columns of an index.
 */
#ifndef MHUB_TABLE_READER_H
#define MHUB_TABLE_READER_H

#include "common/pgcompat.h"

#include "access/genam.h"
#include "common/heap_place.h"
#include "common/spi_plan.h"
#include "utils/rel.h"
#include "utils/snapshot.h"

#define MHUB_LOOKUP_KEYS 2
#define MHUB_LOOKUP_COLUMNS 8

typedef struct MhubLookupColumn
{
	const char *name;
	Oid			type;
} MhubLookupColumn;

/*
 * What to read of a table of schema mhub.  Declare it static, with the
 * columns that are compared (bigint or text, the first ones of an index, in
 * any order) and those to be read; the rest is for table_reader.c.
 */
typedef struct MhubLookup
{
	const char *table;
	int			nkeys;
	MhubLookupColumn keys[MHUB_LOOKUP_KEYS];
	int			ncolumns;
	MhubLookupColumn columns[MHUB_LOOKUP_COLUMNS];

	bool		known;			/* what follows is still true */
	Oid			table_oid;
	Oid			index_oid;		/* InvalidOid: none that would do */
	AttrNumber	key_numbers[MHUB_LOOKUP_KEYS];
	int			index_keys[MHUB_LOOKUP_KEYS];	/* which of the keys each column of the index is */
	AttrNumber	column_numbers[MHUB_LOOKUP_COLUMNS];
	bool		unique;			/* these keys have one row at most */
	MhubHints	hints;			/* where those rows were */
	struct MhubLookup *next;
	bool		registered;
	MhubPlan	plan;
} MhubLookup;

/* Reads by one lookup again and again. */
typedef struct MhubReader
{
	MhubLookup *lookup;
	Snapshot	snapshot;
	MemoryContext memory;
	Relation	table;			/* NULL: by a statement */
	Relation	index;			/* NULL: not needed so far */
	IndexScanDesc scan;
	struct TupleTableSlot *slot;
	bool		is_heap;
	Buffer		page;			/* of the row found last */
	uint32		hash;			/* of the keys, where they are unique */
	bool		by_place;		/* the row was found without the index ... */
	bool		is_next;		/* ... and nobody has asked for it yet */
	Datum	   *values;			/* by a statement: the rows found, one after the other */
	bool	   *nulls;
	uint64		nrows;
	uint64		row;
} MhubReader;

/*
 * Opens a reader in the current memory context.  It goes straight to the index
 * where the table is an ordinary one and the user may read these columns of
 * all its rows; else it asks by a statement, which sees to rights, row
 * security and tables that are kept elsewhere.
 */
extern void mhub_reader_open(MhubReader *reader, MhubLookup *lookup, Snapshot snapshot);

/* Starts reading the rows with these keys.  What a statement finds is kept in the current memory context. */
extern void mhub_reader_find(MhubReader *reader, const Datum *keys);

/* The next row, in no order; its values are good until the next call. */
extern bool mhub_reader_next(MhubReader *reader, Datum *values, bool *nulls);

/* Gives back what the index takes, which is much memory, until the next row is looked for. */
extern void mhub_reader_rest(MhubReader *reader);

extern void mhub_reader_close(MhubReader *reader);

#endif							/* MHUB_TABLE_READER_H */

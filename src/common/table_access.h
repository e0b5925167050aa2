/*
 * table_access.h
 *	  The hub's tables without SQL: single rows at a fraction of a statement's
 *	  cost.
 *
 * What a statement would do for a table happens here too: privileges,
 * constraints, defaults, generated columns, indexes, triggers of rows and
 * statements with their transition tables.  Where something else stands
 * between a statement and the table (row security, rules, inheritance, Citus),
 * that is left to statements: opening is refused, or reading and inserting turn
 * into one by themselves.
 *
 * Loading empty tables is in table_fill.h, caching what is in small ones in
 * table_cache.h.
 */
#ifndef MHUB_TABLE_ACCESS_H
#define MHUB_TABLE_ACCESS_H

#include "common/pgcompat.h"

#include "common/heap_place.h"
#include "common/spi_array.h"
#include "storage/itemptr.h"

#define MHUB_TABLE_MAX_KEYS 3
#define MHUB_KEY_MAX_COLUMNS 3
#define MHUB_TABLE_MAX_TRIGGERS 2

/* Columns by which rows are looked up, by their numbers in MhubTable.columns: the first of an index in the order given */
typedef struct MhubTableKey
{
	int			n;
	int			columns[MHUB_KEY_MAX_COLUMNS];
} MhubTableKey;

/*
 * A table of schema mhub.  Declare it static with the first eight members.
 * Columns not named here get their defaults.
 */
typedef struct MhubTable
{
	const char *name;
	int			ncolumns;
	const char *columns[MHUB_MAX_COLUMNS];
	Oid			types[MHUB_MAX_COLUMNS];	/* of their values; InvalidOid: the column's own */
	MhubTableKey keys[MHUB_TABLE_MAX_KEYS];
	const char *row_triggers[MHUB_TABLE_MAX_TRIGGERS];	/* functions of ours, called before the insertion of a row,
														 * that look at nothing but the row */
	const char *sequence;		/* of its ids, for mhub_table_sequence() */
	bool		only_read;		/* so that readers' locks will do, and of the indexes those that are used */

	/* for table_access.c */
	struct MhubTableAccess *cached;
	Oid			relid;
	uint64		changes;
	bool		registered;
	struct MhubTable *next;
	Oid			sequence_oid;
	uint64		sequence_changes;	/* of the table when that was looked up */
	Oid			planned_relid;
	MhubPlan	plans[2];		/* without and with ON CONFLICT */
	MhubPlan	reading[MHUB_TABLE_MAX_KEYS];
	bool		was_void;		/* had not even dead rows when filling began */
} MhubTable;

typedef struct MhubTableAccess MhubTableAccess;

/*
 * Opening, till it is closed in the same transaction.  NULL: only a statement
 * can do it.
 */

/* To look rows up */
extern MhubTableAccess *mhub_table_open(MhubTable *table);

/* The same, never NULL: asks by statements where it must.  All types of MhubTable must be given. */
extern MhubTableAccess *mhub_table_open_to_read(MhubTable *table);

/* To change rows, and perhaps insert some, one by one and without triggers */
extern MhubTableAccess *mhub_table_open_to_change(MhubTable *table, bool inserts);

/* The same as one UPDATE of these columns, which ends when the table is closed: triggers of statements are fired. */
extern MhubTableAccess *mhub_table_open_to_update(MhubTable *table, const int *columns, int n);

/* For mhub_table_insert_into() */
extern MhubTableAccess *mhub_table_open_to_insert(MhubTable *table);

extern void mhub_table_close(MhubTableAccess *access);

/*
 * Looking up, under the active snapshot.
 */

/* The snapshot that the next statement of a volatile function would have; pop it after use. */
extern void mhub_table_push_latest(void);

/* Rows with these values in the key's columns: one after the other */
extern void mhub_table_seek(MhubTableAccess *access, int key, const Datum *values);
extern bool mhub_table_next(MhubTableAccess *access);

/* The one row with this unique key, whose hash is given; the hints are the key's own. */
extern bool mhub_table_find(MhubTableAccess *access, int key, const Datum *values, MhubHints *hints, uint32 hash);

/*
 * Finds a row again by the place it had: false if this version of it is not
 * visible any more, so that it has changed or gone.  After a VACUUM it may be
 * another row, so look whether its key is right.
 */
extern ItemPointerData mhub_table_place(const MhubTableAccess *access);
extern bool mhub_table_find_again(MhubTableAccess *access, const ItemPointerData *place);

/* What the row found last has in a column */
extern Datum mhub_table_value(MhubTableAccess *access, int column, bool *isnull);

/* Of a column that is never null */
static inline Datum
mhub_table_datum(MhubTableAccess *access, int column)
{
	bool		isnull;

	return mhub_table_value(access, column, &isnull);
}

/* Gives back what looking up takes, which is much memory, until the next time. */
extern void mhub_table_rest(MhubTableAccess *access);

/*
 * Changing rows that were looked up.  What is false has not happened.
 */

/* A new value, not NULL, for a column; the number of the column as in MhubTable.columns */
typedef struct MhubTableChange
{
	int			column;
	Datum		value;
} MhubTableChange;

extern bool mhub_table_lock_found(MhubTableAccess *access);
extern bool mhub_table_change_found(MhubTableAccess *access, const MhubTableChange *changes, int n);

/*
 * Inserting.  The columns are the table's first rows->ncolumns.  None of it
 * needs an SPI connection.
 */

/* One INSERT statement; returns the number of rows inserted. */
extern uint64 mhub_table_insert(MhubTable *table, const MhubColumns *rows);

/* The same where the caller has a statement of his own */
extern void mhub_table_insert_into(MhubTableAccess *access, const MhubColumns *rows);

/*
 * Rows whose unique key is there already are left out, as by ON CONFLICT DO
 * NOTHING, and the array inserted (one element a row) tells which are not;
 * stop ends the statement with the first such row.
 */
extern uint64 mhub_table_insert_unique(MhubTable *table, const MhubColumns *rows, int key, bool *inserted, bool stop);

/* Inserts a row, all columns of MhubTable given and none NULL, unless its unique key is there: then it is false. */
extern bool mhub_table_insert_one(MhubTableAccess *access, int key, const Datum *values);

/* Writes the values of row number i, all columns of MhubTable; what they point to lives until the rows are inserted. */
typedef void (*MhubFillRow) (void *state, int i, Datum *values, bool *nulls);

/*
 * Inserts n rows into a partitioned table.  Those that only a statement may
 * insert are left out, and their numbers come in left, which has room for n;
 * returns how many they are.
 */
extern int	mhub_table_insert_routed(const MhubTable *table, int n, MhubFillRow fill, void *state, int *left);

/*
 * About a table
 */

extern bool mhub_table_has_triggers(const MhubTableAccess *access);
extern bool mhub_table_key_is_unique(const MhubTableAccess *access, int key);

/* Whether the user is known to have the right of insertion, and this is no transaction that only reads */
extern bool mhub_table_may_insert(const MhubTableAccess *access);

/* The sequence of its ids */
extern Oid	mhub_table_sequence(MhubTable *table);

#endif							/* MHUB_TABLE_ACCESS_H */

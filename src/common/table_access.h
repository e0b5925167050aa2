/*
 * table_access.h
 *	  The hub's ordinary tables without SQL: single rows at a fraction of a
 *	  statement's cost.
 *
 * What a statement would do for a table happens here too: privileges,
 * constraints, defaults, generated columns, indexes, triggers of rows and
 * statements with their transition tables.  Where something else stands
 * between a statement and the table (row security, rules, partitions, Citus),
 * that is left to statements: reading is refused or turns into one by itself,
 * as inserting does.
 *
 * table_fill.h loads empty tables.
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

/* Reading.  NULL where only a statement can do it; see mhub_table_push_latest() for the snapshot. */
extern MhubTableAccess *mhub_table_open(MhubTable *table);

/* The same, never NULL: asks by statements where it must.  All types of MhubTable must be given. */
extern MhubTableAccess *mhub_table_open_to_read(MhubTable *table);

extern void mhub_table_close(MhubTableAccess *access);
extern bool mhub_table_has_triggers(const MhubTableAccess *access);

/* Whether the user is known to have the right of insertion, and this is no transaction that only reads */
extern bool mhub_table_may_insert(const MhubTableAccess *access);
extern void mhub_table_seek(MhubTableAccess *access, int key, const Datum *values);
extern bool mhub_table_next(MhubTableAccess *access);
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

/* Looks for the one row with this unique key, whose hash is given; the hints are the key's own. */
extern bool mhub_table_find(MhubTableAccess *access, int key, const Datum *values, MhubHints *hints, uint32 hash);

/*
 * Finds a row again by the place it had: false if this version of it is not
 * visible any more, so that it has changed or gone.  After a VACUUM it may be
 * another row, so look whether its key is right.
 */
extern ItemPointerData mhub_table_place(const MhubTableAccess *access);
extern bool mhub_table_find_again(MhubTableAccess *access, const ItemPointerData *place);

/* The snapshot that the next statement of a volatile function would have; pop it after use. */
extern void mhub_table_push_latest(void);

/* A new value, not NULL, for a column; the number of the column as in MhubTable.columns */
typedef struct MhubTableChange
{
	int			column;
	Datum		value;
} MhubTableChange;

/*
 * Changing rows that were looked up, one by one and without triggers: NULL
 * where only a statement can do it.  What is false has not happened.
 */
extern MhubTableAccess *mhub_table_open_to_change(MhubTable *table, bool inserts);

/* The same as one UPDATE of these columns, which ends when the table is closed: triggers of statements are fired. */
extern MhubTableAccess *mhub_table_open_to_update(MhubTable *table, const int *columns, int n);

extern bool mhub_table_lock_found(MhubTableAccess *access);
extern bool mhub_table_change_found(MhubTableAccess *access, const MhubTableChange *changes, int n);

/* The sequence of the table's ids */
extern Oid	mhub_table_sequence(MhubTable *table);

/* Inserts a row, all columns of MhubTable given and none NULL, unless its unique key is there: then it is false. */
extern bool mhub_table_key_is_unique(const MhubTableAccess *access, int key);
extern bool mhub_table_insert_one(MhubTableAccess *access, int key, const Datum *values);

/*
 * One INSERT statement.  The columns are the table's first rows->ncolumns.
 * With unique, a key of the table, rows that are there already are left out,
 * as by ON CONFLICT DO NOTHING, and the array inserted (one element a row)
 * tells which are not; stop ends the statement with the first such row.
 * Needs no SPI connection.  Returns the number of rows inserted.
 */
extern uint64 mhub_table_insert(MhubTable *table, const MhubColumns *rows);

/* The same in two steps: NULL where only a statement can do it, which is then the caller's business */
extern MhubTableAccess *mhub_table_open_to_insert(MhubTable *table);
extern void mhub_table_insert_into(MhubTableAccess *access, const MhubColumns *rows);

extern uint64 mhub_table_insert_unique(MhubTable *table, const MhubColumns *rows, int key, bool *inserted, bool stop);

/* Writes the values of row number i, all columns of MhubTable; what they point to lives until the rows are inserted. */
typedef void (*MhubFillRow) (void *state, int i, Datum *values, bool *nulls);

/*
 * Inserts n rows into a partitioned table.  Those that only a statement may
 * insert are left out, and their numbers come in left, which has room for n;
 * returns how many they are.
 */
extern int	mhub_table_insert_routed(const MhubTable *table, int n, MhubFillRow fill, void *state, int *left);

#endif							/* MHUB_TABLE_ACCESS_H */

/*
 * table_state.h
 *	  What table_access.c knows of an open table, for those who read and write it.
 */
#ifndef MHUB_TABLE_STATE_H
#define MHUB_TABLE_STATE_H

#include "common/table_access.h"

#include "access/genam.h"
#include "access/relscan.h"
#include "access/skey.h"
#include "nodes/execnodes.h"
#include "storage/buf.h"

/* Rows written together, where nothing looks at each */
#define MHUB_ROWS_TOGETHER 64

typedef struct TableKeyState
{
	Oid			index;			/* that looks it up */
	bool		unique;			/* exactly these columns are unique, */
	List	   *arbiters;		/* by these indexes */
	int			positions[MHUB_KEY_MAX_COLUMNS];	/* of the key's columns in the index */
	ScanKeyData scan_keys[MHUB_KEY_MAX_COLUMNS];	/* in the index's order */
	IndexScanDesc scan;
} TableKeyState;

/* A column that callers do not name, and the value a row gets for it */
typedef struct TableDefault
{
	AttrNumber	column;
	ExprState  *value;
} TableDefault;

/* Rows that a statement has found, as many values each as the table has columns */
typedef struct TableAnswer
{
	Datum	   *values;
	bool	   *nulls;
	uint64		n;
	uint64		row;			/* rows given so far */
} TableAnswer;

/* Of a table that is read by statements there is nothing but the table and the answer. */
struct MhubTableAccess
{
	MhubTable  *table;
	TableAnswer answer;
	MemoryContext memory;		/* the opener's */
	MemoryContext context;		/* holds all of this */
	uint64		changes;		/* of the table when this was made */
	Oid			allowed_user;	/* may, last time, do */
	AclMode		allowed;		/* this */
	LocalTransactionId locked;	/* the transaction that has locked it and its indexes to its end */
	Relation	relation;		/* NULL: by statements */
	TupleDesc	descriptor;		/* a copy, which nobody counts references to */
	AttrNumber	columns[MHUB_MAX_COLUMNS];
	int			nindexes;
	Oid		   *indexes;
	EState	   *estate;			/* this and the next NULL: it is only read */
	ResultRelInfo *result;		/* with the indexes open */
	TableKeyState keys[MHUB_TABLE_MAX_KEYS];
	bool		to_change;		/* opened to change rows */
	bool		updating;		/* triggers of statements wait for the end of an UPDATE, */
	struct TransitionCaptureState *capture; /* and may want its rows */
	int			reading;		/* the key looked up last */
	Buffer		page;			/* of the row found last */
	TupleTableSlot *found;
	TupleTableSlot *written;
	int			ndefaults;
	TableDefault *defaults;
};

/* What readers hold, CREATE INDEX need not wait for. */
static inline LOCKMODE
mhub_table_lock(const MhubTable *table)
{
	return table->only_read ? AccessShareLock : RowExclusiveLock;
}

/* Nothing but the relation itself, of whatever kind, is behind it: no rules, no extension that keeps its rows. */
extern bool mhub_table_is_itself(Relation relation);

static inline bool
mhub_fires_on_insert(const TriggerDesc *triggers)
{
	return triggers != NULL &&
		(triggers->trig_insert_before_row || triggers->trig_insert_after_row ||
		 triggers->trig_insert_before_statement || triggers->trig_insert_after_statement);
}

/* Has the user these rights on all rows of the table? */
extern bool mhub_table_grants(Oid relid, AclMode mode);

extern MhubTableAccess *mhub_table_open_for(MhubTable *table, AclMode mode);

/* table_keys.c: false when a key has no index that looks it up */
extern bool mhub_table_find_keys(MhubTableAccess *access);

/* table_ask.c: as the functions without statements do it */
extern void mhub_table_ask(MhubTableAccess *access, int key, const Datum *values);
extern bool mhub_table_next_answer(MhubTableAccess *access);
extern Datum mhub_table_answered(const MhubTableAccess *access, int column, bool *isnull);

/* table_update.c: what an UPDATE of these columns fires; the rows are changed by table_row.c */
extern bool mhub_table_is_updatable(const MhubTableAccess *access, const int *columns, int n);
extern void mhub_table_begin_update(MhubTableAccess *access);
extern void mhub_table_note_update(MhubTableAccess *access, ItemPointer before);
extern void mhub_table_end_update(MhubTableAccess *access);

/* An empty row; columns nobody gives have their defaults. */
extern void mhub_table_start_row(MhubTableAccess *access, TupleTableSlot *slot);

/* What the table adds to a row and asks of it: generated columns, constraints */
extern void mhub_complete_row(ResultRelInfo *result, EState *estate, TupleTableSlot *slot);

/*
 * Writes the new version of a row in its place; false, with nothing done, when
 * somebody else has changed it since the active snapshot.
 */
extern bool mhub_write_version(ResultRelInfo *result, EState *estate, ItemPointer tid, TupleTableSlot *slot, CommandId command);

/* Writes rows of a table without triggers of rows: one lock and one WAL record for those on one page. */
extern void mhub_write_slots(ResultRelInfo *result, EState *estate, TupleTableSlot **slots, int n, CommandId command);

/* The same with their index entries, in the state's memory for a row; the slots are empty again. */
extern void mhub_write_together(ResultRelInfo *result, EState *estate, TupleTableSlot **slots, int n, CommandId command);

#endif							/* MHUB_TABLE_STATE_H */

/*
 * table_fill.h
 *	  Filling empty tables: all rows first, then the indexes, as a restore does.
 */
#ifndef MHUB_TABLE_FILL_H
#define MHUB_TABLE_FILL_H

#include "common/pgcompat.h"

#include "common/table_access.h"

/* What an empty table gets: rows numbered from 0, asked for one after the other when they are written */
typedef struct MhubFilling
{
	int			n;
	int			ncolumns;		/* the first of MhubTable; the others get their defaults */
	uint32		fleeting;		/* columns, as bits, that value() cannot tell once more, for an index */
	void	   *state;

	/* Called before the values of so many rows are asked for; NULL: nothing to do */
	void		(*prepare) (void *state, int row, int n);

	/* What a row has in a column of MhubTable; what it points to must last until the next prepare(). */
	Datum		(*value) (void *state, int row, int column, bool *isnull);

	/*
	 * The rows in the order of a key of MhubTable, as far as that is easily
	 * had; NULL: as given.  Until done() value() is asked for the first of this
	 * order as row 0, and so on, and expect() is called ahead of that.
	 */
	const int  *(*in_order) (void *state, int key);
	void		(*expect) (void *state, int row);
	void		(*done) (void *state);
} MhubFilling;

/*
 * Is filling possible?  That is when the tables are empty, without triggers of
 * insertion but MhubTable.row_triggers, and nobody else is using them.  Then they
 * are locked to the end of the transaction, and each can be filled once.  That
 * raises unique_violation where rows contradict each other.
 */
extern bool mhub_tables_begin_fill(MhubTable *const *tables, int n);
extern void mhub_table_fill(MhubTable *table, const MhubFilling *filling);

#endif							/* MHUB_TABLE_FILL_H */

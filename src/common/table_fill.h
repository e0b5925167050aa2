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

	/* Called ahead of value(), for rows not asked for as given: which is next, and which later; NULL: all are near in memory */
	void		(*expect) (void *state, int next, int later);

	/* The rows in the order of a key of MhubTable, as far as that is easily had, in memory of its own; NULL: as given */
	int		   *(*in_order) (void *state, int key);
} MhubFilling;

/* So many rows ahead expect() is told the next one; the later one is twice as far. */
#define MHUB_FILLING_AHEAD 16

/* Row i of this order is about to be asked for. */
static inline void
mhub_filling_expect(const MhubFilling *filling, const int *order, int i)
{
	int			next = i + MHUB_FILLING_AHEAD;
	int			later = next + MHUB_FILLING_AHEAD;

	if (filling->expect != NULL && later < filling->n)
		filling->expect(filling->state, order[next], order[later]);
}

/*
 * Is filling possible?  That is when the tables are empty, without triggers of
 * insertion but MhubTable.row_triggers, and nobody else is using them.  Then they
 * are locked to the end of the transaction, and each can be filled once.  That
 * raises unique_violation where rows contradict each other.
 */
extern bool mhub_tables_begin_fill(MhubTable *const *tables, int n);
extern void mhub_table_fill(MhubTable *table, const MhubFilling *filling);

#endif							/* MHUB_TABLE_FILL_H */

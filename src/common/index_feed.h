/*
 * index_feed.h
 *	  Building the indexes of a table from rows that are still in memory.
 */
#ifndef MHUB_INDEX_FEED_H
#define MHUB_INDEX_FEED_H

#include "common/pgcompat.h"

#include "common/table_fill.h"

/* Columns besides those of MhubTable */
#define MHUB_FEED_NULL (-1)		/* null in every row */
#define MHUB_FEED_UNKNOWN (-2)	/* only the table tells what is in it */

typedef struct MhubFeed
{
	const MhubTable *table;
	const MhubFilling *filling;
	ItemPointerData *places;	/* where its rows lie */
	int			natts;
	int		   *columns;		/* of each attribute of the table, its number in MhubTable.columns or one of the above */
} MhubFeed;

/* Builds an index anew, with nothing in the table but the rows of the feed. */
extern void mhub_reindex_fed(Oid index, const MhubFeed *feed);

#endif							/* MHUB_INDEX_FEED_H */

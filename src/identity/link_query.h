/*
 * link_query.h
 *	  The query of mhub.link_identifiers(), read as pairs of names.
 */
#ifndef MHUB_IDENTITY_LINK_QUERY_H
#define MHUB_IDENTITY_LINK_QUERY_H

#include "common/pgcompat.h"

#include "identity/batch.h"
#include "utils/portal.h"

/* Rows are read so many at a time, or fewer. */
#define LINK_QUERY_ROWS 1000

typedef struct LinkQuery
{
	Portal		portal;
	bool		timed;			/* it has a fifth column, seen_at */
	TimestampTz at;				/* when rows without it were seen */
	double		expected;		/* how many rows the planner takes it to have */
	bool		finished;		/* there are no more rows */
} LinkQuery;

/* The query as it was given, without semicolon at its end */
extern char *link_query_trimmed(text *given);

/* Only rows that come in a stated order can be skipped by number. */
extern bool link_query_is_ordered(const char *query);

/* Opens the query, for longer than the transaction, and skips its first rows. */
extern void link_query_open(LinkQuery *query, const char *text, int64 skip, TimestampTz at);
extern void link_query_close(LinkQuery *query);

/*
 * Takes up to wanted rows into the batch; returns how many there were.  They
 * are observations like about, which must last; scratch is emptied.
 */
extern int	link_query_read(LinkQuery *query, Batch *batch, IdentityObservation *about, int wanted, MemoryContext scratch);

#endif							/* MHUB_IDENTITY_LINK_QUERY_H */

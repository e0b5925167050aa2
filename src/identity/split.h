/*
 * split.h
 *	  Un-merging: what a person falls apart into, written to the tables.
 */
#ifndef MHUB_IDENTITY_SPLIT_H
#define MHUB_IDENTITY_SPLIT_H

#include "common/pgcompat.h"

typedef struct SplitCause
{
	const char *cause;			/* for mhub.merge_log */
	int64		identifier_a;	/* the link that was removed, 0: several */
	int64		identifier_b;
} SplitCause;

/*
 * Recomputes a person from its links, in memory, and moves each part that has
 * come off to a person of its own.  The caller is connected to SPI and holds
 * the person's lock.  named: identifiers that are to leave; the others keep
 * the person's id.  Returns the number of persons there are now.
 */
extern int	identity_recompute(int64 person_id, const int64 *named, int nnamed, const SplitCause *cause);

#endif							/* MHUB_IDENTITY_SPLIT_H */

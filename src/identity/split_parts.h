/*
 * split_parts.h
 *	  What a person falls apart into when links are gone: the pure part.
 */
#ifndef MHUB_IDENTITY_SPLIT_PARTS_H
#define MHUB_IDENTITY_SPLIT_PARTS_H

#include "common/pgcompat.h"

typedef struct SplitMember
{
	int64		identifier_id;	/* members are in order of it */
	int64		former_person_id;	/* whom it came from, now merged into the person that is split; 0: none */
	bool		named;			/* named in the call: never the reason to keep the person's id */

	/* set by split_parts() */
	int			part;			/* place of the part's first member */
	bool		oldest;			/* of its former person's */
} SplitMember;

typedef struct SplitPart
{
	int			first;			/* its first member */
	int64		person_id;		/* 0: a new person */
	bool		keeps;			/* goes on as the person that is split */
	bool		revived;		/* takes a former person's id back */
} SplitPart;

/*
 * Parts of n members under m links (pairs of identifier ids), with the ids
 * they go on under: one keeps person_id; another takes the id of a person
 * merged away earlier whose oldest identifier it holds; the rest are new.
 * Returns the number of parts, in order of their first members.
 */
extern int	split_parts(SplitMember *members, int n, const int64 (*links)[2], int m,
						int64 person_id, SplitPart **parts);

#endif							/* MHUB_IDENTITY_SPLIT_PARTS_H */

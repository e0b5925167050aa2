/*
 * identity.h
 *	  One person behind many identifiers: what other rooms use of this room.
 */
#ifndef MHUB_IDENTITY_H
#define MHUB_IDENTITY_H

#include "common/pgcompat.h"

#include "utils/jsonb.h"
#include "utils/timestamp.h"

/* last_seen_at follows an observation when that is so much later: most would otherwise rewrite the row for nothing. */
#define IDENTITY_SEEN_STEP USECS_PER_HOUR

/* An identifier as it was observed; neither text needs a terminating zero. */
typedef struct IdentityName
{
	const char *kind;
	int			kind_length;
	const char *value;
	int			value_length;
} IdentityName;

/*
 * Identifiers seen together: one person, as far as the limits of
 * mhub.identifier_kind allow.  Zero it, fill in the first half, and
 * mhub_identity_resolve() fills in the second.
 */
typedef struct IdentityObservation
{
	IdentityName *identifiers;
	int			nidentifiers;
	TimestampTz occurred_at;
	const char *source;			/* NULL where unknown */
	const char *cause;			/* for mhub.merge_log; NULL is "observation" */
	Jsonb	   *traits;			/* an object, or NULL */
	float		confidence;		/* of the links; 0 stands for 1 */
	bool		first_survives; /* the first identifier's person survives a merge and is primary */
	bool		stored;			/* the values are as in mhub.identifier: normalised and blind already */
	bool		force;			/* somebody knows better than limits and removed links */

	int64		identifier_id;	/* primary identifier; 0 when none was usable */
	int64		person_id;		/* its person; 0 likewise */
	bool		is_new;			/* this call has inserted that identifier: nothing can refer to it yet */
	const char *unknown_kind;	/* a kind that mhub.identifier_kind does not know; such are left out */
	int			unknown_kind_length;
} IdentityObservation;

/*
 * Resolves observations in order, as if each was the only one, with few
 * statements for all of them: finds or creates identifiers and persons, links
 * and merges, logs merges and conflicts.  Values are normalised, blocked ones
 * ignored, those of pii kinds sealed.
 *
 * Nothing here deadlocks with other sessions doing the same, provided a
 * transaction calls it once: locks are taken in one order within a call and
 * kept to the end of the transaction.  So give a whole batch to one call.
 *
 * Needs no SPI connection and works within one.
 */
extern void mhub_identity_resolve(IdentityObservation *observations, int nobservations);

/*
 * A quicker way for an observation that mhub_identity_resolve() would write
 * nothing for: of one identifier, known by the active snapshot and seen of
 * late.  False when it is not clearly one of these.
 */
extern bool mhub_identity_known(IdentityObservation *observation);

/*
 * Identifiers from {"kind": "value", "kind": ["value", ...]}; numbers count as
 * text, null is skipped.  The names point into the jsonb or are palloc'd.
 * Returns NULL with *n = 0 when it is not an object; other values raise
 * invalid_parameter_value unless lenient, which skips them.
 */
extern IdentityName *mhub_identity_names(Jsonb *identifiers, bool lenient, int *n);

/* Raises invalid_parameter_value when the observation had a kind that mhub.identifier_kind does not know. */
extern void mhub_identity_refuse_unknown_kind(const IdentityObservation *observation);

/*
 * Locks the person that an id stands for and returns it: until the end of the
 * transaction no merge, split or new link of it happens.  For whoever rewrites
 * a person as a whole (erasure).  0 when there is no such person.
 */
extern int64 mhub_identity_lock_person(int64 person_id);

/*
 * Waits until no other transaction has the person in a class of advisory
 * locks that is the caller's own (first key of two), and keeps it from others
 * until this one ends.  Does not hold up those who link or merge persons.
 */
extern void mhub_identity_wait_for_turn(int64 person_id, uint32 lock_class);

extern void mhub_identity_init(void);

#endif							/* MHUB_IDENTITY_H */

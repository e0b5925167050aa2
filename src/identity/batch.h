/*
 * batch.h
 *	  A batch of observations in memory: each identifier and each link once.
 */
#ifndef MHUB_IDENTITY_BATCH_H
#define MHUB_IDENTITY_BATCH_H

#include "common/pgcompat.h"

#include "identity/identity.h"
#include "identity/kinds.h"
#include "identity/plan.h"

/* A hash index over elements of an array: holds their numbers, -1 where free; sized once. */
typedef struct SlotIndex
{
	uint32		mask;
	int		   *slots;
} SlotIndex;

typedef struct BatchIdentifier
{
	uint32		hash;
	int			kind;
	char	   *value;			/* as stored: normalised, or the blind index in hex */
	int			length;
	char	   *plain;			/* of a pii kind: the value to be sealed */
	TimestampTz first_observed; /* observations in this batch: the first in order, */
	TimestampTz earliest;		/* and by time */
	TimestampTz latest;
	const char *source;

	/* from the table, or as inserted */
	int64		identifier_id;
	int64		person_id;		/* 0: not in the table */
	TimestampTz first_seen;
	TimestampTz last_seen;
	bool		inserted;		/* by this call */
	int			drawn;			/* inserted with a new person's id: its place in drawn, else -1 */

	/* from the plan */
	int			node;
	TimestampTz since;			/* first_seen_at as the observation at hand finds it */
} BatchIdentifier;

typedef struct BatchLink
{
	int			a;				/* identifiers of the batch, a < b */
	int			b;

	/* from the table */
	bool		found;
	bool		joins;
	bool		removed;
	TimestampTz first_seen;
	TimestampTz last_seen;

	/* from the plan */
	bool		to_join;
	bool		to_note;		/* as evidence */
	TimestampTz earliest;		/* of the observations that do either */
	TimestampTz latest;
	float		confidence;
	const char *source;
} BatchLink;

typedef struct BatchObservation
{
	IdentityObservation *public;
	int			base;			/* primary identifier, -1: none */
	int			nothers;
	int		   *others;			/* the other identifiers, best first */
	int		   *links;			/* parallel to others */
} BatchObservation;

typedef struct BatchMerge
{
	int			survivor;		/* nodes */
	int			loser;
	int			link;
	int			observation;
} BatchMerge;

typedef struct BatchConflict
{
	int			kind;
	int			observation;
	int			left_out;		/* identifier */
	int			person_node;
	int			other_node;
} BatchConflict;

typedef struct BatchPerson
{
	int64		person_id;		/* 0: not assigned */
	int			drawn;			/* a new person: its place in drawn, else -1 */
	bool		claimed;		/* in drawn: by a root of the present plan */
	TimestampTz created_at;
} BatchPerson;

typedef struct Batch
{
	const IdentityKinds *kinds;
	BatchIdentifier *identifiers;
	int			nidentifiers;
	int			identifiers_capacity;
	int		   *in_order;		/* their numbers, sorted by value and kind */
	BatchLink  *links;
	int			nlinks;
	int			links_capacity;
	BatchObservation *observations;
	int			nobservations;
	SlotIndex	identifier_index;
	SlotIndex	link_index;

	/* ids drawn for new persons */
	struct BatchPerson *drawn;
	int			ndrawn;
	int			drawn_capacity;

	/* the plan, made anew by batch_start_plan() and batch_plan() */
	MergePlan		plan;
	SlotIndex	person_index;	/* nodes of existing persons */
	BatchMerge *merges;
	int			nmerges;
	int			merges_capacity;
	BatchConflict *conflicts;
	int			nconflicts;
	int			conflicts_capacity;
	struct BatchPerson *root_person;	/* of each root, once assigned */
} Batch;

extern void batch_build(Batch *batch, IdentityObservation *observations, int n);

/* batch.c */
extern void slot_index_init(SlotIndex *index, int expected);

/* batch_plan.c */
extern void batch_start_plan(Batch *batch);
extern void batch_plan(Batch *batch);
extern int	batch_node_of_person(Batch *batch, int64 person_id);
extern int	batch_persons_to_lock(Batch *batch, int64 **persons);

/* batch_read.c */
extern void batch_find_identifiers(Batch *batch);
extern void batch_find_links(Batch *batch);
extern bool batch_still_true(Batch *batch);

/* batch_tally.c */
extern void batch_load_tallies(Batch *batch, int64 *persons, int n);	/* overwrites persons */

/* batch_write.c */
extern bool batch_insert_identifiers(Batch *batch);
extern void batch_assign_persons(Batch *batch);
extern void batch_apply(Batch *batch);

/* batch_note.c */
extern void batch_write_links(Batch *batch);
extern void batch_write_conflicts(Batch *batch);
extern void batch_merge_traits(Datum *args);
extern void batch_write_traits(Batch *batch);
extern void batch_write_seen(Batch *batch);

/* Doubles an array of count elements when it is full. */
#define BATCH_ROOM(array, count, capacity) \
	do { \
		if ((count) >= (capacity)) \
		{ \
			(capacity) = Max(8, (capacity) * 2); \
			(array) = (array) == NULL \
				? palloc_extended(sizeof(*(array)) * (capacity), MCXT_ALLOC_HUGE) \
				: repalloc_huge((array), sizeof(*(array)) * (capacity)); \
		} \
	} while (0)

#endif							/* MHUB_IDENTITY_BATCH_H */

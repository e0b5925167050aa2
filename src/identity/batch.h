/*
 * batch.h
 *	  A batch of observations in memory: each identifier and each link once.
 */
#ifndef MHUB_IDENTITY_BATCH_H
#define MHUB_IDENTITY_BATCH_H

#include "common/pgcompat.h"

#include "common/id_range.h"
#include "common/spi_array.h"
#include "common/table_access.h"
#include "identity/identity.h"
#include "identity/kinds.h"
#include "identity/plan.h"
#include "storage/itemptr.h"

typedef struct Slot
{
	uint32		hash;
	int			number;			/* -1: free */
} Slot;

/* A hash index over elements of an array.  It has their hashes itself, for most elements are far away in memory. */
typedef struct SlotIndex
{
	uint32		mask;
	Slot	   *slots;
} SlotIndex;

/* A name that identifies somebody, as the batch knows it: normalised, or the blind index in hex */
typedef struct BatchName
{
	const char *value;			/* NULL: it identifies nobody */
	const char *plain;			/* of a pii kind */
	uint32		hash;
	int			length;
	int			kind;
} BatchName;

/* One of many observations of two names, in all else alike */
typedef struct BatchPair
{
	BatchName	names[2];
	TimestampTz at;
} BatchPair;

/* There are millions of these, hence the order of the members: what is looked at in random order comes first. */
typedef struct BatchIdentifier
{
	char	   *value;			/* as stored: normalised, or the blind index in hex; see batch_value(), batch_plain() */
	int			length;			/* of value; it ends with a zero, too */
	int			kind;
	TimestampTz earliest;		/* observations in this batch: the first and the last by time */
	TimestampTz latest;
	const char *source;
	int64		identifier_id;	/* from the table, or as inserted */
	int64		person_id;		/* 0: not in the table */
	bool		inserted;		/* by this call */
} BatchIdentifier;

/* What else is known of an identifier's row in the table */
typedef struct BatchRow
{
	TimestampTz first_seen;		/* from the table, or as inserted */
	TimestampTz last_seen;
	ItemPointerData place;		/* of the row, when it was read directly */
	int			drawn;			/* inserted with a new person's id: its place in drawn, else -1 */
} BatchRow;

typedef struct BatchLink
{
	int			a;				/* identifiers of the batch, a < b */
	int			b;

	bool		mergeable:1;	/* as both their kinds are */

	/* from the table */
	bool		found:1;
	bool		joins:1;
	bool		removed:1;
	bool		doubtful:1;		/* its confidence is below 1 */

	/* from the plan */
	bool		to_join:1;
	bool		to_note:1;		/* as evidence */
	float		confidence;
	TimestampTz earliest;		/* of the observations that join or note */
	TimestampTz latest;
	const char *source;
} BatchLink;

/* What else is known of a link that is in the table */
typedef struct BatchLinkRow
{
	TimestampTz first_seen;
	TimestampTz last_seen;
} BatchLinkRow;

/* An identifier of an observation besides the primary one, and the link to that */
typedef struct BatchOther
{
	int			identifier;
	int			link;
} BatchOther;

typedef struct BatchObservation
{
	IdentityObservation *public;	/* observations that differ in nothing else may share it */
	TimestampTz at;				/* occurred_at */
	int			base;			/* primary identifier, -1: none */
	int			nothers;
	int			first_other;	/* place in the batch's others, best first */
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
	TimestampTz created_at;
	int			drawn;			/* a new person: its place in drawn, else -1 */
} BatchPerson;

/* An id drawn for a new person */
typedef struct BatchDrawn
{
	int64		person_id;
	bool		claimed;		/* by a person of the present plan */
} BatchDrawn;

#define BATCH_RECENT_KINDS 16

typedef struct Batch
{
	MemoryContext memory;		/* holds it all */
	bool		fills;			/* there are no identifiers and links yet, and these are written as a restore does */
	bool		fills_persons;	/* these, too */
	bool		looked_up;		/* once; from now on nothing is taken for new unseen */
	uint64		read_at;		/* see completed_transactions(); 0: unknown */
	const IdentityKinds *kinds;
	bool		timed;			/* there are identifiers of a kind with a period */
	bool		pii;			/* and of a pii kind */
	char	   *text;			/* room for values, */
	Size		text_left;		/* what is left of it, */
	Size		text_size;		/* and what it had */
	const char *source;			/* the source asked for last, see batch_source() */
	Datum		source_text;
	BatchIdentifier *identifiers;
	int			nidentifiers;
	int			identifiers_capacity;
	int		   *in_order;		/* their numbers in the order of insertion */
	BatchRow   *rows;			/* of each; none in tables that are filled */
	BatchLink  *links;
	int			nlinks;
	int			links_capacity;
	BatchLinkRow *link_rows;	/* of each; none in tables that are filled */
	BatchObservation *observations;
	int			nobservations;
	int			observations_capacity;
	BatchOther *others;
	int			nothers;
	int			others_capacity;
	SlotIndex	identifier_index;
	SlotIndex	link_index;
	uint8		recent_kinds[BATCH_RECENT_KINDS];	/* see kind_number() */

	int64	   *row_ids;		/* of filled rows, in the order of in_order */

	BatchDrawn *drawn;
	int			ndrawn;
	int			drawn_capacity;

	/* the plan, made anew by batch_start_plan() and batch_plan() */
	bool		planned;		/* once, so links are to be forgotten what that made of them */
	MergePlan	plan;
	int		   *node_of;		/* of each identifier */
	SlotIndex	person_index;	/* nodes of existing persons */
	TimestampTz *since;			/* of each identifier: first_seen_at as the observation at hand finds it, for periods */
	BatchMerge *merges;
	int			nmerges;
	int			merges_capacity;
	BatchConflict *conflicts;
	int			nconflicts;
	int			conflicts_capacity;
	bool		assigned;		/* its roots have their persons: */
	int		   *person_of_root; /* place in persons, -1: none */
	int		   *person_of;		/* of each identifier, the same */
	BatchPerson *persons;
	int			npersons;
	int			persons_capacity;
} Batch;

/* batch.c */
extern void batch_init(Batch *batch, int expected);
extern void batch_add(Batch *batch, IdentityObservation *public, const IdentityName *names, int n, TimestampTz at);
extern BatchName batch_accept(Batch *batch, IdentityObservation *public, const IdentityName *name);
extern void batch_add_pairs(Batch *batch, IdentityObservation *public, const BatchPair *pairs, int n);
extern Datum batch_source(Batch *batch, const char *source);
extern void slot_index_init(SlotIndex *index, int expected);
extern void slot_index_put(SlotIndex *index, uint32 hash, int number);

/* resolve.c */
extern void batch_resolve(Batch *batch);

/* batch_plan.c */
extern void batch_start_plan(Batch *batch);
extern void batch_plan(Batch *batch);
extern int	batch_node_of_person(const Batch *batch, int64 person_id);
extern int	batch_persons_to_lock(Batch *batch, int64 **persons);

/* batch_read.c */
extern void batch_find_identifiers(Batch *batch);
extern bool batch_find_again(const Batch *batch, MhubTableAccess *access, int number);
extern void batch_find_links(Batch *batch);
extern bool batch_forget_person(Batch *batch, int64 erased);
extern bool batch_still_true(Batch *batch, const int64 *persons, int n);

/* batch_tally.c */
extern void batch_load_tallies(Batch *batch, int64 *persons, int n);	/* overwrites persons */

/* batch_write.c */
extern void batch_run(MhubPlan *statement, const MhubColumns *rows, int expected);
extern bool batch_insert_identifiers(Batch *batch);
extern int64 batch_prepare_keys(Batch *batch, const int *numbers, int n);
extern Datum batch_sealed(const char *plain, int64 person_id);
extern void batch_assign_persons(Batch *batch);
extern void batch_apply(Batch *batch);

/* batch_fill.c */
extern void batch_fill_identifiers(Batch *batch);
extern void batch_fill_persons(Batch *batch);
extern void batch_fill_links(Batch *batch);

/* batch_merge.c */
extern void batch_write_merges(Batch *batch);
extern void batch_merge_traits(Datum *args);

/* batch_note.c */
extern void batch_write_links(Batch *batch);
extern void batch_write_conflicts(Batch *batch);
extern void batch_write_traits(Batch *batch);

/* batch_seen.c */
extern void batch_write_seen(Batch *batch);

/* Rows handed to a table at a time: what is made for them is used again for the next */
#define BATCH_ROWS 1000

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

/* The value of an identifier as type text, whose header stands before it */
static inline Datum
batch_value(const BatchIdentifier *identifier)
{
	return PointerGetDatum(identifier->value - VARHDRSZ);
}

/* What is to be sealed of a pii kind's value, NULL where that is not known; it stands behind the value. */
static inline const char *
batch_plain(const Batch *batch, const BatchIdentifier *identifier)
{
	const char *plain = identifier->value + identifier->length + 1;

	return batch->kinds->kinds[identifier->kind].pii && *plain != '\0' ? plain : NULL;
}

/* The person that a node belongs to, once assigned */
static inline BatchPerson *
batch_person(Batch *batch, int node)
{
	return &batch->persons[batch->person_of_root[plan_find(&batch->plan, node)]];
}

/* The same of an identifier */
static inline BatchPerson *
batch_person_of(Batch *batch, int identifier)
{
	return &batch->persons[batch->person_of[identifier]];
}

/* The other identifiers of an observation */
static inline const BatchOther *
batch_others(const Batch *batch, const BatchObservation *observation)
{
	return &batch->others[observation->first_other];
}

#endif							/* MHUB_IDENTITY_BATCH_H */

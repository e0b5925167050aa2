/*
 * plan.h
 *	  Which identifiers become one person: the pure part of identity.
 *
 * A plan holds the persons ("nodes") that a batch of observations touches, and
 * joins them one link at a time, keeping every limit.  It knows nothing of
 * tables: the caller loads nodes and their tallies, and writes the outcome.
 */
#ifndef MHUB_IDENTITY_PLAN_H
#define MHUB_IDENTITY_PLAN_H

#include "common/pgcompat.h"

#include "datatype/timestamp.h"

/* The younger person survives a merge only when it is this many times as large. */
#define IDENTITY_SURVIVOR_FACTOR 16

typedef struct PlanLimit
{
	int			most;			/* 0: none */
	int64		period;			/* microseconds; 0: for ever */
	bool		unique;
} PlanLimit;

/* How many identifiers of one limited kind a node has */
typedef struct PlanTally
{
	int			kind;
	int			count;
	int			capacity;
	TimestampTz *seen;			/* first_seen_at of each; only for kinds with a period */
} PlanTally;

typedef struct PlanTallies
{
	int			n;
	int			capacity;
	PlanTally	tallies[FLEXIBLE_ARRAY_MEMBER];
} PlanTallies;

/* There are millions of these. */
typedef struct PlanNode
{
	int64		person_id;		/* 0: a new person */
	PlanTallies *tallies;		/* NULL: none */
	int			size;			/* identifiers */
} PlanNode;

typedef struct MergePlan
{
	const PlanLimit *limits;	/* by number of kind */
	int		   *parents;		/* of the nodes; apart from them, because finding a root looks at nothing else */
	PlanNode   *nodes;
	int			nnodes;
	int			capacity;
	bool		plain;			/* all nodes are new persons without tallies; then their sizes are not kept */
} MergePlan;

typedef enum PlanOutcome
{
	PLAN_ALREADY_ONE,
	PLAN_JOINED,
	PLAN_REFUSED
} PlanOutcome;

/* What plan_join() did */
typedef struct PlanJoin
{
	PlanOutcome outcome;
	int			survivor;		/* joined: nodes */
	int			loser;
	int			kind;			/* refused: whose limit */
} PlanJoin;

extern void plan_init(MergePlan *plan, const PlanLimit *limits, int expected);
extern void plan_free(MergePlan *plan);
extern int	plan_add_node(MergePlan *plan, int64 person_id, int size);
extern void plan_tally(MergePlan *plan, int node, int kind, int count, const TimestampTz *seen);
extern void plan_seen_earlier(MergePlan *plan, int node, int kind, TimestampTz was, TimestampTz is);
extern int	plan_find(MergePlan *plan, int node);
extern PlanJoin plan_join(MergePlan *plan, int a, int b, TimestampTz at, bool force, bool a_survives);

#endif							/* MHUB_IDENTITY_PLAN_H */

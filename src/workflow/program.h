/*
 * program.h
 *	  A workflow's definition, read into a state machine.
 *
 * Everything a program points to lives in the memory context it was read in.
 */
#ifndef MHUB_PROGRAM_H
#define MHUB_PROGRAM_H

#include "common/pgcompat.h"

#include "datatype/timestamp.h"
#include "nodes/pg_list.h"
#include "utils/jsonb.h"
#include "workflow/local_time.h"
#include "workflow/predicate.h"

#define WF_MAX_STEPS 1000
#define WF_MAX_BRANCHES 100

typedef enum WfType
{
	WF_DELAY,
	WF_WAIT_FOR,
	WF_DECISION,
	WF_EXPERIMENT,
	WF_MESSAGE,
	WF_TASK,
	WF_WEBHOOK,
	WF_UPDATE,
	WF_ENTER,
	WF_LEAVE,
	WF_GOAL,
	WF_EXIT,
	WF_UNKNOWN
} WfType;

/*
 * How a step was left, as history keeps it.  Below WF_BRANCHES_END it is the
 * number of the branch: of a decision (its else comes last), of an experiment's
 * variant, of a wait_for (0 it came, 1 timeout), else 0.
 */
typedef enum WfOutcome
{
	WF_DONE = 0,
	WF_BRANCHES_END = WF_MAX_BRANCHES - 1,
	WF_WOKEN = 99,				/* counters only: somebody who waited here goes on */
	WF_ENTERED = 100,			/* arrived at a step that waits */
	WF_DEFERRED_QUIET = 101,	/* message: waits for the end of quiet hours */
	WF_DEFERRED_CAP = 102,		/* message: waits for room under the cap */
	WF_SKIPPED_QUIET = 103,
	WF_SKIPPED_CAP = 104,
	WF_SKIPPED_CONSENT = 105,
	WF_SKIPPED_SUPPRESSED = 106,
	WF_SKIPPED_LATE = 107,
	WF_EXIT_CAP = 108,
	WF_EXIT_CONSENT = 109,
	WF_LEFT_GOAL = 110,			/* left the workflow here: a goal was reached */
	WF_LEFT_CRITERION = 111,	/* an exit criterion held */
	WF_LEFT_REMOVED = 112		/* another workflow took the person out */
} WfOutcome;

/* How an enrollment ended; 0 is still in flight.  mhub.enrollment_outcome() names them. */
typedef enum WfEnd
{
	WF_IN_FLIGHT = 0,
	WF_END_COMPLETED = 1,
	WF_END_GOAL = 2,
	WF_END_CRITERION = 3,
	WF_END_REMOVED = 4,
	WF_END_MERGED = 5,
	WF_END_NO_CONSENT = 6,
	WF_END_CAP = 7,
	WF_END_ARCHIVED = 8
} WfEnd;

/* What is done when a limit stands in a message's way. */
typedef enum WfThen
{
	WF_THEN_SKIP,
	WF_THEN_DEFER,
	WF_THEN_EXIT
} WfThen;

typedef struct WfBranch
{
	char	   *name;
	char	   *target_key;		/* NULL ends the workflow */
	int			target;			/* number of the step, -1 ends the workflow */
	int			weight;
	WfPredicate *predicate;		/* NULL always holds */
} WfBranch;

typedef struct WfStep
{
	char	   *key;
	WfType		type;
	int			nbranches;
	WfBranch   *branches;
	Interval	delay;			/* delay; wait_for: timeout */
	bool		has_delay;
	bool		has_local;
	MhubLocalRule local;		/* delay: until; message: quiet hours as the window */
	int64		spread;			/* microseconds */
	char	   *event;			/* wait_for */
	WfPredicate *where;			/* on the event */
	WfPredicate *predicate;		/* wait_for: on the person */
	Interval	recheck;
	char	   *channel;		/* message */
	bool		transactional;
	WfThen		when_refused;
	bool		has_quiet;
	WfThen		when_quiet;
	int			cap_count;		/* 0: none */
	Interval	cap_period;
	WfThen		when_capped;
	char	   *salt;			/* experiment */
	Jsonb	   *context;		/* update: what to put into the enrollment's context */
	Jsonb	   *traits;			/* update: what to set */
	Jsonb	   *unset;			/* update: what to remove, as nulls, which conditions take for the same */
	List	   *add_to;			/* update: names of static segments to enter */
	List	   *remove_from;	/* and to leave */
	int			effect;			/* bit of the effect it has, see effect.h */
	Jsonb	   *settings;		/* the step's object if it has templates, else NULL */
	const char *template_fields;	/* fields that may have them */
	int			template_needs; /* facts that they ask for, WF_NEEDS_... */
} WfStep;

/* A goal or exit criterion: an event, or a condition on the person. */
typedef struct WfCriterion
{
	char	   *key;
	char	   *event;
	WfPredicate *where;
	WfPredicate *predicate;
	bool		is_goal;
} WfCriterion;

typedef struct WfProgram
{
	MhubAttributes *attributes; /* what its conditions look at */
	char	   *zone_name;
	pg_tz	   *zone;
	int			start;
	int			nsteps;
	WfStep	   *steps;
	bool		has_experiment;
	int			ncriteria;
	WfCriterion *criteria;
	bool		has_late;
	int64		late_after;		/* microseconds */
} WfProgram;

/* What is wrong with a definition, and where. */
typedef struct WfProblem
{
	char	   *path;			/* text of an array: {steps,wait,next} */
	char	   *message;
} WfProblem;

struct Reader;

extern WfProgram *wf_program_read(Jsonb *definition, List **problems);
extern void wf_read_step(struct Reader *reader, WfStep *step, char *key);
extern void wf_program_link(WfProgram *program, struct Reader *reader);
extern bool wf_type_waits(const WfStep *step);
extern int64 wf_span_usecs(const Interval *span);
extern int	wf_step_number(const WfProgram *program, const char *key);

#endif							/* MHUB_PROGRAM_H */

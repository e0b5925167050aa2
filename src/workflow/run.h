/*
 * run.h
 *	  Takes one enrollment from a wake-up to its next wait.
 */
#ifndef MHUB_WORKFLOW_RUN_H
#define MHUB_WORKFLOW_RUN_H

#include "workflow/effect.h"
#include "workflow/program.h"

/* A visit in a path: number of the step times this, plus the outcome. */
#define WF_VISIT 1000

/* A refusal of this and more is none: so many more messages the step's cap allows. */
#define WF_ROOM 500

/*
 * Why an enrollment is woken before its time.  A positive signal is the number,
 * plus one, of the wait_for step whose event came.
 */
#define WF_SIGNAL_NONE		0
#define WF_SIGNAL_GOAL		(-1)	/* an event that is a goal came */
#define WF_SIGNAL_CRITERION (-2)	/* an event that is an exit criterion came */
#define WF_SIGNAL_REMOVED	(-3)	/* another workflow took the person out */

/* An enrollment as it stands, and what is known about the person. */
typedef struct WfInput
{
	int64		person_id;
	int			step;
	bool		starting;		/* has not been at any step yet */
	int			signal;
	TimestampTz arrived_at;		/* at the step */
	TimestampTz wake_at;
	TimestampTz now;
	TimestampTz events_until;	/* events are known up to this time */
	Jsonb	   *context;		/* may be NULL */
	Jsonb	   *profile;		/* may be NULL */
	int			nrefusals;
	const int32 *refusals;		/* visits of message steps that must not send now, or how many more they may */
	const char *workflow;		/* for the hash of experiments */
	WfFacts    *facts;
} WfInput;

/* Where it went. */
typedef struct WfMove
{
	bool		moved;			/* false: nothing to do yet */
	int			step;
	WfEnd		end;
	TimestampTz arrived_at;
	TimestampTz wake_at;
	int			signal;			/* that is still to be answered, at the next wake-up */
	Jsonb	   *context;
	Jsonb	   *traits;			/* set by update steps (null: removed); NULL: none */
	int			effects;
	int			npath;
	int			path_space;
	int32	   *path;
	List	   *filled;			/* Jsonb: what became of the steps with templates, in the order of the path */
} WfMove;

extern void wf_run(const WfProgram *program, const WfInput *input, WfMove *move);
extern bool wf_may_pass(const WfStep *step, int branch);
extern int	wf_step_needs(const WfProgram *program, int from);
extern void wf_messages_ahead(const WfProgram *program, int from, bool *ahead);
extern uint32 wf_person_hash(const char *seed, int64 person_id);

#endif							/* MHUB_WORKFLOW_RUN_H */

/*
 * predicate.h
 *	  Conditions inside a workflow, and the facts about a person they look at.
 */
#ifndef MHUB_PREDICATE_H
#define MHUB_PREDICATE_H

#include "common/pgcompat.h"

#include "condition/condition.h"

/* Which facts a condition looks at; each costs the engine something to fetch. */
#define WF_NEEDS_TRAITS		1	/* the person's traits */
#define WF_NEEDS_PROFILE	2	/* events, segments, consent, score: mhub.profile() */
#define WF_NEEDS_CONTACT	4	/* may the person be written to? */

typedef struct WfPredicate
{
	MhubCondition *condition;
	char	   *text;			/* canonical, for people */
	int			needs;
	bool		needs_items;	/* the profile must list single events */
} WfPredicate;

/*
 * What conditions see: the profile, with the enrollment's context as $context.
 * Made once per program; opened for each enrollment.
 */
typedef struct WfFacts
{
	MhubAttributes *attributes;
	MhubProfile profile;
	int			ncontext;
	int		   *context;		/* the attributes that begin with $context */
} WfFacts;

extern WfPredicate *wf_predicate_read(const JsonbValue *value, MhubAttributes *attributes, char **problem);
extern WfFacts *wf_facts_create(MhubAttributes *attributes);
extern void wf_facts_open(WfFacts *facts, Jsonb *profile, Jsonb *context, TimestampTz at);
extern bool wf_predicate_holds(const WfPredicate *predicate, WfFacts *facts);

#endif							/* MHUB_PREDICATE_H */

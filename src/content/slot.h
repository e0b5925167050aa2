/*
 * slot.h
 *	  Slots as they are compiled and kept per backend, and decisions in them.
 */
#ifndef MHUB_SLOT_H
#define MHUB_SLOT_H

#include "access/htup.h"
#include "access/tupdesc.h"
#include "content/ruleset.h"
#include "fmgr.h"

typedef struct Slot
{
	char	   *name;
	bool		exists;
	bool		enabled;
	bool		needs_shown;		/* a rule has a frequency cap */
	bool		needs_stock;
	Content    *default_content;	/* NULL: none */
	RuleSet		set;
	MemoryContext context;
	/* What it takes to fill the profile for its conditions; see profile.c. */
	char	  **item_events;		/* events whose single occurrences conditions ask for */
	int			nitem_events;
	CondSpan	shown_span;			/* the longest frequency cap's */
} Slot;

/* What a slot shows to somebody, and why: OpenFeature's reasons. */
typedef struct Decision
{
	const char *content_key;		/* NULL: nothing */
	Jsonb	   *payload;
	const char *variant;
	const char *rule_key;
	const char *reason;
	Rule	   *rule;				/* the rule it comes from, NULL for the default */
} Decision;

/* slot_cache.c: good until the end of the transaction */
extern Slot *slot_get(const char *name, int length);

/* slot_decide.c */
extern void slot_decide(Slot *slot, Jsonb *profile, TimestampTz at, const bool *excluded, Decision *decision);
extern TupleDesc decision_type(FunctionCallInfo fcinfo);
extern HeapTuple decision_tuple(const Decision *decision, TupleDesc descriptor);

#endif							/* MHUB_SLOT_H */

/*
 * slot.h
 *	  Slots as they are compiled and kept per backend, and decisions in them.
 */
#ifndef MHUB_SLOT_H
#define MHUB_SLOT_H

#include "common/pgcompat.h"

#include "fmgr.h"

#include "condition/segment_set.h"
#include "content/ruleset.h"

typedef struct Slot
{
	char	   *name;
	bool		exists;
	bool		enabled;
	bool		needs_shown;		/* a rule has a frequency cap */
	bool		looks_back;			/* that, or a stock for so many people: what was shown counts */
	Content    *default_content;	/* NULL: none */
	RuleSet		set;
	MemoryContext context;
	CondSpan	shown_span;			/* the longest frequency cap's */
	FactsWanted wanted;				/* what its rules look at; see slot_wanted() */
	uint64		wanted_generation;	/* with the segments of this set */
	MemoryContext wanted_context;
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

/* slot_wanted.c: good until the end of the transaction */
extern const FactsWanted *slot_wanted(Slot *slot, const SegmentSet *segments);

/* slot_decide.c: for the profile that the slot's rules are open on */
extern void slot_decide(Slot *slot, const bool *excluded, Decision *decision);
extern Datum decision_datum(FunctionCallInfo fcinfo, const Decision *decision);

#endif							/* MHUB_SLOT_H */

/*
 * ruleset.h
 *	  The rules of a slot, compiled: which rule is the first that applies to a
 *	  profile.
 */
#ifndef MHUB_RULESET_H
#define MHUB_RULESET_H

#include "condition/person_facts.h"
#include "content/bucket.h"

#include "pgtime.h"

/* One language of a content. */
typedef struct ContentVersion
{
	const char *locale;			/* empty for any */
	TimestampTz expires_at;
	Jsonb	   *payload;
} ContentVersion;

typedef struct Content
{
	const char *key;
	int			nversions;
	ContentVersion *versions;
} Content;

typedef struct RuleVariant
{
	const char *key;			/* NULL: the rule has no variants */
	double		weight;
	const char *content_key;
	Content    *content;
} RuleVariant;

/* A rule.  What is NULL, negative or zero does not limit it. */
typedef struct Rule
{
	int64		rule_id;
	const char *key;
	const char *seed;
	const char *broken;			/* why it can never apply, or NULL */
	MhubCondition *condition;
	TimestampTz valid_from;
	TimestampTz valid_to;
	int			weekdays;		/* bit 1 is Monday ... bit 7 is Sunday */
	int64		hours_from;		/* microseconds of the day, -1 for none */
	int64		hours_to;
	int			cap_count;
	CondSpan	cap_span;
	int64		stock;			/* how often, or to how many people, it may be shown; -1 for no limit */
	bool		stock_per_person;
	double		holdout;
	double		coverage;
	int			hash_version;
	const char *namespace;
	double		namespace_start;
	double		namespace_end;
	int			nvariants;
	RuleVariant *variants;
	BucketRange *ranges;
} Rule;

typedef struct RuleIndex RuleIndex;

typedef struct RuleSet
{
	int			nrules;
	Rule	   *rules;			/* in order of priority */
	MhubAttributes *attributes;
	MhubProfile profile;
	CondPath   *unit_path;
	CondPath   *zone_path;
	CondPath   *consent_path;
	CondPath   *shown_path;
	CondPath   *context_locale_path;
	CondPath   *locale_path;
	RuleIndex  *index;
	int			trying;			/* the rule being evaluated, -1 outside: whose fault an error is */
} RuleSet;

/* What becomes of a rule for a profile, in the order it is checked. */
typedef enum RuleOutcome
{
	RULE_APPLIES,
	RULE_BROKEN,
	RULE_EXCLUDED,				/* by the caller: its stock is used up */
	RULE_NOT_NOW,				/* valid_from, valid_to, weekdays, hours */
	RULE_NO_MATCH,
	RULE_UNKNOWN,				/* the condition's outcome */
	RULE_CAPPED,
	RULE_NO_UNIT,				/* nobody to assign a variant to */
	RULE_OUTSIDE,				/* coverage or namespace */
	RULE_NO_CONTENT,			/* it has expired */
	RULE_HELD_OUT				/* applies, but this one gets the default for comparison */
} RuleOutcome;

typedef struct RuleChoice
{
	Rule	   *rule;			/* NULL: none */
	RuleOutcome outcome;		/* RULE_APPLIES or RULE_HELD_OUT */
	RuleVariant *variant;		/* of RULE_APPLIES */
} RuleChoice;

extern void ruleset_complete(RuleSet *set);
extern void ruleset_open(RuleSet *set, Jsonb *profile, TimestampTz at);
extern void ruleset_open_person(RuleSet *set, const PersonFacts *facts, TimestampTz at);
extern bool ruleset_refuses_profiling(RuleSet *set);
extern const ContentVersion *ruleset_content(RuleSet *set, const Content *content);
extern RuleOutcome ruleset_try(RuleSet *set, int rule, const bool *excluded, RuleVariant **variant);
extern void ruleset_choose(RuleSet *set, const bool *excluded, RuleChoice *choice);

/* rule_index.c */
extern RuleIndex *rule_index_build(RuleSet *set);
extern int	rule_index_first(RuleSet *set, RuleIndex *index, const bool *excluded, RuleOutcome *outcome, RuleVariant **variant);

#endif							/* MHUB_RULESET_H */

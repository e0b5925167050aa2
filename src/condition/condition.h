/*
 * condition.h
 *	  Conditions over profiles: compile once, evaluate often.
 *
 * A condition is compiled from its canonical text (what the type
 * mhub.condition stores) into the current memory context and lives as long as
 * that.  Conditions that are evaluated together share an MhubAttributes, so
 * that each attribute of a profile is decoded at most once for all of them:
 *
 *	  MhubAttributes *attributes = mhub_attributes_create();
 *	  MhubCondition *condition = mhub_condition_compile(text, length, attributes);
 *	  MhubProfile profile;
 *
 *	  mhub_profile_init(&profile, attributes);
 *	  mhub_profile_open(&profile, jsonb, at);		 again for each profile
 *	  if (mhub_condition_eval(condition, &profile) == MHUB_TRUE) ...
 *
 * Members that are known apart from the jsonb are put into the open profile
 * before anything asks for them, and go before those of the jsonb.
 *
 * Opening and evaluating allocate in the current memory context: reset it
 * between profiles.  The jsonb must stay, detoasted, while it is open.
 */
#ifndef MHUB_CONDITION_H
#define MHUB_CONDITION_H

#include "condition/ast.h"
#include "utils/date.h"

typedef enum MhubTruth
{
	MHUB_FALSE,
	MHUB_TRUE,
	MHUB_UNKNOWN
} MhubTruth;

typedef struct MhubCondition
{
	CondNode   *root;
	MemoryContext context;
} MhubCondition;

typedef struct MhubAttributes
{
	int			count;
	int			space;
	CondPath  **paths;
	int			nbuckets;		/* of the hash table; a power of two */
	int		   *buckets;		/* index into paths, -1 when free */
	MemoryContext context;
} MhubAttributes;

/* A member of a profile that stands apart from its jsonb; the name begins with a dollar sign. */
typedef struct MhubMember
{
	const char *name;
	CondValue	value;
} MhubMember;

#define MHUB_PROFILE_MEMBERS 8

/* How often an event was done on one day. */
typedef struct EventCount
{
	const char *name;
	int			length;
	DateADT		day;
	int64		count;
	Numeric		value;
	TimestampTz first_at;
	TimestampTz last_at;
} EventCount;

typedef struct MhubProfile
{
	MhubAttributes *attributes;
	JsonbContainer *root;
	int			nmembers;
	MhubMember	members[MHUB_PROFILE_MEMBERS];
	TimestampTz at;
	uint64		stamp;			/* of the open profile */
	int			space;
	uint64	   *stamps;			/* per attribute: the profile it was decoded for */
	CondValue  *values;
	const char **live_segments; /* known now, instead of $segments; NULL: ask the profile */
	int			nlive_segments;
	const EventCount *counts;	/* the days of all events that did(...) asks for, instead of $events; NULL: ask the profile */
	int			ncounts;
	MemoryContext context;
} MhubProfile;

/* The type's varlena is the canonical text. */
typedef struct varlena MhubConditionDatum;
#define DatumGetMhubCondition(d) ((MhubConditionDatum *) PG_DETOAST_DATUM_PACKED(d))
#define PG_GETARG_MHUB_CONDITION(n) DatumGetMhubCondition(PG_GETARG_DATUM(n))

extern MhubAttributes *mhub_attributes_create(void);
extern void mhub_attributes_bind(MhubAttributes *attributes, CondNode *node);
extern MhubCondition *mhub_condition_compile(const char *text, int length, MhubAttributes *attributes);
extern MhubCondition *mhub_condition_try_compile(const char *text, int length, MhubAttributes *attributes, const char **problem);
extern void mhub_profile_init(MhubProfile *profile, MhubAttributes *attributes);
extern void mhub_profile_open(MhubProfile *profile, Jsonb *jsonb, TimestampTz at);
extern void mhub_profile_put(MhubProfile *profile, const char *name, const CondValue *value);
extern void mhub_profile_put_jsonb(MhubProfile *profile, const char *name, Jsonb *jsonb);
extern CondValue *mhub_profile_value(MhubProfile *profile, const CondPath *path, CondValue *scratch);
extern MhubTruth mhub_condition_eval(const MhubCondition *condition, MhubProfile *profile);

#endif							/* MHUB_CONDITION_H */

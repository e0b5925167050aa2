/*
 * person_facts.h
 *	  What the hub knows about a person, read table by table.
 */
#ifndef MHUB_PERSON_FACTS_H
#define MHUB_PERSON_FACTS_H

#include "common/table_access.h"
#include "condition/condition.h"
#include "utils/builtins.h"
#include "utils/date.h"

/* What of it is wanted. */
typedef struct FactsWanted
{
	bool		all_events;
	bool		event_objects;	/* $events as such: somebody asks for more than how many on which days */
	bool		event_times;	/* what is in it besides these */
	bool		all_consent;	/* else of profiling only */
	bool		lists;			/* segments that are lists */
	bool		source;			/* where this visit came from */
	bool	   *segments;		/* which segments, in the order of the set */
	char	  **events;			/* names, unless all_events */
	int			nevents;
	char	  **item_events;	/* events to list one by one, of those read */
	int			nitem_events;
} FactsWanted;

typedef struct PersonFacts
{
	int64		person_id;
	char		unit[MAXINT8LEN + 1];
	Jsonb	   *traits;
	Jsonb	   *events;			/* the profile's $events; NULL where the counts will do */
	const EventCount *counts;
	int			ncounts;
	Jsonb	   *consent;		/* its $consent */
	const char **lists;
	int			nlists;
} PersonFacts;

typedef struct FactsReader
{
	const FactsWanted *wanted;
	TimestampTz at;
	bool		once;			/* for one person: no index is needed twice */
	MhubTableAccess *persons;
	MhubTableAccess *consent;
	MhubTableAccess *identifiers;
	MhubTableAccess *counters;
	MhubTableAccess *lists;
} FactsReader;

/* Reads by the active snapshot.  The wanted must last as long as the reader. */
extern void facts_reader_open(FactsReader *reader, const FactsWanted *wanted, TimestampTz at);

/* Reads into the current memory context; false for an unknown person, or one merged into another. */
extern bool facts_reader_read(FactsReader *reader, int64 person_id, PersonFacts *facts);

extern void facts_reader_close(FactsReader *reader);

/* All of that for one person. */
extern bool facts_read_one(const FactsWanted *wanted, TimestampTz at, int64 person_id, PersonFacts *facts);

/* Opens a profile on the facts. */
extern void facts_open_profile(const PersonFacts *facts, MhubProfile *profile, TimestampTz at);

/* The profile's $segments, as an array of strings. */
extern Jsonb *facts_string_array(const char *const *strings, int n);

/* The whole profile as one jsonb, with these segments. */
extern Jsonb *facts_to_jsonb(const PersonFacts *facts, const char *const *segments, int nsegments);

/* event_facts.c: $events from counters */
extern Jsonb *event_facts(EventCount *counts, int ncounts, const FactsReader *reader, int64 person_id);

#endif							/* MHUB_PERSON_FACTS_H */

/*
 * profile.h
 *	  Profiles of persons, built from what the hub knows about them.
 */
#ifndef MHUB_PROFILE_H
#define MHUB_PROFILE_H

#include "condition/segment_set.h"

/* What a profile holds beyond the usual. */
typedef struct ProfileRequest
{
	TimestampTz at;
	char	  **item_events;		/* events to list one by one */
	int			nitem_events;
} ProfileRequest;

typedef struct BuiltProfile
{
	const PersonFacts *facts;
	int			nsegments;
	const char **segments;
	TimestampTz next_change;		/* when segments may change with time alone */
} BuiltProfile;

typedef void (*ProfileSink) (void *arg, const BuiltProfile *built);

/* Builds the profiles of persons, each once, by the active snapshot; unknown and merged-away ids give none. */
extern void mhub_build_profiles(const int64 *persons, int npersons, const ProfileRequest *request, ProfileSink sink, void *arg);

/* Adds the name to the list unless it is there. */
extern void profile_add_event(const char *event, char ***events, int *nevents);

#endif							/* MHUB_PROFILE_H */

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
	int64		person_id;
	Jsonb	   *profile;			/* with $segments */
	int			nsegments;
	const char **segments;
	TimestampTz next_change;		/* when segments may change with time alone */
} BuiltProfile;

typedef void (*ProfileSink) (void *arg, const BuiltProfile *built);

/* Builds the profiles of persons in one statement; unknown and merged-away ids give none. */
extern void mhub_build_profiles(const int64 *persons, int npersons, const ProfileRequest *request, ProfileSink sink, void *arg);

#endif							/* MHUB_PROFILE_H */

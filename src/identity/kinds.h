/*
 * kinds.h
 *	  mhub.identifier_kind and mhub.blocked_value as each backend knows them.
 */
#ifndef MHUB_IDENTITY_KINDS_H
#define MHUB_IDENTITY_KINDS_H

#include "common/pgcompat.h"

#include "identity/plan.h"
#include "privacy/normalise.h"

/* Longest value in bytes, after normalisation; longer ones are not identifiers but mistakes. */
#define IDENTITY_MAX_VALUE 1024

typedef struct IdentityKind
{
	int			number;
	const char *name;
	int			length;
	text	   *name_text;		/* the name as a value of type text */
	bool		pii;
	bool		mergeable;
	MhubNormaliser normaliser;
	int			priority;
} IdentityKind;

typedef struct IdentityKinds
{
	int			n;
	IdentityKind *kinds;
	PlanLimit  *limits;			/* parallel to kinds */
} IdentityKinds;

/* The kinds, loaded anew when a table has changed; valid to the end of the transaction. */
extern const IdentityKinds *identity_kinds(void);

/* Number of a kind, -1 when unknown */
extern int	identity_kind_number(const IdentityKinds *kinds, const char *name, int length);

/*
 * The normalised value, or NULL with the reason when the value identifies
 * nobody: empty, blocked, too_long, or malformed (no address, no number).
 */
extern char *identity_normalise(const IdentityKind *kind, const char *value, int length, const char **reason);

#endif							/* MHUB_IDENTITY_KINDS_H */

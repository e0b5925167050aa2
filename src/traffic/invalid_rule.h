/*
 * invalid_rule.h
 *	  Which visits do not count, by ordered rules.
 */
#ifndef MHUB_INVALID_RULE_H
#define MHUB_INVALID_RULE_H

#include "traffic/channel_rule.h"
#include "traffic/traffic.h"

/* All conditions must hold; a rule without any condition holds for every visit. */
typedef struct MhubInvalidRule
{
	char	   *reason;			/* NULL: such a visit is valid, whatever later rules say */
	bool		robot;			/* the user agent is a robot's */
	bool		spam;			/* the referrer is of category spam */
	MhubPatterns user_agent;
	MhubPatterns referrer_host;
	MhubPatterns url;
	MhubPatterns name;
	inet	  **networks;
	int			n_networks;		/* -1: no condition */
	int64	   *asns;
	int			n_asns;			/* -1: no condition */
	Jsonb	   *properties;		/* must be contained; NULL: no condition */
	Jsonb	   *context;
} MhubInvalidRule;

extern const char *mhub_invalid_match(const MhubInvalidRule *rules, int n, const MhubVisit *visit);

#endif							/* MHUB_INVALID_RULE_H */

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

/*
 * Does each rule's condition upon the address, or upon the referrer's host,
 * hold?  Many visits share these, so the answers can be kept; holds has room
 * for n.
 */
extern void mhub_invalid_by_url(const MhubInvalidRule *rules, int n, const char *url, bool *holds);
extern void mhub_invalid_by_referrer(const MhubInvalidRule *rules, int n, const char *referrer_host, bool *holds);

extern const char *mhub_invalid_match(const MhubInvalidRule *rules, int n, const MhubVisit *visit,
									  const bool *url_holds, const bool *referrer_holds);

#endif							/* MHUB_INVALID_RULE_H */

/*
 * traffic_rules.h
 *	  What the hub's tables say about sources and channels, kept per backend.
 */
#ifndef MHUB_TRAFFIC_RULES_H
#define MHUB_TRAFFIC_RULES_H

#include "traffic/channel_rule.h"
#include "traffic/source_host.h"

typedef struct MhubTrafficRules
{
	MhubSourceIndex *sources;
	MhubChannelRule *rules;
	int			n_rules;
} MhubTrafficRules;

extern const MhubTrafficRules *mhub_traffic_rules(void);

#endif							/* MHUB_TRAFFIC_RULES_H */

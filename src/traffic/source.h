/*
 * source.h
 *	  The source of a visit from its address and referrer, given the rules.
 */
#ifndef MHUB_SOURCE_H
#define MHUB_SOURCE_H

#include "traffic/traffic.h"
#include "traffic/traffic_rules.h"

extern void mhub_source_derive(const MhubTrafficRules *rules, const char *url, const char *referrer,
							   char *const *own_hosts, int n_own_hosts, MhubSource *result);
extern const MhubChannelRule *mhub_channel_of(const MhubTrafficRules *rules, const char *source,
											  const char *medium, const char *campaign);

#endif							/* MHUB_SOURCE_H */

/*
 * settings.c
 *	  Settings of collection.
 */
#include "collect/record.h"

#include "collect/settings.h"
#include "utils/guc.h"

#define DEFAULT_SKEW_THRESHOLD (5 * 60)

int			mhub_clock_skew_threshold = DEFAULT_SKEW_THRESHOLD;
int			mhub_ip_policy = MHUB_IP_TRUNCATE;

static const struct config_enum_entry ip_policies[] = {
	{"truncate", MHUB_IP_TRUNCATE, false},
	{"full", MHUB_IP_FULL, false},
	{"none", MHUB_IP_NONE, false},
	{NULL, 0, false}
};

void
mhub_collect_init(void)
{
	DefineCustomIntVariable("mhub.clock_skew_threshold",
							"How far a client's clock may be off before its times are corrected.",
							"Between sending and receiving there is also the network's delay, which is no reason to move an event.",
							&mhub_clock_skew_threshold, DEFAULT_SKEW_THRESHOLD, 0, SECS_PER_DAY * 365,
							PGC_USERSET, GUC_UNIT_S, NULL, NULL, NULL);
	DefineCustomEnumVariable("mhub.ip_policy",
							 "What is kept of a client's address once it has been judged.",
							 "truncate keeps the first 24 bits of an IPv4 and the first 48 of an IPv6 address, full all, none nothing.",
							 &mhub_ip_policy, MHUB_IP_TRUNCATE, ip_policies,
							 PGC_SUSET, 0, NULL, NULL, NULL);
}

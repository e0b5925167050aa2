/*
 * visit_cache.h
 *	  What has been found out about addresses and agents lately.
 */
#ifndef MHUB_VISIT_CACHE_H
#define MHUB_VISIT_CACHE_H

#include "collect/collect.h"

/* A place where one came to */
typedef struct MhubArrival
{
	const char *url;			/* as sent; NULL where there is none */
	const char *referrer;
	const char *campaign_query;
	const char *cleaned_url;
	MhubSource	source;
} MhubArrival;

/* CurrentMemoryContext is the batch's; what these return lasts as long. */
extern const MhubArrival *mhub_arrival_of(const MhubEvent *event);
extern bool mhub_agent_is_bot(const char **user_agent);

#endif							/* MHUB_VISIT_CACHE_H */

/*
 * visit_cache.h
 *	  What has been found out about addresses and agents of a batch.
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

extern struct MhubVisitCache *mhub_visit_cache_create(void);
extern const MhubArrival *mhub_arrival_of(struct MhubVisitCache *cache, const MhubEvent *event);
extern bool mhub_agent_is_bot(struct MhubVisitCache *cache, const char **user_agent);

#endif							/* MHUB_VISIT_CACHE_H */

/*
 * visit_cache.c
 *	  What has been found out about addresses and agents of a batch.
 *
 * A visitor looks at several pages with one agent, and several visitors at
 * one page; so most events of a batch repeat what another one said.  Direct
 * mapped: a collision only costs finding it out again.
 */
#include "collect/visit_cache.h"

#include "common/hashfn.h"

/* A power of 2 */
#define SLOTS 256

/* Stands for the address of an app's campaign, which has no page */
#define NO_PAGE "https://app.invalid/"

typedef struct Agent
{
	const char *user_agent;
	bool		is_bot;
} Agent;

typedef struct MhubVisitCache
{
	MhubArrival *arrivals[SLOTS];
	Agent		agents[SLOTS];
} MhubVisitCache;

/* In CurrentMemoryContext, where strings of the events live as long. */
MhubVisitCache *
mhub_visit_cache_create(void)
{
	return palloc0(sizeof(MhubVisitCache));
}

static uint32
add_to_hash(uint32 hash, const char *text)
{
	return text == NULL ? hash : hash_combine(hash, hash_bytes((const unsigned char *) text, (int) strlen(text)));
}

static bool
same_text(const char *a, const char *b)
{
	return a == b || (a != NULL && b != NULL && strcmp(a, b) == 0);
}

/* The address with the campaign that the client knows apart from it. */
static const char *
url_with_campaign(const MhubEvent *event)
{
	const char *url = event->url == NULL ? "" : event->url;

	if (event->campaign_query == NULL || strstr(url, "utm_") != NULL)
		return event->url;
	if (url[0] == '\0')
		url = NO_PAGE;
	return psprintf("%.*s%c%s", (int) strcspn(url, "#"), url, strchr(url, '?') == NULL ? '?' : '&', event->campaign_query);
}

static MhubArrival *
find_out(const MhubEvent *event)
{
	MhubArrival *arrival = palloc0(sizeof(MhubArrival));
	const char *url = url_with_campaign(event);

	arrival->url = event->url;
	arrival->referrer = event->referrer;
	arrival->campaign_query = event->campaign_query;
	if (url != NULL || event->referrer != NULL)
		mhub_source_of(url, event->referrer, NULL, 0, &arrival->source);
	if (event->url != NULL)
		arrival->cleaned_url = mhub_url_cleaned(event->url);
	return arrival;
}

const MhubArrival *
mhub_arrival_of(MhubVisitCache *cache, const MhubEvent *event)
{
	uint32		hash = add_to_hash(add_to_hash(add_to_hash(0, event->url), event->referrer), event->campaign_query);
	MhubArrival **slot = &cache->arrivals[hash & (SLOTS - 1)];

	if (*slot == NULL || !same_text((*slot)->url, event->url) || !same_text((*slot)->referrer, event->referrer) ||
		!same_text((*slot)->campaign_query, event->campaign_query))
		*slot = find_out(event);
	return *slot;
}

/* Also makes the events of one agent share its string. */
bool
mhub_agent_is_bot(MhubVisitCache *cache, const char **user_agent)
{
	Agent	   *slot = &cache->agents[add_to_hash(0, *user_agent) & (SLOTS - 1)];

	if (slot->user_agent == NULL || strcmp(slot->user_agent, *user_agent) != 0)
	{
		slot->is_bot = mhub_is_bot_user_agent(*user_agent, strlen(*user_agent));
		slot->user_agent = *user_agent;
	}
	*user_agent = slot->user_agent;
	return slot->is_bot;
}

/*
 * visit_cache.c
 *	  What has been found out about addresses and agents lately.
 *
 * A visitor looks at several pages with one agent, and several visitors at
 * one page; so most events repeat what another one said.  Kept per session
 * until the rules change or it has grown too large.  What has one hash shares
 * a few slots, which are used in turn.
 */
#include "collect/visit_cache.h"

#include "collect/record.h"
#include "common/hashfn.h"
#include "utils/memutils.h"

/* A power of 2 */
#define SETS 256
#define WAYS 4

#define MEMORY_MAX (2 * 1024 * 1024)

/* Longer ones hardly come again. */
#define TEXT_MAX 1000

/* Stands for the address of an app's campaign, which has no page */
#define NO_PAGE "https://app.invalid/"

typedef struct Agent
{
	const char *user_agent;
	bool		is_bot;
} Agent;

static MemoryContext memory = NULL;
static uint64 generation;		/* of the rules that it follows from */
static MhubArrival *arrivals[SETS][WAYS];
static Agent agents[SETS][WAYS];
static unsigned turn = 0;

/*
 * Events of the batch may still use what was kept, so it goes with that; those
 * of a batch around it too, and then it goes with the transaction.
 */
static void
forget(void)
{
	if (memory != NULL)
		MemoryContextSetParent(memory, mhub_batches_under_way > 1 ? TopTransactionContext : CurrentMemoryContext);
	memory = NULL;
	memset(arrivals, 0, sizeof(arrivals));
	memset(agents, 0, sizeof(agents));
}

static void
make_ready(void)
{
	uint64		now = mhub_traffic_generation();

	if (memory != NULL && generation == now && MemoryContextMemAllocated(memory, false) < MEMORY_MAX)
		return;
	forget();
	memory = AllocSetContextCreate(TopMemoryContext, "mhub visits", ALLOCSET_DEFAULT_SIZES);
	generation = now;
}

static char *
kept(const char *text)
{
	return text == NULL ? NULL : MemoryContextStrdup(memory, text);
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

static void
find_out(const MhubEvent *event, MhubArrival *arrival)
{
	const char *url = url_with_campaign(event);

	memset(arrival, 0, sizeof(*arrival));
	arrival->url = event->url;
	arrival->referrer = event->referrer;
	arrival->campaign_query = event->campaign_query;
	if (url != NULL || event->referrer != NULL)
		mhub_source_of(url, event->referrer, NULL, 0, &arrival->source);
	if (event->url != NULL)
		arrival->cleaned_url = mhub_url_cleaned(event->url);
}

static void
keep_source(MhubSource *source)
{
	source->source = kept(source->source);
	source->medium = kept(source->medium);
	source->campaign = kept(source->campaign);
	source->term = kept(source->term);
	source->content = kept(source->content);
	source->campaign_id = kept(source->campaign_id);
	source->click_id = kept(source->click_id);
	source->click_network = kept(source->click_network);
	source->referrer_host = kept(source->referrer_host);
	source->search_term = kept(source->search_term);
	source->channel = kept(source->channel);
}

static MhubArrival *
keep(const MhubArrival *found)
{
	MhubArrival *arrival = MemoryContextAlloc(memory, sizeof(MhubArrival));

	*arrival = *found;
	arrival->url = kept(found->url);
	arrival->referrer = kept(found->referrer);
	arrival->campaign_query = kept(found->campaign_query);
	arrival->cleaned_url = kept(found->cleaned_url);
	keep_source(&arrival->source);
	return arrival;
}

static bool
is_same(const MhubArrival *arrival, const MhubEvent *event)
{
	return arrival != NULL && same_text(arrival->url, event->url) && same_text(arrival->referrer, event->referrer) &&
		same_text(arrival->campaign_query, event->campaign_query);
}

static bool
too_long(const char *text)
{
	return text != NULL && strlen(text) > TEXT_MAX;
}

const MhubArrival *
mhub_arrival_of(const MhubEvent *event)
{
	uint32		hash = add_to_hash(add_to_hash(add_to_hash(0, event->url), event->referrer), event->campaign_query);
	MhubArrival **slots = arrivals[hash & (SETS - 1)];
	MhubArrival *found;

	make_ready();
	for (int i = 0; i < WAYS; i++)
	{
		if (is_same(slots[i], event))
			return slots[i];
	}
	found = palloc(sizeof(MhubArrival));
	find_out(event, found);
	if (too_long(event->url) || too_long(event->referrer) || too_long(event->campaign_query))
		return found;
	return slots[turn++ % WAYS] = keep(found);
}

static Agent *
known_agent(Agent *slots, const char *user_agent)
{
	for (int i = 0; i < WAYS; i++)
	{
		if (slots[i].user_agent != NULL && strcmp(slots[i].user_agent, user_agent) == 0)
			return &slots[i];
	}
	return NULL;
}

/* Also makes the events of one agent share its string. */
bool
mhub_agent_is_bot(const char **user_agent)
{
	Agent	   *slots = agents[add_to_hash(0, *user_agent) & (SETS - 1)];
	Agent	   *agent;

	make_ready();
	agent = known_agent(slots, *user_agent);
	if (agent == NULL)
	{
		bool		is_bot = mhub_is_bot_user_agent(*user_agent, strlen(*user_agent));

		if (too_long(*user_agent))
			return is_bot;
		agent = &slots[turn++ % WAYS];
		agent->user_agent = kept(*user_agent);
		agent->is_bot = is_bot;
	}
	*user_agent = agent->user_agent;
	return agent->is_bot;
}

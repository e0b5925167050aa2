/*
 * prepare.c
 *	  Makes an event complete: id, time, source, and whether it counts.
 */
#include "collect/record.h"

#include <sys/socket.h>

#include "collect/client_time.h"
#include "collect/message_key.h"
#include "collect/visit_cache.h"
#include "utils/timestamp.h"

/* What mhub.ip_policy = truncate keeps of an address */
#define KEPT_V4_BYTES 3
#define KEPT_V6_BYTES 6

void
mhub_reject_event(MhubEvent *event, const char *reason, const char *detail)
{
	event->status = MHUB_EVENT_REJECTED;
	event->reason = reason;
	event->detail = detail;
}

static bool
too_long(const char *text)
{
	return text != NULL && strlen(text) > MHUB_EVENT_NAME_MAX;
}

static bool
is_acceptable(MhubEvent *event)
{
	if (event->name == NULL || event->name[0] == '\0')
		mhub_reject_event(event, "no_event_name", NULL);
	else if (too_long(event->name) || too_long(event->type) || too_long(event->message_id))
		mhub_reject_event(event, "name_too_long",
						  psprintf("name, type and message id have %d bytes at most", MHUB_EVENT_NAME_MAX));
	else if (event->n_identifiers == 0 && event->identifier_id == 0)
		mhub_reject_event(event, "no_identifier", NULL);
	return event->status != MHUB_EVENT_REJECTED;
}

/* Random bytes cost a call of the library each time, however many; so they are fetched for many ids at once. */
static const unsigned char *
random_bytes(void)
{
	static unsigned char pool[64 * UUID_LEN];
	static size_t used = sizeof(pool);

	if (used == sizeof(pool))
	{
		if (!pg_strong_random(pool, sizeof(pool)))
			ereport(ERROR,
					(errcode(ERRCODE_INTERNAL_ERROR),
					 errmsg("could not generate random values")));
		used = 0;
	}
	used += UUID_LEN;
	return &pool[used - UUID_LEN];
}

static void
give_message_id(MhubEventBatch *batch, MhubEvent *event)
{
	int64		unix_us = batch->received_at +
		(POSTGRES_EPOCH_JDATE - UNIX_EPOCH_JDATE) * USECS_PER_DAY;
	char	   *text = MemoryContextAlloc(batch->memory, UUID_TEXT_LEN + 1);

	mhub_uuid_from_random(random_bytes(), unix_us / 1000, &event->message_key);
	mhub_uuid_text(&event->message_key, text);
	event->message_id = text;
	event->has_own_id = true;
}

static void
find_source(MhubEvent *event)
{
	const MhubArrival *arrival;

	if (event->url == NULL && event->referrer == NULL && event->campaign_query == NULL)
		return;
	arrival = mhub_arrival_of(event);
	event->source = arrival->source;
	event->url = arrival->cleaned_url;
}

/* Does it count?  Looks at the whole client address, which may not be kept. */
static void
judge(MhubEvent *event)
{
	MhubVisit	visit = {0};
	const char *reason;

	visit.is_robot = event->user_agent != NULL && mhub_agent_is_bot(&event->user_agent);
	visit.user_agent = event->user_agent;
	visit.ip = event->ip;
	visit.referrer_host = event->source.referrer_host;
	visit.url = event->url;
	visit.name = event->name;
	visit.properties = event->properties;
	visit.context = event->context;
	reason = mhub_invalid_reason_of(&visit);
	event->invalid_reason = reason != NULL ? pstrdup(reason) : NULL;
}

/* The network of an address, as far as mhub.ip_policy lets it be kept */
static inet *
kept_address(const inet *address)
{
	bool		v6 = ip_family(address) == PGSQL_AF_INET6;
	int			kept_bytes = v6 ? KEPT_V6_BYTES : KEPT_V4_BYTES;
	inet	   *kept;

	if (mhub_ip_policy == MHUB_IP_NONE)
		return NULL;
	kept = palloc(VARSIZE_ANY(address));
	memcpy(kept, address, VARSIZE_ANY(address));
	if (mhub_ip_policy == MHUB_IP_TRUNCATE)
	{
		memset(ip_addr(kept) + kept_bytes, 0, ip_addrsize(kept) - kept_bytes);
		ip_bits(kept) = Min(ip_bits(kept), kept_bytes * 8);
	}
	return kept;
}

/* CurrentMemoryContext is the batch's. */
void
mhub_prepare_event(MhubEventBatch *batch, MhubEvent *event)
{
	if (event->status == MHUB_EVENT_REJECTED || !is_acceptable(event))
		return;
	if (event->type == NULL)
		event->type = "track";
	if (event->message_id == NULL || event->message_id[0] == '\0')
		give_message_id(batch, event);
	else
		mhub_message_key(event->message_id, strlen(event->message_id), &event->message_key);
	event->occurred_at = mhub_corrected_time(event->original_timestamp, event->sent_at, batch->received_at,
											 mhub_clock_skew_threshold * USECS_PER_SEC);
	if (event->stores_event)
	{
		find_source(event);
		if (event->invalid_reason == NULL)
			judge(event);
	}
	if (event->ip != NULL)
		event->ip = kept_address(event->ip);
}

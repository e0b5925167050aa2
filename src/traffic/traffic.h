/*
 * traffic.h
 *	  Where a visit comes from, and whether it counts: what other rooms call.
 */
#ifndef MHUB_TRAFFIC_H
#define MHUB_TRAFFIC_H

#include "common/pgcompat.h"

#include "utils/inet.h"
#include "utils/jsonb.h"

/* Addresses are cut to this many bytes, query values to this many characters. */
#define MHUB_URL_MAX 8192
#define MHUB_URL_VALUE_MAX 1000

/*
 * The source of one visit.  Strings are palloc'd in the current memory
 * context, in the server's encoding; NULL where there is none.  All are NULL
 * for a move inside the own site, which is no arrival.
 */
typedef struct MhubSource
{
	char	   *source;
	char	   *medium;
	char	   *campaign;
	char	   *term;
	char	   *content;
	char	   *campaign_id;
	char	   *click_id;
	char	   *click_network;
	char	   *referrer_host;
	char	   *search_term;
	char	   *channel;
	bool		is_paid;
} MhubSource;

/*
 * url, referrer: NUL-terminated or NULL; never an error, whatever they say.
 * own_hosts: further hosts of the own site (beside those in
 * mhub.source_host).  Reads the hub's tables through SPI at first use and after
 * a change of them.
 */
extern void mhub_source_of(const char *url, const char *referrer,
						   char *const *own_hosts, int n_own_hosts, MhubSource *result);

/* Another number whenever the answers of mhub_source_of() may have changed */
extern uint64 mhub_traffic_generation(void);

/* The address as it may be stored: without credentials and personal query values. */
extern char *mhub_url_cleaned(const char *url);

/* Is this a robot's user agent?  An empty one is. */
extern bool mhub_is_bot_user_agent(const char *user_agent, size_t length);

/* What tells whether an event counts; NULL for what is unknown */
typedef struct MhubVisit
{
	const char *user_agent;
	bool		is_robot;		/* what mhub_is_bot_user_agent() says about it */
	const inet *ip;
	const char *referrer_host;
	const char *url;
	const char *name;			/* of the event */
	Jsonb	   *properties;
	Jsonb	   *context;
	bool		again;			/* judged before, when its whole address was known */
	const char *reason;			/* and how; NULL: it counted */
} MhubVisit;

/*
 * Why the event does not count, by mhub.invalid_rule: bot_user_agent,
 * datacentre_ip ...; NULL for a valid one.  The reason stays until the next
 * call.  Rules about rates are not tested here: see mhub.flag_rates().
 */
extern const char *mhub_invalid_reason_of(const MhubVisit *visit);

#endif							/* MHUB_TRAFFIC_H */

/*
 * source.c
 *	  The source of a visit from its address and referrer, given the rules.
 *
 * The address's own parameters come first (UTM, then click ids), then the
 * referrer, then "direct".  A referrer of the own site, of a payment gateway
 * or of a login page is no arrival: without parameters nothing is set.
 */
#include "traffic/source.h"

#include "traffic/landing.h"
#include "traffic/personal.h"
#include "traffic/query.h"

/* What a referrer turns out to be */
typedef struct Referrer
{
	MhubUrl		url;
	bool		present;		/* an address of a web page or an app */
	bool		own;			/* our own */
	bool		internal;		/* that, or a page that merely sent the visitor back */
	const MhubSourceFact *fact; /* NULL: an unknown site */
} Referrer;

static char *
lower(const char *text)
{
	char	   *copy = pstrdup(text);
	char	   *c;

	for (c = copy; *c != '\0'; c++)
		*c = pg_ascii_tolower((unsigned char) *c);
	return copy;
}

static const char *
without_www(const char *host)
{
	return strncmp(host, "www.", 4) == 0 ? host + 4 : host;
}

/* Is host the site itself or a subdomain of it? */
static bool
host_belongs_to(const char *host, const char *site)
{
	size_t		length = strlen(host);
	size_t		tail = strlen(site);

	if (tail == 0 || length < tail || strcmp(host + length - tail, site) != 0)
		return false;
	return length == tail || host[length - tail - 1] == '.';
}

static bool
is_own_host(const char *host, const MhubUrl *page, char *const *own_hosts, int n_own_hosts)
{
	int			i;

	if (page->host != NULL && strcmp(without_www(host), without_www(page->host)) == 0)
		return true;
	for (i = 0; i < n_own_hosts; i++)
	{
		char	   *own = mhub_host_normalised(own_hosts[i]);

		if (host_belongs_to(host, without_www(own)))
			return true;
	}
	return false;
}

static bool
is_page_or_app(const char *scheme)
{
	return strcmp(scheme, "https") == 0 || strcmp(scheme, "http") == 0 ||
		strcmp(scheme, "android-app") == 0 || strcmp(scheme, "ios-app") == 0;
}

static void
read_referrer(const MhubTrafficRules *rules, const char *text, const MhubUrl *page,
			  char *const *own_hosts, int n_own_hosts, Referrer *referrer)
{
	MhubUrl    *url = &referrer->url;

	memset(referrer, 0, sizeof(*referrer));
	if (text == NULL || !mhub_url_split(text, url) || url->host == NULL || url->host[0] == '\0' ||
		!is_page_or_app(url->scheme))
		return;
	referrer->present = true;
	referrer->fact = mhub_source_by_host(rules->sources, url->host, url->path);
	referrer->own = is_own_host(url->host, page, own_hosts, n_own_hosts) ||
		(referrer->fact != NULL && referrer->fact->category == MHUB_SOURCE_OWN);
	referrer->internal = referrer->own ||
		(referrer->fact != NULL && referrer->fact->category == MHUB_SOURCE_EXCLUDED);
}

static const char *
medium_of_category(MhubSourceCategory category)
{
	switch (category)
	{
		case MHUB_SOURCE_SEARCH:
			return "organic";
		case MHUB_SOURCE_SOCIAL:
			return "social";
		case MHUB_SOURCE_VIDEO:
			return "video";
		case MHUB_SOURCE_EMAIL:
			return "email";
		case MHUB_SOURCE_AI:
			return "ai-assistant";
		case MHUB_SOURCE_PAID:
			return "cpc";
		default:
			return "referral";
	}
}

static bool
is_word_of(const char *word, const char *words)
{
	size_t		length = strlen(word);
	const char *at;

	if (length == 0)
		return false;			/* found everywhere */
	for (at = words; (at = strstr(at, word)) != NULL; at += length)
	{
		if ((at == words || at[-1] == ' ') && (at[length] == ' ' || at[length] == '\0'))
			return true;
	}
	return false;
}

/* The words searched for, where the engine passes them on in its query or fragment */
static char *
words_in(const char *query, const char *terms)
{
	MhubQueryScan scan;
	char		name[MHUB_PARAM_NAME_MAX];

	mhub_query_start(&scan, query);
	while (mhub_query_next(&scan))
	{
		char	   *value;

		if (!mhub_query_name(&scan, name) || !is_word_of(name, terms))
			continue;
		value = mhub_query_value(&scan);
		if (value != NULL)
			return mhub_value_is_personal(value) ? NULL : value;
	}
	return NULL;
}

static char *
search_term(const Referrer *referrer)
{
	char	   *words = NULL;

	if (referrer->fact == NULL || referrer->fact->category != MHUB_SOURCE_SEARCH)
		return NULL;
	if (referrer->url.query != NULL)
		words = words_in(referrer->url.query, referrer->fact->terms);
	if (words == NULL && referrer->url.fragment != NULL)
		words = words_in(referrer->url.fragment, referrer->fact->terms);
	return words;
}

static void
set_source(MhubSource *result, const char *source, const char *medium)
{
	if (result->source == NULL && source != NULL)
		result->source = pstrdup(source);
	if (result->medium == NULL && medium != NULL)
		result->medium = pstrdup(medium);
}

/* mail.example.com, webmail2.example.org ...: reading mail there, whoever runs it */
static bool
is_webmail_host(const char *host)
{
	static const char *const names[] = {"mail", "webmail", "email", "e-mail", "messagerie", "messageriepro", "lightmailer", "exmail", "owa"};
	const char *dot = strchr(host, '.');
	int			i;

	if (dot == NULL || strchr(dot + 1, '.') == NULL)
		return false;
	for (i = 0; i < (int) lengthof(names); i++)
	{
		size_t		length = strlen(names[i]);

		if (strncmp(host, names[i], length) != 0)
			continue;
		if (!isalpha((unsigned char) host[length]))
			return true;
	}
	return false;
}

static void
source_from_referrer(const Referrer *referrer, MhubSource *result)
{
	if (referrer->fact == NULL && is_webmail_host(referrer->url.host))
		set_source(result, referrer->url.host, "email");
	else if (referrer->fact == NULL || referrer->fact->category == MHUB_SOURCE_NONE ||
		referrer->fact->category == MHUB_SOURCE_SPAM)
		set_source(result, without_www(referrer->url.host), "referral");
	else
		set_source(result, referrer->fact->source, medium_of_category(referrer->fact->category));
}

/* A click id that organic clicks carry too says less than a referrer that names the site. */
static bool
click_decides(const MhubLanding *landing, const Referrer *referrer)
{
	if (landing->network == NULL || landing->network->source == NULL)
		return false;
	return landing->network->paid || !referrer->present || referrer->internal || referrer->fact == NULL;
}

/*
 * Fills in source and medium from the first that says something.  A campaign
 * parameter makes the visit a tagged one: it is never called direct.
 */
static void
choose_source(const MhubLanding *landing, const Referrer *referrer, MhubSource *result)
{
	bool		tagged = result->source != NULL || result->medium != NULL || result->campaign != NULL;

	if (result->source != NULL)
	{
		if (landing->paid && result->medium == NULL)
			result->medium = pstrdup(landing->network->medium);
		return;
	}
	if (click_decides(landing, referrer))
		set_source(result, landing->network->source, landing->network->medium);
	else if (referrer->present && !referrer->internal)
		source_from_referrer(referrer, result);
	else if (landing->share != NULL)
		set_source(result, landing->share, "social");
	else if (!tagged && !referrer->internal)
		set_source(result, "(direct)", "(none)");
}

static void
take_landing(const MhubLanding *landing, MhubSource *result)
{
	char *const *fields = landing->fields;

	result->source = fields[MHUB_LANDING_SOURCE] ? lower(fields[MHUB_LANDING_SOURCE]) : NULL;
	result->medium = fields[MHUB_LANDING_MEDIUM] ? lower(fields[MHUB_LANDING_MEDIUM]) : NULL;
	result->campaign = fields[MHUB_LANDING_CAMPAIGN];
	result->term = fields[MHUB_LANDING_TERM];
	result->content = fields[MHUB_LANDING_CONTENT];
	result->campaign_id = fields[MHUB_LANDING_CAMPAIGN_ID];
	result->click_id = landing->click_id;
}

/* Do the source that was named, the referrer or the address itself say that the click is this network's? */
static bool
speaks_of_network(const char *network, const MhubLanding *landing, const Referrer *referrer, const MhubSource *result)
{
	const char *named = NULL;

	if (result->source != NULL)
		named = mhub_network_of_source(result->source);
	else if (referrer->fact != NULL && referrer->fact->source != NULL)
		named = mhub_network_of_source(referrer->fact->source);
	if (named != NULL)
		return strcmp(named, network) == 0;
	return landing->ad_network != NULL && strcmp(landing->ad_network, network) == 0;
}

/* Kuaishou and ByteDance give their click ids names that others use too. */
static void
recognise_ad_click(MhubLanding *landing, const Referrer *referrer, const MhubSource *result)
{
	const MhubClickId *ad;

	if (landing->network != NULL || landing->click == NULL)
		return;
	ad = mhub_ad_click_id(landing->click->parameter);
	if (ad == NULL || !speaks_of_network(ad->network, landing, referrer, result))
		return;
	landing->network = ad;
	landing->paid = true;
}

static void
set_network(const MhubLanding *landing, MhubSource *result)
{
	const char *network = NULL;

	if (landing->network != NULL)
		network = landing->network->network;
	else if (landing->click != NULL && result->source != NULL)
		network = mhub_network_of_source(result->source);
	result->click_network = network != NULL ? pstrdup(network) : NULL;
	result->is_paid = landing->paid;
}

/* The rule that a source falls under; NULL where none does */
const MhubChannelRule *
mhub_channel_of(const MhubTrafficRules *rules, const char *source, const char *medium, const char *campaign)
{
	MhubChannelInput input;
	const MhubSourceFact *fact = source != NULL ? mhub_source_by_name(rules->sources, source) : NULL;

	input.source = source;
	input.medium = medium;
	input.campaign = campaign != NULL ? lower(campaign) : NULL;
	input.category = fact != NULL ? fact->category : MHUB_SOURCE_NONE;
	return mhub_channel_match(rules->rules, rules->n_rules, &input);
}

static void
set_channel(const MhubTrafficRules *rules, MhubSource *result)
{
	const MhubChannelRule *rule = mhub_channel_of(rules, result->source, result->medium, result->campaign);

	result->channel = pstrdup(rule != NULL ? rule->channel : "Unassigned");
	if (rule != NULL && rule->is_paid)
		result->is_paid = true;
}

void
mhub_source_derive(const MhubTrafficRules *rules, const char *url, const char *referrer_url,
				   char *const *own_hosts, int n_own_hosts, MhubSource *result)
{
	MhubUrl		page;
	MhubLanding landing;
	Referrer	referrer;

	memset(result, 0, sizeof(*result));
	memset(&page, 0, sizeof(page));
	if (url != NULL)
		mhub_url_split(url, &page);
	mhub_landing_read(&page, &landing);
	read_referrer(rules, referrer_url, &page, own_hosts, n_own_hosts, &referrer);

	take_landing(&landing, result);
	if (referrer.present && !referrer.own)
	{
		result->referrer_host = pstrdup(referrer.url.host);
		result->search_term = referrer.internal ? NULL : search_term(&referrer);
	}
	recognise_ad_click(&landing, &referrer, result);
	choose_source(&landing, &referrer, result);
	set_network(&landing, result);
	if (result->source != NULL || result->medium != NULL || result->campaign != NULL)
		set_channel(rules, result);
}

void
mhub_source_of(const char *url, const char *referrer, char *const *own_hosts, int n_own_hosts, MhubSource *result)
{
	mhub_source_derive(mhub_traffic_rules(), url, referrer, own_hosts, n_own_hosts, result);
}

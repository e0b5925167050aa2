/*
 * invalid_rule.c
 *	  Which visits do not count, by ordered rules.
 */
#include "traffic/invalid_rule.h"

#include "traffic/ip_lookup.h"
#include "traffic/traffic_rules.h"
#include "utils/fmgrprotos.h"

/* A visit with what several rules may want to know, found out when the first one asks */
typedef struct Suspect
{
	const MhubVisit *visit;
	char	   *user_agent;		/* lower case */
	char	   *url;
	int64		asn;
	bool		asn_known;
} Suspect;

static char *
folded_copy(const char *text)
{
	char	   *copy = pstrdup(text);
	char	   *c;

	for (c = copy; *c != '\0'; c++)
		*c = pg_ascii_tolower((unsigned char) *c);
	return copy;
}

/* A condition upon what the visit does not tell does not hold. */
static bool
text_holds(const MhubPatterns *condition, const char *text, char **folded)
{
	if (condition->n < 0)
		return true;
	if (text == NULL)
		return false;
	if (*folded == NULL)
		*folded = folded_copy(text);
	return mhub_patterns_match(condition, *folded);
}

static bool
name_holds(const MhubPatterns *condition, const char *text)
{
	char	   *folded = NULL;

	return text_holds(condition, text, &folded);
}

static bool
network_holds(const MhubInvalidRule *rule, const inet *ip)
{
	int			i;

	if (rule->n_networks < 0)
		return true;
	for (i = 0; ip != NULL && i < rule->n_networks; i++)
	{
		if (DatumGetBool(DirectFunctionCall2(network_subeq, InetPGetDatum(ip), InetPGetDatum(rule->networks[i]))))
			return true;
	}
	return false;
}

static bool
asn_holds(const MhubInvalidRule *rule, Suspect *suspect)
{
	int			i;

	if (rule->n_asns < 0)
		return true;
	if (!suspect->asn_known)
	{
		suspect->asn = suspect->visit->ip != NULL ? mhub_ip_asn(suspect->visit->ip) : 0;
		suspect->asn_known = true;
	}
	for (i = 0; suspect->asn != 0 && i < rule->n_asns; i++)
	{
		if (rule->asns[i] == suspect->asn)
			return true;
	}
	return false;
}

static bool
json_holds(Jsonb *condition, Jsonb *value)
{
	if (condition == NULL)
		return true;
	return value != NULL &&
		DatumGetBool(DirectFunctionCall2(jsonb_contains, JsonbPGetDatum(value), JsonbPGetDatum(condition)));
}

static bool
spam_holds(const MhubInvalidRule *rule, const char *referrer_host)
{
	const MhubSourceFact *fact;

	if (!rule->spam)
		return true;
	if (referrer_host == NULL)
		return false;
	fact = mhub_source_by_host(mhub_traffic_rules()->sources, referrer_host, NULL);
	return fact != NULL && fact->category == MHUB_SOURCE_SPAM;
}

static bool
rule_holds(const MhubInvalidRule *rule, Suspect *suspect)
{
	const MhubVisit *visit = suspect->visit;

	return (visit->is_robot || !rule->robot) &&
		text_holds(&rule->user_agent, visit->user_agent, &suspect->user_agent) &&
		text_holds(&rule->url, visit->url, &suspect->url) &&
		name_holds(&rule->referrer_host, visit->referrer_host) &&
		name_holds(&rule->name, visit->name) &&
		network_holds(rule, visit->ip) &&
		spam_holds(rule, visit->referrer_host) &&
		json_holds(rule->properties, visit->properties) &&
		json_holds(rule->context, visit->context) &&
		asn_holds(rule, suspect);
}

/* The reason of the first rule that holds; NULL where it says valid, or none holds */
const char *
mhub_invalid_match(const MhubInvalidRule *rules, int n, const MhubVisit *visit)
{
	Suspect		suspect = {visit, NULL, NULL, 0, false};
	int			i;

	for (i = 0; i < n; i++)
	{
		if (rule_holds(&rules[i], &suspect))
			return rules[i].reason;
	}
	return NULL;
}

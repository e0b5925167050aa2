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
	char	   *name;
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
same_reason(const char *a, const char *b)
{
	return a == NULL || b == NULL ? a == b : strcmp(a, b) == 0;
}

/*
 * Of an address that was kept as a network, a rule about a part of that
 * network cannot tell any more: it holds where it seems to have held.
 */
static bool
held_before(const MhubInvalidRule *rule, const MhubVisit *visit, const inet *network)
{
	return visit->again && same_reason(visit->reason, rule->reason) &&
		DatumGetBool(DirectFunctionCall2(network_sub, InetPGetDatum(network), InetPGetDatum(visit->ip)));
}

static bool
network_holds(const MhubInvalidRule *rule, const MhubVisit *visit)
{
	int			i;

	if (rule->n_networks < 0)
		return true;
	for (i = 0; visit->ip != NULL && i < rule->n_networks; i++)
	{
		const inet *network = rule->networks[i];

		if (DatumGetBool(DirectFunctionCall2(network_subeq, InetPGetDatum(visit->ip), InetPGetDatum(network))) ||
			held_before(rule, visit, network))
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

/* What does not even have the condition's first key needs no closer look: nearly every event. */
static bool
lacks_key(Jsonb *condition, Jsonb *value)
{
	JsonbContainer *object = &condition->root;
	char	   *first_key = (char *) &object->children[2 * JsonContainerSize(object)];
	JsonbValue	found;

	if (!JsonContainerIsObject(object) || JsonContainerSize(object) == 0 || !JB_ROOT_IS_OBJECT(value))
		return false;
	return getKeyJsonValueFromContainer(&value->root, first_key, getJsonbLength(object, 0), &found) == NULL;
}

static bool
json_holds(Jsonb *condition, Jsonb *value)
{
	if (condition == NULL)
		return true;
	return value != NULL && !lacks_key(condition, value) &&
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

void
mhub_invalid_by_url(const MhubInvalidRule *rules, int n, const char *url, bool *holds)
{
	char	   *folded = NULL;

	for (int i = 0; i < n; i++)
		holds[i] = text_holds(&rules[i].url, url, &folded);
}

void
mhub_invalid_by_referrer(const MhubInvalidRule *rules, int n, const char *referrer_host, bool *holds)
{
	char	   *folded = NULL;

	for (int i = 0; i < n; i++)
		holds[i] = text_holds(&rules[i].referrer_host, referrer_host, &folded) && spam_holds(&rules[i], referrer_host);
}

static bool
rule_holds(const MhubInvalidRule *rule, Suspect *suspect)
{
	const MhubVisit *visit = suspect->visit;

	return (visit->is_robot || !rule->robot) &&
		text_holds(&rule->user_agent, visit->user_agent, &suspect->user_agent) &&
		text_holds(&rule->name, visit->name, &suspect->name) &&
		network_holds(rule, visit) &&
		json_holds(rule->properties, visit->properties) &&
		json_holds(rule->context, visit->context) &&
		asn_holds(rule, suspect);
}

/* The reason of the first rule that holds; NULL where it says valid, or none holds */
const char *
mhub_invalid_match(const MhubInvalidRule *rules, int n, const MhubVisit *visit,
				   const bool *url_holds, const bool *referrer_holds)
{
	Suspect		suspect = {visit, NULL, NULL, 0, false};
	int			i;

	for (i = 0; i < n; i++)
	{
		if (url_holds[i] && referrer_holds[i] && rule_holds(&rules[i], &suspect))
			return rules[i].reason;
	}
	return NULL;
}

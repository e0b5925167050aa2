/*
 * landing.c
 *	  What a landing address says about its visit: campaign parameters and click ids.
 *
 * Rules: names in any case; the first of a repeated parameter counts; empty
 * values and macros that an ad network failed to replace count as absent; the
 * query comes before the fragment, UTM before other conventions.
 */
#include "traffic/landing.h"

#include "traffic/personal.h"
#include "traffic/query.h"

typedef struct CampaignParameter
{
	const char *name;			/* lower case */
	MhubLandingField field;
	int			rank;			/* smaller wins */
} CampaignParameter;

/* UTM; Matomo (mtm, pk, piwik); Baidu Tongji (hm); ids of Google and others.  Sorted by name. */
static const CampaignParameter parameters[] = {
	{"campaign_id", MHUB_LANDING_CAMPAIGN_ID, 5},
	{"campaignid", MHUB_LANDING_CAMPAIGN_ID, 5},
	{"gad_campaignid", MHUB_LANDING_CAMPAIGN_ID, 4},
	{"hmci", MHUB_LANDING_CONTENT, 3},
	{"hmkw", MHUB_LANDING_TERM, 3},
	{"hmmd", MHUB_LANDING_MEDIUM, 3},
	{"hmpl", MHUB_LANDING_CAMPAIGN, 3},
	{"hmsr", MHUB_LANDING_SOURCE, 3},
	{"hsa_cam", MHUB_LANDING_CAMPAIGN_ID, 4},
	{"mtm_campaign", MHUB_LANDING_CAMPAIGN, 1},
	{"mtm_cid", MHUB_LANDING_CAMPAIGN_ID, 1},
	{"mtm_content", MHUB_LANDING_CONTENT, 1},
	{"mtm_keyword", MHUB_LANDING_TERM, 1},
	{"mtm_kwd", MHUB_LANDING_TERM, 1},
	{"mtm_medium", MHUB_LANDING_MEDIUM, 1},
	{"mtm_source", MHUB_LANDING_SOURCE, 1},
	{"piwik_campaign", MHUB_LANDING_CAMPAIGN, 2},
	{"piwik_kwd", MHUB_LANDING_TERM, 2},
	{"pk_campaign", MHUB_LANDING_CAMPAIGN, 2},
	{"pk_cid", MHUB_LANDING_CAMPAIGN_ID, 2},
	{"pk_content", MHUB_LANDING_CONTENT, 2},
	{"pk_keyword", MHUB_LANDING_TERM, 2},
	{"pk_kwd", MHUB_LANDING_TERM, 2},
	{"pk_medium", MHUB_LANDING_MEDIUM, 2},
	{"pk_source", MHUB_LANDING_SOURCE, 2},
	{"promotionid", MHUB_LANDING_CAMPAIGN_ID, 6},
	{"utm_campaign", MHUB_LANDING_CAMPAIGN, 0},
	{"utm_content", MHUB_LANDING_CONTENT, 0},
	{"utm_id", MHUB_LANDING_CAMPAIGN_ID, 0},
	{"utm_medium", MHUB_LANDING_MEDIUM, 0},
	{"utm_source", MHUB_LANDING_SOURCE, 0},
	{"utm_term", MHUB_LANDING_TERM, 0},
};

static int
compare_name(const void *key, const void *entry)
{
	return strcmp((const char *) key, ((const CampaignParameter *) entry)->name);
}

/* Upper-case words between double underscores, as ByteDance and Kuaishou write macros */
static bool
is_underscore_macro(const char *value, size_t length)
{
	size_t		i;

	if (length < 5 || strncmp(value, "__", 2) != 0 || strcmp(value + length - 2, "__") != 0)
		return false;
	for (i = 0; i < length; i++)
	{
		if (!isupper((unsigned char) value[i]) && !isdigit((unsigned char) value[i]) && value[i] != '_')
			return false;
	}
	return true;
}

/* {gclid}, {{ad.name}}, ${CLICK_ID}, $CLICK_ID$, %%CLICK_URL%%, %CLICKID%, [CLICK_ID], <CLICK_ID>, __CLICKID__ */
static bool
is_unreplaced_macro(const char *value)
{
	static const char *const marks[][2] = {{"{", "}"}, {"${", "}"}, {"$", "$"}, {"%", "%"}, {"[", "]"}, {"<", ">"}};
	size_t		length = strlen(value);
	int			i;

	for (i = 0; i < (int) lengthof(marks); i++)
	{
		size_t		opening = strlen(marks[i][0]);
		size_t		closing = strlen(marks[i][1]);

		if (length > opening + closing && strncmp(value, marks[i][0], opening) == 0 &&
			strcmp(value + length - closing, marks[i][1]) == 0)
			return true;
	}
	return is_underscore_macro(value, length);
}

static char *
usable_value(const MhubQueryScan *scan)
{
	char	   *value = mhub_query_value(scan);

	if (value == NULL || is_unreplaced_macro(value) || mhub_value_is_email(value) || mhub_value_is_secret(value))
		return NULL;
	return value;
}

static void
take_field(MhubLanding *landing, const CampaignParameter *parameter, const MhubQueryScan *scan)
{
	MhubLandingField field = parameter->field;
	char	   *value;

	if (landing->fields[field] != NULL && landing->ranks[field] <= parameter->rank)
		return;
	if ((value = usable_value(scan)) == NULL)
		return;
	landing->fields[field] = value;
	landing->ranks[field] = parameter->rank;
}

static void
take_click(MhubLanding *landing, const MhubClickId *click, const MhubQueryScan *scan)
{
	char	   *value = usable_value(scan);

	if (value == NULL)
		return;
	if (click->rank < MHUB_CLICK_QUALIFIER && (landing->click == NULL || click->rank < landing->click->rank))
	{
		landing->click = click;
		landing->click_id = value;
	}
	if (click->network != NULL && (landing->network == NULL || click->rank < landing->network->rank))
		landing->network = click;
	landing->paid = landing->paid || click->paid;
	if (mhub_is_kuaishou_callback(click->parameter, value))
		landing->ad_network = "kuaishou";
}

/* ByteDance adds the creative and its kind beside its clickid. */
static bool
is_bytedance_mark(const char *name, const MhubQueryScan *scan)
{
	return (strcmp(name, "creativeid") == 0 || strcmp(name, "creativetype") == 0) && usable_value(scan) != NULL;
}

/* WeChat and Xiaohongshu mark addresses that were shared, which arrive without a referrer. */
static const char *
shared_in(const char *name, const MhubQueryScan *scan)
{
	static const char *const wechat[] = {"timeline", "singlemessage", "groupmessage"};
	char	   *value;
	int			i;

	if (strcmp(name, "xhsshare") == 0)
		return "xiaohongshu";
	if (strcmp(name, "from") != 0 || (value = mhub_query_value(scan)) == NULL)
		return NULL;
	for (i = 0; i < (int) lengthof(wechat); i++)
	{
		if (strcmp(value, wechat[i]) == 0)
			return "wechat";
	}
	return NULL;
}

static void
read_query(const char *query, MhubLanding *landing)
{
	MhubQueryScan scan;
	char		name[MHUB_PARAM_NAME_MAX];

	mhub_query_start(&scan, query);
	while (mhub_query_next(&scan))
	{
		const CampaignParameter *parameter;
		const MhubClickId *click;

		if (!mhub_query_name(&scan, name))
			continue;
		parameter = bsearch(name, parameters, lengthof(parameters), sizeof(CampaignParameter), compare_name);
		if (parameter != NULL)
			take_field(landing, parameter, &scan);
		if ((click = mhub_find_click_id(name)) != NULL)
			take_click(landing, click, &scan);
		else if (is_bytedance_mark(name, &scan))
			landing->ad_network = "bytedance";
		else if (landing->share == NULL)
			landing->share = shared_in(name, &scan);
	}
}

void
mhub_landing_read(const MhubUrl *url, MhubLanding *landing)
{
	memset(landing, 0, sizeof(*landing));
	if (url->query != NULL)
		read_query(url->query, landing);
	if (url->fragment != NULL && strchr(url->fragment, '=') != NULL)
	{
		const char *mark = strchr(url->fragment, '?');

		read_query(mark != NULL ? mark + 1 : url->fragment, landing);
	}
}

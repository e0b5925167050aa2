/*
 * click_id.c
 *	  The parameters that advertising networks add to a landing address.
 *
 * Facts, from the networks' own pages and from landing addresses seen in the
 * wild; doc/sources.md says more about each.  A rank decides where one address
 * carries several: the most specific id first, qualifiers last.  Meta adds
 * fbclid to organic clicks too, so it is no proof of an ad; nor are the ids of
 * e-mail services, of shared posts and of search results (srsltid, ysclid).
 */
#include "traffic/click_id.h"

/* sorted by parameter */
const MhubClickId mhub_click_ids[] = {
	{"_hsenc", "hubspot", "hubspot", "email", false, MHUB_CLICK_QUALIFIER},
	{"_hsmi", "hubspot", "hubspot", "email", false, MHUB_CLICK_QUALIFIER},
	{"_kx", "klaviyo", "klaviyo", "email", false, MHUB_CLICK_QUALIFIER},
	{"awc", "awin", "awin", "affiliate", false, 40},
	{"bd_vid", "baidu", "baidu", "cpc", true, 10},
	{"callback", NULL, NULL, NULL, false, 51},
	{"cjevent", "cj", "cj", "affiliate", false, 40},
	{"click_id", NULL, NULL, NULL, false, 5},
	{"clickid", NULL, NULL, NULL, false, 50},
	{"dclid", "google", "google", "display", true, 12},
	{"dm_i", "dotdigital", "dotdigital", "email", false, MHUB_CLICK_QUALIFIER},
	{"ef_id", "adobe", NULL, "cpc", true, 30},
	{"epik", "pinterest", "pinterest", "cpc", true, 10},
	{"fbclid", "meta", "facebook", "social", false, 60},
	{"gad_campaignid", "google", "google", "cpc", true, MHUB_CLICK_QUALIFIER},
	{"gad_source", "google", "google", "cpc", true, MHUB_CLICK_QUALIFIER},
	{"gbraid", "google", "google", "cpc", true, 11},
	{"gclid", "google", "google", "cpc", true, 10},
	{"gdt_vid", "tencent", "tencent", "cpc", true, 11},
	{"igsh", "instagram", "instagram", "social", false, 60},
	{"igshid", "instagram", "instagram", "social", false, 60},
	{"irclickid", "impact", "impact", "affiliate", false, 40},
	{"irclid", "impact", "impact", "affiliate", false, 40},
	{"ko_click_id", "kochava", NULL, "cpc", true, 31},
	{"ldtag_cl", "line", "line", "cpc", true, 10},
	{"li_fat_id", "linkedin", "linkedin", "cpc", true, 10},
	{"mc_cid", "mailchimp", "mailchimp", "email", false, MHUB_CLICK_QUALIFIER},
	{"mc_eid", "mailchimp", "mailchimp", "email", false, MHUB_CLICK_QUALIFIER},
	{"mkt_tok", "marketo", "marketo", "email", false, MHUB_CLICK_QUALIFIER},
	{"msclkid", "microsoft", "bing", "cpc", true, 10},
	{"ndclid", "nextdoor", "nextdoor", "cpc", true, 10},
	{"ob_click_id", "outbrain", "outbrain", "cpc", true, 10},
	{"qclid", "quora", "quora", "cpc", true, 10},
	{"qhclickid", "360", "360", "cpc", true, 10},
	{"qz_gdt", "tencent", "tencent", "cpc", true, 10},
	{"ransiteid", "rakuten", "rakuten advertising", "affiliate", false, 40},
	{"rb_clickid", "vk", "vkontakte", "cpc", true, 10},
	{"rdt_cid", "reddit", "reddit", "cpc", true, 10},
	{"sccid", "snapchat", "snapchat", "cpc", true, 10},
	{"scid", "snapchat", "snapchat", "cpc", true, 10},
	{"sdclkid", "baidu", "baidu", "cpc", true, 11},
	{"srsltid", "google", "google", "organic", false, 60},
	{"sscid", "shareasale", "shareasale", "affiliate", false, 40},
	{"sznclid", "seznam", "seznam", "cpc", true, 10},
	{"tblci", "taboola", "taboola", "cpc", true, 10},
	{"td_clickid", "bytedance", "toutiao", "cpc", true, 10},
	{"tduid", "tradedoubler", "tradedoubler", "affiliate", false, 40},
	{"ttclid", "bytedance", "tiktok", "cpc", true, 10},
	{"twclid", "x", "twitter", "cpc", true, 10},
	{"uctrackid", "alibaba", "uc", "cpc", true, 10},
	{"vgo_ee", "activecampaign", "activecampaign", "email", false, MHUB_CLICK_QUALIFIER},
	{"vmcid", "yahoo", "yahoo", "cpc", true, 10},
	{"wbraid", "google", "google", "cpc", true, 11},
	{"weixinadinfo", "tencent", "wechat", "cpc", true, 12},
	{"wx_aid", "tencent", "wechat", "cpc", true, 13},
	{"yclid", "yandex", "yandex", "cpc", true, 10},
	{"ysclid", "yandex", "yandex", "organic", false, 60},
};
const int	mhub_n_click_ids = lengthof(mhub_click_ids);

/* Names that others use too, once something shows that they are these networks' */
static const MhubClickId ad_click_ids[] = {
	{"callback", "kuaishou", "kuaishou", "cpc", true, 14},
	{"clickid", "bytedance", "toutiao", "cpc", true, 14},
};

/* Tokens of Kuaishou are longer; names of JSONP functions, the commonest other values, are shorter. */
#define KUAISHOU_TOKEN_MIN 48

/* Whose generic click_id, clickid or callback it is, by the source beside it */
static const struct
{
	const char *source;
	const char *network;
}			source_networks[] = {
	{"bytedance", "bytedance"}, {"douyin", "bytedance"}, {"jrtt", "bytedance"},
	{"kuaishou", "kuaishou"}, {"ks", "kuaishou"}, {"oceanengine", "bytedance"},
	{"pangle", "bytedance"}, {"red", "xiaohongshu"}, {"tencent", "tencent"},
	{"gdt", "tencent"}, {"qq", "tencent"}, {"qzone", "tencent"},
	{"tiktok", "bytedance"}, {"toutiao", "bytedance"}, {"weixin", "tencent"},
	{"wechat", "tencent"}, {"xhs", "xiaohongshu"}, {"xiaohongshu", "xiaohongshu"},
	{"xigua", "bytedance"}, {"巨量引擎", "bytedance"}, {"今日头条", "bytedance"},
	{"抖音", "bytedance"}, {"快手", "kuaishou"}, {"小红书", "xiaohongshu"},
	{"微信", "tencent"}, {"腾讯", "tencent"}, {"广点通", "tencent"},
};

static int
compare_parameter(const void *key, const void *entry)
{
	return strcmp((const char *) key, ((const MhubClickId *) entry)->parameter);
}

const MhubClickId *
mhub_find_click_id(const char *parameter)
{
	return bsearch(parameter, mhub_click_ids, mhub_n_click_ids, sizeof(MhubClickId), compare_parameter);
}

/* The network that a click id without a name of its own belongs to; NULL when unknown */
const char *
mhub_network_of_source(const char *source)
{
	int			i;

	for (i = 0; i < (int) lengthof(source_networks); i++)
	{
		if (strcmp(source, source_networks[i].source) == 0)
			return source_networks[i].network;
	}
	return NULL;
}

/* One long word in base64url: both cases and digits, and nothing that a name or an address would have */
static bool
is_long_token(const char *value)
{
	bool		upper = false;
	bool		lower = false;
	bool		digit = false;
	const char *c;

	for (c = value; *c != '\0'; c++)
	{
		upper = upper || isupper((unsigned char) *c);
		lower = lower || islower((unsigned char) *c);
		digit = digit || isdigit((unsigned char) *c);
		if (!isalnum((unsigned char) *c) && strchr("-_=", *c) == NULL)
			return false;
	}
	return upper && lower && digit && c - value >= KUAISHOU_TOKEN_MIN;
}

/* Kuaishou adds "callback" to every landing address: a token, or the whole address that conversions are reported to. */
bool
mhub_is_kuaishou_callback(const char *parameter, const char *value)
{
	return strcmp(parameter, "callback") == 0 && (is_long_token(value) || strstr(value, "gifshow.com/track/") != NULL);
}

/* What a name without a network of its own is in the addresses of ads; NULL: nothing certain */
const MhubClickId *
mhub_ad_click_id(const char *parameter)
{
	int			i;

	for (i = 0; i < (int) lengthof(ad_click_ids); i++)
	{
		if (strcmp(parameter, ad_click_ids[i].parameter) == 0)
			return &ad_click_ids[i];
	}
	return NULL;
}

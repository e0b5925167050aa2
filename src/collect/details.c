/*
 * details.c
 *	  What properties and context say, into the event's own columns.
 *
 * Addresses leave properties and context on the way, since they are stored
 * only without personal query values; so do traits, which are the person's.
 */
#include "collect/details.h"

#include <math.h>

#include "collect/json_object.h"
#include "common/address.h"
#include "lib/stringinfo.h"
#include "port.h"
#include "privacy/privacy.h"
#include "utils/builtins.h"
#include "utils/fmgrprotos.h"
#include "utils/formatting.h"

/* Currency codes have three letters; longer ones are somebody's mistake. */
#define CURRENCY_LENGTH 3

/* Anybody can send any number: from a million million on it is no money, and what is added up must never overflow. */
#define VALUE_LIMIT 1e12

/* Of more decimals than currencies and rates have, these are kept. */
#define VALUE_SCALE 12

/* The host of 1.2.3.4:443, [2001:db8::1]:443 or fe80::1%eth0, copied to out, which has size bytes; false: too long, or none */
static bool
copy_host(const char *text, size_t length, char *out, size_t size)
{
	const char *colon = memchr(text, ':', length);
	const char *end = text + length;

	if (length > 0 && text[0] == '[')
	{
		text++;
		end = memchr(text, ']', length - 1);
	}
	else if (colon != NULL && memchr(text, '.', colon - text) != NULL)
		end = colon;
	if (end == NULL)
		return false;
	length = strcspn(text, "%");
	length = Min(length, (size_t) (end - text));
	if (length == 0 || length >= size)
		return false;
	memcpy(out, text, length);
	out[length] = '\0';
	return true;
}

/* The address, or the first of a list as proxies write it; NULL when it is none. */
inet *
mhub_parse_ip(const char *text)
{
	inet	   *ip = palloc0(sizeof(inet));
	inet_struct *data = (inet_struct *) VARDATA_ANY(ip);
	char		first[64];

	if (!copy_host(text, strcspn(text, ", "), first, sizeof(first)))
		return NULL;
	data->family = strchr(first, ':') != NULL ? PGSQL_AF_INET6 : PGSQL_AF_INET;
	data->bits = data->family == PGSQL_AF_INET6 ? 128 : 32;
	if (strchr(first, '/') != NULL ||
		pg_inet_net_pton(data->family, first, data->ipaddr, -1) != data->bits)
		return NULL;
	mhub_unmap_address(data);
	SET_VARSIZE(ip, VARHDRSZ + offsetof(inet_struct, ipaddr) + data->bits / 8);
	return ip;
}

static void
append_encoded(StringInfo query, const char *name, const char *value)
{
	static const char hex[] = "0123456789ABCDEF";

	appendStringInfo(query, "%s%s=", query->len == 0 ? "" : "&", name);
	for (const unsigned char *c = (const unsigned char *) value; *c != '\0'; c++)
	{
		if ((*c >= 'a' && *c <= 'z') || (*c >= 'A' && *c <= 'Z') || (*c >= '0' && *c <= '9') || strchr("-._~", *c) != NULL)
			appendStringInfoChar(query, *c);
		else
			appendStringInfo(query, "%%%c%c", hex[*c >> 4], hex[*c & 0x0f]);
	}
}

/* context.campaign is what a client has read from the landing page's address. */
static const char *
campaign_query(JsonbContainer *campaign)
{
	static const char *const names[][2] = {
		{"source", "utm_source"}, {"medium", "utm_medium"}, {"name", "utm_campaign"},
		{"term", "utm_term"}, {"content", "utm_content"}, {"id", "utm_id"}
	};
	StringInfoData query;

	initStringInfo(&query);
	for (size_t i = 0; i < lengthof(names); i++)
	{
		char	   *value = mhub_json_text(campaign, names[i][0]);

		if (value != NULL)
			append_encoded(&query, names[i][1], value);
	}
	return query.len == 0 ? NULL : query.data;
}

/* [{"id": "...", "type": "wechat_openid"}, ...]: identifiers of other systems */
static void
take_external_ids(MhubEventBatch *batch, MhubEvent *event, JsonbContainer *context)
{
	JsonbValue	list;
	uint32		n;

	if (!mhub_json_get(context, "externalIds", &list) || list.type != jbvBinary ||
		!JsonContainerIsArray(list.val.binary.data))
		return;
	n = JsonContainerSize(list.val.binary.data);
	for (uint32 i = 0; i < n; i++)
	{
		JsonbValue *item = getIthJsonbValueFromContainer(list.val.binary.data, i);
		char	   *kind,
				   *value;

		if (!mhub_value_is_object(item))
			continue;
		kind = mhub_json_text(item->val.binary.data, "type");
		value = mhub_json_text(item->val.binary.data, "id");
		if (kind != NULL && value != NULL)
			mhub_event_add_identifier(batch, event, kind, value);
	}
}

static void
take_identifier(MhubEventBatch *batch, MhubEvent *event, JsonbContainer *object, const char *key, const char *kind)
{
	char	   *value = mhub_json_text(object, key);

	if (value != NULL)
		mhub_event_add_identifier(batch, event, kind, value);
}

/* An app's installation; its advertising id is of the kind that its system has. */
static void
take_device(MhubEventBatch *batch, MhubEvent *event, JsonbContainer *device)
{
	char	   *type = mhub_json_text(device, "type");

	take_identifier(batch, event, device, "id", "device");
	take_identifier(batch, event, device, "token", "push_token");
	if (type != NULL && pg_strcasecmp(type, "ios") == 0)
		take_identifier(batch, event, device, "advertisingId", "idfa");
	else if (type != NULL && pg_strcasecmp(type, "android") == 0)
		take_identifier(batch, event, device, "advertisingId", "gaid");
	else if (type != NULL && pg_strcasecmp(type, "harmony") == 0)
		take_identifier(batch, event, device, "advertisingId", "oaid");
}

/*
 * Email and phone among a person's traits identify it, where there is a key to
 * seal them with; without one the event counts all the same.  keep: the traits
 * are news about the person, too.
 */
void
mhub_event_take_traits(MhubEventBatch *batch, MhubEvent *event, const JsonbValue *traits, bool keep)
{
	if (!mhub_value_is_object(traits))
		return;
	if (mhub_key_source_set())
	{
		take_identifier(batch, event, traits->val.binary.data, "email", "email");
		take_identifier(batch, event, traits->val.binary.data, "phone", "phone");
	}
	if (keep)
		event->traits = JsonbValueToJsonb(unconstify(JsonbValue *, traits));
}

/* Properties that are addresses, or a page's search, which is its query */
static const char *const addresses[] = {"url", "referrer", "search", "path", "href"};

/* An address that stays stays without what is personal in it. */
static MhubMember
clean_address(JsonbValue *value)
{
	if (value->type != jbvString)
		return MHUB_MEMBER_KEEP;
	mhub_json_set_string(value, mhub_url_cleaned(pnstrdup(value->val.string.val, value->val.string.len)));
	return MHUB_MEMBER_REPLACE;
}

static MhubMember
page_filter(const char *key, int key_length, JsonbValue *value, void *state pg_attribute_unused())
{
	if (mhub_key_is(key, key_length, "url") || mhub_key_is(key, key_length, "referrer") ||
		mhub_key_is(key, key_length, "search"))
		return MHUB_MEMBER_DROP;
	return mhub_key_is(key, key_length, "path") || mhub_key_is(key, key_length, "href") ?
		clean_address(value) : MHUB_MEMBER_KEEP;
}

static MhubMember
context_filter(const char *key, int key_length, JsonbValue *value, void *state pg_attribute_unused())
{
	static const char *const own_columns[] = {"ip", "userAgent", "user_agent", "traits", "campaign", "externalIds", "url", "referrer"};
	Jsonb	   *page;

	for (size_t i = 0; i < lengthof(own_columns); i++)
	{
		if (mhub_key_is(key, key_length, own_columns[i]))
			return MHUB_MEMBER_DROP;
	}
	if (mhub_key_is(key, key_length, "page"))
	{
		/* Not an object: most likely the address itself */
		if (!mhub_value_is_object(value))
			return MHUB_MEMBER_DROP;
		page = mhub_json_filtered(value->val.binary.data, page_filter, NULL);
		value->val.binary.data = &page->root;
		value->val.binary.len = VARSIZE_ANY_EXHDR(page);
		return JB_ROOT_COUNT(page) == 0 ? MHUB_MEMBER_DROP : MHUB_MEMBER_REPLACE;
	}
	return MHUB_MEMBER_KEEP;
}

static void
set_if_missing(const char **field, const char *value)
{
	if (*field == NULL)
		*field = value;
}

static void
take_page(MhubEvent *event, JsonbContainer *page)
{
	set_if_missing(&event->url, mhub_json_text(page, "url"));
	set_if_missing(&event->referrer, mhub_json_text(page, "referrer"));
}

/* What was taken before is the more particular and wins. */
static void
add_context(MhubEvent *event, Jsonb *more)
{
	if (event->context == NULL)
		event->context = more;
	else
		event->context = DatumGetJsonbP(DirectFunctionCall2(jsonb_concat, JsonbPGetDatum(more),
															JsonbPGetDatum(event->context)));
}

void
mhub_event_take_context(MhubEventBatch *batch, MhubEvent *event, JsonbContainer *context)
{
	JsonbValue	value;
	JsonbContainer *campaign;
	char	   *ip = mhub_json_text(context, "ip");

	take_page(event, mhub_json_object(context, "page", &value));
	take_page(event, context);
	set_if_missing(&event->referrer, mhub_json_text(mhub_json_object(context, "referrer", &value), "url"));
	set_if_missing(&event->user_agent, mhub_json_text(context, "userAgent"));
	set_if_missing(&event->user_agent, mhub_json_text(context, "user_agent"));
	if (ip != NULL && event->ip == NULL)
		event->ip = mhub_parse_ip(ip);
	campaign = mhub_json_object(context, "campaign", &value);
	if (campaign != NULL && event->campaign_query == NULL)
		event->campaign_query = campaign_query(campaign);
	if (mhub_json_get(context, "traits", &value))
		mhub_event_take_traits(batch, event, &value, false);
	take_device(batch, event, mhub_json_object(context, "device", &value));
	take_external_ids(batch, event, context);
	add_context(event, mhub_json_filtered(context, context_filter, NULL));
}

static bool
is_page(const MhubEvent *event)
{
	return event->type != NULL && strcmp(event->type, "page") == 0;
}

/* Of a product, say, or of the link that was clicked */
static MhubMember
property_filter(const char *key, int key_length, JsonbValue *value, void *state)
{
	if (is_page(state))
		return page_filter(key, key_length, value, NULL);
	for (size_t i = 0; i < lengthof(addresses); i++)
	{
		if (strcmp(addresses[i], "search") != 0 && mhub_key_is(key, key_length, addresses[i]))
			return clean_address(value);
	}
	return MHUB_MEMBER_KEEP;
}

static bool
has_address(JsonbContainer *properties)
{
	JsonbValue	value;

	for (size_t i = 0; i < lengthof(addresses); i++)
	{
		if (mhub_json_get(properties, addresses[i], &value))
			return true;
	}
	return false;
}

static Numeric
as_value(Numeric number)
{
	double		size = number == NULL ? 0 : fabs(mhub_number_approximately(number));

	if (number == NULL || size >= VALUE_LIMIT)
		return NULL;
	if (DatumGetInt32(DirectFunctionCall1(numeric_scale, NumericGetDatum(number))) <= VALUE_SCALE)
		return number;
	return DatumGetNumeric(DirectFunctionCall2(numeric_round, NumericGetDatum(number), Int32GetDatum(VALUE_SCALE)));
}

static void
take_money(MhubEvent *event, JsonbContainer *properties)
{
	static const char *const keys[] = {"revenue", "total", "value"};
	char	   *currency = mhub_json_text(properties, "currency");

	for (size_t i = 0; i < lengthof(keys) && event->value == NULL; i++)
		event->value = as_value(mhub_json_number(properties, keys[i]));
	if (event->value != NULL && event->currency == NULL && currency != NULL && strlen(currency) == CURRENCY_LENGTH)
		event->currency = asc_toupper(currency, CURRENCY_LENGTH);
}

/* The event's type is known by now. */
void
mhub_event_take_properties(MhubEvent *event, Jsonb *properties)
{
	event->properties = properties;
	take_money(event, &properties->root);
	if (!has_address(&properties->root))
		return;
	if (is_page(event))
		take_page(event, &properties->root);
	event->properties = mhub_json_filtered(&properties->root, property_filter, event);
}

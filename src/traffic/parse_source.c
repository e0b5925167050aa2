/*
 * parse_source.c
 *	  SQL functions about sources, channels, addresses and user agents.
 */
#include "mhub.h"

#include "catalog/pg_type.h"
#include "funcapi.h"
#include "traffic/source.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/formatting.h"
#include "utils/typcache.h"

#define N_SOURCE_COLUMNS 12

PG_FUNCTION_INFO_V1(mhub_parse_source);
PG_FUNCTION_INFO_V1(mhub_channel);
PG_FUNCTION_INFO_V1(mhub_clean_url);
PG_FUNCTION_INFO_V1(mhub_user_agent_is_bot);
PG_FUNCTION_INFO_V1(mhub_source_category);
PG_FUNCTION_INFO_V1(mhub_shipped_source_host);

static char *
text_argument(FunctionCallInfo fcinfo, int n)
{
	return PG_ARGISNULL(n) ? NULL : text_to_cstring(PG_GETARG_TEXT_PP(n));
}

static char **
own_hosts_argument(FunctionCallInfo fcinfo, int n, int *count)
{
	Datum	   *words;
	bool	   *nulls;
	char	  **hosts;
	int			all;
	int			i;

	*count = 0;
	if (PG_ARGISNULL(n))
		return NULL;
	deconstruct_array(PG_GETARG_ARRAYTYPE_P(n), TEXTOID, -1, false, TYPALIGN_INT, &words, &nulls, &all);
	hosts = palloc(sizeof(char *) * Max(all, 1));
	for (i = 0; i < all; i++)
	{
		if (!nulls[i])
			hosts[(*count)++] = TextDatumGetCString(words[i]);
	}
	return hosts;
}

/* The result's row type, looked up once per call site */
static TupleDesc
result_descriptor(FunctionCallInfo fcinfo)
{
	TypeCacheEntry *type = fcinfo->flinfo->fn_extra;

	if (type == NULL)
	{
		type = lookup_type_cache(get_fn_expr_rettype(fcinfo->flinfo), TYPECACHE_TUPDESC);
		fcinfo->flinfo->fn_extra = type;
	}
	return type->tupDesc;
}

static void
set_text(Datum *values, bool *nulls, int column, const char *text)
{
	nulls[column] = (text == NULL);
	if (text != NULL)
		values[column] = CStringGetTextDatum(text);
}

Datum
mhub_parse_source(PG_FUNCTION_ARGS)
{
	int			n_own_hosts;
	char	  **own_hosts = own_hosts_argument(fcinfo, 2, &n_own_hosts);
	MhubSource	source;
	Datum		values[N_SOURCE_COLUMNS];
	bool		nulls[N_SOURCE_COLUMNS] = {false};

	mhub_source_of(text_argument(fcinfo, 0), text_argument(fcinfo, 1), own_hosts, n_own_hosts, &source);
	set_text(values, nulls, 0, source.source);
	set_text(values, nulls, 1, source.medium);
	set_text(values, nulls, 2, source.campaign);
	set_text(values, nulls, 3, source.term);
	set_text(values, nulls, 4, source.content);
	set_text(values, nulls, 5, source.campaign_id);
	set_text(values, nulls, 6, source.click_id);
	set_text(values, nulls, 7, source.click_network);
	set_text(values, nulls, 8, source.referrer_host);
	set_text(values, nulls, 9, source.search_term);
	set_text(values, nulls, 10, source.channel);
	values[11] = BoolGetDatum(source.is_paid);
	PG_RETURN_DATUM(HeapTupleGetDatum(heap_form_tuple(result_descriptor(fcinfo), values, nulls)));
}

Datum
mhub_channel(PG_FUNCTION_ARGS)
{
	char	   *source = text_argument(fcinfo, 0);
	char	   *medium = text_argument(fcinfo, 1);
	const MhubChannelRule *rule;

	rule = mhub_channel_of(mhub_traffic_rules(), source ? asc_tolower(source, strlen(source)) : NULL,
						   medium ? asc_tolower(medium, strlen(medium)) : NULL, text_argument(fcinfo, 2));
	PG_RETURN_TEXT_P(cstring_to_text(rule != NULL ? rule->channel : "Unassigned"));
}

Datum
mhub_clean_url(PG_FUNCTION_ARGS)
{
	PG_RETURN_TEXT_P(cstring_to_text(mhub_url_cleaned(text_to_cstring(PG_GETARG_TEXT_PP(0)))));
}

Datum
mhub_user_agent_is_bot(PG_FUNCTION_ARGS)
{
	text	   *user_agent = PG_GETARG_TEXT_PP(0);

	PG_RETURN_BOOL(mhub_is_bot_user_agent(VARDATA_ANY(user_agent), VARSIZE_ANY_EXHDR(user_agent)));
}

Datum
mhub_source_category(PG_FUNCTION_ARGS)
{
	char	   *name = text_to_cstring(PG_GETARG_TEXT_PP(0));
	const MhubSourceFact *fact;

	fact = mhub_source_by_name(mhub_traffic_rules()->sources, asc_tolower(name, strlen(name)));
	if (fact == NULL)
		PG_RETURN_NULL();
	PG_RETURN_TEXT_P(cstring_to_text(mhub_category_name(fact->category)));
}

/* The rows of one brand, one for each host */
static void
put_brand(ReturnSetInfo *result, const MhubSourceBrand *brand, MhubSourceCategory category)
{
	const char *hosts = brand->hosts;

	while (hosts != NULL && *hosts != '\0')
	{
		size_t		length = strcspn(hosts, " ");
		Datum		values[4];
		bool		nulls[4] = {false, false, false, false};

		values[0] = PointerGetDatum(cstring_to_text_with_len(hosts, length));
		values[1] = CStringGetTextDatum(mhub_category_name(category));
		values[2] = strcmp(brand->source, MHUB_SOURCE_BY_HOST) == 0 ? values[0] : CStringGetTextDatum(brand->source);
		values[3] = CStringGetTextDatum(brand->terms != NULL ? brand->terms : "q");
		tuplestore_putvalues(result->setResult, result->setDesc, values, nulls);
		hosts += length + strspn(hosts + length, " ");
	}
}

Datum
mhub_shipped_source_host(PG_FUNCTION_ARGS)
{
	const MhubSourceList *list;

	InitMaterializedSRF(fcinfo, 0);
	for (list = mhub_source_lists; list->brands != NULL; list++)
	{
		const MhubSourceBrand *brand;

		for (brand = list->brands; brand->source != NULL; brand++)
			put_brand((ReturnSetInfo *) fcinfo->resultinfo, brand, list->category);
	}
	PG_RETURN_NULL();
}

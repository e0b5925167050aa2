/*
 * traffic_rules.c
 *	  What the hub's tables say about sources and channels, kept per backend.
 */
#include "traffic/traffic_rules.h"

#include "common/spi_plan.h"
#include "common/table_cache.h"
#include "traffic/pattern_column.h"
#include "traffic/traffic.h"
#include "traffic/url_parts.h"
#include "utils/builtins.h"
#include "utils/memutils.h"

static MhubTableCache cache = {.tables = {"channel_rule", "channel_rule_version", "source_host"}};

static MhubPlan rules_plan = {
	"SELECT r.channel, r.is_paid, r.source_category, r.source, r.medium, r.campaign"
	" FROM mhub.channel_rule AS r JOIN mhub.channel_rule_version AS v ON v.version = r.version"
	" WHERE v.is_current ORDER BY r.position", 0, {0}, NULL};
static MhubPlan hosts_plan = {
	"SELECT h.host, h.category, h.source, h.terms FROM mhub.source_host AS h", 0, {0}, NULL};

static MemoryContext context = NULL;
static MhubTrafficRules *current = NULL;
static uint64 generation = 0;

static char *
text_column(HeapTuple tuple, int column)
{
	bool		isnull;
	Datum		value = SPI_getbinval(tuple, SPI_tuptable->tupdesc, column, &isnull);

	return isnull ? NULL : TextDatumGetCString(value);
}

/* The table's CHECK constraint allows only names that exist. */
static uint32
categories_column(HeapTuple tuple, int column)
{
	MhubPatterns names = mhub_patterns_column(tuple, column, context);
	uint32		set = 0;
	int			i;

	for (i = 0; i < names.n; i++)
	{
		MhubSourceCategory category;

		if (mhub_category_by_name(names.patterns[i], &category))
			set |= 1u << category;
	}
	return set;
}

static void
load_rules(MhubTrafficRules *rules)
{
	uint64		i;

	mhub_execute_latest(mhub_plan(&rules_plan));
	rules->n_rules = (int) SPI_processed;
	rules->rules = MemoryContextAllocZero(context, sizeof(MhubChannelRule) * Max(rules->n_rules, 1));
	for (i = 0; i < SPI_processed; i++)
	{
		HeapTuple	tuple = SPI_tuptable->vals[i];
		MhubChannelRule *rule = &rules->rules[i];
		bool		isnull;

		rule->channel = MemoryContextStrdup(context, text_column(tuple, 1));
		rule->is_paid = DatumGetBool(SPI_getbinval(tuple, SPI_tuptable->tupdesc, 2, &isnull));
		rule->categories = categories_column(tuple, 3);
		rule->source = mhub_patterns_column(tuple, 4, context);
		rule->medium = mhub_patterns_column(tuple, 5, context);
		rule->campaign = mhub_patterns_column(tuple, 6, context);
	}
}

/* Host in the form that look-ups use; a path behind it stays as it is. */
static char *
normalised_entry(const char *entry)
{
	const char *slash = strchr(entry, '/');
	char	   *host = mhub_host_normalised(slash == NULL ? entry : pnstrdup(entry, slash - entry));

	return slash == NULL ? host : psprintf("%s%s", host, slash);
}

static void
load_hosts(MhubTrafficRules *rules)
{
	uint64		i;

	mhub_execute_latest(mhub_plan(&hosts_plan));
	for (i = 0; i < SPI_processed; i++)
	{
		HeapTuple	tuple = SPI_tuptable->vals[i];
		char	   *host = normalised_entry(text_column(tuple, 1));
		char	   *source = text_column(tuple, 3);
		char	   *terms = text_column(tuple, 4);
		MhubSourceFact fact;

		if (!mhub_category_by_name(text_column(tuple, 2), &fact.category))
			continue;
		fact.source = mhub_kept_lower(source != NULL ? source : host, context);
		fact.terms = MemoryContextStrdup(context, terms != NULL ? terms : "q");
		mhub_source_index_add(rules->sources, host, &fact);
		if (source != NULL)
			mhub_source_index_name(rules->sources, source, &fact);
	}
}

static void
load(void)
{
	uint64		seen = mhub_table_cache_begin(&cache);
	MhubTrafficRules *rules;

	current = NULL;
	if (context == NULL)
		context = AllocSetContextCreate(CacheMemoryContext, "mhub traffic rules", ALLOCSET_DEFAULT_SIZES);
	MemoryContextReset(context);
	rules = MemoryContextAllocZero(context, sizeof(MhubTrafficRules));
	rules->sources = mhub_source_index_create(context);
	if (SPI_connect() != SPI_OK_CONNECT)
		elog(ERROR, "could not connect to SPI");
	load_rules(rules);
	load_hosts(rules);
	SPI_finish();
	current = rules;
	generation++;
	mhub_table_cache_end(&cache, seen);
}

/* The rules of now.  They stay until the next call. */
const MhubTrafficRules *
mhub_traffic_rules(void)
{
	if (!cache.valid)
		load();
	return current;
}

/* Another number whenever the rules may have changed: for whoever keeps what follows from them. */
uint64
mhub_traffic_generation(void)
{
	(void) mhub_traffic_rules();
	return generation;
}

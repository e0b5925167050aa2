/*
 * invalid.c
 *	  The rules about visits that do not count, kept per backend; their SQL function.
 */
#include "mhub.h"

#include "catalog/pg_type.h"
#include "common/address.h"
#include "common/hashfn.h"
#include "common/spi_plan.h"
#include "common/table_cache.h"
#include "traffic/invalid_rule.h"
#include "traffic/pattern_column.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/memutils.h"

PG_FUNCTION_INFO_V1(mhub_invalid_reason);
PG_FUNCTION_INFO_V1(mhub_rejudged_reason);

/* source_host, because what is kept of referrers depends on it */
static MhubTableCache cache = {.tables = {"invalid_rule", "source_host"}};

static MhubPlan rules_plan = {
	"SELECT r.reason, r.robot, r.spam, r.user_agent, r.referrer_host, r.url, r.name, r.network::inet[], r.asn,"
	" r.properties, r.context"
	" FROM mhub.invalid_rule AS r WHERE r.enabled AND r.max_events IS NULL ORDER BY r.position", 0, {0}, NULL};

static MemoryContext context = NULL;
static MhubInvalidRule *rules = NULL;
static int	n_rules = 0;

/* A power of 2 */
#define KNOWN_TEXTS 512
#define KNOWN_TEXT_MAX 500

/* An address or host with what the rules say about it */
typedef struct Known
{
	char	   *text;			/* NULL: free */
	bool	   *holds;			/* of each rule */
} Known;

typedef void (*Tester) (const MhubInvalidRule *rules, int n, const char *text, bool *holds);

/* In context, so loading the rules anew forgets them; direct mapped. */
static Known *known_urls;
static Known *known_referrers;

static Datum
column(HeapTuple tuple, int number, bool *isnull)
{
	return SPI_getbinval(tuple, SPI_tuptable->tupdesc, number, isnull);
}

static void
networks_column(HeapTuple tuple, int number, MhubInvalidRule *rule)
{
	bool		isnull;
	Datum		value = column(tuple, number, &isnull);
	Datum	   *items;
	bool	   *nulls;
	int			i;

	rule->n_networks = -1;
	if (isnull)
		return;
	deconstruct_array(DatumGetArrayTypeP(value), INETOID, -1, false, TYPALIGN_INT, &items, &nulls, &rule->n_networks);
	rule->networks = MemoryContextAlloc(context, sizeof(inet *) * Max(rule->n_networks, 1));
	for (i = 0; i < rule->n_networks; i++)
	{
		inet	   *network = DatumGetInetP(items[i]);

		rule->networks[i] = MemoryContextAlloc(context, VARSIZE(network));
		memcpy(rule->networks[i], network, VARSIZE(network));
	}
}

static void
asns_column(HeapTuple tuple, int number, MhubInvalidRule *rule)
{
	bool		isnull;
	Datum		value = column(tuple, number, &isnull);
	Datum	   *items;
	bool	   *nulls;
	int			i;

	rule->n_asns = -1;
	if (isnull)
		return;
	deconstruct_array(DatumGetArrayTypeP(value), INT8OID, 8, FLOAT8PASSBYVAL, TYPALIGN_DOUBLE, &items, &nulls, &rule->n_asns);
	rule->asns = MemoryContextAlloc(context, sizeof(int64) * Max(rule->n_asns, 1));
	for (i = 0; i < rule->n_asns; i++)
		rule->asns[i] = DatumGetInt64(items[i]);
}

static Jsonb *
jsonb_column(HeapTuple tuple, int number)
{
	bool		isnull;
	Datum		value = column(tuple, number, &isnull);
	Jsonb	   *original;
	Jsonb	   *copy;

	if (isnull)
		return NULL;
	original = DatumGetJsonbP(value);
	copy = MemoryContextAlloc(context, VARSIZE(original));
	memcpy(copy, original, VARSIZE(original));
	return copy;
}

static void
read_rule(HeapTuple tuple, MhubInvalidRule *rule)
{
	bool		isnull;
	Datum		reason = column(tuple, 1, &isnull);

	rule->reason = isnull ? NULL : MemoryContextStrdup(context, TextDatumGetCString(reason));
	rule->robot = DatumGetBool(column(tuple, 2, &isnull));
	rule->spam = DatumGetBool(column(tuple, 3, &isnull));
	rule->user_agent = mhub_patterns_column(tuple, 4, context);
	rule->referrer_host = mhub_patterns_column(tuple, 5, context);
	rule->url = mhub_patterns_column(tuple, 6, context);
	rule->name = mhub_patterns_column(tuple, 7, context);
	networks_column(tuple, 8, rule);
	asns_column(tuple, 9, rule);
	rule->properties = jsonb_column(tuple, 10);
	rule->context = jsonb_column(tuple, 11);
}

static void
load(void)
{
	uint64		seen = mhub_table_cache_begin(&cache);
	uint64		i;

	n_rules = 0;
	if (context == NULL)
		context = AllocSetContextCreate(CacheMemoryContext, "mhub invalid rules", ALLOCSET_SMALL_SIZES);
	MemoryContextReset(context);
	if (SPI_connect() != SPI_OK_CONNECT)
		elog(ERROR, "could not connect to SPI");
	mhub_execute_latest(mhub_plan(&rules_plan));
	rules = MemoryContextAllocZero(context, sizeof(MhubInvalidRule) * Max(SPI_processed, 1));
	for (i = 0; i < SPI_processed; i++)
		read_rule(SPI_tuptable->vals[i], &rules[i]);
	n_rules = (int) SPI_processed;
	SPI_finish();
	known_urls = MemoryContextAllocZero(context, sizeof(Known) * KNOWN_TEXTS);
	known_referrers = MemoryContextAllocZero(context, sizeof(Known) * KNOWN_TEXTS);
	mhub_table_cache_end(&cache, seen);
}

static bool *
tested(Tester test, const char *text, MemoryContext memory)
{
	bool	   *holds = MemoryContextAlloc(memory, Max(n_rules, 1));

	test(rules, n_rules, text, holds);
	return holds;
}

/* What the rules say about a text, from memory where it came by lately. */
static const bool *
verdicts(Known *known, Tester test, const char *text)
{
	size_t		length = text == NULL ? 0 : strlen(text);

	if (length == 0 || length > KNOWN_TEXT_MAX)
		return tested(test, text, CurrentMemoryContext);
	known += hash_bytes((const unsigned char *) text, (int) length) & (KNOWN_TEXTS - 1);
	if (known->text != NULL && strcmp(known->text, text) == 0)
		return known->holds;
	if (known->text != NULL)
	{
		pfree(known->text);
		pfree(known->holds);
		known->text = NULL;
	}
	known->holds = tested(test, text, context);
	known->text = MemoryContextStrdup(context, text);
	return known->holds;
}

const char *
mhub_invalid_reason_of(const MhubVisit *visit)
{
	if (!cache.valid)
		load();
	return mhub_invalid_match(rules, n_rules, visit,
							  verdicts(known_urls, mhub_invalid_by_url, visit->url),
							  verdicts(known_referrers, mhub_invalid_by_referrer, visit->referrer_host));
}

static char *
text_argument(FunctionCallInfo fcinfo, int n)
{
	return PG_ARGISNULL(n) ? NULL : text_to_cstring(PG_GETARG_TEXT_PP(n));
}

/* The arguments from first on describe a visit. */
static Datum
judged(FunctionCallInfo fcinfo, int first, MhubVisit *visit)
{
	const char *reason;

	visit->user_agent = text_argument(fcinfo, first);
	visit->is_robot = visit->user_agent != NULL &&
		mhub_is_bot_user_agent(visit->user_agent, strlen(visit->user_agent));
	visit->ip = PG_ARGISNULL(first + 1) ? NULL : mhub_unmapped(PG_GETARG_INET_PP(first + 1));
	visit->referrer_host = text_argument(fcinfo, first + 2);
	visit->url = text_argument(fcinfo, first + 3);
	visit->name = text_argument(fcinfo, first + 4);
	visit->properties = PG_ARGISNULL(first + 5) ? NULL : PG_GETARG_JSONB_P(first + 5);
	visit->context = PG_ARGISNULL(first + 6) ? NULL : PG_GETARG_JSONB_P(first + 6);
	reason = mhub_invalid_reason_of(visit);
	if (reason == NULL)
		PG_RETURN_NULL();
	PG_RETURN_TEXT_P(cstring_to_text(reason));
}

Datum
mhub_invalid_reason(PG_FUNCTION_ARGS)
{
	MhubVisit	visit = {0};

	return judged(fcinfo, 0, &visit);
}

Datum
mhub_rejudged_reason(PG_FUNCTION_ARGS)
{
	MhubVisit	visit = {.again = true,.reason = text_argument(fcinfo, 0)};

	return judged(fcinfo, 1, &visit);
}

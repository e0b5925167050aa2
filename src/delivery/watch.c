/*
 * watch.c
 *	  Keeping an eye on the configured providers: which there are, and which of
 *	  them take messages now.
 */
#include "delivery/delivery.h"

#include "catalog/pg_type.h"
#include "common/subtransaction.h"
#include "utils/builtins.h"
#include "utils/timestamp.h"

static MhubPlan overview_plan = {
	"SELECT p.name, p.xmin::text, coalesce(s.breaker, 'closed') OPERATOR(pg_catalog.<>) 'closed', "
	"coalesce(s.failures, 0) OPERATOR(pg_catalog.>) 0 OR s.paused_until IS NOT NULL, "
	"coalesce(s.paused_until OPERATOR(pg_catalog.>) $1, false), "
	"p.rate_per_second IS NOT NULL OR p.rate_per_day IS NOT NULL, c.at_most_once, c.expires_after, "
	"c.cap_count IS NOT NULL OR EXISTS (SELECT FROM mhub.workflow_step AS w WHERE w.type OPERATOR(pg_catalog.=) 'message' "
	" AND w.settings OPERATOR(pg_catalog.?) 'cap' AND (w.settings OPERATOR(pg_catalog.->>) 'channel') OPERATOR(pg_catalog.=) c.channel) "
	"FROM mhub.provider AS p JOIN mhub.delivery_channel AS c ON c.channel OPERATOR(pg_catalog.=) p.channel "
	"LEFT JOIN mhub.provider_state AS s ON s.provider OPERATOR(pg_catalog.=) p.name "
	"WHERE p.active ORDER BY p.channel, p.priority, p.name",
1, {TIMESTAMPTZOID}, NULL};

static MhubPlan new_state_plan = {
	"INSERT INTO mhub.provider_state (provider) VALUES ($1) ON CONFLICT (provider) DO NOTHING",
1, {TEXTOID}, NULL};

static Provider *
known_provider(Run *run, const char *name)
{
	ListCell   *cell;

	foreach(cell, run->providers)
	{
		Provider   *provider = lfirst(cell);

		if (strcmp(provider->name, name) == 0)
			return provider;
	}
	return NULL;
}

typedef struct Loading
{
	Run		   *run;
	const char *name;
	Provider   *provider;
} Loading;

static void
load(void *argument)
{
	Loading    *loading = argument;
	Datum		name = CStringGetTextDatum(loading->name);

	loading->provider = provider_load(loading->name, loading->run->context);
	delivery_execute(&new_state_plan, &name, NULL, SPI_OK_INSERT, "note a provider's state");
}

/*
 * Reads a provider: one whose secrets cannot be opened, say, must not keep the
 * others from working.  NULL after a warning.
 */
static Provider *
try_load(Run *run, const char *name)
{
	Loading		loading = {run, name, NULL};
	ErrorData  *error = mhub_attempt(load, &loading, false);

	if (error == NULL)
		return loading.provider;
	ereport(WARNING,
			(errcode(error->sqlerrcode),
			 errmsg("provider \"%s\" is left out: %s", name, error->message),
			 error->hint ? errhint("%s", error->hint) : 0));
	return NULL;
}

/* What was claimed for the old form of a provider is taken over by the new one. */
static void
take_over(Provider *provider, Provider *old)
{
	provider->streak = old->streak;
	provider->slow_ms = old->slow_ms;
	provider->prefetch = old->prefetch;
	provider->next_claim_at = old->next_claim_at;
	while (!dlist_is_empty(&old->ready))
	{
		Message    *message = dlist_container(Message, node, dlist_pop_head_node(&old->ready));

		message->provider = provider;
		dlist_push_tail(&provider->ready, &message->node);
		provider->ready_count++;
	}
	old->ready_count = 0;
}

/* One row of the overview as a provider to work with; NULL when it cannot be. */
static Provider *
current_provider(Run *run, HeapTuple row, TupleDesc descriptor)
{
	char	   *name = SPI_getvalue(row, descriptor, 1);
	char	   *version = SPI_getvalue(row, descriptor, 2);
	Provider   *provider = known_provider(run, name);
	Provider   *old = provider;
	bool		isnull;

	if (old == NULL || strcmp(old->version, version) != 0)
		provider = try_load(run, name);
	if (provider == NULL)
		return NULL;
	if (old != NULL && old != provider)
		take_over(provider, old);
	provider->probing = DatumGetBool(SPI_getbinval(row, descriptor, 3, &isnull));
	provider->dirty = provider->probing || DatumGetBool(SPI_getbinval(row, descriptor, 4, &isnull));
	provider->usable = !DatumGetBool(SPI_getbinval(row, descriptor, 5, &isnull));
	provider->limited = DatumGetBool(SPI_getbinval(row, descriptor, 6, &isnull));
	provider->rules.at_most_once = DatumGetBool(SPI_getbinval(row, descriptor, 7, &isnull));
	provider->expires_after = *DatumGetIntervalP(SPI_getbinval(row, descriptor, 8, &isnull));
	provider->capped = DatumGetBool(SPI_getbinval(row, descriptor, 9, &isnull));
	provider->paused = !provider->usable;
	return provider;
}

/* The messages of providers that are no longer there go back to the queue. */
static void
release_ready(Run *run, Provider *provider)
{
	while (!dlist_is_empty(&provider->ready))
	{
		Message    *message = dlist_container(Message, node, dlist_pop_head_node(&provider->ready));

		provider->ready_count--;
		run->ready_count--;
		message->judgement.fate = FATE_RELEASED;
		delivery_done(run, message);
	}
}

/* Brings the run's list of providers up to date. */
void
look_at_providers(Run *run, TimestampTz now)
{
	Datum		argument = TimestampTzGetDatum(now);
	SPITupleTable *table;
	uint64		count;
	List	   *old = run->providers;
	List	   *current = NIL;
	ListCell   *cell;
	MemoryContext previous;

	delivery_execute(&overview_plan, &argument, NULL, SPI_OK_SELECT, "look at the providers");
	table = SPI_tuptable;
	count = SPI_processed;
	for (uint64 i = 0; i < count; i++)
	{
		Provider   *provider = current_provider(run, table->vals[i], table->tupdesc);

		previous = MemoryContextSwitchTo(run->context);
		if (provider != NULL)
			current = lappend(current, provider);
		MemoryContextSwitchTo(previous);
	}
	SPI_freetuptable(table);
	foreach(cell, old)
	{
		if (!list_member_ptr(current, lfirst(cell)))
			release_ready(run, lfirst(cell));
	}
	list_free(old);
	run->providers = current;
}

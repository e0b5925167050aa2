/*
 * claim.c
 *	  Taking due messages from the outbox, and what is needed to send them.
 */
#include "delivery/delivery.h"

#include "access/xact.h"
#include "catalog/pg_type.h"
#include "common/spi_plan.h"
#include "privacy/privacy.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/guc.h"
#include "utils/memutils.h"
#include "utils/resowner.h"
#include "utils/timestamp.h"

#define PREFETCH_MAX		1024
#define LOOK_AGAIN_US		(200 * INT64CONST(1000))
#define UNLIMITED			1000000
#define MARGIN_MS			2000

static MhubPlan overview_plan = {
	"SELECT p.name, p.xmin::text, coalesce(s.breaker, 'closed') OPERATOR(pg_catalog.<>) 'closed', "
	"coalesce(s.failures, 0) OPERATOR(pg_catalog.>) 0 OR s.paused_until IS NOT NULL, "
	"coalesce(s.paused_until OPERATOR(pg_catalog.>) $1, false), "
	"p.rate_per_second IS NOT NULL OR p.rate_per_day IS NOT NULL "
	"FROM mhub.provider AS p LEFT JOIN mhub.provider_state AS s ON s.provider OPERATOR(pg_catalog.=) p.name "
	"WHERE p.active ORDER BY p.channel, p.priority, p.name",
1, {TIMESTAMPTZOID}, NULL};

static MhubPlan new_state_plan = {
	"INSERT INTO mhub.provider_state (provider) VALUES ($1) ON CONFLICT (provider) DO NOTHING",
1, {TEXTOID}, NULL};

/* One deliverer tries an open breaker whose pause is over; the others leave it alone meanwhile. */
static MhubPlan probe_plan = {
	"UPDATE mhub.provider_state SET breaker = 'half_open', paused_until = $3 "
	"WHERE provider OPERATOR(pg_catalog.=) $1 AND breaker OPERATOR(pg_catalog.<>) 'closed' "
	"AND coalesce(paused_until OPERATOR(pg_catalog.<=) $2, true)",
3, {TEXTOID, TIMESTAMPTZOID, TIMESTAMPTZOID}, NULL};

/* How many messages a provider's rate allows now; keeps others out until we commit. */
static MhubPlan allowance_plan = {
	"SELECT least("
	" CASE WHEN p.rate_per_second IS NULL THEN 1000000 ELSE pg_catalog.floor(least("
	"  greatest(p.rate_per_second, 1), s.tokens OPERATOR(pg_catalog.+) p.rate_per_second "
	"   OPERATOR(pg_catalog.*) extract(epoch FROM $2 OPERATOR(pg_catalog.-) s.tokens_at)::double precision)) END, "
	" CASE WHEN p.rate_per_day IS NULL THEN 1000000 ELSE greatest(0, p.rate_per_day OPERATOR(pg_catalog.-) "
	"  CASE WHEN s.day OPERATOR(pg_catalog.=) mhub.hub_day($2) THEN s.day_count ELSE 0 END) END)::integer, "
	"coalesce(s.day OPERATOR(pg_catalog.=) mhub.hub_day($2) AND s.day_count OPERATOR(pg_catalog.>=) p.rate_per_day, false) "
	"FROM mhub.provider AS p JOIN mhub.provider_state AS s ON s.provider OPERATOR(pg_catalog.=) p.name "
	"WHERE p.name OPERATOR(pg_catalog.=) $1 FOR UPDATE OF s",
2, {TEXTOID, TIMESTAMPTZOID}, NULL};

static MhubPlan spend_plan = {
	"UPDATE mhub.provider_state AS s SET tokens_at = $2, day = mhub.hub_day($2), "
	"tokens = CASE WHEN p.rate_per_second IS NULL THEN 0 ELSE least("
	"  greatest(p.rate_per_second, 1), s.tokens OPERATOR(pg_catalog.+) p.rate_per_second "
	"   OPERATOR(pg_catalog.*) extract(epoch FROM $2 OPERATOR(pg_catalog.-) s.tokens_at)::double precision) "
	"   OPERATOR(pg_catalog.-) $3 END, "
	"day_count = $3 OPERATOR(pg_catalog.+) CASE WHEN s.day OPERATOR(pg_catalog.=) mhub.hub_day($2) THEN s.day_count ELSE 0 END "
	"FROM mhub.provider AS p WHERE p.name OPERATOR(pg_catalog.=) s.provider AND s.provider OPERATOR(pg_catalog.=) $1",
3, {TEXTOID, TIMESTAMPTZOID, INT4OID}, NULL};

/* Messages that were to go on through a provider which is out of order go through any. */
static MhubPlan rescue_plan = {
	"UPDATE mhub.message AS m SET next_provider = NULL "
	"FROM mhub.provider AS p LEFT JOIN mhub.provider_state AS s ON s.provider OPERATOR(pg_catalog.=) p.name "
	"WHERE (NOT p.active OR s.paused_until OPERATOR(pg_catalog.>) $1) AND m.channel OPERATOR(pg_catalog.=) p.channel "
	"AND coalesce(m.next_provider, m.provider, '') OPERATOR(pg_catalog.=) p.name AND m.pending "
	"AND m.provider IS NULL AND m.lease_until IS NULL",
1, {TIMESTAMPTZOID}, NULL};

static MhubPlan due_plan = {
	"SELECT 1 FROM mhub.message AS q WHERE q.channel OPERATOR(pg_catalog.=) $1 "
	"AND coalesce(q.next_provider, q.provider, '') OPERATOR(pg_catalog.=) $2 AND q.pending "
	"AND q.not_before OPERATOR(pg_catalog.<=) $3 AND coalesce(q.lease_until OPERATOR(pg_catalog.<=) $3, true) LIMIT 1",
3, {TEXTOID, TEXTOID, TIMESTAMPTZOID}, NULL};

/*
 * $1 channel, $2 lane, $3 now, $4 limit, $5 end of the lease.  Nothing that
 * is indexed changes here, so that the new row versions cost no index entries.
 * Of messages that must keep an order only the first that is pending is taken.
 * An expired lease means that a deliverer was lost in between.
 */
static MhubPlan claim_plan = {
	"WITH due AS ("
	" SELECT q.message_id, q.created_at, c.at_most_once, c.expires_after FROM mhub.message AS q "
	" JOIN mhub.delivery_channel AS c ON c.channel OPERATOR(pg_catalog.=) q.channel "
	" WHERE q.channel OPERATOR(pg_catalog.=) $1 AND coalesce(q.next_provider, q.provider, '') OPERATOR(pg_catalog.=) $2 "
	" AND q.pending AND q.not_before OPERATOR(pg_catalog.<=) $3 "
	" AND coalesce(q.lease_until OPERATOR(pg_catalog.<=) $3, true) "
	" AND (q.order_key IS NULL OR NOT EXISTS (SELECT FROM mhub.message AS b WHERE b.pending "
	"  AND b.order_key OPERATOR(pg_catalog.=) q.order_key AND b.message_id OPERATOR(pg_catalog.<) q.message_id)) "
	" ORDER BY q.not_before LIMIT $4 FOR UPDATE OF q SKIP LOCKED) "
	"UPDATE mhub.message AS m SET "
	"expires_at = coalesce(m.expires_at, m.not_before OPERATOR(pg_catalog.+) due.expires_after), "
	"state = CASE WHEN m.state OPERATOR(pg_catalog.=) 'sending' AND due.at_most_once THEN 'unknown' "
	" WHEN coalesce(m.expires_at, m.not_before OPERATOR(pg_catalog.+) due.expires_after) OPERATOR(pg_catalog.<=) $3 THEN 'dead' "
	" ELSE 'sending' END, "
	"pending = NOT (m.state OPERATOR(pg_catalog.=) 'sending' AND due.at_most_once "
	" OR coalesce(m.expires_at, m.not_before OPERATOR(pg_catalog.+) due.expires_after) OPERATOR(pg_catalog.<=) $3), "
	"reason = CASE WHEN m.state OPERATOR(pg_catalog.=) 'sending' AND due.at_most_once THEN 'deliverer_lost' "
	" WHEN coalesce(m.expires_at, m.not_before OPERATOR(pg_catalog.+) due.expires_after) OPERATOR(pg_catalog.<=) $3 THEN 'expired' "
	" ELSE m.reason END, "
	"lease_until = $5, attempts = m.attempts OPERATOR(pg_catalog.+) 1 "
	"FROM due WHERE m.message_id OPERATOR(pg_catalog.=) due.message_id AND m.created_at OPERATOR(pg_catalog.=) due.created_at "
	"RETURNING m.message_id, m.created_at, m.state OPERATOR(pg_catalog.=) 'sending', m.attempts, m.provider IS NOT NULL, "
	"m.person_id IS NOT NULL OR m.template IS NOT NULL, m.idempotency_key, m.recipient, m.data",
5, {TEXTOID, TEXTOID, TIMESTAMPTZOID, INT4OID, TIMESTAMPTZOID}, NULL};

static MhubPlan content_plan = {
	"SELECT c.place, c.state, c.reason, c.not_before, c.address, c.sealed, c.subject, c.text_body, c.html_body, "
	"c.code, c.parameters, c.unsubscribe_url, c.identifier_id FROM mhub.message_content($1, $2) AS c",
2, {INT8ARRAYOID, TIMESTAMPTZARRAYOID}, NULL};

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

/*
 * Reads a provider in a subtransaction: one whose secrets cannot be opened,
 * say, must not keep the others from working.  NULL after a warning.
 */
static Provider *
try_load(Run *run, const char *name)
{
	MemoryContext context = CurrentMemoryContext;
	ResourceOwner owner = CurrentResourceOwner;
	Provider   *volatile provider = NULL;

	BeginInternalSubTransaction(NULL);
	MemoryContextSwitchTo(context);
	PG_TRY();
	{
		Datum		argument = CStringGetTextDatum(name);

		provider = provider_load(name, run->context);
		delivery_execute(&new_state_plan, &argument, NULL, SPI_OK_INSERT, "note a provider's state");
		ReleaseCurrentSubTransaction();
	}
	PG_CATCH();
	{
		ErrorData  *error;

		MemoryContextSwitchTo(context);
		error = CopyErrorData();
		FlushErrorState();
		RollbackAndReleaseCurrentSubTransaction();
		if (error->sqlerrcode == ERRCODE_QUERY_CANCELED || error->sqlerrcode == ERRCODE_ADMIN_SHUTDOWN)
			ReThrowError(error);
		ereport(WARNING,
				(errcode(error->sqlerrcode),
				 errmsg("provider \"%s\" is left out: %s", name, error->message),
				 error->hint ? errhint("%s", error->hint) : 0));
		provider = NULL;
	}
	PG_END_TRY();
	MemoryContextSwitchTo(context);
	CurrentResourceOwner = owner;
	return provider;
}

/* What was claimed for the old form of a provider is taken over by the new one. */
static void
take_over(Provider *provider, Provider *old)
{
	provider->streak = old->streak;
	provider->prefetch = Min(old->prefetch, PREFETCH_MAX);
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

static void
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

static char *
copy_text(HeapTuple row, TupleDesc descriptor, int column)
{
	bool		isnull;
	Datum		value = SPI_getbinval(row, descriptor, column, &isnull);

	return isnull ? NULL : TextDatumGetCString(value);
}

static void *
copy_varlena(HeapTuple row, TupleDesc descriptor, int column)
{
	bool		isnull;
	Datum		value = SPI_getbinval(row, descriptor, column, &isnull);

	return isnull ? NULL : PG_DETOAST_DATUM_COPY(value);
}

/* Long enough for a request started in its first seconds to end before it. */
static int64
lease_ms(const Run *run, const Provider *provider)
{
	return Max(run->lease_s * INT64CONST(1000), provider->timeout_ms + 5 * MARGIN_MS);
}

static Message *
read_message(Run *run, Provider *provider, Batch *batch, HeapTuple row, TupleDesc descriptor)
{
	Message    *message = palloc0(sizeof(Message));
	bool		isnull;

	message->batch = batch;
	message->provider = provider;
	message->claimed_at = GetCurrentTimestamp();
	message->start_by = TimestampTzPlusMilliseconds(message->claimed_at,
													lease_ms(run, provider) - provider->timeout_ms - MARGIN_MS);
	message->message_id = DatumGetInt64(SPI_getbinval(row, descriptor, 1, &isnull));
	message->created_at = DatumGetTimestampTz(SPI_getbinval(row, descriptor, 2, &isnull));
	message->attempt = DatumGetInt32(SPI_getbinval(row, descriptor, 4, &isnull));
	message->pinned = DatumGetBool(SPI_getbinval(row, descriptor, 5, &isnull));
	message->needs_content = DatumGetBool(SPI_getbinval(row, descriptor, 6, &isnull));
	message->idempotency_key = copy_text(row, descriptor, 7);
	message->recipient = copy_text(row, descriptor, 8);
	message->data = copy_varlena(row, descriptor, 9);
	batch->count++;
	provider->ready_count++;
	run->ready_count++;
	dlist_push_tail(&provider->ready, &message->node);
	return message;
}

/* A message without person and template has its texts in its data. */
static char *
data_text(const Message *message, const char *name)
{
	JsonbValue	value;

	if (getKeyJsonValueFromContainer(&message->data->root, name, (int) strlen(name), &value) == NULL ||
		value.type != jbvString)
		return NULL;
	return pnstrdup(value.val.string.val, value.val.string.len);
}

static void
content_from_data(Message *message)
{
	message->subject = data_text(message, "subject");
	message->text = data_text(message, "text");
	message->html = data_text(message, "html");
}

static void
decide(Message *message, Fate fate, const char *reason)
{
	message->judgement.fate = fate;
	strlcpy(message->judgement.reason, reason, sizeof(message->judgement.reason));
}

/* The address: as the message has it, the plain identifier, or the sealed one. */
static void
read_address(Message *message, HeapTuple row, TupleDesc descriptor)
{
	bytea	   *sealed = copy_varlena(row, descriptor, 6);

	if (message->recipient == NULL && sealed != NULL)
		message->recipient = mhub_open(sealed, "identifier.sealed");
	else if (message->recipient == NULL)
		message->recipient = copy_text(row, descriptor, 5);
}

/* A state in the row means that the message must not go out, or not now. */
static void
read_content(Message *message, HeapTuple row, TupleDesc descriptor)
{
	char	   *state = copy_text(row, descriptor, 2);
	bool		isnull;

	if (state != NULL)
	{
		decide(message, strcmp(state, "deferred") == 0 ? FATE_DEFERRED :
			   strcmp(state, "suppressed") == 0 ? FATE_SUPPRESSED : FATE_FAILED, copy_text(row, descriptor, 3));
		message->not_before = DatumGetTimestampTz(SPI_getbinval(row, descriptor, 4, &isnull));
		return;
	}
	read_address(message, row, descriptor);
	message->identifier_id = DatumGetInt64(SPI_getbinval(row, descriptor, 13, &isnull));
	message->subject = copy_text(row, descriptor, 7);
	message->text = copy_text(row, descriptor, 8);
	message->html = copy_text(row, descriptor, 9);
	message->code = copy_text(row, descriptor, 10);
	message->parameters = copy_varlena(row, descriptor, 11);
	message->unsubscribe_url = copy_text(row, descriptor, 12);
}

static void
fetch_content(Message **messages, int count)
{
	Datum	   *ids = palloc(count * sizeof(Datum));
	Datum	   *times = palloc(count * sizeof(Datum));
	Datum		arguments[2];

	for (int i = 0; i < count; i++)
	{
		ids[i] = Int64GetDatum(messages[i]->message_id);
		times[i] = TimestampTzGetDatum(messages[i]->created_at);
	}
	arguments[0] = PointerGetDatum(construct_array(ids, count, INT8OID, 8, FLOAT8PASSBYVAL, TYPALIGN_DOUBLE));
	arguments[1] = PointerGetDatum(construct_array(times, count, TIMESTAMPTZOID, 8, FLOAT8PASSBYVAL, TYPALIGN_DOUBLE));
	delivery_execute(&content_plan, arguments, NULL, SPI_OK_SELECT, "fetch what messages say");
	for (uint64 i = 0; i < SPI_processed; i++)
	{
		HeapTuple	row = SPI_tuptable->vals[i];
		bool		isnull;
		int			place = (int) DatumGetInt64(SPI_getbinval(row, SPI_tuptable->tupdesc, 1, &isnull));
		MemoryContext previous = MemoryContextSwitchTo(messages[place - 1]->batch->context);

		read_content(messages[place - 1], row, SPI_tuptable->tupdesc);
		MemoryContextSwitchTo(previous);
	}
	SPI_freetuptable(SPI_tuptable);
}

/* Fetches in a subtransaction; false when that fails, with the error's message for a single message. */
static bool
try_fetch_content(Message **messages, int count)
{
	MemoryContext context = CurrentMemoryContext;
	ResourceOwner owner = CurrentResourceOwner;
	volatile bool fetched = false;

	BeginInternalSubTransaction(NULL);
	MemoryContextSwitchTo(context);
	PG_TRY();
	{
		fetch_content(messages, count);
		ReleaseCurrentSubTransaction();
		fetched = true;
	}
	PG_CATCH();
	{
		ErrorData  *error;

		MemoryContextSwitchTo(context);
		error = CopyErrorData();
		FlushErrorState();
		RollbackAndReleaseCurrentSubTransaction();
		if (error->sqlerrcode == ERRCODE_QUERY_CANCELED || error->sqlerrcode == ERRCODE_ADMIN_SHUTDOWN)
			ReThrowError(error);
		if (count == 1)
			decide(messages[0], FATE_FAILED, psprintf("content_error_%s", unpack_sql_state(error->sqlerrcode)));
		FreeErrorData(error);
	}
	PG_END_TRY();
	MemoryContextSwitchTo(context);
	CurrentResourceOwner = owner;
	return fetched;
}

/* All together; if one of them cannot be written out, each by itself, so that only that one fails. */
static void
prepare_content(Message **messages, int count)
{
	Message   **wanting = palloc(Max(count, 1) * sizeof(Message *));
	int			wanting_count = 0;

	for (int i = 0; i < count; i++)
	{
		if (messages[i]->needs_content)
			wanting[wanting_count++] = messages[i];
		else
		{
			MemoryContext previous = MemoryContextSwitchTo(messages[i]->batch->context);

			content_from_data(messages[i]);
			MemoryContextSwitchTo(previous);
		}
	}
	if (wanting_count == 0 || try_fetch_content(wanting, wanting_count))
		return;
	for (int i = 0; i < wanting_count; i++)
		try_fetch_content(&wanting[i], 1);
}

/*
 * The statement must walk the queue in its order and stop at the limit,
 * however long the queue is.  The planner knows too little about it (young
 * statistics, a coalesce) to be left the choice of sorting it all.
 */
static void
execute_in_order(Datum *arguments)
{
	static const char *const unwanted[] = {"enable_sort", "enable_seqscan", "enable_bitmapscan", "enable_hashjoin",
	"enable_mergejoin"};
	int			level = NewGUCNestLevel();

	for (size_t i = 0; i < lengthof(unwanted); i++)
		(void) set_config_option(unwanted[i], "off", PGC_USERSET, PGC_S_SESSION, GUC_ACTION_SAVE, true, 0, false);
	delivery_execute(&claim_plan, arguments, NULL, SPI_OK_UPDATE_RETURNING, "claim messages");
	AtEOXact_GUC(true, level);
}

/* Claims up to limit messages of one lane; returns how many rows it took. */
static int
claim_lane(Run *run, Provider *provider, const char *lane, int limit, TimestampTz now)
{
	Datum		arguments[5];
	Batch	   *batch;
	Message   **messages;
	int			taken;
	int			count = 0;
	MemoryContext previous;

	arguments[0] = CStringGetTextDatum(provider->channel);
	arguments[1] = CStringGetTextDatum(lane);
	arguments[2] = TimestampTzGetDatum(now);
	arguments[3] = Int32GetDatum(limit);
	arguments[4] = TimestampTzGetDatum(TimestampTzPlusMilliseconds(now, lease_ms(run, provider)));
	execute_in_order(arguments);
	taken = (int) SPI_processed;
	if (taken == 0)
	{
		SPI_freetuptable(SPI_tuptable);
		return 0;
	}

	batch = MemoryContextAllocZero(run->context, sizeof(Batch));
	batch->context = AllocSetContextCreate(run->context, "mhub delivery batch", ALLOCSET_DEFAULT_SIZES);
	batch->count = 1;			/* held by us until all are read */
	messages = palloc(taken * sizeof(Message *));
	previous = MemoryContextSwitchTo(batch->context);
	for (int i = 0; i < taken; i++)
	{
		bool		isnull;

		if (DatumGetBool(SPI_getbinval(SPI_tuptable->vals[i], SPI_tuptable->tupdesc, 3, &isnull)))
			messages[count++] = read_message(run, provider, batch, SPI_tuptable->vals[i], SPI_tuptable->tupdesc);
	}
	MemoryContextSwitchTo(previous);
	SPI_freetuptable(SPI_tuptable);
	prepare_content(messages, count);
	batch_release(batch);
	return taken;
}

static int
allowance(Run *run, Provider *provider, TimestampTz now)
{
	Datum		arguments[3] = {CStringGetTextDatum(provider->name), TimestampTzGetDatum(now), 0};
	bool		isnull;
	int			result = 0;

	if (!provider->usable)
		return 0;
	if (provider->probing)
	{
		if (provider->in_flight + provider->ready_count > 0)
			return 0;
		arguments[2] = TimestampTzGetDatum(TimestampTzPlusMilliseconds(now, provider->timeout_ms + 1000));
		delivery_execute(&probe_plan, arguments, NULL, SPI_OK_UPDATE, "probe a provider");
		return SPI_processed > 0 ? 1 : 0;
	}
	if (!provider->limited)
		return UNLIMITED;
	delivery_execute(&allowance_plan, arguments, NULL, SPI_OK_SELECT, "ask for a provider's allowance");
	if (SPI_processed > 0)
	{
		result = DatumGetInt32(SPI_getbinval(SPI_tuptable->vals[0], SPI_tuptable->tupdesc, 1, &isnull));
		/* Having had its day it is out of order, as it were; a second's rate is worth waiting for. */
		provider->usable = !DatumGetBool(SPI_getbinval(SPI_tuptable->vals[0], SPI_tuptable->tupdesc, 2, &isnull));
	}
	SPI_freetuptable(SPI_tuptable);
	if (result == 0 && provider->usable)
		run->short_of_rate = lappend(run->short_of_rate, provider);
	return result;
}

static void
spend(Provider *provider, int count, TimestampTz now)
{
	Datum		arguments[3] = {CStringGetTextDatum(provider->name), TimestampTzGetDatum(now), Int32GetDatum(count)};

	delivery_execute(&spend_plan, arguments, NULL, SPI_OK_UPDATE, "note what a provider was given");
}

static bool
is_due(Provider *provider, const char *lane, TimestampTz now)
{
	Datum		arguments[3] = {CStringGetTextDatum(provider->channel), CStringGetTextDatum(lane), TimestampTzGetDatum(now)};
	bool		found;

	delivery_execute(&due_plan, arguments, NULL, SPI_OK_SELECT, "look for due messages");
	found = SPI_processed > 0;
	SPI_freetuptable(SPI_tuptable);
	return found;
}

/* How many more messages to keep at hand: as many as it gets through in a moment. */
static int
wanted(Provider *provider, TimestampTz now)
{
	if (provider->paused || now < provider->next_claim_at)
		return 0;
	if (provider->ready_count > provider->concurrency)
	{
		Message    *oldest = dlist_container(Message, node, dlist_head_node(&provider->ready));

		if (GetCurrentTimestamp() - oldest->claimed_at > USECS_PER_SEC)
			provider->prefetch = Max(provider->prefetch / 2, provider->concurrency);
		return 0;
	}
	return provider->prefetch;
}

/* Claims for one provider: first what must go through it, then, if it is the channel's best, what may. */
static void
claim_for(Run *run, Provider *provider, bool best, TimestampTz now)
{
	int			want = wanted(provider, now);
	int			allowed;
	int			limit;
	int			taken;

	if (want == 0)
		return;
	allowed = allowance(run, provider, now);
	limit = Min(want, allowed);
	if (limit == 0)
	{
		provider->next_claim_at = now + LOOK_AGAIN_US / 2;
		return;
	}
	taken = claim_lane(run, provider, provider->name, limit, now);
	if (best && taken < limit)
		taken += claim_lane(run, provider, "", limit - taken, now);
	if (provider->limited && taken > 0)
		spend(provider, taken, now);
	if (taken < limit)
		provider->next_claim_at = now + LOOK_AGAIN_US;
	else if (limit == want)
		provider->prefetch = Min(provider->prefetch * 2, PREFETCH_MAX);
}

/* True when a rate, and nothing else, keeps due messages waiting. */
static bool
waits_for_rate(Run *run, TimestampTz now)
{
	ListCell   *cell;
	bool		waiting = false;

	foreach(cell, run->short_of_rate)
	{
		Provider   *provider = lfirst(cell);

		waiting = waiting || is_due(provider, provider->name, now) || is_due(provider, "", now);
	}
	run->short_of_rate = NIL;
	return waiting;
}

static void
rescue(TimestampTz now)
{
	Datum		argument = TimestampTzGetDatum(now);

	delivery_execute(&rescue_plan, &argument, NULL, SPI_OK_UPDATE, "rescue messages from a provider that is out of order");
}

/* Looks at the providers and claims what they can take; ask_all: also for those that had nothing just now. */
void
claim_messages(Run *run, TimestampTz now, bool ask_all)
{
	const char *served = NULL;	/* channel whose best provider was found */
	ListCell   *cell;

	look_at_providers(run, now);
	if (ask_all)
		rescue(now);
	foreach(cell, run->providers)
	{
		Provider   *provider = lfirst(cell);
		bool		best = served == NULL || strcmp(served, provider->channel) != 0;

		if (ask_all)
			provider->next_claim_at = 0;
		claim_for(run, provider, best, now);
		if (best && provider->usable && !provider->probing && !provider->paused)
			served = provider->channel;
	}
	run->waiting = waits_for_rate(run, now);
}

/* Drops one hold on a batch; with the last its memory goes. */
void
batch_release(Batch *batch)
{
	if (--batch->count > 0)
		return;
	MemoryContextDelete(batch->context);
	pfree(batch);
}

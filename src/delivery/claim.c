/*
 * claim.c
 *	  Taking due messages from the outbox, and what is needed to send them.
 */
#include "delivery/delivery.h"

#include "access/htup_details.h"
#include "catalog/pg_type.h"
#include "common/hashfn.h"
#include "common/spi_array.h"
#include "miscadmin.h"
#include "storage/lock.h"
#include "utils/builtins.h"
#include "utils/fmgrprotos.h"
#include "utils/guc.h"
#include "utils/memutils.h"
#include "utils/timestamp.h"

#define PREFETCH_MAX		1024
#define LOOK_AGAIN_US		(200 * INT64CONST(1000))
#define UNLIMITED			1000000
#define MARGIN_MS			2000
#define CLAIM_LOCK			0x6D686463	/* class of advisory locks */
#define LOCKED_WAIT_MS		1000	/* messages that somebody has locked are asked for again after this */

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
	"UPDATE mhub.message_queue AS q SET provider = NULL "
	"FROM mhub.provider AS p LEFT JOIN mhub.provider_state AS s ON s.provider OPERATOR(pg_catalog.=) p.name "
	"WHERE (NOT p.active OR s.paused_until OPERATOR(pg_catalog.>) $1) AND q.channel OPERATOR(pg_catalog.=) p.channel "
	"AND coalesce(q.provider, '') OPERATOR(pg_catalog.=) p.name AND q.lease_until IS NULL "
	"AND EXISTS (SELECT FROM mhub.message AS m WHERE m.message_id OPERATOR(pg_catalog.=) q.message_id "
	" AND m.created_at OPERATOR(pg_catalog.=) q.created_at AND m.provider IS NULL)",
1, {TIMESTAMPTZOID}, NULL};

static MhubPlan due_plan = {
	"SELECT 1 FROM mhub.message_queue AS q WHERE q.channel OPERATOR(pg_catalog.=) $1 "
	"AND coalesce(q.provider, '') OPERATOR(pg_catalog.=) $2 "
	"AND q.not_before OPERATOR(pg_catalog.<=) $3 AND coalesce(q.lease_until OPERATOR(pg_catalog.<=) $3, true) LIMIT 1",
3, {TEXTOID, TEXTOID, TIMESTAMPTZOID}, NULL};

/*
 * $1 channel, $2 provider asked for ('': any), $3 now, $4 limit, $5 end of the
 * lease.  Of messages that must keep an order only the first in the queue is
 * taken.  Nothing that is indexed changes.
 */
static MhubPlan lease_plan = {
	"WITH due AS MATERIALIZED ("
	" SELECT q.ctid AS place FROM mhub.message_queue AS q "
	" WHERE q.channel OPERATOR(pg_catalog.=) $1 AND coalesce(q.provider, '') OPERATOR(pg_catalog.=) $2 "
	" AND q.not_before OPERATOR(pg_catalog.<=) $3 AND coalesce(q.lease_until OPERATOR(pg_catalog.<=) $3, true) "
	" AND (q.order_key IS NULL OR NOT EXISTS (SELECT FROM mhub.message_queue AS b "
	"  WHERE b.order_key OPERATOR(pg_catalog.=) q.order_key AND b.message_id OPERATOR(pg_catalog.<) q.message_id)) "
	" ORDER BY q.not_before LIMIT $4 FOR UPDATE OF q SKIP LOCKED) "
	"UPDATE mhub.message_queue AS q SET lease_until = $5 FROM due WHERE q.ctid OPERATOR(pg_catalog.=) due.place "
	"RETURNING q.message_id, q.created_at",
5, {TEXTOID, TEXTOID, TIMESTAMPTZOID, INT4OID, TIMESTAMPTZOID}, NULL};

/*
 * $1, $2 the messages leased, $3 now, $4 at most once, $5 expires after, $6 now
 * less that.  A message that is being sent already was left behind by a
 * deliverer that was lost.  One that is not pending any more stays as it is.
 */
#define IS_LOST "m.state OPERATOR(pg_catalog.=) 'sending' AND $4"
#define IS_EXPIRED "coalesce(m.expires_at OPERATOR(pg_catalog.<=) $3, m.not_before OPERATOR(pg_catalog.<=) $6)"

static MhubPlan claim_plan = {
	"UPDATE mhub.message AS m SET expires_at = coalesce(m.expires_at, m.not_before OPERATOR(pg_catalog.+) $5), "
	"state = CASE WHEN NOT m.pending THEN m.state WHEN " IS_LOST " THEN 'unknown' "
	" WHEN " IS_EXPIRED " THEN 'dead' ELSE 'sending' END, "
	"reason = CASE WHEN NOT m.pending THEN m.reason WHEN " IS_LOST " THEN 'deliverer_lost' "
	" WHEN " IS_EXPIRED " THEN 'expired' ELSE m.reason END, "
	"pending = m.pending AND NOT (" IS_LOST ") AND NOT " IS_EXPIRED ", "
	"attempts = m.attempts OPERATOR(pg_catalog.+) m.pending::integer "
	"FROM ROWS FROM (pg_catalog.unnest($1), pg_catalog.unnest($2)) AS u(message_id, created_at) "
	"WHERE m.message_id OPERATOR(pg_catalog.=) u.message_id AND m.created_at OPERATOR(pg_catalog.=) u.created_at "
	"RETURNING m.message_id, m.created_at, m.pending, m.attempts, m.provider IS NOT NULL, "
	"m.person_id IS NOT NULL OR m.template IS NOT NULL OR m.recipient IS NOT NULL, m.idempotency_key, m.recipient, m.data, m.not_before",
6, {INT8ARRAYOID, TIMESTAMPTZARRAYOID, TIMESTAMPTZOID, BOOLOID, INTERVALOID, TIMESTAMPTZOID}, NULL};

/* Leased, but somebody has locked the messages: back, for a little later. */
static MhubPlan put_back_plan = {
	"UPDATE mhub.message_queue SET lease_until = NULL, not_before = $2 WHERE message_id OPERATOR(pg_catalog.=) ANY ($1)",
2, {INT8ARRAYOID, TIMESTAMPTZOID}, NULL};

/* Rows of the queue whose message was settled otherwise, or is gone. */
static MhubPlan drop_plan = {
	"DELETE FROM mhub.message_queue AS q USING ROWS FROM (pg_catalog.unnest($1), pg_catalog.unnest($2)) AS u(message_id, created_at) "
	"WHERE q.message_id OPERATOR(pg_catalog.=) u.message_id AND NOT EXISTS (SELECT FROM mhub.message AS m "
	" WHERE m.message_id OPERATOR(pg_catalog.=) u.message_id AND m.created_at OPERATOR(pg_catalog.=) u.created_at AND m.pending)",
2, {INT8ARRAYOID, TIMESTAMPTZARRAYOID}, NULL};

/* Long enough for a request started in its first seconds to end before it. */
static int64
lease_ms(const Run *run, const Provider *provider)
{
	return Max(run->lease_s * INT64CONST(1000), provider->timeout_ms + 5 * MARGIN_MS);
}

/* The message in a row of claim_plan; what it points to lives as long as the batch. */
static void
read_message(Run *run, Provider *provider, Batch *batch, HeapTuple row, TupleDesc descriptor)
{
	Message    *message = palloc0(sizeof(Message));
	Datum		values[10];
	bool		nulls[10];

	heap_deform_tuple(row, descriptor, values, nulls);
	message->batch = batch;
	message->provider = provider;
	message->claimed_at = run->claimed_at;
	message->start_by = TimestampTzPlusMilliseconds(message->claimed_at,
													lease_ms(run, provider) - provider->timeout_ms - MARGIN_MS);
	message->message_id = DatumGetInt64(values[0]);
	message->created_at = DatumGetTimestampTz(values[1]);
	message->attempt = DatumGetInt32(values[3]);
	message->pinned = DatumGetBool(values[4]);
	message->needs_content = DatumGetBool(values[5]);
	message->idempotency_key = TextDatumGetCString(values[6]);
	message->recipient = nulls[7] ? NULL : TextDatumGetCString(values[7]);
	message->data = DatumGetJsonbP(values[8]);
	message->not_before = DatumGetTimestampTz(values[9]);
	batch->count++;
	provider->ready_count++;
	run->ready_count++;
	dlist_push_tail(&provider->ready, &message->node);
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
	delivery_execute(&lease_plan, arguments, NULL, SPI_OK_UPDATE_RETURNING, "lease messages");
	AtEOXact_GUC(true, level);
}

/* Leases up to limit messages that are bound for a provider ('': any); their ids and times as two arrays. */
static int
lease(Run *run, Provider *provider, const char *lane, int limit, TimestampTz now, Datum *keys)
{
	static const Oid types[] = {INT8OID, TIMESTAMPTZOID};
	MhubColumns columns;
	Datum		arguments[5];
	int			count;

	arguments[0] = CStringGetTextDatum(provider->channel);
	arguments[1] = CStringGetTextDatum(lane);
	arguments[2] = TimestampTzGetDatum(now);
	arguments[3] = Int32GetDatum(limit);
	arguments[4] = TimestampTzGetDatum(TimestampTzPlusMilliseconds(now, lease_ms(run, provider)));
	execute_in_order(arguments);
	count = (int) SPI_processed;
	mhub_columns_init(&columns, lengthof(types), types);
	for (int i = 0; i < count; i++)
	{
		Datum		row[2];
		bool		nulls[2];

		heap_deform_tuple(SPI_tuptable->vals[i], SPI_tuptable->tupdesc, row, nulls);
		mhub_columns_add(&columns, row);
	}
	SPI_freetuptable(SPI_tuptable);
	if (count > 0)
		mhub_columns_arrays(&columns, keys);
	return count;
}

/* The messages of a lease, ready to be started; returns how many. */
static int
read_batch(Run *run, Provider *provider, SPITupleTable *rows, int count)
{
	Batch	   *batch = MemoryContextAllocZero(run->context, sizeof(Batch));
	MemoryContext previous;
	int			live;

	batch->context = AllocSetContextCreate(run->context, "mhub delivery batch", ALLOCSET_DEFAULT_SIZES);
	batch->rows = rows;
	batch->count = 1;			/* held by us until all are read */
	previous = MemoryContextSwitchTo(batch->context);
	for (int i = 0; i < count; i++)
	{
		bool		isnull;

		if (DatumGetBool(SPI_getbinval(rows->vals[i], rows->tupdesc, 3, &isnull)))
			read_message(run, provider, batch, rows->vals[i], rows->tupdesc);
	}
	MemoryContextSwitchTo(previous);
	live = batch->count - 1;
	prepare_content(provider, live);
	batch_release(batch);
	return live;
}

/* Claims the leased messages whose rows nobody else has locked, and puts the others back. */
static void
claim_unlocked(Datum *arguments, TimestampTz now)
{
	Datum		claim[6];
	Datum		put_back[2];

	memcpy(claim, arguments, sizeof(claim));
	lock_messages(arguments, claim, &put_back[0]);
	put_back[1] = TimestampTzGetDatum(TimestampTzPlusMilliseconds(now, LOCKED_WAIT_MS));
	delivery_execute_batch(&put_back_plan, put_back, SPI_OK_UPDATE);
	delivery_execute_batch(&claim_plan, claim, SPI_OK_UPDATE_RETURNING);
}

/* Claims up to limit messages of one lane; returns how many rows of the queue it took. */
static int
claim_lane(Run *run, Provider *provider, const char *lane, int limit, TimestampTz now)
{
	Datum		arguments[6];
	int			leased = lease(run, provider, lane, limit, now, arguments);

	if (leased == 0)
		return 0;
	arguments[2] = TimestampTzGetDatum(now);
	arguments[3] = BoolGetDatum(provider->rules.at_most_once);
	arguments[4] = IntervalPGetDatum(&provider->expires_after);
	arguments[5] = DirectFunctionCall2(timestamptz_mi_interval, arguments[2], arguments[4]);
	if (!delivery_try_batch(&claim_plan, arguments, SPI_OK_UPDATE_RETURNING))
		claim_unlocked(arguments, now);
	run->claimed_at = GetCurrentTimestamp();
	if (read_batch(run, provider, SPI_tuptable, (int) SPI_processed) < leased)
		delivery_execute_batch(&drop_plan, arguments, SPI_OK_DELETE);
	return leased;
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
wanted(const Run *run, Provider *provider, TimestampTz now)
{
	if (provider->paused || now < provider->next_claim_at || too_late_for(run, provider))
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

/*
 * Where frequency caps hold, one deliverer at a time claims for a channel: who
 * claims next sees what was claimed before.  Held to the end of the exchange.
 */
static bool
may_claim(Run *run, const Provider *provider)
{
	LOCKTAG		tag;

	if (!provider->capped)
		return true;
	SET_LOCKTAG_ADVISORY(tag, MyDatabaseId, CLAIM_LOCK,
						 hash_bytes((const unsigned char *) provider->channel, (int) strlen(provider->channel)), 2);
	if (LockAcquire(&tag, ExclusiveLock, false, true) != LOCKACQUIRE_NOT_AVAIL)
		return true;
	run->waiting = true;
	return false;
}

/* Claims for one provider: first what must go through it, then, if it is the channel's best, what may. */
static void
claim_for(Run *run, Provider *provider, bool best, TimestampTz now)
{
	int			want = wanted(run, provider, now);
	int			allowed;
	int			limit;
	int			taken;

	if (want == 0 || !may_claim(run, provider))
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

	delivery_execute_batch(&rescue_plan, &argument, SPI_OK_UPDATE);
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
	run->waiting |= waits_for_rate(run, now);
}

/* Drops one hold on a batch; with the last its memory goes. */
void
batch_release(Batch *batch)
{
	if (--batch->count > 0)
		return;
	SPI_freetuptable(batch->rows);
	MemoryContextDelete(batch->context);
	pfree(batch);
}

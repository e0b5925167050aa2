/*
 * record.c
 *	  Writing down what became of messages, and how their providers fare.
 */
#include "delivery/delivery.h"

#include "catalog/pg_type.h"
#include "common/pg_prng.h"
#include "common/spi_plan.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"
#include "utils/timestamp.h"

/* Joined by key only: any further condition ruins the plan once the statistics are stale. */
static MhubPlan record_plan = {
	"UPDATE mhub.message AS m SET "
	"state = CASE WHEN m.state OPERATOR(pg_catalog.=) 'delivered' THEN m.state ELSE r.state END, pending = r.pending, "
	"reason = r.reason, not_before = coalesce(r.not_before, m.not_before), "
	"lease_until = NULL, attempts = r.attempts, next_provider = r.next_provider, sent_by = r.sent_by, "
	"sent_at = r.sent_at, provider_message_id = coalesce(r.provider_message_id, m.provider_message_id), "
	"response_code = r.response_code, latency_ms = r.latency_ms, identifier_id = coalesce(r.identifier_id, m.identifier_id) "
	"FROM ROWS FROM (pg_catalog.unnest($1), pg_catalog.unnest($2), pg_catalog.unnest($3), pg_catalog.unnest($4), "
	"pg_catalog.unnest($5), pg_catalog.unnest($6), pg_catalog.unnest($7), pg_catalog.unnest($8), pg_catalog.unnest($9), "
	"pg_catalog.unnest($10), pg_catalog.unnest($11), pg_catalog.unnest($12), pg_catalog.unnest($13), pg_catalog.unnest($14)) "
	"AS r(message_id, created_at, state, pending, reason, not_before, attempts, next_provider, sent_by, sent_at, "
	"provider_message_id, response_code, latency_ms, identifier_id) "
	"WHERE m.message_id OPERATOR(pg_catalog.=) r.message_id AND m.created_at OPERATOR(pg_catalog.=) r.created_at",
14, {INT8ARRAYOID, TIMESTAMPTZARRAYOID, TEXTARRAYOID, BOOLARRAYOID, TEXTARRAYOID, TIMESTAMPTZARRAYOID,
INT4ARRAYOID, TEXTARRAYOID, TEXTARRAYOID, TIMESTAMPTZARRAYOID, TEXTARRAYOID, INT4ARRAYOID, INT4ARRAYOID, INT8ARRAYOID}, NULL};

static MhubPlan failure_plan = {
	"INSERT INTO mhub.delivery_failure (message_id, attempt, failed_at, provider, state, reason, response_code, "
	"latency_ms, answer) SELECT r.message_id, r.attempt, $1, r.provider, r.state, r.reason, r.response_code, "
	"r.latency_ms, r.answer FROM ROWS FROM (pg_catalog.unnest($2), pg_catalog.unnest($3), pg_catalog.unnest($4), "
	"pg_catalog.unnest($5), pg_catalog.unnest($6), pg_catalog.unnest($7), pg_catalog.unnest($8), pg_catalog.unnest($9)) "
	"AS r(message_id, attempt, provider, state, reason, response_code, latency_ms, answer)",
9, {TIMESTAMPTZOID, INT8ARRAYOID, INT4ARRAYOID, TEXTARRAYOID, TEXTARRAYOID, TEXTARRAYOID, INT4ARRAYOID,
INT4ARRAYOID, TEXTARRAYOID}, NULL};

/*
 * $1 provider, $2 any success, $3 failures in a row at the end, $4 failures
 * that open the breaker, $5 its pause in seconds, $6 pause the provider asks
 * for, $7 now.  The assignments all see the row as it was.
 */
static MhubPlan state_plan = {
	"UPDATE mhub.provider_state AS s SET failures = n.failures, "
	"breaker = CASE WHEN n.opens THEN 'open' WHEN n.closes THEN 'closed' ELSE s.breaker END, "
	"trips = CASE WHEN n.opens THEN s.trips OPERATOR(pg_catalog.+) 1 WHEN n.closes THEN 0 ELSE s.trips END, "
	"paused_until = CASE WHEN n.opens THEN $7 OPERATOR(pg_catalog.+) pg_catalog.make_interval(secs => "
	"  $5 OPERATOR(pg_catalog.*) pg_catalog.power(2, least(s.trips, 6))::double precision) "
	" WHEN $6 OPERATOR(pg_catalog.>) 0 THEN greatest(s.paused_until, $7 OPERATOR(pg_catalog.+) pg_catalog.make_interval(secs => $6)) "
	" WHEN n.closes THEN NULL ELSE s.paused_until END, "
	"pause_reason = CASE WHEN n.opens THEN 'breaker' WHEN $6 OPERATOR(pg_catalog.>) 0 THEN 'throttled' "
	" WHEN n.closes THEN NULL ELSE s.pause_reason END "
	"FROM (SELECT o.provider, o.failures, "
	"  o.breaker OPERATOR(pg_catalog.=) 'half_open' AND $3 OPERATOR(pg_catalog.>) 0 AND NOT $2 "
	"  OR o.breaker OPERATOR(pg_catalog.=) 'closed' AND o.failures OPERATOR(pg_catalog.>=) $4 AS opens, "
	"  $2 AND $3 OPERATOR(pg_catalog.<) $4 AND o.healthy AS closes "
	" FROM (SELECT b.provider, b.breaker, "
	"   CASE WHEN $2 THEN $3 ELSE b.failures OPERATOR(pg_catalog.+) $3 END AS failures, "
	"   b.breaker OPERATOR(pg_catalog.<>) 'closed' OR coalesce(b.paused_until OPERATOR(pg_catalog.<=) $7, true) AS healthy "
	"  FROM mhub.provider_state AS b WHERE b.provider OPERATOR(pg_catalog.=) $1 FOR UPDATE) AS o) AS n "
	"WHERE s.provider OPERATOR(pg_catalog.=) n.provider",
7, {TEXTOID, BOOLOID, INT4OID, INT4OID, FLOAT8OID, FLOAT8OID, TIMESTAMPTZOID}, NULL};

static MhubPlan gone_plan = {
	"UPDATE mhub.provider SET active = false WHERE name OPERATOR(pg_catalog.=) $1",
1, {TEXTOID}, NULL};

/* A column under construction. */
typedef struct Column
{
	Datum	   *values;
	bool	   *nulls;
	int			count;
} Column;

static Column
new_column(int capacity)
{
	Column		column = {palloc(capacity * sizeof(Datum)), palloc(capacity * sizeof(bool)), 0};

	return column;
}

static void
add(Column *column, Datum value, bool isnull)
{
	column->values[column->count] = value;
	column->nulls[column->count++] = isnull;
}

static void
add_text(Column *column, const char *text)
{
	add(column, text == NULL ? (Datum) 0 : CStringGetTextDatum(text), text == NULL);
}

static Datum
finish(Column *column, Oid type)
{
	int			lower = 1;
	int16		length;
	bool		by_value;
	char		align;

	get_typlenbyvalalign(type, &length, &by_value, &align);
	return PointerGetDatum(construct_md_array(column->values, column->nulls, 1, &column->count, &lower, type,
											  length, by_value, align));
}

static const char *
state_of(Fate fate)
{
	switch (fate)
	{
		case FATE_SENT:
			return "sent";
		case FATE_RETRY:
		case FATE_DEFERRED:
			return "deferred";
		case FATE_DEAD:
			return "dead";
		case FATE_UNKNOWN:
			return "unknown";
		case FATE_SUPPRESSED:
			return "suppressed";
		case FATE_RELEASED:
			return "queued";
		default:
			return "failed";
	}
}

static bool
is_pending(Fate fate)
{
	return fate == FATE_RETRY || fate == FATE_DEFERRED || fate == FATE_RELEASED;
}

/* An attempt took place, and it did not succeed. */
static bool
is_failure(const Message *message)
{
	Fate		fate = message->judgement.fate;

	return fate == FATE_RETRY || fate == FATE_FAILED || fate == FATE_DEAD || fate == FATE_UNKNOWN;
}

static bool
can_take_over(const Provider *provider, const Provider *failed)
{
	return strcmp(provider->channel, failed->channel) == 0 && strcmp(provider->name, failed->name) != 0 &&
		provider->usable && !provider->paused && !provider->probing;
}

/*
 * The provider of the channel that can take over: the next in order behind the
 * one that failed, else the first.  NULL: there is none.  *others says how
 * many could.
 */
static const Provider *
other_provider(const Run *run, const Provider *failed, int *others)
{
	const Provider *first = NULL;
	const Provider *following = NULL;
	bool		behind = false;
	ListCell   *cell;

	*others = 0;
	foreach(cell, run->providers)
	{
		const Provider *provider = lfirst(cell);

		if (strcmp(provider->name, failed->name) == 0)
			behind = true;
		if (!can_take_over(provider, failed))
			continue;
		(*others)++;
		if (first == NULL)
			first = provider;
		if (behind && following == NULL)
			following = provider;
	}
	return following != NULL ? following : first;
}

/* A failure that is the provider's moves the message on to another one, at first without delay. */
static void
fail_over(const Run *run, Message *message)
{
	Judgement  *judgement = &message->judgement;
	const Provider *other;
	int			others;

	if (judgement->fate != FATE_RETRY || message->pinned ||
		!(judgement->provider_fault || judgement->throttle_s > 0) ||
		(other = other_provider(run, message->provider, &others)) == NULL)
		return;
	message->next_provider = other->name;
	if (message->attempt <= others)
		judgement->wait_s = 0;
}

static bool
counts_as_attempt(const Message *message)
{
	return message->judgement.fate != FATE_DEFERRED && message->judgement.fate != FATE_RELEASED &&
		message->judgement.fate != FATE_SUPPRESSED;
}

static Datum
not_before(const Message *message, TimestampTz now, bool *isnull)
{
	*isnull = message->judgement.fate != FATE_RETRY && message->judgement.fate != FATE_DEFERRED;
	if (message->judgement.fate == FATE_DEFERRED)
		return TimestampTzGetDatum(message->not_before);
	return TimestampTzGetDatum(TimestampTzPlusMilliseconds(now, (int64) (message->judgement.wait_s * 1000)));
}

static void
record_messages(Run *run, TimestampTz now)
{
	static const Oid types[] = {INT8OID, TIMESTAMPTZOID, TEXTOID, BOOLOID, TEXTOID, TIMESTAMPTZOID, INT4OID, TEXTOID,
	TEXTOID, TIMESTAMPTZOID, TEXTOID, INT4OID, INT4OID, INT8OID};
	Column		columns[lengthof(types)];
	Datum		arguments[lengthof(types)];
	dlist_iter	iter;

	for (size_t i = 0; i < lengthof(types); i++)
		columns[i] = new_column(run->done_count);
	dlist_foreach(iter, &run->done)
	{
		Message    *message = dlist_container(Message, node, iter.cur);
		Judgement  *judgement = &message->judgement;
		bool		isnull;
		Datum		due = not_before(message, now, &isnull);
		bool		answered = message->started && message->request.status > 0;

		add(&columns[0], Int64GetDatum(message->message_id), false);
		add(&columns[1], TimestampTzGetDatum(message->created_at), false);
		add_text(&columns[2], state_of(judgement->fate));
		add(&columns[3], BoolGetDatum(is_pending(judgement->fate)), false);
		add_text(&columns[4], judgement->reason[0] ? judgement->reason : NULL);
		add(&columns[5], due, isnull);
		add(&columns[6], Int32GetDatum(message->attempt - (counts_as_attempt(message) ? 0 : 1)), false);
		add_text(&columns[7], message->next_provider);
		add_text(&columns[8], counts_as_attempt(message) ? message->provider->name : NULL);
		add(&columns[9], TimestampTzGetDatum(now), judgement->fate != FATE_SENT);
		add_text(&columns[10], message->provider_message_id);
		add(&columns[11], Int32GetDatum((int32) message->request.status), !answered);
		add(&columns[12], Int32GetDatum(message->request.latency_ms), !message->started);
		add(&columns[13], Int64GetDatum(message->identifier_id), message->identifier_id == 0);
	}
	for (size_t i = 0; i < lengthof(types); i++)
		arguments[i] = finish(&columns[i], types[i]);
	delivery_execute(&record_plan, arguments, NULL, SPI_OK_UPDATE, "record what became of messages");
}

static void
record_failures(Run *run, TimestampTz now)
{
	static const Oid types[] = {INT8OID, INT4OID, TEXTOID, TEXTOID, TEXTOID, INT4OID, INT4OID, TEXTOID};
	Column		columns[lengthof(types)];
	Datum		arguments[lengthof(types) + 1];
	dlist_iter	iter;

	for (size_t i = 0; i < lengthof(types); i++)
		columns[i] = new_column(run->done_count);
	dlist_foreach(iter, &run->done)
	{
		Message    *message = dlist_container(Message, node, iter.cur);

		if (!is_failure(message))
			continue;
		add(&columns[0], Int64GetDatum(message->message_id), false);
		add(&columns[1], Int32GetDatum(message->attempt), false);
		add_text(&columns[2], message->provider->name);
		add_text(&columns[3], state_of(message->judgement.fate));
		add_text(&columns[4], message->judgement.reason);
		add(&columns[5], Int32GetDatum((int32) message->request.status), message->request.status == 0);
		add(&columns[6], Int32GetDatum(message->request.latency_ms), !message->started);
		add_text(&columns[7], answer_excerpt(message));
	}
	if (columns[0].count == 0)
		return;
	arguments[0] = TimestampTzGetDatum(now);
	for (size_t i = 0; i < lengthof(types); i++)
		arguments[i + 1] = finish(&columns[i], types[i]);
	delivery_execute(&failure_plan, arguments, NULL, SPI_OK_INSERT, "record failures of messages");
}

/*
 * A healthy provider that stays so needs no update, so that deliverers do not
 * queue up for its row.  True when there was one.
 */
static bool
record_provider(Provider *provider, TimestampTz now)
{
	Datum		arguments[7];
	bool		touched = provider->gone;

	if (provider->gone)
	{
		arguments[0] = CStringGetTextDatum(provider->name);
		delivery_execute(&gone_plan, arguments, NULL, SPI_OK_UPDATE, "switch a provider off");
	}
	if (provider->new_failures > 0 || provider->throttle_s > 0 || (provider->succeeded && provider->dirty))
	{
		touched = true;
		arguments[0] = CStringGetTextDatum(provider->name);
		arguments[1] = BoolGetDatum(provider->succeeded);
		arguments[2] = Int32GetDatum(provider->new_failures);
		arguments[3] = Int32GetDatum(provider->breaker_failures);
		arguments[4] = Float8GetDatum(provider->breaker_pause_s);
		arguments[5] = Float8GetDatum(provider->throttle_s);
		arguments[6] = TimestampTzGetDatum(now);
		delivery_execute(&state_plan, arguments, NULL, SPI_OK_UPDATE, "record a provider's state");
	}
	provider->gone = false;
	provider->succeeded = false;
	provider->new_failures = 0;
	provider->throttle_s = 0;
	return touched;
}

/*
 * Records the messages that are done, and lets go of them.  True when rows of
 * mhub.provider_state are locked by it: the caller commits before it locks
 * further ones, since deliverers must lock them in one order.
 */
bool
record_done(Run *run, TimestampTz now)
{
	dlist_iter	iter;
	ListCell   *cell;

	bool		touched = false;

	if (run->done_count == 0)
		return false;
	dlist_foreach(iter, &run->done)
	{
		Message    *message = dlist_container(Message, node, iter.cur);

		if (message->started)
			answer_read(message, pg_prng_double(&pg_global_prng_state));
		fail_over(run, message);
	}
	record_messages(run, now);
	record_failures(run, now);
	foreach(cell, run->providers)
		touched |= record_provider(lfirst(cell), now);
	while (!dlist_is_empty(&run->done))
		batch_release(dlist_container(Message, node, dlist_pop_head_node(&run->done))->batch);
	run->done_count = 0;
	return touched;
}

/*
 * record.c
 *	  Writing down what became of messages, and how their providers fare.
 */
#include "delivery/delivery.h"

#include "catalog/pg_type.h"
#include "common/pg_prng.h"
#include "common/spi_array.h"
#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/queryenvironment.h"
#include "utils/timestamp.h"
#include "utils/tuplestore.h"

/*
 * outcome is a relation that exists while this runs: twelve arrays would cost
 * more than the update itself.  Joined by key only: any further condition
 * ruins the plan once the statistics are stale.  Who changed a message's state
 * meanwhile (an event, an erasure) has the last word.
 */
static MhubPlan record_plan = {
	"UPDATE mhub.message AS m SET "
	"state = CASE WHEN m.state OPERATOR(pg_catalog.=) 'sending' THEN r.state ELSE m.state END, "
	"reason = CASE WHEN m.state OPERATOR(pg_catalog.=) 'sending' THEN r.reason ELSE m.reason END, "
	"pending = m.pending AND r.not_before IS NOT NULL, not_before = coalesce(r.not_before, m.not_before), "
	"attempts = r.attempts, sent_by = r.sent_by, "
	"sent_at = r.sent_at, provider_message_id = coalesce(r.provider_message_id, m.provider_message_id), "
	"response_code = r.response_code, latency_ms = r.latency_ms, identifier_id = coalesce(r.identifier_id, m.identifier_id) "
	"FROM outcome AS r "
	"WHERE m.message_id OPERATOR(pg_catalog.=) r.message_id AND m.created_at OPERATOR(pg_catalog.=) r.created_at",
0, {0}, NULL};

static MhubPlan settle_plan = {
	"DELETE FROM mhub.message_queue WHERE message_id OPERATOR(pg_catalog.=) ANY ($1)",
1, {INT8ARRAYOID}, NULL};

/* A provider deleted meanwhile leaves the choice open. */
static MhubPlan requeue_plan = {
	"UPDATE mhub.message_queue AS q SET not_before = r.not_before, deferred = r.deferred, lease_until = NULL, "
	"provider = (SELECT p.name FROM mhub.provider AS p WHERE p.name OPERATOR(pg_catalog.=) r.provider) "
	"FROM ROWS FROM (pg_catalog.unnest($1), pg_catalog.unnest($2), pg_catalog.unnest($3), pg_catalog.unnest($4)) "
	"AS r(message_id, not_before, deferred, provider) "
	"WHERE q.message_id OPERATOR(pg_catalog.=) r.message_id",
4, {INT8ARRAYOID, TIMESTAMPTZARRAYOID, BOOLARRAYOID, TEXTARRAYOID}, NULL};

static MhubPlan failure_plan = {
	"INSERT INTO mhub.delivery_failure (message_id, attempt, failed_at, provider, state, reason, response_code, "
	"latency_ms, answer) SELECT r.* FROM ROWS FROM (pg_catalog.unnest($1), pg_catalog.unnest($2), pg_catalog.unnest($3), "
	"pg_catalog.unnest($4), pg_catalog.unnest($5), pg_catalog.unnest($6), pg_catalog.unnest($7), pg_catalog.unnest($8), "
	"pg_catalog.unnest($9)) AS r",
9, {INT8ARRAYOID, INT4ARRAYOID, TIMESTAMPTZARRAYOID, TEXTARRAYOID, TEXTARRAYOID, TEXTARRAYOID, INT4ARRAYOID,
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

/* A row under construction. */
typedef struct Row
{
	Datum		values[MHUB_MAX_COLUMNS];
	bool		nulls[MHUB_MAX_COLUMNS];
	int			count;
} Row;

static void
add(Row *row, Datum value, bool isnull)
{
	row->values[row->count] = value;
	row->nulls[row->count++] = isnull;
}

static void
add_text(Row *row, const char *text)
{
	add(row, text == NULL ? (Datum) 0 : CStringGetTextDatum(text), text == NULL);
}

static void
add_row(MhubColumns *columns, const Row *row)
{
	mhub_columns_add(columns, row->values);
	for (int i = 0; i < row->count; i++)
	{
		if (row->nulls[i])
			mhub_columns_null(columns, i);
	}
}

/* Runs a statement over the rows, where there are any. */
static void
execute_rows(MhubPlan *plan, const MhubColumns *columns, int expected)
{
	Datum		arguments[MHUB_MAX_COLUMNS];

	if (columns->n == 0)
		return;
	mhub_columns_arrays(columns, arguments);
	delivery_execute_batch(plan, arguments, expected);
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

/* When it is due again. */
static TimestampTz
due_again(const Message *message, TimestampTz now)
{
	if (message->judgement.fate == FATE_RETRY)
		return TimestampTzPlusMilliseconds(now, (int64) (message->judgement.wait_s * 1000));
	return message->not_before;
}

/* The columns of outcome. */
static TupleDesc
outcome_columns(void)
{
	static const struct
	{
		const char *name;
		Oid			type;
	}			columns[] = {{"message_id", INT8OID}, {"created_at", TIMESTAMPTZOID}, {"state", TEXTOID},
	{"reason", TEXTOID}, {"not_before", TIMESTAMPTZOID}, {"attempts", INT4OID}, {"sent_by", TEXTOID},
	{"sent_at", TIMESTAMPTZOID}, {"provider_message_id", TEXTOID}, {"response_code", INT4OID}, {"latency_ms", INT4OID},
	{"identifier_id", INT8OID}};
	TupleDesc	descriptor = CreateTemplateTupleDesc(lengthof(columns));

	for (size_t i = 0; i < lengthof(columns); i++)
		TupleDescInitEntry(descriptor, (AttrNumber) (i + 1), columns[i].name, columns[i].type, -1, 0);
	return descriptor;
}

static Row
outcome_row(const Message *message, TimestampTz now)
{
	const Judgement *judgement = &message->judgement;
	bool		answered = message->started && message->request.status > 0;
	Row			row = {.count = 0};

	add(&row, Int64GetDatum(message->message_id), false);
	add(&row, TimestampTzGetDatum(message->created_at), false);
	add_text(&row, state_of(judgement->fate));
	add_text(&row, judgement->reason[0] ? judgement->reason : NULL);
	add(&row, TimestampTzGetDatum(due_again(message, now)), !is_pending(judgement->fate));
	add(&row, Int32GetDatum(message->attempt - (counts_as_attempt(message) ? 0 : 1)), false);
	add_text(&row, counts_as_attempt(message) ? message->provider->name : NULL);
	add(&row, TimestampTzGetDatum(now), judgement->fate != FATE_SENT);
	add_text(&row, message->provider_message_id);
	add(&row, Int32GetDatum((int32) message->request.status), !answered);
	add(&row, Int32GetDatum(message->request.latency_ms), !message->started);
	add(&row, Int64GetDatum(message->identifier_id), message->identifier_id == 0);
	return row;
}

/* Writes down what is done; false, and nothing is, when somebody has locked a row and we need not wait for it. */
static bool
record_messages(Run *run, TimestampTz now, bool wait)
{
	EphemeralNamedRelationData outcome = {0};
	TupleDesc	descriptor = outcome_columns();
	Tuplestorestate *rows = tuplestore_begin_heap(false, false, work_mem);
	dlist_iter	iter;
	MemoryContext previous;
	bool		recorded = true;

	dlist_foreach(iter, &run->done)
	{
		Row			row = outcome_row(dlist_container(Message, node, iter.cur), now);

		tuplestore_putvalues(rows, descriptor, row.values, row.nulls);
	}
	outcome.md.name = pstrdup("outcome");
	outcome.md.tupdesc = descriptor;
	outcome.md.enrtype = ENR_NAMED_TUPLESTORE;
	outcome.md.enrtuples = run->done_count;
	outcome.reldata = rows;
	/* SPI remembers it in the current context, which must outlast this exchange. */
	previous = MemoryContextSwitchTo(run->context);
	if (SPI_register_relation(&outcome) != SPI_OK_REL_REGISTER)
		elog(ERROR, "could not register what became of messages");
	MemoryContextSwitchTo(previous);
	if (wait)
		delivery_execute_batch(&record_plan, NULL, SPI_OK_UPDATE);
	else
		recorded = delivery_try_batch(&record_plan, NULL, SPI_OK_UPDATE);
	SPI_unregister_relation(outcome.md.name);
	tuplestore_end(rows);
	return recorded;
}

/* Keeps a message, with what will be recorded of it, for the next exchange. */
static void
hold(Run *run, Message *message)
{
	TransferRequest *request = &message->request;

	if (message->started && request->answer != NULL)
	{
		char	   *answer = MemoryContextAlloc(message->batch->context, request->answer_length + 1);

		memcpy(answer, request->answer, request->answer_length + 1);
		request->answer = answer;
	}
	dlist_delete(&message->node);
	dlist_push_tail(&run->held, &message->node);
	run->done_count--;
}

/* Leaves out the messages whose rows somebody else has locked; the others' rows are ours then. */
static void
hold_locked(Run *run)
{
	static const Oid types[] = {INT8OID, TIMESTAMPTZOID};
	MhubColumns columns;
	Datum		keys[2];
	Datum		ours[2];
	Datum		busy;
	dlist_mutable_iter iter;

	mhub_columns_init(&columns, lengthof(types), types);
	dlist_foreach_modify(iter, &run->done)
	{
		Message    *message = dlist_container(Message, node, iter.cur);
		Datum		row[2] = {Int64GetDatum(message->message_id), TimestampTzGetDatum(message->created_at)};

		mhub_columns_add(&columns, row);
	}
	mhub_columns_arrays(&columns, keys);
	lock_messages(keys, ours, &busy);
	dlist_foreach_modify(iter, &run->done)
	{
		Message    *message = dlist_container(Message, node, iter.cur);

		if (is_busy(busy, message->message_id))
			hold(run, message);
	}
}

/* What was held has its turn with what is done next. */
static void
take_held(Run *run)
{
	while (!dlist_is_empty(&run->held))
		delivery_done(run, dlist_container(Message, node, dlist_pop_head_node(&run->held)));
}

/* Takes what is over out of the queue, and puts back what is not. */
static void
update_queue(Run *run, TimestampTz now)
{
	static const Oid types[] = {INT8OID, TIMESTAMPTZOID, BOOLOID, TEXTOID};
	MhubColumns over;
	MhubColumns again;
	dlist_iter	iter;

	mhub_columns_init(&over, 1, types);
	mhub_columns_init(&again, lengthof(types), types);
	dlist_foreach(iter, &run->done)
	{
		Message    *message = dlist_container(Message, node, iter.cur);
		Fate		fate = message->judgement.fate;
		Row			row = {.count = 0};

		add(&row, Int64GetDatum(message->message_id), false);
		if (!is_pending(fate))
		{
			add_row(&over, &row);
			continue;
		}
		add(&row, TimestampTzGetDatum(due_again(message, now)), false);
		add(&row, BoolGetDatum(fate != FATE_RELEASED), false);
		add_text(&row, message->pinned ? message->provider->name : message->next_provider);
		add_row(&again, &row);
	}
	execute_rows(&settle_plan, &over, SPI_OK_DELETE);
	execute_rows(&requeue_plan, &again, SPI_OK_UPDATE);
}

static void
record_failures(Run *run, TimestampTz now)
{
	static const Oid types[] = {INT8OID, INT4OID, TIMESTAMPTZOID, TEXTOID, TEXTOID, TEXTOID, INT4OID, INT4OID, TEXTOID};
	MhubColumns columns;
	dlist_iter	iter;

	mhub_columns_init(&columns, lengthof(types), types);
	dlist_foreach(iter, &run->done)
	{
		Message    *message = dlist_container(Message, node, iter.cur);
		Row			row = {.count = 0};

		if (!is_failure(message))
			continue;
		add(&row, Int64GetDatum(message->message_id), false);
		add(&row, Int32GetDatum(message->attempt), false);
		add(&row, TimestampTzGetDatum(now), false);
		add_text(&row, message->provider->name);
		add_text(&row, state_of(message->judgement.fate));
		add_text(&row, message->judgement.reason);
		add(&row, Int32GetDatum((int32) message->request.status), message->request.status == 0);
		add(&row, Int32GetDatum(message->request.latency_ms), !message->started);
		add_text(&row, answer_excerpt(message));
		add_row(&columns, &row);
	}
	execute_rows(&failure_plan, &columns, SPI_OK_INSERT);
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

static void
read_answer(Message *message)
{
	bool		decides = answer_decides(message);

	message->judged = true;
	answer_read(message, pg_prng_double(&pg_global_prng_state));
	if (decides)
		note_health(message->provider, &message->judgement);
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

		if (message->started && !message->judged)
			read_answer(message);
		fail_over(run, message);
	}
	if (!record_messages(run, now, run->stopping))
	{
		hold_locked(run);
		(void) record_messages(run, now, true);
	}
	update_queue(run, now);
	record_failures(run, now);
	foreach(cell, run->providers)
		touched |= record_provider(lfirst(cell), now);
	while (!dlist_is_empty(&run->done))
		batch_release(dlist_container(Message, node, dlist_pop_head_node(&run->done))->batch);
	run->done_count = 0;
	take_held(run);
	return touched;
}

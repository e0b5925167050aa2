/*
 * record.c
 *	  Records a batch of events.
 *
 * The order of the steps is also the order of their locks (message ids,
 * persons, counters), and within each step everybody locks in one order: two
 * batches that overlap wait for each other, but never in a circle.
 */
#include "collect/record.h"

#include "catalog/pg_type_d.h"
#include "collect/json_object.h"
#include "common/spi_plan.h"
#include "miscadmin.h"
#include "utils/builtins.h"
#include "workflow/clock.h"

int			mhub_batches_under_way = 0;

static MhubPlan known_user = {
	"SELECT FROM mhub.identifier AS i WHERE i.kind = 'user_id' AND i.value = $1",
	1, {TEXTOID}, NULL
};

static MhubPlan join_group = {
	"SELECT mhub.\"group\"($1, $2, $3, $4, $5)",
	5, {JSONBOID, TEXTOID, JSONBOID, TIMESTAMPTZOID, TEXTOID}, NULL
};

/* As mhub.alias() takes it: an earlier id without its kind is a user's when such a user is known, else anonymous. */
static void
add_earlier_id(MhubEventBatch *batch, MhubEvent *event)
{
	Datum		value = CStringGetTextDatum(event->alias_of);

	SPI_execute_plan(mhub_plan(&known_user), &value, NULL, false, 1);
	mhub_event_add_identifier(batch, event, SPI_processed > 0 ? "user_id" : "anonymous_id", event->alias_of);
}

static void
observe(MhubEventBatch *batch, MhubEvent *event, IdentityObservation *observation)
{
	memset(observation, 0, sizeof(*observation));
	if (event->alias_of != NULL)
	{
		add_earlier_id(batch, event);
		observation->first_survives = true;
		observation->cause = "alias";
	}
	observation->identifiers = event->identifiers;
	observation->nidentifiers = event->n_identifiers;
	observation->occurred_at = event->occurred_at;
	observation->source = batch->source;
	observation->traits = event->traits;
}

static bool
needs_identity(const MhubEvent *event)
{
	return event->status == MHUB_EVENT_PENDING && event->identifier_id == 0;
}

static void
take_identity(MhubEvent *event, const IdentityObservation *observation)
{
	event->identifier_id = observation->identifier_id;
	event->person_id = observation->person_id;
	event->is_first = observation->is_new;
	if (event->identifier_id == 0 && observation->unknown_kind != NULL)
		mhub_reject_event(event, "unknown_identifier_kind",
						  psprintf("no identifier is of a kind in mhub.identifier_kind, e.g. \"%.*s\"",
								   observation->unknown_kind_length, observation->unknown_kind));
	else if (event->identifier_id == 0)
		mhub_reject_event(event, "no_usable_identifier", "every identifier is empty or a blocked value");
}

/* Finds out who did it, for all events at once. */
static void
identify_events(MhubEventBatch *batch)
{
	IdentityObservation *observations = MemoryContextAllocHuge(batch->memory, batch->n_events * sizeof(IdentityObservation));
	int			n = 0;

	for (int i = 0; i < batch->n_events; i++)
	{
		if (needs_identity(batch->events[i]))
			observe(batch, batch->events[i], &observations[n++]);
	}
	if (n == 0)
		return;
	mhub_identity_resolve(observations, n);
	MemoryContextSwitchTo(batch->memory);
	n = 0;
	for (int i = 0; i < batch->n_events; i++)
	{
		if (needs_identity(batch->events[i]))
			take_identity(batch->events[i], &observations[n++]);
	}
}

/* The one identifier is enough: the others are linked with it by now. */
static Jsonb *
any_identifier(const MhubEvent *event)
{
	const IdentityName *name = &event->identifiers[0];

	return mhub_json_with_text(NULL, pnstrdup(name->kind, name->kind_length), pnstrdup(name->value, name->value_length));
}

/* Group messages are few, and each is a call of its own. */
static void
join_groups(MhubEventBatch *batch)
{
	for (int i = 0; i < batch->n_events; i++)
	{
		MhubEvent  *event = batch->events[i];
		Datum		values[5];
		char		nulls[] = "     ";

		if (event->status != MHUB_EVENT_ACCEPTED || event->group_id == NULL)
			continue;
		values[0] = JsonbPGetDatum(any_identifier(event));
		values[1] = CStringGetTextDatum(event->group_id);
		values[2] = JsonbPGetDatum(event->group_traits);
		nulls[2] = event->group_traits == NULL ? 'n' : ' ';
		values[3] = TimestampTzGetDatum(event->occurred_at);
		values[4] = CStringGetTextDatum(batch->source);
		SPI_execute_plan(mhub_plan(&join_group), values, nulls, false, 0);
		SPI_freetuptable(SPI_tuptable);
	}
}

static void
accept_pending(MhubEventBatch *batch)
{
	for (int i = 0; i < batch->n_events; i++)
	{
		if (batch->events[i]->status == MHUB_EVENT_PENDING)
			batch->events[i]->status = MHUB_EVENT_ACCEPTED;
	}
}

static void
prepare_events(MhubEventBatch *batch)
{
	batch->received_at = mhub_clock_now();
	for (int i = 0; i < batch->n_events; i++)
	{
		CHECK_FOR_INTERRUPTS();
		MemoryContextSwitchTo(batch->memory);
		mhub_prepare_event(batch, batch->events[i]);
	}
}

/*
 * After each SPI call CurrentMemoryContext is SPI's own, which SPI_finish()
 * frees: what outlives it, such as reasons of rejections, needs the batch's.
 */
static void
record_connected(MhubEventBatch *batch)
{
	static void (*const steps[]) (MhubEventBatch *) = {
		prepare_events, mhub_claim_messages, identify_events, mhub_forget_messages,
		accept_pending, join_groups, mhub_insert_events, mhub_count_events
	};

	SPI_connect();
	for (size_t i = 0; i < lengthof(steps); i++)
	{
		MemoryContextSwitchTo(batch->memory);
		steps[i] (batch);
	}
	SPI_finish();
}

void
mhub_event_batch_record(MhubEventBatch *batch)
{
	MemoryContext old = CurrentMemoryContext;

	if (batch->n_events == 0)
		return;
	mhub_batches_under_way++;
	PG_TRY();
	{
		record_connected(batch);
	}
	PG_FINALLY();
	{
		mhub_batches_under_way--;
	}
	PG_END_TRY();
	MemoryContextSwitchTo(old);
}

/*
 * deliver.c
 *	  CALL mhub.deliver_messages(): the loop between the outbox and the network.
 *
 * It alternates between two places.  In the exchange a short transaction
 * records what is done and claims what comes next, and commits.  Then the
 * network is driven, with no snapshot, no lock and no transaction id held,
 * until enough is done or a provider runs out of messages at hand.  Transfers
 * stay under way across exchanges, so a slow provider holds up nobody.
 *
 * When the call is cancelled, transfers get a moment to end, what happened is
 * recorded, the rest goes back to the queue, and then the cancellation takes
 * effect.
 */
#include "mhub.h"

#include "delivery/delivery.h"
#include "delivery/settings.h"

#include "access/xact.h"
#include "common/pg_prng.h"
#include "executor/spi.h"
#include "miscadmin.h"
#include "nodes/parsenodes.h"
#include "pgstat.h"
#include "storage/latch.h"
#include "storage/procsignal.h"
#include "utils/memutils.h"
#include "utils/portal.h"
#include "utils/timestamp.h"
#include "workflow/clock.h"

#define WAIT_SLICE_MS		50		/* longest time without looking at interrupts */
#define DRAIN_MS			80		/* what transfers get to end once we are cancelled */
#define RECORD_AT			1024		/* results that are worth a transaction */
#define RECORD_AFTER_US		(100 * INT64CONST(1000))
#define RATE_WAIT_MS		100
#define ANSWER_MAX			65536	/* bytes of an answer that are read */

PG_FUNCTION_INFO_V1(mhub_deliver_messages);

static bool
interrupted(void)
{
	return InterruptPending && (QueryCancelPending || ProcDiePending);
}

/* Takes a message that needs nothing more but to be recorded. */
void
delivery_done(Run *run, Message *message)
{
	if (run->done_count == 0)
		run->done_since = GetCurrentTimestamp();
	dlist_push_tail(&run->done, &message->node);
	run->done_count++;
}

/* What an attempt says about its provider. */
void
note_health(Provider *provider, const Judgement *judgement)
{
	if (judgement->provider_fault)
	{
		provider->new_failures++;
		provider->streak++;
	}
	else if (judgement->throttle_s == 0 && judgement->fate != FATE_RELEASED)
	{
		provider->succeeded = true;
		provider->new_failures = 0;
		provider->streak = 0;
	}
	provider->throttle_s = Max(provider->throttle_s, judgement->throttle_s);
	provider->gone = provider->gone || judgement->gone;
	if (provider->streak >= provider->breaker_failures || provider->throttle_s > 0 || provider->gone ||
		(provider->probing && judgement->provider_fault))
		provider->paused = true;
}

static void
finish(Run *run, Message *message)
{
	Provider   *provider = message->provider;

	provider->in_flight--;
	provider->slow_ms = Max(message->request.latency_ms, provider->slow_ms - provider->slow_ms / 8);
	judge_transfer(&message->request, provider->kind, &provider->rules, message->attempt,
				   pg_prng_double(&pg_global_prng_state), &message->judgement);
	if (!answer_decides(message))
		note_health(provider, &message->judgement);
	delivery_done(run, message);
}

/*
 * Whether what is sent to a provider now would probably keep us from ending in
 * time, and with us, until the next call, the messages of all others.
 */
bool
too_late_for(const Run *run, const Provider *provider)
{
	return provider->slow_ms > 0 &&
		TimestampTzPlusMilliseconds(GetCurrentTimestamp(), provider->slow_ms) > run->deadline;
}

static Message *
take_ready(Run *run, Provider *provider)
{
	provider->ready_count--;
	run->ready_count--;
	return dlist_container(Message, node, dlist_pop_head_node(&provider->ready));
}

/* Sends a message on its way, or decides at once what becomes of it. */
static void
start(Run *run, Message *message)
{
	Provider   *provider = message->provider;
	const char *reason;

	if (message->judgement.fate == FATE_DEFERRED && strcmp(message->judgement.reason, "cap") == 0)
		run->undecided++;
	else
		run->decided++;
	if (message->judgement.fate != FATE_NONE)
		delivery_done(run, message);
	else if (run->stopping || provider->paused || GetCurrentTimestamp() > message->start_by || too_late_for(run, provider))
	{
		message->judgement.fate = FATE_RELEASED;
		delivery_done(run, message);
	}
	else if (provider->kind == PROVIDER_LOG)
	{
		message->judgement.fate = FATE_SENT;
		delivery_done(run, message);
	}
	else if ((reason = request_build(message)) != NULL)
	{
		message->judgement.fate = FATE_FAILED;
		strlcpy(message->judgement.reason, reason, sizeof(message->judgement.reason));
		delivery_done(run, message);
	}
	else
	{
		message->started = true;
		transport_start(run->transport, &message->request);
		provider->in_flight++;
	}
}

/* Whether a provider's next message can be dealt with now. */
static bool
can_start(const Run *run, const Provider *provider)
{
	if (provider->ready_count == 0)
		return false;
	return run->stopping || provider->paused ||
		(transport_in_flight(run->transport) < run->slots &&
		 provider->in_flight < (provider->probing ? 1 : provider->concurrency));
}

/* Starts what there is room for, taking turns among the providers. */
static void
start_ready(Run *run)
{
	int			count = list_length(run->providers);
	int			idle = 0;

	while (count > 0 && idle < count)
	{
		Provider   *provider = list_nth(run->providers, run->turn++ % count);

		if (can_start(run, provider))
		{
			start(run, take_ready(run, provider));
			idle = 0;
		}
		else
			idle++;
	}
	run->turn %= Max(count, 1);
}

/* A provider with room to send runs out of messages at hand. */
static bool
is_hungry(const Run *run, TimestampTz now)
{
	ListCell   *cell;

	if (run->stopping)
		return false;
	foreach(cell, run->providers)
	{
		const Provider *provider = lfirst(cell);

		if (provider->usable && !provider->paused && !provider->probing && now >= provider->next_claim_at && !too_late_for(run, provider) &&
			provider->ready_count <= provider->concurrency / 2 && provider->in_flight <= provider->concurrency)
			return true;
	}
	return false;
}

static bool
should_exchange(const Run *run)
{
	TimestampTz now = GetCurrentTimestamp();

	if (run->done_count >= RECORD_AT || (run->done_count > 0 && now - run->done_since >= RECORD_AFTER_US))
		return true;
	return is_hungry(run, now);
}

static void
collect_done(Run *run)
{
	TransferRequest *request;
	MemoryContext previous = MemoryContextSwitchTo(run->scratch);

	/* Answers are in scratch memory, which the recording empties. */
	while ((request = transport_next_done(run->transport)) != NULL)
		finish(run, request->owner);
	MemoryContextSwitchTo(previous);
}

/* Drives the network until it is time to record, all is done, or we are interrupted. */
static void
transfer(Run *run)
{
	/* Nothing in here may leave by an interrupt: that would lose what is known about transfers. */
	HOLD_INTERRUPTS();
	start_ready(run);
	while (transport_in_flight(run->transport) > 0 && !interrupted())
	{
		transport_wait(run->transport, WAIT_SLICE_MS);
		collect_done(run);
		if (GetCurrentTimestamp() >= run->deadline)
			run->stopping = true;
		start_ready(run);
		if (should_exchange(run))
			break;
		if (ProcSignalBarrierPending)
			ProcessProcSignalBarrier();
	}
	RESUME_INTERRUPTS();
}

/*
 * One short transaction: records, and claims unless we are stopping.  Before
 * we end, every provider is asked, even those that had nothing a moment ago.
 */
static void
exchange(Run *run, bool ask_all)
{
	MemoryContext previous = MemoryContextSwitchTo(run->scratch);

	if (record_done(run, mhub_clock_now()))
	{
		SPI_commit();
		MemoryContextSwitchTo(run->scratch);
	}
	run->waiting = false;
	if (!run->stopping)
		claim_messages(run, mhub_clock_now(), ask_all);
	MemoryContextSwitchTo(previous);
	SPI_commit();
	MemoryContextReset(run->scratch);
}

/* Gives transfers a last moment, breaks off the others, and lets go of what was not started. */
static void
drain(Run *run)
{
	TimestampTz end = GetCurrentTimestamp() + DRAIN_MS * INT64CONST(1000);
	TransferRequest *request;

	run->stopping = true;
	HOLD_INTERRUPTS();
	while (transport_in_flight(run->transport) > 0 && GetCurrentTimestamp() < end)
	{
		transport_wait(run->transport, 10);
		collect_done(run);
	}
	while ((request = transport_cancel_one(run->transport)) != NULL)
		finish(run, request->owner);
	start_ready(run);
	RESUME_INTERRUPTS();
}

/*
 * Records before giving in to a cancellation.  The pending flags are put aside
 * meanwhile; should another signal come, it ends the recording too.
 */
static void
give_in(Run *run)
{
	bool		cancel = QueryCancelPending;
	bool		die = ProcDiePending;

	drain(run);
	cancel = cancel || QueryCancelPending;
	die = die || ProcDiePending;
	QueryCancelPending = false;
	ProcDiePending = false;
	exchange(run, false);
	QueryCancelPending = cancel;
	ProcDiePending = die;
	InterruptPending = true;
	CHECK_FOR_INTERRUPTS();
}

/* Waits until a provider's rate, or a cap, may allow more. */
static void
wait_a_moment(void)
{
	(void) WaitLatch(MyLatch, WL_LATCH_SET | WL_TIMEOUT | WL_EXIT_ON_PM_DEATH, RATE_WAIT_MS, PG_WAIT_EXTENSION);
	ResetLatch(MyLatch);
}

static bool
is_idle(const Run *run)
{
	return transport_in_flight(run->transport) == 0 && run->ready_count == 0 && run->done_count == 0;
}

static void
deliver(Run *run)
{
	for (;;)
	{
		bool		idle = is_idle(run);
		bool		stuck = run->undecided > 0 && run->decided == 0 && transport_in_flight(run->transport) == 0;

		run->decided = run->undecided = 0;
		exchange(run, idle);
		if (stuck)
			wait_a_moment();
		if (idle && is_idle(run))
		{
			if (!run->waiting)
				return;
			wait_a_moment();
		}
		transfer(run);
		if (interrupted())
			give_in(run);
		if (GetCurrentTimestamp() >= run->deadline)
			run->stopping = true;
	}
}

/* A transport under the settings of now, living as long as the context. */
Transport *
delivery_open_transport(MemoryContext context, int slots, int answer_max)
{
	AddressGuard guard;
	Transport  *transport;
	MemoryContext previous = MemoryContextSwitchTo(context);

	settings_address_guard(&guard);
	transport = transport_create(context, slots, answer_max, &guard, settings_ca_file());
	MemoryContextSwitchTo(previous);
	return transport;
}

/* When the call of a procedure (max_time) has to end.  Refuses to run where it could not commit. */
TimestampTz
delivery_deadline(FunctionCallInfo fcinfo, const char *procedure)
{
	Interval   *max_time = PG_ARGISNULL(0) ? NULL : PG_GETARG_INTERVAL_P(0);

	if (fcinfo->context == NULL || !IsA(fcinfo->context, CallContext) || castNode(CallContext, fcinfo->context)->atomic)
		ereport(ERROR,
				(errcode(ERRCODE_ACTIVE_SQL_TRANSACTION),
				 errmsg("%s cannot run inside a transaction block", procedure),
				 errdetail("It commits while it works, so that no transaction is open during network traffic."),
				 errhint("Send CALL %s; as a statement of its own.", procedure)));
	if (max_time == NULL || max_time->month != 0 || max_time->day != 0 || max_time->time <= 0)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("max_time must be a positive time of less than a day")));
	return GetCurrentTimestamp() + max_time->time;
}

Datum
mhub_deliver_messages(PG_FUNCTION_ARGS)
{
	Run			run = {0};

	run.deadline = delivery_deadline(fcinfo, "mhub.deliver_messages()");
	run.context = AllocSetContextCreate(PortalContext, "mhub delivery", ALLOCSET_DEFAULT_SIZES);
	run.scratch = AllocSetContextCreate(run.context, "mhub delivery exchange", ALLOCSET_DEFAULT_SIZES);
	run.slots = mhub_delivery_concurrency;
	run.lease_s = mhub_delivery_lease;
	dlist_init(&run.done);
	dlist_init(&run.held);
	run.transport = delivery_open_transport(run.context, run.slots, ANSWER_MAX);

	if (SPI_connect_ext(SPI_OPT_NONATOMIC) != SPI_OK_CONNECT)
		elog(ERROR, "could not connect to SPI");
	deliver(&run);
	SPI_finish();
	MemoryContextDelete(run.context);
	PG_RETURN_VOID();
}

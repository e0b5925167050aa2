/*
 * cost_fetch.c
 *	  CALL mhub.fetch_costs(): spend from the interfaces of advertising platforms.
 *
 * What to ask for and what to make of an answer is SQL's business
 * (mhub.next_cost_page, mhub.take_cost_page); here the page is fetched, between
 * two short transactions.
 */
#include "mhub.h"

#include "delivery/delivery.h"

#include "catalog/pg_type.h"
#include "common/spi_plan.h"
#include "mb/pg_wchar.h"
#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/memutils.h"
#include "utils/portal.h"
#include "utils/timestamp.h"

#define WAIT_SLICE_MS	50
#define ANSWER_MAX		(16 * 1024 * 1024)

PG_FUNCTION_INFO_V1(mhub_fetch_costs);

static MhubPlan next_plan = {
	"SELECT n.source, n.provider, n.data FROM mhub.next_cost_page() AS n WHERE n.source IS NOT NULL",
0, {0}, NULL};

static MhubPlan take_plan = {
	"SELECT mhub.take_cost_page($1, $2, $3)",
3, {TEXTOID, TEXTOID, TEXTOID}, NULL};

/* The page to fetch, as a message of its provider. */
typedef struct CostPage
{
	char	   *source;
	Batch		batch;
	Message		message;
} CostPage;

/* Asks for the next page, and commits.  False when there is none. */
static bool
next_page(CostPage *page, MemoryContext context)
{
	bool		found;
	bool		isnull;
	HeapTuple	row;
	TupleDesc	descriptor;
	MemoryContext previous;

	delivery_execute(&next_plan, NULL, NULL, SPI_OK_SELECT, "ask for the next page of costs");
	found = SPI_processed > 0;
	if (found)
	{
		memset(page, 0, sizeof(*page));
		row = SPI_tuptable->vals[0];
		descriptor = SPI_tuptable->tupdesc;
		previous = MemoryContextSwitchTo(context);
		page->source = TextDatumGetCString(SPI_getbinval(row, descriptor, 1, &isnull));
		page->batch.context = context;
		page->message.batch = &page->batch;
		page->message.attempt = 1;
		page->message.data = (Jsonb *) PG_DETOAST_DATUM_COPY(SPI_getbinval(row, descriptor, 3, &isnull));
		page->message.idempotency_key = psprintf("cost_" INT64_FORMAT, GetCurrentTimestamp());
		page->message.provider = provider_load(TextDatumGetCString(SPI_getbinval(row, descriptor, 2, &isnull)), context);
		MemoryContextSwitchTo(previous);
	}
	SPI_freetuptable(SPI_tuptable);
	SPI_commit();
	return found;
}

/* Fetches a page; returns what went wrong, or NULL. */
static const char *
fetch(Transport *transport, Message *message)
{
	TransferRequest *request = &message->request;
	const char *problem = request_build(message);

	if (problem != NULL)
		return problem;
	transport_start(transport, request);
	while (transport_next_done(transport) == NULL)
	{
		transport_wait(transport, WAIT_SLICE_MS);
		CHECK_FOR_INTERRUPTS();
	}
	if (request->result != TRANSFER_ANSWERED)
		return request->failure;
	if (request->answer_cut)
		return "answer is too long";
	if (request->status < 200 || request->status > 299)
		return psprintf("http_%ld", request->status);
	if (memchr(request->answer, 0, request->answer_length) != NULL ||
		!pg_verifymbstr(request->answer, request->answer_length, true))
		return "answer is not text in the database's encoding";
	return NULL;
}

static void
take_page(const CostPage *page, const char *problem)
{
	Datum		values[3] = {CStringGetTextDatum(page->source), 0, 0};
	char		nulls[4] = "   ";

	nulls[1] = problem == NULL ? ' ' : 'n';
	nulls[2] = problem == NULL ? 'n' : ' ';
	if (problem == NULL)
		values[1] = CStringGetTextDatum(page->message.request.answer);
	else
		values[2] = CStringGetTextDatum(problem);
	delivery_execute(&take_plan, values, nulls, SPI_OK_SELECT, "take a page of costs");
	SPI_commit();
}

Datum
mhub_fetch_costs(PG_FUNCTION_ARGS)
{
	TimestampTz deadline = delivery_deadline(fcinfo, "mhub.fetch_costs()");
	MemoryContext context = AllocSetContextCreate(PortalContext, "mhub costs", ALLOCSET_DEFAULT_SIZES);
	MemoryContext page_context = AllocSetContextCreate(context, "mhub costs page", ALLOCSET_DEFAULT_SIZES);
	Transport  *transport = delivery_open_transport(context, 1, ANSWER_MAX);
	CostPage	page;

	if (SPI_connect_ext(SPI_OPT_NONATOMIC) != SPI_OK_CONNECT)
		elog(ERROR, "could not connect to SPI");
	while (GetCurrentTimestamp() < deadline && next_page(&page, page_context))
	{
		MemoryContext previous = MemoryContextSwitchTo(page_context);
		const char *problem = fetch(transport, &page.message);

		take_page(&page, problem);
		MemoryContextSwitchTo(previous);
		MemoryContextReset(page_context);
	}
	SPI_finish();
	MemoryContextDelete(context);
	PG_RETURN_VOID();
}

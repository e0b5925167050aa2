/*
 * link_identifiers.c
 *	  CALL mhub.link_identifiers(query, source): pairs of identifiers in bulk.
 *
 * The pairs go through the same engine as mhub.identify(), in order, thousands
 * at a time, so the outcome is the same by construction.
 */
#include "mhub.h"

#include "identity/batch.h"

#include "access/xact.h"
#include "catalog/pg_type.h"
#include "common/memory_reuse.h"
#include "common/spi_plan.h"
#include "common/table_fill.h"
#include "executor/spi.h"
#include "identity/link_query.h"
#include "identity/tables.h"
#include "miscadmin.h"
#include "nodes/parsenodes.h"
#include "privacy/mask_text.h"
#include "utils/builtins.h"
#include "utils/memutils.h"
#include "utils/snapmgr.h"

PG_FUNCTION_INFO_V1(mhub_link_identifiers);

#define NOTICE_INTERVAL_MS 5000

/* From so many rows on, the first batch into an empty hub is written as a restore does. */
#define FILLING_ROWS 10000

/* What planning and writing a batch takes at most, as a multiple of what it takes when it has been read */
#define BATCH_GROWS 2

/* What one row takes in memory, roughly, when it has been read */
#define ROW_TAKES 400

/* More rows make no batch, whatever the memory: their identifiers are counted in ints. */
#define BATCH_MOST_ROWS 50000000

static MhubPlan start_job = {
	"INSERT INTO mhub.link_job AS j (source, query, query_md5) VALUES (coalesce($1, ''), $4, md5($2))"
	" ON CONFLICT (source, query_md5) DO UPDATE SET started_at = clock_timestamp(), updated_at = clock_timestamp(), finished_at = NULL,"
	"  rows_at_start = CASE WHEN $3 AND j.finished_at IS NULL THEN j.rows_done ELSE 0 END,"
	"  rows_done = CASE WHEN $3 AND j.finished_at IS NULL THEN j.rows_done ELSE 0 END"
	" RETURNING rows_done",
	4, {TEXTOID, TEXTOID, BOOLOID, TEXTOID}, NULL
};
static MhubPlan advance_job = {
	"UPDATE mhub.link_job SET rows_done = $3, updated_at = clock_timestamp(),"
	" finished_at = CASE WHEN $4 THEN clock_timestamp() END WHERE source = coalesce($1, '') AND query_md5 = md5($2)",
	4, {TEXTOID, TEXTOID, INT8OID, BOOLOID}, NULL
};

typedef struct LinkJob
{
	char	   *query;
	IdentityObservation about;	/* what all observations have in common */
	int			batch;			/* its rows, 0: what fits into maintenance_work_mem */
	bool		commits;
	LinkQuery	rows;
	int64		done;
	int64		done_before;	/* by a run that was interrupted */
	TimestampTz started;
	TimestampTz noticed;
} LinkJob;

static bool
is_full(const LinkJob *job, int n, MemoryContext context)
{
	if (job->batch > 0)
		return n == job->batch;
	return n >= BATCH_MOST_ROWS ||
		MemoryContextMemAllocated(context, true) * BATCH_GROWS >= (Size) maintenance_work_mem * 1024;
}

/* How many rows the next batch may have */
static int
expected_rows(const LinkJob *job)
{
	double		expected = Min(job->rows.expected, BATCH_MOST_ROWS);

	if (job->batch > 0)
		return (int) Min(expected, job->batch);
	return (int) Min(expected, (double) maintenance_work_mem * 1024 / (ROW_TAKES * BATCH_GROWS));
}

/* Takes the rows of one batch from the query; returns how many there are. */
static int
read_batch(LinkJob *job, Batch *batch, MemoryContext context)
{
	MemoryContext scratch = AllocSetContextCreate(context, "mhub link row", ALLOCSET_DEFAULT_SIZES);
	int			n = 0;

	do
	{
		CHECK_FOR_INTERRUPTS();
		n += link_query_read(&job->rows, batch, &job->about, job->batch > 0 ? job->batch - n : LINK_QUERY_ROWS, scratch);
	} while (!job->rows.finished && !is_full(job, n, context));
	return n;
}

/* There may be persons that nothing identifies. */
static void
begin_fill(Batch *batch)
{
	static MhubTable *const tables[] = {&identity_identifier_table, &identity_link_table};
	static MhubTable *const persons[] = {&identity_person_table};

	batch->fills = mhub_tables_begin_fill(tables, lengthof(tables));
	batch->fills_persons = batch->fills && mhub_tables_begin_fill(persons, lengthof(persons));
}

/* Filling builds one index after the other. */
static void
resolve_reusing_memory(Batch *batch)
{
	mhub_memory_begin_reuse();
	PG_TRY();
	{
		batch_resolve(batch);
	}
	PG_FINALLY();
	{
		mhub_memory_end_reuse();
	}
	PG_END_TRY();
}

/* Links the rows of one batch; returns how many there were. */
static int
link_rows(LinkJob *job)
{
	MemoryContext context = AllocSetContextCreate(CurrentMemoryContext, "mhub link rows", ALLOCSET_DEFAULT_SIZES);
	MemoryContext old = MemoryContextSwitchTo(context);
	Batch		batch;
	int			n;

	batch_init(&batch, Max(expected_rows(job), LINK_QUERY_ROWS));
	n = read_batch(job, &batch, context);
	/* The locks that it takes must go at the end of the batch. */
	if (job->commits && n >= FILLING_ROWS)
		begin_fill(&batch);
	/* Between commits there is no snapshot, and values that are stored out of line want one. */
	PushActiveSnapshot(GetTransactionSnapshot());
	if (batch.fills)
		resolve_reusing_memory(&batch);
	else
		batch_resolve(&batch);
	PopActiveSnapshot();
	MemoryContextSwitchTo(old);
	MemoryContextDelete(context);
	return n;
}

static char *
job_key(const LinkJob *job, Datum *args)
{
	static char nulls[5];

	memset(nulls, ' ', 4);
	args[0] = job->about.source == NULL ? (Datum) 0 : CStringGetTextDatum(job->about.source);
	nulls[0] = job->about.source == NULL ? 'n' : ' ';
	args[1] = CStringGetTextDatum(job->query);
	return nulls;
}

static void
begin_job(LinkJob *job)
{
	Datum		args[4];
	char	   *nulls = job_key(job, args);
	char	   *shown = pstrdup(job->query);
	bool		isnull;

	args[2] = BoolGetDatum(link_query_is_ordered(job->query));
	mhub_mask_literals(shown);
	args[3] = CStringGetTextDatum(shown);
	(void) mhub_execute_batch(&start_job, args, nulls, SPI_OK_INSERT_RETURNING);
	job->done = DatumGetInt64(SPI_getbinval(SPI_tuptable->vals[0], SPI_tuptable->tupdesc, 1, &isnull));
	job->done_before = job->done;
	job->started = job->noticed = GetCurrentTimestamp();
	SPI_freetuptable(SPI_tuptable);
}

static void
record_progress(LinkJob *job, bool finished)
{
	Datum		args[4];
	char	   *nulls = job_key(job, args);
	TimestampTz now = GetCurrentTimestamp();
	double		seconds = Max((now - job->started) / 1e6, 1e-6);

	args[2] = Int64GetDatum(job->done);
	args[3] = BoolGetDatum(finished);
	(void) mhub_execute_batch(&advance_job, args, nulls, SPI_OK_UPDATE);
	if (!finished && !TimestampDifferenceExceeds(job->noticed, now, NOTICE_INTERVAL_MS))
		return;
	job->noticed = now;
	ereport(NOTICE,
			(errmsg("link_identifiers: " INT64_FORMAT " rows, %.0f rows per second%s",
					job->done, (job->done - job->done_before) / seconds, finished ? ", finished" : "")));
}

/* One batch, in one transaction */
static void
run_batch(LinkJob *job)
{
	job->done += link_rows(job);
	record_progress(job, job->rows.finished);
	if (job->commits)
		SPI_commit();
}

Datum
mhub_link_identifiers(PG_FUNCTION_ARGS)
{
	LinkJob		job = {0};

	if (PG_ARGISNULL(0) || (!PG_ARGISNULL(2) && PG_GETARG_INT32(2) < 1))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("link_identifiers needs a query and a positive batch_size")));
	job.commits = fcinfo->context != NULL && IsA(fcinfo->context, CallContext) &&
		!castNode(CallContext, fcinfo->context)->atomic;
	job.query = link_query_trimmed(PG_GETARG_TEXT_PP(0));
	job.about.source = PG_ARGISNULL(1) ? NULL : text_to_cstring(PG_GETARG_TEXT_PP(1));
	job.batch = PG_ARGISNULL(2) ? 0 : PG_GETARG_INT32(2);

	SPI_connect_ext(job.commits ? SPI_OPT_NONATOMIC : 0);
	begin_job(&job);
	link_query_open(&job.rows, job.query, job.done, job.started);
	while (!job.rows.finished)
		run_batch(&job);
	link_query_close(&job.rows);
	SPI_finish();
	PG_RETURN_NULL();
}

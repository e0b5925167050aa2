/*
 * job_runner.c
 *	  mhub.run_jobs(): runs the hub's recurring procedures, in one session.
 *
 * A job is a procedure that commits, so it cannot run in a subtransaction.  To
 * survive its failure all the same, the runner calls it with no SPI level of
 * its own and, on an error, aborts the transaction and starts a new one, as
 * the main loop of a backend would.
 *
 * Jobs that wait for other machines may have a runner of their own, so that
 * nothing else waits with them.  While there is one, the others leave its jobs
 * alone; when it stays away, they do them too.
 */
#include "mhub.h"

#include "access/xact.h"
#include "catalog/pg_proc.h"
#include "catalog/pg_type.h"
#include "common/hashfn.h"
#include "common/spi_plan.h"
#include "executor/executor.h"
#include "miscadmin.h"
#include "nodes/parsenodes.h"
#include "pgstat.h"
#include "storage/latch.h"
#include "storage/lock.h"
#include "tcop/pquery.h"
#include "tcop/tcopprot.h"
#include "utils/builtins.h"
#include "utils/memutils.h"
#include "utils/portal.h"
#include "utils/snapmgr.h"
#include "utils/syscache.h"
#include "utils/timestamp.h"

PG_FUNCTION_INFO_V1(mhub_run_jobs);
PG_FUNCTION_INFO_V1(mhub_jobs_running);

/* Key of the advisory lock that makes a runner the only one of its kind in its database. */
#define RUNNER_LOCK INT64CONST(0x6D6875626A6F6273)

#define POLL_MS 1000

/*
 * No job runs for longer at a stretch while others wait: who has more to do
 * goes on when those that are due every second have had their turn.
 */
#define STRETCH USECS_PER_SEC
#define QUICK USECS_PER_SEC

/* Where nobody waits; short enough that the runner is not taken for gone. */
#define LONELY_STRETCH USECS_PER_MINUTE
#define RECORD_EVERY_MS 10000
#define RETRY_FIRST_S 10
#define RETRY_LAST_S 3600

typedef struct Job
{
	char	   *name;
	Oid			procedure;
	bool		takes_budget;
	bool		atomic;
	int64		every;			/* microseconds, as all times here */
	int64		max_time;
	TimestampTz next_run_at;
	TimestampTz started_at;		/* of the run, which may take several stretches */
	int64		spent;			/* in the run so far */
	int64		runs;			/* since last recorded */
	int64		busy;
	int			failures;
} Job;

typedef struct Runner
{
	text	   *name;			/* whose jobs it runs; NULL: all that no other one looks after */
	MemoryContext context;		/* lives as long as the call */
	MemoryContext jobs_context; /* the list, read anew from time to time */
	Job		   *jobs;
	int			njobs;
	TimestampTz deadline;
	TimestampTz recorded_at;
} Runner;

static MhubPlan load_jobs_plan = {
	.sql = "SELECT j.name, p.oid, p.pronargs > 0, p.proconfig IS NOT NULL OR p.prosecdef, "
	"  (extract(epoch FROM j.every) * 1000000)::bigint, (extract(epoch FROM j.max_time) * 1000000)::bigint, "
	"  j.next_run_at, j.failures "
	"FROM mhub.job AS j "
	"JOIN pg_catalog.pg_proc AS p ON p.proname = j.name AND p.prokind = 'p' "
	"  AND p.pronamespace = 'mhub'::pg_catalog.regnamespace "
	"WHERE CASE WHEN $1 IS NULL THEN coalesce(j.tended_at < pg_catalog.clock_timestamp() - interval '2 minutes', true) "
	"  ELSE j.runner = $1 END AND j.enabled AND pg_catalog.has_function_privilege(p.oid, 'EXECUTE') "
	"  AND (p.pronargs = p.pronargdefaults OR p.pronargs = 1) "
	"  AND (p.pronargs = 0 OR p.proargtypes[0] = 'interval'::pg_catalog.regtype) "
	"ORDER BY j.failures, j.every, j.name",
	.nargs = 1,
	.argtypes = {TEXTOID},
};

static MhubPlan tend_plan = {
	.sql = "UPDATE mhub.job SET tended_at = pg_catalog.clock_timestamp() WHERE runner = $1",
	.nargs = 1,
	.argtypes = {TEXTOID},
};

static MhubPlan record_success_plan = {
	.sql = "UPDATE mhub.job SET runs = runs + $2, busy = busy + $3 * interval '1 microsecond', "
	"  last_started_at = $4, last_finished_at = pg_catalog.clock_timestamp(), next_run_at = $5, failures = 0 "
	"WHERE name = $1",
	.nargs = 5,
	.argtypes = {TEXTOID, INT8OID, FLOAT8OID, TIMESTAMPTZOID, TIMESTAMPTZOID},
};

static MhubPlan record_failure_plan = {
	.sql = "UPDATE mhub.job SET failures = $2, last_error = $3, last_error_at = pg_catalog.clock_timestamp(), "
	"  last_started_at = $4, next_run_at = $5 WHERE name = $1",
	.nargs = 5,
	.argtypes = {TEXTOID, INT4OID, TEXTOID, TIMESTAMPTZOID, TIMESTAMPTZOID},
};

static LOCKTAG
runner_lock(text *name)
{
	uint32		kind = name == NULL ? 0 : hash_bytes((unsigned char *) VARDATA_ANY(name), VARSIZE_ANY_EXHDR(name));
	LOCKTAG		tag;

	SET_LOCKTAG_ADVISORY(tag, MyDatabaseId, (uint32) (RUNNER_LOCK >> 32), (uint32) RUNNER_LOCK ^ kind, 1);
	return tag;
}

static bool
lock_runner(text *name)
{
	LOCKTAG		tag = runner_lock(name);

	return LockAcquire(&tag, ExclusiveLock, true, true) != LOCKACQUIRE_NOT_AVAIL;
}

static void
unlock_runner(text *name)
{
	LOCKTAG		tag = runner_lock(name);

	LockRelease(&tag, ExclusiveLock, true);
}

/* A fresh transaction, whose now() is now. */
static void
next_transaction(void)
{
	SPI_connect_ext(SPI_OPT_NONATOMIC);
	SPI_commit();
	SPI_finish();
}

static Job
read_job(HeapTuple row, TupleDesc desc)
{
	Job			job = {0};
	bool		isnull;

	job.name = SPI_getvalue(row, desc, 1);
	job.procedure = DatumGetObjectId(SPI_getbinval(row, desc, 2, &isnull));
	job.takes_budget = DatumGetBool(SPI_getbinval(row, desc, 3, &isnull));
	job.atomic = DatumGetBool(SPI_getbinval(row, desc, 4, &isnull));
	job.every = DatumGetInt64(SPI_getbinval(row, desc, 5, &isnull));
	job.max_time = DatumGetInt64(SPI_getbinval(row, desc, 6, &isnull));
	job.next_run_at = DatumGetTimestampTz(SPI_getbinval(row, desc, 7, &isnull));
	job.failures = DatumGetInt32(SPI_getbinval(row, desc, 8, &isnull));
	return job;
}

/* A run that is under way goes on in the list that has been read anew. */
static void
go_on(Job *job, const Job *old, int nold)
{
	for (int i = 0; i < nold; i++)
	{
		if (strcmp(old[i].name, job->name) != 0)
			continue;
		job->started_at = old[i].started_at;
		job->spent = old[i].spent;
	}
}

static void
load_jobs(Runner *runner)
{
	MemoryContext caller = CurrentMemoryContext;
	MemoryContext old_context = runner->jobs_context;
	const Job  *old = runner->jobs;
	int			nold = runner->njobs;
	Datum		name = PointerGetDatum(runner->name);

	SPI_connect_ext(SPI_OPT_NONATOMIC);
	if (runner->name != NULL && SPI_execute_plan(mhub_plan(&tend_plan), &name, NULL, false, 0) != SPI_OK_UPDATE)
		elog(ERROR, "could not say whose jobs are looked after");
	if (SPI_execute_plan(mhub_plan(&load_jobs_plan), &name, runner->name == NULL ? "n" : " ", false, 0) != SPI_OK_SELECT)
		elog(ERROR, "could not read mhub.job");

	runner->jobs_context = AllocSetContextCreate(runner->context, "mhub jobs", ALLOCSET_DEFAULT_SIZES);
	MemoryContextSwitchTo(runner->jobs_context);
	runner->njobs = (int) SPI_processed;
	runner->jobs = palloc(sizeof(Job) * Max(runner->njobs, 1));
	for (int i = 0; i < runner->njobs; i++)
	{
		runner->jobs[i] = read_job(SPI_tuptable->vals[i], SPI_tuptable->tupdesc);
		runner->jobs[i].name = pstrdup(runner->jobs[i].name);
		go_on(&runner->jobs[i], old, nold);
	}
	MemoryContextSwitchTo(caller);
	MemoryContextDelete(old_context);
	SPI_commit();
	SPI_finish();
}

static void
record(MhubPlan *statement, Datum *values)
{
	SPI_connect_ext(SPI_OPT_NONATOMIC);
	if (SPI_execute_plan(mhub_plan(statement), values, NULL, false, 0) != SPI_OK_UPDATE)
		elog(ERROR, "could not record a job");
	SPI_commit();
	SPI_finish();
}

/*
 * A row version per job and second would be much ado about nothing, so runs
 * are summed up here and recorded every few seconds.
 */
static void
record_successes(Runner *runner)
{
	for (int i = 0; i < runner->njobs; i++)
	{
		Job		   *job = &runner->jobs[i];
		Datum		values[5];

		if (job->busy == 0)
			continue;
		values[0] = CStringGetTextDatum(job->name);
		values[1] = Int64GetDatum(job->runs);
		values[2] = Float8GetDatum((double) job->busy);
		values[3] = TimestampTzGetDatum(job->started_at);
		values[4] = TimestampTzGetDatum(job->next_run_at);
		record(&record_success_plan, values);
		job->runs = 0;
		job->busy = 0;
	}
	runner->recorded_at = GetCurrentTimestamp();
}

static void
record_failure(Job *job, ErrorData *error)
{
	int64		wait = RETRY_FIRST_S;
	Datum		values[5];

	job->failures++;
	for (int i = 1; i < job->failures && wait < RETRY_LAST_S; i++)
		wait *= 2;
	job->next_run_at = GetCurrentTimestamp() + Min(wait, RETRY_LAST_S) * USECS_PER_SEC;

	ereport(WARNING,
			(errcode(error->sqlerrcode),
			 errmsg("job %s failed: %s", job->name, error->message),
			 error->context ? errcontext("%s", error->context) : 0));
	values[0] = CStringGetTextDatum(job->name);
	values[1] = Int32GetDatum(job->failures);
	values[2] = CStringGetTextDatum(psprintf("%s: %s", unpack_sql_state(error->sqlerrcode), error->message));
	values[3] = TimestampTzGetDatum(job->started_at);
	values[4] = TimestampTzGetDatum(job->next_run_at);
	record(&record_failure_plan, values);
}

/* Gives the procedure's arguments their defaults; returns how many it has. */
static int
set_defaults(Oid procedure, NullableDatum *arguments)
{
	HeapTuple	tuple = SearchSysCache1(PROCOID, ObjectIdGetDatum(procedure));
	EState	   *estate = CreateExecutorState();
	List	   *defaults = NIL;
	int			nargs;
	bool		isnull;
	Datum		stored;

	if (!HeapTupleIsValid(tuple))
		elog(ERROR, "cache lookup failed for function %u", procedure);
	nargs = ((Form_pg_proc) GETSTRUCT(tuple))->pronargs;
	stored = SysCacheGetAttr(PROCOID, tuple, Anum_pg_proc_proargdefaults, &isnull);
	if (!isnull)
		defaults = castNode(List, stringToNode(TextDatumGetCString(stored)));
	for (int i = 0; i < list_length(defaults); i++)
	{
		NullableDatum *argument = &arguments[nargs - list_length(defaults) + i];

		argument->value = ExecEvalExprSwitchContext(ExecPrepareExpr(list_nth(defaults, i), estate),
													GetPerTupleExprContext(estate), &argument->isnull);
	}
	ReleaseSysCache(tuple);
	return nargs;
}

/* CALL, but as the executor does it, not through SPI: see the head of the file. */
static void
call_procedure(const Job *job, int64 budget)
{
	LOCAL_FCINFO(fcinfo, FUNC_MAX_ARGS);
	FmgrInfo	flinfo;
	CallContext *context = makeNode(CallContext);
	Interval	max_time = {.time = budget};

	context->atomic = job->atomic;
	EnsurePortalSnapshotExists();
	fmgr_info(job->procedure, &flinfo);
	InitFunctionCallInfoData(*fcinfo, &flinfo, set_defaults(job->procedure, fcinfo->args), InvalidOid, (Node *) context, NULL);
	if (job->takes_budget)
	{
		fcinfo->args[0].value = IntervalPGetDatum(&max_time);
		fcinfo->args[0].isnull = false;
	}
	FunctionCallInvoke(fcinfo);
}

/* What the main loop does after an error, but staying inside the running CALL. */
static void
recover_transaction(void)
{
	AbortCurrentTransaction();
	ActivePortal->portalSnapshot = NULL;	/* went with the transaction */
	StartTransactionCommand();
}

/* An error that concerns the session, not the job. */
static bool
ends_the_run(int sqlerrcode)
{
	return sqlerrcode == ERRCODE_QUERY_CANCELED || sqlerrcode == ERRCODE_ADMIN_SHUTDOWN ||
		sqlerrcode == ERRCODE_CRASH_SHUTDOWN || sqlerrcode == ERRCODE_OUT_OF_MEMORY;
}

/* A stretch is over; a job that used its budget up has more to do, as far as its max_time goes. */
static void
note_stretch(Job *job, int64 budget, int64 took)
{
	job->spent += took;
	job->busy += took;
	job->failures = 0;
	if (job->takes_budget && took >= budget && job->spent < job->max_time)
	{
		job->next_run_at = GetCurrentTimestamp();
		return;
	}
	job->spent = 0;
	job->runs++;
	job->next_run_at = GetCurrentTimestamp() + job->every;
}

/* A stretch is short, unless there is nobody who waits for its end. */
static int64
budget_of(const Runner *runner, const Job *job, TimestampTz began)
{
	if (runner->njobs == 1)
		return Min(Max(runner->deadline - began, STRETCH), LONELY_STRETCH);
	return Min(job->max_time - job->spent, STRETCH);
}

/* One stretch of a job. */
static void
run_job(Runner *runner, Job *job)
{
	MemoryContext call_context = AllocSetContextCreate(runner->context, "mhub job", ALLOCSET_DEFAULT_SIZES);
	ErrorData  *volatile failure = NULL;
	TimestampTz began = GetCurrentTimestamp();
	int64		budget = budget_of(runner, job, began);

	if (job->spent == 0)
		job->started_at = began;
	PG_TRY();
	{
		MemoryContextSwitchTo(call_context);
		call_procedure(job, budget);
		next_transaction();
	}
	PG_CATCH();
	{
		MemoryContextSwitchTo(runner->context);
		failure = CopyErrorData();
		if (ends_the_run(failure->sqlerrcode))
			PG_RE_THROW();
		FlushErrorState();
		recover_transaction();
	}
	PG_END_TRY();

	MemoryContextSwitchTo(runner->context);
	if (failure != NULL)
	{
		job->spent = 0;
		record_failure(job, failure);
		FreeErrorData(failure);
	}
	else
		note_stretch(job, budget, GetCurrentTimestamp() - began);
	MemoryContextDelete(call_context);
}

/* Sleeps until something is due, at most a second; answers cancel and shutdown. */
static void
sleep_until_due(const Runner *runner)
{
	TimestampTz now = GetCurrentTimestamp();
	TimestampTz next = Min(now + POLL_MS * INT64CONST(1000), runner->deadline);

	for (int i = 0; i < runner->njobs; i++)
		next = Min(next, runner->jobs[i].next_run_at);
	if (next > now)
		WaitLatch(MyLatch, WL_LATCH_SET | WL_TIMEOUT | WL_EXIT_ON_PM_DEATH,
				  TimestampDifferenceMilliseconds(now, next), PG_WAIT_EXTENSION);
	ResetLatch(MyLatch);
	CHECK_FOR_INTERRUPTS();
}

static bool
is_due(const Job *job)
{
	return job->next_run_at <= GetCurrentTimestamp();
}

/* Of the jobs that are not run every second, the one that has been due for longest. */
static Job *
longest_due(Runner *runner)
{
	Job		   *longest = NULL;

	for (int i = 0; i < runner->njobs; i++)
	{
		Job		   *job = &runner->jobs[i];

		if (job->every > QUICK && is_due(job) && (longest == NULL || job->next_run_at < longest->next_run_at))
			longest = job;
	}
	return longest;
}

static void
run_until_deadline(Runner *runner)
{
	Job		   *slow;

	load_jobs(runner);
	runner->recorded_at = GetCurrentTimestamp();
	while (GetCurrentTimestamp() < runner->deadline)
	{
		for (int i = 0; i < runner->njobs && GetCurrentTimestamp() < runner->deadline; i++)
			if (runner->jobs[i].every <= QUICK && is_due(&runner->jobs[i]))
				run_job(runner, &runner->jobs[i]);
		slow = longest_due(runner);
		if (slow != NULL && GetCurrentTimestamp() < runner->deadline)
			run_job(runner, slow);
		if (GetCurrentTimestamp() - runner->recorded_at > RECORD_EVERY_MS * INT64CONST(1000))
		{
			record_successes(runner);
			load_jobs(runner);
		}
		sleep_until_due(runner);
	}
	record_successes(runner);
}

static void
check_call(FunctionCallInfo fcinfo)
{
	if (RecoveryInProgress())
		ereport(ERROR,
				(errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
				 errmsg("jobs run on the primary only"),
				 errhint("This server is a standby.")));
	if (fcinfo->context == NULL || !IsA(fcinfo->context, CallContext) ||
		castNode(CallContext, fcinfo->context)->atomic || SPI_inside_nonatomic_context())
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_TRANSACTION_TERMINATION),
				 errmsg("mhub.run_jobs() must be called by itself"),
				 errdetail("Its jobs commit, so it cannot run in a transaction block or inside another procedure."),
				 errhint("Send CALL mhub.run_jobs(); as a statement of its own.")));
}

/* The second argument, in a context that lasts; NULL where it is. */
static text *
name_of_runner(FunctionCallInfo fcinfo, MemoryContext context)
{
	MemoryContext previous;
	text	   *name;

	if (PG_ARGISNULL(1))
		return NULL;
	previous = MemoryContextSwitchTo(context);
	name = PG_GETARG_TEXT_P_COPY(1);
	MemoryContextSwitchTo(previous);
	return name;
}

Datum
mhub_run_jobs(PG_FUNCTION_ARGS)
{
	Interval   *max_time = PG_ARGISNULL(0) ? NULL : PG_GETARG_INTERVAL_P(0);
	Runner		runner = {0};

	check_call(fcinfo);
	if (max_time == NULL || max_time->month != 0 || max_time->day != 0 || max_time->time <= 0)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("max_time must be a positive time of less than a day")));
	runner.context = AllocSetContextCreate(PortalContext, "mhub job runner", ALLOCSET_DEFAULT_SIZES);
	runner.name = name_of_runner(fcinfo, runner.context);
	if (!lock_runner(runner.name))
	{
		ereport(DEBUG1, (errmsg("another session is running the jobs")));
		PG_RETURN_NULL();
	}

	runner.jobs_context = AllocSetContextCreate(runner.context, "mhub jobs", ALLOCSET_DEFAULT_SIZES);
	runner.deadline = GetCurrentTimestamp() + max_time->time;
	MemoryContextSwitchTo(runner.context);
	PG_TRY();
	{
		run_until_deadline(&runner);
	}
	PG_FINALLY();
	{
		unlock_runner(runner.name);
	}
	PG_END_TRY();
	MemoryContextSwitchTo(PortalContext);
	MemoryContextDelete(runner.context);
	PG_RETURN_NULL();
}

Datum
mhub_jobs_running(PG_FUNCTION_ARGS)
{
	LOCKTAG		tag = runner_lock(PG_ARGISNULL(0) ? NULL : PG_GETARG_TEXT_PP(0));
	int			holders = 0;

	(void) GetLockConflicts(&tag, ExclusiveLock, &holders);
	PG_RETURN_BOOL(holders > 0);
}

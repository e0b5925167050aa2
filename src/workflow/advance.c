/*
 * advance.c
 *	  CALL mhub.advance_workflows(): moves everybody who is due.
 *
 * The work is cut into slices, ranges of pages of mhub.enrollment.  A caller
 * takes one slice per transaction (slice.c) under an advisory lock that the
 * others try and pass over, so any number of callers share the work without
 * waiting.  A crash anywhere leaves a slice moved with all its effects, or not
 * at all.
 */
#include "workflow/advance.h"

#include "mhub.h"

#include "catalog/pg_type.h"
#include "miscadmin.h"
#include "nodes/parsenodes.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/memutils.h"
#include "workflow/clock.h"
#include "workflow/version_cache.h"

PG_FUNCTION_INFO_V1(mhub_advance_workflows);
PG_FUNCTION_INFO_V1(mhub_slice_of);
PG_FUNCTION_INFO_V1(mhub_lock_engine);
PG_FUNCTION_INFO_V1(mhub_step_needs);
PG_FUNCTION_INFO_V1(mhub_messages_ahead);
PG_FUNCTION_INFO_V1(mhub_version_condition);

typedef struct Advance
{
	bool		atomic;			/* inside a transaction block: everything in one transaction */
	TimestampTz deadline;
	MemoryContext context;		/* reset for each slice */
	int64		moved;
} Advance;

static void
end_transaction(const Advance *advance)
{
	if (!advance->atomic)
		SPI_commit();
}

static MhubPlan due_plan = {
	.sql = "SELECT slice FROM mhub.enrollment_wake WHERE wake_at <= $1 GROUP BY slice",
	.nargs = 1,
	.argtypes = {TIMESTAMPTZOID},
};

/* Not read-only: inside a transaction block it must see what has just been taken in. */
static int32 *
due_slices(int *count)
{
	Datum		now = TimestampTzGetDatum(mhub_clock_now());
	int32	   *slices;
	bool		isnull;

	if (SPI_execute_plan(mhub_plan(&due_plan), &now, NULL, false, 0) != SPI_OK_SELECT)
		elog(ERROR, "could not read what is due");
	*count = (int) SPI_processed;
	slices = palloc(Max(*count, 1) * sizeof(int32));
	for (int i = 0; i < *count; i++)
		slices[i] = DatumGetInt32(SPI_getbinval(SPI_tuptable->vals[i], SPI_tuptable->tupdesc, 1, &isnull));
	SPI_freetuptable(SPI_tuptable);
	return slices;
}

/* All slices that are due now; callers begin at different places to stay out of each other's way. */
static int64
advance_due(Advance *advance)
{
	int			count;
	int32	   *slices = due_slices(&count);
	int64		moved = 0;

	for (int i = 0; i < count && GetCurrentTimestamp() < advance->deadline; i++)
	{
		MemoryContext caller = MemoryContextSwitchTo(advance->context);

		CHECK_FOR_INTERRUPTS();
		moved += wf_advance_slice(advance->context, slices[(i + MyProcPid) % count]);
		end_transaction(advance);
		MemoryContextSwitchTo(caller);
		MemoryContextReset(advance->context);
	}
	pfree(slices);
	return moved;
}

static MhubPlan intake_plan = {
	.sql = "SELECT mhub.workflow_intake()",
};

/* Events, schedules, merges: whatever makes people enter or wakes them. */
static int64
take_in(const Advance *advance)
{
	bool		isnull;
	int64		changed;

	wf_lock_engine(ShareLock);
	if (SPI_execute_plan(mhub_plan(&intake_plan), NULL, NULL, false, 0) != SPI_OK_SELECT || SPI_processed != 1)
		elog(ERROR, "could not take in events");
	changed = DatumGetInt64(SPI_getbinval(SPI_tuptable->vals[0], SPI_tuptable->tupdesc, 1, &isnull));
	SPI_freetuptable(SPI_tuptable);
	end_transaction(advance);
	return changed;
}

Datum
mhub_advance_workflows(PG_FUNCTION_ARGS)
{
	Interval   *max_time = PG_ARGISNULL(0) ? NULL : PG_GETARG_INTERVAL_P(0);
	Advance		advance = {0};
	int64		changed;

	if (max_time == NULL || max_time->month != 0 || max_time->day != 0 || max_time->time <= 0)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("max_time must be a positive time of less than a day")));
	advance.atomic = fcinfo->context == NULL || !IsA(fcinfo->context, CallContext) ||
		castNode(CallContext, fcinfo->context)->atomic;
	advance.deadline = GetCurrentTimestamp() + max_time->time;

	SPI_connect_ext(advance.atomic ? 0 : SPI_OPT_NONATOMIC);
	advance.context = AllocSetContextCreate(CurrentMemoryContext, "mhub advance", ALLOCSET_DEFAULT_SIZES);
	do
	{
		changed = take_in(&advance);
		changed += advance_due(&advance);
	} while (changed > 0 && GetCurrentTimestamp() < advance.deadline);
	SPI_finish();
	PG_RETURN_NULL();
}

Datum
mhub_slice_of(PG_FUNCTION_ARGS)
{
	PG_RETURN_INT32(wf_slice_of((ItemPointer) PG_GETARG_POINTER(0)));
}

/* Until the end of the transaction nobody moves. */
Datum
mhub_lock_engine(PG_FUNCTION_ARGS pg_attribute_unused())
{
	wf_lock_engine(ExclusiveLock);
	PG_RETURN_VOID();
}

static const WfVersion *
version_with_step(FunctionCallInfo fcinfo, int *step)
{
	const WfVersion *version = wf_version(PG_GETARG_INT32(0));

	*step = PG_GETARG_INT16(1);
	return *step >= 0 && *step < version->program->nsteps ? version : NULL;
}

/* Bits of what a wake-up at the step needs to know. */
Datum
mhub_step_needs(PG_FUNCTION_ARGS)
{
	int			step;
	const WfVersion *version = version_with_step(fcinfo, &step);

	PG_RETURN_INT32(version == NULL ? 0 : version->needs[step]);
}

/* What mhub.profile() must list single events for. */
Datum
mhub_version_condition(PG_FUNCTION_ARGS)
{
	const WfVersion *version = wf_version(PG_GETARG_INT32(0));

	if (version->item_condition == NULL)
		PG_RETURN_NULL();
	PG_RETURN_TEXT_P(version->item_condition);
}

/* The message steps that a wake-up at the step may come to. */
Datum
mhub_messages_ahead(PG_FUNCTION_ARGS)
{
	int			step;
	const WfVersion *version = version_with_step(fcinfo, &step);
	int			nsteps = version == NULL ? 0 : version->program->nsteps;
	bool	   *ahead = palloc0((nsteps + 1) * sizeof(bool));
	Datum	   *steps = palloc((nsteps + 1) * sizeof(Datum));
	int			n = 0;

	if (version != NULL)
		wf_messages_ahead(version->program, step, ahead);
	for (int i = 0; i < nsteps; i++)
		if (ahead[i])
			steps[n++] = Int16GetDatum((int16) i);
	PG_RETURN_ARRAYTYPE_P(construct_array(steps, n, INT2OID, sizeof(int16), true, TYPALIGN_SHORT));
}

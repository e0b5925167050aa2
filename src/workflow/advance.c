/*
 * advance.c
 *	  CALL mhub.advance_workflows(): moves everybody who is due.
 *
 * The work is cut into slices, ranges of pages of mhub.enrollment.  A caller
 * takes one slice per transaction under an advisory lock that the others try
 * and pass over, so any number of callers share the work without waiting.  One
 * statement fetches everybody due in the slice with the facts their step asks
 * for; its receiver runs the state machine to the next wait and writes the one
 * new row version (mover.c); history, counters and effects follow in the same
 * transaction.  A crash anywhere leaves a slice moved with all its effects, or
 * not at all.
 */
#include "workflow/advance.h"

#include "mhub.h"

#include "catalog/pg_type.h"
#include "miscadmin.h"
#include "nodes/params.h"
#include "nodes/parsenodes.h"
#include "storage/lmgr.h"
#include "storage/lock.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/guc.h"
#include "utils/memutils.h"
#include "workflow/clock.h"
#include "workflow/version_cache.h"

PG_FUNCTION_INFO_V1(mhub_advance_workflows);
PG_FUNCTION_INFO_V1(mhub_slice_of);
PG_FUNCTION_INFO_V1(mhub_lock_engine);
PG_FUNCTION_INFO_V1(mhub_step_needs);
PG_FUNCTION_INFO_V1(mhub_messages_ahead);
PG_FUNCTION_INFO_V1(mhub_version_condition);

/* Classes of advisory locks, as pg_locks shows them: of a slice, and of the engine as a whole. */
#define SLICE_LOCK 0x6D687773
#define ENGINE_LOCK 0x6D687765

/* One statement for each combination of WF_NEEDS_ bits. */
#define SHAPES 8

typedef struct Advance
{
	bool		atomic;			/* inside a transaction block: everything in one transaction */
	TimestampTz deadline;
	MemoryContext context;		/* reset for each slice */
	int64		moved;
} Advance;

static void
set_lock(LOCKTAG *tag, uint32 class, uint32 number)
{
	SET_LOCKTAG_ADVISORY(*tag, MyDatabaseId, class, number, 2);
}

static bool
try_lock_slice(int32 slice)
{
	LOCKTAG		tag;

	set_lock(&tag, SLICE_LOCK, (uint32) slice);
	return LockAcquire(&tag, ExclusiveLock, false, true) != LOCKACQUIRE_NOT_AVAIL;
}

/* Shared by those who move people; exclusive for those who change what moving means. */
static void
lock_engine(LOCKMODE mode)
{
	LOCKTAG		tag;

	set_lock(&tag, ENGINE_LOCK, 0);
	(void) LockAcquire(&tag, mode, false, false);
}

static void
end_transaction(const Advance *advance)
{
	if (!advance->atomic)
		SPI_commit();
}

/* The statement that fetches who is due, with what the runnable versions need to know. */
static char *
due_sql(int shape)
{
	StringInfoData sql;

	initStringInfo(&sql);
	appendStringInfoString(&sql, "SELECT d.ctid, ");
	appendStringInfoString(&sql, (shape & WF_NEEDS_PROFILE) ? "coalesce(f.profile, p.traits), " :
						   (shape & WF_NEEDS_TRAITS) ? "p.traits, " : "NULL::jsonb, ");
	appendStringInfoString(&sql, (shape & WF_NEEDS_CONTACT) ?
						   "CASE WHEN mhub.step_needs(d.version_id, d.step) & 4 <> 0 "
						   "THEN mhub.message_refusals(d.version_id, d.step, d.person_id, $3) END, " : "NULL::integer[], ");
	appendStringInfoString(&sql, "d.* FROM mhub.enrollment AS d");
	/* The facts are fetched only for those whose step asks for them. */
	if (shape & (WF_NEEDS_TRAITS | WF_NEEDS_PROFILE))
		appendStringInfoString(&sql,
							   " LEFT JOIN LATERAL (SELECT x.traits FROM mhub.person AS x WHERE x.person_id = d.person_id "
							   "AND mhub.step_needs(d.version_id, d.step) & 3 = 1) AS p ON true");
	if (shape & WF_NEEDS_PROFILE)
		appendStringInfoString(&sql,
							   " LEFT JOIN LATERAL (SELECT mhub.profile(d.person_id, $3, mhub.version_condition(d.version_id)) AS profile "
							   "WHERE mhub.step_needs(d.version_id, d.step) & 2 <> 0) AS f ON true");
	appendStringInfoString(&sql,
						   " WHERE d.ctid >= $1 AND d.ctid < $2 AND d.wake_at <= $3 AND d.version_id = ANY ($4)");
	return sql.data;
}

static MhubPlan *
due_plan_of(int shape)
{
	static MhubPlan plans[SHAPES];
	MhubPlan   *plan = &plans[shape];

	if (plan->sql == NULL)
	{
		static const Oid argtypes[] = {TIDOID, TIDOID, TIMESTAMPTZOID, INT4ARRAYOID};

		plan->nargs = lengthof(argtypes);
		memcpy(plan->argtypes, argtypes, sizeof(argtypes));
		plan->sql = MemoryContextStrdup(TopMemoryContext, due_sql(shape));
	}
	return plan;
}

static MhubPlan runnable_plan = {
	.sql = "SELECT coalesce(pg_catalog.array_agg(v.version_id), '{}'), (SELECT n.events_until FROM mhub.workflow_engine AS n), "
	"  coalesce(pg_catalog.array_agg(v.version_id) FILTER (WHERE EXISTS (SELECT FROM mhub.workflow_listener AS l "
	"    WHERE l.role = 'workflow' AND l.event_name = w.key)), '{}') "
	"FROM mhub.workflow AS w JOIN mhub.workflow_version AS v USING (workflow_id) WHERE w.state = 'active'",
};

/* What holds for all people of a chunk. */
typedef struct Chunk
{
	ArrayType  *versions;		/* whose people may move */
	ArrayType  *listened;		/* those on whose ends other workflows wait */
	TimestampTz events_until;	/* events are known up to this time */
} Chunk;

static Chunk
read_chunk(MemoryContext context)
{
	MemoryContext caller;
	Chunk		chunk;
	bool		isnull;

	if (SPI_execute_plan(mhub_plan(&runnable_plan), NULL, NULL, false, 0) != SPI_OK_SELECT || SPI_processed != 1)
		elog(ERROR, "could not read the workflows");
	caller = MemoryContextSwitchTo(context);
	chunk.versions = DatumGetArrayTypePCopy(SPI_getbinval(SPI_tuptable->vals[0], SPI_tuptable->tupdesc, 1, &isnull));
	chunk.events_until = DatumGetTimestampTz(SPI_getbinval(SPI_tuptable->vals[0], SPI_tuptable->tupdesc, 2, &isnull));
	if (isnull)
		chunk.events_until = DT_NOBEGIN;
	chunk.listened = DatumGetArrayTypePCopy(SPI_getbinval(SPI_tuptable->vals[0], SPI_tuptable->tupdesc, 3, &isnull));
	MemoryContextSwitchTo(caller);
	SPI_freetuptable(SPI_tuptable);
	return chunk;
}

static int
shape_of(ArrayType *versions)
{
	int			count = ARR_NDIM(versions) == 0 ? 0 : ARR_DIMS(versions)[0];
	int32	   *ids = (int32 *) ARR_DATA_PTR(versions);
	int			shape = 0;

	for (int i = 0; i < count; i++)
	{
		WfVersion  *version = wf_version(ids[i]);

		for (int step = 0; step < version->program->nsteps; step++)
			shape |= version->needs[step];
	}
	return shape;
}

/*
 * The planner knows nothing about ranges of tids given as parameters, and
 * statistics about people on the move are always old.  There is one good plan
 * and these settings leave no other.
 */
static int
fix_planner(void)
{
	int			nest = NewGUCNestLevel();
	static const char *const settings[][2] = {
		{"enable_hashjoin", "off"}, {"enable_mergejoin", "off"}, {"enable_seqscan", "off"},
		{"plan_cache_mode", "force_generic_plan"}, {"jit", "off"}
	};

	for (int i = 0; i < (int) lengthof(settings); i++)
		(void) set_config_option(settings[i][0], settings[i][1], PGC_USERSET, PGC_S_SESSION, GUC_ACTION_SAVE, true, 0, false);
	return nest;
}

static void
move_due(MoveSink *sink, int32 slice, TimestampTz now, const Chunk *chunk)
{
	MhubPlan   *plan = due_plan_of(shape_of(chunk->versions));
	ParamListInfo params = makeParamList(4);
	SPIExecuteOptions options = {.params = params, .dest = wf_mover_create(sink, now, chunk->events_until)};
	ItemPointerData bounds[2];
	int			nest = fix_planner();
	int			result;

	ItemPointerSet(&bounds[0], (BlockNumber) slice * WF_SLICE_PAGES, 0);
	ItemPointerSet(&bounds[1], ((BlockNumber) slice + 1) * WF_SLICE_PAGES, 0);
	params->params[0].value = PointerGetDatum(&bounds[0]);
	params->params[1].value = PointerGetDatum(&bounds[1]);
	params->params[2].value = TimestampTzGetDatum(now);
	params->params[3].value = PointerGetDatum(chunk->versions);
	for (int i = 0; i < 4; i++)
	{
		params->params[i].isnull = false;
		params->params[i].pflags = PARAM_FLAG_CONST;
		params->params[i].ptype = plan->argtypes[i];
	}
	result = SPI_execute_plan_extended(mhub_plan(plan), &options);
	if (result != SPI_OK_UTILITY)	/* what SPI calls a SELECT whose rows go elsewhere */
		elog(ERROR, "could not advance enrollments: %s", SPI_result_code_string(result));
	AtEOXact_GUC(true, nest);
}

static MhubPlan claim_plan = {
	.sql = "DELETE FROM mhub.enrollment_wake WHERE slice = $1",
	.nargs = 1,
	.argtypes = {INT4OID},
};

static MhubPlan rest_plan = {
	.sql = "INSERT INTO mhub.enrollment_wake (slice, wake_at) "
	"SELECT $1, min(e.wake_at) FROM mhub.enrollment AS e "
	"WHERE e.ctid >= $2 AND e.ctid < $3 AND e.version_id = ANY ($4) AND e.wake_at < 'infinity' HAVING min(e.wake_at) IS NOT NULL",
	.nargs = 4,
	.argtypes = {INT4OID, TIDOID, TIDOID, INT4ARRAYOID},
};

/* Notes when to look at the slice again, for those who stay in it. */
static void
note_rest(int32 slice, ArrayType *versions)
{
	ItemPointerData bounds[2];
	Datum		values[4];

	ItemPointerSet(&bounds[0], (BlockNumber) slice * WF_SLICE_PAGES, 0);
	ItemPointerSet(&bounds[1], ((BlockNumber) slice + 1) * WF_SLICE_PAGES, 0);
	values[0] = Int32GetDatum(slice);
	values[1] = PointerGetDatum(&bounds[0]);
	values[2] = PointerGetDatum(&bounds[1]);
	values[3] = PointerGetDatum(versions);
	if (SPI_execute_plan(mhub_plan(&rest_plan), values, NULL, false, 0) != SPI_OK_INSERT)
		elog(ERROR, "could not note when a slice is due");
}

/*
 * What wakes a slice is deleted before the slice is looked at, each by a
 * statement of its own: a wake-up that is added in between is not deleted.
 */
static int64
advance_slice(Advance *advance, int32 slice)
{
	Datum		number = Int32GetDatum(slice);
	Chunk		chunk;
	MoveSink   *sink;

	lock_engine(ShareLock);
	if (!try_lock_slice(slice))
		return 0;
	if (SPI_execute_plan(mhub_plan(&claim_plan), &number, NULL, false, 0) != SPI_OK_DELETE)
		elog(ERROR, "could not claim a slice");
	if (SPI_processed == 0)
		return 0;				/* somebody else has just been here */

	chunk = read_chunk(advance->context);
	sink = wf_sink_create(advance->context, chunk.listened);
	move_due(sink, slice, mhub_clock_now(), &chunk);
	wf_sink_flush(sink, slice, mhub_clock_now());
	note_rest(slice, chunk.versions);
	return sink->moved;
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
		moved += advance_slice(advance, slices[(i + MyProcPid) % count]);
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

	lock_engine(ShareLock);
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
	lock_engine(ExclusiveLock);
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

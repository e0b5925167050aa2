/*
 * slice.c
 *	  Moves everybody who is due in a slice of mhub.enrollment, in the current
 *	  transaction.
 *
 * One statement fetches everybody due in the slice with the facts their step
 * asks for; its receiver runs the state machine to the next wait and writes the
 * one new row version (mover.c); history, counters and effects follow.  Where
 * one person's data make that fail, the slice is halved until the person is
 * found: all the others move.  Where that happens to many of one workflow, its
 * people are set aside together: those of all others move.
 */
#include "workflow/advance.h"

#include "access/xact.h"
#include "catalog/pg_type.h"
#include "common/error_class.h"
#include "common/subtransaction.h"
#include "miscadmin.h"
#include "nodes/params.h"
#include "storage/lmgr.h"
#include "storage/lock.h"
#include "utils/builtins.h"
#include "utils/guc.h"
#include "utils/memutils.h"
#include "workflow/clock.h"
#include "workflow/version_cache.h"

/* Classes of advisory locks, as pg_locks shows them: of a slice, and of the engine as a whole. */
#define SLICE_LOCK 0x6D687773
#define ENGINE_LOCK 0x6D687765

/* One statement for each combination of WF_NEEDS_ bits. */
#define SHAPES 8

/* More than so many of a version in a slice is no longer about them. */
#define MAX_SET_ASIDE 20

/* Places of rows as numbers, so that ranges can be halved: page times this, plus the line pointer. */
#define PLACES (MaxOffsetNumber + 1)

/* What holds for all people of a slice. */
typedef struct Chunk
{
	MemoryContext context;
	int32		slice;
	TimestampTz now;
	ArrayType  *versions;		/* whose people may move */
	ArrayType  *listened;		/* those on whose ends other workflows wait */
	TimestampTz events_until;	/* events are known up to this time */
} Chunk;

/* Rows from one place up to, but not including, another. */
typedef struct Range
{
	const Chunk *chunk;
	int64		from;
	int64		to;
} Range;

static int64
first_place(int32 slice)
{
	return (int64) slice * WF_SLICE_PAGES * PLACES;
}

static ItemPointerData
tid_of(int64 place)
{
	ItemPointerData tid;

	ItemPointerSet(&tid, (BlockNumber) (place / PLACES), (OffsetNumber) (place % PLACES));
	return tid;
}

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
void
wf_lock_engine(LOCKMODE mode)
{
	LOCKTAG		tag;

	set_lock(&tag, ENGINE_LOCK, 0);
	(void) LockAcquire(&tag, mode, false, false);
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
	chunk.context = context;
	chunk.now = mhub_clock_now();
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

/* Moves everybody who is due in a range of places, into a sink that is written down at once. */
static int64
move_range(const Range *range)
{
	const Chunk *chunk = range->chunk;
	MhubPlan   *plan = due_plan_of(shape_of(chunk->versions));
	MoveSink   *sink = wf_sink_create(chunk->context, chunk->listened);
	ParamListInfo params = makeParamList(4);
	SPIExecuteOptions options = {.params = params,.dest = wf_mover_create(sink, chunk->now, chunk->events_until)};
	ItemPointerData bounds[2] = {tid_of(range->from), tid_of(range->to)};
	int			nest = fix_planner();
	int			result;

	params->params[0].value = PointerGetDatum(&bounds[0]);
	params->params[1].value = PointerGetDatum(&bounds[1]);
	params->params[2].value = TimestampTzGetDatum(chunk->now);
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
	wf_sink_flush(sink, chunk->slice, chunk->now);
	return sink->moved;
}

typedef struct RangeMove
{
	const Range *range;
	int64		moved;
} RangeMove;

static void
attempt_move(void *argument)
{
	RangeMove  *attempt = argument;

	attempt->moved = move_range(attempt->range);
}

/* The error, if there was one, else NULL. */
static ErrorData *
try_range(const Range *range, int64 *moved)
{
	RangeMove	attempt = {range, 0};
	ErrorData  *error = mhub_attempt(attempt_move, &attempt, false);

	*moved = attempt.moved;
	return error;
}

/* Those due from place $1 up to $2 (time $3) of the versions $4, with error $5; the version of the last one. */
static MhubPlan set_aside_plan = {
	.sql = "WITH failed AS (UPDATE mhub.enrollment AS e SET wake_at = $3 + interval '1 hour' "
	"  WHERE e.ctid >= $1 AND e.ctid < $2 AND e.wake_at <= $3 AND e.version_id = ANY ($4) RETURNING e.enrollment_id, e.version_id), "
	"noted AS (INSERT INTO mhub.enrollment_failure AS x (enrollment_id, failed_at, error) SELECT f.enrollment_id, $3, $5 FROM failed AS f "
	"  ON CONFLICT (enrollment_id) DO UPDATE SET failed_at = $3, failures = x.failures + 1, error = $5) "
	"SELECT max(f.version_id), count(*) FROM failed AS f",
	.nargs = 5,
	.argtypes = {TIDOID, TIDOID, TIMESTAMPTZOID, INT4ARRAYOID, TEXTOID},
};

/* Whoever is due in a range cannot be moved, is tried again later, and holds up nobody else.  Gives the version. */
static int32
set_aside(const Range *range, ArrayType *versions, const ErrorData *error)
{
	ItemPointerData bounds[2] = {tid_of(range->from), tid_of(range->to)};
	Datum		values[5];
	bool		isnull;
	int32		version;
	int64		count;

	values[0] = PointerGetDatum(&bounds[0]);
	values[1] = PointerGetDatum(&bounds[1]);
	values[2] = TimestampTzGetDatum(range->chunk->now);
	values[3] = PointerGetDatum(versions);
	values[4] = CStringGetTextDatum(psprintf("%s: %s", unpack_sql_state(error->sqlerrcode), error->message));
	if (SPI_execute_plan(mhub_plan(&set_aside_plan), values, NULL, false, 0) != SPI_OK_SELECT)
		elog(ERROR, "could not set enrollments aside");
	version = DatumGetInt32(SPI_getbinval(SPI_tuptable->vals[0], SPI_tuptable->tupdesc, 1, &isnull));
	count = DatumGetInt64(SPI_getbinval(SPI_tuptable->vals[0], SPI_tuptable->tupdesc, 2, &isnull));
	SPI_freetuptable(SPI_tuptable);
	ereport(WARNING,
			(errcode(error->sqlerrcode),
			 count == 1 ? errmsg("an enrollment cannot be moved and is set aside for an hour: %s", error->message) :
			 errmsg(INT64_FORMAT " enrollments cannot be moved and are set aside for an hour: %s", count, error->message),
			 error->context ? errcontext("%s", error->context) : 0));
	return version;
}

/* Notes that somebody of a version has failed, and tells how many have in this slice. */
static int
count_failure(List **failures, int32 version)
{
	int			count = 1;
	ListCell   *cell;

	foreach(cell, *failures)
		count += lfirst_int(cell) == version;
	*failures = lappend_int(*failures, version);
	return count;
}

/* Sets all people of a version aside that are due in the slice. */
static void
set_version_aside(const Chunk *chunk, int32 version, const ErrorData *error)
{
	Range		slice = {.chunk = chunk,.from = first_place(chunk->slice),.to = first_place(chunk->slice + 1)};
	Datum		id = Int32GetDatum(version);

	(void) set_aside(&slice, construct_array(&id, 1, INT4OID, sizeof(int32), true, TYPALIGN_INT), error);
}

/* Halves a range that fails until the one who makes it fail is found; everybody else moves. */
static int64
move_apart(const Range *range, List **failures)
{
	int64		moved = 0;
	ErrorData  *error = try_range(range, &moved);
	Range		first = *range;
	Range		second = *range;

	if (error == NULL)
		return moved;
	if (!mhub_error_is_about_data(error->sqlerrcode))
		ReThrowError(error);
	if (range->to - range->from == 1)
	{
		int32		version = set_aside(range, range->chunk->versions, error);

		if (count_failure(failures, version) >= MAX_SET_ASIDE)
			set_version_aside(range->chunk, version, error);
		return 0;
	}
	first.to = second.from = range->from + (range->to - range->from) / 2;
	moved = move_apart(&first, failures);
	return moved + move_apart(&second, failures);
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
note_rest(const Chunk *chunk)
{
	ItemPointerData bounds[2] = {tid_of(first_place(chunk->slice)), tid_of(first_place(chunk->slice + 1))};
	Datum		values[4];

	values[0] = Int32GetDatum(chunk->slice);
	values[1] = PointerGetDatum(&bounds[0]);
	values[2] = PointerGetDatum(&bounds[1]);
	values[3] = PointerGetDatum(chunk->versions);
	if (SPI_execute_plan(mhub_plan(&rest_plan), values, NULL, false, 0) != SPI_OK_INSERT)
		elog(ERROR, "could not note when a slice is due");
}

/*
 * What wakes a slice is deleted before the slice is looked at, each by a
 * statement of its own: a wake-up that is added in between is not deleted.
 */
int64
wf_advance_slice(MemoryContext context, int32 slice)
{
	Datum		number = Int32GetDatum(slice);
	List	   *failures = NIL;
	Chunk		chunk;
	Range		range = {.chunk = &chunk,.from = first_place(slice),.to = first_place(slice + 1)};
	int64		moved;

	wf_lock_engine(ShareLock);
	if (!try_lock_slice(slice))
		return 0;
	if (SPI_execute_plan(mhub_plan(&claim_plan), &number, NULL, false, 0) != SPI_OK_DELETE)
		elog(ERROR, "could not claim a slice");
	if (SPI_processed == 0)
		return 0;				/* somebody else has just been here */

	chunk = read_chunk(context);
	chunk.slice = slice;
	moved = move_apart(&range, &failures);
	note_rest(&chunk);
	return moved;
}

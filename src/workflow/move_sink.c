/*
 * move_sink.c
 *	  Collects what the enrollments of a chunk did and turns it into history,
 *	  counters, wake-up times and effects.
 *
 * Most people of a chunk take one of a few ways, so history is a row per way
 * with an array of people: a hundredth of the rows and a fifth of the bytes
 * of a row per person, which is what makes keeping it affordable.
 */
#include "workflow/advance.h"

#include <math.h>

#include "catalog/pg_type.h"
#include "common/compare_ids.h"
#include "common/hashfn.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/memutils.h"

/* Counted as a visit of step -1: how an enrollment ended. */
#define END_STEP (-1)

/* Counted as outcomes of experiments: this, plus the number of the variant times ten, plus how the enrollment ended. */
#define VARIANT_ENDS 1000

/* Enrollments of one version that took the same way. */
typedef struct MoveGroup
{
	int32		version_id;
	int			npath;
	const int32 *path;
	int			count;
	int			space;
	int64	   *enrollment_ids;
} MoveGroup;

/* Visits, by how long they took. */
typedef struct VisitKey
{
	int32		version_id;
	int16		step;
	int16		outcome;
	int32		bucket;
} VisitKey;

typedef struct VisitCount
{
	VisitKey	key;
	int64		visits;
} VisitCount;

typedef struct SliceWake
{
	int32		slice;
	TimestampTz wake_at;
} SliceWake;

typedef struct GroupEntry
{
	MoveGroup  *group;			/* key: version and path of the group */
} GroupEntry;

static uint32
hash_group(const void *key, Size size pg_attribute_unused())
{
	const MoveGroup *group = *(MoveGroup *const *) key;

	return hash_combine(hash_bytes_uint32((uint32) group->version_id),
						hash_bytes((const unsigned char *) group->path, group->npath * (int) sizeof(int32)));
}

static int
match_group(const void *key1, const void *key2, Size size pg_attribute_unused())
{
	const MoveGroup *a = *(MoveGroup *const *) key1;
	const MoveGroup *b = *(MoveGroup *const *) key2;

	return a->version_id == b->version_id && a->npath == b->npath &&
		memcmp(a->path, b->path, a->npath * sizeof(int32)) == 0 ? 0 : 1;
}

int32
wf_slice_of(const ItemPointerData *tid)
{
	return (int32) (ItemPointerGetBlockNumberNoCheck(tid) / WF_SLICE_PAGES);
}

static bool
is_group(const MoveGroup *group, int32 version_id, const int32 *path, int npath)
{
	return group != NULL && group->version_id == version_id && group->npath == npath &&
		memcmp(group->path, path, npath * sizeof(int32)) == 0;
}

static MoveGroup *
find_group(MoveSink *sink, int32 version_id, const int32 *path, int npath)
{
	MoveGroup	wanted = {.version_id = version_id, .npath = npath, .path = path};
	MoveGroup  *key = &wanted;
	GroupEntry *entry;
	bool		found;

	if (is_group(sink->latest, version_id, path, npath))
		return sink->latest;
	entry = hash_search(sink->groups, &key, HASH_ENTER, &found);
	if (!found)
	{
		MoveGroup  *group = palloc(sizeof(MoveGroup));

		*group = wanted;
		group->path = memcpy(palloc(npath * sizeof(int32)), path, npath * sizeof(int32));
		group->space = 64;
		group->enrollment_ids = palloc(group->space * sizeof(int64));
		entry->group = group;
	}
	sink->latest = entry->group;
	return entry->group;
}

static void
count_visit(MoveSink *sink, int32 version_id, int step, int outcome, int bucket, int64 visits)
{
	VisitKey	key = {version_id, (int16) step, (int16) outcome, bucket};
	VisitCount *count;
	bool		found;

	count = hash_search(sink->visits, &key, HASH_ENTER, &found);
	if (!found)
		count->visits = 0;
	count->visits += visits;
}

/* Half an octave wide, so that a median read from them is good to a fifth. */
static int
bucket_of(int64 usecs)
{
	double		seconds = (double) usecs / USECS_PER_SEC;

	return seconds <= 1 ? 0 : (int) ceil(2 * log2(seconds));
}

static void
note_wake(MoveSink *sink, const ItemPointerData *tid, TimestampTz wake_at)
{
	int32		slice = wf_slice_of(tid);
	SliceWake  *wake;
	bool		found;

	wake = hash_search(sink->wakes, &slice, HASH_ENTER, &found);
	if (!found || wake->wake_at > wake_at)
		wake->wake_at = wake_at;
}

static void
add_effect(MoveSink *sink, const MoveEffect *effect)
{
	if (sink->neffects == sink->effect_space)
	{
		sink->effect_space = Max(1024, sink->effect_space * 2);
		sink->effect_list = sink->effect_list == NULL
			? palloc(sink->effect_space * sizeof(MoveEffect))
			: repalloc_huge(sink->effect_list, sink->effect_space * sizeof(MoveEffect));
	}
	sink->effect_list[sink->neffects++] = *effect;
}

static Jsonb *
copy_jsonb(const Jsonb *value)
{
	return memcpy(palloc(VARSIZE(value)), value, VARSIZE(value));
}

static void
note_effects(MoveSink *sink, const WfProgram *program, const MoveRecord *record)
{
	MoveEffect	effect = {
		.enrollment_id = record->enrollment_id,
		.person_id = record->person_id,
		.version_id = record->version_id,
		.hops = record->hops,
	};

	ListCell   *filled = list_head(record->move->filled);

	sink->effects |= record->move->effects;
	for (int i = 0; i < record->move->npath; i++)
	{
		const WfStep *step = &program->steps[record->move->path[i] / WF_VISIT];

		if (record->move->path[i] % WF_VISIT != WF_DONE || (step->effect == 0 && step->settings == NULL))
			continue;
		effect.step = (int16) (record->move->path[i] / WF_VISIT);
		effect.filled = NULL;
		if (step->settings != NULL)
		{
			effect.filled = copy_jsonb(lfirst(filled));
			filled = lnext(record->move->filled, filled);
		}
		if (step->effect != 0)
			add_effect(sink, &effect);
	}
}

static bool
is_listened(const MoveSink *sink, int32 version_id)
{
	const int32 *versions = (const int32 *) ARR_DATA_PTR(sink->listened);

	for (int i = 0; i < (ARR_NDIM(sink->listened) == 0 ? 0 : ARR_DIMS(sink->listened)[0]); i++)
		if (versions[i] == version_id)
			return true;
	return false;
}

/* How the people of each variant end: what an experiment is for. */
static void
count_variants(MoveSink *sink, const MoveRecord *record)
{
	const int32 *visits = record->variants == NULL ? NULL : (const int32 *) ARR_DATA_PTR(record->variants);

	for (int i = 0; i < (visits == NULL || ARR_NDIM(record->variants) == 0 ? 0 : ARR_DIMS(record->variants)[0]); i++)
		count_visit(sink, record->version_id, visits[i] / WF_VISIT,
					VARIANT_ENDS + visits[i] % WF_VISIT * 10 + (int) record->move->end, 0, 1);
}

static void
note_end(MoveSink *sink, const MoveRecord *record)
{
	MoveEffect	effect = {
		.enrollment_id = record->enrollment_id,
		.person_id = record->person_id,
		.version_id = record->version_id,
		.hops = record->hops,
		.step = END_STEP,
	};

	count_visit(sink, record->version_id, END_STEP, (int) record->move->end, 0, 1);
	count_variants(sink, record);
	if (!is_listened(sink, record->version_id))
		return;
	sink->effects |= WF_EFFECT_ENDED;
	add_effect(sink, &effect);
}

static void
add_to_group(MoveGroup *group, int64 enrollment_id)
{
	if (group->count == group->space)
	{
		group->space *= 2;
		group->enrollment_ids = repalloc_huge(group->enrollment_ids, group->space * sizeof(int64));
	}
	group->enrollment_ids[group->count++] = enrollment_id;
}

void
wf_sink_add(MoveSink *sink, const WfProgram *program, const MoveRecord *record)
{
	MemoryContext caller = MemoryContextSwitchTo(sink->context);
	const WfMove *move = record->move;

	/* Without a path it has looked whether what it waits for is there, and waits on. */
	if (move->npath > 0)
	{
		add_to_group(find_group(sink, record->version_id, move->path, move->npath), record->enrollment_id);
		count_visit(sink, record->version_id, move->path[0] / WF_VISIT, move->path[0] % WF_VISIT, bucket_of(record->waited), 1);
		if (record->woken_at >= 0)
			count_visit(sink, record->version_id, record->woken_at, WF_WOKEN, 0, 1);
	}
	if (move->end == WF_IN_FLIGHT)
		note_wake(sink, &record->tid, move->wake_at);
	else
		note_end(sink, record);
	if (move->effects != 0)
		note_effects(sink, program, record);
	sink->moved++;
	MemoryContextSwitchTo(caller);
}

MoveSink *
wf_sink_create(MemoryContext context, ArrayType *listened)
{
	MemoryContext caller = MemoryContextSwitchTo(context);
	MoveSink   *sink = palloc0(sizeof(MoveSink));
	HASHCTL		groups = {.keysize = sizeof(MoveGroup *), .entrysize = sizeof(GroupEntry),
	.hash = hash_group, .match = match_group, .hcxt = context};
	HASHCTL		visits = {.keysize = sizeof(VisitKey), .entrysize = sizeof(VisitCount), .hcxt = context};
	HASHCTL		wakes = {.keysize = sizeof(int32), .entrysize = sizeof(SliceWake), .hcxt = context};

	sink->context = context;
	sink->listened = listened;
	sink->groups = hash_create("mhub ways", 64, &groups, HASH_ELEM | HASH_FUNCTION | HASH_COMPARE | HASH_CONTEXT);
	sink->visits = hash_create("mhub visits", 64, &visits, HASH_ELEM | HASH_BLOBS | HASH_CONTEXT);
	sink->wakes = hash_create("mhub wakes", 16, &wakes, HASH_ELEM | HASH_BLOBS | HASH_CONTEXT);
	MemoryContextSwitchTo(caller);
	return sink;
}

static MhubPlan history_plan = {
	.sql = "INSERT INTO mhub.enrollment_history (at, version_id, path, first_enrollment_id, last_enrollment_id, enrollment_ids) "
	"VALUES ($1, $2, $3, $4, $5, $6)",
	.nargs = 6,
	.argtypes = {TIMESTAMPTZOID, INT4OID, INT4ARRAYOID, INT8OID, INT8OID, INT8ARRAYOID},
};

static void
execute(MhubPlan *statement, Datum *values, int expected)
{
	int			result = SPI_execute_plan(mhub_plan(statement), values, NULL, false, 0);

	if (result != expected)
		elog(ERROR, "could not execute \"%s\": %s", statement->sql, SPI_result_code_string(result));
}

static Datum
array_of(const void *elements, int count, Oid type, Size width)
{
	Size		size = ARR_OVERHEAD_NONULLS(1) + count * width;
	ArrayType  *array = palloc(size);

	SET_VARSIZE(array, size);
	array->ndim = 1;
	array->dataoffset = 0;
	array->elemtype = type;
	ARR_DIMS(array)[0] = count;
	ARR_LBOUND(array)[0] = 1;
	memcpy(ARR_DATA_PTR(array), elements, count * width);
	return PointerGetDatum(array);
}

static void
write_group(MoveSink *sink, MoveGroup *group, TimestampTz now)
{
	Datum		values[6];

	qsort(group->enrollment_ids, group->count, sizeof(int64), mhub_compare_ids);
	values[0] = TimestampTzGetDatum(now);
	values[1] = Int32GetDatum(group->version_id);
	values[2] = array_of(group->path, group->npath, INT4OID, sizeof(int32));
	values[3] = Int64GetDatum(group->enrollment_ids[0]);
	values[4] = Int64GetDatum(group->enrollment_ids[group->count - 1]);
	values[5] = array_of(group->enrollment_ids, group->count, INT8OID, sizeof(int64));
	execute(&history_plan, values, SPI_OK_INSERT);
	for (int i = 1; i < group->npath; i++)
		count_visit(sink, group->version_id, group->path[i] / WF_VISIT, group->path[i] % WF_VISIT, 0, group->count);
}

static MhubPlan counter_plan = {
	.sql = "INSERT INTO mhub.workflow_counter (version_id, step, outcome, bucket, visits) "
	"SELECT u.version_id, u.step, u.outcome, u.bucket, u.visits "
	"FROM unnest($1, $2, $3, $4, $5) AS u (version_id, step, outcome, bucket, visits)",
	.nargs = 5,
	.argtypes = {INT4ARRAYOID, INT2ARRAYOID, INT2ARRAYOID, INT4ARRAYOID, INT8ARRAYOID},
};

static void
write_counters(MoveSink *sink)
{
	int			count = (int) hash_get_num_entries(sink->visits);
	int32	   *versions = palloc(count * sizeof(int32));
	int16	   *steps = palloc(count * sizeof(int16));
	int16	   *outcomes = palloc(count * sizeof(int16));
	int32	   *buckets = palloc(count * sizeof(int32));
	int64	   *numbers = palloc(count * sizeof(int64));
	HASH_SEQ_STATUS scan;
	VisitCount *entry;
	Datum		values[5];
	int			n = 0;

	hash_seq_init(&scan, sink->visits);
	while ((entry = hash_seq_search(&scan)) != NULL)
	{
		versions[n] = entry->key.version_id;
		steps[n] = entry->key.step;
		outcomes[n] = entry->key.outcome;
		buckets[n] = entry->key.bucket;
		numbers[n++] = entry->visits;
	}
	values[0] = array_of(versions, n, INT4OID, sizeof(int32));
	values[1] = array_of(steps, n, INT2OID, sizeof(int16));
	values[2] = array_of(outcomes, n, INT2OID, sizeof(int16));
	values[3] = array_of(buckets, n, INT4OID, sizeof(int32));
	values[4] = array_of(numbers, n, INT8OID, sizeof(int64));
	execute(&counter_plan, values, SPI_OK_INSERT);
}

static MhubPlan wake_plan = {
	.sql = "INSERT INTO mhub.enrollment_wake (slice, wake_at) VALUES ($1, $2)",
	.nargs = 2,
	.argtypes = {INT4OID, TIMESTAMPTZOID},
};

/* For those who ended up in another slice; when to look at the own one again is noted by its caller. */
static void
write_wakes(MoveSink *sink, int32 own)
{
	HASH_SEQ_STATUS scan;
	SliceWake  *wake;

	hash_seq_init(&scan, sink->wakes);
	while ((wake = hash_seq_search(&scan)) != NULL)
	{
		Datum		values[2] = {Int32GetDatum(wake->slice), TimestampTzGetDatum(wake->wake_at)};

		if (wake->slice != own)
			execute(&wake_plan, values, SPI_OK_INSERT);
	}
}

/* Writes down what the chunk did, in the chunk's own transaction. */
void
wf_sink_flush(MoveSink *sink, int32 slice, TimestampTz now)
{
	MemoryContext caller = MemoryContextSwitchTo(sink->context);
	HASH_SEQ_STATUS scan;
	GroupEntry *entry;

	if (sink->moved > 0)
	{
		hash_seq_init(&scan, sink->groups);
		while ((entry = hash_seq_search(&scan)) != NULL)
			write_group(sink, entry->group, now);
		write_counters(sink);
		write_wakes(sink, slice);
		wf_run_effects(sink, now);
	}
	MemoryContextSwitchTo(caller);
}

/*
 * segment_set.c
 *	  All segments, compiled together, kept per backend.
 */
#include "mhub.h"

#include "condition/segment_set.h"

#include "common/error_caught.h"
#include "common/spi_plan.h"
#include "common/table_cache.h"
#include "condition/change.h"
#include "utils/builtins.h"
#include "utils/memutils.h"
#include "utils/timestamp.h"

static MhubPlan segment_plan = {
	.sql = "SELECT s.key, s.condition::pg_catalog.text FROM mhub.segment AS s ORDER BY s.key COLLATE \"C\"",
	.nargs = 0
};
static MhubTableCache table_cache = {.tables = {"segment"}};
static MemoryContext set_context;
static SegmentSet *current;

static int
find_segment(const Segment *segments, int count, const char *key)
{
	for (int i = 0; i < count; i++)
	{
		if (strcmp(segments[i].key, key) == 0)
			return i;
	}
	return -1;
}

/* Are all segments that a condition refers to among those placed already?  One that does not exist stops nobody. */
static bool
refers_to_placed(const CondNode *node, const SegmentSet *set, const Segment *all, int nall)
{
	if (node->kind == COND_SEGMENT && find_segment(all, nall, node->event) >= 0 &&
		find_segment(set->segments, set->nsegments, node->event) < 0)
		return false;
	for (int i = 0; i < node->nchildren; i++)
	{
		if (!refers_to_placed(node->children[i], set, all, nall))
			return false;
	}
	return true;
}

/* Places the segments so that each comes behind those it refers to; what is in a circle is left out. */
static void
place_segments(SegmentSet *set, const Segment *all, int nall)
{
	bool	   *placed = palloc0((nall + 1) * sizeof(bool));
	int			before;

	do
	{
		before = set->nsegments;
		for (int i = 0; i < nall; i++)
		{
			if (!placed[i] && (all[i].condition == NULL || refers_to_placed(all[i].condition->root, set, all, nall)))
			{
				placed[i] = true;
				set->segments[set->nsegments++] = all[i];
			}
		}
	} while (set->nsegments > before);
}

static void
compile_segments(SegmentSet *set, MemoryContext context)
{
	Segment    *all;
	int			nall;
	MemoryContext before;

	mhub_execute_latest(mhub_plan(&segment_plan));
	before = MemoryContextSwitchTo(context);
	nall = SPI_processed;
	all = palloc0((nall + 1) * sizeof(Segment));
	set->segments = palloc0((nall + 1) * sizeof(Segment));
	set->attributes = mhub_attributes_create();
	for (int i = 0; i < nall; i++)
	{
		char	   *text = SPI_getvalue(SPI_tuptable->vals[i], SPI_tuptable->tupdesc, 2);

		all[i].key = pstrdup(SPI_getvalue(SPI_tuptable->vals[i], SPI_tuptable->tupdesc, 1));
		if (text == NULL)
		{
			set->has_lists = true;
			continue;
		}
		all[i].condition = mhub_condition_try_compile(text, strlen(text), set->attributes, &all[i].broken);
		if (all[i].broken != NULL)
			continue;
		condition_item_events(all[i].condition->root, &set->item_events, &set->nitem_events);
	}
	place_segments(set, all, nall);
	mhub_profile_init(&set->profile, set->attributes);
	MemoryContextSwitchTo(before);
}

static SegmentSet *
load_set(void)
{
	MemoryContext context = AllocSetContextCreate(CurrentMemoryContext, "mhub segments", ALLOCSET_DEFAULT_SIZES);
	SegmentSet *set = MemoryContextAllocZero(context, sizeof(SegmentSet));
	static uint64 generations = 0;

	set->generation = ++generations;
	if (SPI_connect() != SPI_OK_CONNECT)
		elog(ERROR, "could not connect to SPI");
	compile_segments(set, context);
	SPI_finish();
	/* Who is still using the old set keeps it to the end of the transaction. */
	if (set_context != NULL)
		MemoryContextSetParent(set_context, TopTransactionContext);
	MemoryContextSetParent(context, CacheMemoryContext);
	set_context = context;
	return set;
}

SegmentSet *
segment_set_get(void)
{
	if (!table_cache.valid || current == NULL)
	{
		uint64		seen = mhub_table_cache_begin(&table_cache);

		current = load_set();
		mhub_table_cache_end(&table_cache, seen);
	}
	return current;
}

static bool
is_on_list(const Segment *segment, const PersonFacts *facts)
{
	for (int i = 0; i < facts->nlists; i++)
	{
		if (strcmp(facts->lists[i], segment->key) == 0)
			return true;
	}
	return false;
}

static void
report_broken(const Segment *segment, int level)
{
	ereport(level,
			(errcode(level >= ERROR ? ERRCODE_DATA_CORRUPTED : ERRCODE_WARNING),
			 errmsg("segment \"%s\" is broken: %s", segment->key, segment->broken)));
}

static bool
evaluate(const Segment *segment, const PersonFacts *facts, CondScope *scope)
{
	if (segment->broken != NULL)
		report_broken(segment, ERROR);
	if (segment->condition == NULL)
		return is_on_list(segment, facts);
	return condition_eval(segment->condition->root, scope) == MHUB_TRUE;
}

/* One that fails is broken from then on.  Evaluation touches nothing but memory. */
static bool
evaluate_or_break(SegmentSet *set, Segment *segment, const PersonFacts *facts, CondScope *scope)
{
	MemoryContext context = CurrentMemoryContext;
	volatile bool member = false;

	if (segment->broken == NULL)
	{
		PG_TRY();
		{
			member = evaluate(segment, facts, scope);
		}
		PG_CATCH();
		{
			segment->broken = MemoryContextStrdup(GetMemoryChunkContext(set), mhub_catch_error(context)->message);
		}
		PG_END_TRY();
	}
	if (segment->broken != NULL)
		report_broken(segment, WARNING);
	return member;
}

const char **
segment_set_evaluate(SegmentSet *set, const PersonFacts *facts, const bool *wanted, TimestampTz at, int *count,
					 TimestampTz *next_change)
{
	MhubProfile *profile = &set->profile;
	CondScope	scope = {profile, NULL};
	const char **keys = palloc((set->nsegments + 1) * sizeof(char *));

	facts_open_profile(facts, profile, at);
	profile->live_segments = keys;
	profile->nlive_segments = 0;
	if (next_change != NULL)
		*next_change = DT_NOEND;
	for (int i = 0; i < set->nsegments; i++)
	{
		Segment    *segment = &set->segments[i];

		if (wanted != NULL && !wanted[i])
			continue;
		if (wanted != NULL ? evaluate_or_break(set, segment, facts, &scope) : evaluate(segment, facts, &scope))
			keys[profile->nlive_segments++] = segment->key;
		if (next_change != NULL && segment->condition != NULL)
			*next_change = Min(*next_change, condition_next_change(segment->condition->root, &scope));
	}
	*count = profile->nlive_segments;
	profile->live_segments = NULL;
	return keys;
}

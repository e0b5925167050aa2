/*
 * spi_plan.c
 *	  Statements prepared once per backend.
 */
#include "common/spi_plan.h"

#include "nodes/parsenodes.h"
#include "optimizer/plancat.h"
#include "utils/guc.h"
#include "utils/plancache.h"
#include "utils/resowner.h"

static SPIPlanPtr
prepared(MhubPlan *statement, int options)
{
	if (statement->plan == NULL)
	{
		SPIPlanPtr	plan = SPI_prepare_cursor(statement->sql, statement->nargs, statement->argtypes, options);

		if (plan == NULL)
			elog(ERROR, "could not prepare \"%s\": %s",
				 statement->sql, SPI_result_code_string(SPI_result));
		if (SPI_keepplan(plan) != 0)
			elog(ERROR, "could not keep the plan of \"%s\"", statement->sql);
		statement->plan = plan;
	}
	return statement->plan;
}

/*
 * The statement's plan, prepared at first use and kept until the backend ends.
 * The plan cache revalidates it when the tables change.  The caller is
 * connected to SPI.
 */
SPIPlanPtr
mhub_plan(MhubPlan *statement)
{
	return prepared(statement, 0);
}

/*
 * The same, planned once for all values: for statements whose planning costs
 * more than knowing the values could save.
 */
SPIPlanPtr
mhub_generic_plan(MhubPlan *statement)
{
	return prepared(statement, CURSOR_OPT_GENERIC_PLAN);
}

/* What tables are taken for while a batch statement is planned; only what matters: too large to be read as a whole */
#define ASSUMED_TUPLES 1000000
#define ASSUMED_PAGES 20000

static get_relation_info_hook_type next_relation_info_hook = NULL;

static void
assume_large(PlannerInfo *root, Oid relation, bool inherits, RelOptInfo *info)
{
	ListCell   *cell;

	if (next_relation_info_hook != NULL)
		next_relation_info_hook(root, relation, inherits, info);
	info->tuples = Max(info->tuples, ASSUMED_TUPLES);
	info->pages = Max(info->pages, ASSUMED_PAGES);
	foreach(cell, info->indexlist)
	{
		IndexOptInfo *index = lfirst_node(IndexOptInfo, cell);

		index->tuples = Max(index->tuples, ASSUMED_TUPLES);
		index->pages = Max(index->pages, ASSUMED_PAGES / 4);
	}
}

static void
turn_off(const char *setting)
{
	(void) set_config_option(setting, "off", PGC_USERSET, PGC_S_SESSION, GUC_ACTION_SAVE, true, 0, false);
}

static void
plan_for_large_tables(SPIPlanPtr plan)
{
	int			nesting = NewGUCNestLevel();
	get_relation_info_hook_type before = get_relation_info_hook;

	turn_off("enable_seqscan");
	turn_off("enable_hashjoin");
	turn_off("enable_mergejoin");
	if (before != assume_large)
		next_relation_info_hook = before;
	get_relation_info_hook = assume_large;
	PG_TRY();
	{
		CachedPlan *planned = SPI_plan_get_cached_plan(plan);

		if (planned != NULL)
			ReleaseCachedPlan(planned, CurrentResourceOwner);
	}
	PG_FINALLY();
	{
		get_relation_info_hook = before;
	}
	PG_END_TRY();
	AtEOXact_GUC(true, nesting);
}

/*
 * Runs a statement that joins array parameters to tables by their keys, and
 * returns the number of rows.  It is planned once for arrays of any length,
 * and for large tables with index scans: a plan made while the tables were
 * small must still do when, within the same transaction, they have grown.
 *
 * Unlike SPI, it leaves the caller in his memory context.
 */
uint64
mhub_execute_batch(MhubPlan *statement, Datum *values, const char *nulls, int expected)
{
	MemoryContext caller = CurrentMemoryContext;
	bool		is_planned = statement->plan != NULL && SPI_plan_is_valid(statement->plan);
	SPIPlanPtr	plan = mhub_generic_plan(statement);
	int			code;

	if (!is_planned)
		plan_for_large_tables(plan);
	code = SPI_execute_plan(plan, values, nulls, false, 0);
	MemoryContextSwitchTo(caller);
	if (code != expected)
		elog(ERROR, "\"%s\" failed: %s", statement->sql, SPI_result_code_string(code));
	return SPI_processed;
}

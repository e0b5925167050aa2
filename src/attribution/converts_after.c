/*
 * converts_after.c
 *	  mhub.converts_after(): can a conversion reach back to a touch?
 */
#include "mhub.h"

#include "attribution/conversion_set.h"
#include "attribution/duration.h"
#include "utils/memutils.h"
#include "utils/timestamp.h"

PG_FUNCTION_INFO_V1(mhub_converts_after);

/* The set as last given to this call site, opened. */
typedef struct SetCache
{
	MemoryContext context;
	MhubConversionSetHead head;
	MhubConversionSet *set;
} SetCache;

static SetCache *
cache_of_call(FunctionCallInfo fcinfo)
{
	SetCache   *cache = fcinfo->flinfo->fn_extra;

	if (cache == NULL)
	{
		cache = MemoryContextAllocZero(fcinfo->flinfo->fn_mcxt, sizeof(SetCache));
		cache->context = AllocSetContextCreate(fcinfo->flinfo->fn_mcxt, "mhub conversion set", ALLOCSET_DEFAULT_SIZES);
		fcinfo->flinfo->fn_extra = cache;
	}
	return cache;
}

static const MhubConversionSet *
opened_set(FunctionCallInfo fcinfo, const bytea *flat)
{
	SetCache   *cache = cache_of_call(fcinfo);
	Size		size = VARSIZE_ANY_EXHDR(flat);
	MhubConversionSetHead head = {0};
	MemoryContext old;

	memcpy(&head, VARDATA_ANY(flat), Min(size, sizeof(head)));
	if (cache->set != NULL && memcmp(&head, &cache->head, sizeof(head)) == 0)
		return cache->set;
	cache->set = NULL;
	MemoryContextReset(cache->context);
	old = MemoryContextSwitchTo(cache->context);
	cache->set = mhub_conversion_set_open(VARDATA_ANY(flat), size, 0);
	cache->head = head;
	MemoryContextSwitchTo(old);
	return cache->set;
}

static int64
reach_argument(const Interval *within)
{
	int64		reach;

	if (!mhub_duration(within, &reach))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("the look-back must not be negative, have months or be too long"),
				 errhint("Give it in days or smaller units; a day is 24 hours.")));
	return reach;
}

/* Arguments: conversions, person, at, within (NULL: no limit). */
Datum
mhub_converts_after(PG_FUNCTION_ARGS)
{
	const MhubConversionSet *set;
	int			person = -1;
	int64		id;

	if (PG_ARGISNULL(0) || PG_ARGISNULL(1) || PG_ARGISNULL(2))
		PG_RETURN_BOOL(false);
	set = opened_set(fcinfo, PG_GETARG_BYTEA_PP(0));
	id = PG_GETARG_INT64(1);
	if (set->n_persons > 0 && mhub_person_may_be(&set->index, id))
		person = mhub_person_number(&set->index, id);
	PG_RETURN_BOOL(person >= 0 && mhub_conversion_set_reaches(set, person, PG_GETARG_TIMESTAMPTZ(2),
															  PG_ARGISNULL(3) ? MHUB_ANY_REACH : (uint64) reach_argument(PG_GETARG_INTERVAL_P(3))));
}

/*
 * merge_id.c
 *	  Ids of mhub.merge_log, and the horizon below which all of them are settled.
 */
#include "mhub.h"

#include "common/id_horizon.h"

PG_FUNCTION_INFO_V1(mhub_next_merge_id);
PG_FUNCTION_INFO_V1(mhub_merge_horizon);

/* The lock class is "mhum" in ASCII, less the top bit. */
static MhubIdSource source = {
	.sequence = "merge_id_seq",
	.lock_class = 0x6d68756d,
	.horizon_function = "mhub.merge_horizon()"
};

Datum
mhub_next_merge_id(PG_FUNCTION_ARGS pg_attribute_unused())
{
	int64		id;

	mhub_draw_ids(&source, &id, 1);
	PG_RETURN_INT64(id);
}

Datum
mhub_merge_horizon(PG_FUNCTION_ARGS pg_attribute_unused())
{
	PG_RETURN_INT64(mhub_id_horizon(&source));
}

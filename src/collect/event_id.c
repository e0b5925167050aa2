/*
 * event_id.c
 *	  Event ids, and the horizon below which all of them are settled.
 */
#include "mhub.h"

#include "collect/event_id.h"
#include "common/id_horizon.h"

PG_FUNCTION_INFO_V1(mhub_next_event_id);
PG_FUNCTION_INFO_V1(mhub_event_horizon);

/* The lock class is "mhub" in ASCII, less the top bit. */
static MhubIdSource source = {
	.sequence = "event_id_seq",
	.lock_class = 0x6d687562,
	.horizon_function = "mhub.event_horizon()"
};

/* n event ids for this transaction, ascending but not always consecutive */
void
mhub_event_ids(int64 *ids, int n)
{
	mhub_draw_ids(&source, ids, n);
}

Datum
mhub_next_event_id(PG_FUNCTION_ARGS pg_attribute_unused())
{
	int64		id;

	mhub_event_ids(&id, 1);
	PG_RETURN_INT64(id);
}

Datum
mhub_event_horizon(PG_FUNCTION_ARGS pg_attribute_unused())
{
	PG_RETURN_INT64(mhub_id_horizon(&source));
}

/*
 * edge_touch.c
 *	  mhub.first_touch(), mhub.last_touch(), mhub.last_non_direct_touch():
 *	  the label of one end of a path, in a state of one touch per group.
 *
 * Touches are in order of (time, id, label), so that the answer does not depend
 * on the order of the rows.
 */
#include "attribution/log_state.h"

#include "attribution/credit_options.h"
#include "attribution/label_set.h"
#include "utils/builtins.h"
#include "utils/timestamp.h"

PG_FUNCTION_INFO_V1(mhub_first_touch_transfn);
PG_FUNCTION_INFO_V1(mhub_first_touch_combinefn);
PG_FUNCTION_INFO_V1(mhub_last_touch_transfn);
PG_FUNCTION_INFO_V1(mhub_last_touch_combinefn);
PG_FUNCTION_INFO_V1(mhub_last_non_direct_touch_transfn);
PG_FUNCTION_INFO_V1(mhub_edge_touch_finalfn);

/* The label follows. */
typedef struct Edge
{
	int64		rank;			/* compared first: 1 for a touch that is not direct, where that counts */
	int64		at;
	int64		id;
} Edge;

typedef enum EdgeSide
{
	SIDE_FIRST = -1,
	SIDE_LAST = 1
} EdgeSide;

/* Does the touch lie further to that side than the one kept? */
static bool
lies_beyond(EdgeSide side, const MhubLog *log, const Edge *edge, const char *label, int length)
{
	Edge		kept;
	int			order;

	memcpy(&kept, log->data, sizeof(Edge));
	if (edge->rank != kept.rank)
		return edge->rank > kept.rank;
	if (edge->at != kept.at)
		order = edge->at > kept.at ? 1 : -1;
	else if (edge->id != kept.id)
		order = edge->id > kept.id ? 1 : -1;
	else
	{
		MhubLabel	given = {label, length};
		MhubLabel	held = {log->data + sizeof(Edge), log->used - sizeof(Edge)};

		order = mhub_label_compare(&given, &held);
	}
	return order * (int) side > 0;
}

static MhubLog *
keep(MhubLog *log, const Edge *edge, const char *label, int length)
{
	if (log != NULL)
		log->used = 0;
	log = mhub_log_reserve(log, sizeof(Edge) + length);
	memcpy(log->data, edge, sizeof(Edge));
	memcpy(log->data + sizeof(Edge), label, length);
	log->used = sizeof(Edge) + length;
	return log;
}

/* Arguments: state, label, at [, id]; a row without a label or time does not count. */
static Datum
edge_transfn(FunctionCallInfo fcinfo, EdgeSide side, bool prefer_non_direct)
{
	MhubLog    *log;
	Edge		edge = {0};
	text	   *label;

	mhub_require_aggregate(fcinfo, "mhub.first_touch() or mhub.last_touch()");
	log = MHUB_LOG_STATE();
	if (PG_ARGISNULL(1) || PG_ARGISNULL(2))
	{
		if (log == NULL)
			PG_RETURN_NULL();
		PG_RETURN_POINTER(log);
	}
	label = PG_GETARG_TEXT_PP(1);
	edge.at = PG_GETARG_TIMESTAMPTZ(2);
	edge.id = PG_NARGS() > 3 && !PG_ARGISNULL(3) ? PG_GETARG_INT64(3) : 0;
	if (prefer_non_direct)
		edge.rank = !mhub_is_default_direct(VARDATA_ANY(label), VARSIZE_ANY_EXHDR(label));
	if (log == NULL || lies_beyond(side, log, &edge, VARDATA_ANY(label), VARSIZE_ANY_EXHDR(label)))
		log = keep(log, &edge, VARDATA_ANY(label), VARSIZE_ANY_EXHDR(label));
	PG_RETURN_POINTER(log);
}

static Datum
edge_combinefn(FunctionCallInfo fcinfo, EdgeSide side)
{
	MhubLog    *log;
	MhubLog    *other;
	Edge		edge;

	mhub_require_aggregate(fcinfo, "mhub.first_touch() or mhub.last_touch()");
	log = MHUB_LOG_STATE();
	if (!PG_ARGISNULL(1))
	{
		other = (MhubLog *) PG_GETARG_BYTEA_P(1);
		memcpy(&edge, other->data, sizeof(Edge));
		if (log == NULL || lies_beyond(side, log, &edge, other->data + sizeof(Edge), other->used - sizeof(Edge)))
			log = keep(log, &edge, other->data + sizeof(Edge), other->used - sizeof(Edge));
	}
	if (log == NULL)
		PG_RETURN_NULL();
	PG_RETURN_POINTER(log);
}

Datum
mhub_first_touch_transfn(PG_FUNCTION_ARGS)
{
	return edge_transfn(fcinfo, SIDE_FIRST, false);
}

Datum
mhub_first_touch_combinefn(PG_FUNCTION_ARGS)
{
	return edge_combinefn(fcinfo, SIDE_FIRST);
}

Datum
mhub_last_touch_transfn(PG_FUNCTION_ARGS)
{
	return edge_transfn(fcinfo, SIDE_LAST, false);
}

Datum
mhub_last_touch_combinefn(PG_FUNCTION_ARGS)
{
	return edge_combinefn(fcinfo, SIDE_LAST);
}

Datum
mhub_last_non_direct_touch_transfn(PG_FUNCTION_ARGS)
{
	return edge_transfn(fcinfo, SIDE_LAST, true);
}

Datum
mhub_edge_touch_finalfn(PG_FUNCTION_ARGS)
{
	MhubLog    *log;

	mhub_require_aggregate(fcinfo, "mhub.first_touch() or mhub.last_touch()");
	log = MHUB_LOG_STATE();
	if (log == NULL)
		PG_RETURN_NULL();
	PG_RETURN_TEXT_P(cstring_to_text_with_len(log->data + sizeof(Edge), log->used - sizeof(Edge)));
}

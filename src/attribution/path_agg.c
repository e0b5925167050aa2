/*
 * path_agg.c
 *	  mhub.path() and mhub.path_sessions(): touches in order, whole or split by
 *	  session gap.
 */
#include "attribution/log_state.h"

#include "access/htup_details.h"
#include "attribution/duration.h"
#include "attribution/label_set.h"
#include "catalog/pg_type.h"
#include "funcapi.h"
#include "miscadmin.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"
#include "utils/timestamp.h"
#include "utils/typcache.h"

PG_FUNCTION_INFO_V1(mhub_path_transfn);
PG_FUNCTION_INFO_V1(mhub_path_sessions_transfn);
PG_FUNCTION_INFO_V1(mhub_path_combinefn);
PG_FUNCTION_INFO_V1(mhub_path_finalfn);
PG_FUNCTION_INFO_V1(mhub_path_sessions_finalfn);

#define AGGREGATE "mhub.path() or mhub.path_sessions()"

/* At the head of the log. */
typedef struct Head
{
	int64		gap;			/* microseconds; path() ignores it */
} Head;

/* A touch in the log; its label follows, padded to a multiple of 8 bytes. */
typedef struct Row
{
	int64		at;
	int64		id;
	uint64		length;
} Row;

typedef struct Touch
{
	int64		at;
	int64		id;
	MhubLabel	label;
} Touch;

static int
compare_touches(const void *a, const void *b)
{
	const Touch *left = a;
	const Touch *right = b;

	if (left->at != right->at)
		return left->at < right->at ? -1 : 1;
	if (left->id != right->id)
		return left->id < right->id ? -1 : 1;
	return mhub_label_compare(&left->label, &right->label);
}

static MhubLog *
begin_log(int64 gap)
{
	MhubLog    *log = mhub_log_reserve(NULL, sizeof(Head));

	((Head *) log->data)->gap = gap;
	log->used = sizeof(Head);
	return log;
}

static MhubLog *
append_touch(MhubLog *log, int64 at, int64 id, const text *label)
{
	Row			row = {at, id, VARSIZE_ANY_EXHDR(label)};

	log = mhub_log_reserve(log, sizeof(Row) + MAXALIGN(row.length));
	memcpy(log->data + log->used, &row, sizeof(Row));
	memcpy(log->data + log->used + sizeof(Row), VARDATA_ANY(label), row.length);
	log->used += sizeof(Row) + MAXALIGN(row.length);
	return log;
}

static Datum
path_transfn(FunctionCallInfo fcinfo, int id_argument, int64 gap)
{
	MhubLog    *log = MHUB_LOG_STATE();
	int64		id = id_argument < PG_NARGS() && !PG_ARGISNULL(id_argument) ? PG_GETARG_INT64(id_argument) : 0;

	if (log == NULL)
		log = begin_log(gap);
	if (!PG_ARGISNULL(1) && !PG_ARGISNULL(2))
		log = append_touch(log, PG_GETARG_TIMESTAMPTZ(2), id, PG_GETARG_TEXT_PP(1));
	PG_RETURN_POINTER(log);
}

/* Arguments: state, label, at [, id].  A row without label or time does not count. */
Datum
mhub_path_transfn(PG_FUNCTION_ARGS)
{
	mhub_require_aggregate(fcinfo, AGGREGATE);
	return path_transfn(fcinfo, 3, 0);
}

/* Arguments: state, label, at, gap [, id]. */
Datum
mhub_path_sessions_transfn(PG_FUNCTION_ARGS)
{
	int64		gap;

	mhub_require_aggregate(fcinfo, AGGREGATE);
	if (!PG_ARGISNULL(0))
		return path_transfn(fcinfo, 4, 0);
	if (PG_ARGISNULL(3) || !mhub_duration(PG_GETARG_INTERVAL_P(3), &gap))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("the session gap must not be null, negative or too long, nor have months"),
				 errhint("Give it in days or smaller units; a day is 24 hours.")));
	return path_transfn(fcinfo, 4, gap);
}

Datum
mhub_path_combinefn(PG_FUNCTION_ARGS)
{
	return mhub_log_combine(fcinfo, sizeof(Head), AGGREGATE);
}

static Touch *
read_touches(const MhubLog *log, int *n)
{
	const char *end = log->data + log->used;
	Touch	   *touches;
	const Row  *row;

	*n = 0;
	touches = palloc_extended(sizeof(Touch) * (log->used / sizeof(Row) + 1), MCXT_ALLOC_HUGE);
	for (const char *at = log->data + sizeof(Head); at < end; at += sizeof(Row) + MAXALIGN(row->length))
	{
		row = (const Row *) at;
		touches[(*n)++] = (Touch) {row->at, row->id, {at + sizeof(Row), row->length}};
	}
	qsort(touches, *n, sizeof(Touch), compare_touches);
	return touches;
}

static ArrayType *
label_array(const Touch *touches, int n)
{
	Datum	   *labels = palloc_extended(sizeof(Datum) * (n + 1), MCXT_ALLOC_HUGE);

	for (int i = 0; i < n; i++)
		labels[i] = PointerGetDatum(cstring_to_text_with_len(touches[i].label.text, touches[i].label.length));
	return construct_array(labels, n, TEXTOID, -1, false, TYPALIGN_INT);
}

Datum
mhub_path_finalfn(PG_FUNCTION_ARGS)
{
	MhubLog    *log;
	Touch	   *touches;
	int			n;

	mhub_require_aggregate(fcinfo, AGGREGATE);
	log = MHUB_LOG_STATE();
	if (log == NULL)
		PG_RETURN_NULL();
	touches = read_touches(log, &n);
	PG_RETURN_ARRAYTYPE_P(label_array(touches, n));
}

/* One row of mhub.path_session. */
static Datum
session_row(TupleDesc descriptor, const Touch *touches, int n)
{
	Datum		values[3];
	bool		nulls[3] = {false};

	values[0] = TimestampTzGetDatum(touches[0].at);
	values[1] = TimestampTzGetDatum(touches[n - 1].at);
	values[2] = PointerGetDatum(label_array(touches, n));
	return HeapTupleGetDatum(heap_form_tuple(descriptor, values, nulls));
}

Datum
mhub_path_sessions_finalfn(PG_FUNCTION_ARGS)
{
	MhubLog    *log;
	Oid			element = get_element_type(get_fn_expr_rettype(fcinfo->flinfo));
	TupleDesc	descriptor;
	Touch	   *touches;
	Datum	   *rows;
	int			n;
	int			n_rows = 0;
	int			begin = 0;

	mhub_require_aggregate(fcinfo, AGGREGATE);
	log = MHUB_LOG_STATE();
	if (log == NULL)
		PG_RETURN_NULL();
	touches = read_touches(log, &n);
	rows = palloc_extended(sizeof(Datum) * (n + 1), MCXT_ALLOC_HUGE);
	descriptor = lookup_rowtype_tupdesc(element, -1);
	for (int i = 1; i <= n; i++)
	{
		CHECK_FOR_INTERRUPTS();
		if (i < n && mhub_elapsed(touches[i - 1].at, touches[i].at) <= ((const Head *) log->data)->gap)
			continue;
		rows[n_rows++] = session_row(descriptor, touches + begin, i - begin);
		begin = i;
	}
	ReleaseTupleDesc(descriptor);
	PG_RETURN_ARRAYTYPE_P(construct_array(rows, n_rows, element, -1, false, TYPALIGN_DOUBLE));
}

/*
 * sequence_agg.c
 *	  mhub.sequence_match() and mhub.sequence_count().
 */
#include "attribution/event_log.h"

#include "attribution/sequence.h"
#include "utils/builtins.h"
#include "utils/timestamp.h"

PG_FUNCTION_INFO_V1(mhub_sequence_transfn);
PG_FUNCTION_INFO_V1(mhub_sequence_combinefn);
PG_FUNCTION_INFO_V1(mhub_sequence_match_finalfn);
PG_FUNCTION_INFO_V1(mhub_sequence_count_finalfn);

#define AGGREGATE "mhub.sequence_match() or mhub.sequence_count()"

/* At the head of the log. */
typedef struct Head
{
	int32		n_conditions;
	int32		length;			/* of the pattern, which follows, padded to a multiple of 8 */
	char		pattern[FLEXIBLE_ARRAY_MEMBER];
} Head;

static Size
head_size(const MhubLog *log)
{
	return MAXALIGN(offsetof(Head, pattern) + ((const Head *) log->data)->length);
}

static MhubSequencePattern
parse(const char *text, int length)
{
	MhubSequencePattern pattern;
	const char *problem = mhub_sequence_parse(text, length, &pattern);

	if (problem != NULL)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_REGULAR_EXPRESSION),
				 errmsg("invalid sequence pattern \"%s\"", pnstrdup(text, length)),
				 errdetail("%s", problem)));
	return pattern;
}

/* The log, begun with the pattern of the first row, which is checked here. */
static MhubLog *
sequence_log(const text *given, int n)
{
	int			length = VARSIZE_ANY_EXHDR(given);
	MhubSequencePattern pattern = parse(VARDATA_ANY(given), length);
	MhubLog    *log = mhub_log_reserve(NULL, MAXALIGN(offsetof(Head, pattern) + length));
	Head	   *head = (Head *) log->data;

	if (pattern.max_condition > n)
		ereport(ERROR,
				(errcode(ERRCODE_ARRAY_SUBSCRIPT_ERROR),
				 errmsg("the pattern names condition %d, but there are only %d", pattern.max_condition, n)));
	head->n_conditions = n;
	head->length = length;
	memcpy(head->pattern, VARDATA_ANY(given), length);
	log->used = head_size(log);
	return log;
}

/* Arguments: state, pattern, at, conditions.  Events that meet no condition do not count, not even as ".". */
Datum
mhub_sequence_transfn(PG_FUNCTION_ARGS)
{
	MhubLog    *log;
	uint32		marks;
	int			n;

	mhub_require_aggregate(fcinfo, AGGREGATE);
	if (PG_ARGISNULL(2) || PG_ARGISNULL(3))
	{
		if (PG_ARGISNULL(0))
			PG_RETURN_NULL();
		PG_RETURN_DATUM(PG_GETARG_DATUM(0));
	}
	if (PG_ARGISNULL(1))
		ereport(ERROR,
				(errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
				 errmsg("the pattern of a sequence must not be null")));
	log = MHUB_LOG_STATE();
	marks = mhub_condition_marks(PG_GETARG_ARRAYTYPE_P(3), &n);
	if (log == NULL)
		log = sequence_log(PG_GETARG_TEXT_PP(1), n);
	if (((Head *) log->data)->n_conditions != n)
		mhub_bad_conditions();
	if (marks != 0)
		log = mhub_event_append(log, PG_GETARG_TIMESTAMPTZ(2), marks);
	PG_RETURN_POINTER(log);
}

Datum
mhub_sequence_combinefn(PG_FUNCTION_ARGS)
{
	MhubLog    *log;

	mhub_require_aggregate(fcinfo, AGGREGATE);
	log = MHUB_LOG_STATE();
	return mhub_log_combine(fcinfo, log == NULL ? 0 : head_size(log), AGGREGATE);
}

static int64
count_matches(const MhubLog *log, int64 limit)
{
	const Head *head = (const Head *) log->data;
	MhubSequencePattern pattern = parse(head->pattern, head->length);
	int			n;
	MhubMarkedEvent *events = mhub_event_read(log, head_size(log), &n);

	return mhub_sequence_count(&pattern, events, n, limit);
}

Datum
mhub_sequence_match_finalfn(PG_FUNCTION_ARGS)
{
	mhub_require_aggregate(fcinfo, AGGREGATE);
	if (PG_ARGISNULL(0))
		PG_RETURN_NULL();
	PG_RETURN_BOOL(count_matches((MhubLog *) PG_GETARG_BYTEA_P(0), 1) > 0);
}

Datum
mhub_sequence_count_finalfn(PG_FUNCTION_ARGS)
{
	mhub_require_aggregate(fcinfo, AGGREGATE);
	if (PG_ARGISNULL(0))
		PG_RETURN_NULL();
	PG_RETURN_INT64(count_matches((MhubLog *) PG_GETARG_BYTEA_P(0), PG_INT64_MAX));
}

/*
 * log_state.c
 *	  Aggregate state that grows: a varlena of records, appended in place.
 *
 * nodeAgg copies a by-reference state into the group's memory only when the
 * transition function returns another pointer than it was given.  So records
 * are written into the spare room of the varlena itself, and only a full one
 * is replaced, by one of twice the size.  There is no memory context per
 * group, and hash aggregation sees (and can spill) everything.
 */
#include "attribution/log_state.h"

#include "utils/memutils.h"

/* Small, for there may be a million groups of few rows; a power of two, to which palloc rounds anyway. */
#define FIRST_SIZE 128

/* Refuse calls from outside an aggregate: the state is trusted, not checked. */
void
mhub_require_aggregate(FunctionCallInfo fcinfo, const char *function)
{
	if (!AggCheckCallContext(fcinfo, NULL))
		ereport(ERROR,
				(errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
				 errmsg("%s can only be called as part of an aggregate", function)));
}

static MhubLog *
grown(MhubLog *log, Size need)
{
	Size		size = log == NULL ? FIRST_SIZE : (Size) VARSIZE(log) * 2;
	MhubLog    *larger;

	while (size < need)
		size *= 2;
	size = Min(size, MaxAllocSize);
	if (size < need)
		ereport(ERROR,
				(errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED),
				 errmsg("too many rows for one group of the aggregate"),
				 errdetail("The state of one group can take up at most 1 GB."),
				 errhint("Aggregate smaller groups, for example by person, or a shorter period.")));
	larger = palloc0(size);
	if (log != NULL)
		memcpy(larger, log, MHUB_LOG_HEADER + log->used);
	SET_VARSIZE(larger, size);
	return larger;
}

/* The log with room for at least that many bytes more: the same one, or a larger copy. */
MhubLog *
mhub_log_reserve(MhubLog *log, Size more)
{
	Size		need = MHUB_LOG_HEADER + (log == NULL ? 0 : log->used) + more;

	if (log != NULL && need <= VARSIZE(log))
		return log;
	return grown(log, need);
}

/*
 * Combine function of every aggregate with such a state: appends the records
 * of the second to the first.  Both begin with the same header of so many
 * bytes (options that are the same for all rows), kept once.
 */
Datum
mhub_log_combine(FunctionCallInfo fcinfo, Size header, const char *function)
{
	MhubLog    *log;
	MhubLog    *other;
	Size		more;

	mhub_require_aggregate(fcinfo, function);
	log = MHUB_LOG_STATE();
	if (PG_ARGISNULL(1))
	{
		if (log == NULL)
			PG_RETURN_NULL();
		PG_RETURN_POINTER(log);
	}
	/* What comes out of a tuple may be packed or unaligned; its records are only copied. */
	other = (MhubLog *) PG_GETARG_BYTEA_P(1);
	if (log == NULL)
		header = 0;
	more = other->used - header;
	log = mhub_log_reserve(log, more);
	memcpy(log->data + log->used, other->data + header, more);
	log->used += more;
	PG_RETURN_POINTER(log);
}

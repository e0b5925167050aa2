/*
 * log_state.h
 *	  Aggregate state that grows: a varlena of records, appended in place.
 */
#ifndef MHUB_LOG_STATE_H
#define MHUB_LOG_STATE_H

#include "common/pgcompat.h"

#include "fmgr.h"

/*
 * The varlena's size is its capacity; used says how much of data is filled.
 * It is a plain bytea to PostgreSQL, so it travels to and from parallel
 * workers (and Citus nodes) without serialisation functions.
 */
typedef struct MhubLog
{
	int32		vl_len_;
	uint32		used;
	char		data[FLEXIBLE_ARRAY_MEMBER];
} MhubLog;

#define MHUB_LOG_HEADER offsetof(MhubLog, data)

extern void mhub_require_aggregate(FunctionCallInfo fcinfo, const char *function);
extern MhubLog *mhub_log_reserve(MhubLog *log, Size more);
extern Datum mhub_log_combine(FunctionCallInfo fcinfo, Size header, const char *function);

/* The state, argument 0 of a transition or final function; NULL at first. */
#define MHUB_LOG_STATE() (PG_ARGISNULL(0) ? NULL : (MhubLog *) PG_GETARG_BYTEA_P(0))

#endif							/* MHUB_LOG_STATE_H */

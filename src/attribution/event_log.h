/*
 * event_log.h
 *	  A log of marked events behind a head: the state of funnels and sequences.
 */
#ifndef MHUB_EVENT_LOG_H
#define MHUB_EVENT_LOG_H

#include "attribution/log_state.h"
#include "attribution/marked_event.h"
#include "utils/array.h"

extern uint32 mhub_condition_marks(const ArrayType *array, int *n);
extern MhubLog *mhub_event_append(MhubLog *log, int64 at, uint32 marks);
extern MhubMarkedEvent *mhub_event_read(const MhubLog *log, Size head, int *n);
pg_noreturn extern void mhub_bad_conditions(void);

#endif							/* MHUB_EVENT_LOG_H */

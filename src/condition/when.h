/*
 * when.h
 *	  Times and lengths of time in conditions, read without DateStyle or
 *	  IntervalStyle: ISO 8601 and "2 days 3 hours" only.
 */
#ifndef MHUB_CONDITION_WHEN_H
#define MHUB_CONDITION_WHEN_H

#include "condition/ast.h"
#include "utils/date.h"

extern bool condition_read_time(const char *text, int length, int64 *usecs, bool *has_zone);
extern bool condition_read_span(const char *text, int length, CondSpan *span);
extern bool condition_instant(const char *text, int length, TimestampTz *instant);
extern TimestampTz condition_local_instant(int64 local_usecs);
extern TimestampTz condition_moment(const CondMoment *moment, TimestampTz at);
extern TimestampTz condition_shift(TimestampTz at, const CondSpan *span, bool back);
extern void condition_local_dates(TimestampTz at, const CondSpan *span, DateADT *before, DateADT *day);
extern void condition_local_days(TimestampTz at, const CondSpan *span, char before[11], char day[11]);
extern void condition_local_day(TimestampTz at, char day[11]);

#endif							/* MHUB_CONDITION_WHEN_H */

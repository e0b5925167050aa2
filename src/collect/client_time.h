/*
 * client_time.h
 *	  Times as clients send them.
 */
#ifndef MHUB_CLIENT_TIME_H
#define MHUB_CLIENT_TIME_H

#include "common/pgcompat.h"

#include "datatype/timestamp.h"

/* The year 1: the earliest time that an event may have, far enough from where timestamps end for any time zone */
#define MHUB_EARLIEST_TIME ((1721426 - POSTGRES_EPOCH_JDATE) * USECS_PER_DAY)

extern bool mhub_parse_client_time(const char *text, size_t length, TimestampTz *result);
extern bool mhub_epoch_time(double number, TimestampTz *result);
extern TimestampTz mhub_corrected_time(TimestampTz original, TimestampTz sent,
									   TimestampTz received, int64 threshold_us);

#endif							/* MHUB_CLIENT_TIME_H */

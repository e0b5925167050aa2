/*
 * hub_time.h
 *	  Days in the hub's time zone (mhub.time_zone).
 */
#ifndef MHUB_HUB_TIME_H
#define MHUB_HUB_TIME_H

#include "common/pgcompat.h"

#include "datatype/timestamp.h"
#include "pgtime.h"
#include "utils/date.h"

extern void mhub_hub_time_init(void);
extern pg_tz *mhub_hub_zone(void);
extern DateADT mhub_day_of(TimestampTz at);

#endif							/* MHUB_HUB_TIME_H */

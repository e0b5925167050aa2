/*
 * clock.h
 *	  The hub's one clock.
 */
#ifndef MHUB_CLOCK_H
#define MHUB_CLOCK_H

#include "common/pgcompat.h"

#include "datatype/timestamp.h"

extern TimestampTz mhub_clock_now(void);
extern void mhub_workflow_init(void);

#endif							/* MHUB_CLOCK_H */

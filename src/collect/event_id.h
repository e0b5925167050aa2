/*
 * event_id.h
 *	  Event ids in C.
 */
#ifndef MHUB_EVENT_ID_H
#define MHUB_EVENT_ID_H

#include "common/pgcompat.h"

extern void mhub_event_ids(int64 *ids, int n);

#endif							/* MHUB_EVENT_ID_H */

/*
 * details.h
 *	  What properties and context say, into the event's own columns.
 */
#ifndef MHUB_DETAILS_H
#define MHUB_DETAILS_H

#include "collect/collect.h"

extern void mhub_event_take_context(MhubEventBatch *batch, MhubEvent *event, JsonbContainer *context);
extern void mhub_event_take_properties(MhubEvent *event, Jsonb *properties);
extern void mhub_event_take_traits(MhubEventBatch *batch, MhubEvent *event, const JsonbValue *traits, bool keep);
extern inet *mhub_parse_ip(const char *text);

#endif							/* MHUB_DETAILS_H */

/*
 * message.h
 *	  Segment's messages as events.
 */
#ifndef MHUB_MESSAGE_H
#define MHUB_MESSAGE_H

#include "collect/collect.h"

#define MHUB_PAGE_EVENT "Page Viewed"
#define MHUB_SCREEN_EVENT "Screen Viewed"

/* What the messages of one body have in common */
typedef struct MhubEnvelope
{
	TimestampTz sent_at;
	JsonbContainer *context;	/* NULL: none */
} MhubEnvelope;

extern void mhub_read_envelope(JsonbContainer *body, MhubEnvelope *envelope);
extern void mhub_read_message(MhubEventBatch *batch, MhubEvent *event,
							  const JsonbValue *message, const MhubEnvelope *envelope);

#endif							/* MHUB_MESSAGE_H */

/*
 * ingest.h
 *	  What the two forms of mhub.ingest() share.
 */
#ifndef MHUB_INGEST_H
#define MHUB_INGEST_H

#include "collect/collect.h"

#include "collect/message.h"
#include "nodes/execnodes.h"

/* Where messages come in, for mhub.rejected and new identifiers */
#define MHUB_INGEST_SOURCE "ingest"

/* A message that is no JSON */
typedef struct MhubUnread
{
	const char *raw;			/* as it came; NULL for one that could be read */
	const char *why;
} MhubUnread;

/* What came of a message, as in MhubEvent */
typedef struct MhubOutcome
{
	MhubEventStatus status;
	const char *message_id;
	const char *reason;
	const char *detail;
	int64		event_id;
	int64		person_id;
} MhubOutcome;

typedef struct MhubIngest
{
	MemoryContext memory;		/* of the call: outcomes live here */
	MhubEnvelope envelope;
	int			n_messages;
	JsonbValue *messages;		/* null where unread */
	MhubUnread *unread;			/* of each message; NULL: all could be read */
	MhubOutcome *outcomes;
} MhubIngest;

/* ingest_record.c: fills in the outcomes */
extern void mhub_ingest_record(MhubIngest *ingest);

/* Records the messages, keeps the rejected ones and adds a row about each to the result. */
extern void mhub_ingest_run(MhubIngest *ingest, ReturnSetInfo *result);
extern void mhub_ingest_body(Jsonb *body, ReturnSetInfo *result);

#endif							/* MHUB_INGEST_H */

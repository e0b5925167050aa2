/*
 * collect.h
 *	  Events in bulk: what mhub.track(), mhub.ingest() and the log loader share.
 *
 * Fill a batch, record it, read each event's outcome, reset it for the next:
 *
 *		MhubEventBatch *batch = mhub_event_batch_create("access_log");
 *
 *		MhubEvent  *event = mhub_event_batch_add(batch);
 *		event->name = "Page Viewed";
 *		mhub_event_add_identifier(batch, event, "cookie", "c-1");
 *		...
 *		mhub_event_batch_record(batch);
 *		... batch->events[i]->status ...
 *		mhub_event_batch_reset(batch);
 *
 * Strings are NUL-terminated, in the server's encoding, and must live until
 * the batch is recorded; batch->memory is the place for them.  NULL and
 * DT_NOBEGIN mean "not given".  A batch of 500 to 5,000 is a good size.
 */
#ifndef MHUB_COLLECT_H
#define MHUB_COLLECT_H

#include "mhub.h"

#include "datatype/timestamp.h"
#include "utils/inet.h"
#include "utils/jsonb.h"
#include "utils/numeric.h"
#include "utils/uuid.h"

#include "identity/identity.h"
#include "traffic/traffic.h"

/* Longest accepted name of an event, type and message id, in bytes */
#define MHUB_EVENT_NAME_MAX 1000

typedef enum MhubEventStatus
{
	MHUB_EVENT_PENDING,
	MHUB_EVENT_ACCEPTED,
	MHUB_EVENT_DUPLICATE,
	MHUB_EVENT_REJECTED
} MhubEventStatus;

typedef struct MhubEvent
{
	/* What the caller says; name and at least one identifier (or identifier_id) are required. */
	const char *type;			/* NULL: track */
	const char *name;
	const char *message_id;		/* NULL: a new one */
	TimestampTz original_timestamp; /* by the client's clock; none: when received */
	TimestampTz sent_at;		/* by the same clock: lets its skew be corrected */
	int64		client_sequence;
	bool		has_client_sequence;
	const char *url;			/* as sent: personal query values are removed here */
	const char *referrer;
	const char *campaign_query; /* utm_...=... known apart from the url */
	const char *user_agent;
	inet	   *ip;
	Numeric		value;
	const char *currency;
	const char *invalid_reason; /* when the caller knows better than mhub's own tests */
	Jsonb	   *properties;		/* objects, stored as they are; NULL: {} */
	Jsonb	   *context;
	bool		stores_event;	/* false: only the message id and identifiers are recorded */
	int			n_identifiers;
	int			max_identifiers;
	IdentityName *identifiers;
	Jsonb	   *traits;			/* of the person, an object */
	const char *alias_of;		/* an earlier id of the same person, of whichever kind it is known */
	const char *group_id;		/* a group that the person is in, and what is known about that */
	Jsonb	   *group_traits;
	int64		identifier_id;	/* instead of identifiers, where the caller knows it; else found */

	/* What came of it */
	MhubEventStatus status;
	const char *reason;			/* of a rejection: a stable word */
	const char *detail;			/* what was wrong; NULL when reason says it all */
	int64		event_id;		/* of a duplicate: the original's */
	int64		person_id;		/* 0 for a duplicate or when identifier_id was given */
	bool		is_first;		/* recording it inserted the identifier */
	TimestampTz occurred_at;
	bool		has_own_id;		/* message_id was made here, so it is new */
	pg_uuid_t	message_key;
	MhubSource	source;
} MhubEvent;

typedef struct MhubEventBatch
{
	MemoryContext memory;
	bool		owns_memory;
	const char *source;			/* where it came in, kept with new identifiers */
	bool		expects_no_duplicate;	/* faster; then a duplicate raises unique_violation */
	TimestampTz received_at;
	int			n_events;
	int			max_events;
	MhubEvent **events;
} MhubEventBatch;

/*
 * source must outlive the batch.  The batch's memory is a child of
 * CurrentMemoryContext, or is given; then it is only reset, never deleted.
 */
extern MhubEventBatch *mhub_event_batch_create(const char *source);
extern MhubEventBatch *mhub_event_batch_create_in(MemoryContext memory, const char *source);
extern MhubEvent *mhub_event_batch_add(MhubEventBatch *batch);
extern void mhub_event_add_identifier(MhubEventBatch *batch, MhubEvent *event,
									  const char *kind, const char *value);
extern void mhub_event_add_name(MhubEventBatch *batch, MhubEvent *event, const IdentityName *name);

/*
 * Records all events: duplicates are recognised, sources and robots judged,
 * identifiers linked, counters moved.  Set-based, a handful of statements a
 * batch.  What an event lacks only rejects that event; errors of the database
 * are raised.  Uses SPI; the caller need not be connected.
 */
extern void mhub_event_batch_record(MhubEventBatch *batch);

/* Empties the batch and frees what was allocated in batch->memory. */
extern void mhub_event_batch_reset(MhubEventBatch *batch);
extern void mhub_event_batch_destroy(MhubEventBatch *batch);

/* Adds a row to mhub.rejected, unless this message with this id is there; detail and message_id may be NULL. */
extern void mhub_reject(const char *source, const char *reason, const char *detail,
						const char *message_id, const char *raw);

#endif							/* MHUB_COLLECT_H */

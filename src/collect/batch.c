/*
 * batch.c
 *	  Filling a batch of events.
 */
#include "collect/collect.h"

#include "utils/memutils.h"

#define INITIAL_EVENTS 16
#define INITIAL_IDENTIFIERS 4

static void
batch_clear(MhubEventBatch *batch)
{
	MemoryContextReset(batch->memory);
	batch->n_events = 0;
	batch->max_events = INITIAL_EVENTS;
	batch->events = MemoryContextAlloc(batch->memory, INITIAL_EVENTS * sizeof(MhubEvent *));
}

MhubEventBatch *
mhub_event_batch_create_in(MemoryContext memory, const char *source)
{
	MhubEventBatch *batch = palloc0(sizeof(MhubEventBatch));

	batch->source = source;
	batch->memory = memory;
	batch_clear(batch);
	return batch;
}

MhubEventBatch *
mhub_event_batch_create(const char *source)
{
	MhubEventBatch *batch = mhub_event_batch_create_in(AllocSetContextCreate(CurrentMemoryContext, "mhub event batch",
																			 ALLOCSET_DEFAULT_SIZES), source);

	batch->owns_memory = true;
	return batch;
}

MhubEvent *
mhub_event_batch_add(MhubEventBatch *batch)
{
	MhubEvent  *event = MemoryContextAllocZero(batch->memory, sizeof(MhubEvent));

	if (batch->n_events == batch->max_events)
	{
		batch->max_events *= 2;
		batch->events = repalloc_huge(batch->events, batch->max_events * sizeof(MhubEvent *));
	}
	batch->events[batch->n_events++] = event;
	event->stores_event = true;
	event->original_timestamp = DT_NOBEGIN;
	event->sent_at = DT_NOBEGIN;
	return event;
}

static void
make_room_for_identifier(MhubEventBatch *batch, MhubEvent *event)
{
	if (event->identifiers == NULL)
	{
		event->max_identifiers = INITIAL_IDENTIFIERS;
		event->identifiers = MemoryContextAlloc(batch->memory, INITIAL_IDENTIFIERS * sizeof(IdentityName));
	}
	else if (event->n_identifiers == event->max_identifiers)
	{
		event->max_identifiers *= 2;
		event->identifiers = repalloc(event->identifiers, event->max_identifiers * sizeof(IdentityName));
	}
}

void
mhub_event_add_name(MhubEventBatch *batch, MhubEvent *event, const IdentityName *name)
{
	make_room_for_identifier(batch, event);
	event->identifiers[event->n_identifiers++] = *name;
}

void
mhub_event_add_identifier(MhubEventBatch *batch, MhubEvent *event, const char *kind, const char *value)
{
	IdentityName name = {kind, (int) strlen(kind), value, (int) strlen(value)};

	mhub_event_add_name(batch, event, &name);
}

void
mhub_event_batch_reset(MhubEventBatch *batch)
{
	batch_clear(batch);
}

void
mhub_event_batch_destroy(MhubEventBatch *batch)
{
	if (batch->owns_memory)
		MemoryContextDelete(batch->memory);
	else
		MemoryContextReset(batch->memory);
	pfree(batch);
}

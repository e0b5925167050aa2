/*
 * profile.c
 *	  Profiles of persons, built from what the hub knows about them.
 */
#include "mhub.h"

#include "condition/profile.h"

#include "common/compare_ids.h"
#include "miscadmin.h"
#include "utils/memutils.h"
#include "utils/snapmgr.h"

/* The ids in order, each once. */
static int64 *
each_once(const int64 *persons, int npersons, int *count)
{
	int64	   *ids = palloc_extended(Max(npersons, 1) * sizeof(int64), MCXT_ALLOC_HUGE);
	int			n = 0;

	memcpy(ids, persons, npersons * sizeof(int64));
	qsort(ids, npersons, sizeof(int64), mhub_compare_ids);
	for (int i = 0; i < npersons; i++)
	{
		if (n == 0 || ids[n - 1] != ids[i])
			ids[n++] = ids[i];
	}
	*count = n;
	return ids;
}

/* Events to list one by one: those asked for and those that segments look at. */
static void
want_everything(const ProfileRequest *request, const SegmentSet *set, FactsWanted *wanted)
{
	memset(wanted, 0, sizeof(*wanted));
	wanted->all_events = true;
	wanted->event_objects = true;
	wanted->event_times = true;
	wanted->all_consent = true;
	wanted->lists = set->has_lists;
	for (int i = 0; i < request->nitem_events; i++)
		profile_add_event(request->item_events[i], &wanted->item_events, &wanted->nitem_events);
	for (int i = 0; i < set->nitem_events; i++)
		profile_add_event(set->item_events[i], &wanted->item_events, &wanted->nitem_events);
}

static void
build_one(FactsReader *reader, SegmentSet *set, int64 person_id, ProfileSink sink, void *arg)
{
	PersonFacts facts;
	BuiltProfile built = {.facts = &facts};

	if (!facts_reader_read(reader, person_id, &facts))
		return;
	built.segments = segment_set_evaluate(set, &facts, NULL, reader->at, &built.nsegments, &built.next_change);
	sink(arg, &built);
}

void
mhub_build_profiles(const int64 *persons, int npersons, const ProfileRequest *request, ProfileSink sink, void *arg)
{
	SegmentSet *set = segment_set_get();
	MemoryContext memory = AllocSetContextCreate(CurrentMemoryContext, "mhub profiles", ALLOCSET_DEFAULT_SIZES);
	MemoryContext before = MemoryContextSwitchTo(memory);
	MemoryContext one = AllocSetContextCreate(memory, "mhub profile", ALLOCSET_DEFAULT_SIZES);
	FactsWanted wanted;
	FactsReader reader;
	int			n;
	int64	   *ids = each_once(persons, npersons, &n);

	want_everything(request, set, &wanted);
	facts_reader_open(&reader, &wanted, request->at);
	for (int i = 0; i < n; i++)
	{
		CHECK_FOR_INTERRUPTS();
		MemoryContextSwitchTo(one);
		build_one(&reader, set, ids[i], sink, arg);
		MemoryContextReset(one);
	}
	MemoryContextSwitchTo(memory);
	facts_reader_close(&reader);
	MemoryContextSwitchTo(before);
	MemoryContextDelete(memory);
}

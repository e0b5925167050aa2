/*
 * slot_wanted.c
 *	  What must be known about somebody for the rules of a slot.
 */
#include "mhub.h"

#include "content/slot.h"

#include "utils/memutils.h"

static void
compute(Slot *slot, const SegmentSet *segments)
{
	FactsWanted *wanted = &slot->wanted;

	memset(wanted, 0, sizeof(*wanted));
	wanted->segments = palloc0((segments->nsegments + 1) * sizeof(bool));
	for (int i = 0; i < slot->set.nrules; i++)
	{
		const Rule *rule = &slot->set.rules[i];

		if (rule->condition != NULL)
			facts_want(wanted, segments, rule->condition->root);
	}
}

const FactsWanted *
slot_wanted(Slot *slot, const SegmentSet *segments)
{
	MemoryContext before;

	if (slot->wanted_generation == segments->generation)
		return &slot->wanted;
	slot->wanted_generation = 0;
	if (slot->wanted_context == NULL)
		slot->wanted_context = AllocSetContextCreate(slot->context, "mhub slot wants", ALLOCSET_SMALL_SIZES);
	MemoryContextReset(slot->wanted_context);
	before = MemoryContextSwitchTo(slot->wanted_context);
	compute(slot, segments);
	MemoryContextSwitchTo(before);
	slot->wanted_generation = segments->generation;
	return &slot->wanted;
}

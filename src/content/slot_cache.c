/*
 * slot_cache.c
 *	  Slots with their rules, compiled once per backend and dropped when a
 *	  table that they come from changes.
 */
#include "mhub.h"

#include "content/slot.h"

#include "catalog/pg_type.h"
#include "common/hashfn.h"
#include "common/spi_plan.h"
#include "common/table_cache.h"
#include "content/slot_load.h"
#include "utils/hsearch.h"
#include "utils/memutils.h"
#include "utils/snapmgr.h"

#define MOST_SLOTS 1000

typedef struct SlotKey
{
	const char *name;
	int			length;
} SlotKey;

typedef struct SlotEntry
{
	SlotKey		key;
	Slot	   *slot;
} SlotEntry;

static MhubTableCache table_cache = {.tables = {"slot", "content", "content_rule"}};
static HTAB *slots;
static MemoryContext slots_context;

static uint32
hash_key(const void *key, Size size pg_attribute_unused())
{
	const SlotKey *k = key;

	return hash_bytes((const unsigned char *) k->name, k->length);
}

static int
match_key(const void *a, const void *b, Size size pg_attribute_unused())
{
	const SlotKey *x = a;
	const SlotKey *y = b;

	return x->length == y->length ? memcmp(x->name, y->name, x->length) : 1;
}

/*
 * Forgets every slot.  What somebody further up is still using stays until
 * the transaction ends.
 */
static void
forget_slots(void)
{
	HASHCTL		control = {.keysize = sizeof(SlotKey), .entrysize = sizeof(SlotEntry), .hash = hash_key, .match = match_key};

	if (slots_context != NULL)
		MemoryContextSetParent(slots_context, TopTransactionContext);
	slots = NULL;
	slots_context = AllocSetContextCreate(CacheMemoryContext, "mhub slots", ALLOCSET_DEFAULT_SIZES);
	control.hcxt = slots_context;
	slots = hash_create("mhub slots", 16, &control, HASH_ELEM | HASH_FUNCTION | HASH_COMPARE | HASH_CONTEXT);
}

/* Loads a slot apart from the cache and adopts it when it is complete. */
static Slot *
load_slot(SlotKey key)
{
	MemoryContext context = AllocSetContextCreate(CurrentMemoryContext, "mhub slot", ALLOCSET_DEFAULT_SIZES);
	MemoryContext before = MemoryContextSwitchTo(context);
	Slot	   *slot = palloc0(sizeof(Slot));
	SlotEntry  *entry;

	slot->name = pnstrdup(key.name, key.length);
	slot->context = context;
	MemoryContextSwitchTo(before);
	slot_load(slot);
	key.name = slot->name;
	entry = hash_search(slots, &key, HASH_ENTER, NULL);
	entry->slot = slot;
	MemoryContextSetParent(context, slots_context);
	return slot;
}

/* The compiled slot; one that does not exist has exists = false. */
Slot *
slot_get(const char *name, int length)
{
	SlotKey		key = {name, length};
	SlotEntry  *entry;
	uint64		seen;
	Slot	   *slot;

	if (table_cache.valid && slots != NULL)
	{
		entry = hash_search(slots, &key, HASH_FIND, NULL);
		if (entry != NULL)
			return entry->slot;
	}
	if (!table_cache.valid || slots == NULL || hash_get_num_entries(slots) >= MOST_SLOTS)
	{
		seen = mhub_table_cache_begin(&table_cache);
		forget_slots();
		mhub_table_cache_end(&table_cache, seen);
	}
	seen = table_cache.changes;
	slot = load_slot(key);
	if (table_cache.changes != seen)
		table_cache.valid = false;
	return slot;
}

/*
 * condition_cache.c
 *	  Compiled conditions, kept per backend by their text.
 *
 * A condition means what its text says, so an entry never becomes stale.
 */
#include "condition/condition_cache.h"

#include "common/hashfn.h"
#include "utils/hsearch.h"
#include "utils/memutils.h"

/* When so many are held, all are dropped: simple, and rare enough not to matter. */
#define MOST_ENTRIES 2000

typedef struct Key
{
	const char *text;
	int			length;
} Key;

typedef struct Entry
{
	Key			key;
	CachedCondition cached;
} Entry;

static MemoryContext cache_context;
static HTAB *cache;

static uint32
hash_key(const void *key, Size size pg_attribute_unused())
{
	const Key  *k = key;

	return hash_bytes((const unsigned char *) k->text, k->length);
}

static int
match_key(const void *a, const void *b, Size size pg_attribute_unused())
{
	const Key  *x = a;
	const Key  *y = b;

	return x->length == y->length ? memcmp(x->text, y->text, x->length) : 1;
}

static void
open_cache(void)
{
	HASHCTL		control = {.keysize = sizeof(Key), .entrysize = sizeof(Entry), .hash = hash_key, .match = match_key};

	if (cache_context == NULL)
		cache_context = AllocSetContextCreate(CacheMemoryContext, "mhub conditions", ALLOCSET_DEFAULT_SIZES);
	else
		MemoryContextReset(cache_context);
	control.hcxt = cache_context;
	cache = NULL;
	cache = hash_create("mhub conditions", 64, &control, HASH_ELEM | HASH_FUNCTION | HASH_COMPARE | HASH_CONTEXT);
}

/* Compiled apart and adopted when complete, so that an error leaves nothing half done. */
static CachedCondition *
compile_into_cache(Key key)
{
	MemoryContext context = AllocSetContextCreate(CurrentMemoryContext, "mhub condition", ALLOCSET_SMALL_SIZES);
	MemoryContext before = MemoryContextSwitchTo(context);
	MhubAttributes *attributes = mhub_attributes_create();
	CachedCondition cached;
	Entry	   *entry;
	bool		found;

	key.text = pnstrdup(key.text, key.length);
	cached.condition = mhub_condition_compile(key.text, key.length, attributes);
	mhub_profile_init(&cached.profile, attributes);
	MemoryContextSwitchTo(before);
	entry = hash_search(cache, &key, HASH_ENTER, &found);
	entry->cached = cached;
	MemoryContextSetParent(context, cache_context);
	return &entry->cached;
}

/* The compiled condition.  Good until the next call. */
CachedCondition *
condition_cached(const text *condition)
{
	Key			key = {VARDATA_ANY(condition), VARSIZE_ANY_EXHDR(condition)};
	Entry	   *entry;

	if (cache == NULL || hash_get_num_entries(cache) >= MOST_ENTRIES)
		open_cache();
	entry = hash_search(cache, &key, HASH_FIND, NULL);
	return entry ? &entry->cached : compile_into_cache(key);
}

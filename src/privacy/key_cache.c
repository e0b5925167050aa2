/*
 * key_cache.c
 *	  A backend's unwrapped person keys: bounded, and wiped when dropped.
 *
 * Least recently used keys go first.  Two hash tables find an entry by key and
 * by person; entries come from one fixed array, so that a wipe reaches every
 * key this file has ever held.
 */
#include "privacy/key_cache.h"

#include "lib/ilist.h"
#include "utils/hsearch.h"
#include "utils/memutils.h"

#define CACHED_KEYS 1024

StaticAssertDecl(CACHED_KEYS >= 2 * MHUB_KEY_BATCH, "a batch of keys must fit into the cache");

typedef struct CachedKey
{
	dlist_node	node;
	MhubPersonKey key;
} CachedKey;

/* Entry of both hash tables: key_id or person_id leads to a place in the array. */
typedef struct CacheIndex
{
	int64		id;
	CachedKey  *entry;
} CacheIndex;

static CachedKey *entries = NULL;
static dlist_head lru = DLIST_STATIC_INIT(lru);
static int	used = 0;
static HTAB *by_key = NULL;
static HTAB *by_person = NULL;

static HTAB *
create_index(const char *name)
{
	HASHCTL		control = {.keysize = sizeof(int64), .entrysize = sizeof(CacheIndex), .hcxt = TopMemoryContext};

	return hash_create(name, CACHED_KEYS, &control, HASH_ELEM | HASH_BLOBS | HASH_CONTEXT);
}

static void
create_cache(void)
{
	entries = MemoryContextAllocZero(TopMemoryContext, CACHED_KEYS * sizeof(CachedKey));
	by_key = create_index("mhub keys");
	by_person = create_index("mhub keys by person");
}

static const MhubPersonKey *
find(HTAB *table, int64 id)
{
	CacheIndex *index = table != NULL ? hash_search(table, &id, HASH_FIND, NULL) : NULL;

	if (index == NULL)
		return NULL;
	dlist_move_head(&lru, &index->entry->node);
	return &index->entry->key;
}

const MhubPersonKey *
mhub_cached_key(int64 key_id)
{
	return find(by_key, key_id);
}

/* The person's key for sealing: the newest one cached for it that lives */
const MhubPersonKey *
mhub_cached_key_of(int64 person_id)
{
	return find(by_person, person_id);
}

/* Takes an entry out of the indexes, but leaves person_id's if another key has taken it over. */
static void
unlink_entry(CachedKey *entry)
{
	CacheIndex *person = hash_search(by_person, &entry->key.person_id, HASH_FIND, NULL);

	if (person != NULL && person->entry == entry)
		hash_search(by_person, &entry->key.person_id, HASH_REMOVE, NULL);
	hash_search(by_key, &entry->key.key_id, HASH_REMOVE, NULL);
	dlist_delete(&entry->node);
	mhub_cleanse(&entry->key, sizeof(entry->key));
}

static CachedKey *
free_entry(void)
{
	CachedKey  *oldest;

	if (used < CACHED_KEYS)
		return &entries[used++];
	oldest = dlist_tail_element(CachedKey, node, &lru);
	unlink_entry(oldest);
	return oldest;
}

static void
add_to_index(HTAB *table, int64 id, CachedKey *entry)
{
	CacheIndex *index = hash_search(table, &id, HASH_ENTER, NULL);

	index->entry = entry;
}

/* Adds a key; a destroyed one is remembered as such, but never found for its person. */
const MhubPersonKey *
mhub_cache_key(const MhubPersonKey *key)
{
	CacheIndex *known;
	CachedKey  *entry;

	if (entries == NULL)
		create_cache();
	known = hash_search(by_key, &key->key_id, HASH_FIND, NULL);
	entry = known != NULL ? known->entry : free_entry();
	if (known != NULL)
		dlist_delete(&entry->node);
	entry->key = *key;
	dlist_push_head(&lru, &entry->node);
	add_to_index(by_key, key->key_id, entry);
	if (!key->destroyed)
		add_to_index(by_person, key->person_id, entry);
	return &entry->key;
}

/* Allocates nothing: invalidation calls this also while a transaction is being aborted. */
void
mhub_key_cache_clear(void)
{
	while (used > 0)
		unlink_entry(&entries[--used]);
}

/*
 * source_host.c
 *	  Finds what is known about a host or a source's name.
 *
 * One hash table over hosts: a look-up tries a host's suffixes, longest
 * first, at label borders only, so that notwikipedia.org is not
 * wikipedia.org.  An entry may be narrowed to a path.
 */
#include "traffic/source_host.h"

#include "common/hashfn.h"
#include "lib/stringinfo.h"
#include "utils/memutils.h"

#define KEY_MAX 256				/* DNS names are shorter */

/* A fact under one key; entries of one key differ in path, the longest first. */
typedef struct SourceEntry
{
	const char *path;
	size_t		path_length;
	MhubSourceFact fact;
	struct SourceEntry *next;
} SourceEntry;

typedef struct SourceSlot
{
	char	   *key;
	SourceEntry *entries;
	uint32		hash;
	char		status;
} SourceSlot;

static uint32
key_hash(const char *key)
{
	return hash_bytes((const unsigned char *) key, (int) strlen(key));
}

#define SH_PREFIX source
#define SH_ELEMENT_TYPE SourceSlot
#define SH_KEY_TYPE char *
#define SH_KEY key
#define SH_HASH_KEY(table, k) key_hash(k)
#define SH_EQUAL(table, a, b) (strcmp((a), (b)) == 0)
#define SH_STORE_HASH
#define SH_GET_HASH(table, slot) (slot)->hash
#define SH_SCOPE static inline
#define SH_DECLARE
#define SH_DEFINE
#include "lib/simplehash.h"

struct MhubSourceIndex
{
	MemoryContext context;
	source_hash *hosts;
	source_hash *names;
};

static const char *const category_names[] = {
	[MHUB_SOURCE_NONE] = "none",
	[MHUB_SOURCE_SEARCH] = "search",
	[MHUB_SOURCE_SOCIAL] = "social",
	[MHUB_SOURCE_VIDEO] = "video",
	[MHUB_SOURCE_SHOPPING] = "shopping",
	[MHUB_SOURCE_EMAIL] = "email",
	[MHUB_SOURCE_AI] = "ai",
	[MHUB_SOURCE_PAID] = "paid",
	[MHUB_SOURCE_EXCLUDED] = "excluded",
	[MHUB_SOURCE_OWN] = "own",
	[MHUB_SOURCE_SPAM] = "spam",
};

const char *
mhub_category_name(MhubSourceCategory category)
{
	return category_names[category];
}

bool
mhub_category_by_name(const char *name, MhubSourceCategory *category)
{
	int			i;

	for (i = 0; i < (int) lengthof(category_names); i++)
	{
		if (strcmp(name, category_names[i]) == 0)
		{
			*category = (MhubSourceCategory) i;
			return true;
		}
	}
	return false;
}

/* The two-part endings under which names are registered, as in co.uk, com.cn, ne.jp */
static bool
is_second_level(const char *label, size_t length)
{
	static const char *const labels[] = {"co", "com", "net", "org", "ne", "or", "ac", "edu", "gov", "gob", "go"};
	int			i;

	for (i = 0; i < (int) lengthof(labels); i++)
	{
		if (strlen(labels[i]) == length && strncmp(label, labels[i], length) == 0)
			return true;
	}
	return false;
}

static const char *
label_before(const char *host, const char *end)
{
	const char *start = end;

	while (start > host && start[-1] != '.')
		start--;
	return start;
}

/* Where the host's top-level domain begins: com, cn, com.cn ...; NULL for a host of one label. */
static const char *
top_level_domain(const char *host)
{
	const char *end = host + strlen(host);
	const char *last = label_before(host, end);
	const char *second;

	if (last == host)
		return NULL;
	if (end - last != 2)
		return last;
	second = label_before(host, last - 1);
	return second > host && is_second_level(second, last - 1 - second) ? second : last;
}

static SourceEntry *
entry_for_path(SourceEntry *entry, const char *path)
{
	for (; entry != NULL; entry = entry->next)
	{
		if (entry->path_length == 0 || (path != NULL && strncmp(path, entry->path, entry->path_length) == 0))
			return entry;
	}
	return NULL;
}

static SourceEntry *
lookup(source_hash *hosts, const char *key, const char *path)
{
	SourceSlot *slot = source_lookup(hosts, unconstify(char *, key));

	return slot == NULL ? NULL : entry_for_path(slot->entries, path);
}

/*
 * What is known about host (normalised; NULL path when there is none), or
 * NULL.  The name before a top-level domain also finds example.* entries.
 */
const MhubSourceFact *
mhub_source_by_host(const MhubSourceIndex *index, const char *host, const char *path)
{
	const char *tld = top_level_domain(host);
	const char *suffix = host;
	char		any[KEY_MAX];

	if (strlen(host) + 3 > KEY_MAX)
		return NULL;
	while (suffix != NULL)
	{
		SourceEntry *entry = lookup(index->hosts, suffix, path);

		if (entry == NULL && tld != NULL && suffix < tld)
		{
			memcpy(any, suffix, tld - suffix);
			strcpy(any + (tld - suffix), "*");
			entry = lookup(index->hosts, any, path);
		}
		if (entry != NULL)
			return &entry->fact;
		suffix = strchr(suffix, '.');
		if (suffix != NULL)
			suffix++;
	}
	return NULL;
}

/* A name without the separators people put into it: Google_Ads, google-ads, google ads */
static void
plain_name(const char *name, char *out)
{
	size_t		n = 0;

	for (; *name != '\0' && n < KEY_MAX - 1; name++)
	{
		if (*name != ' ' && *name != '_' && *name != '-')
			out[n++] = pg_ascii_tolower((unsigned char) *name);
	}
	out[n] = '\0';
}

/* What is known about a source's name as utm_source has it, which may also be a host; or NULL */
const MhubSourceFact *
mhub_source_by_name(const MhubSourceIndex *index, const char *name)
{
	char		key[KEY_MAX];
	SourceSlot *slot;

	plain_name(name, key);
	slot = source_lookup(index->names, key);
	if (slot != NULL)
		return &slot->entries->fact;
	return strchr(name, '.') != NULL ? mhub_source_by_host(index, name, NULL) : NULL;
}

static SourceSlot *
slot_for(MhubSourceIndex *index, source_hash *table, const char *key, bool *found)
{
	char	   *copy = MemoryContextStrdup(index->context, key);
	SourceSlot *slot = source_insert(table, copy, found);

	if (!*found)
		slot->entries = NULL;
	return slot;
}

static void
add_entry(MhubSourceIndex *index, SourceEntry **list, const char *path, const MhubSourceFact *fact)
{
	SourceEntry *entry;
	size_t		length = path == NULL ? 0 : strlen(path);

	while (*list != NULL && (*list)->path_length >= length)
	{
		if ((*list)->path_length == length && (length == 0 || strcmp((*list)->path, path) == 0))
		{
			(*list)->fact = *fact;	/* said again: the later word counts */
			return;
		}
		list = &(*list)->next;
	}
	entry = MemoryContextAllocZero(index->context, sizeof(SourceEntry));
	entry->path = length == 0 ? NULL : MemoryContextStrdup(index->context, path);
	entry->path_length = length;
	entry->fact = *fact;
	entry->next = *list;
	*list = entry;
}

/* Adds host[/path] (normalised); replaces what was known about exactly that. */
void
mhub_source_index_add(MhubSourceIndex *index, const char *host, const MhubSourceFact *fact)
{
	const char *path = strchr(host, '/');
	char	   *key = path == NULL ? pstrdup(host) : pnstrdup(host, path - host);
	bool		found;
	SourceSlot *slot = slot_for(index, index->hosts, key, &found);

	add_entry(index, &slot->entries, path, fact);
	pfree(key);
}

/* Adds a name of a source; replaces what was known under it. */
void
mhub_source_index_name(MhubSourceIndex *index, const char *name, const MhubSourceFact *fact)
{
	char		key[KEY_MAX];
	bool		found;
	SourceSlot *slot;

	plain_name(name, key);
	slot = slot_for(index, index->names, key, &found);
	add_entry(index, &slot->entries, NULL, fact);
}

static void
add_words(MhubSourceIndex *index, const char *words, const MhubSourceFact *fact,
		  void (*add) (MhubSourceIndex *, const char *, const MhubSourceFact *))
{
	while (words != NULL && *words != '\0')
	{
		size_t		length = strcspn(words, " ");
		char	   *word = pnstrdup(words, length);

		if (length > 0)
			add(index, word, fact);
		pfree(word);
		words += length + strspn(words + length, " ");
	}
}

/* The first list that has a name says what it is: google is a search engine, though it also serves ads. */
static void
add_shipped_name(MhubSourceIndex *index, const char *name, const MhubSourceFact *fact)
{
	char		key[KEY_MAX];

	plain_name(name, key);
	if (source_lookup(index->names, key) == NULL)
		mhub_source_index_name(index, name, fact);
}

/* Hosts that are sources of their own: known by host, and by its name before the top-level domain */
static void
add_host_source(MhubSourceIndex *index, const char *host, const MhubSourceFact *fact)
{
	MhubSourceFact own = *fact;
	const char *tld = top_level_domain(host);

	own.source = MemoryContextStrdup(index->context, host);
	mhub_source_index_add(index, host, &own);
	if (tld != NULL)
	{
		char	   *name = pnstrdup(host, tld - host - 1);

		add_shipped_name(index, name, &own);
		pfree(name);
	}
}

static void
add_brand(MhubSourceIndex *index, const MhubSourceBrand *brand, MhubSourceCategory category)
{
	MhubSourceFact fact;

	fact.source = brand->source;
	fact.terms = brand->terms != NULL ? brand->terms : "q";
	fact.category = category;
	if (strcmp(brand->source, MHUB_SOURCE_BY_HOST) == 0)
	{
		add_words(index, brand->hosts, &fact, add_host_source);
		return;
	}
	add_words(index, brand->hosts, &fact, mhub_source_index_add);
	if (category != MHUB_SOURCE_NONE)
	{
		add_shipped_name(index, brand->source, &fact);
		add_words(index, brand->aliases, &fact, add_shipped_name);
	}
}

/* An index of the shipped lists, to be dropped with its context */
MhubSourceIndex *
mhub_source_index_create(MemoryContext context)
{
	MhubSourceIndex *index = MemoryContextAllocZero(context, sizeof(MhubSourceIndex));
	const MhubSourceList *list;

	index->context = context;
	index->hosts = source_create(context, 2048, NULL);
	index->names = source_create(context, 1024, NULL);
	for (list = mhub_source_lists; list->brands != NULL; list++)
	{
		const MhubSourceBrand *brand;

		for (brand = list->brands; brand->source != NULL; brand++)
			add_brand(index, brand, list->category);
	}
	return index;
}

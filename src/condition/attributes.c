/*
 * attributes.c
 *	  The attributes that a set of conditions looks at, each decoded at most
 *	  once per profile.
 */
#include "condition/condition.h"

#include "common/hashfn.h"
#include "condition/value.h"
#include "utils/memutils.h"

MhubAttributes *
mhub_attributes_create(void)
{
	MhubAttributes *attributes = palloc0(sizeof(MhubAttributes));

	attributes->space = 16;
	attributes->paths = palloc(attributes->space * sizeof(CondPath *));
	attributes->nbuckets = 64;
	attributes->buckets = palloc(attributes->nbuckets * sizeof(int));
	memset(attributes->buckets, -1, attributes->nbuckets * sizeof(int));
	attributes->context = CurrentMemoryContext;
	return attributes;
}

static uint32
hash_path(const CondPath *path)
{
	uint32		hash = path->nsegments;

	for (int i = 0; i < path->nsegments; i++)
		hash = hash_combine(hash, hash_bytes((const unsigned char *) path->segments[i].name, path->segments[i].length));
	return hash;
}

static bool
same_path(const CondPath *a, const CondPath *b)
{
	if (a->nsegments != b->nsegments)
		return false;
	for (int i = 0; i < a->nsegments; i++)
	{
		if (a->segments[i].length != b->segments[i].length ||
			memcmp(a->segments[i].name, b->segments[i].name, a->segments[i].length) != 0)
			return false;
	}
	return true;
}

/* The bucket of a path: the one that holds it, or the free one where it belongs. */
static int *
find_bucket(MhubAttributes *attributes, const CondPath *path)
{
	uint32		mask = attributes->nbuckets - 1;

	for (uint32 at = hash_path(path) & mask;; at = (at + 1) & mask)
	{
		int			index = attributes->buckets[at];

		if (index < 0 || same_path(attributes->paths[index], path))
			return &attributes->buckets[at];
	}
}

static void
grow(MhubAttributes *attributes)
{
	attributes->space *= 2;
	attributes->paths = repalloc(attributes->paths, attributes->space * sizeof(CondPath *));
	attributes->nbuckets *= 2;
	attributes->buckets = repalloc(attributes->buckets, attributes->nbuckets * sizeof(int));
	memset(attributes->buckets, -1, attributes->nbuckets * sizeof(int));
	for (int i = 0; i < attributes->count; i++)
		*find_bucket(attributes, attributes->paths[i]) = i;
}

static void
bind_path(MhubAttributes *attributes, CondPath *path)
{
	int		   *bucket;

	if (path == NULL || path->nsegments == 0)
		return;
	if (attributes->count == attributes->space)
		grow(attributes);
	bucket = find_bucket(attributes, path);
	if (*bucket < 0)
	{
		*bucket = attributes->count;
		attributes->paths[attributes->count++] = path;
	}
	path->attribute = *bucket;
}

/* Binds what refers to the profile itself; inside "any" and "where" that is only what is about events and segments. */
static void
bind_node(MhubAttributes *attributes, CondNode *node, bool inside)
{
	bool		inner = inside || node->kind == COND_ANY || node->kind == COND_DID;

	if (!inside)
	{
		bind_path(attributes, node->path);
		bind_path(attributes, node->other);
	}
	bind_path(attributes, node->event_path);
	for (int i = 0; i < node->nchildren; i++)
		bind_node(attributes, node->children[i], inner);
}

void
mhub_attributes_bind(MhubAttributes *attributes, CondNode *node)
{
	bind_node(attributes, node, false);
}

/* Room for one open profile; attributes bound later make it grow. */
void
mhub_profile_init(MhubProfile *profile, MhubAttributes *attributes)
{
	memset(profile, 0, sizeof(*profile));
	profile->attributes = attributes;
	profile->context = CurrentMemoryContext;
}

static void
make_room(MhubProfile *profile)
{
	int			space = profile->attributes->space;

	if (profile->stamps != NULL)
	{
		pfree(profile->stamps);
		pfree(profile->values);
	}
	profile->stamps = MemoryContextAllocZero(profile->context, space * sizeof(uint64));
	profile->values = MemoryContextAllocZero(profile->context, space * sizeof(CondValue));
	profile->space = space;
}

void
mhub_profile_open(MhubProfile *profile, Jsonb *jsonb, TimestampTz at)
{
	if (profile->space < profile->attributes->count)
		make_room(profile);
	profile->root = &jsonb->root;
	profile->at = at;
	profile->stamp++;
}

/* An attribute of the open profile; scratch is used for a path that is not bound. */
CondValue *
mhub_profile_value(MhubProfile *profile, const CondPath *path, CondValue *scratch)
{
	CondValue  *value;

	if (path->attribute < 0)
	{
		condition_walk(profile->root, path, scratch);
		return scratch;
	}
	value = &profile->values[path->attribute];
	if (profile->stamps[path->attribute] != profile->stamp)
	{
		condition_walk(profile->root, path, value);
		profile->stamps[path->attribute] = profile->stamp;
	}
	return value;
}

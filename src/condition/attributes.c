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
	bool		inner = inside || condition_asks_within(node);

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
	profile->nmembers = 0;
	profile->counts = NULL;
	profile->at = at;
	profile->stamp++;
}

/* Adds a member to the open profile; the name stays with the caller. */
void
mhub_profile_put(MhubProfile *profile, const char *name, const CondValue *value)
{
	Assert(name[0] == '$' && profile->nmembers < MHUB_PROFILE_MEMBERS);
	profile->members[profile->nmembers++] = (MhubMember) {name, *value};
}

/* The same for an object or array. */
void
mhub_profile_put_jsonb(MhubProfile *profile, const char *name, Jsonb *jsonb)
{
	CondValue	value = {0};

	value.type = JB_ROOT_IS_ARRAY(jsonb) ? COND_VALUE_ARRAY : COND_VALUE_OBJECT;
	value.container = &jsonb->root;
	value.length = VARSIZE(jsonb) - VARHDRSZ;
	mhub_profile_put(profile, name, &value);
}

static const MhubMember *
find_member(const MhubProfile *profile, const CondPath *path)
{
	const CondSegment *first = &path->segments[0];

	if (path->nsegments == 0 || first->length == 0 || first->name[0] != '$')
		return NULL;
	for (int i = 0; i < profile->nmembers; i++)
	{
		const MhubMember *member = &profile->members[i];

		if (strncmp(member->name, first->name, first->length) == 0 && member->name[first->length] == '\0')
			return member;
	}
	return NULL;
}

static void
walk(const MhubProfile *profile, const CondPath *path, CondValue *value)
{
	const MhubMember *member = find_member(profile, path);
	CondValue	from;

	if (member == NULL)
	{
		condition_walk(profile->root, path, value);
		return;
	}
	*value = member->value;
	for (int i = 1; i < path->nsegments; i++)
	{
		from = *value;
		condition_step(&from, &path->segments[i], value);
	}
}

/* An attribute of the open profile; scratch is used for a path that is not bound. */
CondValue *
mhub_profile_value(MhubProfile *profile, const CondPath *path, CondValue *scratch)
{
	CondValue  *value;

	if (path->attribute < 0)
	{
		walk(profile, path, scratch);
		return scratch;
	}
	value = &profile->values[path->attribute];
	if (profile->stamps[path->attribute] != profile->stamp)
	{
		walk(profile, path, value);
		profile->stamps[path->attribute] = profile->stamp;
	}
	return value;
}

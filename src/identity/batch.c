/*
 * batch.c
 *	  A batch of observations in memory: each identifier and each link once.
 */
#include "mhub.h"

#include "identity/batch.h"

#include "common/hashfn.h"
#include "miscadmin.h"
#include "privacy/privacy.h"
#include "utils/builtins.h"

/* So many names need no memory to be sorted in, and are best compared each with each. */
#define FEW_NAMES 8

/* The first block of text, and the largest */
#define TEXT_FIRST 256
#define TEXT_MOST (1024 * 1024)

/* So many pairs before their turn memory is asked for what they need. */
#define AHEAD 16

/* At most half full after it has grown, and three quarters before, so that probing stays short */
void
slot_index_init(SlotIndex *index, int expected)
{
	uint32		size = 8;

	while (size < (uint32) expected * 2)
		size *= 2;
	index->mask = size - 1;
	index->slots = palloc_extended(sizeof(Slot) * (Size) size, MCXT_ALLOC_HUGE);
	memset(index->slots, 0xff, sizeof(Slot) * (Size) size);
}

void
slot_index_put(SlotIndex *index, uint32 hash, int number)
{
	uint32		at = hash & index->mask;

	while (index->slots[at].number >= 0)
		at = (at + 1) & index->mask;
	index->slots[at] = (Slot) {hash, number};
}

/* Makes room for one more element than n. */
static void
slot_index_grow(SlotIndex *index, int n)
{
	SlotIndex	old = *index;
	uint32		at;

	if ((uint32) n < (index->mask + 1) / 4 * 3)
		return;
	slot_index_init(index, n + 1);
	for (at = 0; at <= old.mask; at++)
	{
		if (old.slots[at].number >= 0)
			slot_index_put(index, old.slots[at].hash, old.slots[at].number);
	}
	pfree(old.slots);
}

/*
 * A copy of a value in the batch, with the header of type text before it and a
 * zero behind it; behind that, of a pii kind, what it is in plain.
 */
static char *
keep_value(Batch *batch, const char *value, int length, const char *plain)
{
	int			plain_size = plain == NULL ? 0 : strlen(plain) + 1;
	Size		size = INTALIGN(VARHDRSZ + length + 1 + plain_size);
	char	   *kept;

	if (batch->text_left < size)
	{
		batch->text_size = Min(Max(batch->text_size * 2, TEXT_FIRST), TEXT_MOST);
		batch->text_left = Max(batch->text_size, size);
		batch->text = palloc(batch->text_left);
	}
	kept = batch->text + VARHDRSZ;
	SET_VARSIZE(batch->text, VARHDRSZ + length);
	memcpy(kept, value, length);
	kept[length] = '\0';
	if (plain != NULL)
		memcpy(kept + length + 1, plain, plain_size);
	batch->text += size;
	batch->text_left -= size;
	return kept;
}

static int
add_identifier(Batch *batch, const BatchName *name)
{
	bool		pii = batch->kinds->kinds[name->kind].pii;
	BatchIdentifier *identifier;

	slot_index_grow(&batch->identifier_index, batch->nidentifiers);
	BATCH_ROOM(batch->identifiers, batch->nidentifiers, batch->identifiers_capacity);
	identifier = &batch->identifiers[batch->nidentifiers];
	memset(identifier, 0, sizeof(*identifier));
	identifier->kind = name->kind;
	identifier->value = keep_value(batch, name->value, name->length, pii && name->plain == NULL ? "" : name->plain);
	identifier->length = name->length;
	identifier->earliest = DT_NOEND;
	identifier->latest = DT_NOBEGIN;
	batch->pii |= pii;
	batch->timed |= batch->kinds->limits[name->kind].period > 0;
	slot_index_put(&batch->identifier_index, name->hash, batch->nidentifiers);
	return batch->nidentifiers++;
}

static bool
is_named(const BatchIdentifier *identifier, const BatchName *name)
{
	return identifier->kind == name->kind && identifier->length == name->length &&
		memcmp(identifier->value, name->value, name->length) == 0;
}

/* Number of the identifier in the batch, added when it is new */
static int
intern_identifier(Batch *batch, const BatchName *name)
{
	const SlotIndex *index = &batch->identifier_index;
	uint32		at = name->hash & index->mask;
	MemoryContext old;
	int			found;

	for (; index->slots[at].number >= 0; at = (at + 1) & index->mask)
	{
		found = index->slots[at].number;
		if (index->slots[at].hash == name->hash && is_named(&batch->identifiers[found], name))
			return found;
	}
	old = MemoryContextSwitchTo(batch->memory);
	found = add_identifier(batch, name);
	MemoryContextSwitchTo(old);
	return found;
}

static bool
is_mergeable(const Batch *batch, int identifier)
{
	return batch->kinds->kinds[batch->identifiers[identifier].kind].mergeable;
}

static int
add_link(Batch *batch, uint32 hash, int a, int b)
{
	BatchLink  *link;

	slot_index_grow(&batch->link_index, batch->nlinks);
	BATCH_ROOM(batch->links, batch->nlinks, batch->links_capacity);
	link = &batch->links[batch->nlinks];
	memset(link, 0, sizeof(*link));
	link->a = a;
	link->b = b;
	link->earliest = DT_NOEND;
	link->latest = DT_NOBEGIN;
	link->mergeable = is_mergeable(batch, a) && is_mergeable(batch, b);
	slot_index_put(&batch->link_index, hash, batch->nlinks);
	return batch->nlinks++;
}

static uint32
hash_link(int a, int b)
{
	return hash_combine(hash_bytes_uint32(Min(a, b)), hash_bytes_uint32(Max(a, b)));
}

/* Number of the link between two identifiers of the batch, added when it is new */
static int
intern_link(Batch *batch, int a, int b)
{
	int			low = Min(a, b);
	int			high = Max(a, b);
	uint32		hash = hash_link(a, b);
	uint32		at = hash & batch->link_index.mask;
	const Slot *slot;

	while ((slot = &batch->link_index.slots[at])->number >= 0)
	{
		if (slot->hash == hash && batch->links[slot->number].a == low && batch->links[slot->number].b == high)
			return slot->number;
		at = (at + 1) & batch->link_index.mask;
	}
	return add_link(batch, hash, low, high);
}

/* A batch has names of few kinds, most of which differ in length or in how they begin. */
static int
kind_number(Batch *batch, const IdentityName *name)
{
	unsigned	at = name->kind_length > 0 ? name->kind_length + (unsigned char) name->kind[0] : 0;
	uint8	   *recent = &batch->recent_kinds[at % BATCH_RECENT_KINDS];
	int			number;

	if (*recent < batch->kinds->n && batch->kinds->kinds[*recent].length == name->kind_length &&
		memcmp(batch->kinds->kinds[*recent].name, name->kind, name->kind_length) == 0)
		return *recent;
	number = identity_kind_number(batch->kinds, name->kind, name->kind_length);
	if (number >= 0 && number <= PG_UINT8_MAX)
		*recent = number;
	return number;
}

static BatchName
name_of(int kind, const char *value, int length, const char *plain)
{
	uint32		hash = hash_combine(hash_bytes((const unsigned char *) value, length), kind);

	return (BatchName) {value, plain, hash, length, kind};
}

/* What a name is to the batch; in the present memory context, or where the name is */
BatchName
batch_accept(Batch *batch, IdentityObservation *public, const IdentityName *name)
{
	int			kind = kind_number(batch, name);
	const char *reason;
	const char *blind;
	char	   *value;

	if (kind < 0)
	{
		public->unknown_kind = name->kind;
		public->unknown_kind_length = name->kind_length;
		return (BatchName) {NULL};
	}
	if (public->stored)
		return name_of(kind, name->value, name->value_length, NULL);
	value = identity_normalise(&batch->kinds->kinds[kind], name->value, name->value_length, &reason);
	if (value == NULL)
		return (BatchName) {NULL};
	if (!batch->kinds->kinds[kind].pii)
		return name_of(kind, value, strlen(value), NULL);
	blind = mhub_blind_index_hex(value, batch->kinds->kinds[kind].name);
	return name_of(kind, blind, strlen(blind), value);
}

/* Kinds that cannot merge come last, whatever their priority. */
static int
rank(const Batch *batch, int identifier)
{
	const IdentityKind *kind = &batch->kinds->kinds[batch->identifiers[identifier].kind];

	return kind->mergeable ? kind->priority : PG_INT32_MAX;
}

/* Inserts an identifier behind those that are as good or better, unless it is there already. */
static int
insert_by_rank(const Batch *batch, int *accepted, int n, int identifier, bool keep_first)
{
	int			at = n;
	int			i;

	for (i = 0; i < n; i++)
	{
		if (accepted[i] == identifier)
			return n;
	}
	while (at > (keep_first ? 1 : 0) && rank(batch, accepted[at - 1]) > rank(batch, identifier))
	{
		accepted[at] = accepted[at - 1];
		at--;
	}
	accepted[at] = identifier;
	return n + 1;
}

/* One of many names of an observation */
typedef struct RankedName
{
	int			identifier;
	int			place;			/* among the names */
	int			rank;
} RankedName;

static int
compare_identifiers(const void *a, const void *b)
{
	const RankedName *x = a;
	const RankedName *y = b;

	if (x->identifier != y->identifier)
		return x->identifier < y->identifier ? -1 : 1;
	return x->place < y->place ? -1 : x->place > y->place;
}

static int
compare_ranks(const void *a, const void *b)
{
	const RankedName *x = a;
	const RankedName *y = b;

	if (x->rank != y->rank)
		return x->rank < y->rank ? -1 : 1;
	return x->place < y->place ? -1 : x->place > y->place;
}

/* Drops the names that were there before, and sorts the others as insert_by_rank() does; returns how many there are. */
static int
sort_many(RankedName *names, int n)
{
	int			distinct = 0;
	int			i;

	qsort(names, n, sizeof(RankedName), compare_identifiers);
	for (i = 0; i < n; i++)
	{
		if (distinct == 0 || names[distinct - 1].identifier != names[i].identifier)
			names[distinct++] = names[i];
	}
	qsort(names, distinct, sizeof(RankedName), compare_ranks);
	return distinct;
}

static void
seen(BatchIdentifier *identifier, const IdentityObservation *public, TimestampTz at)
{
	if (identifier->source == NULL)
		identifier->source = public->source;
	identifier->earliest = Min(identifier->earliest, at);
	identifier->latest = Max(identifier->latest, at);
}

/* Adds an observation whose identifiers are these numbers, best first. */
static void
add_observation(Batch *batch, IdentityObservation *public, const int *accepted, int n, TimestampTz at)
{
	MemoryContext old = MemoryContextSwitchTo(batch->memory);
	BatchObservation *observation;
	int			i;

	BATCH_ROOM(batch->observations, batch->nobservations, batch->observations_capacity);
	observation = &batch->observations[batch->nobservations++];
	observation->public = public;
	observation->at = at;
	observation->base = n > 0 ? accepted[0] : -1;
	observation->nothers = Max(n - 1, 0);
	observation->first_other = batch->nothers;
	for (i = 0; i < n; i++)
		seen(&batch->identifiers[accepted[i]], public, at);
	for (i = 1; i < n; i++)
	{
		BATCH_ROOM(batch->others, batch->nothers, batch->others_capacity);
		batch->others[batch->nothers++] = (BatchOther) {accepted[i], intern_link(batch, accepted[0], accepted[i])};
	}
	MemoryContextSwitchTo(old);
}

static void
check_room(const Batch *batch, TimestampTz at, int nnames)
{
	if (TIMESTAMP_NOT_FINITE(at))
		ereport(ERROR,
				(errcode(ERRCODE_DATETIME_FIELD_OVERFLOW),
				 errmsg("occurred_at must be finite")));
	if ((int64) batch->nidentifiers + batch->nothers + nnames > PG_INT32_MAX / 8)
		ereport(ERROR,
				(errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED),
				 errmsg("too many identifiers in one batch")));
}

static void
add_many(Batch *batch, IdentityObservation *public, const IdentityName *names, int nnames, TimestampTz at)
{
	RankedName *ranked = palloc_extended(sizeof(RankedName) * (Size) nnames, MCXT_ALLOC_HUGE);
	int		   *accepted = palloc_extended(sizeof(int) * (Size) nnames, MCXT_ALLOC_HUGE);
	int			n = 0;
	int			i;

	for (i = 0; i < nnames; i++)
	{
		BatchName	name = batch_accept(batch, public, &names[i]);
		int			identifier;

		CHECK_FOR_INTERRUPTS();
		if (name.value == NULL)
			continue;
		identifier = intern_identifier(batch, &name);
		ranked[n] = (RankedName) {identifier, n, n == 0 && public->first_survives ? PG_INT32_MIN : rank(batch, identifier)};
		n++;
	}
	n = sort_many(ranked, n);
	for (i = 0; i < n; i++)
		accepted[i] = ranked[i].identifier;
	add_observation(batch, public, accepted, n, at);
	pfree(ranked);
	pfree(accepted);
}

/*
 * Adds an observation of these names at a time.  What public says besides
 * counts, too, and public must last; the names need not.
 */
void
batch_add(Batch *batch, IdentityObservation *public, const IdentityName *names, int nnames, TimestampTz at)
{
	int			accepted[FEW_NAMES];
	int			n = 0;
	int			i;

	check_room(batch, at, nnames);
	if (nnames > FEW_NAMES)
	{
		add_many(batch, public, names, nnames, at);
		return;
	}
	for (i = 0; i < nnames; i++)
	{
		BatchName	name = batch_accept(batch, public, &names[i]);

		if (name.value != NULL)
			n = insert_by_rank(batch, accepted, n, intern_identifier(batch, &name), public->first_survives && n > 0);
	}
	add_observation(batch, public, accepted, n, at);
}

/* Where the name's hash leads, whether it is there or not; -1: nowhere */
static int
number_by_hash(const Batch *batch, const BatchName *name)
{
	const SlotIndex *index = &batch->identifier_index;
	uint32		at = name->hash & index->mask;

	while (index->slots[at].number >= 0 && index->slots[at].hash != name->hash)
		at = (at + 1) & index->mask;
	return index->slots[at].number;
}

/* Brings a name's slot, then its identifier and then that one's value near, each far away in memory from the one before. */
static void
bring_near(const Batch *batch, const BatchPair *pair, int step)
{
	int			i;

	for (i = 0; i < 2; i++)
	{
		const BatchName *name = &pair->names[i];
		int			number;

		if (name->value == NULL)
			continue;
		if (step == 0)
		{
			__builtin_prefetch(&batch->identifier_index.slots[name->hash & batch->identifier_index.mask]);
			continue;
		}
		number = number_by_hash(batch, name);
		if (number < 0)
			continue;
		__builtin_prefetch(step == 1 ? (const void *) &batch->identifiers[number] : batch->identifiers[number].value);
		if (step == 1)
			__builtin_prefetch(&batch->identifiers[number].person_id);
	}
}

/* The numbers of a pair's identifiers, best first; returns how many there are. */
static int
intern_pair(Batch *batch, const IdentityObservation *public, const BatchPair *pair, int *accepted)
{
	int			n = 0;
	int			i;

	for (i = 0; i < 2; i++)
	{
		if (pair->names[i].value != NULL)
			n = insert_by_rank(batch, accepted, n, intern_identifier(batch, &pair->names[i]), public->first_survives && n > 0);
	}
	return n;
}

/* The slot where the link of a pair is, or will be */
static void
bring_link_near(const Batch *batch, const int *accepted, int n)
{
	if (n == 2)
		__builtin_prefetch(&batch->link_index.slots[hash_link(accepted[0], accepted[1]) & batch->link_index.mask]);
}

/* As batch_add() of each.  The names are known beforehand, so most of what they touch is near when they come. */
void
batch_add_pairs(Batch *batch, IdentityObservation *public, const BatchPair *pairs, int n)
{
	int			(*accepted)[2] = palloc(sizeof(int[2]) * Max(n, 1));
	int		   *naccepted = palloc(sizeof(int) * Max(n, 1));
	int			step;
	int			i;

	for (i = -AHEAD * 3; i < n; i++)
	{
		for (step = 0; step < 3; step++)
		{
			int			later = i + AHEAD * (3 - step);

			if (later >= 0 && later < n)
				bring_near(batch, &pairs[later], step);
		}
		if (i < 0)
			continue;
		check_room(batch, pairs[i].at, 2);
		naccepted[i] = intern_pair(batch, public, &pairs[i], accepted[i]);
	}
	for (i = 0; i < n; i++)
	{
		if (i + AHEAD < n)
			bring_link_near(batch, accepted[i + AHEAD], naccepted[i + AHEAD]);
		add_observation(batch, public, accepted[i], naccepted[i], pairs[i].at);
	}
	pfree(accepted);
	pfree(naccepted);
}

/* A source as type text, 0 for none; most observations of a batch have the same */
Datum
batch_source(Batch *batch, const char *source)
{
	if (source == NULL)
		return (Datum) 0;
	if (source != batch->source)
	{
		MemoryContext old = MemoryContextSwitchTo(batch->memory);

		batch->source = source;
		batch->source_text = CStringGetTextDatum(source);
		MemoryContextSwitchTo(old);
	}
	return batch->source_text;
}

/* Starts a batch, which will live in the present memory context; expected is how many names it may get. */
void
batch_init(Batch *batch, int expected)
{
	memset(batch, 0, sizeof(*batch));
	batch->memory = CurrentMemoryContext;
	batch->kinds = identity_kinds();
	slot_index_init(&batch->identifier_index, expected);
	slot_index_init(&batch->link_index, expected);
}

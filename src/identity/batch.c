/*
 * batch.c
 *	  A batch of observations in memory: each identifier and each link once.
 */
#include "mhub.h"

#include "identity/batch.h"

#include "common/hashfn.h"
#include "privacy/privacy.h"
#include "utils/builtins.h"

/* So many names need no memory to be sorted in. */
#define FEW_NAMES 8

/* The first block of text, and the largest */
#define TEXT_FIRST 256
#define TEXT_MOST (1024 * 1024)

/* At most half full, so that probing stays short */
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

	if ((uint32) n < (index->mask + 1) / 2)
		return;
	slot_index_init(index, n + 1);
	for (at = 0; at <= old.mask; at++)
	{
		if (old.slots[at].number >= 0)
			slot_index_put(index, old.slots[at].hash, old.slots[at].number);
	}
	pfree(old.slots);
}

/* A copy of a value in the batch, with the header of type text before it and a zero behind it */
static char *
keep_value(Batch *batch, const char *value, int length)
{
	Size		size = INTALIGN(VARHDRSZ + length + 1);
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
	batch->text += size;
	batch->text_left -= size;
	return kept;
}

static int
add_identifier(Batch *batch, uint32 hash, int kind, const char *value, int length, const char *plain)
{
	BatchIdentifier *identifier;

	slot_index_grow(&batch->identifier_index, batch->nidentifiers);
	BATCH_ROOM(batch->identifiers, batch->nidentifiers, batch->identifiers_capacity);
	identifier = &batch->identifiers[batch->nidentifiers];
	memset(identifier, 0, sizeof(*identifier));
	identifier->kind = kind;
	identifier->value = keep_value(batch, value, length);
	identifier->length = length;
	identifier->plain = plain == NULL ? NULL : keep_value(batch, plain, strlen(plain));
	identifier->earliest = DT_NOEND;
	identifier->latest = DT_NOBEGIN;
	slot_index_put(&batch->identifier_index, hash, batch->nidentifiers);
	return batch->nidentifiers++;
}

/* Number of the identifier in the batch, added when it is new */
static int
intern_identifier(Batch *batch, int kind, const char *value, int length, const char *plain)
{
	uint32		hash = hash_combine(hash_bytes((const unsigned char *) value, length), kind);
	uint32		at = hash & batch->identifier_index.mask;
	const Slot *slot;
	MemoryContext old;
	int			found;

	while ((slot = &batch->identifier_index.slots[at])->number >= 0)
	{
		const BatchIdentifier *identifier = &batch->identifiers[slot->number];

		if (slot->hash == hash && identifier->kind == kind && identifier->length == length &&
			memcmp(identifier->value, value, length) == 0)
			return slot->number;
		at = (at + 1) & batch->identifier_index.mask;
	}
	old = MemoryContextSwitchTo(batch->memory);
	found = add_identifier(batch, hash, kind, value, length, plain);
	MemoryContextSwitchTo(old);
	return found;
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
	slot_index_put(&batch->link_index, hash, batch->nlinks);
	return batch->nlinks++;
}

/* Number of the link between two identifiers of the batch, added when it is new */
static int
intern_link(Batch *batch, int a, int b)
{
	int			low = Min(a, b);
	int			high = Max(a, b);
	uint32		hash = hash_combine(hash_bytes_uint32(low), hash_bytes_uint32(high));
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

/* Number of an observed identifier, or -1 when it identifies nobody */
static int
accept_name(Batch *batch, IdentityObservation *observation, const IdentityName *name)
{
	int			kind = identity_kind_number(batch->kinds, name->kind, name->kind_length);
	const char *reason;
	const char *blind;
	char	   *value;

	if (kind < 0)
	{
		observation->unknown_kind = name->kind;
		observation->unknown_kind_length = name->kind_length;
		return -1;
	}
	if (observation->stored)
		return intern_identifier(batch, kind, name->value, name->value_length, NULL);
	value = identity_normalise(&batch->kinds->kinds[kind], name->value, name->value_length, &reason);
	if (value == NULL)
		return -1;
	if (!batch->kinds->kinds[kind].pii)
		return intern_identifier(batch, kind, value, strlen(value), NULL);
	blind = mhub_blind_index_hex(value, batch->kinds->kinds[kind].name);
	return intern_identifier(batch, kind, blind, strlen(blind), value);
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

static void
seen(BatchIdentifier *identifier, const IdentityObservation *public, TimestampTz at)
{
	if (TIMESTAMP_IS_NOEND(identifier->earliest))
		identifier->first_observed = at;
	if (identifier->source == NULL)
		identifier->source = public->source;
	identifier->earliest = Min(identifier->earliest, at);
	identifier->latest = Max(identifier->latest, at);
}

/* Adds an observation whose identifiers are these numbers, best first. */
static void
add_observation(Batch *batch, IdentityObservation *public, const int *accepted, int n, TimestampTz at)
{
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
}

/*
 * Adds an observation of these names at a time.  What public says besides
 * counts, too, and public must last; the names need not.
 */
void
batch_add(Batch *batch, IdentityObservation *public, const IdentityName *names, int nnames, TimestampTz at)
{
	int			few[FEW_NAMES];
	int		   *accepted = nnames <= FEW_NAMES ? few : palloc_extended(sizeof(int) * (Size) nnames, MCXT_ALLOC_HUGE);
	MemoryContext old;
	int			n = 0;
	int			i;

	if (TIMESTAMP_NOT_FINITE(at))
		ereport(ERROR,
				(errcode(ERRCODE_DATETIME_FIELD_OVERFLOW),
				 errmsg("occurred_at must be finite")));
	if ((int64) batch->nidentifiers + batch->nothers + nnames > PG_INT32_MAX / 8)
		ereport(ERROR,
				(errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED),
				 errmsg("too many identifiers in one batch")));
	for (i = 0; i < nnames; i++)
	{
		int			identifier = accept_name(batch, public, &names[i]);

		if (identifier >= 0)
			n = insert_by_rank(batch, accepted, n, identifier, public->first_survives && n > 0);
	}
	old = MemoryContextSwitchTo(batch->memory);
	add_observation(batch, public, accepted, n, at);
	MemoryContextSwitchTo(old);
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

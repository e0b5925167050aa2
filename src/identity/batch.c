/*
 * batch.c
 *	  A batch of observations in memory: each identifier and each link once.
 */
#include "mhub.h"

#include "identity/batch.h"

#include "common/hashfn.h"
#include "miscadmin.h"
#include "privacy/privacy.h"

/* At most half full, so that probing stays short */
void
slot_index_init(SlotIndex *index, int expected)
{
	uint32		size = 8;

	while (size < (uint32) expected * 2)
		size *= 2;
	index->mask = size - 1;
	index->slots = palloc_extended(sizeof(int) * (Size) size, MCXT_ALLOC_HUGE);
	memset(index->slots, 0xff, sizeof(int) * (Size) size);
}

/* Number of the identifier in the batch, added when it is new */
static int
intern_identifier(Batch *batch, int kind, char *value, char *plain)
{
	int			length = strlen(value);
	uint32		hash = hash_combine(hash_bytes((const unsigned char *) value, length), kind);
	uint32		at = hash & batch->identifier_index.mask;
	BatchIdentifier *identifier;
	int			found;

	while ((found = batch->identifier_index.slots[at]) >= 0)
	{
		identifier = &batch->identifiers[found];
		if (identifier->hash == hash && identifier->kind == kind && identifier->length == length &&
			memcmp(identifier->value, value, length) == 0)
			return found;
		at = (at + 1) & batch->identifier_index.mask;
	}

	BATCH_ROOM(batch->identifiers, batch->nidentifiers, batch->identifiers_capacity);
	identifier = &batch->identifiers[batch->nidentifiers];
	memset(identifier, 0, sizeof(*identifier));
	identifier->hash = hash;
	identifier->kind = kind;
	identifier->value = value;
	identifier->length = length;
	identifier->plain = plain;
	identifier->earliest = DT_NOEND;
	identifier->latest = DT_NOBEGIN;
	batch->identifier_index.slots[at] = batch->nidentifiers;
	return batch->nidentifiers++;
}

/* Number of the link between two identifiers of the batch, added when it is new */
static int
intern_link(Batch *batch, int a, int b)
{
	int			low = Min(a, b);
	int			high = Max(a, b);
	uint32		at = hash_combine(hash_bytes_uint32(low), hash_bytes_uint32(high)) & batch->link_index.mask;
	BatchLink  *link;
	int			found;

	while ((found = batch->link_index.slots[at]) >= 0)
	{
		if (batch->links[found].a == low && batch->links[found].b == high)
			return found;
		at = (at + 1) & batch->link_index.mask;
	}

	BATCH_ROOM(batch->links, batch->nlinks, batch->links_capacity);
	link = &batch->links[batch->nlinks];
	memset(link, 0, sizeof(*link));
	link->a = low;
	link->b = high;
	batch->link_index.slots[at] = batch->nlinks;
	return batch->nlinks++;
}

/* Number of an observed identifier, or -1 when it identifies nobody */
static int
accept_name(Batch *batch, IdentityObservation *observation, const IdentityName *name)
{
	int			kind = identity_kind_number(batch->kinds, name->kind, name->kind_length);
	const char *reason;
	char	   *value;

	if (kind < 0)
	{
		observation->unknown_kind = name->kind;
		observation->unknown_kind_length = name->kind_length;
		return -1;
	}
	if (observation->stored)
		return intern_identifier(batch, kind, pnstrdup(name->value, name->value_length), NULL);
	value = identity_normalise(&batch->kinds->kinds[kind], name->value, name->value_length, &reason);
	if (value == NULL)
		return -1;
	if (batch->kinds->kinds[kind].pii)
		return intern_identifier(batch, kind, mhub_blind_index_hex(value, batch->kinds->kinds[kind].name), value);
	return intern_identifier(batch, kind, value, NULL);
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

static int
compare_values(const void *a, const void *b, void *argument)
{
	const Batch *batch = argument;
	const BatchIdentifier *x = &batch->identifiers[*(const int *) a];
	const BatchIdentifier *y = &batch->identifiers[*(const int *) b];
	int			order = strcmp(x->value, y->value);

	return order != 0 ? order : (x->kind > y->kind) - (x->kind < y->kind);
}

/*
 * The numbers of the batch's identifiers in the order of the index by which
 * they are looked up: neighbours then share its pages.  It is also the order
 * in which every session inserts: two that insert the same identifiers wait
 * for each other in one direction.
 */
static void
sort_identifiers(Batch *batch)
{
	int			i;

	batch->in_order = palloc_extended(sizeof(int) * (Size) Max(batch->nidentifiers, 1), MCXT_ALLOC_HUGE);
	for (i = 0; i < batch->nidentifiers; i++)
		batch->in_order[i] = i;
	qsort_arg(batch->in_order, batch->nidentifiers, sizeof(int), compare_values, batch);
}

static void
seen(BatchIdentifier *identifier, const IdentityObservation *observation)
{
	if (TIMESTAMP_IS_NOEND(identifier->earliest))
		identifier->first_observed = observation->occurred_at;
	if (identifier->source == NULL)
		identifier->source = observation->source;
	identifier->earliest = Min(identifier->earliest, observation->occurred_at);
	identifier->latest = Max(identifier->latest, observation->occurred_at);
}

static void
build_observation(Batch *batch, BatchObservation *built, IdentityObservation *observation)
{
	int		   *accepted = palloc(sizeof(int) * Max(observation->nidentifiers, 1));
	int			n = 0;
	int			i;

	for (i = 0; i < observation->nidentifiers; i++)
	{
		int			identifier = accept_name(batch, observation, &observation->identifiers[i]);

		if (identifier >= 0)
			n = insert_by_rank(batch, accepted, n, identifier, observation->first_survives && n > 0);
	}

	built->public = observation;
	built->base = n > 0 ? accepted[0] : -1;
	built->nothers = Max(n - 1, 0);
	built->others = accepted + 1;
	built->links = palloc(sizeof(int) * Max(n, 1));
	for (i = 0; i < n; i++)
		seen(&batch->identifiers[accepted[i]], observation);
	for (i = 0; i < built->nothers; i++)
		built->links[i] = intern_link(batch, built->base, built->others[i]);
}

void
batch_build(Batch *batch, IdentityObservation *observations, int n)
{
	int64		names = 0;
	int			i;

	memset(batch, 0, sizeof(*batch));
	batch->kinds = identity_kinds();
	for (i = 0; i < n; i++)
		names += observations[i].nidentifiers;
	if (names > PG_INT32_MAX / 8)
		ereport(ERROR,
				(errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED),
				 errmsg("too many identifiers in one batch")));
	slot_index_init(&batch->identifier_index, names);
	slot_index_init(&batch->link_index, names);

	batch->nobservations = n;
	batch->observations = palloc_extended(sizeof(BatchObservation) * (Size) Max(n, 1), MCXT_ALLOC_HUGE);
	for (i = 0; i < n; i++)
	{
		CHECK_FOR_INTERRUPTS();
		build_observation(batch, &batch->observations[i], &observations[i]);
	}
	sort_identifiers(batch);
}

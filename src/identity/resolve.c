/*
 * resolve.c
 *	  mhub_identity_resolve(): a batch of observations from look-up to commit.
 *
 * The order of locks is what keeps sessions from deadlocking, whatever they
 * observe at the same time:
 *
 *	1. New identifiers are inserted in the order of (value, kind).  A session
 *	   that meets another's uncommitted identifier waits for it here, holding
 *	   nothing but smaller ones.
 *	2. Persons that may change are locked in order of lock.  If a look after
 *	   that shows that identifiers have moved on to other persons meanwhile,
 *	   all the locks are given back and taken anew.
 *	3. Rows of identifier, link and person change under these locks only.  The
 *	   exception, last_seen_at, skips rows that are locked.
 *
 * Identifiers are inserted with the persons of a first plan, which knows
 * nothing of the limits of existing persons; the second plan, made under the
 * locks, has the last word.  Mostly they agree.
 */
#include "mhub.h"

#include "identity/batch.h"
#include "identity/old_snapshot.h"
#include "identity/person_lock.h"
#include "identity/value_order.h"

#include "executor/spi.h"
#include "miscadmin.h"
#include "utils/memutils.h"

/* Until something is found, an observation is nobody's. */
static void
prepare(IdentityObservation *observation)
{
	observation->identifier_id = 0;
	observation->is_new = false;
	observation->person_id = 0;
}

/* Their numbers in the order of (value, kind) */
static int *
sorted_identifiers(const Batch *batch)
{
	OrderedValue *values = palloc_extended(sizeof(OrderedValue) * (Size) batch->nidentifiers, MCXT_ALLOC_HUGE);
	int		   *sorted;
	int			i;

	for (i = 0; i < batch->nidentifiers; i++)
		values[i] = (OrderedValue) {batch->identifiers[i].value, batch->identifiers[i].kind, i, 0};
	sort_values(values, batch->nidentifiers);
	sorted = numbers_of_values(values, batch->nidentifiers);
	pfree(values);
	return sorted;
}

/*
 * What tables that are looked up need besides.  Neighbours in the index by
 * which identifiers are looked up share its pages.  Its order is also the one
 * in which every session inserts: two that insert the same identifiers wait
 * for each other in one direction.
 */
static void
prepare_to_look_up(Batch *batch)
{
	int			flags = MCXT_ALLOC_HUGE | MCXT_ALLOC_ZERO;

	batch->in_order = sorted_identifiers(batch);
	batch->rows = palloc_extended(sizeof(BatchRow) * (Size) batch->nidentifiers, flags);
	batch->link_rows = palloc_extended(sizeof(BatchLinkRow) * (Size) batch->nlinks, flags);
}

static bool
has_missing(const Batch *batch)
{
	int			i;

	for (i = 0; i < batch->nidentifiers; i++)
	{
		if (batch->identifiers[i].person_id == 0)
			return true;
	}
	return false;
}

/* So often an identifier may be in the way of an insertion and gone, erased, when it is looked up. */
#define MOST_ATTEMPTS 100

static void
refuse_hidden(void)
{
	ereport(ERROR,
			(errcode(ERRCODE_INSUFFICIENT_PRIVILEGE),
			 errmsg("an identifier is there already, but is not to be seen"),
			 errhint("Row security of mhub.identifier must show every row to whoever identifies.")));
}

/* Looks everything up and inserts what is missing; ends with every identifier in the table. */
static void
find_or_insert(Batch *batch)
{
	int			attempts = 0;

	for (;;)
	{
		CHECK_FOR_INTERRUPTS();
		if (attempts++ == MOST_ATTEMPTS)
			refuse_hidden();
		batch_find_identifiers(batch);
		batch_find_links(batch);
		batch_start_plan(batch);
		batch_plan(batch);
		if (!has_missing(batch))
			return;
		batch_assign_persons(batch);
		if (batch->fills)
			batch_fill_identifiers(batch);
		if (batch->fills || batch_insert_identifiers(batch))
			return;
	}
}

/*
 * Plans again under the locks of all persons that may change.  False when
 * they are not the right ones any more, or identifiers have disappeared.
 */
static bool
plan_under_locks(Batch *batch, int64 *persons, int n)
{
	if (!batch_still_true(batch, persons, n))
		return false;
	identity_refuse_changed_persons(persons, n);
	batch_start_plan(batch);
	batch_load_tallies(batch, persons, n);
	batch_plan(batch);
	return true;
}

static void
plan_and_write(Batch *batch)
{
	for (;;)
	{
		PersonLocks locks;
		int64	   *persons;
		int			n;

		find_or_insert(batch);
		n = batch->fills ? 0 : batch_persons_to_lock(batch, &persons);
		if (n == 0)
			break;
		person_lock(persons, n, &locks);
		if (plan_under_locks(batch, persons, n))
			break;
		person_unlock(&locks);
	}
	batch_assign_persons(batch);
	batch_apply(batch);
}

void
batch_resolve(Batch *batch)
{
	if (batch->nidentifiers == 0)
		return;
	SPI_connect();
	MemoryContextSwitchTo(batch->memory);
	if (!batch->fills)
		prepare_to_look_up(batch);
	plan_and_write(batch);
	SPI_finish();
}

static void
hand_out(Batch *batch)
{
	int			i;

	for (i = 0; i < batch->nobservations; i++)
	{
		const BatchObservation *observation = &batch->observations[i];
		const BatchIdentifier *primary;

		if (observation->base < 0)
			continue;
		primary = &batch->identifiers[observation->base];
		observation->public->identifier_id = primary->identifier_id;
		observation->public->is_new = primary->inserted;
		observation->public->person_id = batch_person_of(batch, observation->base)->person_id;
	}
}

void
mhub_identity_resolve(IdentityObservation *observations, int nobservations)
{
	MemoryContext context = AllocSetContextCreate(CurrentMemoryContext, "mhub identity batch", ALLOCSET_DEFAULT_SIZES);
	MemoryContext old = MemoryContextSwitchTo(context);
	Batch		batch;
	int			i;

	batch_init(&batch, nobservations);
	for (i = 0; i < nobservations; i++)
	{
		IdentityObservation *observation = &observations[i];

		CHECK_FOR_INTERRUPTS();
		prepare(observation);
		batch_add(&batch, observation, observation->identifiers, observation->nidentifiers, observation->occurred_at);
	}
	batch_resolve(&batch);
	hand_out(&batch);
	MemoryContextSwitchTo(old);
	MemoryContextDelete(context);
}

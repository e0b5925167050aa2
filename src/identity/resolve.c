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
#include "identity/person_lock.h"

#include "executor/spi.h"
#include "miscadmin.h"
#include "utils/memutils.h"

/* Until something is found, an observation is nobody's. */
static void
prepare(IdentityObservation *observations, int n)
{
	int			i;

	for (i = 0; i < n; i++)
	{
		if (TIMESTAMP_NOT_FINITE(observations[i].occurred_at))
			ereport(ERROR,
					(errcode(ERRCODE_DATETIME_FIELD_OVERFLOW),
					 errmsg("occurred_at must be finite")));
		observations[i].identifier_id = 0;
		observations[i].is_new = false;
		observations[i].person_id = 0;
	}
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

/* Looks everything up and inserts what is missing; ends with every identifier in the table. */
static void
find_or_insert(Batch *batch)
{
	for (;;)
	{
		CHECK_FOR_INTERRUPTS();
		batch_find_identifiers(batch);
		batch_find_links(batch);
		batch_start_plan(batch);
		batch_plan(batch);
		if (!has_missing(batch))
			return;
		batch_assign_persons(batch);
		if (batch_insert_identifiers(batch))
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
	if (!batch_still_true(batch))
		return false;
	batch_start_plan(batch);
	batch_load_tallies(batch, persons, n);
	batch_plan(batch);
	return true;
}

static void
resolve(Batch *batch)
{
	for (;;)
	{
		PersonLocks locks;
		int64	   *persons;
		int			n;

		find_or_insert(batch);
		n = batch_persons_to_lock(batch, &persons);
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

static void
hand_out(Batch *batch)
{
	int			i;

	for (i = 0; i < batch->nobservations; i++)
	{
		const BatchObservation *observation = &batch->observations[i];
		int			root;

		if (observation->base < 0)
			continue;
		root = plan_find(&batch->plan, batch->identifiers[observation->base].node);
		observation->public->identifier_id = batch->identifiers[observation->base].identifier_id;
		observation->public->is_new = batch->identifiers[observation->base].inserted;
		observation->public->person_id = batch->root_person[root].person_id;
	}
}

void
mhub_identity_resolve(IdentityObservation *observations, int nobservations)
{
	MemoryContext context = AllocSetContextCreate(CurrentMemoryContext, "mhub identity batch", ALLOCSET_DEFAULT_SIZES);
	MemoryContext old = MemoryContextSwitchTo(context);
	Batch		batch;

	prepare(observations, nobservations);
	batch_build(&batch, observations, nobservations);
	if (batch.nidentifiers > 0)
	{
		SPI_connect();
		resolve(&batch);
		/* SPI leaves us in a context of its own, so part of the batch goes when it finishes. */
		hand_out(&batch);
		SPI_finish();
	}
	MemoryContextSwitchTo(old);
	MemoryContextDelete(context);
}

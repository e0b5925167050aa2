/*
 * person_lock.c
 *	  Locks on persons, in a bounded number of buckets.
 *
 * Whoever merges, splits or links a person's identifiers holds the person's
 * lock to the end of the transaction.  These are advisory locks rather than
 * row locks because they can be given back: a session that has waited for one
 * may find that the person was merged away meanwhile, and must then start over
 * with other locks, in order, without keeping any.  That is what excludes
 * deadlocks.
 *
 * Persons share a fixed number of locks, so that a transaction with a million
 * persons fits into the server's lock table.  Two sessions with different
 * persons of one bucket wait for each other without need, rarely and in order.
 */
#include "mhub.h"

#include "identity/person_lock.h"

#include "common/hashfn.h"
#include "identity/identity.h"
#include "miscadmin.h"
#include "storage/lock.h"
#include "storage/proc.h"

/* First key of the two-key advisory locks: "mhui", less the top bit */
#define PERSON_LOCK_CLASS 0x6d687569

/* A quarter of the lock table at most; a power of two, the same in every session. */
static uint32
bucket_count(void)
{
	static uint32 count = 0;

	if (count == 0)
	{
		int64		slots = (int64) max_locks_per_xact * MaxBackends;

		for (count = 64; count < 65536 && (int64) count * 2 <= slots / 4; count *= 2)
			;
	}
	return count;
}

static int
compare_buckets(const void *a, const void *b)
{
	uint32		x = *(const uint32 *) a;
	uint32		y = *(const uint32 *) b;

	return x < y ? -1 : x > y;
}

static uint32
bucket_of(int64 person)
{
	return hash_bytes((const unsigned char *) &person, sizeof(int64)) & (bucket_count() - 1);
}

/* The buckets of persons, in order and each once */
static int
buckets_of(const int64 *persons, int n, uint32 *buckets)
{
	int			distinct = 0;
	int			i;

	for (i = 0; i < n; i++)
		buckets[i] = bucket_of(persons[i]);
	qsort(buckets, n, sizeof(uint32), compare_buckets);
	for (i = 0; i < n; i++)
	{
		if (distinct == 0 || buckets[distinct - 1] != buckets[i])
			buckets[distinct++] = buckets[i];
	}
	return distinct;
}

static void
set_tag(LOCKTAG *tag, uint32 bucket)
{
	SET_LOCKTAG_ADVISORY(*tag, MyDatabaseId, PERSON_LOCK_CLASS, bucket, 2);
}

/* Takes the locks of persons, in order; taken tells which of them are new to this transaction. */
void
person_lock(const int64 *persons, int n, PersonLocks *taken)
{
	int			nbuckets;
	int			i;

	taken->n = 0;
	taken->buckets = palloc_extended(sizeof(uint32) * Max(n, 1), MCXT_ALLOC_HUGE);
	nbuckets = buckets_of(persons, n, taken->buckets);
	for (i = 0; i < nbuckets; i++)
	{
		LOCKTAG		tag;

		set_tag(&tag, taken->buckets[i]);
		if (LockAcquire(&tag, ExclusiveLock, false, false) == LOCKACQUIRE_OK)
			taken->buckets[taken->n++] = taken->buckets[i];
		else
			LockRelease(&tag, ExclusiveLock, false);	/* held before: counted once is enough */
	}
}

/* Gives the locks of one attempt back. */
void
person_unlock(PersonLocks *taken)
{
	int			i;

	for (i = 0; i < taken->n; i++)
	{
		LOCKTAG		tag;

		set_tag(&tag, taken->buckets[i]);
		LockRelease(&tag, ExclusiveLock, false);
	}
	taken->n = 0;
}

void
mhub_identity_wait_for_turn(int64 person, uint32 lock_class)
{
	LOCKTAG		tag;

	SET_LOCKTAG_ADVISORY(tag, MyDatabaseId, lock_class, bucket_of(person), 2);
	(void) LockAcquire(&tag, ExclusiveLock, false, false);
}

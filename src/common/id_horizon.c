/*
 * id_horizon.c
 *	  Ids in order, and the horizon below which all of them are settled.
 *
 * A sequence hands out ids in order, but transactions commit in any order: a
 * reader that remembers the largest id it saw would lose smaller ones that
 * commit later.  So every transaction that draws ids first takes a shared
 * advisory lock whose key holds a lower bound of the ids it will get: the
 * sequence's last value at that moment.  The horizon is the smallest bound of
 * all transactions still holding such a lock, or the sequence's last value if
 * there is none.  Transactions become visible before they release their locks,
 * so whoever is not seen holding one is finished.
 */
#include "common/id_horizon.h"

#include "access/xact.h"
#include "commands/sequence.h"
#include "common/hub_relation.h"
#include "miscadmin.h"
#include "storage/lock.h"
#include "utils/fmgrprotos.h"
#include "utils/lsyscache.h"

/* pg_sequence_last_value() without fmgr's refusal of NULL results */
static int64
sequence_last_value(Oid sequence)
{
	LOCAL_FCINFO(fcinfo, 1);
	Datum		value;

	InitFunctionCallInfoData(*fcinfo, NULL, 1, InvalidOid, NULL, NULL);
	fcinfo->args[0].value = ObjectIdGetDatum(sequence);
	fcinfo->args[0].isnull = false;
	value = pg_sequence_last_value(fcinfo);
	return fcinfo->isnull ? 0 : DatumGetInt64(value);
}

/* Marks the transaction as a writer, once; a rolled back savepoint may have unmarked it. */
static void
mark_as_writer(MhubIdSource *source, Oid sequence)
{
	LOCKTAG    *held = &source->held;

	if (held->locktag_field1 == MyDatabaseId && LockHeldByMe(held, ShareLock, false))
		return;
	SET_LOCKTAG_ADVISORY(*held, MyDatabaseId, source->lock_class, (uint32) sequence_last_value(sequence), 2);
	(void) LockAcquire(held, ShareLock, false, false);
}

/* n ids for this transaction, ascending but not always consecutive */
void
mhub_draw_ids(MhubIdSource *source, int64 *ids, int n)
{
	Oid			sequence = mhub_relation(source->sequence);

	mark_as_writer(source, sequence);
	for (int i = 0; i < n; i++)
		ids[i] = nextval_internal(sequence, true);
}

/* The lock key is the low half of a bound, which lies within 2^31 of the newest id. */
static int64
bound_from_key(uint32 key, int64 newest)
{
	return newest + (int32) (key - (uint32) newest);
}

/* Our own rows are no obstacle: we see them, and they share the fate of what we do with them. */
static int64
smallest_writer_bound(const MhubIdSource *source, int64 newest)
{
	LockData   *locks = GetLockStatusData();
	int64		smallest = newest;

	for (int i = 0; i < locks->nelements; i++)
	{
		LockInstanceData *lock = &locks->locks[i];

		if (lock->locktag.locktag_type == LOCKTAG_ADVISORY &&
			lock->locktag.locktag_field1 == MyDatabaseId &&
			lock->locktag.locktag_field2 == source->lock_class &&
			lock->locktag.locktag_field4 == 2 &&
			lock->pid != MyProcPid &&
			(lock->holdMask & LOCKBIT_ON(ShareLock)) != 0)
			smallest = Min(smallest, bound_from_key(lock->locktag.locktag_field3, newest));
	}
	return smallest;
}

/*
 * The largest id below which everything is settled.  Never waits.  The caller
 * reads the rows in a later statement of a READ COMMITTED transaction.
 */
int64
mhub_id_horizon(const MhubIdSource *source)
{
	int64		newest;

	if (IsolationUsesXactSnapshot())
		ereport(ERROR,
				(errcode(ERRCODE_ACTIVE_SQL_TRANSACTION),
				 errmsg("%s needs isolation level READ COMMITTED", source->horizon_function),
				 errdetail("The transaction's snapshot is older than the horizon, so settled rows might be invisible to it.")));

	/* The order matters: a writer not yet locked now will draw ids above this. */
	newest = sequence_last_value(mhub_relation(source->sequence));
	return smallest_writer_bound(source, newest);
}

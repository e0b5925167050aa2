/*
 * id_range.c
 *	  Many ids of a sequence at once.
 *
 * Drawing one takes two locks and now and then a WAL record.  To draw many,
 * the sequence is set forward while nobody else can draw.
 */
#include "common/id_range.h"

#include "access/htup_details.h"
#include "catalog/pg_sequence.h"
#include "commands/sequence.h"
#include "miscadmin.h"
#include "storage/lmgr.h"
#include "utils/acl.h"
#include "utils/builtins.h"
#include "utils/syscache.h"

/* Does the sequence count 1, 2, 3, ... as far as the last of n more, with none put aside by sessions? */
static bool
just_counts(Oid sequence, int64 n)
{
	HeapTuple	tuple = SearchSysCache1(SEQRELID, ObjectIdGetDatum(sequence));
	const FormData_pg_sequence *form;
	bool		counts;

	if (!HeapTupleIsValid(tuple))
		return false;
	form = (const FormData_pg_sequence *) GETSTRUCT(tuple);
	counts = form->seqincrement == 1 && form->seqcache == 1 && !form->seqcycle && form->seqmax == PG_INT64_MAX;
	ReleaseSysCache(tuple);
	return counts && n < PG_INT64_MAX / 2;
}

/* Who draws from the sequence has a lock on it to the end of the transaction.  It is not waited for. */
void
mhub_draw_id_range(MhubIdRange *range, int64 n)
{
	int64		first;

	if (!just_counts(range->sequence, n) ||
		pg_class_aclcheck(range->sequence, GetUserId(), ACL_UPDATE) != ACLCHECK_OK ||
		!ConditionalLockRelationOid(range->sequence, ShareRowExclusiveLock))
		return;
	first = nextval_internal(range->sequence, false);
	if (first < PG_INT64_MAX - n)
	{
		(void) DirectFunctionCall2(setval_oid, ObjectIdGetDatum(range->sequence), Int64GetDatum(first + n - 1));
		range->left = n;
	}
	else
		range->left = 1;
	range->next = first;
	UnlockRelationOid(range->sequence, ShareRowExclusiveLock);
}

int64
mhub_next_id(MhubIdRange *range)
{
	if (range->left == 0)
		return nextval_internal(range->sequence, false);
	range->left--;
	return range->next++;
}

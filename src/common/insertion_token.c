/*
 * insertion_token.c
 *	  The lock behind rows that are inserted speculatively.
 *
 * Who meets such a row waits for this lock to learn whether it stays.  Taking
 * and releasing it costs as much as an entry in an index, so a transaction
 * keeps one for all of its rows.  The few who meet one in the moment before it
 * is confirmed then wait for the end of the transaction, which they would have
 * to do next anyway.  Only when a row is refused the lock is released at once:
 * nobody is to wait for a row that is gone, least of all one whom the
 * transaction is about to wait for.
 *
 * Subtransactions have ids of their own, and could keep more locks than the
 * lock table holds.  Theirs last as long as the statement.
 */
#include "common/insertion_token.h"

#include "access/xact.h"
#include "storage/lmgr.h"
#include "storage/lock.h"
#include "utils/resowner.h"

/* Should an id ever come round again, nothing worse happens than that others look again instead of waiting. */
static MhubInsertionToken kept = {InvalidTransactionId, 0, true};

static void
keep_one(TransactionId xid)
{
	ResourceOwner owner = CurrentResourceOwner;

	CurrentResourceOwner = TopTransactionResourceOwner;
	kept.token = SpeculativeInsertionLockAcquire(xid);
	kept.xid = xid;
	CurrentResourceOwner = owner;
}

void
mhub_insertion_token_take(MhubInsertionToken *token)
{
	TransactionId xid = GetCurrentTransactionId();

	if (GetCurrentTransactionNestLevel() > 1)
	{
		*token = (MhubInsertionToken) {xid, SpeculativeInsertionLockAcquire(xid), false};
		return;
	}
	if (kept.xid != xid)
		keep_one(xid);
	*token = kept;
}

/* By its number: a trigger may have made the server's own way back, by the number given last, lead to another. */
static void
release(const MhubInsertionToken *token)
{
	LOCKTAG		tag;

	SET_LOCKTAG_SPECULATIVE_INSERTION(tag, token->xid, token->token);
	(void) LockRelease(&tag, ExclusiveLock, false);
}

void
mhub_insertion_token_return(MhubInsertionToken *token, bool refused)
{
	ResourceOwner owner = CurrentResourceOwner;

	if (token->kept && !refused)
		return;
	if (token->kept)
	{
		CurrentResourceOwner = TopTransactionResourceOwner;
		kept.xid = InvalidTransactionId;
	}
	release(token);
	CurrentResourceOwner = owner;
}

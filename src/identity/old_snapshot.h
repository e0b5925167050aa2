/*
 * old_snapshot.h
 *	  What a transaction must not do with persons that its snapshot shows as they were.
 */
#ifndef MHUB_IDENTITY_OLD_SNAPSHOT_H
#define MHUB_IDENTITY_OLD_SNAPSHOT_H

#include "common/pgcompat.h"

/*
 * In REPEATABLE READ and SERIALIZABLE the snapshot cannot move on, so a change
 * that it does not show must end the transaction, as an update of a changed
 * row would.  Both do nothing in READ COMMITTED.  The first is for who has
 * noticed such a change; the second looks for one in the identifiers and
 * links of persons, whose locks are held.
 */
extern void identity_refuse_old_snapshot(void);
extern void identity_refuse_changed_persons(const int64 *persons, int n);

#endif							/* MHUB_IDENTITY_OLD_SNAPSHOT_H */

/*
 * hub_access.c
 *	  The key tables, reached with their owner's rights.
 *
 * Whoever may seal a value needs a key for it, but no right to read, write or
 * delete rows of the key tables.  As foreign keys do, the statements behind
 * sealing and opening therefore run as the table's owner; the functions that
 * reach them are handed out by mhub.grant_access().
 */
#include "privacy/hub_access.h"

#include "access/htup_details.h"
#include "catalog/pg_class.h"
#include "common/hub_relation.h"
#include "miscadmin.h"
#include "utils/syscache.h"

static Oid
owner_of(Oid table)
{
	HeapTuple	tuple = SearchSysCache1(RELOID, ObjectIdGetDatum(table));
	Oid			owner;

	if (!HeapTupleIsValid(tuple))
		elog(ERROR, "cache lookup failed for relation %u", table);
	owner = ((Form_pg_class) GETSTRUCT(tuple))->relowner;
	ReleaseSysCache(tuple);
	return owner;
}

/* An error in between needs no care: the end of the (sub)transaction restores the user. */
void
mhub_become_owner_of(Oid table, MhubOwnerContext *saved)
{
	Oid			owner = owner_of(table);

	GetUserIdAndSecContext(&saved->user, &saved->security);
	SetUserIdAndSecContext(owner, saved->security | SECURITY_LOCAL_USERID_CHANGE | SECURITY_NOFORCE_RLS);
}

/* The same for a table of the hub */
void
mhub_become_owner(const char *table, MhubOwnerContext *saved)
{
	mhub_become_owner_of(mhub_relation(table), saved);
}

void
mhub_become_self_again(const MhubOwnerContext *saved)
{
	SetUserIdAndSecContext(saved->user, saved->security);
}

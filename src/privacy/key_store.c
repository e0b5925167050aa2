/*
 * key_store.c
 *	  When a backend must forget the keys it has unwrapped.
 *
 * Whoever destroys or re-wraps keys, or calls mhub.keys_reload(), sends a
 * relation cache invalidation for the key tables; every backend then drops
 * what it holds.  Keys made by a transaction that is rolled back exist no
 * more: a value sealed under one could never be opened.
 */
#include "privacy/key_store.h"

#include "access/xact.h"
#include "privacy/key_cache.h"
#include "privacy/key_file.h"
#include "utils/inval.h"

static uint64 generation = 0;
static bool uncommitted = false;

/* Changes whenever keys are dropped: what was read before is not to be cached any more. */
uint64
mhub_key_generation(void)
{
	return generation;
}

/* This transaction has made keys. */
void
mhub_keys_uncommitted(void)
{
	uncommitted = true;
}

static void
drop_unwrapped(void)
{
	generation++;
	mhub_key_cache_clear();
	mhub_keyring_clear();
	mhub_columns_clear();
}

/* The callback may not look into the catalogue, so the tables' OIDs are noted when they are read. */
static Oid	watched[MHUB_WATCHED];

void
mhub_watch(MhubWatched which, Oid table)
{
	watched[which] = table;
}

static void
relation_changed(Datum arg pg_attribute_unused(), Oid relation)
{
	bool		ours = relation == InvalidOid;

	for (int i = 0; i < MHUB_WATCHED; i++)
		ours = ours || relation == watched[i];
	if (!ours)
		return;
	drop_unwrapped();
	if (relation == InvalidOid || relation == watched[MHUB_WATCH_KEYRING])
		mhub_forget_epochs();
}

static void
transaction_ended(XactEvent event, void *arg pg_attribute_unused())
{
	if (event == XACT_EVENT_PRE_COMMIT || event == XACT_EVENT_PRE_PREPARE || !uncommitted)
		return;
	if (event != XACT_EVENT_COMMIT)
		drop_unwrapped();
	uncommitted = false;
}

static void
subtransaction_ended(SubXactEvent event, SubTransactionId mine pg_attribute_unused(),
					 SubTransactionId parent pg_attribute_unused(), void *arg pg_attribute_unused())
{
	if (event == SUBXACT_EVENT_ABORT_SUB && uncommitted)
		drop_unwrapped();
}

void
mhub_key_store_init(void)
{
	CacheRegisterRelcacheCallback(relation_changed, (Datum) 0);
	RegisterXactCallback(transaction_ended, NULL);
	RegisterSubXactCallback(subtransaction_ended, NULL);
}

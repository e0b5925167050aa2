/*
 * table_keys.c
 *	  The indexes by which rows of the hub's ordinary tables are looked up.
 */
#include "common/table_state.h"

#include "catalog/pg_am.h"
#include "nodes/primnodes.h"
#include "utils/lsyscache.h"
#include "utils/rel.h"
#include "utils/relcache.h"

static int
place_of(AttrNumber column, Relation index, int n)
{
	int			i;

	for (i = 0; i < n && i < index->rd_index->indnkeyatts; i++)
	{
		if (index->rd_index->indkey.values[i] == column)
			return i;
	}
	return -1;
}

/* Are the first columns of the index the key's, in any order? */
static bool
begins_with(const MhubTableAccess *access, const MhubTableKey *key, Relation index, int *positions)
{
	int			i;

	for (i = 0; i < key->n; i++)
	{
		positions[i] = place_of(access->columns[key->columns[i]], index, key->n);
		if (positions[i] < 0)
			return false;
	}
	return true;
}

/* Of partial indexes, one of all rows where its first column is not null will do: keys are not. */
static bool
has_all_rows(Relation index)
{
	List	   *predicate = RelationGetIndexPredicate(index);
	NullTest   *test = predicate ? linitial(predicate) : NULL;

	if (test == NULL)
		return true;
	return list_length(predicate) == 1 && IsA(test, NullTest) && test->nulltesttype == IS_NOT_NULL &&
		IsA(test->arg, Var) && ((Var *) test->arg)->varattno == index->rd_index->indkey.values[0];
}

static bool
can_be_scanned(Relation index)
{
	return index->rd_rel->relam == BTREE_AM_OID && index->rd_index->indisvalid && !index->rd_index->indcheckxmin &&
		has_all_rows(index);
}

static void
prepare_scan_keys(Relation index, TableKeyState *state, int n)
{
	int			i;

	for (i = 0; i < n; i++)
	{
		Oid			type = index->rd_opcintype[i];
		Oid			equals = get_opfamily_member(index->rd_opfamily[i], type, type, BTEqualStrategyNumber);

		ScanKeyEntryInitialize(&state->scan_keys[i], 0, i + 1, BTEqualStrategyNumber, InvalidOid,
							   index->rd_indcollation[i], get_opcode(equals), (Datum) 0);
	}
}

/*
 * A unique index is preferred.  All that make the key unique are arbiters of
 * insertions, also those that REINDEX CONCURRENTLY is building: none may raise
 * what is only asked.
 */
static void
consider(const MhubTableAccess *access, const MhubTableKey *key, Relation index, TableKeyState *state)
{
	int			positions[MHUB_KEY_MAX_COLUMNS];
	bool		unique = index->rd_index->indisunique && index->rd_index->indimmediate &&
		index->rd_index->indnkeyatts == key->n;

	if (!begins_with(access, key, index, positions))
		return;
	if (unique)
		state->arbiters = lappend_oid(state->arbiters, RelationGetRelid(index));
	if (!can_be_scanned(index) || (OidIsValid(state->index) && !unique))
		return;
	state->index = RelationGetRelid(index);
	state->unique = unique;
	memcpy(state->positions, positions, sizeof(positions));
	prepare_scan_keys(index, state, key->n);
}

/* False when a look-up has no index. */
static bool
find_key(MhubTableAccess *access, const MhubTableKey *key, TableKeyState *state)
{
	int			i;

	for (i = 0; i < access->nindexes; i++)
	{
		Relation	index = index_open(access->indexes[i], mhub_table_lock(access->table));

		consider(access, key, index, state);
		index_close(index, NoLock);
	}
	return OidIsValid(state->index);
}

bool
mhub_table_find_keys(MhubTableAccess *access)
{
	int			i;

	for (i = 0; i < MHUB_TABLE_MAX_KEYS && access->table->keys[i].n > 0; i++)
	{
		if (!find_key(access, &access->table->keys[i], &access->keys[i]))
			return false;
	}
	return true;
}

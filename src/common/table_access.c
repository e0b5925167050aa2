/*
 * table_access.c
 *	  Opening the hub's ordinary tables without SQL.
 *
 * What an executor builds anew for each statement (index descriptions,
 * compiled conditions of triggers and partial indexes, defaults) is kept from
 * call to call, until the table or any function changes.  While a table is
 * open its state belongs to the opener, in the transaction's memory: an error
 * takes it away, and a trigger that opens the table again builds its own.
 */
#include "common/table_state.h"

#include "access/heapam.h"
#include "access/table.h"
#include "access/tableam.h"
#include "access/xact.h"
#include "catalog/pg_class.h"
#include "commands/trigger.h"
#include "common/hub_relation.h"
#include "common/kept_elsewhere.h"
#include "executor/executor.h"
#include "miscadmin.h"
#include "optimizer/optimizer.h"
#include "rewrite/rewriteHandler.h"
#include "storage/bufmgr.h"
#include "storage/lmgr.h"
#include "utils/acl.h"
#include "utils/inval.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"
#include "utils/rel.h"
#include "utils/resowner.h"
#include "utils/rls.h"
#include "utils/snapmgr.h"
#include "utils/syscache.h"

static MhubTable *tables = NULL;

/* Is it one of the indexes of a state that is kept? */
static bool
is_index(const MhubTableAccess *access, Oid relid)
{
	int			i;

	for (i = 0; access != NULL && i < access->nindexes; i++)
	{
		if (access->indexes[i] == relid)
			return true;
	}
	return false;
}

/* relid is InvalidOid when everything may have changed */
static void
relation_changed(Datum arg pg_attribute_unused(), Oid relid)
{
	MhubTable  *table;

	for (table = tables; table != NULL; table = table->next)
	{
		if (relid == InvalidOid || relid == table->relid || relid == table->sequence_oid || is_index(table->cached, relid))
			table->changes++;
	}
}

/* Triggers and defaults hold on to functions, and rights to roles. */
static void
function_or_role_changed(Datum arg, int cache pg_attribute_unused(), uint32 hash pg_attribute_unused())
{
	relation_changed(arg, InvalidOid);
}

static void
register_table(MhubTable *table)
{
	if (tables == NULL)
	{
		CacheRegisterRelcacheCallback(relation_changed, (Datum) 0);
		CacheRegisterSyscacheCallback(PROCOID, function_or_role_changed, (Datum) 0);
		CacheRegisterSyscacheCallback(AUTHOID, function_or_role_changed, (Datum) 0);
		CacheRegisterSyscacheCallback(AUTHMEMROLEMEM, function_or_role_changed, (Datum) 0);
	}
	table->next = tables;
	tables = table;
	table->registered = true;
}

bool
mhub_table_is_itself(Relation relation)
{
	return relation->rd_rules == NULL && !mhub_is_kept_elsewhere(relation);
}

static bool
is_plain(Relation relation)
{
	return relation->rd_rel->relkind == RELKIND_RELATION && !relation->rd_rel->relhassubclass &&
		!relation->rd_rel->relispartition && mhub_table_is_itself(relation);
}

static bool
has_type(const MhubTable *table, int column, AttrNumber number)
{
	return !OidIsValid(table->types[column]) || get_atttype(table->relid, number) == table->types[column];
}

/* False when the table lacks a column, or somebody has given one another type. */
static bool
find_columns(MhubTableAccess *access)
{
	const MhubTable *table = access->table;
	int			i;

	for (i = 0; i < table->ncolumns; i++)
	{
		access->columns[i] = get_attnum(table->relid, table->columns[i]);
		if (access->columns[i] == InvalidAttrNumber || !has_type(table, i, access->columns[i]))
			return false;
	}
	return true;
}

static bool
is_named(const MhubTableAccess *access, AttrNumber column)
{
	int			i;

	for (i = 0; i < access->table->ncolumns; i++)
	{
		if (access->columns[i] == column)
			return true;
	}
	return false;
}

static void
compile_defaults(MhubTableAccess *access)
{
	int			i;

	access->defaults = palloc(sizeof(TableDefault) * access->descriptor->natts);
	for (i = 0; i < access->descriptor->natts; i++)
	{
		Form_pg_attribute attribute = TupleDescAttr(access->descriptor, i);
		Expr	   *value;

		if (attribute->attisdropped || attribute->attgenerated != '\0' || is_named(access, attribute->attnum))
			continue;
		value = (Expr *) build_column_default(access->relation, attribute->attnum);
		if (value == NULL)
			continue;
		access->defaults[access->ndefaults].column = attribute->attnum;
		access->defaults[access->ndefaults++].value = ExecPrepareExpr(value, access->estate);
	}
}

static void
list_indexes(MhubTableAccess *access)
{
	List	   *indexes = RelationGetIndexList(access->relation);
	ListCell   *cell;

	access->indexes = palloc(sizeof(Oid) * Max(list_length(indexes), 1));
	foreach(cell, indexes)
		access->indexes[access->nindexes++] = lfirst_oid(cell);
	list_free(indexes);
}

/* Trigger functions are looked up here, in memory that lasts; the executor would do so wherever it happens to be. */
static void
look_up_triggers(ResultRelInfo *result)
{
	int			i;

	for (i = 0; result->ri_TrigDesc != NULL && i < result->ri_TrigDesc->numtriggers; i++)
		fmgr_info_cxt(result->ri_TrigDesc->triggers[i].tgfoid, &result->ri_TrigFunctions[i], CurrentMemoryContext);
}

static void
prepare_writing(MhubTableAccess *access)
{
	ResultRelInfo *result = makeNode(ResultRelInfo);

	access->estate = CreateExecutorState();
	access->result = result;
	InitResultRelInfo(result, access->relation, 0, NULL, 0);
	look_up_triggers(result);
	access->estate->es_opened_result_relations = list_make1(result);
	ExecOpenIndices(result, false);
	access->indexes = palloc(sizeof(Oid) * Max(result->ri_NumIndices, 1));
	for (; access->nindexes < result->ri_NumIndices; access->nindexes++)
		access->indexes[access->nindexes] = RelationGetRelid(result->ri_IndexRelationDescs[access->nindexes]);
	access->written = MakeSingleTupleTableSlot(access->descriptor, table_slot_callbacks(access->relation));
	compile_defaults(access);
}

/* Of a table that is only read, indexes are opened when they are needed. */
static int
open_indexes(const MhubTableAccess *access)
{
	return access->result == NULL ? 0 : access->result->ri_NumIndices;
}

static void
close_relations(MhubTableAccess *access)
{
	ResultRelInfo *result = access->result;
	int			i;

	for (i = 0; i < open_indexes(access); i++)
	{
		mhub_index_insert_cleanup(result->ri_IndexRelationDescs[i], result->ri_IndexRelationInfo[i]);
		index_close(result->ri_IndexRelationDescs[i], NoLock);
	}
	table_close(access->relation, NoLock);
}

/* False when only statements can use the table */
static bool
get_to_know(MhubTableAccess *access)
{
	access->descriptor = CreateTupleDescCopyConstr(RelationGetDescr(access->relation));
	access->found = MakeSingleTupleTableSlot(access->descriptor, table_slot_callbacks(access->relation));
	if (!is_plain(access->relation) || !find_columns(access))
		return false;
	if (access->table->only_read)
		list_indexes(access);
	else
		prepare_writing(access);
	return mhub_table_find_keys(access);
}

/* The table's state with everything open, or NULL when only statements can use the table */
static MhubTableAccess *
build(MhubTable *table)
{
	MemoryContext context;
	MemoryContext old;
	MhubTableAccess *access;
	uint64		changes = table->changes;
	bool		known;

	if (!table->registered)
		register_table(table);
	table->relid = mhub_find_relation(table->name);
	if (!OidIsValid(table->relid))
		return NULL;
	context = AllocSetContextCreate(CurTransactionContext, "mhub table", ALLOCSET_DEFAULT_SIZES);
	old = MemoryContextSwitchTo(context);
	access = palloc0(sizeof(MhubTableAccess));
	access->table = table;
	access->context = context;
	access->changes = changes;
	access->relation = table_open(table->relid, mhub_table_lock(table));
	known = get_to_know(access);
	MemoryContextSwitchTo(old);
	if (known)
		return access;
	close_relations(access);
	MemoryContextDelete(context);
	return NULL;
}

/*
 * In a transaction that has locked the table and its indexes already, nothing
 * has to be looked up: their descriptions are where they were until something
 * invalidates them.  But a subtransaction that fails gives back the locks it
 * took.
 */
static bool
open_where_it_was(MhubTableAccess *access)
{
	int			i;

	if (access->locked != mhub_local_transaction() || access->changes != access->table->changes)
		return false;
	RelationIncrementReferenceCount(access->relation);
	for (i = 0; i < open_indexes(access); i++)
		RelationIncrementReferenceCount(access->result->ri_IndexRelationDescs[i]);
	return true;
}

/*
 * Locks the table and its indexes.  The locks that are to last belong to the
 * transaction: those of a cursor would go with it, should it fail in a
 * subtransaction.  False when the state is out of date.
 */
static bool
lock_again(MhubTableAccess *access)
{
	ResourceOwner owner = CurrentResourceOwner;
	bool		lasting = GetCurrentTransactionNestLevel() == 1;
	int			i;

	if (lasting)
		CurrentResourceOwner = TopTransactionResourceOwner;
	/* This brings in what has changed the table. */
	LockRelationOid(access->table->relid, mhub_table_lock(access->table));
	for (i = 0; access->changes == access->table->changes && i < open_indexes(access); i++)
		LockRelationOid(access->indexes[i], RowExclusiveLock);
	CurrentResourceOwner = owner;
	if (access->changes != access->table->changes)
		return false;
	if (lasting)
		access->locked = mhub_local_transaction();
	return true;
}

/* False when the state is out of date. */
static bool
open_again(MhubTableAccess *access)
{
	int			i;

	if (!lock_again(access))
		return false;
	access->relation = table_open(access->table->relid, NoLock);
	if (access->result != NULL)
		access->result->ri_RelationDesc = access->relation;
	for (i = 0; i < open_indexes(access); i++)
		access->result->ri_IndexRelationDescs[i] = index_open(access->indexes[i], NoLock);
	return true;
}

/* Takes the kept state over, unless it is out of date. */
static MhubTableAccess *
take_cached(MhubTable *table)
{
	MhubTableAccess *access = table->cached;

	if (access == NULL)
		return NULL;
	if (!open_where_it_was(access) && !open_again(access))
	{
		table->cached = NULL;
		MemoryContextDelete(access->context);
		return NULL;
	}
	table->cached = NULL;
	MemoryContextSetParent(access->context, CurTransactionContext);
	return access;
}

static bool
may_read_columns(const MhubTableAccess *access)
{
	int			i;

	for (i = 0; i < access->table->ncolumns; i++)
	{
		if (pg_attribute_aclcheck(access->table->relid, access->columns[i], GetUserId(), ACL_SELECT) != ACLCHECK_OK)
			return false;
	}
	return true;
}

/* Who audits statements, or has rights of its own kind, hooks into the check of a statement's. */
bool
mhub_table_grants(Oid relid, AclMode mode)
{
	return ExecutorCheckPerms_hook == NULL &&
		pg_class_aclmask(relid, GetUserId(), mode, ACLMASK_ALL) == mode &&
		check_enable_rls(relid, InvalidOid, true) != RLS_ENABLED;
}

static bool
may_do(const MhubTableAccess *access, AclMode mode)
{
	Oid			relid = access->table->relid;

	return mhub_table_grants(relid, mode) ||
		((mode & ACL_SELECT) != 0 && may_read_columns(access) && mhub_table_grants(relid, mode & ~ACL_SELECT));
}

/*
 * What a user may do is remembered until the table, a role or a membership
 * changes; a foreign key's own queries have more rights.
 */
static bool
is_allowed(MhubTableAccess *access, AclMode mode)
{
	if (ExecutorCheckPerms_hook != NULL)
		return false;
	if (InNoForceRLSOperation())
		return may_do(access, mode);
	if (access->allowed_user == GetUserId() && (access->allowed & mode) == mode)
		return true;
	if (!may_do(access, mode))
		return false;
	access->allowed = access->allowed_user == GetUserId() ? access->allowed | mode : mode;
	access->allowed_user = GetUserId();
	return true;
}

/* NULL when a statement has to do it: to go its own way, or to say what is wrong. */
MhubTableAccess *
mhub_table_open_for(MhubTable *table, AclMode mode)
{
	MhubTableAccess *access = take_cached(table);

	if (access == NULL)
		access = build(table);
	if (access != NULL && !is_allowed(access, mode))
	{
		mhub_table_close(access);
		return NULL;
	}
	if (access != NULL)
		access->memory = CurrentMemoryContext;
	return access;
}

MhubTableAccess *
mhub_table_open(MhubTable *table)
{
	return mhub_table_open_for(table, ACL_SELECT);
}

MhubTableAccess *
mhub_table_open_to_insert(MhubTable *table)
{
	return mhub_table_open_for(table, ACL_INSERT);
}

/* Is changing and inserting a row all that a statement would do? */
static bool
is_quiet(const TriggerDesc *triggers)
{
	return !mhub_fires_on_insert(triggers) &&
		!(triggers != NULL && (triggers->trig_update_before_row || triggers->trig_update_after_row ||
							   triggers->trig_update_before_statement || triggers->trig_update_after_statement));
}

/* Besides, a snapshot that does not move on is left to statements, which know what that means for a change. */
static MhubTableAccess *
open_to_write(MhubTable *table, AclMode mode)
{
	MhubTableAccess *access;

	if (XactReadOnly || IsInParallelMode() || IsolationUsesXactSnapshot())
		return NULL;
	access = mhub_table_open_for(table, mode);
	if (access == NULL)
		return NULL;
	if ((mode & ACL_UPDATE) != 0)
		CheckCmdReplicaIdentity(access->relation, CMD_UPDATE);
	if (!mhub_is_heap(access->relation) ||
		(access->descriptor->constr != NULL && access->descriptor->constr->has_generated_stored))
	{
		mhub_table_close(access);
		return NULL;
	}
	return access;
}

MhubTableAccess *
mhub_table_open_to_change(MhubTable *table, bool inserts)
{
	MhubTableAccess *access = open_to_write(table, ACL_SELECT | ACL_UPDATE | (inserts ? ACL_INSERT : 0));

	if (access != NULL && !is_quiet(access->result->ri_TrigDesc))
	{
		mhub_table_close(access);
		return NULL;
	}
	if (access != NULL)
		access->to_change = true;
	return access;
}

MhubTableAccess *
mhub_table_open_to_update(MhubTable *table, const int *columns, int n)
{
	MhubTableAccess *access = open_to_write(table, ACL_SELECT | ACL_UPDATE);

	if (access != NULL && !mhub_table_is_updatable(access, columns, n))
	{
		mhub_table_close(access);
		return NULL;
	}
	if (access != NULL)
	{
		access->to_change = true;
		mhub_table_begin_update(access);
	}
	return access;
}

Oid
mhub_table_sequence(MhubTable *table)
{
	if (!table->registered)
		register_table(table);
	if (!OidIsValid(table->sequence_oid) || table->sequence_changes != table->changes)
	{
		table->sequence_changes = table->changes;
		table->sequence_oid = mhub_relation(table->sequence);
	}
	return table->sequence_oid;
}

bool
mhub_table_has_triggers(const MhubTableAccess *access)
{
	return access->result->ri_TrigDesc != NULL;
}

bool
mhub_table_may_insert(const MhubTableAccess *access)
{
	return !XactReadOnly && access->allowed_user == GetUserId() && (access->allowed & ACL_INSERT) != 0;
}

bool
mhub_table_key_is_unique(const MhubTableAccess *access, int key)
{
	return access->keys[key].unique;
}

/* Slots that triggers were given hold references to the table's description. */
static void
drop_trigger_slots(MhubTableAccess *access)
{
	ResultRelInfo *result = access->result;

	if (access->estate == NULL || access->estate->es_tupleTable == NIL)
		return;
	ExecResetTupleTable(access->estate->es_tupleTable, true);
	access->estate->es_tupleTable = NIL;
	result->ri_TrigOldSlot = result->ri_TrigNewSlot = result->ri_ReturningSlot = NULL;
}

/* What an index has put aside for its next rows belongs to the relation as it is now. */
static bool
is_reusable(const MhubTableAccess *access)
{
	int			i;

	for (i = 0; i < open_indexes(access); i++)
	{
		if (access->result->ri_IndexRelationInfo[i]->ii_AmCache != NULL)
			return false;
	}
	return access->table->cached == NULL && access->changes == access->table->changes;
}

void
mhub_table_rest(MhubTableAccess *access)
{
	int			i;

	for (i = 0; i < MHUB_TABLE_MAX_KEYS; i++)
	{
		if (access->keys[i].scan != NULL)
			index_endscan(access->keys[i].scan);
		access->keys[i].scan = NULL;
	}
}

/* The row found and the row written need nothing any more that belongs to the transaction. */
static void
let_go(MhubTableAccess *access)
{
	mhub_table_rest(access);
	ExecClearTuple(access->found);
	if (access->written != NULL)
		ExecClearTuple(access->written);
	if (BufferIsValid(access->page))
		ReleaseBuffer(access->page);
	access->page = InvalidBuffer;
	access->to_change = false;
	drop_trigger_slots(access);
	close_relations(access);
}

void
mhub_table_close(MhubTableAccess *access)
{
	if (access->relation == NULL)
		return;
	mhub_table_end_update(access);
	let_go(access);
	if (is_reusable(access))
	{
		MemoryContextSetParent(access->context, CacheMemoryContext);
		access->table->cached = access;
	}
	else
		MemoryContextDelete(access->context);
}

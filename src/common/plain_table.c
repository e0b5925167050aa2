/*
 * plain_table.c
 *	  Tables of the hub that may be written without a statement.
 *
 * The hub's tables are ordinary ones: their owner may add triggers, columns,
 * row security, rules, or have another extension distribute them.  All of that
 * is the executor's business, so tables are written straight through their
 * access method only where none of it is there, and by a statement else.
 */
#include "common/plain_table.h"

#include "access/table.h"
#include "access/xact.h"
#include "catalog/namespace.h"
#include "catalog/pg_class.h"
#include "common/kept_elsewhere.h"
#include "executor/executor.h"
#include "miscadmin.h"
#include "utils/lsyscache.h"
#include "utils/rls.h"

static bool
has_columns(TupleDesc descriptor, const MhubPlainTable *table)
{
	if (descriptor->natts != table->n_columns)
		return false;
	for (int i = 0; i < table->n_columns; i++)
	{
		Form_pg_attribute column = TupleDescAttr(descriptor, i);

		if (column->attisdropped || column->atttypid != table->columns[i].type ||
			strcmp(NameStr(column->attname), table->columns[i].name) != 0)
			return false;
	}
	return true;
}

static bool
has_kind_we_write(Relation relation)
{
	return relation->rd_rel->relkind == RELKIND_RELATION || relation->rd_rel->relkind == RELKIND_PARTITIONED_TABLE;
}

static bool
fires_on_insert(const TriggerDesc *triggers)
{
	return triggers->trig_insert_before_row || triggers->trig_insert_after_row || triggers->trig_insert_instead_row ||
		triggers->trig_insert_before_statement || triggers->trig_insert_after_statement;
}

static bool
fires_on_update(const TriggerDesc *triggers)
{
	return triggers->trig_update_before_row || triggers->trig_update_after_row || triggers->trig_update_instead_row ||
		triggers->trig_update_before_statement || triggers->trig_update_after_statement;
}

static bool
triggers_matter(const TriggerDesc *triggers, AclMode what)
{
	return triggers != NULL &&
		(((what & ACL_INSERT) != 0 && fires_on_insert(triggers)) ||
		 ((what & ACL_UPDATE) != 0 && fires_on_update(triggers)));
}

/*
 * Has the table these columns and no others, and nothing that takes more than
 * storing the row?  what: ACL_INSERT, ACL_UPDATE or both.
 */
bool
mhub_is_plain(Relation relation, const MhubPlainTable *table, AclMode what)
{
	const TupleConstr *constraints = RelationGetDescr(relation)->constr;

	return has_kind_we_write(relation) && !mhub_is_kept_elsewhere(relation) &&
		!triggers_matter(relation->trigdesc, what) && relation->rd_rules == NULL &&
		(constraints == NULL || !constraints->has_generated_stored) &&
		has_columns(RelationGetDescr(relation), table);
}

static bool
may_do(Oid table, AclMode rights)
{
	return pg_class_aclcheck(table, GetUserId(), rights) == ACLCHECK_OK &&
		check_enable_rls(table, InvalidOid, true) == RLS_NONE &&
		ExecutorCheckPerms_hook == NULL;
}

/*
 * The table, opened and locked for writing; NULL when that takes a statement,
 * or the user may not do it, which the statement will say best.
 */
Relation
mhub_open_plain_table(const MhubPlainTable *table, AclMode rights)
{
	Oid			schema = get_namespace_oid("mhub", true);
	Oid			oid = OidIsValid(schema) ? get_relname_relid(table->name, schema) : InvalidOid;
	Relation	relation;

	if (!OidIsValid(oid) || XactReadOnly || IsInParallelMode() || !may_do(oid, rights))
		return NULL;
	relation = table_open(oid, RowExclusiveLock);
	if (mhub_is_plain(relation, table, rights))
		return relation;
	table_close(relation, NoLock);
	return NULL;
}

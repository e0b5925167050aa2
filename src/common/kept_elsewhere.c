/*
 * kept_elsewhere.c
 *	  Tables whose rows an extension keeps somewhere else.
 *
 * Such a table looks like any other but is empty, so it must not be read or
 * written directly.  Citus has a list of those it distributes.
 */
#include "common/kept_elsewhere.h"

#include "access/genam.h"
#include "access/table.h"
#include "catalog/namespace.h"
#include "catalog/pg_namespace.h"
#include "utils/fmgroids.h"
#include "utils/lsyscache.h"

bool
mhub_is_kept_elsewhere(Relation table)
{
	Oid			list = get_relname_relid("pg_dist_partition", PG_CATALOG_NAMESPACE);
	AttrNumber	column = OidIsValid(list) ? get_attnum(list, "logicalrelid") : InvalidAttrNumber;
	Relation	relation;
	ScanKeyData key;
	SysScanDesc scan;
	bool		found;

	if (column == InvalidAttrNumber)
		return false;
	relation = table_open(list, AccessShareLock);
	ScanKeyInit(&key, column, BTEqualStrategyNumber, F_OIDEQ, ObjectIdGetDatum(RelationGetRelid(table)));
	scan = systable_beginscan(relation, InvalidOid, false, NULL, 1, &key);
	found = HeapTupleIsValid(systable_getnext(scan));
	systable_endscan(scan);
	table_close(relation, AccessShareLock);
	return found;
}

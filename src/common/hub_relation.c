/*
 * hub_relation.c
 *	  Tables and sequences of schema mhub by their names.
 */
#include "common/hub_relation.h"

#include "catalog/namespace.h"
#include "utils/lsyscache.h"

Oid
mhub_find_relation(const char *name)
{
	Oid			schema = get_namespace_oid("mhub", true);

	return OidIsValid(schema) ? get_relname_relid(name, schema) : InvalidOid;
}

/* The statement may tell of persons, which the server's log need not. */
Oid
mhub_relation(const char *name)
{
	Oid			relation = mhub_find_relation(name);

	if (!OidIsValid(relation))
		ereport(ERROR,
				(errcode(ERRCODE_UNDEFINED_TABLE),
				 errmsg("relation \"mhub.%s\" does not exist", name),
				 errhint("Create the hub's tables first: SELECT mhub.install();"),
				 errhidestmt(true), errhidecontext(true)));
	return relation;
}

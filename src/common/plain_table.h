/*
 * plain_table.h
 *	  Tables of the hub that may be written without a statement.
 */
#ifndef MHUB_PLAIN_TABLE_H
#define MHUB_PLAIN_TABLE_H

#include "common/pgcompat.h"

#include "utils/acl.h"
#include "utils/rel.h"

typedef struct MhubColumn
{
	const char *name;
	Oid			type;
} MhubColumn;

/* A table of schema mhub and all its columns, in order.  Declare it static. */
typedef struct MhubPlainTable
{
	const char *name;
	int			n_columns;
	const MhubColumn *columns;
} MhubPlainTable;

extern Relation mhub_open_plain_table(const MhubPlainTable *table, AclMode rights);
extern bool mhub_is_plain(Relation relation, const MhubPlainTable *table, AclMode what);

#endif							/* MHUB_PLAIN_TABLE_H */

/*
 * tables.h
 *	  The tables of identity as common/table_access.h wants them.
 */
#ifndef MHUB_IDENTITY_TABLES_H
#define MHUB_IDENTITY_TABLES_H

#include "common/pgcompat.h"

#include "common/table_access.h"

/* Columns of mhub.identifier */
enum
{
	IDENTIFIER_ID, IDENTIFIER_PERSON, IDENTIFIER_FIRST_PERSON, IDENTIFIER_KIND, IDENTIFIER_VALUE, IDENTIFIER_SEALED,
	IDENTIFIER_FIRST_SEEN, IDENTIFIER_LAST_SEEN, IDENTIFIER_SOURCE, IDENTIFIER_COLUMNS
};

/* and its keys */
enum
{
	IDENTIFIER_BY_VALUE, IDENTIFIER_BY_ID, IDENTIFIER_BY_PERSON
};

/* Columns of mhub.link */
enum
{
	LINK_A, LINK_B, LINK_FIRST_SEEN, LINK_LAST_SEEN, LINK_CONFIDENCE, LINK_JOINS, LINK_SOURCE,
	LINK_INSERTED_COLUMNS, LINK_REMOVED_AT = LINK_INSERTED_COLUMNS, LINK_COLUMNS
};

/* and its key */
enum
{
	LINK_BY_ENDS
};

/* Columns of mhub.person */
enum
{
	PERSON_ID, PERSON_CREATED_AT, PERSON_COLUMNS
};

/* and its key */
enum
{
	PERSON_BY_ID
};

/* Columns of mhub.person that merges change, and what they look at */
enum
{
	MERGED_ID, MERGED_CREATED_AT, MERGED_INTO, MERGED_UPDATED_AT, MERGED_TRAITS, MERGED_COLUMNS
};

/* and its key */
enum
{
	MERGED_PERSON
};

extern MhubTable identity_identifier_table;
extern MhubTable identity_link_table;
extern MhubTable identity_person_table;
extern MhubTable identity_merged_table; /* mhub.person again: rows inserted get defaults for these */
extern MhubTable identity_merge_log_table;

#endif							/* MHUB_IDENTITY_TABLES_H */

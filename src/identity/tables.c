/*
 * tables.c
 *	  The tables of identity as common/table_access.h wants them.
 */
#include "identity/tables.h"

#include "catalog/pg_type.h"

MhubTable	identity_identifier_table = {
	.name = "identifier",
	.ncolumns = IDENTIFIER_COLUMNS,
	.columns = {"identifier_id", "person_id", "first_person_id", "kind", "value", "sealed",
	"first_seen_at", "last_seen_at", "source"},
	.types = {INT8OID, INT8OID, INT8OID, TEXTOID, TEXTOID, InvalidOid, TIMESTAMPTZOID, TIMESTAMPTZOID, TEXTOID},
	.keys = {{2, {IDENTIFIER_KIND, IDENTIFIER_VALUE}}, {1, {IDENTIFIER_ID}}, {1, {IDENTIFIER_PERSON}}},
	.sequence = "identifier_identifier_id_seq"
};

MhubTable	identity_link_table = {
	.name = "link",
	.ncolumns = LINK_COLUMNS,
	.columns = {"identifier_a", "identifier_b", "first_seen_at", "last_seen_at", "confidence", "joins", "source",
	"removed_at"},
	.types = {INT8OID, INT8OID, TIMESTAMPTZOID, TIMESTAMPTZOID, FLOAT4OID, BOOLOID, TEXTOID, TIMESTAMPTZOID},
	.keys = {{2, {LINK_A, LINK_B}}}
};

MhubTable	identity_person_table = {
	.name = "person",
	.ncolumns = PERSON_COLUMNS,
	.columns = {"person_id", "created_at"},
	.types = {INT8OID, TIMESTAMPTZOID},
	.keys = {{1, {PERSON_ID}}},
	.row_triggers = {"touch_person", "seal_traits"},
	.sequence = "person_person_id_seq"
};

MhubTable	identity_merged_table = {
	.name = "person",
	.ncolumns = MERGED_COLUMNS,
	.columns = {"person_id", "created_at", "merged_into", "updated_at", "traits"},
	.types = {INT8OID, TIMESTAMPTZOID, INT8OID, TIMESTAMPTZOID, JSONBOID},
	.keys = {{1, {MERGED_ID}}}
};

MhubTable	identity_merge_log_table = {
	.name = "merge_log",
	.ncolumns = 8,
	.columns = {"action", "person_id", "other_person_id", "identifier_a", "identifier_b", "cause", "source",
	"occurred_at"},
	.types = {TEXTOID, INT8OID, INT8OID, INT8OID, INT8OID, TEXTOID, TEXTOID, TIMESTAMPTZOID}
};

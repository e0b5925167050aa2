/*
 * pgcompat.h
 *	  What differs between PostgreSQL 14 and 18, in one place.
 *
 * Every other file is written against the newest form; this header supplies
 * it where the server is older.
 */
#ifndef MHUB_PGCOMPAT_H
#define MHUB_PGCOMPAT_H

#include "postgres.h"

#if PG_VERSION_NUM < 140000
#error "mhub needs PostgreSQL 14 or later"
#endif

/* 16 split the varlena macros out of postgres.h */
#if PG_VERSION_NUM >= 160000
#include "varatt.h"
#endif

/* 18 replaced the pg_attribute_noreturn() suffix by a pg_noreturn prefix */
#if PG_VERSION_NUM < 180000
#define pg_noreturn _Noreturn
#endif

/* 15 renamed EmitWarningsOnPlaceholders() */
#if PG_VERSION_NUM < 150000
#define MarkGUCPrefixReserved(prefix) EmitWarningsOnPlaceholders(prefix)
#endif

/* 15 brought a short way to return a set of rows in one go */
#if PG_VERSION_NUM < 150000
#include "fmgr.h"
extern void InitMaterializedSRF(FunctionCallInfo fcinfo, bits32 flags);
#endif

/* 17 gave LockHeldByMe() a third argument, whether a stronger lock will do */
#if PG_VERSION_NUM < 170000
#include "storage/lock.h"
#define LockHeldByMe(tag, mode, or_stronger) LockHeldByMe(tag, mode)
#endif

/* 17 put the number of a session's transaction into a struct */
#include "storage/proc.h"
#if PG_VERSION_NUM >= 170000
#define mhub_local_transaction() (MyProc->vxid.lxid)
#else
#define mhub_local_transaction() (MyProc->lxid)
#endif

/* 17 lets the caller of makeJsonLexContextCstringLen() give the memory */
#include "common/jsonapi.h"
#include "mb/pg_wchar.h"
#if PG_VERSION_NUM >= 170000
#define mhub_json_lexer(text, length, unescapes) \
	makeJsonLexContextCstringLen(NULL, text, length, GetDatabaseEncoding(), unescapes)
#else
#define mhub_json_lexer(text, length, unescapes) \
	makeJsonLexContextCstringLen(unconstify(char *, text), (int) (length), GetDatabaseEncoding(), unescapes)
#endif

/* 18 gave heap_form_minimal_tuple() a fourth argument, room to leave in front of the tuple */
#if PG_VERSION_NUM < 180000
#include "access/htup_details.h"
#define heap_form_minimal_tuple(descriptor, values, nulls, room) heap_form_minimal_tuple(descriptor, values, nulls)
#endif

/* 16 tells which indexes an update of a row concerns, not only whether any */
#if PG_VERSION_NUM >= 160000
#define MhubUpdateIndexes TU_UpdateIndexes
#define mhub_must_update_indexes(which) ((which) != TU_None)
#define mhub_insert_index_tuples(result, slot, estate, which) \
	ExecInsertIndexTuples(result, slot, estate, true, false, NULL, NIL, (which) == TU_Summarizing)
#define mhub_insert_index_tuples_unless(result, slot, estate, arbiters, conflict) \
	ExecInsertIndexTuples(result, slot, estate, false, (arbiters) != NIL, conflict, arbiters, false)
#else
#define MhubUpdateIndexes bool
#define mhub_must_update_indexes(which) (which)
#define mhub_insert_index_tuples(result, slot, estate, which) \
	ExecInsertIndexTuples(result, slot, estate, true, false, NULL, NIL)
#define mhub_insert_index_tuples_unless(result, slot, estate, arbiters, conflict) \
	ExecInsertIndexTuples(result, slot, estate, false, (arbiters) != NIL, conflict, arbiters)
#endif

/* 15 told who fires triggers of rows which partitions they move between */
#if PG_VERSION_NUM >= 150000
#define mhub_after_row_update(estate, result, before, slot, capture) \
	ExecARUpdateTriggers(estate, result, NULL, NULL, before, NULL, slot, NIL, capture, false)
#else
#define mhub_after_row_update(estate, result, before, slot, capture) \
	ExecARUpdateTriggers(estate, result, before, NULL, slot, NIL, capture)
#endif

/* 17 lets an index finish what it has put aside during insertions */
#if PG_VERSION_NUM >= 170000
#define mhub_index_insert_cleanup(index, info) index_insert_cleanup(index, info)
#else
#define mhub_index_insert_cleanup(index, info) ((void) 0)
#endif

/* 17 wants to know the statement behind a REINDEX, for event triggers */
#if PG_VERSION_NUM >= 170000
#define mhub_reindex_index(relid) \
	reindex_index(NULL, relid, false, get_rel_persistence(relid), &(ReindexParams) {0})
#else
#define mhub_reindex_index(relid) reindex_index(relid, false, get_rel_persistence(relid), &(ReindexParams) {0})
#endif

/* 18 counts index searches for EXPLAIN */
#if PG_VERSION_NUM >= 180000
#define mhub_index_beginscan(table, index, snapshot, nkeys, norderbys) \
	index_beginscan(table, index, snapshot, NULL, nkeys, norderbys)
#else
#define mhub_index_beginscan(table, index, snapshot, nkeys, norderbys) \
	index_beginscan(table, index, snapshot, nkeys, norderbys)
#endif

/* 16 renamed what tells a relation's file */
#if PG_VERSION_NUM >= 160000
#define mhub_read_recent_buffer(relation, block, buffer) \
	ReadRecentBuffer((relation)->rd_locator, MAIN_FORKNUM, block, buffer)
#else
#define mhub_read_recent_buffer(relation, block, buffer) \
	ReadRecentBuffer((relation)->rd_node, MAIN_FORKNUM, block, buffer)
#endif

#endif							/* MHUB_PGCOMPAT_H */

/*
 * link_query.c
 *	  The query of mhub.link_identifiers(), read as pairs of names.
 *
 * Rows are taken from the executor as they come: copying them into a table of
 * results first would cost more than all that is done with them here.
 */
#include "mhub.h"

#include "identity/link_query.h"

#include "executor/spi.h"
#include "nodes/parsenodes.h"
#include "nodes/plannodes.h"
#include "parser/parser.h"
#include "tcop/dest.h"
#include "tcop/pquery.h"
#include "utils/builtins.h"
#include "utils/memutils.h"
#include "utils/plancache.h"

char *
link_query_trimmed(text *given)
{
	char	   *query = text_to_cstring(given);
	int			length = strlen(query);

	while (length > 0 && (isspace((unsigned char) query[length - 1]) || query[length - 1] == ';'))
		query[--length] = '\0';
	return query;
}

bool
link_query_is_ordered(const char *query)
{
	List	   *statements = raw_parser(query, RAW_PARSE_DEFAULT);
	RawStmt    *statement = list_length(statements) == 1 ? linitial_node(RawStmt, statements) : NULL;

	if (statement == NULL || !IsA(statement->stmt, SelectStmt))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("the query of link_identifiers is not a single SELECT")));
	return castNode(SelectStmt, statement->stmt)->sortClause != NIL;
}

static int
count_columns(const char *query)
{
	SPIPlanPtr	plan = SPI_prepare(query, 0, NULL);
	CachedPlanSource *source;
	int			n;

	if (plan == NULL)
		elog(ERROR, "could not prepare the query: %s", SPI_result_code_string(SPI_result));
	source = linitial(SPI_plan_get_plan_sources(plan));
	n = source->resultDesc == NULL ? 0 : source->resultDesc->natts;
	SPI_freeplan(plan);
	if (n != 4 && n != 5)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("the query of link_identifiers has %d columns instead of 4 or 5", n),
				 errhint("Its columns are kind_a, value_a, kind_b, value_b and, if wanted, seen_at.")));
	return n;
}

void
link_query_open(LinkQuery *query, const char *text, int64 skip, TimestampTz at)
{
	StringInfoData sql;
	SPIPlanPtr	plan;

	query->finished = false;
	query->at = at;
	query->timed = count_columns(text) == 5;
	initStringInfo(&sql);
	appendStringInfo(&sql, "SELECT q.ka::text, q.va::text, q.kb::text, q.vb::text%s FROM (%s\n) AS q(ka, va, kb, vb%s)",
					 query->timed ? ", q.at::timestamptz" : "", text, query->timed ? ", at" : "");
	plan = SPI_prepare_cursor(sql.data, 0, NULL, CURSOR_OPT_NO_SCROLL);
	if (plan == NULL)
		elog(ERROR, "could not prepare the query: %s", SPI_result_code_string(SPI_result));
	query->portal = SPI_cursor_open(NULL, plan, NULL, NULL, true);
	query->expected = linitial_node(PlannedStmt, query->portal->stmts)->planTree->plan_rows;
	/* Pinned, it outlives our commits. */
	PinPortal(query->portal);
	if (skip > 0)
		SPI_cursor_move(query->portal, true, skip);
}

void
link_query_close(LinkQuery *query)
{
	UnpinPortal(query->portal);
	SPI_cursor_close(query->portal);
}

typedef struct PairReceiver
{
	DestReceiver public;
	const LinkQuery *query;
	Batch	   *batch;
	IdentityObservation *about;
	MemoryContext context;		/* for what the pairs point to */
	BatchPair  *pairs;
	int			n;
} PairReceiver;

/* The name in two columns; NULL on either side names nobody. */
static BatchName
read_name(const PairReceiver *receiver, const TupleTableSlot *slot, int column)
{
	const text *kind;
	const text *value;
	IdentityName name;

	if (slot->tts_isnull[column] || slot->tts_isnull[column + 1])
		return (BatchName) {NULL};
	kind = DatumGetTextPP(slot->tts_values[column]);
	value = DatumGetTextPP(slot->tts_values[column + 1]);
	name = (IdentityName) {VARDATA_ANY(kind), VARSIZE_ANY_EXHDR(kind), VARDATA_ANY(value), VARSIZE_ANY_EXHDR(value)};
	return batch_accept(receiver->batch, receiver->about, &name);
}

static TimestampTz
read_time(const LinkQuery *query, const TupleTableSlot *slot)
{
	return query->timed && !slot->tts_isnull[4] ? DatumGetTimestampTz(slot->tts_values[4]) : query->at;
}

static bool
receive_pair(TupleTableSlot *slot, DestReceiver *self)
{
	PairReceiver *receiver = (PairReceiver *) self;
	MemoryContext old = MemoryContextSwitchTo(receiver->context);
	BatchPair  *pair = &receiver->pairs[receiver->n++];

	slot_getallattrs(slot);
	pair->names[0] = read_name(receiver, slot, 0);
	pair->names[1] = read_name(receiver, slot, 2);
	pair->at = read_time(receiver->query, slot);
	mhub_identity_refuse_unknown_kind(receiver->about);
	MemoryContextSwitchTo(old);
	return true;
}

static void
start_receiving(DestReceiver *self pg_attribute_unused(), int operation pg_attribute_unused(),
				TupleDesc descriptor pg_attribute_unused())
{
}

static void
stop_receiving(DestReceiver *self pg_attribute_unused())
{
}

int
link_query_read(LinkQuery *query, Batch *batch, IdentityObservation *about, int wanted, MemoryContext scratch)
{
	MemoryContext old = MemoryContextSwitchTo(scratch);
	PairReceiver receiver = {
		.public = {receive_pair, start_receiving, stop_receiving, stop_receiving, DestNone},
		.query = query,
		.batch = batch,
		.about = about,
		.context = scratch,
		.pairs = palloc(sizeof(BatchPair) * LINK_QUERY_ROWS)
	};

	wanted = Min(wanted, LINK_QUERY_ROWS);
	(void) PortalRunFetch(query->portal, FETCH_FORWARD, wanted, &receiver.public);
	query->finished = receiver.n < wanted;
	batch_add_pairs(batch, about, receiver.pairs, receiver.n);
	MemoryContextSwitchTo(old);
	MemoryContextReset(scratch);
	return receiver.n;
}

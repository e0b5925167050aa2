/*
 * locked_rows.c
 *	  Messages whose rows somebody else has locked, in a transaction that may
 *	  take its time.
 *
 * That is rare, so the statements over many messages are tried as if nobody
 * had.  When one does not get its locks in a moment, the messages that can be
 * locked are, and the others are left for later.
 */
#include "delivery/delivery.h"

#include "catalog/pg_type.h"
#include "common/subtransaction.h"
#include "utils/array.h"
#include "utils/guc.h"

#define PATIENCE "50ms"

/* Locks what it can; a message that is gone is in neither list. */
static MhubPlan lock_plan = {
	"WITH ours AS MATERIALIZED ("
	" SELECT m.message_id, m.created_at FROM ROWS FROM (pg_catalog.unnest($1), pg_catalog.unnest($2)) AS u(message_id, created_at) "
	" JOIN mhub.message AS m ON m.message_id OPERATOR(pg_catalog.=) u.message_id AND m.created_at OPERATOR(pg_catalog.=) u.created_at "
	" FOR NO KEY UPDATE OF m SKIP LOCKED) "
	"SELECT (SELECT pg_catalog.array_agg(o.message_id) FROM ours AS o), (SELECT pg_catalog.array_agg(o.created_at) FROM ours AS o), "
	" (SELECT pg_catalog.array_agg(m.message_id ORDER BY m.message_id) "
	"  FROM ROWS FROM (pg_catalog.unnest($1), pg_catalog.unnest($2)) AS u(message_id, created_at) "
	"  JOIN mhub.message AS m ON m.message_id OPERATOR(pg_catalog.=) u.message_id AND m.created_at OPERATOR(pg_catalog.=) u.created_at "
	"  WHERE u.message_id OPERATOR(pg_catalog.<>) ALL (ARRAY(SELECT o.message_id FROM ours AS o)))",
2, {INT8ARRAYOID, TIMESTAMPTZARRAYOID}, NULL};

typedef struct BatchStatement
{
	MhubPlan   *plan;
	Datum	   *values;
	int			expected;
} BatchStatement;

static void
execute_impatiently(void *argument)
{
	BatchStatement *statement = argument;
	int			level = NewGUCNestLevel();

	(void) set_config_option("lock_timeout", PATIENCE, PGC_USERSET, PGC_S_SESSION, GUC_ACTION_SAVE, true, 0, false);
	delivery_execute_batch(statement->plan, statement->values, statement->expected);
	AtEOXact_GUC(true, level);
}

/* False, and nothing has happened, when a lock was not to be had in a moment. */
bool
delivery_try_batch(MhubPlan *plan, Datum *values, int expected)
{
	BatchStatement statement = {plan, values, expected};
	ErrorData  *error = mhub_attempt(execute_impatiently, &statement, false);

	if (error != NULL && error->sqlerrcode != ERRCODE_LOCK_NOT_AVAILABLE)
		ReThrowError(error);
	return error == NULL;
}

/* An array of the first row that SPI has, or an empty one. */
static Datum
array_of(int column, Oid element)
{
	bool		isnull;
	Datum		value = SPI_getbinval(SPI_tuptable->vals[0], SPI_tuptable->tupdesc, column, &isnull);

	return PointerGetDatum(isnull ? construct_empty_array(element) : DatumGetArrayTypePCopy(value));
}

/*
 * Locks those of the messages (keys: arrays of message_id and created_at) that
 * nobody else has.  They become ours, keys likewise; busy are the ids of the
 * others, in order.
 */
void
lock_messages(const Datum *keys, Datum *ours, Datum *busy)
{
	Datum		arguments[2] = {keys[0], keys[1]};

	delivery_execute_batch(&lock_plan, arguments, SPI_OK_SELECT);
	ours[0] = array_of(1, INT8OID);
	ours[1] = array_of(2, TIMESTAMPTZOID);
	*busy = array_of(3, INT8OID);
	SPI_freetuptable(SPI_tuptable);
}

/* Whether a message is among those that lock_messages() found busy. */
bool
is_busy(Datum busy, int64 message_id)
{
	const ArrayType *array = DatumGetArrayTypeP(busy);
	const int64 *ids = (int64 *) ARR_DATA_PTR(array);
	int			from = 0;
	int			to = ARR_NDIM(array) == 0 ? 0 : ARR_DIMS(array)[0];

	while (from < to)
	{
		int			middle = from + (to - from) / 2;

		if (ids[middle] == message_id)
			return true;
		if (ids[middle] < message_id)
			from = middle + 1;
		else
			to = middle;
	}
	return false;
}

/*
 * content.c
 *	  What claimed messages say, and to whom: verdict, address and texts.
 */
#include "delivery/delivery.h"

#include "catalog/pg_type.h"
#include "common/subtransaction.h"
#include "privacy/privacy.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/timestamp.h"

static MhubPlan content_plan = {
	"SELECT c.place, c.state, c.reason, c.not_before, c.address, c.sealed, c.subject, c.text_body, c.html_body, "
	"c.code, c.parameters, c.unsubscribe_url, c.identifier_id FROM mhub.message_content($1, $2, $3) AS c",
3, {INT8ARRAYOID, TIMESTAMPTZARRAYOID, INT8ARRAYOID}, NULL};

static char *
copy_text(HeapTuple row, TupleDesc descriptor, int column)
{
	bool		isnull;
	Datum		value = SPI_getbinval(row, descriptor, column, &isnull);

	return isnull ? NULL : TextDatumGetCString(value);
}

static void *
copy_varlena(HeapTuple row, TupleDesc descriptor, int column)
{
	bool		isnull;
	Datum		value = SPI_getbinval(row, descriptor, column, &isnull);

	return isnull ? NULL : PG_DETOAST_DATUM_COPY(value);
}

static void
decide(Message *message, Fate fate, const char *reason)
{
	message->judgement.fate = fate;
	strlcpy(message->judgement.reason, reason, sizeof(message->judgement.reason));
}

/* The address: as the message has it, the plain identifier, or the sealed one. */
static void
read_address(Message *message, HeapTuple row, TupleDesc descriptor)
{
	bytea	   *sealed = copy_varlena(row, descriptor, 6);

	if (message->recipient == NULL && sealed != NULL)
	{
		message->recipient = mhub_open(sealed, "identifier.sealed");
		if (message->recipient == NULL)
			decide(message, FATE_SUPPRESSED, "no_address");	/* its key is destroyed */
	}
	else if (message->recipient == NULL)
		message->recipient = copy_text(row, descriptor, 5);
}

/* A state in the row means that the message must not go out, or not now. */
static void
read_content(Message *message, HeapTuple row, TupleDesc descriptor)
{
	char	   *state = copy_text(row, descriptor, 2);
	bool		isnull;

	if (state != NULL)
	{
		decide(message, strcmp(state, "deferred") == 0 ? FATE_DEFERRED :
			   strcmp(state, "suppressed") == 0 ? FATE_SUPPRESSED : FATE_FAILED, copy_text(row, descriptor, 3));
		if (message->judgement.fate == FATE_DEFERRED)
			message->not_before = DatumGetTimestampTz(SPI_getbinval(row, descriptor, 4, &isnull));
		return;
	}
	read_address(message, row, descriptor);
	message->identifier_id = DatumGetInt64(SPI_getbinval(row, descriptor, 13, &isnull));
	message->subject = copy_text(row, descriptor, 7);
	message->text = copy_text(row, descriptor, 8);
	message->html = copy_text(row, descriptor, 9);
	message->code = copy_text(row, descriptor, 10);
	message->parameters = copy_varlena(row, descriptor, 11);
	message->unsubscribe_url = copy_text(row, descriptor, 12);
}

static Datum
ids_of(Message **messages, int count)
{
	Datum	   *ids = palloc(count * sizeof(Datum));

	for (int i = 0; i < count; i++)
		ids[i] = Int64GetDatum(messages[i]->message_id);
	return PointerGetDatum(construct_array(ids, count, INT8OID, 8, FLOAT8PASSBYVAL, TYPALIGN_DOUBLE));
}

/* batch: the ids of all that were claimed together */
static void
fetch_content(Message **messages, int count, Datum batch)
{
	Datum	   *times = palloc(count * sizeof(Datum));
	Datum		arguments[3];

	for (int i = 0; i < count; i++)
		times[i] = TimestampTzGetDatum(messages[i]->created_at);
	arguments[0] = ids_of(messages, count);
	arguments[1] = PointerGetDatum(construct_array(times, count, TIMESTAMPTZOID, 8, FLOAT8PASSBYVAL, TYPALIGN_DOUBLE));
	arguments[2] = batch;
	delivery_execute(&content_plan, arguments, NULL, SPI_OK_SELECT, "fetch what messages say");
	for (uint64 i = 0; i < SPI_processed; i++)
	{
		HeapTuple	row = SPI_tuptable->vals[i];
		bool		isnull;
		int			place = (int) DatumGetInt64(SPI_getbinval(row, SPI_tuptable->tupdesc, 1, &isnull));
		MemoryContext previous = MemoryContextSwitchTo(messages[place - 1]->batch->context);

		read_content(messages[place - 1], row, SPI_tuptable->tupdesc);
		MemoryContextSwitchTo(previous);
	}
	SPI_freetuptable(SPI_tuptable);
}

typedef struct Fetching
{
	Message   **messages;
	int			count;
	Datum		batch;
} Fetching;

static void
fetch(void *argument)
{
	const Fetching *fetching = argument;

	fetch_content(fetching->messages, fetching->count, fetching->batch);
}

/* False when that fails, which for a single message is its outcome. */
static bool
try_fetch_content(Message **messages, int count, Datum batch)
{
	Fetching	fetching = {messages, count, batch};
	ErrorData  *error = mhub_attempt(fetch, &fetching, false);

	if (error == NULL)
		return true;
	if (count == 1)
		decide(messages[0], FATE_FAILED, psprintf("content_error_%s", unpack_sql_state(error->sqlerrcode)));
	FreeErrorData(error);
	return false;
}

/* Those that cannot be written out are found by halving, so that one of many costs little. */
static void
fetch_apart(Message **messages, int count, Datum batch)
{
	int			half = count / 2;

	if (try_fetch_content(messages, count, batch) || count == 1)
		return;
	fetch_apart(messages, half, batch);
	fetch_apart(messages + half, count - half, batch);
}

/*
 * Writes out the last count messages that are ready for a provider; of those
 * that cannot be written out, each fails by itself.
 */
void
prepare_content(Provider *provider, int count)
{
	Message   **wanting = palloc(Max(count, 1) * sizeof(Message *));
	int			wanting_count = 0;
	dlist_iter	iter;

	dlist_reverse_foreach(iter, &provider->ready)
	{
		Message    *message = dlist_container(Message, node, iter.cur);

		if (count-- == 0)
			break;
		if (message->needs_content)
			wanting[wanting_count++] = message;
	}
	if (wanting_count > 0)
		fetch_apart(wanting, wanting_count, ids_of(wanting, wanting_count));
}

/* A message without person, address and template has its texts in its data. */
static char *
data_text(const Message *message, const char *name)
{
	JsonbValue	value;

	if (getKeyJsonValueFromContainer(&message->data->root, name, (int) strlen(name), &value) == NULL ||
		value.type != jbvString)
		return NULL;
	return pnstrdup(value.val.string.val, value.val.string.len);
}

/* Its texts, where nothing had to be fetched for them; for those who need any. */
void
content_from_data(Message *message)
{
	if (message->needs_content)
		return;
	message->subject = data_text(message, "subject");
	message->text = data_text(message, "text");
	message->html = data_text(message, "html");
}

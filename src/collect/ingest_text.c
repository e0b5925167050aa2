/*
 * ingest_text.c
 *	  mhub.ingest() for the text of a body.
 *
 * A body that is no JSON as a whole may still hold messages that are: then one
 * of the others has what the server's JSON cannot hold, such as half an emoji.
 */
#include "collect/ingest.h"

#include "collect/body_parts.h"
#include "collect/json_parse.h"
#include "collect/kept_memory.h"
#include "common/error_caught.h"
#include "funcapi.h"
#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/fmgrprotos.h"

PG_FUNCTION_INFO_V1(mhub_ingest_text);

#define INITIAL_MESSAGES 64

/* What 500 messages take */
#define KEPT_MEMORY (512 * 1024)

/* The server's own cast, for what we do not understand; NULL and why when that does not, either. */
static Jsonb *
cast_to_jsonb(const char *text, const char **why)
{
	MemoryContext context = CurrentMemoryContext;
	Jsonb	   *volatile body = NULL;

	PG_TRY();
	{
		body = DatumGetJsonbP(DirectFunctionCall1(jsonb_in, CStringGetDatum(text)));
	}
	PG_CATCH();
	{
		ErrorData  *error = mhub_catch_error(context);

		if (ERRCODE_TO_CATEGORY(error->sqlerrcode) != ERRCODE_DATA_EXCEPTION &&
			ERRCODE_TO_CATEGORY(error->sqlerrcode) != ERRCODE_PROGRAM_LIMIT_EXCEEDED)
			ReThrowError(error);
		*why = error->message;
	}
	PG_END_TRY();
	return body;
}

/* NULL and why when it is no JSON that the server can hold */
static Jsonb *
read_json(const char *text, size_t length, const char **why)
{
	Jsonb	   *read = mhub_json_parse(text, length);

	return read != NULL ? read : cast_to_jsonb(pnstrdup(text, length), why);
}

static void
make_room(MhubIngest *ingest, int capacity)
{
	Size		messages = capacity * sizeof(JsonbValue);
	Size		unread = capacity * sizeof(MhubUnread);

	if (ingest->messages == NULL)
	{
		ingest->messages = MemoryContextAllocHuge(ingest->memory, messages);
		ingest->unread = MemoryContextAllocHuge(ingest->memory, unread);
	}
	else
	{
		ingest->messages = repalloc_huge(ingest->messages, messages);
		ingest->unread = repalloc_huge(ingest->unread, unread);
	}
}

static void
add_message(MhubIngest *ingest, const char *text, size_t length)
{
	JsonbValue *message = &ingest->messages[ingest->n_messages];
	MhubUnread *unread = &ingest->unread[ingest->n_messages];
	Jsonb	   *read;

	memset(unread, 0, sizeof(MhubUnread));
	read = read_json(text, length, &unread->why);
	if (read == NULL)
	{
		message->type = jbvNull;
		unread->raw = pnstrdup(text, length);
	}
	else if (JB_ROOT_IS_SCALAR(read))
		*message = *getIthJsonbValueFromContainer(&read->root, 0);
	else
	{
		message->type = jbvBinary;
		message->val.binary.data = &read->root;
		message->val.binary.len = VARSIZE_ANY_EXHDR(read);
	}
	ingest->n_messages++;
}

/* What stands around the list, as far as that is JSON */
static void
read_envelope(MhubIngest *ingest, const MhubBody *body, const char *list)
{
	char	   *text = psprintf("%.*s%.*s", (int) (list - body->text), body->text, (int) (body->end - body->at), body->at);
	const char *why;
	Jsonb	   *envelope = read_json(text, strlen(text), &why);

	mhub_read_envelope(envelope != NULL && JB_ROOT_IS_OBJECT(envelope) ? &envelope->root : NULL, &ingest->envelope);
}

/* False when there are no messages to be told apart. */
static bool
read_parts(MhubIngest *ingest, MhubBody *body)
{
	const char *list;
	const char *message;
	size_t		length;
	int			capacity = 0;

	if (!mhub_body_find_list(body))
		return false;
	list = body->at;
	while (mhub_body_next_message(body, &message, &length))
	{
		CHECK_FOR_INTERRUPTS();
		if (ingest->n_messages == capacity)
			make_room(ingest, capacity = Max(2 * capacity, INITIAL_MESSAGES));
		add_message(ingest, message, length);
	}
	if (body->at == body->end || ingest->n_messages == 0)
		return false;
	read_envelope(ingest, body, list);
	return true;
}

/* The whole body as one message that is none */
static void
refuse(MhubIngest *ingest, const char *text, size_t length, const char *why)
{
	ingest->n_messages = 0;
	make_room(ingest, 1);
	mhub_read_envelope(NULL, &ingest->envelope);
	ingest->messages[0].type = jbvNull;
	ingest->unread[0].raw = pnstrdup(text, length);
	ingest->unread[0].why = why;
	ingest->n_messages = 1;
}

/* What the lexer understands at once: nearly every body.  False: it is to be looked at more closely. */
static bool
read_whole(MhubIngest *ingest, const char *text, size_t length)
{
	MhubJsonBody body;

	if (!mhub_json_parse_body(text, length, &body))
		return false;
	mhub_read_envelope(body.n >= 0 && body.document != NULL ? &body.document->root : NULL, &ingest->envelope);
	if (body.n >= 0)
	{
		ingest->n_messages = body.n;
		ingest->messages = body.messages;
		return true;
	}
	ingest->n_messages = 1;
	ingest->messages = palloc(sizeof(JsonbValue));
	ingest->messages[0].type = jbvBinary;
	ingest->messages[0].val.binary.data = &body.document->root;
	ingest->messages[0].val.binary.len = VARSIZE_ANY_EXHDR(body.document);
	return true;
}

static void
ingest_text(const char *text, size_t length, ReturnSetInfo *result)
{
	MhubIngest	ingest = {.memory = CurrentMemoryContext};
	MhubBody	parts = {text, text + length, text};
	const char *why;
	Jsonb	   *body;

	if (!read_whole(&ingest, text, length))
	{
		body = cast_to_jsonb(pnstrdup(text, length), &why);
		if (body != NULL)
		{
			mhub_ingest_body(body, result);
			return;
		}
		if (!read_parts(&ingest, &parts))
			refuse(&ingest, text, length, why);
	}
	mhub_ingest_run(&ingest, result);
}

Datum
mhub_ingest_text(PG_FUNCTION_ARGS)
{
	static MhubKeptMemory kept = {.name = "a body", .size = KEPT_MEMORY};
	text	   *argument = PG_GETARG_TEXT_PP(0);
	MemoryContext memory;
	MemoryContext old;

	InitMaterializedSRF(fcinfo, 0);
	memory = mhub_kept_memory_take(&kept);
	old = MemoryContextSwitchTo(memory);
	PG_TRY();
	{
		ingest_text(VARDATA_ANY(argument), VARSIZE_ANY_EXHDR(argument), (ReturnSetInfo *) fcinfo->resultinfo);
	}
	PG_FINALLY();
	{
		MemoryContextSwitchTo(old);
		mhub_kept_memory_return(&kept, memory);
	}
	PG_END_TRY();
	return (Datum) 0;
}

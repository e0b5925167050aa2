/*
 * answer.c
 *	  Reading what a provider's API says in its JSON answer.
 */
#include "delivery/delivery.h"

#include "common/subtransaction.h"
#include "mb/pg_wchar.h"
#include "utils/builtins.h"
#include "utils/fmgrprotos.h"
#include "utils/memutils.h"

#define EXCERPT_MAX 300

typedef struct Parsing
{
	const char *text;
	Jsonb	   *result;
} Parsing;

static void
parse(void *argument)
{
	Parsing    *parsing = argument;

	parsing->result = DatumGetJsonbP(DirectFunctionCall1(jsonb_in, CStringGetDatum(parsing->text)));
}

/*
 * The answer as jsonb; NULL when it is none.  Runs in a subtransaction, since
 * what an API sends may offend jsonb in more ways than a check beforehand
 * would find.
 */
static Jsonb *
parse_answer(const Message *message)
{
	Parsing		parsing = {message->request.answer, NULL};
	ErrorData  *error;

	if (message->request.answer == NULL || message->request.answer_length == 0 ||
		!pg_verifymbstr(message->request.answer, message->request.answer_length, true))
		return NULL;
	error = mhub_attempt(parse, &parsing, false);
	if (error == NULL)
		return parsing.result;
	FreeErrorData(error);
	return NULL;
}

/* Whether the predicate holds; errors inside it count as no, as with the operator @@. */
static bool
holds(Jsonb *answer, JsonPath *path)
{
	LOCAL_FCINFO(fcinfo, 2);
	Datum		result;

	InitFunctionCallInfoData(*fcinfo, NULL, 2, InvalidOid, NULL, NULL);
	fcinfo->args[0].value = JsonbPGetDatum(answer);
	fcinfo->args[0].isnull = false;
	fcinfo->args[1].value = PointerGetDatum(path);
	fcinfo->args[1].isnull = false;
	result = jsonb_path_match_opr(fcinfo);
	return !fcinfo->isnull && DatumGetBool(result);
}

static char *
first_text(Jsonb *answer, JsonPath *path)
{
	LOCAL_FCINFO(fcinfo, 4);
	Datum		found;
	JsonbValue	value;

	InitFunctionCallInfoData(*fcinfo, NULL, 4, InvalidOid, NULL, NULL);
	fcinfo->args[0].value = JsonbPGetDatum(answer);
	fcinfo->args[1].value = PointerGetDatum(path);
	fcinfo->args[2].value = DirectFunctionCall1(jsonb_in, CStringGetDatum("{}"));
	fcinfo->args[3].value = BoolGetDatum(true);
	for (int i = 0; i < 4; i++)
		fcinfo->args[i].isnull = false;
	found = jsonb_path_query_first(fcinfo);
	if (fcinfo->isnull)
		return NULL;
	if (JsonbExtractScalar(&DatumGetJsonbP(found)->root, &value) && value.type == jbvString)
		return pnstrdup(value.val.string.val, value.val.string.len);
	return JsonbToCString(NULL, &DatumGetJsonbP(found)->root, VARSIZE(DatumGetJsonbP(found)));
}

/* Whether the status leaves it to the answer's content what became of the message. */
bool
answer_decides(const Message *message)
{
	const Provider *provider = message->provider;

	if (message->judgement.fate == FATE_SENT)
		return provider->success_path != NULL;
	return message->judgement.fate == FATE_FAILED && message->request.status >= 400 &&
		(provider->retry_path != NULL || provider->fault_path != NULL);
}

static Refusal
refusal_of(const Provider *provider, Jsonb *answer)
{
	if (answer == NULL)
		return REFUSAL_UNREADABLE;
	if (provider->fault_path != NULL && holds(answer, provider->fault_path))
		return REFUSAL_FAULT;
	return provider->retry_path != NULL && holds(answer, provider->retry_path) ? REFUSAL_PASSING : REFUSAL_FOR_GOOD;
}

/*
 * Looks into the answer to a message: what was accepted by its status may be
 * refused all the same, what was refused may have been so for now only, and
 * the provider's own id of it may be there.
 */
void
answer_read(Message *message, double jitter)
{
	Provider   *provider = message->provider;
	bool		accepted = message->judgement.fate == FATE_SENT;
	Jsonb	   *answer;
	MemoryContext previous;

	if (!answer_decides(message) && !(accepted && provider->message_id_path != NULL))
		return;
	previous = MemoryContextSwitchTo(message->batch->context);
	answer = parse_answer(message);
	if (accepted ? provider->success_path != NULL && (answer == NULL || !holds(answer, provider->success_path)) : answer != NULL)
		judge_refusal(refusal_of(provider, answer), &provider->rules, message->attempt, jitter, &message->judgement);
	else if (accepted && provider->message_id_path != NULL && answer != NULL)
		message->provider_message_id = first_text(answer, provider->message_id_path);
	MemoryContextSwitchTo(previous);
}

static void
blot_out(char *text, const char *secret)
{
	size_t		length = secret == NULL ? 0 : strlen(secret);

	if (length < 3)
		return;
	for (char *at = strstr(text, secret); at != NULL; at = strstr(at, secret))
		memset(at, '*', length);
}

/* The beginning of the answer for mhub.delivery_failure; NULL when there is none that could be stored. */
char *
answer_excerpt(const Message *message)
{
	const TransferRequest *request = &message->request;
	char	   *text;
	int			length;

	if (request->answer == NULL || request->answer_length == 0 ||
		memchr(request->answer, 0, request->answer_length) != NULL ||
		!pg_verifymbstr(request->answer, request->answer_length, true))
		return NULL;
	text = pnstrdup(request->answer, request->answer_length);
	blot_out(text, message->recipient);
	length = pg_mbcliplen(text, (int) strlen(text), EXCERPT_MAX);
	text[length] = 0;
	return text;
}

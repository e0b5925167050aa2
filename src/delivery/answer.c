/*
 * answer.c
 *	  Reading what a provider's API says in its JSON answer.
 */
#include "delivery/delivery.h"

#include "access/xact.h"
#include "mb/pg_wchar.h"
#include "utils/builtins.h"
#include "utils/fmgrprotos.h"
#include "utils/memutils.h"
#include "utils/resowner.h"

#define EXCERPT_MAX 300

/*
 * The answer as jsonb; NULL when it is none.  Runs in a subtransaction, since
 * what an API sends may offend jsonb in more ways than a check beforehand
 * would find.
 */
static Jsonb *
parse_answer(const Message *message)
{
	MemoryContext context = CurrentMemoryContext;
	ResourceOwner owner = CurrentResourceOwner;
	Jsonb	   *volatile result = NULL;

	if (message->request.answer == NULL || message->request.answer_length == 0 ||
		!pg_verifymbstr(message->request.answer, message->request.answer_length, true))
		return NULL;
	BeginInternalSubTransaction(NULL);
	MemoryContextSwitchTo(context);
	PG_TRY();
	{
		result = DatumGetJsonbP(DirectFunctionCall1(jsonb_in, CStringGetDatum(message->request.answer)));
		ReleaseCurrentSubTransaction();
	}
	PG_CATCH();
	{
		MemoryContextSwitchTo(context);
		FlushErrorState();
		RollbackAndReleaseCurrentSubTransaction();
		result = NULL;
	}
	PG_END_TRY();
	MemoryContextSwitchTo(context);
	CurrentResourceOwner = owner;
	return result;
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

/*
 * Looks into the answer of a message that was accepted by its status: it may
 * say no all the same, and it may name the provider's own id.
 */
void
answer_read(Message *message, double jitter)
{
	Provider   *provider = message->provider;
	Jsonb	   *answer;
	MemoryContext previous;

	if (message->judgement.fate != FATE_SENT ||
		(provider->success_path == NULL && provider->message_id_path == NULL))
		return;
	previous = MemoryContextSwitchTo(message->batch->context);
	answer = parse_answer(message);
	if (provider->success_path != NULL && (answer == NULL || !holds(answer, provider->success_path)))
		judge_refusal(answer == NULL || (provider->retry_path != NULL && holds(answer, provider->retry_path)),
					  &provider->rules, message->attempt, jitter, &message->judgement);
	else if (provider->message_id_path != NULL && answer != NULL)
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

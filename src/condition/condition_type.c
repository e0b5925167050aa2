/*
 * condition_type.c
 *	  The SQL type mhub.condition: input in both notations, canonical output,
 *	  casts from and to jsonb.
 *
 * The stored value is the canonical text.  It is compiled where it is used
 * (condition_cache.c), so a new release may evaluate better without touching
 * what is stored.
 */
#include "mhub.h"

#include "condition/ast.h"
#include "lib/stringinfo.h"
#include "libpq/pqformat.h"
#include "mb/pg_wchar.h"
#include "utils/builtins.h"
#include "utils/jsonb.h"

PG_FUNCTION_INFO_V1(mhub_condition_in);
PG_FUNCTION_INFO_V1(mhub_condition_out);
PG_FUNCTION_INFO_V1(mhub_condition_recv);
PG_FUNCTION_INFO_V1(mhub_condition_send);
PG_FUNCTION_INFO_V1(mhub_condition_from_jsonb);
PG_FUNCTION_INFO_V1(mhub_condition_to_jsonb);

/* How much of the input a message quotes. */
#define QUOTED_BYTES 40

static pg_noreturn void
refuse(const char *input, int length, const CondError *error)
{
	int			position = pg_mbstrlen_with_len(input, error->offset) + 1;
	const char *rest = input + error->offset;
	int			rest_length = pg_mbcliplen(rest, length - error->offset, QUOTED_BYTES);

	ereport(ERROR,
			(errcode(ERRCODE_INVALID_TEXT_REPRESENTATION),
			 errmsg("invalid condition: %s", error->message),
			 rest_length > 0 ? errdetail("At position %d: \"%.*s\".", position, rest_length, rest)
			 : errdetail("At position %d, the end of the condition.", position),
			 error->hint ? errhint("%s", error->hint) : 0));
}

static bool
looks_like_json(const char *input)
{
	while (strchr(" \t\r\n", *input) != NULL && *input != '\0')
		input++;
	return *input == '{' || *input == '[';
}

static Datum
from_cstring(const char *input)
{
	int			length = strlen(input);
	CondError	error;
	CondNode   *node;
	StringInfoData canonical;

	if (length > CONDITION_MAX_BYTES)
		ereport(ERROR,
				(errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED),
				 errmsg("condition is too long"),
				 errdetail("It has %d bytes; at most %d are allowed.", length, CONDITION_MAX_BYTES)));
	if (looks_like_json(input))
		node = condition_parse_json(input, length, &error);
	else
		node = condition_parse_text(input, length, &error);
	if (node == NULL)
		refuse(input, length, &error);
	initStringInfo(&canonical);
	condition_print(&canonical, node);
	return PointerGetDatum(cstring_to_text_with_len(canonical.data, canonical.len));
}

Datum
mhub_condition_in(PG_FUNCTION_ARGS)
{
	PG_RETURN_DATUM(from_cstring(PG_GETARG_CSTRING(0)));
}

Datum
mhub_condition_out(PG_FUNCTION_ARGS)
{
	PG_RETURN_CSTRING(TextDatumGetCString(PG_GETARG_DATUM(0)));
}

Datum
mhub_condition_recv(PG_FUNCTION_ARGS)
{
	StringInfo	buffer = (StringInfo) PG_GETARG_POINTER(0);
	int			length;

	PG_RETURN_DATUM(from_cstring(pq_getmsgtext(buffer, buffer->len - buffer->cursor, &length)));
}

Datum
mhub_condition_send(PG_FUNCTION_ARGS)
{
	text	   *condition = PG_GETARG_TEXT_PP(0);
	StringInfoData buffer;

	pq_begintypsend(&buffer);
	pq_sendtext(&buffer, VARDATA_ANY(condition), VARSIZE_ANY_EXHDR(condition));
	PG_RETURN_BYTEA_P(pq_endtypsend(&buffer));
}

Datum
mhub_condition_from_jsonb(PG_FUNCTION_ARGS)
{
	Jsonb	   *jsonb = PG_GETARG_JSONB_P(0);

	if (!JB_ROOT_IS_OBJECT(jsonb))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("invalid condition: expected a JSON object"),
				 errhint("Write for example {\"age\": {\"$gte\": 30}}.")));
	PG_RETURN_DATUM(from_cstring(JsonbToCString(NULL, &jsonb->root, VARSIZE(jsonb))));
}

Datum
mhub_condition_to_jsonb(PG_FUNCTION_ARGS)
{
	text	   *condition = PG_GETARG_TEXT_PP(0);
	CondError	error;
	CondNode   *node = condition_parse_text(VARDATA_ANY(condition), VARSIZE_ANY_EXHDR(condition), &error);
	StringInfoData json;

	if (node == NULL)
		refuse(VARDATA_ANY(condition), VARSIZE_ANY_EXHDR(condition), &error);
	initStringInfo(&json);
	condition_print_json(&json, node);
	PG_RETURN_DATUM(DirectFunctionCall1(jsonb_in, CStringGetDatum(json.data)));
}

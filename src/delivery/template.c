/*
 * template.c
 *	  SQL face of templates: rendering, checking, and the length of text messages.
 */
#include "mhub.h"

#include "delivery/mustache_render.h"
#include "delivery/sms.h"

#include "access/htup_details.h"
#include "catalog/pg_type.h"
#include "funcapi.h"
#include "mb/pg_wchar.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/memutils.h"

PG_FUNCTION_INFO_V1(mhub_render_template);
PG_FUNCTION_INFO_V1(mhub_check_template);
PG_FUNCTION_INFO_V1(mhub_template_variables);
PG_FUNCTION_INFO_V1(mhub_sms_length);

/* A call site's last template, kept parsed: in a batch most rows share one. */
typedef struct ParsedTemplate
{
	MemoryContext context;
	char	   *source;
	int			length;
	MustacheTemplate parsed;
} ParsedTemplate;

static MustacheTemplate *
parsed_template(FmgrInfo *function, text *source)
{
	ParsedTemplate *cached = function->fn_extra;
	int			length = VARSIZE_ANY_EXHDR(source);
	MemoryContext previous;

	if (cached != NULL && cached->length == length &&
		memcmp(cached->source, VARDATA_ANY(source), length) == 0)
		return &cached->parsed;

	if (cached == NULL)
	{
		cached = MemoryContextAllocZero(function->fn_mcxt, sizeof(ParsedTemplate));
		cached->context = AllocSetContextCreate(function->fn_mcxt, "mhub template", ALLOCSET_SMALL_SIZES);
		function->fn_extra = cached;
	}
	MemoryContextReset(cached->context);
	cached->length = -1;		/* no template at all, should parsing fail */
	previous = MemoryContextSwitchTo(cached->context);
	cached->source = pnstrdup(VARDATA_ANY(source), length);
	mustache_parse_or_report(cached->source, length, &cached->parsed);
	cached->length = length;
	MemoryContextSwitchTo(previous);
	return &cached->parsed;
}

Datum
mhub_render_template(PG_FUNCTION_ARGS)
{
	MustacheTemplate *parsed;
	StringInfoData out;
	MustacheEscape escape;

	if (PG_ARGISNULL(0))
		PG_RETURN_NULL();
	if (PG_ARGISNULL(1) || PG_ARGISNULL(2))
		ereport(ERROR,
				(errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
				 errmsg("data and escape of a template must not be null")));
	escape = mustache_escape_by_name(text_to_cstring(PG_GETARG_TEXT_PP(2)));
	parsed = parsed_template(fcinfo->flinfo, PG_GETARG_TEXT_PP(0));
	initStringInfo(&out);
	mustache_render(&out, parsed, PG_GETARG_JSONB_P(1), NULL, escape, PG_ARGISNULL(3) ? NULL : PG_GETARG_JSONB_P(3));
	PG_RETURN_TEXT_P(cstring_to_text_with_len(out.data, out.len));
}

Datum
mhub_check_template(PG_FUNCTION_ARGS)
{
	text	   *source = PG_GETARG_TEXT_PP(0);
	MustacheTemplate parsed;

	mustache_parse_or_report(VARDATA_ANY(source), VARSIZE_ANY_EXHDR(source), &parsed);
	PG_RETURN_BOOL(true);
}

static bool
seen_before(const MustacheTemplate *parsed, int index)
{
	const MustacheNode *node = &parsed->nodes[index];

	for (int i = 0; i < index; i++)
	{
		const MustacheNode *other = &parsed->nodes[i];

		if (other->kind != MUSTACHE_TEXT && other->kind != MUSTACHE_PARTIAL &&
			other->text.length == node->text.length &&
			memcmp(other->text.data, node->text.data, node->text.length) == 0)
			return true;
	}
	return false;
}

/* The names a template uses, in order of first use, without "." and without partials' names. */
Datum
mhub_template_variables(PG_FUNCTION_ARGS)
{
	text	   *source = PG_GETARG_TEXT_PP(0);
	MustacheTemplate parsed;
	Datum	   *names;
	int			count = 0;

	mustache_parse_or_report(VARDATA_ANY(source), VARSIZE_ANY_EXHDR(source), &parsed);
	names = palloc(Max(parsed.count, 1) * sizeof(Datum));
	for (int i = 0; i < parsed.count; i++)
	{
		const MustacheNode *node = &parsed.nodes[i];

		if (node->kind == MUSTACHE_TEXT || node->kind == MUSTACHE_PARTIAL || seen_before(&parsed, i) ||
			(node->text.length == 1 && node->text.data[0] == '.'))
			continue;
		names[count++] = PointerGetDatum(cstring_to_text_with_len(node->text.data, node->text.length));
	}
	PG_RETURN_ARRAYTYPE_P(construct_array(names, count, TEXTOID, -1, false, TYPALIGN_INT));
}

Datum
mhub_sms_length(PG_FUNCTION_ARGS)
{
	text	   *input = PG_GETARG_TEXT_PP(0);
	char	   *source = text_to_cstring(input);
	char	   *utf8 = pg_server_to_any(source, (int) strlen(source), PG_UTF8);
	SmsLength	length = sms_length((unsigned char *) utf8, (int) strlen(utf8));
	TupleDesc	descriptor;
	Datum		values[3];
	bool		nulls[3] = {false};

	if (get_call_result_type(fcinfo, NULL, &descriptor) != TYPEFUNC_COMPOSITE)
		elog(ERROR, "return type must be a row type");
	values[0] = PointerGetDatum(cstring_to_text(length.gsm7 ? "GSM-7" : "UCS-2"));
	values[1] = Int32GetDatum(length.units);
	values[2] = Int32GetDatum(length.segments);
	PG_RETURN_DATUM(HeapTupleGetDatum(heap_form_tuple(BlessTupleDesc(descriptor), values, nulls)));
}

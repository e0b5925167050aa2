/*
 * mustache_render.c
 *	  Filling a parsed Mustache template in from jsonb.
 */
#include "delivery/mustache_render.h"

#include "common/json_text.h"
#include "mb/pg_wchar.h"
#include "miscadmin.h"
#include "utils/fmgrprotos.h"
#include "utils/numeric.h"

#define MAX_PARTIAL_DEPTH	32

/* The values that the sections around the current place stand for, innermost first. */
typedef struct Scope
{
	const JsonbValue *value;
	const struct Scope *outer;
} Scope;

typedef struct Renderer
{
	StringInfo	out;
	MustacheEscape escape;
	Jsonb	   *partials;
	int			partial_depth;
} Renderer;

static void render_nodes(Renderer *renderer, const MustacheTemplate *parsed, int from, int until,
						 const Scope *scope);

MustacheEscape
mustache_escape_by_name(const char *name)
{
	static const char *const names[] = {"html", "none", "json", "url"};

	for (size_t i = 0; i < lengthof(names); i++)
	{
		if (strcmp(name, names[i]) == 0)
			return (MustacheEscape) i;
	}
	ereport(ERROR,
			(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
			 errmsg("unknown way to escape \"%s\"", name),
			 errhint("Use html, none, json or url.")));
}

static void
append_html(StringInfo out, char c)
{
	switch (c)
	{
		case '&':
			appendStringInfoString(out, "&amp;");
			break;
		case '<':
			appendStringInfoString(out, "&lt;");
			break;
		case '>':
			appendStringInfoString(out, "&gt;");
			break;
		case '"':
			appendStringInfoString(out, "&quot;");
			break;
		case '\'':
			appendStringInfoString(out, "&#39;");
			break;
		default:
			appendStringInfoCharMacro(out, c);
	}
}

static void
append_json(StringInfo out, char c)
{
	switch (c)
	{
		case '"':
			appendStringInfoString(out, "\\\"");
			break;
		case '\\':
			appendStringInfoString(out, "\\\\");
			break;
		case '\n':
			appendStringInfoString(out, "\\n");
			break;
		case '\r':
			appendStringInfoString(out, "\\r");
			break;
		case '\t':
			appendStringInfoString(out, "\\t");
			break;
		default:
			if ((unsigned char) c < ' ')
				appendStringInfo(out, "\\u%04x", (unsigned char) c);
			else
				appendStringInfoCharMacro(out, c);
	}
}

/* RFC 3986: only unreserved characters stand for themselves. */
static void
append_url(StringInfo out, char c)
{
	if ((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
		(c != 0 && strchr("-._~", c) != NULL))
		appendStringInfoCharMacro(out, c);
	else
		appendStringInfo(out, "%%%02X", (unsigned char) c);
}

void
mustache_append_escaped(StringInfo out, const char *text, int length, MustacheEscape escape)
{
	if (escape == ESCAPE_NONE)
	{
		appendBinaryStringInfo(out, text, length);
		return;
	}
	for (int i = 0; i < length; i++)
	{
		if (escape == ESCAPE_HTML)
			append_html(out, text[i]);
		else if (escape == ESCAPE_JSON)
			append_json(out, text[i]);
		else
			append_url(out, text[i]);
	}
}

static void
append_value(StringInfo out, const JsonbValue *value, MustacheEscape escape)
{
	char	   *text;
	StringInfoData document;

	switch (value->type)
	{
		case jbvString:
			mustache_append_escaped(out, value->val.string.val, value->val.string.len, escape);
			return;
		case jbvBool:
			appendStringInfoString(out, value->val.boolean ? "true" : "false");
			return;
		case jbvNumeric:
			text = DatumGetCString(DirectFunctionCall1(numeric_out, NumericGetDatum(value->val.numeric)));
			appendStringInfoString(out, text);
			pfree(text);
			return;
		case jbvBinary:
			initStringInfo(&document);
			mhub_print_json(&document, value->val.binary.data);
			mustache_append_escaped(out, document.data, document.len, escape);
			pfree(document.data);
			return;
		default:
			return;				/* null prints nothing */
	}
}

/* The member of an object; false when value is no object or has no such member. */
static bool
member(const JsonbValue *value, const char *name, int length, JsonbValue *result)
{
	if (value->type != jbvBinary || !JsonContainerIsObject(value->val.binary.data))
		return false;
	return getKeyJsonValueFromContainer(value->val.binary.data, name, length, result) != NULL;
}

/*
 * Looks a name up: its first part in the innermost scope that has it, each
 * further part only in what the one before gave.
 */
static bool
look_up(const Scope *scope, MustacheText name, JsonbValue *result)
{
	const char *at = name.data;
	const char *end = name.data + name.length;
	const char *dot = memchr(at, '.', end - at);
	int			length = (int) ((dot ? dot : end) - at);

	if (name.length == 1 && *at == '.')
	{
		*result = *scope->value;
		return true;
	}
	while (scope != NULL && !member(scope->value, at, length, result))
		scope = scope->outer;
	if (scope == NULL)
		return false;

	while (dot != NULL)
	{
		JsonbValue	outer = *result;

		at = dot + 1;
		dot = memchr(at, '.', end - at);
		length = (int) ((dot ? dot : end) - at);
		if (!member(&outer, at, length, result))
			return false;
	}
	return true;
}

static bool
is_list(const JsonbValue *value)
{
	return value->type == jbvBinary && JsonContainerIsArray(value->val.binary.data);
}

/* A section over this value is left out: nothing, null, false, empty text or an empty list. */
static bool
is_falsey(const JsonbValue *value)
{
	return value->type == jbvNull ||
		(value->type == jbvBool && !value->val.boolean) ||
		(value->type == jbvString && value->val.string.len == 0) ||
		(is_list(value) && JsonContainerSize(value->val.binary.data) == 0);
}

static void
render_value(Renderer *renderer, const MustacheNode *node, const Scope *scope)
{
	MustacheEscape escape = node->kind == MUSTACHE_RAW ? ESCAPE_NONE : renderer->escape;
	JsonbValue	value;

	if (look_up(scope, node->text, &value) &&
		!(node->has_fallback && (value.type == jbvNull || (value.type == jbvString && value.val.string.len == 0))))
		append_value(renderer->out, &value, escape);
	else if (node->has_fallback)
		mustache_append_escaped(renderer->out, node->fallback.data, node->fallback.length, escape);
}

static void
render_list(Renderer *renderer, const MustacheTemplate *parsed, int section, const JsonbValue *list,
			const Scope *scope)
{
	JsonbIterator *iterator = JsonbIteratorInit(list->val.binary.data);
	JsonbValue	element;

	JsonbIteratorNext(&iterator, &element, true);
	while (JsonbIteratorNext(&iterator, &element, true) == WJB_ELEM)
	{
		Scope		inner = {&element, scope};

		render_nodes(renderer, parsed, section + 1, parsed->nodes[section].end, &inner);
	}
}

static void
render_section(Renderer *renderer, const MustacheTemplate *parsed, int section, const Scope *scope)
{
	const MustacheNode *node = &parsed->nodes[section];
	JsonbValue	value;
	bool		present = look_up(scope, node->text, &value) && !is_falsey(&value);

	if (node->kind == MUSTACHE_INVERTED)
	{
		if (!present)
			render_nodes(renderer, parsed, section + 1, node->end, scope);
	}
	else if (present && is_list(&value))
		render_list(renderer, parsed, section, &value, scope);
	else if (present)
	{
		Scope		inner = {&value, scope};

		render_nodes(renderer, parsed, section + 1, node->end, &inner);
	}
}

/* The partial's text with the tag's indentation in front of each line. */
static void
indent(StringInfo out, const char *text, int length, MustacheText indentation)
{
	bool		at_line_start = true;

	for (int i = 0; i < length; i++)
	{
		if (at_line_start)
			appendBinaryStringInfo(out, indentation.data, indentation.length);
		appendStringInfoCharMacro(out, text[i]);
		at_line_start = text[i] == '\n';
	}
}

/* A partial that does not exist prints nothing, as the specification says. */
static void
render_partial(Renderer *renderer, const MustacheNode *node, const Scope *scope)
{
	JsonbValue	value;
	StringInfoData source;
	MustacheTemplate parsed;

	if (renderer->partials == NULL || !JsonContainerIsObject(&renderer->partials->root) ||
		getKeyJsonValueFromContainer(&renderer->partials->root, node->text.data, node->text.length,
									 &value) == NULL ||
		value.type != jbvString)
		return;
	if (++renderer->partial_depth > MAX_PARTIAL_DEPTH)
		ereport(ERROR,
				(errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED),
				 errmsg("partials are nested too deeply"),
				 errdetail("\"%.*s\" lies more than %d partials deep.", node->text.length, node->text.data,
						   MAX_PARTIAL_DEPTH)));
	initStringInfo(&source);
	indent(&source, value.val.string.val, value.val.string.len, node->fallback);
	mustache_parse_or_report(source.data, source.len, &parsed);
	render_nodes(renderer, &parsed, 0, parsed.count, scope);
	pfree(parsed.nodes);
	pfree(source.data);
	renderer->partial_depth--;
}

static void
render_nodes(Renderer *renderer, const MustacheTemplate *parsed, int from, int until, const Scope *scope)
{
	check_stack_depth();
	CHECK_FOR_INTERRUPTS();
	for (int i = from; i < until; i++)
	{
		const MustacheNode *node = &parsed->nodes[i];

		switch (node->kind)
		{
			case MUSTACHE_TEXT:
				appendBinaryStringInfo(renderer->out, node->text.data, node->text.length);
				break;
			case MUSTACHE_VALUE:
			case MUSTACHE_RAW:
				render_value(renderer, node, scope);
				break;
			case MUSTACHE_SECTION:
			case MUSTACHE_INVERTED:
				render_section(renderer, parsed, i, scope);
				i = node->end - 1;
				break;
			case MUSTACHE_PARTIAL:
				render_partial(renderer, node, scope);
				break;
		}
	}
}

/* Parses, or raises an error that says what is wrong and where. */
void
mustache_parse_or_report(const char *source, int length, MustacheTemplate *result)
{
	MustacheError error;

	if (mustache_parse(source, length, result, &error))
		return;
	ereport(ERROR,
			(errcode(ERRCODE_SYNTAX_ERROR),
			 errmsg("invalid template: %s", error.message),
			 errdetail("At character %d: \"%.*s\".", pg_mbstrlen_with_len(source, error.offset) + 1,
					   error.tag.length > 0 ? error.tag.length : pg_mbcliplen(source + error.offset, length - error.offset, 40),
					   error.tag.length > 0 ? error.tag.data : source + error.offset)));
}

static void
root_value(Jsonb *data, JsonbValue *root)
{
	if (JB_ROOT_IS_SCALAR(data) && JsonbExtractScalar(&data->root, root))
		return;
	root->type = jbvBinary;
	root->val.binary.data = &data->root;
	root->val.binary.len = VARSIZE(data) - VARHDRSZ;
}

/* What a tag's name stands for, with its type; false if data has it as little as outer, which may be NULL. */
bool
mustache_value(const MustacheNode *node, Jsonb *data, Jsonb *outer, JsonbValue *result)
{
	JsonbValue	outer_root;
	JsonbValue	root;
	Scope		outer_scope = {&outer_root, NULL};
	Scope		scope = {&root, outer != NULL ? &outer_scope : NULL};

	if (outer != NULL)
		root_value(outer, &outer_root);
	root_value(data, &root);
	return look_up(&scope, node->text, result);
}

/*
 * Appends the filled-in template to out.  Names that data does not have are
 * looked for in outer, which may be NULL; so may partials.
 */
void
mustache_render(StringInfo out, const MustacheTemplate *parsed, Jsonb *data, Jsonb *outer, MustacheEscape escape,
				Jsonb *partials)
{
	Renderer	renderer = {out, escape, partials, 0};
	JsonbValue	outer_root;
	JsonbValue	root;
	Scope		outer_scope = {&outer_root, NULL};
	Scope		scope = {&root, outer != NULL ? &outer_scope : NULL};

	if (outer != NULL)
		root_value(outer, &outer_root);
	root_value(data, &root);
	render_nodes(&renderer, parsed, 0, parsed->count, &scope);
}

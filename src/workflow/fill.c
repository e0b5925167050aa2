/*
 * fill.c
 *	  Templates in the fields of a step, filled in from the enrollment's context
 *	  and the person's profile.
 *
 * A field that is a text (a title, a URL) is filled in as text.  Inside of
 * objects (data, set, context) a text that is nothing but one tag becomes the
 * value it names, with its type; a member whose value is missing is left out.
 */
#include "workflow/fill.h"

#include "delivery/mustache_render.h"
#include "miscadmin.h"
#include "workflow/run.h"

/* What is looked names up in. */
typedef struct Source
{
	Jsonb	   *context;
	Jsonb	   *profile;
} Source;

static bool
is_template(const JsonbValue *value)
{
	for (int i = 0; value->type == jbvString && i + 1 < value->val.string.len; i++)
		if (value->val.string.val[i] == '{' && value->val.string.val[i + 1] == '{')
			return true;
	return false;
}

/* Calls visit for every template in a value; true if there was one. */
static bool
each_template(const JsonbValue *value, void (*visit) (const JsonbValue *template, void *state), void *state)
{
	JsonbIterator *iterator;
	JsonbIteratorToken token;
	JsonbValue	inner;
	bool		found = false;

	if (value->type != jbvBinary)
	{
		if (is_template(value))
			visit(value, state);
		return is_template(value);
	}
	iterator = JsonbIteratorInit(value->val.binary.data);
	while ((token = JsonbIteratorNext(&iterator, &inner, false)) != WJB_DONE)
	{
		if ((token != WJB_VALUE && token != WJB_ELEM) || !is_template(&inner))
			continue;
		visit(&inner, state);
		found = true;
	}
	return found;
}

/* Which facts a name asks for: context comes for free, what it may be overlaid by does not. */
static int
needs_of_name(MustacheText name)
{
	static const char *const of_context[] = {"event", "last_event", "workflow"};
	const char *dot = memchr(name.data, '.', name.length);
	int			length = dot == NULL ? name.length : (int) (dot - name.data);

	for (int i = 0; i < (int) lengthof(of_context); i++)
		if (length == (int) strlen(of_context[i]) && memcmp(name.data, of_context[i], length) == 0)
			return 0;
	return name.data[0] == '$' ? WF_NEEDS_PROFILE : WF_NEEDS_TRAITS;
}

typedef struct Check
{
	Reader	   *reader;
	const char *field;
	WfStep	   *step;
} Check;

static void
check_template(const JsonbValue *template, void *state)
{
	Check	   *check = state;
	MustacheTemplate parsed;
	MustacheError error;

	if (!mustache_parse(template->val.string.val, template->val.string.len, &parsed, &error))
	{
		reader_problem(check->reader, check->field, "bad template: %s", error.message);
		return;
	}
	for (int i = 0; i < parsed.count; i++)
	{
		if (parsed.nodes[i].kind == MUSTACHE_PARTIAL)
			reader_problem(check->reader, check->field, "bad template: pieces of templates ({{>name}}) are for messages only");
		else if (parsed.nodes[i].kind != MUSTACHE_TEXT)
			check->step->template_needs |= needs_of_name(parsed.nodes[i].text);
	}
}

/* Notes which of the fields have templates, and checks these. */
void
wf_read_templates(Reader *reader, WfStep *step, const char *fields)
{
	JsonbIterator *iterator = JsonbIteratorInit(reader->container);
	JsonbValue	key;
	JsonbValue	value;
	bool		any = false;

	(void) JsonbIteratorNext(&iterator, &key, true);
	while (JsonbIteratorNext(&iterator, &key, true) == WJB_KEY)
	{
		Check		check = {.reader = reader,.step = step};

		(void) JsonbIteratorNext(&iterator, &value, true);
		if (!reader_word_in(key.val.string.val, key.val.string.len, fields))
			continue;
		check.field = pnstrdup(key.val.string.val, key.val.string.len);
		any |= each_template(&value, check_template, &check);
	}
	if (!any)
		return;
	step->settings = reader_jsonb(reader->parent, reader->name);
	step->template_fields = fields;
}

static JsonbValue
text_value(StringInfo text)
{
	JsonbValue	value = {.type = jbvString};

	value.val.string.val = text->data;
	value.val.string.len = text->len;
	return value;
}

static JsonbValue
fill_text(const MustacheTemplate *parsed, const Source *source, MustacheEscape escape)
{
	StringInfoData out;

	initStringInfo(&out);
	mustache_render(&out, parsed, source->context, source->profile, escape, NULL);
	return text_value(&out);
}

/* A text inside of an object; false if it names what is missing. */
static bool
fill_member(const JsonbValue *template, const Source *source, JsonbValue *result)
{
	MustacheTemplate parsed;
	const MustacheNode *node;

	mustache_parse_or_report(template->val.string.val, template->val.string.len, &parsed);
	node = &parsed.nodes[0];
	if (parsed.count == 1 && (node->kind == MUSTACHE_VALUE || node->kind == MUSTACHE_RAW) && !node->has_fallback)
		return mustache_value(node, source->context, source->profile, result);
	*result = fill_text(&parsed, source, ESCAPE_NONE);
	return true;
}

static JsonbValue *fill_container(JsonbParseState **state, JsonbContainer *container, const Source *source);

static void
fill_pair(JsonbParseState **state, JsonbValue *key, JsonbValue *value, const Source *source)
{
	JsonbValue	filled = *value;

	if (is_template(value) && !fill_member(value, source, &filled))
		return;
	(void) pushJsonbValue(state, WJB_KEY, key);
	if (value->type == jbvBinary)
		(void) fill_container(state, value->val.binary.data, source);
	else
		(void) pushJsonbValue(state, WJB_VALUE, &filled);
}

static void
fill_element(JsonbParseState **state, JsonbValue *value, const Source *source)
{
	JsonbValue	filled = *value;

	if (is_template(value) && !fill_member(value, source, &filled))
		filled.type = jbvNull;
	if (value->type == jbvBinary)
		(void) fill_container(state, value->val.binary.data, source);
	else
		(void) pushJsonbValue(state, WJB_ELEM, &filled);
}

static JsonbValue *
fill_container(JsonbParseState **state, JsonbContainer *container, const Source *source)
{
	bool		is_object = JsonContainerIsObject(container);
	JsonbIterator *iterator = JsonbIteratorInit(container);
	JsonbIteratorToken token;
	JsonbValue	key;
	JsonbValue	value;

	check_stack_depth();
	(void) pushJsonbValue(state, is_object ? WJB_BEGIN_OBJECT : WJB_BEGIN_ARRAY, NULL);
	(void) JsonbIteratorNext(&iterator, &value, true);
	while ((token = JsonbIteratorNext(&iterator, &key, true)) == WJB_KEY || token == WJB_ELEM)
	{
		if (token == WJB_ELEM)
		{
			fill_element(state, &key, source);
			continue;
		}
		(void) JsonbIteratorNext(&iterator, &value, true);
		fill_pair(state, &key, &value, source);
	}
	return pushJsonbValue(state, is_object ? WJB_END_OBJECT : WJB_END_ARRAY, NULL);
}

/* A field of the step itself: texts stay texts, and a URL's values cannot change the URL around them. */
static void
fill_field(JsonbParseState **state, JsonbValue *key, JsonbValue *value, const Source *source)
{
	bool		is_url = key->val.string.len == 3 && memcmp(key->val.string.val, "url", 3) == 0;
	MustacheTemplate parsed;

	(void) pushJsonbValue(state, WJB_KEY, key);
	if (value->type == jbvBinary)
	{
		(void) fill_container(state, value->val.binary.data, source);
		return;
	}
	if (is_template(value))
	{
		mustache_parse_or_report(value->val.string.val, value->val.string.len, &parsed);
		*value = fill_text(&parsed, source, is_url ? ESCAPE_URL : ESCAPE_NONE);
	}
	(void) pushJsonbValue(state, WJB_VALUE, value);
}

/* The step's object with its templates filled in. */
Jsonb *
wf_fill(const WfStep *step, Jsonb *context, Jsonb *profile)
{
	Source		source = {.context = context != NULL ? context : profile,.profile = profile};
	JsonbParseState *state = NULL;
	JsonbIterator *iterator = JsonbIteratorInit(&step->settings->root);
	JsonbValue	key;
	JsonbValue	value;

	(void) JsonbIteratorNext(&iterator, &key, true);
	(void) pushJsonbValue(&state, WJB_BEGIN_OBJECT, NULL);
	while (JsonbIteratorNext(&iterator, &key, true) == WJB_KEY)
	{
		(void) JsonbIteratorNext(&iterator, &value, true);
		if (reader_word_in(key.val.string.val, key.val.string.len, step->template_fields))
			fill_field(&state, &key, &value, &source);
		else
		{
			(void) pushJsonbValue(&state, WJB_KEY, &key);
			(void) pushJsonbValue(&state, WJB_VALUE, &value);
		}
	}
	return JsonbValueToJsonb(pushJsonbValue(&state, WJB_END_OBJECT, NULL));
}

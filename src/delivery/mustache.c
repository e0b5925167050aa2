/*
 * mustache.c
 *	  Mustache templates: parsing text into a flat list of nodes.
 *
 * Follows the Mustache specification 1.4 without lambdas.  One addition:
 * {{name|some text}} takes the text where the name has no value.  The nodes
 * point into the source, which must outlive them.
 */
#include "delivery/mustache.h"

#define MAX_DELIMITER	16
#define MAX_DEPTH		100

typedef struct Parser
{
	const char *source;
	int			length;
	int			position;
	char		open[MAX_DELIMITER + 1];
	char		close[MAX_DELIMITER + 1];
	int			sections[MAX_DEPTH];	/* nodes of the sections still open */
	int			depth;
	MustacheTemplate *result;
	MustacheError *error;
} Parser;

/* One tag as found in the source. */
typedef struct Tag
{
	char		sigil;			/* one of # ^ / > ! = & {, or 0 for a value */
	MustacheText content;		/* trimmed */
	int			start;			/* of the opening delimiter */
	int			end;			/* behind the closing one */
	int			line_start;		/* a standalone tag: start of its line */
	bool		standalone;
} Tag;

static bool
fail(Parser *parser, const char *message, MustacheText tag, int offset)
{
	parser->error->message = message;
	parser->error->tag = tag;
	parser->error->offset = offset;
	return false;
}

static bool
is_space(char c)
{
	return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

static MustacheText
trim(const char *data, int length)
{
	MustacheText text = {data, length};

	while (text.length > 0 && is_space(text.data[0]))
	{
		text.data++;
		text.length--;
	}
	while (text.length > 0 && is_space(text.data[text.length - 1]))
		text.length--;
	return text;
}

/* Offset of needle in the source at or behind from; -1 when there is none. */
static int
find(Parser *parser, const char *needle, int from)
{
	int			needle_length = (int) strlen(needle);

	for (int at = from; at + needle_length <= parser->length; at++)
	{
		if (memcmp(parser->source + at, needle, needle_length) == 0)
			return at;
	}
	return -1;
}

static MustacheNode *
add_node(Parser *parser, MustacheKind kind, MustacheText text)
{
	MustacheTemplate *result = parser->result;
	MustacheNode *node;

	if (result->count == result->capacity)
	{
		result->capacity *= 2;
		result->nodes = repalloc(result->nodes, result->capacity * sizeof(MustacheNode));
	}
	node = &result->nodes[result->count++];
	memset(node, 0, sizeof(MustacheNode));
	node->kind = kind;
	node->text = text;
	return node;
}

static void
add_text(Parser *parser, int from, int until)
{
	MustacheText text = {parser->source + from, until - from};

	if (until > from)
		add_node(parser, MUSTACHE_TEXT, text);
}

/*
 * A tag that prints nothing and is alone on its line takes the whole line with
 * it: the white space before it and the line's end behind it.
 */
static void
find_standalone(Parser *parser, Tag *tag)
{
	const char *source = parser->source;
	int			before = tag->start;
	int			behind = tag->end;

	if (strchr("#^/>!=", tag->sigil) == NULL || tag->sigil == 0)
		return;
	while (before > 0 && (source[before - 1] == ' ' || source[before - 1] == '\t'))
		before--;
	if (before > 0 && source[before - 1] != '\n')
		return;
	while (behind < parser->length && (source[behind] == ' ' || source[behind] == '\t'))
		behind++;
	if (behind + 1 < parser->length && source[behind] == '\r' && source[behind + 1] == '\n')
		behind += 2;
	else if (behind < parser->length && source[behind] == '\n')
		behind++;
	else if (behind < parser->length)
		return;

	tag->standalone = true;
	tag->line_start = before;
	tag->end = behind;
}

static bool
read_tag(Parser *parser, int start, Tag *tag)
{
	int			content = start + (int) strlen(parser->open);
	const char *closer = parser->close;
	char		longer[MAX_DELIMITER + 2];
	int			end;
	MustacheText none = {"", 0};

	memset(tag, 0, sizeof(Tag));
	tag->start = start;
	if (content < parser->length && parser->source[content] != 0 &&
		strchr("#^/>!=&{", parser->source[content]) != NULL)
		tag->sigil = parser->source[content++];
	if (tag->sigil == '{' || tag->sigil == '=')
	{
		snprintf(longer, sizeof(longer), "%c%s", tag->sigil == '{' ? '}' : '=', parser->close);
		closer = longer;
	}
	end = find(parser, closer, content);
	if (end < 0)
		return fail(parser, "tag is not closed", none, start);

	tag->content = trim(parser->source + content, end - content);
	tag->end = end + (int) strlen(closer);
	find_standalone(parser, tag);
	return true;
}

static bool
has_space(MustacheText text)
{
	for (int i = 0; i < text.length; i++)
	{
		if (is_space(text.data[i]))
			return true;
	}
	return false;
}

static bool
check_name(Parser *parser, MustacheText name, int offset)
{
	if (name.length == 0)
		return fail(parser, "tag has no name", name, offset);
	if (has_space(name))
		return fail(parser, "name contains white space", name, offset);
	return true;
}

static bool
set_delimiters(Parser *parser, const Tag *tag)
{
	MustacheText first = tag->content;
	MustacheText second;

	first.length = 0;
	while (first.length < tag->content.length && !is_space(tag->content.data[first.length]))
		first.length++;
	second = trim(first.data + first.length, tag->content.length - first.length);
	if (first.length == 0 || second.length == 0 || has_space(second) ||
		first.length > MAX_DELIMITER || second.length > MAX_DELIMITER ||
		memchr(first.data, '=', first.length) || memchr(second.data, '=', second.length))
		return fail(parser, "delimiters are not two words without \"=\"", tag->content, tag->start);

	memcpy(parser->open, first.data, first.length);
	parser->open[first.length] = 0;
	memcpy(parser->close, second.data, second.length);
	parser->close[second.length] = 0;
	return true;
}

static bool
open_section(Parser *parser, const Tag *tag)
{
	if (!check_name(parser, tag->content, tag->start))
		return false;
	if (parser->depth == MAX_DEPTH)
		return fail(parser, "sections are nested too deeply", tag->content, tag->start);
	parser->sections[parser->depth++] = parser->result->count;
	add_node(parser, tag->sigil == '#' ? MUSTACHE_SECTION : MUSTACHE_INVERTED, tag->content);
	return true;
}

static bool
close_section(Parser *parser, const Tag *tag)
{
	MustacheNode *section;

	if (parser->depth == 0)
		return fail(parser, "section is closed but was not opened", tag->content, tag->start);
	section = &parser->result->nodes[parser->sections[parser->depth - 1]];
	if (section->text.length != tag->content.length ||
		memcmp(section->text.data, tag->content.data, tag->content.length) != 0)
		return fail(parser, "another section must be closed first", section->text, tag->start);
	section->end = parser->result->count;
	parser->depth--;
	return true;
}

static bool
add_value(Parser *parser, const Tag *tag)
{
	MustacheText name = tag->content;
	const char *bar = memchr(name.data, '|', name.length);
	MustacheNode *node;

	if (bar != NULL)
		name = trim(name.data, (int) (bar - name.data));
	if (!check_name(parser, name, tag->start))
		return false;
	node = add_node(parser, tag->sigil == 0 ? MUSTACHE_VALUE : MUSTACHE_RAW, name);
	if (bar != NULL)
	{
		node->has_fallback = true;
		node->fallback = trim(bar + 1, (int) (tag->content.data + tag->content.length - bar - 1));
	}
	return true;
}

static bool
add_partial(Parser *parser, const Tag *tag)
{
	MustacheNode *node;

	if (!check_name(parser, tag->content, tag->start))
		return false;
	node = add_node(parser, MUSTACHE_PARTIAL, tag->content);
	if (tag->standalone)
	{
		node->fallback.data = parser->source + tag->line_start;
		node->fallback.length = tag->start - tag->line_start;
	}
	return true;
}

static bool
take_tag(Parser *parser, const Tag *tag)
{
	switch (tag->sigil)
	{
		case '!':
			return true;
		case '=':
			return set_delimiters(parser, tag);
		case '#':
		case '^':
			return open_section(parser, tag);
		case '/':
			return close_section(parser, tag);
		case '>':
			return add_partial(parser, tag);
		default:
			return add_value(parser, tag);
	}
}

/*
 * Parses a template.  The nodes are allocated in the current memory context.
 * Returns false, with error filled in, when the template is not well formed.
 */
bool
mustache_parse(const char *source, int length, MustacheTemplate *result, MustacheError *error)
{
	Parser		parser = {0};
	int			start;

	parser.source = source;
	parser.length = length;
	parser.result = result;
	parser.error = error;
	strcpy(parser.open, "{{");
	strcpy(parser.close, "}}");
	memset(error, 0, sizeof(MustacheError));
	result->count = 0;
	result->capacity = 16;
	result->nodes = palloc(result->capacity * sizeof(MustacheNode));

	while ((start = find(&parser, parser.open, parser.position)) >= 0)
	{
		Tag			tag;

		if (!read_tag(&parser, start, &tag))
			return false;
		add_text(&parser, parser.position, tag.standalone ? tag.line_start : tag.start);
		if (!take_tag(&parser, &tag))
			return false;
		parser.position = tag.end;
	}
	add_text(&parser, parser.position, length);
	if (parser.depth > 0)
	{
		MustacheNode *section = &result->nodes[parser.sections[parser.depth - 1]];

		return fail(&parser, "section is not closed", section->text, (int) (section->text.data - source));
	}
	return true;
}

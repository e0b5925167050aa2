/*
 * json_parse.c
 *	  The text of a JSON document as jsonb.
 *
 * The server's cast takes strings apart byte by byte, copies each several
 * times and builds a tree before it writes anything.  Here a string without
 * escapes is taken from the text as it stands, and an object or array is
 * written as soon as it ends.  Only the usual is understood: no mistakes, no
 * numbers with exponents, no scalar alone.
 */
#include "collect/json_parse.h"

#include "collect/json_writer.h"
#include "common/ascii.h"
#include "common/json_text.h"
#include "mb/pg_wchar.h"
#include "miscadmin.h"
#include "utils/fmgrprotos.h"
#include "utils/numeric.h"

#define DEPTH_MAX 200

/* Far below what jsonb can hold */
#define LENGTH_MAX (64 * 1024 * 1024)

/* More digits may not fit an integer. */
#define INTEGER_DIGITS_MAX 18
#define NUMBER_LENGTH_MAX 100

#define UNICODE_DIGITS 4

typedef struct Parser
{
	const char *at;
	const char *end;
	int			depth;

	/* A stack: members of the objects and arrays that are not finished */
	JsonbPair  *members;
	int			n;
	int			capacity;
} Parser;

static bool parse_value(Parser *parser, JsonbValue *value);

static void
skip_space(Parser *parser)
{
	while (parser->at < parser->end &&
		   (*parser->at == ' ' || *parser->at == '\n' || *parser->at == '\r' || *parser->at == '\t'))
		parser->at++;
}

/* Goes past the character, and the space before it. */
static bool
take(Parser *parser, char c)
{
	skip_space(parser);
	if (parser->at == parser->end || *parser->at != c)
		return false;
	parser->at++;
	return true;
}

static bool
take_word(Parser *parser, const char *word)
{
	size_t		length = strlen(word);

	if ((size_t) (parser->end - parser->at) < length || memcmp(parser->at, word, length) != 0)
		return false;
	parser->at += length;
	return true;
}

/* The character that stands for an escaped one; 0 where there is none */
static char
unescaped(char c)
{
	static const char escapes[][2] = {
		{'"', '"'}, {'\\', '\\'}, {'/', '/'}, {'b', '\b'}, {'f', '\f'}, {'n', '\n'}, {'r', '\r'}, {'t', '\t'}
	};

	for (size_t i = 0; i < lengthof(escapes); i++)
	{
		if (escapes[i][0] == c)
			return escapes[i][1];
	}
	return '\0';
}

/* Four hexadecimal digits, at *at; -1 when they are not there */
static int
code_unit(const char **at, const char *end)
{
	int			unit = 0;

	if (end - *at < UNICODE_DIGITS)
		return -1;
	for (int i = 0; i < UNICODE_DIGITS; i++)
	{
		int			digit = mhub_hex_digit((*at)[i]);

		if (digit < 0)
			return -1;
		unit = unit << 4 | digit;
	}
	*at += UNICODE_DIGITS;
	return unit;
}

/* What follows \u, which may be a pair of surrogates; 0 when it is wrong or cannot be kept. */
static pg_wchar
code_point(const char **at, const char *end)
{
	int			high = code_unit(at, end);
	int			low;

	if (high <= 0 || is_utf16_surrogate_second(high))
		return 0;
	if (!is_utf16_surrogate_first(high))
		return high;
	if (end - *at < 2 || (*at)[0] != '\\' || (*at)[1] != 'u')
		return 0;
	*at += 2;
	low = code_unit(at, end);
	return low > 0 && is_utf16_surrogate_second(low) ? surrogate_pair_to_codepoint(high, low) : 0;
}

/* One escape, whose backslash stands at *at; the number of bytes written, 0 when it is not understood */
static int
write_escaped(const char **at, const char *end, char *out)
{
	const char *after = *at + 2;

	if (after > end)
		return 0;
	if (after[-1] == 'u')
	{
		pg_wchar	c = GetDatabaseEncoding() == PG_UTF8 ? code_point(&after, end) : 0;

		if (c == 0)
			return 0;
		*at = after;
		unicode_to_utf8(c, (unsigned char *) out);
		return pg_utf_mblen((unsigned char *) out);
	}
	*at = after;
	*out = unescaped(after[-1]);
	return *out != '\0';
}

/* Where the string that is being read ends, NULL when it does not */
static const char *
closing_quote(const char *at, const char *end)
{
	for (; at < end && *at != '"'; at++)
	{
		if (*at == '\\')
			at++;
	}
	return at < end ? at : NULL;
}

/* The rest of a string, of which `start` up to parser->at is plain */
static bool
parse_escaped_string(Parser *parser, const char *start, JsonbValue *value)
{
	const char *end = closing_quote(parser->at, parser->end);
	char	   *out;

	if (end == NULL)
		return false;
	value->val.string.val = out = palloc(end - start + 1);
	memcpy(out, start, parser->at - start);
	out += parser->at - start;
	while (parser->at < end)
	{
		int			written = 1;

		if (*parser->at == '\\')
			written = write_escaped(&parser->at, end, out);
		else if ((unsigned char) *parser->at >= ' ')
			*out = *parser->at++;
		else
			written = 0;
		if (written == 0)
			return false;
		out += written;
	}
	value->val.string.len = out - value->val.string.val;
	parser->at = end + 1;
	return true;
}

/* From behind the opening quote to behind the closing one */
static bool
parse_string(Parser *parser, JsonbValue *value)
{
	const char *start = parser->at;

	value->type = jbvString;
	parser->at += mhub_json_plain_length(start, parser->end - start);
	if (parser->at == parser->end)
		return false;
	if (*parser->at != '"')
		return parse_escaped_string(parser, start, value);
	value->val.string.val = unconstify(char *, start);
	value->val.string.len = parser->at - start;
	parser->at++;
	return true;
}

/* The number of digits from here on */
static int
skip_digits(Parser *parser)
{
	const char *start = parser->at;

	while (parser->at < parser->end && *parser->at >= '0' && *parser->at <= '9')
		parser->at++;
	return parser->at - start;
}

static Numeric
integer_of(const char *at, const char *end)
{
	bool		negative = *at == '-';
	int64		number = 0;

	for (at += negative; at < end; at++)
		number = number * 10 + (*at - '0');
	return int64_to_numeric(negative ? -number : number);
}

static Numeric
numeric_of(const char *at, const char *end)
{
	char		text[NUMBER_LENGTH_MAX + 1];

	memcpy(text, at, end - at);
	text[end - at] = '\0';
	return DatumGetNumeric(DirectFunctionCall3(numeric_in, CStringGetDatum(text),
											   ObjectIdGetDatum(InvalidOid), Int32GetDatum(-1)));
}

static bool
parse_number(Parser *parser, JsonbValue *value)
{
	const char *start = parser->at;
	const char *first;
	int			digits;
	bool		whole = true;

	if (*parser->at == '-')
		parser->at++;
	first = parser->at;
	digits = skip_digits(parser);
	if (digits == 0 || (digits > 1 && *first == '0'))
		return false;
	if (parser->at < parser->end && *parser->at == '.')
	{
		parser->at++;
		whole = false;
		if (skip_digits(parser) == 0)
			return false;
	}
	if (parser->at - start > NUMBER_LENGTH_MAX)
		return false;
	value->type = jbvNumeric;
	value->val.numeric = whole && digits <= INTEGER_DIGITS_MAX ?
		integer_of(start, parser->at) : numeric_of(start, parser->at);
	return true;
}

/* A place on the stack for one more member.  It moves when the next one comes. */
static JsonbPair *
add_member(Parser *parser)
{
	if (parser->n == parser->capacity)
	{
		parser->capacity *= 2;
		parser->members = repalloc_huge(parser->members, parser->capacity * sizeof(JsonbPair));
	}
	return &parser->members[parser->n++];
}

static void
set_container(JsonbValue *value, Jsonb *jsonb)
{
	value->type = jbvBinary;
	value->val.binary.data = &jsonb->root;
	value->val.binary.len = VARSIZE(jsonb) - VARHDRSZ;
}

static bool
parse_member(Parser *parser)
{
	JsonbPair	member;

	if (!take(parser, '"') || !parse_string(parser, &member.key) || !take(parser, ':') ||
		!parse_value(parser, &member.value))
		return false;
	*add_member(parser) = member;
	return true;
}

static bool
parse_element(Parser *parser)
{
	JsonbPair	element;

	if (!parse_value(parser, &element.value))
		return false;
	*add_member(parser) = element;
	return true;
}

/* Members up to the closing bracket, onto the stack */
static bool
parse_members(Parser *parser, bool (*parse) (Parser *), char closing)
{
	if (take(parser, closing))
		return true;
	do
	{
		if (!parse(parser))
			return false;
	} while (take(parser, ','));
	return take(parser, closing);
}

/* An object or array, from behind its opening bracket */
static bool
parse_container(Parser *parser, bool is_object, JsonbValue *value)
{
	int			first = parser->n;
	Jsonb	   *jsonb;

	CHECK_FOR_INTERRUPTS();
	if (++parser->depth > DEPTH_MAX ||
		!parse_members(parser, is_object ? parse_member : parse_element, is_object ? '}' : ']'))
		return false;
	if (is_object)
		jsonb = mhub_json_write(&parser->members[first],
								mhub_json_sort_pairs(&parser->members[first], parser->n - first));
	else
		jsonb = mhub_json_write_array(&parser->members[first], parser->n - first);
	set_container(value, jsonb);
	parser->n = first;
	parser->depth--;
	return true;
}

static bool
parse_value(Parser *parser, JsonbValue *value)
{
	skip_space(parser);
	if (parser->at == parser->end)
		return false;
	switch (*parser->at)
	{
		case '"':
			parser->at++;
			return parse_string(parser, value);
		case '{':
		case '[':
			parser->at++;
			return parse_container(parser, parser->at[-1] == '{', value);
		case 't':
		case 'f':
			value->type = jbvBool;
			value->val.boolean = *parser->at == 't';
			return take_word(parser, value->val.boolean ? "true" : "false");
		case 'n':
			value->type = jbvNull;
			return take_word(parser, "null");
		default:
			return parse_number(parser, value);
	}
}

Jsonb *
mhub_json_parse(const char *text, size_t length)
{
	Parser		parser = {.at = text, .end = text + length, .capacity = 1024};
	JsonbValue	value;
	bool		understood;

	if (length > LENGTH_MAX)
		return NULL;
	parser.members = palloc(parser.capacity * sizeof(JsonbPair));
	understood = parse_value(&parser, &value);
	pfree(parser.members);
	skip_space(&parser);
	if (!understood || value.type != jbvBinary || parser.at < parser.end)
		return NULL;
	return (Jsonb *) ((char *) value.val.binary.data - offsetof(Jsonb, root));
}

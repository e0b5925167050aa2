/*
 * json_parse.c
 *	  The text of a JSON document as jsonb, by the server's own lexer.
 *
 * The server's cast copies each string several times and builds a tree before
 * it writes anything.  Here a string without escapes is taken from the text as
 * it stands, and an object or array is written as soon as it ends.  Only the
 * usual is understood: no mistakes, no numbers with exponents, no scalar alone.
 */
#include "collect/json_parse.h"

#include "collect/json_writer.h"
#include "miscadmin.h"
#include "utils/fmgrprotos.h"
#include "utils/numeric.h"

#define DEPTH_MAX 200

/* Far below what jsonb can hold */
#define LENGTH_MAX (64 * 1024 * 1024)

/* The member of a body that holds its messages */
#define LIST_KEY "batch"

/* Room on the stack to begin with */
#define INITIAL_MEMBERS 1024

/* What numeric takes without an error */
#define NUMBER_LENGTH_MAX 100

typedef struct Parser
{
	JsonLexContext *lex;		/* holds the token that comes next */
	int			depth;
	MhubJsonBody *body;			/* whose list is kept apart; NULL: none is */

	/* A stack: members of the objects and arrays that are not finished */
	JsonbPair  *members;
	int			n;
	int			capacity;
} Parser;

static bool parse_value(Parser *parser, JsonbValue *value);
static bool parse_list(Parser *parser);

/* Goes past the token, to the next one. */
static bool
advance(Parser *parser)
{
	return json_lex(parser->lex) == JSON_SUCCESS;
}

static bool
take(Parser *parser, JsonTokenType token)
{
	return parser->lex->token_type == token && advance(parser);
}

/* A string with escapes: the lexer undoes them when it is told so from the start. */
static bool
unescape(const char *token, int length, JsonbValue *value)
{
	JsonLexContext *lex = mhub_json_lexer(token, length, true);

	if (json_lex(lex) != JSON_SUCCESS)
		return false;
	value->val.string.val = lex->strval->data;
	value->val.string.len = lex->strval->len;
	return true;
}

static bool
parse_string(Parser *parser, JsonbValue *value)
{
	const char *token = parser->lex->token_start;
	int			length = parser->lex->token_terminator - token;

	if (parser->lex->token_type != JSON_TOKEN_STRING)
		return false;
	value->type = jbvString;
	value->val.string.val = unconstify(char *, token + 1);
	value->val.string.len = length - 2;
	if (memchr(token, '\\', length) != NULL && !unescape(token, length, value))
		return false;
	return advance(parser);
}

static bool
parse_number(Parser *parser, JsonbValue *value)
{
	char		text[NUMBER_LENGTH_MAX + 1];
	int			length = parser->lex->token_terminator - parser->lex->token_start;

	if (length > NUMBER_LENGTH_MAX)
		return false;
	memcpy(text, parser->lex->token_start, length);
	text[length] = '\0';
	if (strpbrk(text, "eE") != NULL)
		return false;
	value->type = jbvNumeric;
	value->val.numeric = DatumGetNumeric(DirectFunctionCall3(numeric_in, CStringGetDatum(text),
															 ObjectIdGetDatum(InvalidOid), Int32GetDatum(-1)));
	return advance(parser);
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

/* Does the body have its list of messages under this key? */
static bool
is_list_key(const Parser *parser, const JsonbValue *key)
{
	return parser->body != NULL && parser->depth == 1 &&
		key->val.string.len == strlen(LIST_KEY) && memcmp(key->val.string.val, LIST_KEY, strlen(LIST_KEY)) == 0;
}

static bool
parse_member(Parser *parser)
{
	JsonbPair	member;

	if (!parse_string(parser, &member.key) || !take(parser, JSON_TOKEN_COLON))
		return false;
	if (is_list_key(parser, &member.key))
	{
		/* Of several the last one counts, which is left to others. */
		if (parser->body->n >= 0)
			return false;
		if (parser->lex->token_type == JSON_TOKEN_ARRAY_START)
			return parse_list(parser);
	}
	if (!parse_value(parser, &member.value))
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

/* Their bytes are in what holds them by now: the next ones may have their memory. */
static void
free_members(const JsonbPair *members, int n)
{
	for (int i = 0; i < n; i++)
	{
		if (members[i].value.type == jbvBinary)
			pfree((char *) members[i].value.val.binary.data - offsetof(Jsonb, root));
	}
}

/* Members and the closing token, from behind the opening one; the members go onto the stack. */
static bool
parse_members(Parser *parser, bool (*parse) (Parser *), JsonTokenType closing)
{
	if (parser->lex->token_type == closing)
		return advance(parser);
	do
	{
		if (!parse(parser))
			return false;
	} while (take(parser, JSON_TOKEN_COMMA));
	return take(parser, closing);
}

static bool
parse_container(Parser *parser, bool is_object, JsonbValue *value)
{
	int			first = parser->n;
	int			n;
	Jsonb	   *jsonb;

	CHECK_FOR_INTERRUPTS();
	if (++parser->depth > DEPTH_MAX || !advance(parser) ||
		!parse_members(parser, is_object ? parse_member : parse_element,
					   is_object ? JSON_TOKEN_OBJECT_END : JSON_TOKEN_ARRAY_END))
		return false;
	n = parser->n - first;
	if (is_object)
		n = mhub_json_sort_pairs(&parser->members[first], n);
	jsonb = is_object ? mhub_json_write(&parser->members[first], n) : mhub_json_write_array(&parser->members[first], n);
	set_container(value, jsonb);
	free_members(&parser->members[first], n);
	parser->n = first;
	parser->depth--;
	return true;
}

/* The elements of an array, each kept by itself */
static bool
parse_list(Parser *parser)
{
	MhubJsonBody *body = parser->body;
	int			first = parser->n;

	if (!advance(parser))
		return false;
	parser->depth++;
	if (!parse_members(parser, parse_element, JSON_TOKEN_ARRAY_END))
		return false;
	parser->depth--;
	body->n = parser->n - first;
	body->messages = MemoryContextAllocHuge(CurrentMemoryContext, Max(body->n, 1) * sizeof(JsonbValue));
	for (int i = 0; i < body->n; i++)
		body->messages[i] = parser->members[first + i].value;
	parser->n = first;
	return true;
}

static bool
parse_value(Parser *parser, JsonbValue *value)
{
	switch (parser->lex->token_type)
	{
		case JSON_TOKEN_STRING:
			return parse_string(parser, value);
		case JSON_TOKEN_NUMBER:
			return parse_number(parser, value);
		case JSON_TOKEN_OBJECT_START:
		case JSON_TOKEN_ARRAY_START:
			return parse_container(parser, parser->lex->token_type == JSON_TOKEN_OBJECT_START, value);
		case JSON_TOKEN_TRUE:
		case JSON_TOKEN_FALSE:
			value->type = jbvBool;
			value->val.boolean = parser->lex->token_type == JSON_TOKEN_TRUE;
			return advance(parser);
		case JSON_TOKEN_NULL:
			value->type = jbvNull;
			return advance(parser);
		default:
			return false;
	}
}

/* The document as one value, unless it is the body's list */
static bool
parse_document(Parser *parser, const char *text, size_t length, JsonbValue *value)
{
	bool		understood;

	if (length > LENGTH_MAX)
		return false;
	parser->lex = mhub_json_lexer(text, length, false);
	parser->capacity = INITIAL_MEMBERS;
	parser->members = palloc(parser->capacity * sizeof(JsonbPair));
	understood = advance(parser) &&
		(parser->body != NULL && parser->lex->token_type == JSON_TOKEN_ARRAY_START ? parse_list(parser) : parse_value(parser, value)) &&
		parser->lex->token_type == JSON_TOKEN_END;
	pfree(parser->members);
	return understood;
}

static Jsonb *
whole(const JsonbValue *value)
{
	return value->type == jbvBinary ? (Jsonb *) ((char *) value->val.binary.data - offsetof(Jsonb, root)) : NULL;
}

Jsonb *
mhub_json_parse(const char *text, size_t length)
{
	Parser		parser = {NULL};
	JsonbValue	value;

	return parse_document(&parser, text, length, &value) ? whole(&value) : NULL;
}

bool
mhub_json_parse_body(const char *text, size_t length, MhubJsonBody *body)
{
	Parser		parser = {.body = body};
	JsonbValue	value = {.type = jbvNull};

	body->n = -1;
	if (!parse_document(&parser, text, length, &value))
		return false;
	body->document = whole(&value);
	return body->n >= 0 || body->document != NULL;
}

/*
 * json_reader.c
 *	  JSON (RFC 8259) read into a tree with positions.
 */
#include "condition/json_reader.h"

#include "lib/stringinfo.h"
#include "mb/pg_wchar.h"
#include "miscadmin.h"

/* JSON nests twice for each level of a condition. */
#define DEEPEST (3 * CONDITION_MAX_DEPTH)

typedef struct Reader
{
	const char *start;
	const char *at;
	const char *end;
	int			depth;
	CondError  *error;
} Reader;

static JsonNode *read_value(Reader *reader);

static JsonNode *
fail(Reader *reader, const char *at, const char *message)
{
	if (reader->error->message == NULL)
	{
		reader->error->message = message;
		reader->error->offset = at - reader->start;
	}
	return NULL;
}

static void
skip_blanks(Reader *reader)
{
	while (reader->at < reader->end && strchr(" \t\r\n", *reader->at) != NULL)
		reader->at++;
}

static bool
skip_char(Reader *reader, char wanted)
{
	skip_blanks(reader);
	if (reader->at >= reader->end || *reader->at != wanted)
		return false;
	reader->at++;
	return true;
}

static JsonNode *
new_node(Reader *reader, JsonKind kind)
{
	JsonNode   *node = palloc0(sizeof(JsonNode));

	node->kind = kind;
	node->offset = reader->at - reader->start;
	return node;
}

static bool
read_hex(Reader *reader, unsigned int *code)
{
	*code = 0;
	for (int i = 0; i < 4; i++, reader->at++)
	{
		char		c = reader->at < reader->end ? *reader->at : '\0';

		if (c >= '0' && c <= '9')
			*code = *code * 16 + (c - '0');
		else if ((c | 0x20) >= 'a' && (c | 0x20) <= 'f')
			*code = *code * 16 + ((c | 0x20) - 'a' + 10);
		else
			return false;
	}
	return true;
}

/* The four digits behind \u, and the second half of a surrogate pair. */
static bool
read_unicode(Reader *reader, StringInfo out)
{
	unsigned int code;
	unsigned int low;
	unsigned char buffer[MAX_UNICODE_EQUIVALENT_STRING + 1];

	if (!read_hex(reader, &code) || code == 0)
		return false;
	if (is_utf16_surrogate_second(code))
		return false;
	if (is_utf16_surrogate_first(code))
	{
		if (reader->end - reader->at < 6 || reader->at[0] != '\\' || reader->at[1] != 'u')
			return false;
		reader->at += 2;
		if (!read_hex(reader, &low) || !is_utf16_surrogate_second(low))
			return false;
		code = surrogate_pair_to_codepoint(code, low);
	}
	if (code > 0x7F && GetDatabaseEncoding() != PG_UTF8)
		return false;
	pg_unicode_to_server(code, buffer);
	appendStringInfoString(out, (char *) buffer);
	return true;
}

static bool
read_escape(Reader *reader, StringInfo out)
{
	static const char from[] = "\"\\/bfnrt";
	static const char to[] = "\"\\/\b\f\n\r\t";
	const char *found;

	if (reader->at >= reader->end)
		return false;
	if (*reader->at == 'u')
	{
		reader->at++;
		return read_unicode(reader, out);
	}
	found = strchr(from, *reader->at);
	if (found == NULL || *found == '\0')
		return false;
	appendStringInfoChar(out, to[found - from]);
	reader->at++;
	return true;
}

static JsonNode *
read_string(Reader *reader)
{
	JsonNode   *node = new_node(reader, JSON_KIND_STRING);
	const char *opening = reader->at;
	StringInfoData out;

	initStringInfo(&out);
	for (reader->at++; reader->at < reader->end; )
	{
		char		c = *reader->at++;

		if (c == '"')
		{
			node->text = out.data;
			node->length = out.len;
			return node;
		}
		if ((unsigned char) c < 0x20)
			return fail(reader, reader->at - 1, "control character in a JSON string");
		if (c != '\\')
			appendStringInfoChar(&out, c);
		else if (!read_escape(reader, &out))
			return fail(reader, reader->at - 1, "invalid escape in a JSON string");
	}
	return fail(reader, opening, "unterminated JSON string");
}

static int
skip_digits(Reader *reader)
{
	int			n = 0;

	for (; reader->at < reader->end && *reader->at >= '0' && *reader->at <= '9'; n++)
		reader->at++;
	return n;
}

static JsonNode *
read_number(Reader *reader)
{
	JsonNode   *node = new_node(reader, JSON_KIND_NUMBER);
	const char *digits;

	node->text = reader->at;
	if (*reader->at == '-')
		reader->at++;
	digits = reader->at;
	if (skip_digits(reader) == 0 || (*digits == '0' && reader->at - digits > 1))
		return fail(reader, node->text, "invalid JSON number");
	if (reader->at < reader->end && *reader->at == '.')
	{
		reader->at++;
		if (skip_digits(reader) == 0)
			return fail(reader, node->text, "invalid JSON number");
	}
	if (reader->at < reader->end && (*reader->at | 0x20) == 'e')
	{
		reader->at++;
		if (reader->at < reader->end && (*reader->at == '+' || *reader->at == '-'))
			reader->at++;
		if (skip_digits(reader) == 0)
			return fail(reader, node->text, "invalid JSON number");
	}
	node->length = reader->at - node->text;
	return node;
}

static void
add_child(JsonNode *node, JsonNode *key, JsonNode *child)
{
	int			n = node->nchildren;

	if (n == 0)
	{
		node->children = palloc(sizeof(JsonNode *));
		node->keys = palloc(sizeof(JsonNode *));
	}
	else if ((n & (n - 1)) == 0)
	{
		node->children = repalloc(node->children, 2 * n * sizeof(JsonNode *));
		node->keys = repalloc(node->keys, 2 * n * sizeof(JsonNode *));
	}
	node->children[n] = child;
	node->keys[n] = key;
	node->nchildren++;
}

static JsonNode *
read_array(Reader *reader)
{
	JsonNode   *node = new_node(reader, JSON_KIND_ARRAY);

	reader->at++;
	if (skip_char(reader, ']'))
		return node;
	do
	{
		JsonNode   *child = read_value(reader);

		if (child == NULL)
			return NULL;
		add_child(node, NULL, child);
	} while (skip_char(reader, ','));
	return skip_char(reader, ']') ? node : fail(reader, reader->at, "expected \",\" or \"]\"");
}

static bool
has_key(const JsonNode *object, const JsonNode *key)
{
	for (int i = 0; i < object->nchildren; i++)
	{
		if (object->keys[i]->length == key->length && memcmp(object->keys[i]->text, key->text, key->length) == 0)
			return true;
	}
	return false;
}

static JsonNode *
read_object(Reader *reader)
{
	JsonNode   *node = new_node(reader, JSON_KIND_OBJECT);

	reader->at++;
	if (skip_char(reader, '}'))
		return node;
	do
	{
		JsonNode   *key;
		JsonNode   *child;

		skip_blanks(reader);
		if (reader->at >= reader->end || *reader->at != '"')
			return fail(reader, reader->at, "expected a key in double quotes");
		key = read_string(reader);
		if (key == NULL)
			return NULL;
		if (has_key(node, key))
			return fail(reader, reader->start + key->offset, "duplicate JSON key");
		if (!skip_char(reader, ':'))
			return fail(reader, reader->at, "expected \":\"");
		child = read_value(reader);
		if (child == NULL)
			return NULL;
		add_child(node, key, child);
	} while (skip_char(reader, ','));
	return skip_char(reader, '}') ? node : fail(reader, reader->at, "expected \",\" or \"}\"");
}

static JsonNode *
read_word(Reader *reader)
{
	static const struct
	{
		const char *word;
		JsonKind	kind;
		bool		truth;
	}			words[] = {
		{"null", JSON_KIND_NULL, false}, {"true", JSON_KIND_BOOL, true}, {"false", JSON_KIND_BOOL, false}
	};

	for (int i = 0; i < (int) lengthof(words); i++)
	{
		int			length = strlen(words[i].word);

		if (reader->end - reader->at >= length && memcmp(reader->at, words[i].word, length) == 0)
		{
			JsonNode   *node = new_node(reader, words[i].kind);

			node->truth = words[i].truth;
			reader->at += length;
			return node;
		}
	}
	return fail(reader, reader->at, "expected a JSON value");
}

static JsonNode *
read_value(Reader *reader)
{
	JsonNode   *node;

	skip_blanks(reader);
	if (reader->at >= reader->end)
		return fail(reader, reader->at, "expected a JSON value");
	switch (*reader->at)
	{
		case '"':
			return read_string(reader);
		case '[':
		case '{':
			if (++reader->depth > DEEPEST)
				return fail(reader, reader->at, "JSON is nested too deeply");
			CHECK_FOR_INTERRUPTS();
			node = *reader->at == '[' ? read_array(reader) : read_object(reader);
			reader->depth--;
			return node;
		default:
			if (*reader->at == '-' || (*reader->at >= '0' && *reader->at <= '9'))
				return read_number(reader);
			return read_word(reader);
	}
}

JsonNode *
json_read(const char *input, int length, CondError *error)
{
	Reader		reader = {input, input, input + length, 0, error};
	JsonNode   *node;

	memset(error, 0, sizeof(*error));
	node = read_value(&reader);
	if (node == NULL)
		return NULL;
	skip_blanks(&reader);
	if (reader.at < reader.end)
		return fail(&reader, reader.at, "expected the end of the JSON value");
	return node;
}

JsonNode *
json_member(const JsonNode *object, const char *key)
{
	int			length = strlen(key);

	for (int i = 0; i < object->nchildren; i++)
	{
		if (object->keys[i]->length == length && memcmp(object->keys[i]->text, key, length) == 0)
			return object->children[i];
	}
	return NULL;
}

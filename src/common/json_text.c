/*
 * json_text.c
 *	  The text of a jsonb value, as the server prints it.
 *
 * The server's JsonbToCString() takes strings apart byte by byte, which is most
 * of the work for documents with long texts; here what needs no escape is
 * copied in runs.
 */
#include "common/json_text.h"

#include "utils/builtins.h"
#include "utils/fmgrprotos.h"

#define EACH_BYTE(c) (UINT64CONST(0x0101010101010101) * (c))
#define HIGH_BITS EACH_BYTE(0x80)

static inline bool
is_plain(unsigned char c)
{
	return c >= ' ' && c != '"' && c != '\\';
}

/* The high bit of each byte that is zero; those above the lowest one are not to be trusted. */
static inline uint64
zero_bytes(uint64 bytes)
{
	return (bytes - EACH_BYTE(1)) & ~bytes & HIGH_BITS;
}

/* How many bytes from here on need no escape, eight at a time; the caller looks at the others one by one. */
static int
plain_run(const char *text, int length)
{
	int			run = 0;

	while (length - run >= 8)
	{
		uint64		bytes;

		memcpy(&bytes, text + run, 8);
		if (((bytes - EACH_BYTE(' ')) & ~bytes & HIGH_BITS) != 0 || zero_bytes(bytes ^ EACH_BYTE('"')) != 0 ||
			zero_bytes(bytes ^ EACH_BYTE('\\')) != 0)
			break;
		run += 8;
	}
	return run;
}

static void
append_escaped(StringInfo out, unsigned char c)
{
	static const char letters[] = "btn\0fr";	/* \b is 8 */

	if (c == '"' || c == '\\')
		appendStringInfo(out, "\\%c", c);
	else if (c >= '\b' && c <= '\r' && letters[c - '\b'] != 0)
		appendStringInfo(out, "\\%c", letters[c - '\b']);
	else
		appendStringInfo(out, "\\u%04x", c);
}

static void
append_string(StringInfo out, const char *text, int length)
{
	int			start = 0;

	appendStringInfoCharMacro(out, '"');
	for (int i = plain_run(text, length); i < length; i++)
	{
		if (is_plain((unsigned char) text[i]))
			continue;
		appendBinaryStringInfo(out, text + start, i - start);
		append_escaped(out, (unsigned char) text[i]);
		start = i + 1;
		i += plain_run(text + start, length - start);
	}
	appendBinaryStringInfo(out, text + start, length - start);
	appendStringInfoCharMacro(out, '"');
}

static void
append_scalar(StringInfo out, const JsonbValue *value)
{
	switch (value->type)
	{
		case jbvNull:
			appendBinaryStringInfo(out, "null", 4);
			break;
		case jbvString:
			append_string(out, value->val.string.val, value->val.string.len);
			break;
		case jbvNumeric:
			appendStringInfoString(out, DatumGetCString(DirectFunctionCall1(numeric_out, NumericGetDatum(value->val.numeric))));
			break;
		case jbvBool:
			appendStringInfoString(out, value->val.boolean ? "true" : "false");
			break;
		default:
			elog(ERROR, "unexpected type of a json value: %d", (int) value->type);
	}
}

/* Appends the text of a document, array or scalar. */
void
mhub_print_json(StringInfo out, JsonbContainer *container)
{
	JsonbIterator *iterator = JsonbIteratorInit(container);
	JsonbIteratorToken token;
	JsonbValue	value;
	bool		first = true;	/* nothing before it in its object or array */
	bool		bare = false;	/* a scalar, which jsonb keeps as an array of one */

	while ((token = JsonbIteratorNext(&iterator, &value, false)) != WJB_DONE)
	{
		bool		closes = token == WJB_END_ARRAY || token == WJB_END_OBJECT;

		if (token != WJB_VALUE && !closes && !first)
			appendBinaryStringInfo(out, ", ", 2);
		first = token == WJB_BEGIN_ARRAY || token == WJB_BEGIN_OBJECT || token == WJB_KEY;
		switch (token)
		{
			case WJB_BEGIN_ARRAY:
				bare = value.val.array.rawScalar;
				if (!bare)
					appendStringInfoCharMacro(out, '[');
				break;
			case WJB_BEGIN_OBJECT:
				appendStringInfoCharMacro(out, '{');
				break;
			case WJB_KEY:
				append_scalar(out, &value);
				appendBinaryStringInfo(out, ": ", 2);
				break;
			case WJB_END_ARRAY:
				if (!bare)
					appendStringInfoCharMacro(out, ']');
				break;
			case WJB_END_OBJECT:
				appendStringInfoCharMacro(out, '}');
				break;
			default:			/* WJB_VALUE, WJB_ELEM */
				append_scalar(out, &value);
		}
	}
}

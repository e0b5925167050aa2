/*
 * query.c
 *	  The parameters of a query string, one after the other, decoded.
 *
 * Rules: parameters are separated by & (or by &amp; where HTML was pasted),
 * not by ;.  A plus sign is a space.  A broken % escape stands for itself.
 * Bytes that are not UTF-8 are tried as GBK, as old Chinese sites send it.
 */
#include "traffic/query.h"

#include "catalog/namespace.h"
#include "common/ascii.h"
#include "mb/pg_wchar.h"
#include "traffic/traffic.h"

void
mhub_query_start(MhubQueryScan *scan, const char *query)
{
	memset(scan, 0, sizeof(*scan));
	scan->next = query;
}

static void
skip_html_ampersand(MhubQueryScan *scan)
{
	if (scan->name_length > 4 && pg_strncasecmp(scan->name, "amp;", 4) == 0)
	{
		scan->name += 4;
		scan->name_length -= 4;
	}
}

/* Moves on to the next parameter with a name; false at the end. */
bool
mhub_query_next(MhubQueryScan *scan)
{
	while (scan->next != NULL)
	{
		const char *start = scan->next;
		size_t		length = strcspn(start, "&");
		const char *equals = memchr(start, '=', length);

		scan->next = start[length] == '\0' ? NULL : start + length + 1;
		scan->name = start;
		scan->name_length = equals ? (size_t) (equals - start) : length;
		scan->value = equals ? equals + 1 : NULL;
		scan->value_length = equals ? length - scan->name_length - 1 : 0;
		skip_html_ampersand(scan);
		if (scan->name_length > 0)
			return true;
	}
	return false;
}

/* Undoes % escapes and plus signs; drops NULs, which text cannot hold. */
static size_t
unescape(const char *text, size_t length, char *out)
{
	size_t		n = 0;
	size_t		i;

	for (i = 0; i < length; i++)
	{
		char		c = text[i];

		if (c == '+')
			c = ' ';
		else if (c == '%' && i + 2 < length && mhub_hex_digit(text[i + 1]) >= 0 && mhub_hex_digit(text[i + 2]) >= 0)
		{
			c = (char) (mhub_hex_digit(text[i + 1]) << 4 | mhub_hex_digit(text[i + 2]));
			i += 2;
		}
		if (c != '\0')
			out[n++] = c;
	}
	return n;
}

/*
 * The parameter's name in lower case, NUL-terminated in name, which has
 * MHUB_PARAM_NAME_MAX bytes; false when it is too long to be one we know.
 */
bool
mhub_query_name(const MhubQueryScan *scan, char *name)
{
	size_t		n;
	size_t		i;

	if (scan->name_length >= MHUB_PARAM_NAME_MAX)
		return false;
	n = unescape(scan->name, scan->name_length, name);
	for (i = 0; i < n; i++)
		name[i] = pg_ascii_tolower((unsigned char) name[i]);
	name[n] = '\0';
	return true;
}

/* text converted to the server's encoding, or NULL where that is impossible */
static char *
converted(const char *text, int length, int encoding)
{
	int			server = GetDatabaseEncoding();
	Oid			conversion;
	char	   *out;
	int			used;

	if (pg_encoding_verifymbstr(encoding, text, length) != length)
		return NULL;
	if (encoding == server)
		return pnstrdup(text, length);
	conversion = FindDefaultConversionProc(encoding, server);
	if (!OidIsValid(conversion))
		return NULL;
	out = palloc((Size) length * MAX_CONVERSION_GROWTH + 1);
	used = pg_do_encoding_conversion_buf(conversion, encoding, server, (unsigned char *) unconstify(char *, text),
										 length, (unsigned char *) out,
										 length * MAX_CONVERSION_GROWTH + 1, true);
	if (used == length)
		return out;
	pfree(out);
	return NULL;
}

/* What no encoding explains keeps its ASCII bytes; the others become question marks. */
static char *
ascii_only(const char *text, size_t length)
{
	char	   *out = pnstrdup(text, length);
	size_t		i;

	for (i = 0; i < length; i++)
	{
		if (IS_HIGHBIT_SET(out[i]))
			out[i] = '?';
	}
	return out;
}

static bool
has_high_bit(const char *text, size_t length)
{
	size_t		i;

	for (i = 0; i < length; i++)
	{
		if (IS_HIGHBIT_SET(text[i]))
			return true;
	}
	return false;
}

/* The length of UTF-8 text whose last character was cut off; 0 for anything else */
static int
cut_utf8(const char *text, int length)
{
	int			whole = pg_encoding_verifymbstr(PG_UTF8, text, length);
	int			i;

	if (whole == length || length - whole >= pg_utf_mblen((const unsigned char *) text + whole))
		return 0;
	for (i = whole + 1; i < length; i++)
	{
		if (((unsigned char) text[i] & 0xC0) != 0x80)
			return 0;
	}
	return has_high_bit(text, whole) ? whole : 0;
}

static char *
to_server_encoding(const char *text, size_t length)
{
	char	   *out = converted(text, (int) length, PG_UTF8);
	int			whole;

	if (out == NULL && (whole = cut_utf8(text, (int) length)) > 0)
		out = converted(text, whole, PG_UTF8);
	if (out == NULL)
		out = converted(text, (int) length, PG_GBK);
	return out != NULL ? out : ascii_only(text, length);
}

static char *
trimmed(char *text)
{
	size_t		length;

	while (isspace((unsigned char) *text))
		text++;
	length = strlen(text);
	while (length > 0 && isspace((unsigned char) text[length - 1]))
		length--;
	text[length] = '\0';
	return text;
}

/*
 * Escaped text as plain text in the server's encoding: palloc'd, without
 * surrounding space, at most MHUB_URL_VALUE_MAX characters.
 */
char *
mhub_text_decoded(const char *text, size_t length)
{
	char	   *bytes = palloc(length + 1);
	size_t		n = unescape(text, length, bytes);
	char	   *out = bytes;

	bytes[n] = '\0';
	if (has_high_bit(bytes, n))
		out = to_server_encoding(bytes, n);
	n = strlen(out);
	if (n > MHUB_URL_VALUE_MAX)
		out[pg_mbcharcliplen(out, n, MHUB_URL_VALUE_MAX)] = '\0';
	return trimmed(out);
}

/* The parameter's value, decoded; NULL where it is absent, empty or only space. */
char *
mhub_query_value(const MhubQueryScan *scan)
{
	char	   *value;

	if (scan->value == NULL || scan->value_length == 0)
		return NULL;
	value = mhub_text_decoded(scan->value, scan->value_length);
	return value[0] == '\0' ? NULL : value;
}

/*
 * mail_header.c
 *	  Header fields of e-mail that nothing can break out of.
 *
 * Text goes in either as plain ASCII without control characters or as RFC 2047
 * encoded words; addresses are held to a strict form.  No line break from
 * outside ever reaches a header.
 */
#include "delivery/mail_header.h"

#include <time.h>

#include "delivery/digest.h"
#include "lib/stringinfo.h"
#include "mb/pg_wchar.h"

/* RFC 2047: a line with encoded words has up to 76 characters, and a word up to 75. */
#define LINE_LENGTH 76
#define WORD_FRAME ((int) strlen("=?UTF-8?B?" "?="))

/* Characters of an address besides letters and digits (RFC 5321 dot-string and domain). */
#define ADDRESS_MARKS "!#$%&'*+-/=?^_`{|}~.@"

/* local@domain without quoting; bytes beyond ASCII are taken as they come (SMTPUTF8). */
bool
mail_address_is_safe(const char *address)
{
	const char *at = strrchr(address, '@');

	if (at == NULL || at == address || at[1] == 0 || strchr(address, '@') != at ||
		strlen(address) > 254 || address[0] == '-')
		return false;
	for (const unsigned char *c = (const unsigned char *) address; *c; c++)
	{
		if (!isalnum(*c) && *c < 0x80 && strchr(ADDRESS_MARKS, *c) == NULL)
			return false;
	}
	return true;
}

/* No control characters: such a header stays one line. */
bool
header_is_safe(const char *header)
{
	for (const unsigned char *c = (const unsigned char *) header; *c; c++)
	{
		if (*c < ' ' && *c != '\t')
			return false;
		if (*c == 0x7F)
			return false;
	}
	return true;
}

/* A copy in which every run of control characters is one space. */
static char *
without_controls(const char *text)
{
	char	   *result = palloc(strlen(text) + 1);
	char	   *out = result;

	for (const unsigned char *c = (const unsigned char *) text; *c; c++)
	{
		if (*c >= ' ' && *c != 0x7F)
			*out++ = (char) *c;
		else if (out == result || out[-1] != ' ')
			*out++ = ' ';
	}
	*out = 0;
	return result;
}

static bool
is_plain(const char *text)
{
	for (const unsigned char *c = (const unsigned char *) text; *c; c++)
	{
		if (*c >= 0x80)
			return false;
	}
	return strstr(text, "=?") == NULL && strlen(text) < 900;
}

/* Encoded words, broken between characters, one a folded line; used is what the first line holds already. */
static void
append_encoded(StringInfo out, const char *text, int used)
{
	int			length = (int) strlen(text);

	for (int from = 0; from < length; used = 1)
	{
		int			room = (LINE_LENGTH - used - WORD_FRAME) / 4 * 3;
		int			take = 0;

		while (from + take < length)
		{
			int			next = pg_utf_mblen((const unsigned char *) text + from + take);

			if (take + next > room && take > 0)
				break;
			take += Min(next, length - from - take);
		}
		appendStringInfo(out, "%s=?UTF-8?B?%s?=", from > 0 ? "\r\n " : "",
						 digest_base64((const unsigned char *) text + from, take));
		from += take;
	}
}

/* "Name: text"; text is UTF-8. */
char *
mail_header_text(const char *name, const char *text)
{
	char	   *clean = without_controls(text);
	StringInfoData out;

	initStringInfo(&out);
	appendStringInfo(&out, "%s: ", name);
	if (is_plain(clean))
		appendStringInfoString(&out, clean);
	else
		append_encoded(&out, clean, out.len);
	return out.data;
}

/* "Name: display <address>"; display may be NULL or empty, the address must be safe. */
char *
mail_header_address(const char *name, const char *display, const char *address)
{
	StringInfoData out;

	initStringInfo(&out);
	appendStringInfo(&out, "%s: ", name);
	if (display != NULL && display[0] != 0)
	{
		char	   *clean = without_controls(display);

		if (is_plain(clean))
		{
			appendStringInfoChar(&out, '"');
			for (char *c = clean; *c; c++)
			{
				if (*c == '"' || *c == '\\')
					appendStringInfoChar(&out, '\\');
				appendStringInfoChar(&out, *c);
			}
			appendStringInfoChar(&out, '"');
		}
		else
			append_encoded(&out, clean, out.len);
		/* The address gets a line of its own where the name is long. */
		appendStringInfoString(&out, is_plain(clean) && strlen(clean) < LINE_LENGTH / 2 ? " " : "\r\n ");
	}
	appendStringInfo(&out, "<%s>", address);
	return out.data;
}

/* The Date field, in UTC; time in seconds since 1970. */
char *
mail_header_date(int64 time)
{
	static const char *const days[] = {"Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"};
	static const char *const months[] = {"Jan", "Feb", "Mar", "Apr", "May", "Jun",
	"Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
	time_t		seconds = (time_t) time;
	struct tm	t;

	gmtime_r(&seconds, &t);
	return psprintf("Date: %s, %d %s %d %02d:%02d:%02d +0000", days[t.tm_wday], t.tm_mday, months[t.tm_mon],
					t.tm_year + 1900, t.tm_hour, t.tm_min, t.tm_sec);
}

/*
 * access_log.c
 *	  Reading one line of a web server's access log in combined format:
 *
 *	  host ident user [22/Jan/2019:03:56:14 +0330] "GET /x HTTP/1.1" 200 123 "referrer" "user agent" ...
 *
 * as Apache, nginx and most others write it.  What follows the user agent is
 * ignored: servers append fields of their own there.
 */
#include "collect/access_log.h"

#include <string.h>
#include <strings.h>

#include "common/ascii.h"

typedef struct Cursor
{
	const char *at;
	const char *end;
} Cursor;

static LogField
field_between(const char *start, const char *end)
{
	LogField	field = {start, (size_t) (end - start)};

	if (field.length == 1 && *start == '-')
		field.length = 0;
	return field;
}

static bool
skip_char(Cursor *cursor, char wanted)
{
	if (cursor->at == cursor->end || *cursor->at != wanted)
		return false;
	cursor->at++;
	return true;
}

static void
skip_spaces(Cursor *cursor)
{
	while (cursor->at < cursor->end && *cursor->at == ' ')
		cursor->at++;
}

/* A field that ends at a space. */
static bool
take_word(Cursor *cursor, LogField *field)
{
	const char *start = cursor->at;

	while (cursor->at < cursor->end && *cursor->at != ' ')
		cursor->at++;
	*field = field_between(start, cursor->at);
	skip_spaces(cursor);
	return cursor->at > start;
}

/* A field in double quotes, in which a backslash protects the next character. */
static bool
take_quoted(Cursor *cursor, LogField *field)
{
	const char *start;

	if (!skip_char(cursor, '"'))
		return false;
	start = cursor->at;
	while (cursor->at < cursor->end && *cursor->at != '"')
		cursor->at += (*cursor->at == '\\' && cursor->at + 1 < cursor->end) ? 2 : 1;
	if (cursor->at >= cursor->end)
		return false;
	*field = field_between(start, cursor->at);
	cursor->at++;
	skip_spaces(cursor);
	return true;
}

/* Exactly so many digits. */
static bool
take_digits(Cursor *cursor, int count, int *value)
{
	*value = 0;
	while (count-- > 0)
	{
		if (cursor->at == cursor->end || *cursor->at < '0' || *cursor->at > '9')
			return false;
		*value = *value * 10 + (*cursor->at++ - '0');
	}
	return true;
}

static bool
take_month(Cursor *cursor, int *month)
{
	static const char names[] = "JanFebMarAprMayJunJulAugSepOctNovDec";

	if (cursor->end - cursor->at < 3)
		return false;
	for (*month = 1; *month <= 12; (*month)++)
	{
		if (strncasecmp(cursor->at, names + (*month - 1) * 3, 3) == 0)
		{
			cursor->at += 3;
			return true;
		}
	}
	return false;
}

static bool
valid_day(int year, int month, int day)
{
	static const int days[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
	bool		leap = (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;

	return day >= 1 && day <= days[month - 1] + (month == 2 && leap);
}

/* Days from 1970-01-01 in the Gregorian calendar; years begin in March here, so that the leap day is the last. */
static int64_t
days_from_epoch(int year, int month, int day)
{
	int64_t		y = month > 2 ? year : year - 1;
	int64_t		day_of_year = (153 * (month > 2 ? month - 3 : month + 9) + 2) / 5 + day - 1;

	return y * 365 + y / 4 - y / 100 + y / 400 + day_of_year - 719468;
}

/* +hhmm or -hhmm, in seconds */
static bool
take_zone(Cursor *cursor, int *offset)
{
	int			hours;
	int			minutes;
	bool		west = cursor->at < cursor->end && *cursor->at == '-';

	if (!west && !(cursor->at < cursor->end && *cursor->at == '+'))
		return false;
	cursor->at++;
	if (!take_digits(cursor, 2, &hours) || !take_digits(cursor, 2, &minutes) || hours > 15 || minutes > 59)
		return false;
	*offset = (hours * 60 + minutes) * (west ? -60 : 60);
	return true;
}

/* [22/Jan/2019:03:56:14 +0330] */
static bool
take_time(Cursor *cursor, int64_t *unix_seconds)
{
	int			day;
	int			month;
	int			year;
	int			hour;
	int			minute;
	int			second;
	int			offset;

	if (!skip_char(cursor, '[') ||
		!take_digits(cursor, 2, &day) || !skip_char(cursor, '/') ||
		!take_month(cursor, &month) || !skip_char(cursor, '/') ||
		!take_digits(cursor, 4, &year) || !skip_char(cursor, ':') ||
		!take_digits(cursor, 2, &hour) || !skip_char(cursor, ':') ||
		!take_digits(cursor, 2, &minute) || !skip_char(cursor, ':') ||
		!take_digits(cursor, 2, &second) || !skip_char(cursor, ' ') ||
		!take_zone(cursor, &offset) || !skip_char(cursor, ']'))
		return false;
	if (year < 1970 || !valid_day(year, month, day) || hour > 23 || minute > 59 || second > 60)
		return false;
	*unix_seconds = days_from_epoch(year, month, day) * 86400 + hour * 3600 + minute * 60 + second - offset;
	skip_spaces(cursor);
	return true;
}

/* A number, or "-" for none. */
static bool
take_number(Cursor *cursor, int64_t *value)
{
	LogField	word;

	*value = 0;
	if (!take_word(cursor, &word) || word.length > 18)
		return false;
	for (size_t i = 0; i < word.length; i++)
	{
		if (word.start[i] < '0' || word.start[i] > '9')
			return false;
		*value = *value * 10 + (word.start[i] - '0');
	}
	return true;
}

/* "GET /x HTTP/1.1"; the target may contain spaces when a client did not encode them. */
static bool
split_request(LogField request, AccessLogLine *result)
{
	const char *end = request.start + request.length;
	const char *space = memchr(request.start, ' ', request.length);
	const char *last;

	if (space == NULL || space == request.start)
		return false;
	result->method = field_between(request.start, space);
	for (const char *c = request.start; c < space; c++)
	{
		if (!((*c >= 'A' && *c <= 'Z') || *c == '-' || *c == '_'))
			return false;
	}
	for (last = end; last > space + 1 && last[-1] != ' '; last--)
		;
	if (last > space + 1 && end - last >= 5 && strncmp(last, "HTTP/", 5) == 0)
	{
		result->protocol = field_between(last, end);
		end = last - 1;
	}
	result->target = field_between(space + 1, end);
	return result->target.length > 0;
}

const char *
access_log_parse(const char *line, size_t length, AccessLogLine *result)
{
	Cursor		cursor = {line, line + length};
	LogField	ident;
	LogField	request;
	int64_t		status;

	memset(result, 0, sizeof(*result));
	if (length == 0)
		return "empty line";
	if (!take_word(&cursor, &result->host) || result->host.length == 0)
		return "no client address";
	/* A user name may contain spaces: it ends where the time begins. */
	if (!take_word(&cursor, &ident))
		return "no time";
	{
		const char *bracket = memchr(cursor.at, '[', (size_t) (cursor.end - cursor.at));

		if (bracket == NULL || bracket == cursor.at || bracket[-1] != ' ')
			return "no time";
		result->user = field_between(cursor.at, bracket - 1);
		cursor.at = bracket;
	}
	if (!take_time(&cursor, &result->unix_seconds))
		return "time is not of the form [22/Jan/2019:03:56:14 +0330]";
	if (!take_quoted(&cursor, &request))
		return "request is not closed by a quote";
	if (!split_request(request, result))
		return "request is not of the form METHOD target PROTOCOL";
	if (!take_number(&cursor, &status) || status < 100 || status > 999)
		return "no status";
	result->status = (int) status;
	if (!take_number(&cursor, &result->bytes))
		return "no size";
	if (cursor.at == cursor.end)
		return "no referrer and user agent: common format, not combined";
	if (!take_quoted(&cursor, &result->referrer))
		return "referrer is not closed by a quote";
	if (!take_quoted(&cursor, &result->user_agent))
		return "user agent is not closed by a quote";
	return NULL;
}

size_t
access_log_unescape(LogField field, char *out)
{
	size_t		written = 0;

	for (size_t i = 0; i < field.length; i++)
	{
		const char *c = field.start + i;
		size_t		left = field.length - i - 1;

		if (*c == '\\' && left >= 3 && c[1] == 'x' && mhub_hex_digit(c[2]) >= 0 && mhub_hex_digit(c[3]) >= 0)
		{
			char		byte = (char) (mhub_hex_digit(c[2]) * 16 + mhub_hex_digit(c[3]));

			/* A NUL cannot live in a text. */
			if (byte != '\0')
				out[written++] = byte;
			i += 3;
		}
		else if (*c == '\\' && left >= 1 && (c[1] == '"' || c[1] == '\\'))
			out[written++] = field.start[++i];
		else
			out[written++] = *c;
	}
	return written;
}

LogField
access_log_path(LogField target)
{
	LogField	path = target;

	for (path.length = 0; path.length < target.length; path.length++)
	{
		if (target.start[path.length] == '?' || target.start[path.length] == '#')
			break;
	}
	return path;
}

/* Folders that hold files for pages to embed, whatever the names in them look like. */
static bool
in_asset_folder(LogField path)
{
	static const char *const folders[] = {
		"/assets/", "/css/", "/fonts/", "/image/", "/images/", "/img/", "/js/", "/static/"
	};

	for (size_t i = 0; i < sizeof(folders) / sizeof(folders[0]); i++)
	{
		size_t		length = strlen(folders[i]);

		if (path.length > length && strncasecmp(path.start, folders[i], length) == 0)
			return true;
	}
	return false;
}

static bool
has_asset_extension(LogField path)
{
	static const char *const extensions[] = {
		"avif", "bmp", "css", "eot", "gif", "ico", "jpeg", "jpg", "js", "json", "map", "mjs", "mp3", "mp4",
		"otf", "png", "svg", "ttf", "txt", "webm", "webmanifest", "webp", "woff", "woff2", "xml"
	};
	size_t		suffix = 0;

	while (suffix < path.length && suffix < 12 && path.start[path.length - suffix - 1] != '.')
		suffix++;
	if (suffix == 0 || suffix >= path.length || path.start[path.length - suffix - 1] != '.')
		return false;
	for (size_t i = 0; i < sizeof(extensions) / sizeof(extensions[0]); i++)
	{
		if (strlen(extensions[i]) == suffix &&
			strncasecmp(path.start + path.length - suffix, extensions[i], suffix) == 0)
			return true;
	}
	return false;
}

bool
access_log_is_asset(LogField target)
{
	LogField	path = access_log_path(target);

	return in_asset_folder(path) || has_asset_extension(path);
}

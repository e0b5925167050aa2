/*
 * url_clean.c
 *	  An address as it may be stored: without credentials and personal values.
 *
 * The text is edited, not taken apart and put together again: what is not
 * personal stays byte for byte as it was sent, valid address or not.
 */
#include "postgres.h"

#include "lib/stringinfo.h"
#include "mb/pg_wchar.h"
#include "traffic/click_id.h"
#include "traffic/personal.h"
#include "traffic/query.h"
#include "traffic/traffic.h"

#define REDACTED "[redacted]"
#define SHORTEST_TOKEN 16
#define SHORTEST_CODE 4

/* Behind these words of a path comes a secret. */
static const char *const secret_words[] = {
	"activate", "activation", "auth", "confirm", "confirm-email", "confirmation", "forgot-password", "invitation",
	"invite", "magic", "magic-link", "magiclink", "one-time-login", "password", "password-reset", "password_reset",
	"passwordreset", "recover", "recovery", "reset", "reset-password", "reset_password", "resetpassword",
	"set-password", "setup-password", "token", "unlock", "unsubscribe", "verification", "verify", "verify-email",
	"verify_email"
};

/* Behind these a number may be a person's telephone; everywhere else it is an article's. */
static const char *const person_words[] = {
	"account", "accounts", "call", "contact", "contacts", "customer", "customers", "member", "members", "mobile",
	"phone", "profile", "sms", "tel", "u", "user", "users"
};

static void
append_part(StringInfo out, const char *text, size_t length)
{
	appendBinaryStringInfo(out, text, (int) length);
}

/* Parameters of advertising carry long numbers that are no telephone's. */
static bool
is_campaign_parameter(const char *name)
{
	const MhubClickId *click;

	if (strncmp(name, "utm_", 4) == 0 || strncmp(name, "gad_", 4) == 0 || strncmp(name, "hsa_", 4) == 0)
		return true;
	click = mhub_find_click_id(name);
	return click != NULL && click->rank < MHUB_CLICK_QUALIFIER;
}

static bool
parameter_is_personal(const MhubQueryScan *scan)
{
	char		name[MHUB_PARAM_NAME_MAX];
	char	   *value = mhub_query_value(scan);
	bool		known;

	if (value == NULL)
		return false;
	known = mhub_query_name(scan, name);
	if (known && is_campaign_parameter(name))
		return mhub_value_is_email(value) || mhub_value_is_secret(value);
	return (known && mhub_name_is_personal(name)) || mhub_value_is_personal(value);
}

/* ?somebody@example.com: a name without a value that is no name */
static bool
name_is_personal(const MhubQueryScan *scan)
{
	char	   *name = mhub_text_decoded(scan->name, scan->name_length);

	return mhub_value_is_email(name) || mhub_value_is_secret(name);
}

static void
append_query(StringInfo out, const char *query, size_t length)
{
	char	   *text = pnstrdup(query, length);
	const char *done = text;
	MhubQueryScan scan;

	mhub_query_start(&scan, text);
	while (mhub_query_next(&scan))
	{
		bool		named = scan.value != NULL;
		const char *start = named ? scan.value : scan.name;

		if (named ? !parameter_is_personal(&scan) : !name_is_personal(&scan))
			continue;
		append_part(out, done, start - done);
		appendStringInfoString(out, REDACTED);
		done = start + (named ? scan.value_length : scan.name_length);
	}
	appendStringInfoString(out, done);
	pfree(text);
}

static bool
is_word_of(const char *segment, const char *const *words, int n_words)
{
	int			i;

	for (i = 0; i < n_words; i++)
	{
		if (pg_strcasecmp(segment, words[i]) == 0)
			return true;
	}
	return false;
}

/* Long, and with a digit or capital among its letters, or a short code: nothing that a person would name a page */
static bool
looks_like_token(const char *segment)
{
	bool		mixed = false;
	size_t		digits = strspn(segment, "0123456789");
	size_t		n;

	for (n = 0; segment[n] != '\0'; n++)
		mixed = mixed || isdigit((unsigned char) segment[n]) || isupper((unsigned char) segment[n]);
	return (mixed && n >= SHORTEST_TOKEN) || (digits == n && n >= SHORTEST_CODE);
}

static bool
segment_is_personal(const char *segment, const char *before)
{
	if (mhub_segment_is_personal(segment))
		return true;
	if (before == NULL)
		return false;
	return (is_word_of(before, secret_words, lengthof(secret_words)) && looks_like_token(segment)) ||
		(is_word_of(before, person_words, lengthof(person_words)) && mhub_value_is_personal(segment));
}

/* /cart;jsessionid=1A2B: parameters of the path's segment */
static size_t
parameters_at(const char *path, size_t length)
{
	const char *mark = memchr(path, ';', length);

	return mark != NULL && memchr(mark, '=', path + length - mark) != NULL ? (size_t) (mark - path) : length;
}

static void
append_path(StringInfo out, const char *path, size_t length)
{
	const char *end = path + length;
	char	   *before = NULL;

	while (path < end)
	{
		const char *slash = memchr(path, '/', end - path);
		size_t		n = (slash != NULL ? slash : end) - path;
		size_t		name = parameters_at(path, n);
		char	   *segment = mhub_text_decoded(path, name);

		if (segment_is_personal(segment, before))
			appendStringInfoString(out, REDACTED);
		else
			append_part(out, path, name);
		if (name < n)
		{
			appendStringInfoChar(out, ';');
			append_query(out, path + name + 1, n - name - 1);
		}
		before = segment;
		path += n;
		if (path < end)
			appendStringInfoChar(out, *path++);
	}
}

/* A router's fragment may have a path and parameters of its own. */
static void
append_fragment(StringInfo out, const char *fragment)
{
	size_t		path = strcspn(fragment, "?");

	if (fragment[path] == '?')
	{
		append_path(out, fragment, path);
		appendStringInfoChar(out, '?');
		append_query(out, fragment + path + 1, strlen(fragment + path + 1));
	}
	else if (strchr(fragment, '=') != NULL)
		append_query(out, fragment, path);
	else
		append_path(out, fragment, path);
}

/* scheme://user:password@host, or without its scheme, without user and password; returns what follows the host */
static const char *
append_authority(StringInfo out, const char *url)
{
	const char *start = strstr(url, "//");
	const char *at = NULL;
	size_t		length;
	size_t		i;

	if (start == NULL || start > url + strcspn(url, "/?#") || (start > url && start[-1] != ':'))
		return url;
	start += 2;
	length = strcspn(start, "/?#");
	for (i = 0; i < length; i++)
	{
		if (start[i] == '@')
			at = start + i + 1;
	}
	append_part(out, url, start - url);
	append_part(out, at != NULL ? at : start, start + length - (at != NULL ? at : start));
	return start + length;
}

char *
mhub_url_cleaned(const char *url)
{
	size_t		length = strnlen(url, MHUB_URL_MAX + 1);
	char	   *text;
	const char *at;
	size_t		n;
	StringInfoData out;

	if (length > MHUB_URL_MAX)
		length = pg_mbcliplen(url, (int) length, MHUB_URL_MAX);
	text = pnstrdup(url, length);
	initStringInfo(&out);
	at = append_authority(&out, text);
	n = strcspn(at, "?#");
	append_path(&out, at, n);
	at += n;
	if (*at == '?')
	{
		n = strcspn(++at, "#");
		appendStringInfoChar(&out, '?');
		append_query(&out, at, n);
		at += n;
	}
	if (*at == '#')
	{
		appendStringInfoChar(&out, '#');
		append_fragment(&out, at + 1);
	}
	pfree(text);
	return out.data;
}

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

/* Behind these words of a path comes a secret. */
static const char *const secret_words[] = {
	"activate", "activation", "auth", "confirm", "confirm-email", "confirmation", "forgot-password", "invitation",
	"invite", "magic", "magic-link", "magiclink", "one-time-login", "password", "password-reset", "password_reset",
	"passwordreset", "recover", "recovery", "reset", "reset-password", "reset_password", "resetpassword",
	"set-password", "setup-password", "token", "unlock", "unsubscribe", "verification", "verify", "verify-email",
	"verify_email"
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

static void
append_query(StringInfo out, const char *query, size_t length)
{
	char	   *text = pnstrdup(query, length);
	const char *done = text;
	MhubQueryScan scan;

	mhub_query_start(&scan, text);
	while (mhub_query_next(&scan))
	{
		if (scan.value == NULL || !parameter_is_personal(&scan))
			continue;
		append_part(out, done, scan.value - done);
		appendStringInfoString(out, REDACTED);
		done = scan.value + scan.value_length;
	}
	appendStringInfoString(out, done);
	pfree(text);
}

static bool
is_secret_word(const char *segment)
{
	int			i;

	for (i = 0; i < (int) lengthof(secret_words); i++)
	{
		if (pg_strcasecmp(segment, secret_words[i]) == 0)
			return true;
	}
	return false;
}

/* Long, and with a digit or capital among its letters: nothing that a person would name a page */
static bool
looks_like_token(const char *segment)
{
	bool		mixed = false;
	size_t		n;

	for (n = 0; segment[n] != '\0'; n++)
		mixed = mixed || isdigit((unsigned char) segment[n]) || isupper((unsigned char) segment[n]);
	return mixed && n >= SHORTEST_TOKEN;
}

static void
append_path(StringInfo out, const char *path, size_t length)
{
	const char *end = path + length;
	bool		after_secret_word = false;

	while (path < end)
	{
		size_t		n = 0;
		char	   *segment;

		while (path + n < end && path[n] != '/')
			n++;
		segment = mhub_text_decoded(path, n);
		if (mhub_value_is_email(segment) || mhub_value_is_secret(segment) ||
			(after_secret_word && looks_like_token(segment)))
			appendStringInfoString(out, REDACTED);
		else
			append_part(out, path, n);
		after_secret_word = is_secret_word(segment);
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

/* scheme://user:password@host without user and password; returns what follows the host */
static const char *
append_authority(StringInfo out, const char *url)
{
	const char *start = strstr(url, "://");
	const char *at = NULL;
	size_t		length;
	size_t		i;

	if (start == NULL || start > url + strcspn(url, "/?#") - 1)
		return url;
	start += 3;
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

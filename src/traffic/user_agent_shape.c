/*
 * user_agent_shape.c
 *	  Shapes that no browser's user agent has.
 *
 * Words only find robots that somebody has met.  What a robot adds to a
 * browser's user agent also shows by its place: a guest in the engine's
 * comment, an introduction behind it, a library in front, a mailbox, the name
 * of a web site.
 */
#include "traffic/user_agent.h"

#include "common/ascii.h"

static bool
is_name_char(char c)
{
	return mhub_is_letter(c) || mhub_is_digit(c) || c == '-';
}

/* Top-level domains that appear in user agents as the end of a site's name, and little else */
static bool
is_site_ending(const char *label, size_t length)
{
	static const char *const endings[] = {
		"ai", "app", "biz", "ca", "ch", "cloud", "cn", "co", "com", "cz", "de", "dev", "edu", "es", "eu", "fr",
		"gg", "gov", "gy", "in", "info", "io", "it", "jp", "ly", "me", "net", "nl", "org", "pl", "ru", "se",
		"sh", "so", "tech", "uk", "us", "xyz"
	};
	int			i;

	for (i = 0; i < (int) lengthof(endings); i++)
	{
		if (strlen(endings[i]) == length && strncmp(label, endings[i], length) == 0)
			return true;
	}
	return false;
}

int
mhub_ua_letters(const char *text, size_t length)
{
	int			n = 0;
	size_t		i;

	for (i = 0; i < length; i++)
		n += mhub_is_letter(text[i]);
	return n;
}

/* name.ending at a dot, whole: nothing of a name before or behind it, so not com.example.app */
static bool
site_at(const char *text, const char *dot)
{
	const char *start = dot;
	const char *end = dot + 1;

	while (start > text && is_name_char(start[-1]))
		start--;
	while (is_name_char(*end))
		end++;
	if (*end == '.' || *end == '_' || (*end == '/' && mhub_is_digit(end[1])) || (start > text && start[-1] == '_'))
		return false;
	if (mhub_ua_letters(start, dot - start) < 2 || dot - start < 3 + (end - dot <= 3 ? 0 : -1))
		return false;
	return is_site_ending(dot + 1, end - dot - 1);
}

/* Does it name a web site, as in Scope3/2.0 (scope3.com)? */
bool
mhub_ua_names_a_site(const char *text)
{
	const char *dot;

	if (strstr(text, "com.") != NULL)
		return false;			/* the names of Android's packages are written the other way round */
	for (dot = strchr(text, '.'); dot != NULL; dot = strchr(dot + 1, '.'))
	{
		if (site_at(text, dot))
			return true;
	}
	return false;
}

/* somebody@example.com; people's have an @ before a version, a calendar or a host's number */
bool
mhub_ua_has_mailbox(const char *text)
{
	const char *at;

	for (at = strchr(text, '@'); at != NULL; at = strchr(at + 1, '@'))
	{
		const char *end = at + 1;
		const char *dot;

		if (at == text || !(is_name_char(at[-1]) || at[-1] == '_'))
			continue;
		while (is_name_char(*end) || *end == '.')
			end++;
		while (end[-1] == '.')
			end--;
		for (dot = end - 1; dot > at && *dot != '.';)
			dot--;
		if (dot > at + 1 && end - dot > 2 && mhub_ua_letters(dot + 1, end - dot - 1) == end - dot - 1)
			return true;
	}
	return false;
}

/* 240x320, 480*800, 320x240x64k: a screen, two to four digits each way and nothing of a word beyond them, which no program has */
bool
mhub_ua_has_screen(const char *text)
{
	const char *cross;

	for (cross = text + strcspn(text, "x*"); *cross != '\0'; cross += 1 + strcspn(cross + 1, "x*"))
	{
		const char *start = cross;
		size_t		height = strspn(cross + 1, "0123456789");

		while (start > text && mhub_is_digit(start[-1]))
			start--;
		if (cross - start >= 2 && cross - start <= 4 && !(start > text && mhub_is_letter(start[-1])) &&
			height >= 2 && height <= 4 && (cross[1 + height] == 'x' || !mhub_is_letter(cross[1 + height])))
			return true;
	}
	return false;
}

/* Name/1715201908281: the time in milliseconds, with which programs tell their calls apart */
bool
mhub_ua_stamps_time(const char *text)
{
	const char *slash;

	for (slash = strstr(text, "/1"); slash != NULL; slash = strstr(slash + 1, "/1"))
	{
		if (strspn(slash + 1, "0123456789") == 13)
			return true;
	}
	return false;
}

/* Is there anything behind "like Gecko" within the engine's comment? */
bool
mhub_ua_engine_has_guest(const char *text)
{
	const char *engine = strstr(text, "(khtml");
	const char *end;
	const char *at;

	if (engine == NULL || (end = strchr(engine, ')')) == NULL)
		return false;
	at = strstr(engine, "like gecko");
	if (at == NULL || at > end)
		return false;
	at += strlen("like gecko");
	at += strspn(at, " ,;");
	return at < end && strncmp(at, "safari", 6) != 0 && strncmp(at, "hevc", 4) != 0;
}

/* Browsers call themselves compatible in their first comment only, never behind a newer engine's name. */
bool
mhub_ua_introduces_itself_late(const char *text)
{
	const char *safari = strstr(text, "safari/");

	return safari != NULL && strstr(safari, "compatible;") != NULL;
}

/* A library's name, then the browser's user agent that it was told to send: hackney/1.6, Mozilla/5.0 ... */
bool
mhub_ua_follows_another(const char *text)
{
	const char *browser = strstr(text, ", mozilla/");

	return browser != NULL && strcspn(text, "(") > (size_t) (browser - text) && strncmp(text, "mozilla/", 8) != 0;
}

/* ipad, android, chrome: a small word alone is no device's or browser's whole user agent. */
bool
mhub_ua_is_small_word(const char *user_agent, size_t length)
{
	size_t		i;

	for (i = 0; i < length; i++)
	{
		if (user_agent[i] < 'a' || user_agent[i] > 'z')
			return false;
	}
	return true;
}

/* en, en-US, zh_CN, th-TH@calendar=gregorian */
bool
mhub_ua_is_language(const char *item, size_t length)
{
	size_t		tag = 0;

	while (tag < length && item[tag] != '@')
		tag++;
	return tag <= 2 || (tag <= 6 && (item[2] == '-' || item[2] == '_'));
}

/*
 * The device's model in an Android browser's comment: what follows the
 * version (and in older ones the language), up to the next border.  Devices
 * are called Spider or M Bot.
 */
bool
mhub_ua_model(const char *text, size_t *start, size_t *end)
{
	const char *at = strstr(text, "(linux; ");
	size_t		length;

	if (at == NULL || (at = strstr(at, "android")) == NULL)
		return false;
	at += strcspn(at, ";)");
	if (*at != ';')
		return false;
	at += 1 + strspn(at + 1, " ");
	length = strcspn(at, ";)");
	if (at[length] == ';' && mhub_ua_is_language(at, length))
	{
		at += length + 1;
		at += strspn(at, " ");
		length = strcspn(at, ";)");
	}
	*start = at - text;
	*end = *start + length;
	return length > 0;
}

/*
 * user_agent_shape.c
 *	  Shapes that no browser's user agent has.
 *
 * Words only find robots that somebody has met.  What a robot adds to a
 * browser's user agent also shows by its place: a product after the browser's
 * own, a guest in the engine's comment, something in the platform's comment
 * that is no platform, the name of a web site.
 */
#include "traffic/user_agent.h"

#define PRODUCT_MAX 40

static bool
is_name_char(char c)
{
	return isalnum((unsigned char) c) || c == '-';
}

/* Top-level domains that appear in user agents as the end of a site's name, and little else */
static bool
is_site_ending(const char *label, size_t length)
{
	static const char *const endings[] = {
		"ai", "app", "biz", "ca", "ch", "cloud", "cn", "co", "com", "cz", "de", "dev", "edu", "es", "eu", "fr",
		"gg", "gov", "gy", "in", "info", "io", "it", "jp", "ly", "me", "net", "nl", "org", "pl", "ru", "se",
		"sh", "so", "tech", "tv", "uk", "us", "xyz"
	};
	int			i;

	for (i = 0; i < (int) lengthof(endings); i++)
	{
		if (strlen(endings[i]) == length && strncmp(label, endings[i], length) == 0)
			return true;
	}
	return false;
}

static int
letters_in(const char *text, size_t length)
{
	int			n = 0;
	size_t		i;

	for (i = 0; i < length; i++)
		n += isalpha((unsigned char) text[i]) != 0;
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
	if (*end == '.' || *end == '_' || (start > text && start[-1] == '_'))
		return false;
	if (letters_in(start, dot - start) < 2 || dot - start < 3 + (end - dot <= 3 ? 0 : -1))
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

static int
compare_word(const void *key, const void *entry)
{
	return strcmp((const char *) key, *(const char *const *) entry);
}

/* A browser's product; versions and punctuation standing alone are none but harmless */
static bool
product_is_known(const char *start, size_t length)
{
	char		name[PRODUCT_MAX];
	size_t		n = strcspn(start, "/");

	n = Min(n, length);
	while (n > 0 && strchr(",;:", start[n - 1]) != NULL)
		n--;
	if (letters_in(start, n) == 0)
		return n > 0 || length == 0;
	if (n >= PRODUCT_MAX)
		return false;
	memcpy(name, start, n);
	name[n] = '\0';
	return strstr(name, "browser") != NULL ||
		bsearch(name, mhub_ua_products, mhub_n_ua_products, sizeof(char *), compare_word) != NULL;
}

/* Behind the comment that starts at text; comments nest. */
static const char *
skip_comment(const char *text)
{
	int			depth = 0;

	for (; *text != '\0'; text++)
	{
		if (*text == '(' || *text == '[')
			depth++;
		else if ((*text == ')' || *text == ']') && --depth == 0)
			return text + 1;
	}
	return text;
}

/* A product, outside comments, that no desktop browser names */
bool
mhub_ua_has_unknown_product(const char *text)
{
	while (*text != '\0')
	{
		size_t		length = strcspn(text, " ([");

		if (*text == '(' || *text == '[')
			text = skip_comment(text);
		else if (length == 0)
			text++;
		else if (!product_is_known(text, length))
			return true;
		else
			text += length;
	}
	return false;
}

/* en, en-US, zh_CN */
static bool
is_language(const char *item, size_t length)
{
	return length <= 2 || (length <= 6 && (item[2] == '-' || item[2] == '_'));
}

static bool
platform_is_known(const char *item, size_t length)
{
	int			i;

	if (is_language(item, length) || letters_in(item, length) == 0)
		return true;
	for (i = 0; i < mhub_n_ua_platforms; i++)
	{
		size_t		n = strlen(mhub_ua_platforms[i]);

		if (length >= n && strncmp(item, mhub_ua_platforms[i], n) == 0)
			return true;
	}
	return false;
}

/* Something in the first comment that is no platform, language or revision */
bool
mhub_ua_has_unknown_platform(const char *text)
{
	const char *at;
	const char *end;

	if (strncmp(text, "mozilla/5.0 (", 13) != 0)
		return false;
	end = skip_comment(text + 12) - 1;
	for (at = text + 13; at < end;)
	{
		size_t		length;

		at += strspn(at, " ");
		length = strcspn(at, ";");
		length = Min(length, (size_t) (end - at));
		if (!platform_is_known(at, length))
			return true;
		at += length + 1;
	}
	return false;
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
	if (at[length] == ';' && is_language(at, length))
	{
		at += length + 1;
		at += strspn(at, " ");
		length = strcspn(at, ";)");
	}
	*start = at - text;
	*end = *start + length;
	return length > 0;
}

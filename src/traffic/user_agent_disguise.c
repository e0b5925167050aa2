/*
 * user_agent_disguise.c
 *	  Is a plain browser's user agent a robot's disguise?
 *
 * A plain browser of a desktop or phone says so little that anything unknown
 * in it stands out: a product that no browser names, something in the
 * platform's comment that is no platform.  New browsers are told from robots
 * by what they share with the browser they were made of: its numbers, its
 * place, its name.
 */
#include "traffic/user_agent.h"

#include "common/ascii.h"

#define PRODUCT_MAX 40

static int
compare_word(const void *key, const void *entry)
{
	return strcmp((const char *) key, *(const char *const *) entry);
}

/* The first number of the version of a product; -1 where there is none */
static int
version_of(const char *text, const char *product)
{
	const char *at = strstr(text, product);

	if (at == NULL || !mhub_is_digit(at[strlen(product)]))
		return -1;
	return atoi(at + strlen(product));
}

/* 1.42.501.426, 5.100.07: numbered as builds of browsers and apps are, unlike 2.1 or 2.9.7.2 */
static bool
is_build_number(const char *version)
{
	size_t		length = strspn(version, "0123456789.");
	int			dots = 0;
	size_t		i;

	for (i = 0; i < length; i++)
		dots += version[i] == '.';
	return length >= 8 && dots >= 2;
}

/* Directly behind the engine, in place of Firefox; or between Chrome and Safari, with more of a version than programs have */
static bool
stands_where_browsers_do(const char *text, const char *product, const char *version)
{
	const char *engine = strstr(text, "gecko/");
	const char *safari = strstr(text, " safari/");

	if (engine != NULL && engine < product)
		return engine + strcspn(engine, " ") + 1 == product && strstr(text, "firefox/") == NULL;
	engine = strstr(text, "chrome/");
	return engine != NULL && engine < product && safari != NULL && product < safari &&
		strspn(version, "0123456789.") > 3;
}

/*
 * A browser made of another: it goes by the other's version, is numbered like
 * it, stands before it, or is called a browser or a Something-fox.
 */
static bool
is_offspring(const char *text, const char *name, const char *product, size_t length)
{
	const char *version = strchr(product, '/');

	if (strstr(name, "browser") != NULL || strstr(name, "chrom") != NULL || strstr(name, "fox") != NULL ||
		strstr(name, "zilla") != NULL)
		return true;
	if (version == NULL || version >= product + length || !mhub_is_digit(version[1]))
		return false;
	version++;
	if (is_build_number(version) || strncmp(product + length, " chrome/", 8) == 0 ||
		stands_where_browsers_do(text, product, version))
		return true;
	return atoi(version) == version_of(text, "chrome/") || atoi(version) == version_of(text, "firefox/") ||
		atoi(version) == version_of(text, "; rv:");
}

/* A browser's product; versions and punctuation standing alone are none but harmless */
static bool
product_is_known(const char *text, const char *start, size_t length)
{
	char		name[PRODUCT_MAX];
	size_t		n = strcspn(start, "/");

	n = Min(n, length);
	while (n > 0 && strchr(",;:", start[n - 1]) != NULL)
		n--;
	if (mhub_ua_letters(start, n) == (*start == 'v'))
		return n > 0 || length == 0 || mhub_is_digit(start[1]);
	if (n >= PRODUCT_MAX)
		return false;
	memcpy(name, start, n);
	name[n] = '\0';
	return bsearch(name, mhub_ua_products, mhub_n_ua_products, sizeof(char *), compare_word) != NULL ||
		bsearch(name, mhub_ua_platforms, mhub_n_ua_platforms, sizeof(char *), compare_word) != NULL ||
		is_offspring(text, name, start, length);
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

/* A product, outside comments, that no plain browser names */
static bool
has_unknown_product(const char *text, const char *at)
{
	while (*at != '\0')
	{
		size_t		length = strcspn(at, " ([");

		if (*at == '(' || *at == '[')
			at = skip_comment(at);
		else if (length == 0)
			at++;
		else if (!product_is_known(text, at, length))
			return true;
		else
			at += length;
	}
	return false;
}

/* windows nt 10.0, rv:109.0, linux/smarttv: the platform's word, and what it says of itself */
static bool
platform_is_known(const char *item, size_t length)
{
	int			i;

	if (mhub_ua_is_language(item, length) || mhub_ua_letters(item, length) == 0)
		return true;
	for (i = 0; i < mhub_n_ua_platforms; i++)
	{
		size_t		n = strlen(mhub_ua_platforms[i]);

		if (length >= n && strncmp(item, mhub_ua_platforms[i], n) == 0 && mhub_ua_letters(item + n, 1) == 0)
			return true;
	}
	return false;
}

/* Something in the first comment that is no platform, language or revision */
static bool
has_unknown_platform(const char *text)
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

/* Old browsers' comments name all sorts of things. */
bool
mhub_ua_desktop_is_disguise(const char *text, bool old)
{
	return has_unknown_product(text, text) || (!old && has_unknown_platform(text));
}

static bool
starts(const char *text, const char *with)
{
	return strncmp(text, with, strlen(with)) == 0;
}

/*
 * Behind the products of a phone's Safari or Chrome; NULL for an app's page,
 * which looks different and names the app.
 */
static const char *
behind_plain_phone(const char *text)
{
	const char *own;
	const char *end;

	if (starts(text, "mozilla/5.0 (iphone; ") || starts(text, "mozilla/5.0 (ipad; ") || starts(text, "mozilla/5.0 (ipod"))
		own = strstr(text, "(khtml, like gecko) version/");
	else if (starts(text, "mozilla/5.0 (linux; android") || starts(text, "mozilla/5.0 (linux; u; android"))
		own = strstr(text, "wv)") == NULL ? strstr(text, "(khtml, like gecko) chrome/") : NULL;
	else
		return NULL;
	if (own == NULL || (end = strstr(own, " safari/")) == NULL || memchr(own + 1, '(', end - own - 1) != NULL)
		return NULL;
	end++;
	end += strcspn(end, " ;");
	return *end == ' ' ? end : NULL;
}

/* Behind such a phone's own products only other browsers name themselves. */
bool
mhub_ua_phone_is_disguise(const char *text)
{
	const char *end = behind_plain_phone(text);

	return end != NULL && has_unknown_product(text, end);
}

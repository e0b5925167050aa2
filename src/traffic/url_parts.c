/*
 * url_parts.c
 *	  An address taken apart, by libcurl's URL API.
 */
#include "traffic/url_parts.h"

#include <curl/curl.h>

#include "mb/pg_wchar.h"
#include "traffic/punycode.h"
#include "traffic/traffic.h"

/* 7.78 brought it; an older one refuses addresses with blanks */
#ifndef CURLU_ALLOW_SPACE
#define CURLU_ALLOW_SPACE 0
#endif

/* One handle a backend: setting the whole URL forgets the one before. */
static CURLU *handle = NULL;

static char *
part(CURLUPart which)
{
	char	   *text;
	char	   *copy;

	if (curl_url_get(handle, which, &text, 0) != CURLUE_OK)
		return NULL;
	copy = pstrdup(text);
	curl_free(text);
	return copy;
}

static void
lower_ascii(char *text)
{
	for (; *text != '\0'; text++)
		*text = pg_ascii_tolower((unsigned char) *text);
}

/* Lower case, punycode, no trailing dot: two spellings of a host become one. */
char *
mhub_host_normalised(const char *host)
{
	char	   *name = mhub_punycode_host(host);
	size_t		length = strlen(name);

	lower_ascii(name);
	while (length > 0 && name[length - 1] == '.')
		name[--length] = '\0';
	return name;
}

/*
 * As browsers read it: blanks around it do not count, nor do breaks and tabs
 * within; without a scheme it is taken as a page's.
 */
static char *
tidied(const char *url)
{
	size_t		length;
	char	   *text;
	size_t		n = 0;
	size_t		i;

	url += strspn(url, " \t\r\n\f");
	length = strnlen(url, MHUB_URL_MAX + 1);
	if (length > MHUB_URL_MAX)
		length = pg_mbcliplen(url, length, MHUB_URL_MAX);
	while (length > 0 && url[length - 1] == ' ')
		length--;
	text = palloc(length + sizeof("https:"));
	if (url[0] == '/' && url[1] == '/')
		n = sprintf(text, "https:");
	for (i = 0; i < length; i++)
	{
		if (strchr("\t\r\n", url[i]) == NULL)
			text[n++] = url[i];
	}
	text[n] = '\0';
	return text;
}

/* /path, ?query, or pages/index/index?scene=1047 as mini programs write it: nothing of a scheme or sentence before the query */
static bool
is_relative(const char *url)
{
	size_t		n = strcspn(url, "?#: ");

	return url[0] == '/' || url[0] == '?' || (n > 0 && url[n] == '?');
}

/* An address without scheme and host, as a router reports it: /path?query#fragment */
static void
split_relative(char *url, MhubUrl *parts)
{
	char	   *mark;

	if ((mark = strchr(url, '#')) != NULL)
	{
		*mark = '\0';
		parts->fragment = mark + 1;
	}
	if ((mark = strchr(url, '?')) != NULL)
	{
		*mark = '\0';
		parts->query = mark + 1;
	}
	parts->path = url;
}

static bool
set_url(const char *url)
{
	if (handle == NULL && (handle = curl_url()) == NULL)
		ereport(ERROR, (errcode(ERRCODE_OUT_OF_MEMORY), errmsg("out of memory")));
	/* else the new one would be taken as relative to the one before */
	curl_url_set(handle, CURLUPART_URL, NULL, 0);
	return curl_url_set(handle, CURLUPART_URL, url,
						CURLU_NON_SUPPORT_SCHEME | CURLU_ALLOW_SPACE | CURLU_PATH_AS_IS) == CURLUE_OK;
}

/* The host as it was written: libcurl takes a number for an IPv4 address, but apps have numbers too. */
static char *
host_as_written(const char *url)
{
	const char *start = strstr(url, "://");

	return start == NULL ? NULL : pnstrdup(start + 3, strcspn(start + 3, "/?#:"));
}

/* False, and no parts, for what is no address.  A relative one is one of an unknown host. */
bool
mhub_url_split(const char *url, MhubUrl *parts)
{
	char	   *text = tidied(url);
	char	   *host;

	memset(parts, 0, sizeof(*parts));
	if (is_relative(text))
	{
		split_relative(text, parts);
		return true;
	}
	if (!set_url(text))
	{
		pfree(text);
		return false;
	}
	if ((host = part(CURLUPART_HOST)) == NULL)
		return false;
	parts->scheme = part(CURLUPART_SCHEME);
	lower_ascii(parts->scheme);
	if (strcmp(parts->scheme, "ios-app") == 0)
		host = host_as_written(text);
	parts->host = mhub_host_normalised(host);
	pfree(host);
	pfree(text);
	parts->port = part(CURLUPART_PORT);
	parts->path = part(CURLUPART_PATH);
	parts->query = part(CURLUPART_QUERY);
	parts->fragment = part(CURLUPART_FRAGMENT);
	return true;
}

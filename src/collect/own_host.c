/*
 * own_host.c
 *	  Which host an access log belongs to: the log itself does not say.
 */
#include "collect/own_host.h"

#include <ctype.h>

#include "collect/access_log.h"
#include "miscadmin.h"
#include "utils/hsearch.h"

#define OWN_HOST_LINES 20000
#define OWN_HOST_LENGTH 256

typedef struct HostCount
{
	char		host[OWN_HOST_LENGTH];	/* hash key */
	int			count;
} HostCount;

/* "https://www.example.com:8080/x" -> "www.example.com"; false where there is none. */
static bool
host_of(LogField url, char *host)
{
	const char *end = url.start + url.length;
	const char *c = url.start;
	size_t		length = 0;

	while (c + 2 < end && !(c[0] == ':' && c[1] == '/' && c[2] == '/'))
		c++;
	for (c += 3; c < end && length < OWN_HOST_LENGTH - 1; c++)
	{
		if (!isalnum((unsigned char) *c) && *c != '.' && *c != '-')
			break;
		host[length++] = (char) tolower((unsigned char) *c);
	}
	host[length] = '\0';
	return length > 0 && strchr(host, '.') != NULL;
}

static void
count_host(HTAB *hosts, const char *host)
{
	bool		found;
	HostCount  *entry = hash_search(hosts, host, HASH_ENTER, &found);

	entry->count = found ? entry->count + 1 : 1;
}

/* Of equal counts the first in alphabetical order, so that the answer does not depend on the hash. */
static char *
most_frequent(HTAB *hosts)
{
	HASH_SEQ_STATUS scan;
	HostCount  *entry;
	HostCount  *best = NULL;

	hash_seq_init(&scan, hosts);
	while ((entry = hash_seq_search(&scan)) != NULL)
	{
		if (best == NULL || entry->count > best->count ||
			(entry->count == best->count && strcmp(entry->host, best->host) < 0))
			best = entry;
	}
	return best != NULL ? pstrdup(best->host) : NULL;
}

char *
own_host_of_log(LineSource *source)
{
	HASHCTL		control = {.keysize = OWN_HOST_LENGTH, .entrysize = sizeof(HostCount), .hcxt = CurrentMemoryContext};
	HTAB	   *hosts = hash_create("hosts of an access log", 64, &control, HASH_ELEM | HASH_STRINGS | HASH_CONTEXT);
	const char *line;
	size_t		length;
	char		host[OWN_HOST_LENGTH];
	AccessLogLine parsed;
	char	   *result;

	for (int n = 0; n < OWN_HOST_LINES && line_source_next(source, &line, &length); n++)
	{
		CHECK_FOR_INTERRUPTS();
		if (access_log_parse(line, length, &parsed) == NULL &&
			access_log_is_asset(parsed.target) && host_of(parsed.referrer, host))
			count_host(hosts, host);
	}
	result = most_frequent(hosts);
	hash_destroy(hosts);
	line_source_rewind(source);
	return result;
}

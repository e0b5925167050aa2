/*
 * landing_page.c
 *	  mhub.landing_page(): an address as reports name it.
 */
#include "mhub.h"

#include "utils/builtins.h"

PG_FUNCTION_INFO_V1(mhub_landing_page);

/* The length of a leading scheme with its ://, 0 when there is none. */
static int
scheme_length(const char *url, int length)
{
	int			n = 0;

	if (length == 0 || !isalpha((unsigned char) url[0]) || (url[0] & 0x80) != 0)
		return 0;
	while (n < length && (url[n] & 0x80) == 0 && (isalnum((unsigned char) url[n]) || strchr("+.-", url[n]) != NULL) && url[n] != '\0')
		n++;
	return length - n >= 3 && memcmp(url + n, "://", 3) == 0 ? n + 3 : 0;
}

/* Without scheme, query, fragment and trailing slashes. */
Datum
mhub_landing_page(PG_FUNCTION_ARGS)
{
	const text *url = PG_GETARG_TEXT_PP(0);
	const char *begin = VARDATA_ANY(url);
	int			length = VARSIZE_ANY_EXHDR(url);
	int			scheme = scheme_length(begin, length);
	int			end = scheme;

	while (end < length && begin[end] != '?' && begin[end] != '#')
		end++;
	while (end > scheme && begin[end - 1] == '/')
		end--;
	if (end == scheme)
		PG_RETURN_NULL();
	PG_RETURN_TEXT_P(cstring_to_text_with_len(begin + scheme, end - scheme));
}

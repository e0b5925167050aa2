/*
 * encoding.c
 *	  Bytes from outside, which may or may not be valid UTF-8.
 */
#include "common/encoding.h"

#include "catalog/namespace.h"
#include "mb/pg_wchar.h"

/* The conversion from UTF-8 to the server's encoding; it does not change in the life of a backend. */
static Oid
conversion_from_utf8(void)
{
	static Oid	conversion = InvalidOid;

	if (!OidIsValid(conversion))
		conversion = FindDefaultConversionProc(PG_UTF8, GetDatabaseEncoding());
	return conversion;
}

static char *
converted(const char *bytes, int length)
{
	int			room = length * MAX_CONVERSION_GROWTH + 1;
	char	   *result = palloc(room);
	Oid			conversion = conversion_from_utf8();

	if (!OidIsValid(conversion) ||
		pg_do_encoding_conversion_buf(conversion, PG_UTF8, GetDatabaseEncoding(),
									  (unsigned char *) unconstify(char *, bytes), length,
									  (unsigned char *) result, room, true) != length)
		return NULL;
	return result;
}

char *
mhub_from_utf8(const char *bytes, size_t length)
{
	int			server_encoding = GetDatabaseEncoding();

	if (memchr(bytes, '\0', length) != NULL || length > INT_MAX / MAX_CONVERSION_GROWTH - 1)
		return NULL;
	if (server_encoding == PG_SQL_ASCII)
		return pnstrdup(bytes, length);
	if (!pg_verify_mbstr(PG_UTF8, bytes, (int) length, true))
		return NULL;
	if (server_encoding == PG_UTF8)
		return pnstrdup(bytes, length);
	return converted(bytes, (int) length);
}

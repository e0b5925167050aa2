/*
 * utf8.h
 *	  From the database's encoding to UTF-8 and back.
 *
 * An SQL_ASCII database says nothing about its bytes: they pass as they are.
 * (PostgreSQL's own conversions would verify them, and quote what they refuse.)
 */
#ifndef MHUB_PRIVACY_UTF8_H
#define MHUB_PRIVACY_UTF8_H

#include "common/pgcompat.h"

#include "mb/pg_wchar.h"

static inline char *
mhub_to_utf8(const char *text)
{
	if (GetDatabaseEncoding() == PG_SQL_ASCII)
		return (char *) text;
	return pg_server_to_any(text, (int) strlen(text), PG_UTF8);
}

static inline char *
mhub_from_utf8(char *text)
{
	if (GetDatabaseEncoding() == PG_SQL_ASCII)
		return text;
	return pg_any_to_server(text, (int) strlen(text), PG_UTF8);
}

#endif							/* MHUB_PRIVACY_UTF8_H */

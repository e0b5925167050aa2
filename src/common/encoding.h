/*
 * encoding.h
 *	  Bytes from outside, which may or may not be valid UTF-8.
 */
#ifndef MHUB_ENCODING_H
#define MHUB_ENCODING_H

#include "common/pgcompat.h"

/*
 * The bytes as a NUL-terminated string in the server's encoding, palloc'd; NULL
 * when they are not valid UTF-8, hold a NUL, or have no counterpart in the
 * server's encoding.  Never an error.  Where the server's encoding is
 * SQL_ASCII, the bytes are taken as they are.
 */
extern char *mhub_from_utf8(const char *bytes, size_t length);

#endif							/* MHUB_ENCODING_H */

/*
 * enc_text.h
 *	  Text form of values of mhub.enc, for statements' parameters: the type's
 *	  own number is not known beforehand.
 */
#ifndef MHUB_IDENTITY_ENC_TEXT_H
#define MHUB_IDENTITY_ENC_TEXT_H

#include "common/pgcompat.h"

#include "utils/builtins.h"

static inline Datum
identity_enc_text(const bytea *sealed)
{
	int			length = VARSIZE_ANY_EXHDR(sealed);
	char	   *hex = palloc(length * 2 + 3);

	memcpy(hex, "\\x", 2);
	hex[2 + hex_encode(VARDATA_ANY(sealed), length, hex + 2)] = '\0';
	return CStringGetTextDatum(hex);
}

#endif							/* MHUB_IDENTITY_ENC_TEXT_H */

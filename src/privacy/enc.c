/*
 * enc.c
 *	  Type mhub.enc: input, output, and taking a value apart.
 *
 * Input and output are the identity (\x and hexadecimal digits, as bytea), so
 * that dump and restore need neither key nor trigger.
 */
#include "mhub.h"

#include "privacy/enc.h"

#include "libpq/pqformat.h"
#include "port/pg_bswap.h"
#include "utils/builtins.h"

PG_FUNCTION_INFO_V1(mhub_enc_in);
PG_FUNCTION_INFO_V1(mhub_enc_out);
PG_FUNCTION_INFO_V1(mhub_enc_recv);
PG_FUNCTION_INFO_V1(mhub_enc_send);

pg_noreturn static void
bad_ciphertext(const char *detail)
{
	ereport(ERROR,
			(errcode(ERRCODE_MHUB_BAD_CIPHERTEXT),
			 errmsg("malformed value of type mhub.enc"),
			 errdetail("%s", detail),
			 errhidestmt(true), errhidecontext(true)));
}

/* The header of a new value */
void
mhub_enc_header(MhubEncScope scope, bool padded, uint32 key_version, int64 key_id, uint8 *header)
{
	uint32		version = pg_hton32(key_version);
	uint64		id = pg_hton64((uint64) key_id);

	header[0] = MHUB_ENC_VERSION;
	header[1] = MHUB_ENC_AES_256_GCM;
	header[2] = (uint8) scope;
	header[3] = padded ? MHUB_ENC_PADDED : 0;
	memcpy(header + 4, &version, 4);
	memcpy(header + 8, &id, 8);
}

/* Takes a value apart, whatever its length and bytes; MH005 for what this version cannot read. */
void
mhub_enc_parts(const bytea *sealed, MhubEncParts *parts)
{
	const uint8 *start = (const uint8 *) VARDATA_ANY(sealed);
	int			len = (int) VARSIZE_ANY_EXHDR(sealed);
	uint64		id;

	if (len < MHUB_ENC_OVERHEAD)
		bad_ciphertext("It is too short.");
	if (start[0] != MHUB_ENC_VERSION || start[1] != MHUB_ENC_AES_256_GCM || (start[3] & ~MHUB_ENC_PADDED) != 0 ||
		(start[2] != MHUB_ENC_PERSON && start[2] != MHUB_ENC_SECRET))
		bad_ciphertext("Its format, algorithm or kind of key is not known to this version of mhub.");
	memcpy(&id, start + 8, 8);
	parts->scope = (MhubEncScope) start[2];
	parts->padded = (start[3] & MHUB_ENC_PADDED) != 0;
	parts->key_id = (int64) pg_ntoh64(id);
	parts->header = start;
	parts->nonce = start + MHUB_ENC_HEADER_LEN;
	parts->cipher = parts->nonce + MHUB_NONCE_LEN;
	parts->cipher_len = len - MHUB_ENC_OVERHEAD;
	parts->tag = parts->cipher + parts->cipher_len;
}

/* A value of a newer format may be stored and dumped, so only the length is looked at. */
static Datum
checked(bytea *value)
{
	if (VARSIZE_ANY_EXHDR(value) < MHUB_ENC_OVERHEAD)
		bad_ciphertext("It is too short.");
	return PointerGetDatum(value);
}

Datum
mhub_enc_in(PG_FUNCTION_ARGS)
{
	const char *text = PG_GETARG_CSTRING(0);
	size_t		digits;
	bytea	   *value;

	if (text[0] != '\\' || text[1] != 'x' || (digits = strlen(text + 2)) % 2 != 0 ||
		strspn(text + 2, "0123456789abcdefABCDEF") != digits)
		bad_ciphertext("The text form is \\x and an even number of hexadecimal digits.");
	value = palloc(VARHDRSZ + digits / 2);
	SET_VARSIZE(value, VARHDRSZ + digits / 2);
	hex_decode(text + 2, digits, VARDATA(value));
	return checked(value);
}

Datum
mhub_enc_out(PG_FUNCTION_ARGS)
{
	bytea	   *value = PG_GETARG_BYTEA_PP(0);
	size_t		len = VARSIZE_ANY_EXHDR(value);
	char	   *text = palloc(len * 2 + 3);

	text[0] = '\\';
	text[1] = 'x';
	hex_encode(VARDATA_ANY(value), len, text + 2);
	text[len * 2 + 2] = '\0';
	PG_RETURN_CSTRING(text);
}

Datum
mhub_enc_recv(PG_FUNCTION_ARGS)
{
	StringInfo	message = (StringInfo) PG_GETARG_POINTER(0);
	int			len = message->len - message->cursor;
	bytea	   *value = palloc(VARHDRSZ + len);

	SET_VARSIZE(value, VARHDRSZ + len);
	pq_copymsgbytes(message, VARDATA(value), len);
	return checked(value);
}

Datum
mhub_enc_send(PG_FUNCTION_ARGS)
{
	PG_RETURN_BYTEA_P(PG_GETARG_BYTEA_P_COPY(0));
}

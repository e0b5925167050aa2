/*
 * fingerprint.c
 *	  mhub.device_fingerprint(), mhub.anonymous_visitor(), mhub.similarity().
 */
#include "mhub.h"

#include "access/xact.h"
#include "catalog/pg_type.h"
#include "common/hub_time.h"
#include "common/spi_plan.h"
#include "executor/spi.h"
#include "identity/similarity.h"
#include "lib/stringinfo.h"
#include "utils/builtins.h"
#include "utils/fmgrprotos.h"
#include "utils/inet.h"
#include "utils/jsonb.h"
#include "utils/numeric.h"
#include "utils/timestamp.h"

#include <sys/socket.h>

#include <openssl/evp.h>
#include <openssl/hmac.h>

PG_FUNCTION_INFO_V1(mhub_device_fingerprint);
PG_FUNCTION_INFO_V1(mhub_anonymous_visitor);
PG_FUNCTION_INFO_V1(mhub_similarity);

/* Bytes of a fingerprint or visitor id: half a SHA-256 is beyond any chance of collision. */
#define HASH_LENGTH 16

static MhubPlan daily_salt = {
	"SELECT mhub.visitor_salt($1)", 1, {DATEOID}, NULL
};

static text *
hex_text(const unsigned char *bytes)
{
	char		hex[HASH_LENGTH * 2];

	hex_encode((const char *) bytes, HASH_LENGTH, hex);
	return cstring_to_text_with_len(hex, sizeof(hex));
}

/* A type's letter, and the bytes with their length, so that no two values look alike */
static void
append_bytes(StringInfo canonical, char type, const char *bytes, int length)
{
	appendStringInfo(canonical, "%c%d:", type, length);
	appendBinaryStringInfo(canonical, bytes, length);
}

static void
append_scalar(StringInfo canonical, const JsonbValue *value)
{
	Datum		number;
	char	   *digits;

	switch (value->type)
	{
		case jbvString:
			append_bytes(canonical, 's', value->val.string.val, value->val.string.len);
			break;
		case jbvNumeric:
			number = DirectFunctionCall1(numeric_trim_scale, NumericGetDatum(value->val.numeric));
			digits = DatumGetCString(DirectFunctionCall1(numeric_out, number));
			append_bytes(canonical, 'n', digits, strlen(digits));
			break;
		case jbvBool:
			appendStringInfoChar(canonical, value->val.boolean ? 't' : 'f');
			break;
		default:
			appendStringInfoChar(canonical, '0');
	}
}

/*
 * jsonb keeps the members of objects in one order and numbers in decimal, so
 * all that is left is to drop what is null and how many zeros a number ends in.
 */
static void
append_canonical(StringInfo canonical, Jsonb *attributes)
{
	JsonbIterator *iterator = JsonbIteratorInit(&attributes->root);
	JsonbIteratorToken token;
	JsonbValue	value;
	JsonbValue	key;
	bool		has_key = false;

	while ((token = JsonbIteratorNext(&iterator, &value, false)) != WJB_DONE)
	{
		if (token == WJB_KEY)
		{
			key = value;
			has_key = true;
			continue;
		}
		if (has_key && !(token == WJB_VALUE && value.type == jbvNull))
			append_bytes(canonical, 'k', key.val.string.val, key.val.string.len);
		if (token == WJB_ELEM || (token == WJB_VALUE && value.type != jbvNull))
			append_scalar(canonical, &value);
		else if (token != WJB_VALUE)
			appendStringInfoChar(canonical, token == WJB_BEGIN_OBJECT ? '{' : token == WJB_END_OBJECT ? '}' :
								 token == WJB_BEGIN_ARRAY ? '[' : ']');
		has_key = false;
	}
}

Datum
mhub_device_fingerprint(PG_FUNCTION_ARGS)
{
	StringInfoData canonical;
	unsigned char digest[EVP_MAX_MD_SIZE];

	initStringInfo(&canonical);
	append_canonical(&canonical, PG_GETARG_JSONB_P(0));
	if (EVP_Digest(canonical.data, canonical.len, digest, NULL, EVP_sha256(), NULL) != 1)
		elog(ERROR, "SHA-256 failed");
	PG_RETURN_TEXT_P(hex_text(digest));
}

/* The day's salt, NULL when the day is over and it is deleted, or is yet to come */
static bytea *
salt_of_day(DateADT day)
{
	Datum		arg = DateADTGetDatum(day);
	MemoryContext caller = CurrentMemoryContext;
	bytea	   *salt = NULL;
	bool		isnull;
	Datum		value;

	SPI_connect();
	if (SPI_execute_plan(mhub_plan(&daily_salt), &arg, NULL, false, 1) != SPI_OK_SELECT)
		elog(ERROR, "could not read the salt of a day");
	value = SPI_getbinval(SPI_tuptable->vals[0], SPI_tuptable->tupdesc, 1, &isnull);
	if (!isnull)
	{
		MemoryContext old = MemoryContextSwitchTo(caller);

		salt = DatumGetByteaPCopy(value);
		MemoryContextSwitchTo(old);
	}
	SPI_finish();
	return salt;
}

static void
append_argument(StringInfo message, FunctionCallInfo fcinfo, int number)
{
	text	   *value;

	if (PG_ARGISNULL(number))
	{
		appendStringInfoChar(message, '0');
		return;
	}
	value = PG_GETARG_TEXT_PP(number);
	append_bytes(message, 's', VARDATA_ANY(value), VARSIZE_ANY_EXHDR(value));
}

Datum
mhub_anonymous_visitor(PG_FUNCTION_ARGS)
{
	TimestampTz at = PG_ARGISNULL(3) ? GetCurrentTransactionStartTimestamp() : PG_GETARG_TIMESTAMPTZ(3);
	StringInfoData message;
	unsigned char digest[EVP_MAX_MD_SIZE];
	unsigned int length;
	inet	   *address;
	bytea	   *salt;

	if (PG_ARGISNULL(0) || TIMESTAMP_NOT_FINITE(at))
		PG_RETURN_NULL();
	salt = salt_of_day(mhub_day_of(at));
	if (salt == NULL)
		PG_RETURN_NULL();

	initStringInfo(&message);
	address = PG_GETARG_INET_PP(0);
	append_bytes(&message, 'a', (const char *) ip_addr(address), ip_addrsize(address));
	append_argument(&message, fcinfo, 1);
	append_argument(&message, fcinfo, 2);
	if (HMAC(EVP_sha256(), VARDATA_ANY(salt), VARSIZE_ANY_EXHDR(salt),
			 (unsigned char *) message.data, message.len, digest, &length) == NULL)
		elog(ERROR, "HMAC failed");
	OPENSSL_cleanse(VARDATA_ANY(salt), VARSIZE_ANY_EXHDR(salt));
	PG_RETURN_TEXT_P(hex_text(digest));
}

static pg_wchar *
wide(text *value, int *n)
{
	pg_wchar   *characters = palloc(((Size) VARSIZE_ANY_EXHDR(value) + 1) * sizeof(pg_wchar));

	*n = pg_mb2wchar_with_len(VARDATA_ANY(value), characters, VARSIZE_ANY_EXHDR(value));
	return characters;
}

Datum
mhub_similarity(PG_FUNCTION_ARGS)
{
	int			na;
	int			nb;
	pg_wchar   *a = wide(PG_GETARG_TEXT_PP(0), &na);
	pg_wchar   *b = wide(PG_GETARG_TEXT_PP(1), &nb);

	PG_RETURN_FLOAT4((float4) jaro_winkler(a, na, b, nb));
}

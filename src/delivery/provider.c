/*
 * provider.c
 *	  Reading a provider's row into the form the delivery engine works with.
 */
#include "delivery/delivery.h"

#include "catalog/pg_type.h"
#include "common/spi_plan.h"
#include "privacy/privacy.h"
#include "utils/builtins.h"
#include "utils/memutils.h"

#define SECRET_COLUMN "provider_secret.value"

static MhubPlan provider_plan = {
	"SELECT p.name, p.channel, p.xmin::text, p.kind, p.signer, p.method, p.url, p.body, p.body_format, "
	"p.headers, p.tls = 'required', p.success_path, p.retry_path, p.fault_path, p.message_id_path, p.concurrency, "
	"(extract(epoch FROM p.connect_timeout) * 1000)::integer, (extract(epoch FROM p.timeout) * 1000)::integer, "
	"p.max_attempts, extract(epoch FROM p.retry_base)::double precision, "
	"extract(epoch FROM p.retry_max)::double precision, p.breaker_failures, "
	"extract(epoch FROM p.breaker_pause)::double precision, "
	"p.parameters "
	"FROM mhub.provider AS p WHERE p.name OPERATOR(pg_catalog.=) $1",
1, {TEXTOID}, NULL};

static MhubPlan secret_plan = {
	"SELECT s.name, s.value FROM mhub.provider_secret AS s WHERE s.provider OPERATOR(pg_catalog.=) $1",
1, {TEXTOID}, NULL};

typedef struct Row
{
	HeapTuple	tuple;
	TupleDesc	descriptor;
	int			column;
} Row;

/* The next column; the datum lives in SPI's memory. */
static Datum
next(Row *row, bool *isnull)
{
	return SPI_getbinval(row->tuple, row->descriptor, ++row->column, isnull);
}

static char *
next_text(Row *row)
{
	bool		isnull;
	Datum		value = next(row, &isnull);

	return isnull ? NULL : TextDatumGetCString(value);
}

static int
next_integer(Row *row)
{
	bool		isnull;

	return DatumGetInt32(next(row, &isnull));
}

static double
next_double(Row *row)
{
	bool		isnull;

	return DatumGetFloat8(next(row, &isnull));
}

static bool
next_boolean(Row *row)
{
	bool		isnull;

	return DatumGetBool(next(row, &isnull));
}

/* A copy of a varlena column, not toasted; NULL for NULL. */
static void *
next_varlena(Row *row)
{
	bool		isnull;
	Datum		value = next(row, &isnull);

	return isnull ? NULL : PG_DETOAST_DATUM_COPY(value);
}

static int
word_index(const char *word, const char *const *words, int count)
{
	for (int i = 0; i < count; i++)
	{
		if (strcmp(word, words[i]) == 0)
			return i;
	}
	elog(ERROR, "unexpected word \"%s\" in mhub.provider", word);
}

static void
read_headers(Provider *provider, Jsonb *headers)
{
	JsonbIterator *iterator = JsonbIteratorInit(&headers->root);
	JsonbValue	item;
	JsonbIteratorToken token;
	HeaderTemplate *header = NULL;

	provider->headers = palloc0((JsonContainerSize(&headers->root) + 1) * sizeof(HeaderTemplate));
	while ((token = JsonbIteratorNext(&iterator, &item, true)) != WJB_DONE)
	{
		if (token == WJB_KEY)
		{
			header = &provider->headers[provider->header_count++];
			header->name = pnstrdup(item.val.string.val, item.val.string.len);
		}
		else if (token == WJB_VALUE && item.type == jbvString)
			mustache_parse_or_report(pnstrdup(item.val.string.val, item.val.string.len), item.val.string.len,
									 &header->value);
	}
}

static void
read_body(Provider *provider, char *body, const char *format)
{
	static const char *const formats[] = {"json", "form", "text"};
	static const MustacheEscape escapes[] = {ESCAPE_JSON, ESCAPE_URL, ESCAPE_NONE};
	static const char *const types[] = {"application/json", "application/x-www-form-urlencoded",
	"text/plain; charset=utf-8"};
	int			index = word_index(format, formats, lengthof(formats));

	provider->body_escape = escapes[index];
	provider->content_type = types[index];
	provider->has_body = body != NULL;
	if (body != NULL)
		mustache_parse_or_report(body, (int) strlen(body), &provider->body);
}

/* A string member of "provider" or "secret"; NULL where there is none. */
static char *
scope_text(const Provider *provider, const char *group, const char *name)
{
	JsonbValue	members;
	JsonbValue	value;

	if (getKeyJsonValueFromContainer(&provider->scope->root, group, (int) strlen(group), &members) == NULL ||
		members.type != jbvBinary ||
		getKeyJsonValueFromContainer(members.val.binary.data, name, (int) strlen(name), &value) == NULL ||
		value.type != jbvString)
		return NULL;
	return pnstrdup(value.val.string.val, value.val.string.len);
}

char *
provider_secret(const Provider *provider, const char *name)
{
	return scope_text(provider, "secret", name);
}

char *
provider_parameter(const Provider *provider, const char *name)
{
	return scope_text(provider, "provider", name);
}

static void
push_member(JsonbParseState **state, const char *name, JsonbValue *value)
{
	JsonbValue	key = {.type = jbvString};

	key.val.string.val = unconstify(char *, name);
	key.val.string.len = (int) strlen(name);
	pushJsonbValue(state, WJB_KEY, &key);
	pushJsonbValue(state, WJB_VALUE, value);
}

/* The secrets, unsealed, as members of the object under way. */
static void
push_secrets(JsonbParseState **state, const char *provider)
{
	Datum		argument = CStringGetTextDatum(provider);

	delivery_execute(&secret_plan, &argument, NULL, SPI_OK_SELECT, "read the secrets of a provider");
	for (uint64 i = 0; i < SPI_processed; i++)
	{
		Row			row = {SPI_tuptable->vals[i], SPI_tuptable->tupdesc, 0};
		char	   *name = next_text(&row);
		char	   *secret = mhub_open(next_varlena(&row), SECRET_COLUMN);
		JsonbValue	value = {.type = jbvString};

		if (secret == NULL)
			continue;
		value.val.string.val = secret;
		value.val.string.len = (int) strlen(secret);
		push_member(state, name, &value);
	}
	SPI_freetuptable(SPI_tuptable);
}

/* {"provider": parameters, "secret": secrets}: what every template of the provider sees. */
static Jsonb *
read_scope(const char *name, Jsonb *parameters)
{
	JsonbParseState *state = NULL;
	JsonbValue	value = {.type = jbvBinary};
	JsonbValue	key = {.type = jbvString};

	value.val.binary.data = &parameters->root;
	value.val.binary.len = VARSIZE(parameters) - VARHDRSZ;
	key.val.string.val = "secret";
	key.val.string.len = (int) strlen("secret");
	pushJsonbValue(&state, WJB_BEGIN_OBJECT, NULL);
	push_member(&state, "provider", &value);
	pushJsonbValue(&state, WJB_KEY, &key);
	pushJsonbValue(&state, WJB_BEGIN_OBJECT, NULL);
	push_secrets(&state, name);
	pushJsonbValue(&state, WJB_END_OBJECT, NULL);
	return JsonbValueToJsonb(pushJsonbValue(&state, WJB_END_OBJECT, NULL));
}

static void
read_signing_key(Provider *provider)
{
	char	   *secret = provider_secret(provider, "signing_key");

	if (secret != NULL && !webhook_key(secret, &provider->signing_key))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("secret signing_key of provider \"%s\" is not base64", provider->name),
				 errhint("Set it with mhub.set_provider_secret(); mhub.new_signing_key() makes one.")));
}

static Provider *
read_provider(Row *row)
{
	static const char *const kinds[] = {"http", "smtp", "webhook", "log"};
	static const char *const signers[] = {"none", "basic", "bearer", "aliyun", "tencent", "dingtalk", "feishu"};
	Provider   *provider = palloc0(sizeof(Provider));
	char	   *url;
	char	   *body;

	provider->name = next_text(row);
	provider->channel = next_text(row);
	provider->version = next_text(row);
	provider->kind = word_index(next_text(row), kinds, lengthof(kinds));
	provider->signer = word_index(next_text(row), signers, lengthof(signers));
	provider->method = next_text(row);
	url = next_text(row);
	mustache_parse_or_report(url, (int) strlen(url), &provider->url);
	body = next_text(row);
	read_body(provider, body, next_text(row));
	read_headers(provider, next_varlena(row));
	provider->require_tls = next_boolean(row);
	provider->success_path = next_varlena(row);
	provider->retry_path = next_varlena(row);
	provider->fault_path = next_varlena(row);
	provider->message_id_path = next_varlena(row);
	provider->concurrency = next_integer(row);
	provider->connect_timeout_ms = next_integer(row);
	provider->timeout_ms = next_integer(row);
	provider->rules.max_attempts = next_integer(row);
	provider->rules.base_s = next_double(row);
	provider->rules.max_s = next_double(row);
	provider->breaker_failures = next_integer(row);
	provider->breaker_pause_s = next_double(row);
	provider->scope = next_varlena(row);	/* the parameters only, as yet */
	dlist_init(&provider->ready);
	provider->prefetch = provider->concurrency * 2;
	return provider;
}

/* The provider of that name, allocated in context; the caller is connected to SPI. */
Provider *
provider_load(const char *name, MemoryContext context)
{
	Datum		argument = CStringGetTextDatum(name);
	MemoryContext previous;
	Provider   *provider;
	Row			row = {0};

	delivery_execute(&provider_plan, &argument, NULL, SPI_OK_SELECT, "read a provider");
	if (SPI_processed != 1)
		elog(ERROR, "provider \"%s\" vanished", name);
	row.tuple = SPI_tuptable->vals[0];
	row.descriptor = SPI_tuptable->tupdesc;
	previous = MemoryContextSwitchTo(context);
	provider = read_provider(&row);
	SPI_freetuptable(SPI_tuptable);
	provider->scope = read_scope(provider->name, provider->scope);
	read_signing_key(provider);
	MemoryContextSwitchTo(previous);
	return provider;
}

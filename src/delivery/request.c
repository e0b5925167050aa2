/*
 * request.c
 *	  From a message and its provider to the request that goes out.
 */
#include "delivery/delivery.h"

#include <time.h>

#include "common/json_text.h"
#include "delivery/mail_header.h"
#include "delivery/signer.h"
#include "mb/pg_wchar.h"
#include "utils/memutils.h"

#define FURTHER_HEADERS 16

/* A request in the making. */
typedef struct Builder
{
	Message    *message;
	Provider   *provider;
	int64		time;			/* seconds since 1970 */
	Jsonb	   *values;			/* what the provider's templates see */
	char	  **headers;
	int			header_count;
	char	   *body;
	char	   *url;
} Builder;

static char *
to_utf8(char *text)
{
	return pg_server_to_any(text, (int) strlen(text), PG_UTF8);
}

static void
push_text(JsonbParseState **state, const char *name, const char *text)
{
	JsonbValue	key = {.type = jbvString};
	JsonbValue	value = {.type = jbvString};

	if (text == NULL)
		return;
	key.val.string.val = unconstify(char *, name);
	key.val.string.len = (int) strlen(name);
	value.val.string.val = unconstify(char *, text);
	value.val.string.len = (int) strlen(text);
	pushJsonbValue(state, WJB_KEY, &key);
	pushJsonbValue(state, WJB_VALUE, &value);
}

static void
push_jsonb(JsonbParseState **state, const char *name, Jsonb *document)
{
	JsonbValue	key = {.type = jbvString};
	JsonbValue	value = {.type = jbvBinary};

	if (document == NULL || JB_ROOT_IS_SCALAR(document))
		return;
	key.val.string.val = unconstify(char *, name);
	key.val.string.len = (int) strlen(name);
	value.val.binary.data = &document->root;
	value.val.binary.len = VARSIZE(document) - VARHDRSZ;
	pushJsonbValue(state, WJB_KEY, &key);
	pushJsonbValue(state, WJB_VALUE, &value);
}

/* Robots sign nothing of the message, so their sign is a value like others. */
static void
push_robot_sign(JsonbParseState **state, const Builder *builder)
{
	bool		dingtalk = builder->provider->signer == SIGNER_DINGTALK;
	int64		time = dingtalk ? builder->time * 1000 : builder->time;
	char	   *secret = provider_secret(builder->provider, "sign_key");

	push_text(state, "timestamp", psprintf(INT64_FORMAT, time));
	if (secret != NULL && (dingtalk || builder->provider->signer == SIGNER_FEISHU))
		push_text(state, "sign", signer_robot(time, secret, !dingtalk));
}

static Jsonb *
template_values(const Builder *builder)
{
	Message    *message = builder->message;
	JsonbParseState *state = NULL;

	content_from_data(message);
	pushJsonbValue(&state, WJB_BEGIN_OBJECT, NULL);
	push_text(&state, "to", message->recipient);
	push_text(&state, "subject", message->subject);
	push_text(&state, "text", message->text);
	push_text(&state, "html", message->html);
	push_text(&state, "code", message->code);
	push_text(&state, "message_id", message->idempotency_key);
	push_text(&state, "unsubscribe_url", message->unsubscribe_url);
	push_jsonb(&state, "parameters", message->parameters);
	push_jsonb(&state, "data", message->data);
	push_robot_sign(&state, builder);
	return JsonbValueToJsonb(pushJsonbValue(&state, WJB_END_OBJECT, NULL));
}

static char *
render(const Builder *builder, const MustacheTemplate *parsed, MustacheEscape escape)
{
	StringInfoData out;

	initStringInfo(&out);
	mustache_render(&out, parsed, builder->values, builder->provider->scope, escape, NULL);
	return to_utf8(out.data);
}

static void
add_header(Builder *builder, char *header)
{
	builder->headers[builder->header_count++] = header;
}

/* One header of the provider; in mail, text beyond ASCII is encoded. */
static char *
provider_header(Builder *builder, const HeaderTemplate *header)
{
	char	   *value = render(builder, &header->value, ESCAPE_NONE);

	if (!header_is_safe(header->name) || !header_is_safe(value))
		return NULL;
	if (builder->provider->kind == PROVIDER_SMTP)
		return mail_header_text(header->name, value);
	return psprintf("%s: %s", header->name, value);
}

static bool
add_provider_headers(Builder *builder)
{
	const Provider *provider = builder->provider;

	for (int i = 0; i < provider->header_count; i++)
	{
		char	   *header = provider_header(builder, &provider->headers[i]);

		if (header == NULL)
			return false;
		add_header(builder, header);
	}
	return true;
}

static int
compare_pairs(const void *a, const void *b)
{
	return strcmp(*(char *const *) a, *(char *const *) b);
}

/* name=value pairs in the order in which signatures want them. */
static char *
canonical_query(const char *query)
{
	char	   *copy = pstrdup(query);
	char	  **pairs = palloc((strlen(query) + 1) * sizeof(char *));
	char	   *state = NULL;
	int			count = 0;
	StringInfoData out;

	for (char *pair = strtok_r(copy, "&", &state); pair; pair = strtok_r(NULL, "&", &state))
		pairs[count++] = pair;
	qsort(pairs, count, sizeof(char *), compare_pairs);
	initStringInfo(&out);
	for (int i = 0; i < count; i++)
		appendStringInfo(&out, "%s%s", i > 0 ? "&" : "", pairs[i]);
	return out.data;
}

/* Takes scheme://host/path?query apart. */
static void
split_url(const char *url, SignedRequest *request)
{
	const char *host = strstr(url, "://");
	const char *end;
	const char *query;

	host = host == NULL ? url : host + 3;
	end = host + strcspn(host, "/?#");
	request->host = pnstrdup(host, end - host);
	query = strchr(end, '?');
	request->query = canonical_query(query == NULL ? "" : query + 1);
	request->path = *end == '/' ? pnstrdup(end, strcspn(end, "?#")) : "/";
}

static SignedRequest
signed_request(const Builder *builder)
{
	SignedRequest request = {0};

	split_url(builder->url, &request);
	request.method = builder->provider->method;
	request.content_type = builder->provider->content_type;
	request.body = builder->body == NULL ? "" : builder->body;
	request.body_length = strlen(request.body);
	request.time = builder->time;
	/* Aliyun refuses a nonce it has seen: one for each attempt. */
	request.nonce = psprintf("%s-%d", builder->message->idempotency_key, builder->message->attempt);
	return request;
}

/* NULL when signed; else the reason why it cannot be. */
static const char *
sign_cloud(Builder *builder)
{
	const Provider *provider = builder->provider;
	bool		aliyun = provider->signer == SIGNER_ALIYUN;
	SignedRequest request = signed_request(builder);
	char	   *id = provider_secret(provider, aliyun ? "access_key_id" : "secret_id");
	char	   *key = provider_secret(provider, aliyun ? "access_key_secret" : "secret_key");
	char	   *action = provider_parameter(provider, "action");
	char	   *version = provider_parameter(provider, "version");
	char	   *service = provider_parameter(provider, "service");
	char	   *authorization;

	if (id == NULL || key == NULL)
		return "secret_missing";
	if (aliyun)
		authorization = signer_aliyun(&request, id, key, action ? action : "", version ? version : "",
									  builder->headers, &builder->header_count);
	else
	{
		authorization = signer_tencent(&request, id, key, service ? service : "");
		add_header(builder, psprintf("X-TC-Timestamp: " INT64_FORMAT, builder->time));
	}
	add_header(builder, psprintf("Authorization: %s", authorization));
	return NULL;
}

static const char *
sign_http(Builder *builder)
{
	TransferRequest *request = &builder->message->request;
	char	   *token;

	switch (builder->provider->signer)
	{
		case SIGNER_BASIC:
			request->user = provider_secret(builder->provider, "user");
			request->password = provider_secret(builder->provider, "password");
			return request->user == NULL || request->password == NULL ? "secret_missing" : NULL;
		case SIGNER_BEARER:
			token = provider_secret(builder->provider, "token");
			if (token == NULL)
				return "secret_missing";
			if (!header_is_safe(token))
				return "bad_secret";
			add_header(builder, psprintf("Authorization: Bearer %s", token));
			return NULL;
		case SIGNER_ALIYUN:
		case SIGNER_TENCENT:
			return sign_cloud(builder);
		default:
			return NULL;
	}
}

static const char *
check_http_url(const char *url)
{
	if (strncmp(url, "https://", 8) != 0 && strncmp(url, "http://", 7) != 0)
		return "bad_url";
	return header_is_safe(url) && strchr(url, ' ') == NULL ? NULL : "bad_url";
}

/* Some servers refuse a POST that does not say how long it is, be it empty. */
static void
add_body(Builder *builder)
{
	const Provider *provider = builder->provider;

	if (provider->has_body)
	{
		builder->body = render(builder, &provider->body, provider->body_escape);
		add_header(builder, psprintf("Content-Type: %s", provider->content_type));
	}
	else if (strcmp(provider->method, "GET") != 0 && strcmp(provider->method, "DELETE") != 0)
	{
		builder->body = pstrdup("");
		add_header(builder, "Content-Type:");	/* libcurl would claim a form otherwise */
	}
}

static const char *
build_http(Builder *builder)
{
	Provider   *provider = builder->provider;
	TransferRequest *request = &builder->message->request;
	const char *reason;

	builder->values = template_values(builder);
	builder->url = render(builder, &provider->url, ESCAPE_URL);
	if ((reason = check_http_url(builder->url)) != NULL)
		return reason;
	add_body(builder);
	add_header(builder, psprintf("Idempotency-Key: %s", builder->message->idempotency_key));
	if (!add_provider_headers(builder))
		return "bad_header";
	request->method = provider->method;
	return sign_http(builder);
}

/* Standard Webhooks: the message's data is the payload. */
static const char *
build_webhook(Builder *builder)
{
	Provider   *provider = builder->provider;
	Message    *message = builder->message;
	StringInfoData body;
	const char *reason;

	if (provider->signing_key.length == 0)
		return "secret_missing";
	builder->values = message->data;
	builder->url = render(builder, &provider->url, ESCAPE_URL);
	if ((reason = check_http_url(builder->url)) != NULL)
		return reason;
	initStringInfo(&body);
	enlargeStringInfo(&body, (int) VARSIZE(message->data));
	mhub_print_json(&body, &message->data->root);
	builder->body = to_utf8(body.data);
	add_header(builder, "Content-Type: application/json");
	add_header(builder, psprintf("webhook-id: %s", message->idempotency_key));
	add_header(builder, psprintf("webhook-timestamp: " INT64_FORMAT, builder->time));
	add_header(builder, psprintf("webhook-signature: %s",
								 webhook_sign(&provider->signing_key, message->idempotency_key, builder->time,
											  builder->body, strlen(builder->body))));
	if (!add_provider_headers(builder))
		return "bad_header";
	message->request.method = "POST";
	return NULL;
}

static void
add_unsubscribe_headers(Builder *builder)
{
	const char *url = builder->message->unsubscribe_url;

	if (url == NULL || !header_is_safe(url) || strpbrk(url, "<> ") != NULL)
		return;
	add_header(builder, psprintf("List-Unsubscribe: <%s>", url));
	add_header(builder, "List-Unsubscribe-Post: List-Unsubscribe=One-Click");
}

static void
add_mail_headers(Builder *builder, const char *from, const char *reply_to)
{
	Message    *message = builder->message;
	char	   *from_name = provider_parameter(builder->provider, "from_name");

	add_header(builder, mail_header_date(builder->time));
	add_header(builder, mail_header_address("From", from_name ? to_utf8(from_name) : NULL, from));
	add_header(builder, mail_header_address("To", NULL, message->recipient));
	if (reply_to != NULL)
		add_header(builder, mail_header_address("Reply-To", NULL, reply_to));
	add_header(builder, mail_header_text("Subject", to_utf8(message->subject ? message->subject : pstrdup(""))));
	add_header(builder, psprintf("Message-ID: <%s@%s>", message->idempotency_key, strrchr(from, '@') + 1));
	add_header(builder, "Content-Type: multipart/alternative");
	add_unsubscribe_headers(builder);
}

/* smtp://host:port, with our own domain behind it for the greeting. */
static char *
smtp_url(const Builder *builder, const char *from)
{
	char	   *url = render(builder, &builder->provider->url, ESCAPE_URL);

	if (strncmp(url, "smtp://", 7) != 0 && strncmp(url, "smtps://", 8) != 0)
		return NULL;
	return strchr(strstr(url, "://") + 3, '/') == NULL ? psprintf("%s/%s", url, strrchr(from, '@') + 1) : url;
}

static const char *
build_smtp(Builder *builder)
{
	Message    *message = builder->message;
	Provider   *provider = builder->provider;
	TransferRequest *request = &message->request;
	char	   *from = provider_parameter(provider, "from");
	char	   *bounces = provider_parameter(provider, "bounce_address");
	char	   *reply_to = provider_parameter(provider, "reply_to");

	if (from == NULL || !mail_address_is_safe(from) || (bounces != NULL && !mail_address_is_safe(bounces)) ||
		(reply_to != NULL && !mail_address_is_safe(reply_to)))
		return "bad_sender";
	if (message->recipient == NULL || !mail_address_is_safe(message->recipient))
		return "bad_address";
	builder->values = template_values(builder);
	if (message->text == NULL && message->html == NULL)
		return "no_content";
	builder->url = smtp_url(builder, from);
	if (builder->url == NULL || !header_is_safe(builder->url) || strchr(builder->url, ' ') != NULL)
		return "bad_url";
	add_mail_headers(builder, from, reply_to);
	if (!add_provider_headers(builder))
		return "bad_header";
	request->smtp = true;
	request->require_tls = provider->require_tls;
	request->mail_from = psprintf("<%s>", bounces ? bounces : from);
	request->mail_to = psprintf("<%s>", message->recipient);
	request->mail_text = message->text == NULL ? NULL : to_utf8(message->text);
	request->mail_html = message->html == NULL ? NULL : to_utf8(message->html);
	request->user = provider_secret(provider, "user");
	request->password = provider_secret(provider, "password");
	return NULL;
}

static const char *
build_by_kind(Builder *builder)
{
	switch (builder->provider->kind)
	{
		case PROVIDER_HTTP:
			return build_http(builder);
		case PROVIDER_WEBHOOK:
			return build_webhook(builder);
		case PROVIDER_SMTP:
			return build_smtp(builder);
		default:
			return NULL;
	}
}

/*
 * Fills in the message's request, allocated with its batch.  Returns NULL, or
 * the reason why nothing may go out.
 */
const char *
request_build(Message *message)
{
	MemoryContext previous = MemoryContextSwitchTo(message->batch->context);
	Builder		builder = {.message = message, .provider = message->provider, .time = (int64) time(NULL)};
	TransferRequest *request = &message->request;
	const char *reason;

	memset(request, 0, sizeof(*request));
	builder.headers = palloc((message->provider->header_count + FURTHER_HEADERS) * sizeof(char *));
	reason = header_is_safe(message->idempotency_key) && strpbrk(message->idempotency_key, "<> ") == NULL
		? build_by_kind(&builder) : "bad_idempotency_key";
	if (!message->request.smtp)
		add_header(&builder, "Expect:");	/* libcurl would wait for a 100 otherwise */
	request->url = builder.url;
	request->headers = (const char *const *) builder.headers;
	request->header_count = builder.header_count;
	request->body = builder.body;
	request->body_length = builder.body == NULL ? 0 : strlen(builder.body);
	request->connect_timeout_ms = message->provider->connect_timeout_ms;
	request->timeout_ms = message->provider->timeout_ms;
	request->fresh_connection = message->provider->rules.at_most_once;
	request->owner = message;
	MemoryContextSwitchTo(previous);
	return reason;
}

/*
 * transport.c
 *	  Many HTTP and SMTP requests at a time through libcurl's multi interface.
 *
 * libcurl in a backend: no callback raises an error or allocates from a memory
 * context, so nothing ever jumps through libcurl's frames.  Its resolver runs
 * in threads; signals are blocked while one may be started, so that signal
 * handlers only ever run in the backend's own thread.  All handles hang on a
 * memory context and go with it, whatever error ends the call.
 */
#include "delivery/transport.h"

#include <curl/curl.h>
#include <signal.h>
#include <unistd.h>

#include "utils/memutils.h"

/* What the options of a handle depend on, besides URL, headers and body. */
typedef struct Shape
{
	char		method[16];
	bool		has_body;
	bool		fresh_connection;
	int			connect_timeout_ms;
	int			timeout_ms;
} Shape;

typedef struct Slot
{
	Transport  *transport;
	CURL	   *easy;
	Shape		shape;			/* of what the handle is set up for; no method: nothing */
	struct curl_slist *headers; /* nodes of our own, around the request's texts */
	int			header_room;
	struct curl_slist *recipients;
	curl_mime  *mime;
	TransferRequest *request;	/* NULL: free */
	const char *refusal;		/* set by the address guard */
	int			received;
	bool		cut;			/* the answer was longer than we read */
	char	   *answer;
} Slot;

struct Transport
{
	MemoryContext context;
	MemoryContextCallback at_reset;
	CURLM	   *multi;
	int			slot_count;
	Slot	   *slots;
	int			in_flight;
	int			answer_max;
	AddressGuard guard;
	const char *ca_file;
};

pg_noreturn static void
report_curl_failure(const char *what)
{
	ereport(ERROR,
			(errcode(ERRCODE_SYSTEM_ERROR),
			 errmsg("could not set up libcurl: %s", what)));
}

static void
initialise_library(void)
{
	static bool initialised = false;

	if (!initialised && curl_global_init(CURL_GLOBAL_ALL) != CURLE_OK)
		report_curl_failure("global initialisation");
	initialised = true;
}

/* Callback: keeps the beginning of the answer and ends transfers that say too much. */
static size_t
on_answer(char *data, size_t size, size_t count, void *user)
{
	Slot	   *slot = user;
	size_t		length = size * count;

	if (length > (size_t) (slot->transport->answer_max - slot->received))
	{
		slot->cut = true;
		length = slot->transport->answer_max - slot->received;
		memcpy(slot->answer + slot->received, data, length);
		slot->received += (int) length;
		return 0;
	}
	memcpy(slot->answer + slot->received, data, length);
	slot->received += (int) length;
	return length;
}

/* Callback: a socket is about to be opened for this very address. */
static curl_socket_t
on_open_socket(void *user, curlsocktype purpose pg_attribute_unused(), struct curl_sockaddr *address)
{
	Slot	   *slot = user;

	slot->refusal = guard_refusal(&slot->transport->guard, &address->addr);
	if (slot->refusal != NULL)
		return CURL_SOCKET_BAD;
	return socket(address->family, address->socktype | SOCK_CLOEXEC, address->protocol);
}

static void
release_slot(Slot *slot)
{
	if (slot->request != NULL)
	{
		curl_multi_remove_handle(slot->transport->multi, slot->easy);
		slot->transport->in_flight--;
	}
	curl_slist_free_all(slot->recipients);
	curl_mime_free(slot->mime);
	slot->recipients = NULL;
	slot->mime = NULL;
	slot->request = NULL;
}

void
transport_close(Transport *transport)
{
	for (int i = 0; i < transport->slot_count; i++)
	{
		release_slot(&transport->slots[i]);
		if (transport->slots[i].easy != NULL)
			curl_easy_cleanup(transport->slots[i].easy);
		transport->slots[i].easy = NULL;
	}
	if (transport->multi != NULL)
		curl_multi_cleanup(transport->multi);
	transport->multi = NULL;
}

static void
close_at_reset(void *transport)
{
	transport_close(transport);
}

/*
 * A transport for so many requests at a time, which reads so many bytes of each
 * answer; it is closed when the context is reset or deleted.
 */
Transport *
transport_create(MemoryContext context, int slots, int answer_max, const AddressGuard *guard, const char *ca_file)
{
	Transport  *transport = MemoryContextAllocZero(context, sizeof(Transport));

	initialise_library();
	transport->context = context;
	transport->slots = MemoryContextAllocZero(context, slots * sizeof(Slot));
	transport->answer_max = answer_max;
	transport->guard = *guard;
	transport->ca_file = ca_file;
	transport->at_reset.func = close_at_reset;
	transport->at_reset.arg = transport;
	MemoryContextRegisterResetCallback(context, &transport->at_reset);

	transport->multi = curl_multi_init();
	if (transport->multi == NULL)
		report_curl_failure("no multi handle");
	curl_multi_setopt(transport->multi, CURLMOPT_MAXCONNECTS, (long) slots + 8);
	for (int i = 0; i < slots; i++)
	{
		transport->slot_count = i + 1;
		transport->slots[i].transport = transport;
		transport->slots[i].easy = curl_easy_init();
		if (transport->slots[i].easy == NULL)
			report_curl_failure("no easy handle");
	}
	return transport;
}

int
transport_in_flight(const Transport *transport)
{
	return transport->in_flight;
}

static Slot *
free_slot(Transport *transport)
{
	for (int i = 0; i < transport->slot_count; i++)
	{
		if (transport->slots[i].request == NULL)
			return &transport->slots[i];
	}
	elog(ERROR, "no free slot for a transfer");
}

static void
set_protocols(CURL *easy, bool smtp)
{
#if LIBCURL_VERSION_NUM >= 0x075500
	curl_easy_setopt(easy, CURLOPT_PROTOCOLS_STR, smtp ? "smtp,smtps" : "http,https");
#else
	curl_easy_setopt(easy, CURLOPT_PROTOCOLS,
					 smtp ? CURLPROTO_SMTP | CURLPROTO_SMTPS : CURLPROTO_HTTP | CURLPROTO_HTTPS);
#endif
}

/* What holds for every transfer, whatever it carries. */
static void
set_safety(Slot *slot, const TransferRequest *request)
{
	CURL	   *easy = slot->easy;

	curl_easy_setopt(easy, CURLOPT_NOSIGNAL, 1L);
	curl_easy_setopt(easy, CURLOPT_PROXY, "");	/* the environment's proxy would hide the real address */
	curl_easy_setopt(easy, CURLOPT_FOLLOWLOCATION, 0L);
	curl_easy_setopt(easy, CURLOPT_USERAGENT, "mhub");	/* some firewalls turn away who gives no name */
	curl_easy_setopt(easy, CURLOPT_SSL_VERIFYPEER, 1L);
	curl_easy_setopt(easy, CURLOPT_SSL_VERIFYHOST, 2L);
	if (slot->transport->ca_file != NULL)
		curl_easy_setopt(easy, CURLOPT_CAINFO, slot->transport->ca_file);
	curl_easy_setopt(easy, CURLOPT_CONNECTTIMEOUT_MS, (long) request->connect_timeout_ms);
	curl_easy_setopt(easy, CURLOPT_TIMEOUT_MS, (long) request->timeout_ms);
	curl_easy_setopt(easy, CURLOPT_OPENSOCKETFUNCTION, on_open_socket);
	curl_easy_setopt(easy, CURLOPT_OPENSOCKETDATA, slot);
	curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, on_answer);
	curl_easy_setopt(easy, CURLOPT_WRITEDATA, slot);
	curl_easy_setopt(easy, CURLOPT_PRIVATE, slot);
#if LIBCURL_VERSION_NUM >= 0x075700
	/* Never wait for a resolver thread whose answer nobody wants any more. */
	curl_easy_setopt(easy, CURLOPT_QUICK_EXIT, 1L);
#endif
	if (request->fresh_connection)
	{
		curl_easy_setopt(easy, CURLOPT_FRESH_CONNECT, 1L);
		curl_easy_setopt(easy, CURLOPT_FORBID_REUSE, 1L);
	}
	set_protocols(easy, request->smtp);
}

/* The shape of a plain HTTP request; false for one that had better start from scratch. */
static bool
shape_of(const TransferRequest *request, Shape *shape)
{
	memset(shape, 0, sizeof(*shape));
	if (request->smtp || request->user != NULL || strlcpy(shape->method, request->method, sizeof(shape->method)) >= sizeof(shape->method))
		return false;
	shape->has_body = request->body != NULL;
	shape->fresh_connection = request->fresh_connection;
	shape->connect_timeout_ms = request->connect_timeout_ms;
	shape->timeout_ms = request->timeout_ms;
	return true;
}

/* Sets up the handle as if it were new, unless it just did the like. */
static void
set_up(Slot *slot, const TransferRequest *request)
{
	Shape		shape;
	bool		plain = shape_of(request, &shape);

	if (plain && memcmp(&shape, &slot->shape, sizeof(shape)) == 0)
		return;
	memset(&slot->shape, 0, sizeof(slot->shape));
	curl_easy_reset(slot->easy);
	set_safety(slot, request);
	if (!request->smtp)
		curl_easy_setopt(slot->easy, CURLOPT_CUSTOMREQUEST, request->method);
	if (request->user != NULL)
	{
		curl_easy_setopt(slot->easy, CURLOPT_USERNAME, request->user);
		curl_easy_setopt(slot->easy, CURLOPT_PASSWORD, request->password);
	}
	if (plain)
		slot->shape = shape;
}

static void
set_body(CURL *easy, const TransferRequest *request)
{
	if (request->body == NULL)
		return;
	curl_easy_setopt(easy, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t) request->body_length);
	curl_easy_setopt(easy, CURLOPT_POSTFIELDS, request->body);
}

static bool
add_part(curl_mime *mime, const char *content, const char *type)
{
	curl_mimepart *part;

	if (content == NULL)
		return true;
	part = curl_mime_addpart(mime);
	return part != NULL && curl_mime_data(part, content, CURL_ZERO_TERMINATED) == CURLE_OK &&
		curl_mime_type(part, type) == CURLE_OK && curl_mime_encoder(part, "base64") == CURLE_OK;
}

static bool
set_smtp(Slot *slot, const TransferRequest *request)
{
	CURL	   *easy = slot->easy;

	slot->mime = curl_mime_init(easy);
	slot->recipients = curl_slist_append(NULL, request->mail_to);
	if (slot->mime == NULL || slot->recipients == NULL ||
		!add_part(slot->mime, request->mail_text, "text/plain; charset=UTF-8") ||
		!add_part(slot->mime, request->mail_html, "text/html; charset=UTF-8"))
		return false;
	curl_easy_setopt(easy, CURLOPT_MIMEPOST, slot->mime);
	curl_easy_setopt(easy, CURLOPT_MAIL_FROM, request->mail_from);
	curl_easy_setopt(easy, CURLOPT_MAIL_RCPT, slot->recipients);
	curl_easy_setopt(easy, CURLOPT_USE_SSL, request->require_tls ? (long) CURLUSESSL_ALL : (long) CURLUSESSL_NONE);
	return true;
}

/* libcurl copies none of the texts: they live as long as the transfer. */
static void
set_headers(Slot *slot, const TransferRequest *request)
{
	int			count = request->header_count;

	if (count > slot->header_room)
	{
		if (slot->headers != NULL)
			pfree(slot->headers);
		slot->headers = NULL;
		slot->header_room = 0;
		slot->headers = MemoryContextAlloc(slot->transport->context, count * sizeof(struct curl_slist));
		slot->header_room = count;
	}
	for (int i = 0; i < count; i++)
	{
		slot->headers[i].data = unconstify(char *, request->headers[i]);
		slot->headers[i].next = i + 1 < count ? &slot->headers[i + 1] : NULL;
	}
	curl_easy_setopt(slot->easy, CURLOPT_HTTPHEADER, count > 0 ? slot->headers : NULL);
}

/* Starts a request; there must be fewer in flight than slots. */
void
transport_start(Transport *transport, TransferRequest *request)
{
	Slot	   *slot = free_slot(transport);

	if (slot->answer == NULL)
		slot->answer = MemoryContextAlloc(transport->context, transport->answer_max);
	slot->received = 0;
	slot->cut = false;
	slot->refusal = NULL;
	set_up(slot, request);
	curl_easy_setopt(slot->easy, CURLOPT_URL, request->url);
	set_headers(slot, request);
	if (!request->smtp)
		set_body(slot->easy, request);
	if ((request->smtp && !set_smtp(slot, request)) ||
		curl_multi_add_handle(transport->multi, slot->easy) != CURLM_OK)
	{
		release_slot(slot);
		report_curl_failure("out of memory");
	}
	slot->request = request;
	transport->in_flight++;
}

/* Runs what can run, and waits up to timeout_ms until something can.  A signal ends the wait. */
void
transport_wait(Transport *transport, int timeout_ms)
{
	sigset_t	all;
	sigset_t	previous;
	int			running;
	CURLMcode	code;

	sigfillset(&all);
	sigprocmask(SIG_SETMASK, &all, &previous);
	code = curl_multi_perform(transport->multi, &running);
	sigprocmask(SIG_SETMASK, &previous, NULL);
	if (code == CURLM_OK && running == transport->in_flight && timeout_ms > 0)
		code = curl_multi_poll(transport->multi, NULL, 0, timeout_ms, NULL);
	if (code != CURLM_OK)
		report_curl_failure(curl_multi_strerror(code));
}

static const char *
failure_word(CURLcode code)
{
	switch (code)
	{
		case CURLE_COULDNT_RESOLVE_HOST:
			return "resolve";
		case CURLE_COULDNT_CONNECT:
			return "connect";
		case CURLE_OPERATION_TIMEDOUT:
			return "timeout";
		case CURLE_SSL_CONNECT_ERROR:
		case CURLE_PEER_FAILED_VERIFICATION:
		case CURLE_SSL_CERTPROBLEM:
		case CURLE_SSL_CIPHER:
		case CURLE_SSL_CACERT_BADFILE:
		case CURLE_USE_SSL_FAILED:
			return "tls";
		case CURLE_GOT_NOTHING:
			return "empty_answer";
		case CURLE_SEND_ERROR:
		case CURLE_RECV_ERROR:
		case CURLE_PARTIAL_FILE:
			return "connection_lost";
		case CURLE_URL_MALFORMAT:
		case CURLE_UNSUPPORTED_PROTOCOL:
			return "bad_url";
		case CURLE_LOGIN_DENIED:
			return "login_denied";
		default:
			return "transfer_error";
	}
}

/*
 * An HTTP status counts although the rest of the answer was cut off or lost.
 * An SMTP status counts as the answer when it is an error or the end came
 * in order: a 250 to MAIL FROM says nothing about the message.
 */
static bool
is_answered(const Slot *slot, CURLcode code, long status)
{
	if (code == CURLE_OK)
		return true;
	if (status == 0 || code == CURLE_LOGIN_DENIED)
		return false;
	if (slot->request->smtp)
		return status >= 400 && code != CURLE_USE_SSL_FAILED;
	return true;
}

static void
read_outcome(Slot *slot, CURLcode code)
{
	TransferRequest *request = slot->request;
	curl_off_t	retry_after = 0;
	curl_off_t	total_us = 0;
	curl_off_t	pretransfer_us = 0;

	curl_easy_getinfo(slot->easy, CURLINFO_RESPONSE_CODE, &request->status);
	curl_easy_getinfo(slot->easy, CURLINFO_RETRY_AFTER, &retry_after);
	curl_easy_getinfo(slot->easy, CURLINFO_TOTAL_TIME_T, &total_us);
	curl_easy_getinfo(slot->easy, CURLINFO_PRETRANSFER_TIME_T, &pretransfer_us);
	request->retry_after = (int64) retry_after;
	request->latency_ms = (int) (total_us / 1000);
	request->request_sent = pretransfer_us > 0;
	request->failure = NULL;
	if (is_answered(slot, code, request->status))
		request->result = TRANSFER_ANSWERED;
	else
	{
		request->failure = request->request_sent && code == CURLE_UNSUPPORTED_PROTOCOL ? "bad_answer" : failure_word(code);
		if (slot->refusal != NULL && !request->request_sent)
		{
			request->result = TRANSFER_REFUSED_ADDRESS;
			request->failure = "address_refused";
		}
		else if (!request->request_sent && (code == CURLE_URL_MALFORMAT || code == CURLE_UNSUPPORTED_PROTOCOL))
			request->result = TRANSFER_BAD_REQUEST;
		else if (code == CURLE_LOGIN_DENIED)
			request->result = TRANSFER_LOGIN_DENIED;
		else
			request->result = TRANSFER_FAILED;
	}
	request->answer_length = slot->received;
	request->answer_cut = slot->cut;
	request->answer = palloc(slot->received + 1);
	memcpy(request->answer, slot->answer, slot->received);
	request->answer[slot->received] = 0;
}

/* A request that has ended, its slot free again; NULL: none right now. */
TransferRequest *
transport_next_done(Transport *transport)
{
	CURLMsg    *message;
	int			left;

	while ((message = curl_multi_info_read(transport->multi, &left)) != NULL)
	{
		Slot	   *slot = NULL;
		TransferRequest *request;

		if (message->msg != CURLMSG_DONE)
			continue;
		curl_easy_getinfo(message->easy_handle, CURLINFO_PRIVATE, &slot);
		read_outcome(slot, message->data.result);
		request = slot->request;
		release_slot(slot);
		return request;
	}
	return NULL;
}

/* Breaks one request off, wherever it is; NULL: none is in flight. */
TransferRequest *
transport_cancel_one(Transport *transport)
{
	for (int i = 0; i < transport->slot_count; i++)
	{
		Slot	   *slot = &transport->slots[i];
		TransferRequest *request = slot->request;

		if (request == NULL)
			continue;
		read_outcome(slot, CURLE_ABORTED_BY_CALLBACK);
		request->result = TRANSFER_CANCELLED;
		request->failure = "cancelled";
		release_slot(slot);
		return request;
	}
	return NULL;
}

/*
 * transport.h
 *	  Many HTTP and SMTP requests at a time through libcurl's multi interface.
 *
 * Knows nothing of messages, tables or transactions.  Requests are handed in
 * ready made; finished ones come back with what happened.
 */
#ifndef MHUB_TRANSPORT_H
#define MHUB_TRANSPORT_H

#include "common/pgcompat.h"

#include "delivery/address_guard.h"

/* How a request ended, before anyone judges what that means. */
typedef enum TransferResult
{
	TRANSFER_ANSWERED,			/* there is a status */
	TRANSFER_FAILED,			/* no answer: name, connection, TLS, time-out ... */
	TRANSFER_REFUSED_ADDRESS,	/* the address guard said no */
	TRANSFER_BAD_REQUEST,		/* URL or protocol not acceptable */
	TRANSFER_LOGIN_DENIED,		/* the server takes neither user nor password */
	TRANSFER_CANCELLED
} TransferResult;

typedef struct TransferRequest
{
	/* what to do; strings live at least as long as the transfer */
	bool		smtp;
	const char *method;
	const char *url;
	const char *const *headers; /* "Name: value" */
	int			header_count;
	const char *body;			/* NULL: none */
	size_t		body_length;
	const char *user;			/* NULL: no log-in */
	const char *password;
	const char *mail_from;		/* smtp: envelope and parts */
	const char *mail_to;
	const char *mail_text;
	const char *mail_html;
	bool		require_tls;
	bool		fresh_connection;	/* never repeated by libcurl on a connection that broke */
	int			connect_timeout_ms;
	int			timeout_ms;
	void	   *owner;

	/* what came of it */
	TransferResult result;
	const char *failure;		/* static word: timeout, connect, tls ...; NULL when answered */
	long		status;
	bool		request_sent;	/* false: the other side cannot have acted on it */
	int			latency_ms;
	int64		retry_after;	/* seconds; 0: not asked for */
	char	   *answer;			/* in the current memory context; its beginning only, where it is long */
	int			answer_length;
	bool		answer_cut;
} TransferRequest;

typedef struct Transport Transport;

extern Transport *transport_create(MemoryContext context, int slots, int answer_max, const AddressGuard *guard,
								   const char *ca_file);
extern void transport_close(Transport *transport);
extern int	transport_in_flight(const Transport *transport);
extern void transport_start(Transport *transport, TransferRequest *request);
extern void transport_wait(Transport *transport, int timeout_ms);
extern TransferRequest *transport_next_done(Transport *transport);
extern TransferRequest *transport_cancel_one(Transport *transport);

#endif							/* MHUB_TRANSPORT_H */

/*
 * delivery_sql.c
 *	  SQL face of the small functions around delivery: webhook signatures, the
 *	  address guard, and the event of a click.
 */
#include "mhub.h"

#include "collect/collect.h"
#include "delivery/settings.h"
#include "delivery/webhook_signature.h"

#include <arpa/inet.h>
#include <netinet/in.h>

#include "utils/builtins.h"
#include "utils/inet.h"
#include "utils/jsonb.h"
#include "utils/timestamp.h"

PG_FUNCTION_INFO_V1(mhub_sign_webhook);
PG_FUNCTION_INFO_V1(mhub_verify_webhook);
PG_FUNCTION_INFO_V1(mhub_address_refusal);
PG_FUNCTION_INFO_V1(mhub_record_click);

static int64
unix_seconds(TimestampTz at)
{
	return at / USECS_PER_SEC + ((int64) (POSTGRES_EPOCH_JDATE - UNIX_EPOCH_JDATE)) * SECS_PER_DAY;
}

Datum
mhub_sign_webhook(PG_FUNCTION_ARGS)
{
	char	   *secret = text_to_cstring(PG_GETARG_TEXT_PP(0));
	char	   *id = text_to_cstring(PG_GETARG_TEXT_PP(1));
	TimestampTz at = PG_GETARG_TIMESTAMPTZ(2);
	text	   *payload = PG_GETARG_TEXT_PP(3);
	WebhookKey	key;

	if (!webhook_key(secret, &key))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("signing key is not base64"),
				 errhint("mhub.new_signing_key() makes one.")));
	if (TIMESTAMP_NOT_FINITE(at))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("time of a signature must be finite")));
	PG_RETURN_TEXT_P(cstring_to_text(webhook_sign(&key, id, unix_seconds(at), VARDATA_ANY(payload),
												  VARSIZE_ANY_EXHDR(payload))));
}

/* A header's text; NULL where it is missing, empty or no string. */
static char *
header_text(Jsonb *headers, const char *name)
{
	JsonbValue	value;

	if (!JB_ROOT_IS_OBJECT(headers) ||
		getKeyJsonValueFromContainer(&headers->root, name, (int) strlen(name), &value) == NULL ||
		value.type != jbvString || value.val.string.len == 0)
		return NULL;
	return pnstrdup(value.val.string.val, value.val.string.len);
}

static bool
parse_seconds(const char *text, int64 *seconds)
{
	char	   *end;

	errno = 0;
	*seconds = strtoll(text, &end, 10);
	return errno == 0 && end != text && *end == 0;
}

static bool
within_tolerance(int64 seconds, TimestampTz at, const Interval *tolerance)
{
	int64		allowed = tolerance->time / USECS_PER_SEC +
		(tolerance->day + tolerance->month * INT64CONST(30)) * SECS_PER_DAY;
	int64		now = unix_seconds(at);

	return seconds >= now - allowed && seconds <= now + allowed;
}

Datum
mhub_verify_webhook(PG_FUNCTION_ARGS)
{
	WebhookKey	key;
	char	   *id;
	char	   *stamp;
	char	   *signatures;
	int64		seconds;
	text	   *payload;

	for (int i = 0; i < 5; i++)
	{
		if (PG_ARGISNULL(i))
			PG_RETURN_BOOL(false);
	}
	id = header_text(PG_GETARG_JSONB_P(1), "webhook-id");
	stamp = header_text(PG_GETARG_JSONB_P(1), "webhook-timestamp");
	signatures = header_text(PG_GETARG_JSONB_P(1), "webhook-signature");
	payload = PG_GETARG_TEXT_PP(2);
	if (id == NULL || stamp == NULL || signatures == NULL || !parse_seconds(stamp, &seconds) ||
		!webhook_key(text_to_cstring(PG_GETARG_TEXT_PP(0)), &key) || TIMESTAMP_NOT_FINITE(PG_GETARG_TIMESTAMPTZ(3)) ||
		!within_tolerance(seconds, PG_GETARG_TIMESTAMPTZ(3), PG_GETARG_INTERVAL_P(4)))
		PG_RETURN_BOOL(false);
	PG_RETURN_BOOL(webhook_verify(&key, id, seconds, VARDATA_ANY(payload), VARSIZE_ANY_EXHDR(payload), signatures));
}

Datum
mhub_address_refusal(PG_FUNCTION_ARGS)
{
	inet	   *address = PG_GETARG_INET_PP(0);
	int			port = PG_GETARG_INT32(1);
	struct sockaddr_storage storage = {0};
	AddressGuard guard;
	const char *why;

	if (port < 0 || port > 65535)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("port %d is out of range", port)));
	if (ip_family(address) == PGSQL_AF_INET)
	{
		struct sockaddr_in *v4 = (struct sockaddr_in *) &storage;

		v4->sin_family = AF_INET;
		v4->sin_port = htons((uint16) port);
		memcpy(&v4->sin_addr, ip_addr(address), 4);
	}
	else
	{
		struct sockaddr_in6 *v6 = (struct sockaddr_in6 *) &storage;

		v6->sin6_family = AF_INET6;
		v6->sin6_port = htons((uint16) port);
		memcpy(&v6->sin6_addr, ip_addr(address), 16);
	}
	settings_address_guard(&guard);
	why = guard_refusal(&guard, (struct sockaddr *) &storage);
	if (why == NULL)
		PG_RETURN_NULL();
	PG_RETURN_TEXT_P(cstring_to_text(why));
}

/* A click on a message of ours: an event of the hub with a source, like a click on an advertisement. */
Datum
mhub_record_click(PG_FUNCTION_ARGS)
{
	MhubEventBatch *batch = mhub_event_batch_create("hub");
	MhubEvent  *event = mhub_event_batch_add(batch);
	int64		event_id;

	event->type = "hub";
	event->name = "Link Clicked";
	event->identifier_id = PG_GETARG_INT64(0);
	event->campaign_query = text_to_cstring(PG_GETARG_TEXT_PP(1));
	event->properties = PG_GETARG_JSONB_P(2);
	mhub_event_batch_record(batch);
	if (event->status == MHUB_EVENT_REJECTED)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("click was not recorded: %s", event->reason)));
	event_id = event->event_id;
	mhub_event_batch_destroy(batch);
	PG_RETURN_INT64(event_id);
}

/*
 * webhook_signature.h
 *	  Standard Webhooks signatures (v1, symmetric).
 */
#ifndef MHUB_WEBHOOK_SIGNATURE_H
#define MHUB_WEBHOOK_SIGNATURE_H

#include "common/pgcompat.h"

typedef struct WebhookKey
{
	unsigned char *bytes;
	int			length;
} WebhookKey;

extern bool webhook_key(const char *secret, WebhookKey *key);
extern char *webhook_sign(const WebhookKey *key, const char *id, int64 timestamp, const char *payload, size_t length);
extern bool webhook_verify(const WebhookKey *key, const char *id, int64 timestamp, const char *payload, size_t length,
						   const char *signatures);

#endif							/* MHUB_WEBHOOK_SIGNATURE_H */

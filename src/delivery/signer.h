/*
 * signer.h
 *	  How the gateways want requests signed.
 */
#ifndef MHUB_SIGNER_H
#define MHUB_SIGNER_H

#include "common/pgcompat.h"

/* A request as far as signatures cover it; time is in seconds since 1970. */
typedef struct SignedRequest
{
	const char *method;
	const char *host;
	const char *path;
	const char *query;			/* canonical: sorted and escaped; may be empty */
	const char *content_type;
	const char *body;
	size_t		body_length;
	int64		time;
	const char *nonce;
} SignedRequest;

extern char *signer_aliyun(const SignedRequest *request, const char *key_id, const char *key_secret,
						   const char *action, const char *version, char **headers, int *header_count);
extern char *signer_tencent(const SignedRequest *request, const char *key_id, const char *key_secret,
							const char *service);
extern char *signer_robot(int64 time, const char *secret, bool key_is_text);

#endif							/* MHUB_SIGNER_H */

/*
 * signer.c
 *	  How the gateways want requests signed.
 *
 * Aliyun: ACS3-HMAC-SHA256 ("V3 request body and signature mechanism").
 * Tencent Cloud: TC3-HMAC-SHA256 ("Signature v3").  DingTalk and Feishu
 * robots: HMAC-SHA256 over timestamp and secret.
 */
#include "delivery/signer.h"

#include <time.h>

#include "delivery/digest.h"

static char *
utc(int64 time, const char *format)
{
	time_t		seconds = (time_t) time;
	struct tm	broken;
	char		text[64];

	gmtime_r(&seconds, &broken);
	strftime(text, sizeof(text), format, &broken);
	return pstrdup(text);
}

static char *
hmac_hex(const void *key, size_t key_length, const char *text)
{
	unsigned char mac[DIGEST_LENGTH];

	digest_hmac_sha256(key, key_length, text, strlen(text), mac);
	return digest_hex(mac, DIGEST_LENGTH);
}

/*
 * The value of the Authorization header.  The further headers that the
 * signature covers are added to headers as "name: value".
 */
char *
signer_aliyun(const SignedRequest *request, const char *key_id, const char *key_secret,
			  const char *action, const char *version, char **headers, int *header_count)
{
	static const char names[] = "host;x-acs-action;x-acs-content-sha256;x-acs-date;x-acs-signature-nonce;x-acs-version";
	char	   *body_hash = digest_sha256_hex(request->body, request->body_length);
	char	   *date = utc(request->time, "%Y-%m-%dT%H:%M:%SZ");
	char	   *canonical;
	char	   *to_sign;

	canonical = psprintf("%s\n%s\n%s\nhost:%s\nx-acs-action:%s\nx-acs-content-sha256:%s\nx-acs-date:%s\n"
						 "x-acs-signature-nonce:%s\nx-acs-version:%s\n\n%s\n%s",
						 request->method, request->path, request->query, request->host, action, body_hash, date,
						 request->nonce, version, names, body_hash);
	to_sign = psprintf("ACS3-HMAC-SHA256\n%s", digest_sha256_hex(canonical, strlen(canonical)));
	headers[(*header_count)++] = psprintf("x-acs-action: %s", action);
	headers[(*header_count)++] = psprintf("x-acs-version: %s", version);
	headers[(*header_count)++] = psprintf("x-acs-date: %s", date);
	headers[(*header_count)++] = psprintf("x-acs-signature-nonce: %s", request->nonce);
	headers[(*header_count)++] = psprintf("x-acs-content-sha256: %s", body_hash);
	return psprintf("ACS3-HMAC-SHA256 Credential=%s,SignedHeaders=%s,Signature=%s", key_id, names,
					hmac_hex(key_secret, strlen(key_secret), to_sign));
}

/* The value of the Authorization header; covers content-type and host. */
char *
signer_tencent(const SignedRequest *request, const char *key_id, const char *key_secret, const char *service)
{
	static const char names[] = "content-type;host";
	char	   *day = utc(request->time, "%Y-%m-%d");
	char	   *scope = psprintf("%s/%s/tc3_request", day, service);
	char	   *canonical = psprintf("%s\n%s\n%s\ncontent-type:%s\nhost:%s\n\n%s\n%s", request->method, request->path,
									 request->query, request->content_type, request->host, names,
									 digest_sha256_hex(request->body, request->body_length));
	char	   *to_sign = psprintf("TC3-HMAC-SHA256\n" INT64_FORMAT "\n%s\n%s", request->time, scope,
								   digest_sha256_hex(canonical, strlen(canonical)));
	char	   *first = psprintf("TC3%s", key_secret);
	unsigned char by_day[DIGEST_LENGTH];
	unsigned char by_service[DIGEST_LENGTH];
	unsigned char key[DIGEST_LENGTH];

	digest_hmac_sha256(first, strlen(first), day, strlen(day), by_day);
	digest_hmac_sha256(by_day, DIGEST_LENGTH, service, strlen(service), by_service);
	digest_hmac_sha256(by_service, DIGEST_LENGTH, "tc3_request", strlen("tc3_request"), key);
	return psprintf("TC3-HMAC-SHA256 Credential=%s/%s, SignedHeaders=%s, Signature=%s", key_id, scope, names,
					hmac_hex(key, DIGEST_LENGTH, to_sign));
}

/*
 * The sign of a group robot, in base64.  DingTalk: key is the secret and the
 * text timestamp (milliseconds), newline, secret.  Feishu: that text, with
 * seconds, is the key and the text is empty.
 */
char *
signer_robot(int64 time, const char *secret, bool key_is_text)
{
	char	   *text = psprintf(INT64_FORMAT "\n%s", time, secret);
	unsigned char mac[DIGEST_LENGTH];

	if (key_is_text)
		digest_hmac_sha256(text, strlen(text), "", 0, mac);
	else
		digest_hmac_sha256(secret, strlen(secret), text, strlen(text), mac);
	return digest_base64(mac, DIGEST_LENGTH);
}

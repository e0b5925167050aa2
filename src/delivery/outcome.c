/*
 * outcome.c
 *	  What an answer, or its absence, means for a message and its provider.
 */
#include "delivery/delivery.h"

#define RETRY_AFTER_MAX		86400.0
#define THROTTLE_DEFAULT	5.0

/* Exponential backoff; jitter in [0, 1) takes off up to half, so that failures do not come back in step. */
static double
backoff(const RetryRules *rules, int attempt, double jitter)
{
	double		wait = rules->base_s;

	for (int i = 1; i < attempt && wait < rules->max_s; i++)
		wait *= 2;
	return Min(wait, rules->max_s) * (1 - jitter / 2);
}

static void
retry(const RetryRules *rules, int attempt, double jitter, Judgement *judgement)
{
	if (attempt >= rules->max_attempts)
		judgement->fate = FATE_DEAD;
	else
	{
		judgement->fate = FATE_RETRY;
		judgement->wait_s = Max(backoff(rules, attempt, jitter), judgement->throttle_s);
	}
}

static bool
is_passing_http(long status)
{
	return status >= 500 || status == 408 || status == 425 || status == 429 || status == 423;
}

/* A wrong password is the configuration's fault: the messages wait until it is put right. */
static bool
is_login_http(long status)
{
	return status == 401 || status == 403 || status == 407;
}

static void
judge_http(const TransferRequest *request, ProviderKind kind, const RetryRules *rules, int attempt, double jitter,
		   Judgement *judgement)
{
	long		status = request->status;

	if (status >= 200 && status < 300)
	{
		judgement->fate = FATE_SENT;
		return;
	}
	snprintf(judgement->reason, sizeof(judgement->reason), "http_%ld", status);
	if (status == 429 || (status == 503 && request->retry_after > 0))
		judgement->throttle_s = request->retry_after > 0 ? Min((double) request->retry_after, RETRY_AFTER_MAX)
			: Min(rules->base_s, THROTTLE_DEFAULT);
	judgement->provider_fault = is_login_http(status) || (status >= 500 && judgement->throttle_s == 0);
	judgement->gone = status == 410 && kind == PROVIDER_WEBHOOK;
	if (is_passing_http(status) || is_login_http(status))
		retry(rules, attempt, jitter, judgement);
	else
		judgement->fate = FATE_FAILED;
}

/* 4yz may pass (greylisting, a full mailbox), 5yz is for good; 421 is the server as a whole. */
static void
judge_smtp(const TransferRequest *request, const RetryRules *rules, int attempt, double jitter, Judgement *judgement)
{
	if (request->status < 400)
	{
		judgement->fate = FATE_SENT;
		return;
	}
	snprintf(judgement->reason, sizeof(judgement->reason), "smtp_%ld", request->status);
	judgement->provider_fault = request->status == 421;
	if (request->status < 500)
		retry(rules, attempt, jitter, judgement);
	else
		judgement->fate = FATE_FAILED;
}

/*
 * Judges a finished transfer.  attempt counts from 1; jitter is a random
 * number in [0, 1).
 */
void
judge_transfer(const TransferRequest *request, ProviderKind kind, const RetryRules *rules, int attempt, double jitter,
			   Judgement *judgement)
{
	memset(judgement, 0, sizeof(*judgement));
	if (request->result == TRANSFER_ANSWERED)
	{
		if (request->smtp)
			judge_smtp(request, rules, attempt, jitter, judgement);
		else
			judge_http(request, kind, rules, attempt, jitter, judgement);
		return;
	}

	strlcpy(judgement->reason, request->failure, sizeof(judgement->reason));
	if (request->result == TRANSFER_REFUSED_ADDRESS || request->result == TRANSFER_BAD_REQUEST)
		judgement->fate = FATE_FAILED;
	else if (request->result == TRANSFER_CANCELLED && !request->request_sent)
		judgement->fate = FATE_RELEASED;
	else if (request->request_sent && rules->at_most_once && request->result != TRANSFER_LOGIN_DENIED)
	{
		judgement->fate = FATE_UNKNOWN;
		judgement->provider_fault = request->result == TRANSFER_FAILED;
	}
	else
	{
		judgement->provider_fault = request->result != TRANSFER_CANCELLED;
		retry(rules, attempt, jitter, judgement);
	}
}

/*
 * Judges an answer that says no, though its status may say yes.  A reason that
 * the status gives stays.
 */
void
judge_refusal(Refusal refusal, const RetryRules *rules, int attempt, double jitter, Judgement *judgement)
{
	bool		unreadable = refusal == REFUSAL_UNREADABLE;

	judgement->provider_fault = unreadable || refusal == REFUSAL_FAULT;
	if (judgement->reason[0] == 0)
		strlcpy(judgement->reason, unreadable ? "bad_answer" : "api_refused", sizeof(judgement->reason));
	if (unreadable && rules->at_most_once)
		judgement->fate = FATE_UNKNOWN;
	else if (refusal == REFUSAL_FOR_GOOD)
		judgement->fate = FATE_FAILED;
	else
		retry(rules, attempt, jitter, judgement);
}

/*
 * delivery.h
 *	  What the files of the delivery engine share: providers, messages under
 *	  way, and what became of them.
 */
#ifndef MHUB_DELIVERY_H
#define MHUB_DELIVERY_H

#include "common/pgcompat.h"

#include "datatype/timestamp.h"
#include "fmgr.h"
#include "common/spi_plan.h"
#include "delivery/mustache_render.h"
#include "delivery/transport.h"
#include "delivery/webhook_signature.h"
#include "lib/ilist.h"
#include "nodes/pg_list.h"
#include "utils/jsonpath.h"

typedef enum ProviderKind
{
	PROVIDER_HTTP,
	PROVIDER_SMTP,
	PROVIDER_WEBHOOK,
	PROVIDER_LOG
} ProviderKind;

typedef enum RequestSigner
{
	SIGNER_NONE,
	SIGNER_BASIC,
	SIGNER_BEARER,
	SIGNER_ALIYUN,
	SIGNER_TENCENT,
	SIGNER_DINGTALK,
	SIGNER_FEISHU
} RequestSigner;

typedef struct HeaderTemplate
{
	char	   *name;
	MustacheTemplate value;
} HeaderTemplate;

/* What decides between another try and giving up. */
typedef struct RetryRules
{
	int			max_attempts;
	double		base_s;
	double		max_s;
	bool		at_most_once;
} RetryRules;

/* A provider as configured; read again when its row changes. */
typedef struct Provider
{
	char	   *name;
	char	   *channel;
	char	   *version;		/* of its row */
	ProviderKind kind;
	RequestSigner signer;
	char	   *method;
	MustacheTemplate url;
	MustacheTemplate body;
	bool		has_body;
	MustacheEscape body_escape;
	const char *content_type;
	HeaderTemplate *headers;
	int			header_count;
	Jsonb	   *scope;			/* {"provider": parameters, "secret": secrets} */
	bool		require_tls;
	WebhookKey	signing_key;
	JsonPath   *success_path;
	JsonPath   *retry_path;
	JsonPath   *fault_path;
	JsonPath   *message_id_path;
	int			concurrency;
	int			connect_timeout_ms;
	int			timeout_ms;
	RetryRules	rules;
	int			breaker_failures;
	double		breaker_pause_s;
	Interval	expires_after;

	/* this run */
	bool		usable;			/* active and not paused, as of the last look */
	bool		dirty;			/* its recorded state is not that of a healthy one */
	bool		limited;		/* has a rate */
	bool		capped;			/* frequency caps hold on its channel */
	bool		probing;		/* half open: one message at a time */
	bool		paused;			/* by this run: start nothing more */
	bool		gone;			/* the other side wants no more */
	bool		succeeded;		/* since the last recording */
	int			new_failures;	/* in a row at the end of what is not recorded yet */
	int			streak;			/* failures in a row */
	int			slow_ms;		/* how long its answers take at their slowest, of late */
	double		throttle_s;
	int			prefetch;		/* messages to claim at a time */
	TimestampTz next_claim_at;
	int			in_flight;
	dlist_head	ready;			/* claimed, not started */
	int			ready_count;
} Provider;

typedef enum Fate
{
	FATE_NONE,
	FATE_SENT,
	FATE_RETRY,
	FATE_FAILED,
	FATE_DEAD,
	FATE_UNKNOWN,
	FATE_SUPPRESSED,
	FATE_DEFERRED,				/* until not_before, the attempt does not count */
	FATE_RELEASED				/* back in the queue as if never claimed */
} Fate;

/* What an outcome means for the message and for the provider. */
typedef struct Judgement
{
	Fate		fate;
	char		reason[48];		/* empty when sent */
	double		wait_s;			/* retry: not before so many seconds */
	double		throttle_s;		/* the provider wants a pause */
	bool		provider_fault; /* counts towards its breaker */
	bool		gone;			/* the receiver wants no more, ever */
} Judgement;

/* Why an API says no in what it answers. */
typedef enum Refusal
{
	REFUSAL_FOR_GOOD,
	REFUSAL_PASSING,			/* busy, flow control */
	REFUSAL_FAULT,				/* the account's or the settings', not the message's */
	REFUSAL_UNREADABLE			/* whether it says no cannot be told */
} Refusal;

/* Messages claimed together share memory, which goes with the last of them. */
typedef struct Batch
{
	MemoryContext context;
	SPITupleTable *rows;		/* as claimed; the messages point into it */
	int			count;
} Batch;

typedef struct Message
{
	dlist_node	node;
	Batch	   *batch;
	Provider   *provider;
	int64		message_id;
	TimestampTz created_at;
	TimestampTz claimed_at;
	TimestampTz start_by;		/* later another deliverer might take it over before we are through */
	TimestampTz not_before;		/* when it was due; FATE_DEFERRED: when it will be again */
	int64		identifier_id;	/* addressed; 0: none */
	int			attempt;
	bool		pinned;			/* asked for this provider */
	bool		needs_content;	/* there is a person, an address or a template */
	bool		started;
	bool		judged;			/* its answer has been read */
	char	   *idempotency_key;
	Jsonb	   *data;
	char	   *recipient;
	char	   *subject;
	char	   *text;
	char	   *html;
	char	   *code;
	Jsonb	   *parameters;
	char	   *unsubscribe_url;
	const char *next_provider;	/* where a repetition should go; NULL: anywhere */
	TransferRequest request;
	Judgement	judgement;
	char	   *provider_message_id;
} Message;

/* One call of mhub.deliver_messages(). */
typedef struct Run
{
	MemoryContext context;		/* as long as the call */
	MemoryContext scratch;		/* one exchange with the tables */
	Transport  *transport;
	int			slots;
	List	   *providers;		/* those in use, by channel and priority */
	int			ready_count;	/* over all providers */
	dlist_head	done;			/* to be recorded */
	int			done_count;
	dlist_head	held;			/* to be recorded later: somebody has locked their rows */
	TimestampTz done_since;		/* when the first of them was */
	TimestampTz deadline;
	int			lease_s;
	TimestampTz claimed_at;		/* when it last claimed */
	bool		stopping;		/* claim and start nothing more */
	int			decided;		/* messages dealt with since the last exchange */
	int			undecided;		/* those whose cap depends on others under way */
	List	   *short_of_rate;	/* providers whose rate allows nothing at the moment */
	bool		waiting;		/* messages are due, but rates allow none, or somebody else claims, right now */
	int			turn;			/* provider to start with next */
} Run;

/* outcome.c */
extern void judge_transfer(const TransferRequest *request, ProviderKind kind, const RetryRules *rules, int attempt,
						   double jitter, Judgement *judgement);
extern void judge_refusal(Refusal refusal, const RetryRules *rules, int attempt, double jitter, Judgement *judgement);

/* provider.c */
extern Provider *provider_load(const char *name, MemoryContext context);
extern char *provider_secret(const Provider *provider, const char *name);
extern char *provider_parameter(const Provider *provider, const char *name);

/* request.c */
extern const char *request_build(Message *message);

/* deliver.c */
extern void delivery_done(Run *run, Message *message);
extern void note_health(Provider *provider, const Judgement *judgement);
extern bool too_late_for(const Run *run, const Provider *provider);
extern Transport *delivery_open_transport(MemoryContext context, int slots, int answer_max);
extern TimestampTz delivery_deadline(FunctionCallInfo fcinfo, const char *procedure);

/* statement.c */
extern void delivery_execute(MhubPlan *plan, Datum *values, const char *nulls, int expected, const char *what);
extern void delivery_execute_batch(MhubPlan *plan, Datum *values, int expected);

/* locked_rows.c */
extern bool delivery_try_batch(MhubPlan *plan, Datum *values, int expected);
extern void lock_messages(const Datum *keys, Datum *ours, Datum *busy);
extern bool is_busy(Datum busy, int64 message_id);

/* watch.c */
extern void look_at_providers(Run *run, TimestampTz now);

/* content.c */
extern void prepare_content(Provider *provider, int count);
extern void content_from_data(Message *message);

/* claim.c */
extern void claim_messages(Run *run, TimestampTz now, bool ask_all);
extern void batch_release(Batch *batch);

/* record.c */
extern bool record_done(Run *run, TimestampTz now);

/* answer.c */
extern bool answer_decides(const Message *message);
extern void answer_read(Message *message, double jitter);
extern char *answer_excerpt(const Message *message);

#endif							/* MHUB_DELIVERY_H */

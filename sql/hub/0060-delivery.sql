-- Delivery: channels, providers, templates, and the outbox.

CREATE TABLE mhub.delivery_channel (
    channel text PRIMARY KEY CHECK (channel <> ''),
    identifier_kind text,
    consent_required boolean NOT NULL DEFAULT true,
    at_most_once boolean NOT NULL DEFAULT false,
    cap_count integer CHECK (cap_count > 0),
    cap_period interval NOT NULL DEFAULT '1 day' CHECK (cap_period > interval '0' AND cap_period <= interval '10 years'),
    quiet_from time,
    quiet_until time,
    expires_after interval NOT NULL DEFAULT '3 days' CHECK (expires_after > interval '0' AND expires_after <= interval '10 years'),
    CHECK ((quiet_from IS NULL) = (quiet_until IS NULL))
);
COMMENT ON TABLE mhub.delivery_channel IS 'The ways to reach a person, and the rules that hold for each whatever the provider. Edit freely; add your own channels.';
COMMENT ON COLUMN mhub.delivery_channel.channel IS 'Name of the channel: email, sms, push, wecom, webhook ...';
COMMENT ON COLUMN mhub.delivery_channel.identifier_kind IS 'Kind of the identifier that is the address of a person on this channel (email, phone ...); NULL: the message names its recipient, or the provider''s address is enough (a group robot, a webhook).';
COMMENT ON COLUMN mhub.delivery_channel.consent_required IS 'True: marketing messages go only to persons who consent to this channel. Transactional messages go unless the address is suppressed.';
COMMENT ON COLUMN mhub.delivery_channel.at_most_once IS 'True: a message whose fate is unknown (crash or time-out after it was handed over) is not repeated but set aside in state unknown for review. False: it is repeated with the same idempotency key.';
COMMENT ON COLUMN mhub.delivery_channel.cap_count IS 'At most so many marketing messages per person within cap_period; further ones are suppressed. NULL: no cap.';
COMMENT ON COLUMN mhub.delivery_channel.cap_period IS 'The sliding window of cap_count.';
COMMENT ON COLUMN mhub.delivery_channel.quiet_from IS 'Time at which quiet hours begin, in the zone of the person, else of the workflow, else of the hub; marketing messages wait until they end. NULL: none.';
COMMENT ON COLUMN mhub.delivery_channel.quiet_until IS 'Local time at which quiet hours end; may be before quiet_from (over midnight).';
COMMENT ON COLUMN mhub.delivery_channel.expires_after IS 'A message not sent so long after it became due is given up (state dead, reason expired).';

INSERT INTO mhub.delivery_channel (channel, identifier_kind, consent_required, cap_count, quiet_from, quiet_until) VALUES
    ('email', 'email', true, NULL, NULL, NULL),
    ('sms', 'phone', true, NULL, '21:00', '08:00'),
    ('push', 'device', true, NULL, '21:00', '08:00'),
    ('wecom', NULL, false, NULL, NULL, NULL),
    ('dingtalk', NULL, false, NULL, NULL, NULL),
    ('feishu', NULL, false, NULL, NULL, NULL),
    ('webhook', NULL, false, NULL, NULL, NULL);

CREATE TABLE mhub.provider (
    name text PRIMARY KEY CHECK (name <> ''),
    channel text NOT NULL REFERENCES mhub.delivery_channel,
    kind text NOT NULL CHECK (kind IN ('http', 'smtp', 'webhook', 'log')),
    active boolean NOT NULL DEFAULT true,
    priority integer NOT NULL DEFAULT 100,
    url text NOT NULL DEFAULT '' CHECK (mhub.check_template(url)),
    method text NOT NULL DEFAULT 'POST' CHECK (method IN ('GET', 'POST', 'PUT', 'PATCH', 'DELETE')),
    headers jsonb NOT NULL DEFAULT '{}' CHECK (jsonb_typeof(headers) = 'object'),
    body text CHECK (mhub.check_template(body)),
    body_format text NOT NULL DEFAULT 'json' CHECK (body_format IN ('json', 'form', 'text')),
    signer text NOT NULL DEFAULT 'none' CHECK (signer IN ('none', 'basic', 'bearer', 'aliyun', 'tencent', 'dingtalk', 'feishu')),
    parameters jsonb NOT NULL DEFAULT '{}' CHECK (jsonb_typeof(parameters) = 'object'),
    tls text NOT NULL DEFAULT 'required' CHECK (tls IN ('required', 'none')),
    success_path jsonpath,
    retry_path jsonpath,
    fault_path jsonpath,
    message_id_path jsonpath,
    rate_per_second double precision CHECK (rate_per_second > 0 AND rate_per_second <= 1000000),
    rate_per_day integer CHECK (rate_per_day >= 0),
    concurrency integer NOT NULL DEFAULT 16 CHECK (concurrency BETWEEN 1 AND 64),
    connect_timeout interval NOT NULL DEFAULT '5 s' CHECK (connect_timeout > interval '0' AND connect_timeout <= interval '1 min'),
    timeout interval NOT NULL DEFAULT '15 s' CHECK (timeout > interval '0' AND timeout <= interval '2 min'),
    max_attempts integer NOT NULL DEFAULT 8 CHECK (max_attempts BETWEEN 1 AND 100),
    retry_base interval NOT NULL DEFAULT '30 s' CHECK (retry_base > interval '0' AND retry_base <= interval '1 year'),
    retry_max interval NOT NULL DEFAULT '6 h' CHECK (retry_max > interval '0' AND retry_max <= interval '1 year'),
    breaker_failures integer NOT NULL DEFAULT 10 CHECK (breaker_failures > 0),
    breaker_pause interval NOT NULL DEFAULT '1 min' CHECK (breaker_pause > interval '0' AND breaker_pause <= interval '30 days')
);
CREATE INDEX provider_channel_idx ON mhub.provider (channel, priority);
COMMENT ON TABLE mhub.provider IS 'Configured gateways. mhub.create_provider() fills one in from a preset; secrets are set with mhub.set_provider_secret().';
COMMENT ON COLUMN mhub.provider.name IS 'Name of the provider, as messages may ask for it.';
COMMENT ON COLUMN mhub.provider.channel IS 'The channel it serves.';
COMMENT ON COLUMN mhub.provider.kind IS 'http: any API, from url, headers and body templates; smtp: e-mail by SMTP; webhook: the message''s data as a signed Standard Webhooks request; log: nothing leaves the database, every message counts as sent (tests, dry runs).';
COMMENT ON COLUMN mhub.provider.active IS 'False: takes no messages. Set to false by itself when the other side answers 410 Gone.';
COMMENT ON COLUMN mhub.provider.priority IS 'Order among the channel''s providers: the smallest one that works is used, the next ones take over when it fails.';
COMMENT ON COLUMN mhub.provider.url IS 'Template of the address: https://... or smtp://host:port or smtps://host:port. {{values}} are escaped as URL components.';
COMMENT ON COLUMN mhub.provider.method IS 'HTTP method.';
COMMENT ON COLUMN mhub.provider.headers IS 'HTTP headers, name to template; for smtp: further mail headers, encoded where they are not ASCII.';
COMMENT ON COLUMN mhub.provider.body IS 'Template of the HTTP request''s body; {{values}} are escaped as body_format says. It may use to, from, subject, text, html, message_id, code, parameters (the template''s), provider (this row''s parameters), secret and data.';
COMMENT ON COLUMN mhub.provider.body_format IS 'json, form (application/x-www-form-urlencoded) or text; decides the Content-Type and how values are escaped.';
COMMENT ON COLUMN mhub.provider.signer IS 'How a request proves who sends it: none; basic (secrets user and password); bearer (secret token); aliyun (ACS3-HMAC-SHA256, secrets access_key_id and access_key_secret); tencent (TC3-HMAC-SHA256, secrets secret_id and secret_key); dingtalk and feishu (robots with secret sign_key). A webhook provider always signs with secret signing_key.';
COMMENT ON COLUMN mhub.provider.parameters IS 'Settings that are no secrets, for the templates: {{provider.name}}. E-mail uses from, from_name, reply_to.';
COMMENT ON COLUMN mhub.provider.tls IS 'smtp: required (STARTTLS or smtps, certificate verified) or none, for a relay on this machine.';
COMMENT ON COLUMN mhub.provider.success_path IS 'For APIs that answer 200 to refusals: jsonpath predicate over the JSON answer that must hold, e.g. $.Code == "OK". NULL: a 2xx status is success.';
COMMENT ON COLUMN mhub.provider.retry_path IS 'For refusals, be it that success_path does not hold or that the status is 4xx: jsonpath predicate over the JSON answer that makes it a passing one (flow control, busy), to be tried again. NULL: refusals are for good.';
COMMENT ON COLUMN mhub.provider.fault_path IS 'For refusals likewise: jsonpath predicate that holds where the account or the settings are to blame and not the message (wrong key, no credit). It is tried again, counts towards the breaker, and goes to the next provider meanwhile. NULL: none does.';
COMMENT ON COLUMN mhub.provider.message_id_path IS 'jsonpath to the provider''s own id of the message in its JSON answer; NULL: none.';
COMMENT ON COLUMN mhub.provider.rate_per_second IS 'At most so many messages per second; NULL: no limit.';
COMMENT ON COLUMN mhub.provider.rate_per_day IS 'At most so many messages per day of the hub''s time zone; NULL: no limit.';
COMMENT ON COLUMN mhub.provider.concurrency IS 'At most so many requests in flight at a time from one deliverer.';
COMMENT ON COLUMN mhub.provider.connect_timeout IS 'Longest time to establish a connection.';
COMMENT ON COLUMN mhub.provider.timeout IS 'Longest time for a whole request.';
COMMENT ON COLUMN mhub.provider.max_attempts IS 'After so many failed attempts a message is dead.';
COMMENT ON COLUMN mhub.provider.retry_base IS 'Wait before the first repetition; doubles each time, with jitter of up to half.';
COMMENT ON COLUMN mhub.provider.retry_max IS 'The wait grows no longer than this, unless the provider asks for more by Retry-After.';
COMMENT ON COLUMN mhub.provider.breaker_failures IS 'After so many failures in a row that are the provider''s fault the breaker opens: no messages for breaker_pause, then a single one as a probe.';
COMMENT ON COLUMN mhub.provider.breaker_pause IS 'How long an open breaker stays open; doubles at each failed probe, up to 64 times this.';

CREATE TABLE mhub.provider_state (
    provider text PRIMARY KEY REFERENCES mhub.provider ON UPDATE CASCADE ON DELETE CASCADE,
    breaker text NOT NULL DEFAULT 'closed' CHECK (breaker IN ('closed', 'open', 'half_open')),
    failures integer NOT NULL DEFAULT 0,
    trips integer NOT NULL DEFAULT 0,
    paused_until timestamptz,
    pause_reason text,
    tokens double precision NOT NULL DEFAULT 0,
    tokens_at timestamptz NOT NULL DEFAULT '1970-01-01',
    day date NOT NULL DEFAULT '1970-01-01',
    day_count integer NOT NULL DEFAULT 0
) WITH (fillfactor = 50);
COMMENT ON TABLE mhub.provider_state IS 'How each provider is doing: breaker, pauses and what is left of its rate. Kept by mhub.deliver_messages().';
COMMENT ON COLUMN mhub.provider_state.provider IS 'The provider.';
COMMENT ON COLUMN mhub.provider_state.breaker IS 'closed: normal; open: failing, left alone until paused_until; half_open: one message is under way as a probe.';
COMMENT ON COLUMN mhub.provider_state.failures IS 'Failures in a row that were the provider''s fault.';
COMMENT ON COLUMN mhub.provider_state.trips IS 'How often the breaker opened since it was last closed.';
COMMENT ON COLUMN mhub.provider_state.paused_until IS 'No messages before this time; NULL or past: none such.';
COMMENT ON COLUMN mhub.provider_state.pause_reason IS 'Why it is paused: breaker or throttled (429, Retry-After).';
COMMENT ON COLUMN mhub.provider_state.tokens IS 'Messages allowed at once at tokens_at; refilled by rate_per_second up to one second''s worth.';
COMMENT ON COLUMN mhub.provider_state.tokens_at IS 'When tokens was last counted.';
COMMENT ON COLUMN mhub.provider_state.day IS 'The day that day_count counts.';
COMMENT ON COLUMN mhub.provider_state.day_count IS 'Messages handed out to the provider on that day.';

CREATE TABLE mhub.template (
    template_id integer GENERATED BY DEFAULT AS IDENTITY PRIMARY KEY,
    key text NOT NULL,
    channel text NOT NULL REFERENCES mhub.delivery_channel,
    locale text NOT NULL DEFAULT '',
    subject text CHECK (mhub.check_template(subject)),
    text_body text CHECK (mhub.check_template(text_body)),
    html_body text CHECK (mhub.check_template(html_body)),
    code text,
    parameters jsonb NOT NULL DEFAULT '{}' CHECK (mhub.check_template(parameters::text)),
    updated_at timestamptz NOT NULL DEFAULT now(),
    UNIQUE (key, channel, locale)
);
COMMENT ON TABLE mhub.template IS 'Texts of messages, as Mustache templates, per channel and locale.';
COMMENT ON COLUMN mhub.template.template_id IS 'Surrogate id.';
COMMENT ON COLUMN mhub.template.key IS 'Name of the template, as messages ask for it.';
COMMENT ON COLUMN mhub.template.channel IS 'The channel this text is for.';
COMMENT ON COLUMN mhub.template.locale IS 'Language (and region) as in BCP 47, e.g. zh-CN or zh; empty: for everybody without a better match.';
COMMENT ON COLUMN mhub.template.subject IS 'Subject or title; values are not escaped.';
COMMENT ON COLUMN mhub.template.text_body IS 'Plain text; values are not escaped.';
COMMENT ON COLUMN mhub.template.html_body IS 'HTML; values are escaped.';
COMMENT ON COLUMN mhub.template.code IS 'The id under which a gateway has approved this text (Aliyun SMS, Tencent SMS), for the provider''s body as {{code}}.';
COMMENT ON COLUMN mhub.template.parameters IS 'What such a gateway fills in itself: object or list of templates; their results reach the provider''s body as {{parameters}}.';
COMMENT ON COLUMN mhub.template.updated_at IS 'When it was last changed.';

CREATE TABLE mhub.template_partial (
    name text PRIMARY KEY,
    text_body text NOT NULL DEFAULT '' CHECK (mhub.check_template(text_body)),
    html_body text NOT NULL DEFAULT '' CHECK (mhub.check_template(html_body))
);
COMMENT ON TABLE mhub.template_partial IS 'Pieces that several templates share (header, footer, imprint), used as {{>name}}.';
COMMENT ON COLUMN mhub.template_partial.name IS 'Name of the piece.';
COMMENT ON COLUMN mhub.template_partial.text_body IS 'What {{>name}} stands for in a subject or text.';
COMMENT ON COLUMN mhub.template_partial.html_body IS 'What {{>name}} stands for in HTML.';

CREATE TABLE mhub.message (
    message_id bigint GENERATED BY DEFAULT AS IDENTITY,
    created_at timestamptz NOT NULL DEFAULT now(),
    person_id bigint,
    channel text NOT NULL,
    purpose text NOT NULL DEFAULT 'marketing',
    provider text,
    template text,
    locale text,
    recipient text,
    data jsonb NOT NULL DEFAULT '{}' CHECK (jsonb_typeof(data) = 'object'),
    order_key text,
    idempotency_key text NOT NULL DEFAULT 'msg_' || replace(gen_random_uuid()::text, '-', ''),
    not_before timestamptz NOT NULL DEFAULT now(),
    expires_at timestamptz,
    workflow text,
    enrollment_id bigint,
    step text,
    campaign text,
    content text,
    state text NOT NULL DEFAULT 'queued'
        CHECK (state IN ('queued', 'sending', 'sent', 'delivered', 'failed', 'dead', 'suppressed', 'deferred', 'unknown')),
    pending boolean NOT NULL DEFAULT true,
    reason text,
    attempts integer NOT NULL DEFAULT 0,
    identifier_id bigint,
    sent_by text,
    sent_at timestamptz,
    provider_message_id text,
    response_code integer,
    latency_ms integer,
    PRIMARY KEY (message_id, created_at)
) PARTITION BY RANGE (created_at);
CREATE TABLE mhub.message_default PARTITION OF mhub.message DEFAULT WITH (fillfactor = 50);
INSERT INTO mhub.partition_policy (parent) VALUES ('message');
CREATE INDEX message_idempotency_key_idx ON mhub.message USING hash (idempotency_key);
CREATE INDEX message_provider_message_id_idx ON mhub.message (provider_message_id) WHERE provider_message_id IS NOT NULL;
CREATE INDEX message_person_id_idx ON mhub.message (person_id, created_at) WHERE person_id IS NOT NULL;
-- Messages to bare addresses are found by these.
CREATE INDEX message_recipient_idx ON mhub.message USING hash (lower(recipient)) WHERE person_id IS NULL;
-- What webhooks told other systems is found by the person whose turn order_key keeps (59-connectors.sql), for export and erasure.
CREATE INDEX message_told_of_idx ON mhub.message (split_part(order_key, ' ', 2)) WHERE starts_with(idempotency_key, 'sub_');
SELECT mhub.create_partition('message', now() + step * interval '1 month') FROM generate_series(0, 3) AS step;
COMMENT ON TABLE mhub.message IS 'The outbox: a row is a message to send, inserted in the transaction that decides on it, and then its history. mhub.deliver_messages() sends what is pending. Insert into this table, not into its partitions: a trigger puts the new rows into mhub.message_queue.';
COMMENT ON TABLE mhub.message_default IS 'Takes the messages for whose time there is no partition.';
COMMENT ON COLUMN mhub.message.message_id IS 'Surrogate id.';
COMMENT ON COLUMN mhub.message.created_at IS 'When the message was decided on.';
COMMENT ON COLUMN mhub.message.person_id IS 'Whom it is for; NULL for messages to systems.';
COMMENT ON COLUMN mhub.message.channel IS 'How it is to go.';
COMMENT ON COLUMN mhub.message.purpose IS 'marketing needs consent and keeps to caps and quiet hours; any other purpose (transactional, system) only respects the suppression list.';
COMMENT ON COLUMN mhub.message.provider IS 'The only provider that may send it; NULL: the best of the channel.';
COMMENT ON COLUMN mhub.message.template IS 'Key of the template in mhub.template; NULL: data itself has subject, text and html.';
COMMENT ON COLUMN mhub.message.locale IS 'Wanted language; NULL: the person''s trait locale, else the template without a locale.';
COMMENT ON COLUMN mhub.message.recipient IS 'Address that is no personal data (URL, group, topic); NULL: the person''s identifier of the channel''s kind, looked up and unsealed only when sending.';
COMMENT ON COLUMN mhub.message.data IS 'Values for the template: workflow context, the event, and so on; the profile is added when sending. For webhooks the payload.';
COMMENT ON COLUMN mhub.message.order_key IS 'Messages with the same key go out one after the other, by message_id; one that fails for now holds up those behind it. NULL: in any order.';
COMMENT ON COLUMN mhub.message.idempotency_key IS 'The message''s id towards the outside, the same over all repetitions; unique by its making. Who inserts may derive it from what caused the message.';
COMMENT ON COLUMN mhub.message.not_before IS 'When it is due; moves on with each repetition or deferral.';
COMMENT ON COLUMN mhub.message.expires_at IS 'Given up when not sent by then; NULL: the channel''s expires_after behind created_at.';
COMMENT ON COLUMN mhub.message.workflow IS 'Key of the workflow it comes from; NULL: none.';
COMMENT ON COLUMN mhub.message.enrollment_id IS 'The enrollment it comes from; NULL: none.';
COMMENT ON COLUMN mhub.message.step IS 'The workflow''s step it comes from; NULL: none.';
COMMENT ON COLUMN mhub.message.campaign IS 'Campaign name as in utm_campaign, for attribution.';
COMMENT ON COLUMN mhub.message.content IS 'Variant of the content as in utm_content, for attribution.';
COMMENT ON COLUMN mhub.message.state IS 'queued (new), sending (handed to a deliverer), deferred (waits for another try, the end of quiet hours or of a pause), sent (accepted by the provider), delivered (confirmed by an event), failed (refused for good), dead (given up), suppressed (must not be sent), unknown (at_most_once: may or may not have gone out; review).';
COMMENT ON COLUMN mhub.message.pending IS 'True while there is still something to do: state queued, sending or deferred. Set to false (with a state) it is not sent any more; mhub.retry_message() sets it to true.';
COMMENT ON COLUMN mhub.message.reason IS 'Why it is in this state: unsubscribed, no_address, cap, quiet_hours, http_500, timeout ...; NULL when all went well.';
COMMENT ON COLUMN mhub.message.attempts IS 'Times it was handed to a deliverer.';
COMMENT ON COLUMN mhub.message.identifier_id IS 'The identifier it was addressed to; NULL until sent, and for messages that name their recipient.';
COMMENT ON COLUMN mhub.message.sent_by IS 'The provider of the last attempt.';
COMMENT ON COLUMN mhub.message.sent_at IS 'When the provider accepted it.';
COMMENT ON COLUMN mhub.message.provider_message_id IS 'The provider''s own id of it, for delivery events.';
COMMENT ON COLUMN mhub.message.response_code IS 'HTTP or SMTP status of the last attempt.';
COMMENT ON COLUMN mhub.message.latency_ms IS 'Duration of the last attempt in milliseconds.';

-- Claiming and settling touch these few bytes and their two small indexes. Nothing that mhub.message has an index on
-- changes while a message is delivered, so there every new version of the row stays on its page (HOT).
CREATE TABLE mhub.message_queue (
    message_id bigint PRIMARY KEY,
    created_at timestamptz NOT NULL,
    channel text NOT NULL REFERENCES mhub.delivery_channel,
    provider text REFERENCES mhub.provider ON UPDATE CASCADE,
    not_before timestamptz NOT NULL,
    lease_until timestamptz,
    deferred boolean NOT NULL DEFAULT false,
    order_key text
) WITH (fillfactor = 45);
CREATE INDEX message_queue_due_idx ON mhub.message_queue (channel, (coalesce(provider, '')), not_before);
CREATE INDEX message_queue_order_idx ON mhub.message_queue (order_key, message_id) WHERE order_key IS NOT NULL;
CREATE TRIGGER message_to_queue AFTER INSERT ON mhub.message
    REFERENCING NEW TABLE AS fresh FOR EACH STATEMENT EXECUTE FUNCTION mhub.message_to_queue();
COMMENT ON TABLE mhub.message_queue IS 'Which messages of mhub.message are pending, and when they are due: the queue that mhub.deliver_messages() works off. Kept by it and by a trigger; a row whose message is not pending any more is dropped when its turn comes.';
COMMENT ON COLUMN mhub.message_queue.message_id IS 'The message.';
COMMENT ON COLUMN mhub.message_queue.created_at IS 'The rest of the message''s key.';
COMMENT ON COLUMN mhub.message_queue.channel IS 'Its channel.';
COMMENT ON COLUMN mhub.message_queue.provider IS 'The provider it has to go through: the one the message asks for or, after a failure, the one to try next. NULL: the best of the channel.';
COMMENT ON COLUMN mhub.message_queue.not_before IS 'When it is due.';
COMMENT ON COLUMN mhub.message_queue.lease_until IS 'A deliverer has it (state sending); from this time on that one counts as lost and another may take over. NULL: nobody has it.';
COMMENT ON COLUMN mhub.message_queue.deferred IS 'True: it waits for another try, the end of quiet hours or of a pause (state deferred).';
COMMENT ON COLUMN mhub.message_queue.order_key IS 'As in mhub.message: of those with the same key only the first in the queue may go.';

CREATE TABLE mhub.provider_secret (
    provider text NOT NULL REFERENCES mhub.provider ON UPDATE CASCADE ON DELETE CASCADE,
    name text NOT NULL CHECK (name <> ''),
    value mhub.enc NOT NULL,
    PRIMARY KEY (provider, name)
);
SELECT mhub.register_enc_column('provider_secret.value');
COMMENT ON TABLE mhub.provider_secret IS 'Passwords, tokens and keys of the providers. Set them with mhub.set_provider_secret().';
COMMENT ON COLUMN mhub.provider_secret.provider IS 'The provider.';
COMMENT ON COLUMN mhub.provider_secret.name IS 'Which secret: user, password, token, signing_key, access_key_id ...; templates use it as {{secret.name}}.';
COMMENT ON COLUMN mhub.provider_secret.value IS 'The secret, sealed with the keyring''s key for secrets.';

CREATE TABLE mhub.delivery_failure (
    message_id bigint NOT NULL,
    attempt integer NOT NULL,
    failed_at timestamptz NOT NULL DEFAULT now(),
    provider text NOT NULL,
    state text NOT NULL,
    reason text NOT NULL,
    response_code integer,
    latency_ms integer,
    answer text
);
CREATE INDEX delivery_failure_message_id_idx ON mhub.delivery_failure (message_id);
CREATE INDEX delivery_failure_failed_at_idx ON mhub.delivery_failure USING brin (failed_at);
COMMENT ON TABLE mhub.delivery_failure IS 'Attempts that failed, one row each; an attempt that succeeded is in mhub.message.';
COMMENT ON COLUMN mhub.delivery_failure.message_id IS 'The message.';
COMMENT ON COLUMN mhub.delivery_failure.attempt IS 'Which attempt, from 1.';
COMMENT ON COLUMN mhub.delivery_failure.failed_at IS 'When it was recorded.';
COMMENT ON COLUMN mhub.delivery_failure.provider IS 'The provider that was tried.';
COMMENT ON COLUMN mhub.delivery_failure.state IS 'The state of the message it led to: deferred, failed, dead or unknown.';
COMMENT ON COLUMN mhub.delivery_failure.reason IS 'Why: http_500, smtp_550, timeout, connect, tls, api_refused ...';
COMMENT ON COLUMN mhub.delivery_failure.response_code IS 'HTTP or SMTP status; NULL: no answer.';
COMMENT ON COLUMN mhub.delivery_failure.latency_ms IS 'Duration in milliseconds.';
COMMENT ON COLUMN mhub.delivery_failure.answer IS 'The beginning of the answer, the recipient''s address blotted out.';

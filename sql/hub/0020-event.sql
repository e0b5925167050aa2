-- Events: one immutable fact each, partitioned by time; the message ids ever seen; what could not be understood.

CREATE SEQUENCE mhub.event_id_seq;
CREATE TABLE mhub.event (
    event_id bigint NOT NULL DEFAULT mhub.next_event_id(),
    occurred_at timestamptz NOT NULL,
    received_at timestamptz NOT NULL DEFAULT now(),
    identifier_id bigint NOT NULL,
    type text NOT NULL DEFAULT 'track',
    name text NOT NULL,
    message_id text NOT NULL DEFAULT gen_random_uuid()::text,
    channel text,
    source text,
    medium text,
    campaign text,
    term text,
    content text,
    campaign_id text,
    click_id text,
    click_network text,
    referrer_host text,
    search_term text,
    is_paid boolean,
    url text,
    ip inet,
    user_agent text,
    invalid_reason text,
    value numeric,
    currency text,
    original_timestamp timestamptz,
    sent_at timestamptz,
    client_sequence bigint,
    properties jsonb NOT NULL DEFAULT '{}',
    context jsonb NOT NULL DEFAULT '{}',
    PRIMARY KEY (event_id, occurred_at)
) PARTITION BY RANGE (occurred_at);
CREATE INDEX event_identifier_id_occurred_at_idx ON mhub.event (identifier_id, occurred_at);
CREATE TABLE mhub.event_default PARTITION OF mhub.event DEFAULT;
ALTER SEQUENCE mhub.event_id_seq OWNED BY mhub.event.event_id;
COMMENT ON TABLE mhub.event IS 'One immutable fact per row. Who did it is identifier_id; the person follows from mhub.identifier. Partitioned by occurred_at, see mhub.partition_policy.';
COMMENT ON TABLE mhub.event_default IS 'Takes the events for whose time there is no partition, so that none is ever refused. mhub.maintain_partitions() moves them into partitions of their own.';
COMMENT ON COLUMN mhub.event.event_id IS 'Surrogate id, ascending in the order of arrival. Read new events up to mhub.event_horizon() only: see there.';
COMMENT ON COLUMN mhub.event.occurred_at IS 'When it happened, corrected for clock skew; never later than received_at.';
COMMENT ON COLUMN mhub.event.received_at IS 'When the hub received it.';
COMMENT ON COLUMN mhub.event.identifier_id IS 'The identifier that did it (mhub.identifier); never rewritten.';
COMMENT ON COLUMN mhub.event.type IS 'Kind of call: track, page or screen; hub for events of the hub itself (mhub.record_event()).';
COMMENT ON COLUMN mhub.event.name IS 'Name of the event, e.g. Order Completed; Page Viewed for pages, Screen Viewed for screens.';
COMMENT ON COLUMN mhub.event.message_id IS 'The sender''s unique id of this message; a repetition is a duplicate (mhub.event_message).';
COMMENT ON COLUMN mhub.event.channel IS 'Channel group of the source, e.g. Paid Search.';
COMMENT ON COLUMN mhub.event.source IS 'Traffic source, e.g. baidu (utm_source or derived).';
COMMENT ON COLUMN mhub.event.medium IS 'Medium, e.g. cpc (utm_medium or derived).';
COMMENT ON COLUMN mhub.event.campaign IS 'utm_campaign.';
COMMENT ON COLUMN mhub.event.term IS 'utm_term.';
COMMENT ON COLUMN mhub.event.content IS 'utm_content.';
COMMENT ON COLUMN mhub.event.campaign_id IS 'utm_id or the ad network''s campaign id.';
COMMENT ON COLUMN mhub.event.click_id IS 'The ad network''s click id, e.g. the value of gclid or bd_vid.';
COMMENT ON COLUMN mhub.event.click_network IS 'The ad network the click id belongs to.';
COMMENT ON COLUMN mhub.event.referrer_host IS 'Host of the referrer when it is another site.';
COMMENT ON COLUMN mhub.event.search_term IS 'Search words passed on by a search engine''s referrer.';
COMMENT ON COLUMN mhub.event.is_paid IS 'True for paid traffic.';
COMMENT ON COLUMN mhub.event.url IS 'Page address, without query values that look personal.';
COMMENT ON COLUMN mhub.event.ip IS 'Client address, truncated unless mhub.ip_policy says otherwise.';
COMMENT ON COLUMN mhub.event.user_agent IS 'The client''s user agent.';
COMMENT ON COLUMN mhub.event.invalid_reason IS 'Why the event does not count (bot_user_agent, test_visit ...); NULL for a valid one.';
COMMENT ON COLUMN mhub.event.value IS 'Value of the event in currency, from its properties (revenue, total or value).';
COMMENT ON COLUMN mhub.event.currency IS 'ISO 4217 code of value.';
COMMENT ON COLUMN mhub.event.original_timestamp IS 'The client''s own time of the event as it was sent, before any correction; NULL when it sent none.';
COMMENT ON COLUMN mhub.event.sent_at IS 'The client''s own time of sending; with received_at it tells the skew of its clock. NULL when it sent none.';
COMMENT ON COLUMN mhub.event.client_sequence IS 'The client''s own number of the message, where it sends one.';
COMMENT ON COLUMN mhub.event.properties IS 'Properties as sent, without addresses (see url).';
COMMENT ON COLUMN mhub.event.context IS 'Context as sent, without what has its own column and without traits.';

CREATE TABLE mhub.event_message (
    message_key uuid PRIMARY KEY,
    event_id bigint NOT NULL
);
COMMENT ON TABLE mhub.event_message IS 'Every message id ever accepted, for ever: that is what makes a retry a duplicate whatever its time, and after its event''s partition is gone.';
COMMENT ON COLUMN mhub.event_message.message_key IS 'The message id itself when it is a UUID, else the first 128 bits of its SHA-256.';
COMMENT ON COLUMN mhub.event_message.event_id IS 'The event it became; for identify, group and alias messages a number of the same sequence without an event.';

CREATE TABLE mhub.rejected (
    rejected_id bigint GENERATED BY DEFAULT AS IDENTITY PRIMARY KEY,
    received_at timestamptz NOT NULL DEFAULT now(),
    source text NOT NULL,
    reason text NOT NULL,
    detail text,
    message_id text,
    raw text NOT NULL
);
CREATE INDEX rejected_received_at_idx ON mhub.rejected (received_at);
CREATE UNIQUE INDEX rejected_once_idx ON mhub.rejected (source, message_id, md5(raw)) WHERE message_id IS NOT NULL;
COMMENT ON TABLE mhub.rejected IS 'Messages and log lines that could not be understood, kept as they came so that nothing is lost; the same one with an id is kept once, however often it comes. May hold personal data: mhub.retention deletes them after 30 days unless you change that.';
COMMENT ON COLUMN mhub.rejected.rejected_id IS 'Surrogate id.';
COMMENT ON COLUMN mhub.rejected.received_at IS 'When the hub received it.';
COMMENT ON COLUMN mhub.rejected.source IS 'Which entrance it came through: ingest, access_log ...';
COMMENT ON COLUMN mhub.rejected.reason IS 'Why it was rejected, as a stable word: no_identifier, invalid_timestamp, not_json ...';
COMMENT ON COLUMN mhub.rejected.detail IS 'What was wrong in this case, without personal data; NULL when the reason says it all.';
COMMENT ON COLUMN mhub.rejected.message_id IS 'The sender''s id of the message where it could be read; of a line of an access log one made from its content.';
COMMENT ON COLUMN mhub.rejected.raw IS 'The message or line as received.';

CREATE TABLE mhub.consumer (
    name text PRIMARY KEY,
    last_event_id bigint NOT NULL DEFAULT 0,
    updated_at timestamptz NOT NULL DEFAULT now()
);
COMMENT ON TABLE mhub.consumer IS 'How far each incremental reader of mhub.event has come (segments, sessions, rollups, attribution ...). See mhub.claim_events().';
COMMENT ON COLUMN mhub.consumer.name IS 'Name of the reader.';
COMMENT ON COLUMN mhub.consumer.last_event_id IS 'It has processed every event up to this id; next come those above, up to mhub.event_horizon().';
COMMENT ON COLUMN mhub.consumer.updated_at IS 'When it last moved on.';

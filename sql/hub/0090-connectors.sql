-- Connectors: events out to other systems, spend in from advertising platforms.

CREATE TABLE mhub.webhook_subscription (
    name text PRIMARY KEY CHECK (name <> ''),
    provider text NOT NULL REFERENCES mhub.provider ON UPDATE CASCADE,
    event_names text[],
    conversions boolean NOT NULL DEFAULT false,
    filter jsonb NOT NULL DEFAULT '{}' CHECK (jsonb_typeof(filter) = 'object'),
    active boolean NOT NULL DEFAULT true,
    after_event_id bigint NOT NULL,
    created_at timestamptz NOT NULL DEFAULT now()
);
COMMENT ON TABLE mhub.webhook_subscription IS 'Who wants to hear of events, segments and conversions: a CRM, an ERP, a warehouse. Made with mhub.subscribe_webhook(); fed by mhub.feed_webhooks().';
COMMENT ON COLUMN mhub.webhook_subscription.name IS 'Name of the subscription.';
COMMENT ON COLUMN mhub.webhook_subscription.provider IS 'The provider (of kind webhook or http) that delivers it.';
COMMENT ON COLUMN mhub.webhook_subscription.event_names IS 'Names of the events wanted; NULL: all. Segments entered and left are events too.';
COMMENT ON COLUMN mhub.webhook_subscription.conversions IS 'True: conversions are wanted as well, as type conversion.';
COMMENT ON COLUMN mhub.webhook_subscription.filter IS 'Properties an event must have (jsonb containment); {} takes every event. Does not apply to conversions.';
COMMENT ON COLUMN mhub.webhook_subscription.active IS 'False: nothing is queued; later events are passed over.';
COMMENT ON COLUMN mhub.webhook_subscription.after_event_id IS 'Only events with a larger id are its business: those after it was made.';
COMMENT ON COLUMN mhub.webhook_subscription.created_at IS 'When it was made.';

CREATE TRIGGER conversion_to_webhooks AFTER INSERT ON mhub.conversion
    REFERENCING NEW TABLE AS fresh FOR EACH STATEMENT EXECUTE FUNCTION mhub.conversion_to_webhooks();

CREATE TABLE mhub.cost_source (
    name text PRIMARY KEY CHECK (name <> ''),
    provider text NOT NULL REFERENCES mhub.provider ON UPDATE CASCADE,
    rows_path jsonpath NOT NULL,
    next_path jsonpath,
    mapping jsonb NOT NULL DEFAULT '{}',
    defaults jsonb NOT NULL DEFAULT '{}',
    day_format text NOT NULL DEFAULT 'YYYY-MM-DD',
    next_day date NOT NULL,
    look_back integer NOT NULL DEFAULT 3 CHECK (look_back >= 0),
    every interval NOT NULL DEFAULT '6 hours' CHECK (every > '0'),
    active boolean NOT NULL DEFAULT true,
    started_day date,
    page integer NOT NULL DEFAULT 1,
    cursor text,
    entries jsonb NOT NULL DEFAULT '[]',
    not_before timestamptz NOT NULL DEFAULT '-infinity',
    failures integer NOT NULL DEFAULT 0,
    last_error text,
    imported_at timestamptz
);
COMMENT ON TABLE mhub.cost_source IS 'Advertising platforms whose spend is fetched day by day into mhub.cost by mhub.fetch_costs().';
COMMENT ON COLUMN mhub.cost_source.name IS 'Name of the source.';
COMMENT ON COLUMN mhub.cost_source.provider IS 'How to ask: a provider of kind http. Its templates see {{data.day}}, {{data.page}} (from 1) and {{data.cursor}}.';
COMMENT ON COLUMN mhub.cost_source.rows_path IS 'jsonpath to the rows in the answer, e.g. $.data.list[*].';
COMMENT ON COLUMN mhub.cost_source.next_path IS 'jsonpath that tells whether there is another page: true or a cursor for it; nothing, null, false or an empty text: this was the last. NULL: there is only one.';
COMMENT ON COLUMN mhub.cost_source.mapping IS 'For the columns of mhub.cost the keys they have in the rows, as for mhub.import_cost().';
COMMENT ON COLUMN mhub.cost_source.defaults IS 'Values for columns the rows lack, as for mhub.import_cost(); the day asked for is one by itself.';
COMMENT ON COLUMN mhub.cost_source.day_format IS 'How days are written in the rows, as for to_date().';
COMMENT ON COLUMN mhub.cost_source.next_day IS 'The day that is asked for next; set it back to load again.';
COMMENT ON COLUMN mhub.cost_source.look_back IS 'So many days before yesterday are loaded again each time, since platforms correct their figures.';
COMMENT ON COLUMN mhub.cost_source.every IS 'Time between two rounds once yesterday is loaded.';
COMMENT ON COLUMN mhub.cost_source.active IS 'False: not fetched.';
COMMENT ON COLUMN mhub.cost_source.started_day IS 'The day that page, cursor and entries belong to; NULL: none. When next_day is another, that one begins at its first page.';
COMMENT ON COLUMN mhub.cost_source.page IS 'The page of next_day that is asked for next.';
COMMENT ON COLUMN mhub.cost_source.cursor IS 'What the page before gave as cursor.';
COMMENT ON COLUMN mhub.cost_source.entries IS 'Rows of the pages of next_day fetched so far; imported all at once with the last page.';
COMMENT ON COLUMN mhub.cost_source.not_before IS 'Not asked before: after a failure, between rounds, and while somebody is asking.';
COMMENT ON COLUMN mhub.cost_source.failures IS 'Failures in a row.';
COMMENT ON COLUMN mhub.cost_source.last_error IS 'What went wrong last; NULL when the last page was fine.';
COMMENT ON COLUMN mhub.cost_source.imported_at IS 'When a day was last imported completely.';

INSERT INTO mhub.delivery_channel (channel, consent_required) VALUES ('cost', false);
INSERT INTO mhub.job (name, every, max_time, runner) VALUES ('feed_webhooks', '2 seconds', '15 seconds', NULL), ('fetch_costs', '5 minutes', '20 seconds', 'costs');

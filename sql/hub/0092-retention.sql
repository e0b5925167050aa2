-- How long the hub keeps what.

CREATE TABLE mhub.retention (
    policy text PRIMARY KEY,
    relation regclass NOT NULL,
    time_column text NOT NULL,
    keep interval CHECK (keep > interval '0'),
    action text NOT NULL CHECK (action IN ('delete', 'scrub')),
    scrub text,
    condition text NOT NULL DEFAULT 'true',
    done_until timestamptz,
    full_pass_at timestamptz,
    rows_done bigint NOT NULL DEFAULT 0,
    pass_since timestamptz,
    pass_until timestamptz,
    leaves_left regclass[],
    next_block bigint,
    CHECK ((action = 'scrub') = (scrub IS NOT NULL))
);
COMMENT ON TABLE mhub.retention IS 'What is deleted or scrubbed when it gets old; mhub.apply_retention() applies it. Change keep to your needs, add policies for tables of your own. Whole months of events go cheaper by mhub.partition_policy.';
COMMENT ON COLUMN mhub.retention.policy IS 'Name of the policy.';
COMMENT ON COLUMN mhub.retention.relation IS 'The table; for a partitioned one all partitions.';
COMMENT ON COLUMN mhub.retention.time_column IS 'Its column of type timestamptz or date that tells how old a row is.';
COMMENT ON COLUMN mhub.retention.keep IS 'How long rows stay as they are; NULL: for ever.';
COMMENT ON COLUMN mhub.retention.action IS 'delete the row, or scrub it.';
COMMENT ON COLUMN mhub.retention.scrub IS 'For scrub: assignments, e.g. ip = NULL. Executed as it is.';
COMMENT ON COLUMN mhub.retention.condition IS 'SQL condition on the table, called t, for rows there is something to do with; for scrub it must become false by it. Executed as it is.';
COMMENT ON COLUMN mhub.retention.done_until IS 'Rows older than this have been seen to; the next pass starts here.';
COMMENT ON COLUMN mhub.retention.full_pass_at IS 'When a pass from the beginning of time last ended; there is one every 30 days, for rows that came late.';
COMMENT ON COLUMN mhub.retention.rows_done IS 'Rows deleted or scrubbed so far.';
COMMENT ON COLUMN mhub.retention.pass_since IS 'Of the pass under way: rows from this time on.';
COMMENT ON COLUMN mhub.retention.pass_until IS 'Of the pass under way: rows before this time; NULL: none is under way.';
COMMENT ON COLUMN mhub.retention.leaves_left IS 'Of the pass under way: tables still to do, the first one next.';
COMMENT ON COLUMN mhub.retention.next_block IS 'Of the pass under way: the page of that table to go on with.';

INSERT INTO mhub.retention (policy, relation, time_column, keep, action, scrub, condition) VALUES
    ('events', 'mhub.event', 'occurred_at', NULL, 'delete', NULL, 'true'),
    ('event IP addresses', 'mhub.event', 'occurred_at', '90 days', 'scrub', 'ip = NULL', 't.ip IS NOT NULL'),
    ('event user agents', 'mhub.event', 'occurred_at', '395 days', 'scrub', 'user_agent = NULL', 't.user_agent IS NOT NULL'),
    ('messages', 'mhub.message', 'created_at', NULL, 'delete', NULL, 'NOT t.pending'),
    ('message contents', 'mhub.message', 'created_at', '365 days', 'scrub', 'recipient = NULL, data = ''{}''', 'NOT t.pending AND (t.recipient IS NOT NULL OR t.data <> ''{}'')'),
    ('rejected input', 'mhub.rejected', 'received_at', '30 days', 'delete', NULL, 'true'),
    ('delivery failures', 'mhub.delivery_failure', 'failed_at', '90 days', 'delete', NULL, 'true'),
    ('visitor salts', 'mhub.visitor_salt', 'day', '2 days', 'delete', NULL, 'true'),
    ('access log', 'mhub.access_log', 'accessed_at', '1095 days', 'delete', NULL, 'true');

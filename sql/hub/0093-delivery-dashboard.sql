-- How delivery is doing, for dashboards.

CREATE VIEW mhub.delivery_backlog AS
SELECT q.channel, q.provider,
       count(*) FILTER (WHERE q.lease_until IS NULL AND NOT q.deferred) AS queued,
       count(*) FILTER (WHERE q.lease_until IS NULL AND q.deferred) AS deferred,
       count(q.lease_until) AS sending,
       count(*) FILTER (WHERE q.not_before <= now()) AS due,
       coalesce(now() - min(q.not_before) FILTER (WHERE q.not_before <= now()), interval '0') AS oldest_due
FROM mhub.message_queue AS q
GROUP BY q.channel, q.provider;
COMMENT ON VIEW mhub.delivery_backlog IS 'What waits in the outbox, per channel and the provider it is bound to.';
COMMENT ON COLUMN mhub.delivery_backlog.channel IS 'The channel.';
COMMENT ON COLUMN mhub.delivery_backlog.provider IS 'The provider asked for or next in turn; NULL: the best of the channel.';
COMMENT ON COLUMN mhub.delivery_backlog.queued IS 'Messages never tried.';
COMMENT ON COLUMN mhub.delivery_backlog.deferred IS 'Messages waiting for another try, the end of quiet hours and the like.';
COMMENT ON COLUMN mhub.delivery_backlog.sending IS 'Messages in the hands of a deliverer.';
COMMENT ON COLUMN mhub.delivery_backlog.due IS 'Messages that could go out now.';
COMMENT ON COLUMN mhub.delivery_backlog.oldest_due IS 'How long the longest-waiting of them has been due.';

CREATE VIEW mhub.delivery_hour AS
WITH outcome AS (
    SELECT m.sent_by AS provider, m.channel, date_trunc('hour', m.sent_at) AS hour, true AS attempted, NULL AS reason, m.latency_ms, NULL::interval AS backlog_age
    FROM mhub.message AS m WHERE m.sent_at IS NOT NULL AND m.sent_by IS NOT NULL
    UNION ALL
    SELECT f.provider, p.channel, date_trunc('hour', f.failed_at), true, f.reason, f.latency_ms, NULL AS backlog_age
    FROM mhub.delivery_failure AS f LEFT JOIN mhub.provider AS p ON p.name = f.provider
    UNION ALL
    -- What is bound for no provider waits for the best of its channel.
    SELECT coalesce(b.provider, (SELECT p.name FROM mhub.provider AS p WHERE p.channel = b.channel AND p.active ORDER BY p.priority, p.name LIMIT 1)),
           b.channel, date_trunc('hour', now()), false, NULL AS reason, NULL AS latency_ms, b.oldest_due
    FROM mhub.delivery_backlog AS b WHERE b.due > 0
), by_reason AS (
    SELECT provider, hour, jsonb_object_agg(reason, n) AS failed_by_reason
    FROM (SELECT provider, hour, reason, count(*) AS n FROM outcome WHERE reason IS NOT NULL GROUP BY provider, hour, reason) AS counted
    GROUP BY provider, hour
)
SELECT o.provider, max(o.channel) AS channel, o.hour,
       count(*) FILTER (WHERE o.attempted AND o.reason IS NULL) AS sent,
       count(o.reason) AS failed,
       coalesce(min(b.failed_by_reason::text)::jsonb, '{}') AS failed_by_reason,
       percentile_cont(0.5) WITHIN GROUP (ORDER BY o.latency_ms) AS latency_p50_ms,
       percentile_cont(0.95) WITHIN GROUP (ORDER BY o.latency_ms) AS latency_p95_ms,
       max(o.backlog_age) AS backlog_age
FROM outcome AS o LEFT JOIN by_reason AS b ON b.provider = o.provider AND b.hour = o.hour
GROUP BY o.provider, o.hour;
COMMENT ON VIEW mhub.delivery_hour IS 'Attempts per provider and hour: sent, failed and why, latency. Ask for the hours you want to see (WHERE hour >= ...).';
COMMENT ON COLUMN mhub.delivery_hour.provider IS 'The provider; NULL: messages are due on a channel without one.';
COMMENT ON COLUMN mhub.delivery_hour.channel IS 'Its channel.';
COMMENT ON COLUMN mhub.delivery_hour.hour IS 'Start of the hour in which attempts ended.';
COMMENT ON COLUMN mhub.delivery_hour.sent IS 'Messages accepted by the provider.';
COMMENT ON COLUMN mhub.delivery_hour.failed IS 'Attempts that failed, repetitions included.';
COMMENT ON COLUMN mhub.delivery_hour.failed_by_reason IS 'The failed ones by reason: {"http_500": 3, "timeout": 1}.';
COMMENT ON COLUMN mhub.delivery_hour.latency_p50_ms IS 'Median duration of an attempt in milliseconds.';
COMMENT ON COLUMN mhub.delivery_hour.latency_p95_ms IS '95th percentile of the duration in milliseconds.';
COMMENT ON COLUMN mhub.delivery_hour.backlog_age IS 'In the current hour: how long the longest-waiting message for the provider has been due; NULL: nothing is due, or a past hour.';

INSERT INTO mhub.retention (policy, relation, time_column, keep, action) VALUES
    ('delivery events', 'mhub.delivery_event', 'recorded_at', '395 days', 'delete');

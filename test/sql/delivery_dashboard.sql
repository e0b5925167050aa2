-- The dashboard views and doctor() on a small outbox.
BEGIN;
SELECT mhub.install() > 0 AS applied;
SELECT check_name, status, detail, hint FROM mhub.doctor_delivery();

INSERT INTO mhub.provider (name, channel, kind) VALUES ('dry', 'email', 'log'), ('阿里云', 'sms', 'log');
INSERT INTO mhub.message (channel, provider, state, pending, sent_by, sent_at, latency_ms)
SELECT 'email', 'dry', 'sent', false, 'dry', timestamptz '2026-11-11 08:10+00' + n * interval '1 min', n * 10 FROM generate_series(1, 20) AS n;
INSERT INTO mhub.delivery_failure (message_id, attempt, failed_at, provider, state, reason, latency_ms)
VALUES (1, 1, '2026-11-11 08:05+00', 'dry', 'deferred', 'http_500', 5), (2, 1, '2026-11-11 08:06+00', 'dry', 'deferred', 'timeout', 15000),
       (3, 1, '2026-11-11 08:07+00', 'dry', 'deferred', 'http_500', 5), (4, 1, '2026-11-11 09:00+00', '阿里云', 'failed', 'api_refused', 30);
SET LOCAL timezone = 'UTC';
SELECT * FROM mhub.delivery_hour ORDER BY hour;

INSERT INTO mhub.message (channel, state, not_before, purpose) VALUES ('email', 'queued', now() - interval '20 min', 'system'), ('email', 'deferred', now() + interval '1 h', 'system'),
    ('push', 'queued', now(), 'system');
INSERT INTO mhub.message (channel, state, pending) VALUES ('email', 'unknown', false), ('email', 'dead', false);
INSERT INTO mhub.provider_state (provider, breaker, paused_until, pause_reason) VALUES ('dry', 'open', '2026-11-11 10:00+00', 'breaker');
SELECT channel, provider, queued, deferred, sending, due, oldest_due FROM mhub.delivery_backlog ORDER BY channel;
SELECT provider, channel, hour = date_trunc('hour', now()) AS now, sent, failed, backlog_age FROM mhub.delivery_hour WHERE backlog_age IS NOT NULL ORDER BY channel;
SELECT check_name, status, detail FROM mhub.doctor_delivery();
ROLLBACK;

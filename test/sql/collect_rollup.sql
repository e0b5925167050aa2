-- Counters and rollups agree with the events, also after some were judged anew.
BEGIN;
SELECT mhub.install() > 0 AS applied;
SET LOCAL mhub.time_zone = 'Asia/Shanghai';

CREATE FUNCTION pg_temp.counters_differ() RETURNS bigint LANGUAGE sql AS $$
    SELECT count(*) FROM (
        SELECT identifier_id, name COLLATE "C" AS name, (occurred_at AT TIME ZONE 'Asia/Shanghai')::date AS day, count(*) AS count, coalesce(sum(value), 0) AS value_sum, min(occurred_at) AS first_at, max(occurred_at) AS last_at
        FROM mhub.event WHERE invalid_reason IS NULL GROUP BY 1, 2, 3) AS naive
    FULL JOIN mhub.event_counter AS c USING (identifier_id, name, day)
    WHERE (naive.count, naive.value_sum, naive.first_at, naive.last_at) IS DISTINCT FROM (c.count, c.value_sum, c.first_at, c.last_at) $$;
CREATE FUNCTION pg_temp.rollups_differ() RETURNS bigint LANGUAGE sql AS $$
    SELECT count(*) FROM (
        SELECT date_trunc('hour', occurred_at) AS hour, coalesce(channel, '') COLLATE "C" AS channel, name COLLATE "C" AS name, count(*) AS events, coalesce(sum(value), 0) AS value_sum
        FROM mhub.event WHERE invalid_reason IS NULL AND event_id <= (SELECT last_event_id FROM mhub.consumer WHERE name = 'rollups') GROUP BY 1, 2, 3) AS naive
    FULL JOIN mhub.rollup_hour AS r USING (hour, channel, name)
    WHERE (naive.events, naive.value_sum) IS DISTINCT FROM (r.events, r.value_sum) $$;
CREATE FUNCTION pg_temp.visitors_differ() RETURNS bigint LANGUAGE sql AS $$
    SELECT count(*) FROM (
        SELECT date_trunc('hour', occurred_at) AS hour, coalesce(channel, '') AS channel, count(DISTINCT person_id) AS visitors
        FROM mhub.event JOIN mhub.identifier USING (identifier_id) WHERE invalid_reason IS NULL GROUP BY 1, 2) AS naive
    FULL JOIN mhub.traffic_by_hour('-infinity', 'infinity') AS t USING (hour, channel) WHERE naive.visitors IS DISTINCT FROM t.visitors $$;

-- Random events of 12 visitors over 3 days, some with value, several names, late ones among them.
SELECT setseed(0.42);
SELECT count(*) AS accepted FROM mhub.ingest((SELECT jsonb_agg(jsonb_build_object(
    'type', CASE WHEN n % 3 = 0 THEN 'page' ELSE 'track' END, 'event', (ARRAY['浏览', 'View', 'Order Completed'])[1 + (random() * 2)::int],
    'anonymousId', 'a-' || (random() * 11)::int, 'timestamp', '2026-03-01T00:00:00Z'::timestamptz + random() * interval '3 days',
    'properties', CASE WHEN random() < 0.5 THEN jsonb_build_object('value', (random() * 100)::numeric(8, 2), 'url', 'https://shop.example.cn/?utm_source=baidu&utm_medium=cpc') ELSE '{}' END,
    'context', CASE WHEN random() < 0.1 THEN '{"userAgent": "Baiduspider/2.0"}' ELSE '{}'::jsonb END))
    FROM generate_series(1, 600) AS n)) WHERE status = 'accepted';
SELECT pg_temp.counters_differ() AS counters_differ;
SELECT upto_event_id > after_event_id AS claimed, mhub.add_to_rollups(after_event_id, upto_event_id, '-infinity', 'infinity') FROM mhub.claim_events('rollups');
SELECT pg_temp.rollups_differ() AS rollups_differ, pg_temp.visitors_differ() AS visitors_differ,
       (SELECT sum(events) FROM mhub.rollup_hour) + (SELECT count(*) FROM mhub.event WHERE invalid_reason IS NOT NULL) AS all_events;

-- More events, then a merge: counters need no change, visitors become fewer.
SELECT mhub.track('Order Completed', '{"anonymous_id": "a-3", "user_id": "u-1"}', '{"value": 5}', '{}', '2026-03-02 03:04Z') > 0 AS merged;
SELECT mhub.track('Order Completed', '{"anonymous_id": "a-4", "user_id": "u-1"}', '{"value": 5}', '{}', '2026-03-02 03:05Z') > 0 AS merged;
SELECT mhub.add_to_rollups(after_event_id, upto_event_id, '-infinity', 'infinity') FROM mhub.claim_events('rollups');
SELECT pg_temp.counters_differ() AS counters_differ, pg_temp.rollups_differ() AS rollups_differ, pg_temp.visitors_differ() AS visitors_differ;
SELECT mhub.unique_visitors('-infinity', 'infinity') AS persons, count(DISTINCT identifier_id) AS identifiers FROM mhub.event WHERE invalid_reason IS NULL;
SELECT mhub.unique_visitors('-infinity', 'infinity', 'Paid Search') = count(DISTINCT person_id) AS by_channel
FROM mhub.event JOIN mhub.identifier USING (identifier_id) WHERE invalid_reason IS NULL AND channel = 'Paid Search';

-- Judged anew, in both directions.
SELECT array_agg(event_id) AS changed FROM mhub.event WHERE event_id % 7 = 0 \gset
UPDATE mhub.event SET invalid_reason = CASE WHEN invalid_reason IS NULL THEN 'rate' END WHERE event_id % 7 = 0;
SELECT pg_temp.counters_differ() > 0 AS counters_differ, pg_temp.rollups_differ() > 0 AS rollups_differ;
SELECT mhub.recount_events(:'changed');
SELECT pg_temp.counters_differ() AS counters_differ, pg_temp.rollups_differ() AS rollups_differ, pg_temp.visitors_differ() AS visitors_differ;
SELECT mhub.recount_events(NULL), mhub.recount_events('{-1}');
-- A counter of nothing goes away.
UPDATE mhub.event SET invalid_reason = 'test_visit' WHERE identifier_id = (SELECT identifier_id FROM mhub.identifier WHERE kind = 'user_id');
SELECT mhub.recount_events(array_agg(event_id)) FROM mhub.event WHERE invalid_reason = 'test_visit';
SELECT pg_temp.counters_differ() AS counters_differ, pg_temp.rollups_differ() AS rollups_differ, count(*) AS left_over FROM mhub.event_counter WHERE count = 0;

-- Sums are in the hub's currency, where a rate is known; what the hub itself records makes nobody a visitor.
SELECT count(mhub.track('付款', '{"anonymous_id": "c-1"}', properties::jsonb, '{}', '2026-03-05 08:00Z')) AS paid
FROM unnest(ARRAY['{"value": 10, "currency": "usd"}', '{"value": 10, "currency": "CNY"}', '{"value": 10}', '{"value": 10, "currency": "EUR"}']) AS properties;
SELECT value_sum AS without_rates FROM mhub.event_counter WHERE name = '付款';
INSERT INTO mhub.exchange_rate (currency, to_currency, day, rate) VALUES ('USD', 'CNY', '2026-03-01', 7.1), ('USD', 'CNY', '2026-03-06', 7.2), ('CNY', 'JPY', '2026-01-01', 20.5);
SELECT count(mhub.track('付款', '{"anonymous_id": "c-1"}', properties::jsonb, '{}', at::timestamptz)) AS paid
FROM (VALUES ('{"value": 10, "currency": "usd"}', '2026-03-05 15:59:59Z'), ('{"value": "10", "currency": "USD"}', '2026-03-05 16:00Z'), ('{"value": 41, "currency": "JPY"}', '2026-03-05 16:00Z'),
             ('{"value": 10, "currency": "USD"}', '2026-02-28 15:59Z')) AS e(properties, at);
SELECT day, value_sum FROM mhub.event_counter WHERE name = '付款' ORDER BY day;
SELECT mhub.recount_events(array_agg(event_id)) FROM mhub.event WHERE name = '付款';
SELECT day, value_sum AS recounted FROM mhub.event_counter WHERE name = '付款' ORDER BY day;
UPDATE mhub.attribution_setting SET currency = 'USD';
SELECT mhub.recount_events(array_agg(event_id)) FROM mhub.event WHERE name = '付款';
SELECT day, value_sum AS in_dollars FROM mhub.event_counter WHERE name = '付款' ORDER BY day;
SELECT mhub.record_event(identifier_id, '系统', '{}', '2026-03-07 08:00Z') > 0 AS recorded FROM mhub.identifier WHERE value = 'c-1';
SELECT mhub.add_to_rollups(after_event_id, upto_event_id, '-infinity', 'infinity') FROM mhub.claim_events('rollups');
SELECT hour AT TIME ZONE 'UTC' AS hour, events, value_sum, visitors FROM mhub.traffic_by_hour('2026-03-05Z', '2026-03-08Z');

-- Where clocks go back at midnight, a day begins at two times (Havana, 2026-11-01, 04:00 and 05:00 in UTC).
SET LOCAL mhub.time_zone = 'America/Havana';
SELECT count(mhub.track('夜', '{"anonymous_id": "h-1"}', '{}', '{}', timestamptz '2026-11-01 02:30Z' + n * interval '30 minutes', 'h' || n)) AS tracked FROM generate_series(0, 8) AS n;
CREATE TEMP TABLE written AS SELECT c.* FROM mhub.event_counter AS c WHERE c.name = '夜';
SELECT mhub.recount_events(array_agg(event_id)) FROM mhub.event WHERE name = '夜';
SELECT w.day, w.count, w IS NOT DISTINCT FROM c AS recounted_the_same FROM written AS w FULL JOIN mhub.event_counter AS c USING (identifier_id, name, day) WHERE name = '夜' ORDER BY w.day;
ROLLBACK;

-- track, page and screen: one event each, once; what goes into columns; what is an error.
BEGIN;
SELECT mhub.install() > 0 AS applied;
CREATE FUNCTION pg_temp.row_of(id bigint) RETURNS jsonb LANGUAGE sql AS $$
    SELECT jsonb_strip_nulls(to_jsonb(e) - '{event_id,occurred_at,received_at,identifier_id,message_id}'::text[]) FROM mhub.event AS e WHERE e.event_id = id $$;

-- Money from revenue, total or value, also as text; the rest stays where it is.
SELECT jsonb_pretty(pg_temp.row_of(mhub.track('Order Completed', '{"user_id": "u-1"}', '{"total": 20, "revenue": "12.50", "currency": "cny", "课程": "考研"}')));
SELECT pg_temp.row_of(mhub.track('Money', '{"user_id": "u-1"}', v.properties)) - '{type,name,properties}'::text[] AS money
FROM (VALUES ('{"value": -3.25, "currency": "USD"}'::jsonb), ('{"total": 7, "currency": "euros"}'), ('{"value": "12,50", "revenue": null, "total": {"a": 1}}')) AS v (properties);

-- A page: its address without personal query values, which also leave properties and context.
SELECT jsonb_pretty(pg_temp.row_of(mhub.page('考研英语', '{"cookie": "c-1"}',
    '{"url": "https://shop.example.cn/course/42?utm_source=baidu&utm_medium=cpc&utm_campaign=%E8%80%83%E7%A0%94&email=li%40example.com#top", "title": "冲刺班", "search": "?email=li%40example.com"}',
    '{"page": {"url": "https://shop.example.cn/x?email=li%40example.com", "path": "/course/42"}, "ip": "203.0.113.9, 10.0.0.1", "locale": "zh-CN", "traits": {"email": "li@example.com"},
      "userAgent": "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/120.0.0.0 Safari/537.36"}')));
SELECT pg_temp.row_of(mhub.page(NULL, '{"cookie": "c-1"}')) AS nameless_page;
SELECT pg_temp.row_of(mhub.screen('首页', '{"device": "d-1"}', NULL, '{"campaign": {"source": "wechat", "medium": "social", "name": "双 11"}, "device": {"id": "d-1"}}')) AS screen;
-- An address among the properties of other events is not the page's, but cleaned all the same.
SELECT pg_temp.row_of(mhub.track('Product Viewed', '{"cookie": "c-1"}', '{"url": "https://shop.example.cn/p/1?email=li%40example.com&color=red", "search": "红色"}')) AS product;
-- What is taken out leaves everything else as it was: 300 random objects, also large and nested ones.
SELECT setseed(0.7);
CREATE TEMP TABLE sent AS
SELECT n, (SELECT jsonb_object_agg(left(md5(n || '/' || k), 1 + (random() * 20)::int),
        (ARRAY['null', 'true', 'false', '"文字"', '""', '[]', '{}', '-12.50', '1e30', '[1, {"url": "kept"}]', '{"a": {"b": [null, "\u00e9"]}}', '"' || repeat('长', (random() * 40)::int) || '"'])[1 + (random() * 11)::int]::jsonb)
    FROM generate_series(0, (random() * CASE WHEN n % 5 = 0 THEN 90 ELSE 12 END)::int) AS k) AS rest
FROM generate_series(1, 300) AS n;
SELECT count(mhub.page(NULL, '{"cookie": "c-1"}', rest || '{"url": "https://shop.example.cn/", "search": "?a=1", "referrer": ""}', rest || '{"ip": "203.0.113.9", "page": {"url": "https://shop.example.cn/"}}', message_id => 'random-' || n)) AS pages FROM sent;
SELECT count(*) AS as_sent FROM sent JOIN mhub.event AS e ON e.message_id = 'random-' || n AND e.properties = rest AND e.context = rest AND e.properties::text = rest::text;

-- A robot is recorded, but does not count.
SELECT pg_temp.row_of(mhub.track('Bot Seen', '{"cookie": "c-bot"}', '{}', '{"userAgent": "Mozilla/5.0 (compatible; Baiduspider/2.0; +http://www.baidu.com/search/spider.html)"}'))->>'invalid_reason' AS robot;
SELECT count(*) AS counted FROM mhub.event_counter WHERE name = 'Bot Seen';
-- Not an address: the event does not mind.
SELECT ip.sent, pg_temp.row_of(mhub.track('x', '{"cookie": "c-1"}', '{}', jsonb_build_object('ip', ip.sent)))->'ip' AS ip
FROM (VALUES ('unknown'), ('2001:db8::1'), ('203.0.113.300'), ('203.0.113.9/8'), ('203.0.113.9')) AS ip (sent);

SET LOCAL mhub.ip_policy = 'full';
SELECT pg_temp.row_of(mhub.track('x', '{"cookie": "c-1"}', '{}', '{"ip": "203.0.113.9"}'))->'ip' AS full_ip;
SET LOCAL mhub.ip_policy = 'none';
SELECT pg_temp.row_of(mhub.track('x', '{"cookie": "c-1"}', '{}', '{"ip": "203.0.113.9"}'))->'ip' AS no_ip;

-- Once, whatever its time says.
SELECT mhub.track('Paid', '{"cookie": "c-1"}', '{}', '{}', '2024-01-01Z', 'm-1') = mhub.track('Paid', '{"cookie": "c-1"}', '{}', '{}', '2026-05-01Z', 'm-1') AS same_event;
SELECT mhub.track('Paid', '{"cookie": "c-1"}', message_id => '5A8F6D0E-0f3a-4a0b-9d53-0d6b1f3d9c01') = mhub.track('Paid', '{"cookie": "c-1"}', message_id => '5a8f6d0e-0f3a-4a0b-9d53-0d6b1f3d9c01') AS uuids_ignore_case;
SELECT mhub.track('Paid', '{"cookie": "c-1"}', message_id => 'M-1') = mhub.track('Paid', '{"cookie": "c-1"}', message_id => 'm-1') AS others_do_not;
SELECT count(*) AS paid FROM mhub.event WHERE name = 'Paid';
SELECT count, value_sum, first_at < last_at AS spread FROM mhub.event_counter WHERE name = 'Paid' ORDER BY day;
-- Never later than now.
SELECT mhub.track('future', '{"cookie": "c-1"}', occurred_at => '2126-01-01Z') AS id \gset
SELECT occurred_at = now() AS clamped, original_timestamp = '2126-01-01Z' AS kept FROM mhub.event WHERE event_id = :id;

-- Events of the hub itself count like any other.
SELECT pg_temp.row_of(mhub.record_event(i.identifier_id, '进入分群', '{"segment": "vip"}', NULL, 'segment/vip/' || n)) AS hub_event
FROM mhub.identifier AS i, generate_series(1, 2) AS n WHERE i.kind = 'cookie' AND i.value = 'c-1';
SELECT mhub.record_event(i.identifier_id, '进入分群', '{"segment": "vip"}', NULL, 'segment/vip/1') < max(e.event_id) AS again
FROM mhub.identifier AS i, mhub.event AS e WHERE i.kind = 'cookie' AND i.value = 'c-1' GROUP BY i.identifier_id;
SELECT count FROM mhub.event_counter WHERE name = '进入分群';
SELECT count(*) AS nobody FROM mhub.event AS e WHERE NOT EXISTS (SELECT FROM mhub.identifier AS i WHERE i.identifier_id = e.identifier_id);

-- What cannot be an event is an error, and leaves nothing behind.
SAVEPOINT refused;
SELECT mhub.track('', '{"cookie": "c-1"}');
ROLLBACK TO refused;
SELECT mhub.track(NULL, '{"cookie": "c-1"}');
ROLLBACK TO refused;
SELECT mhub.track('x', '{}', message_id => 'm-2');
ROLLBACK TO refused;
SELECT mhub.track('x', NULL);
ROLLBACK TO refused;
SELECT mhub.track('x', '[]');
ROLLBACK TO refused;
SELECT mhub.track('x', '{"cookie": "c-1"}', '[1]');
ROLLBACK TO refused;
SELECT mhub.track('x', '{"cookie": "c-1"}', '{}', '"s"');
ROLLBACK TO refused;
SELECT mhub.track('x', '{"cookie": "c-1"}', occurred_at => '-infinity');
ROLLBACK TO refused;
SELECT mhub.track(repeat('长', 400), '{"cookie": "c-1"}');
ROLLBACK TO refused;
SELECT mhub.track('x', '{"cookie": "undefined"}');
ROLLBACK TO refused;
SELECT mhub.track('x', '{"no_such_kind": "c-1"}');
ROLLBACK TO refused;
SELECT mhub.record_event(NULL, 'x');
ROLLBACK TO refused;
SELECT count(*) AS left_behind FROM mhub.event_message AS m WHERE NOT EXISTS (SELECT FROM mhub.event AS e WHERE e.event_id = m.event_id);
ROLLBACK;

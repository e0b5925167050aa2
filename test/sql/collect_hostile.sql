-- What broken and hostile clients send spoils neither the other messages of a body nor what is made of events later.
BEGIN;
SELECT mhub.install() > 0 AS applied;
\pset null '¤'
CREATE FUNCTION pg_temp.message(more jsonb) RETURNS jsonb LANGUAGE sql AS $$ SELECT '{"type": "track", "event": "E", "userId": "1"}'::jsonb || more $$;
CREATE FUNCTION pg_temp.noise(length integer) RETURNS text LANGUAGE sql AS $$ SELECT left(string_agg(md5(n::text), ''), length) FROM generate_series(0, length / 32) AS n $$;

-- Message ids longer than an index takes, ASCII and not; a body in between is not harmed.
SELECT "position", length(message_id) AS length, status, reason FROM mhub.ingest(jsonb_build_array(
    pg_temp.message(jsonb_build_object('messageId', pg_temp.noise(100000))),
    pg_temp.message(jsonb_build_object('messageId', 'fine')),
    pg_temp.message(jsonb_build_object('messageId', repeat('长', 900) || pg_temp.noise(9000)))));
SELECT length(message_id) AS length, octet_length(message_id) AS bytes, length(raw) FROM mhub.rejected ORDER BY rejected_id;

-- Numbers that no double holds, wherever a number may stand.
SELECT status, reason FROM mhub.ingest('{"sentAt": 1e400, "batch": [{"event": "E", "userId": "1"}]}');
SELECT status, reason FROM mhub.ingest('[{"event": "E", "userId": "1", "sentAt": -1e400}, {"event": "E", "userId": "1", "sentAt": 1e-400},
    {"event": "E", "userId": "1", "timestamp": 1e400}, {"event": "E", "userId": "1", "sequence": 1e400}, {"event": "E", "userId": "1", "sequence": 9223372036854775807}]');
SELECT status FROM mhub.ingest('[{"event": "S", "userId": "1", "sequence": 9007199254740993}, {"event": "S", "userId": "1", "sequence": "-1234567890123456789"}]');
SELECT client_sequence FROM mhub.event WHERE name = 'S' ORDER BY event_id;

-- Clocks at both ends of time: never an event that no calendar has, never one from the future.
SELECT status FROM mhub.ingest('[{"event": "Old", "userId": "1", "originalTimestamp": "0001-01-01T00:00:00Z", "sentAt": "9999-12-31T23:59:59Z"},
    {"event": "Old", "userId": "1", "originalTimestamp": "0001-01-01T00:00:00Z", "sentAt": "0001-01-01T00:00:00Z"},
    {"event": "Old", "userId": "1", "originalTimestamp": "9999-12-31T23:59:59Z", "sentAt": "0001-01-01T00:00:00Z"},
    {"event": "Old", "userId": "1", "originalTimestamp": -62000000000, "sentAt": 99999999999}, {"event": "Old", "userId": "1", "timestamp": -99999999999}]');
SELECT (e.occurred_at AT TIME ZONE 'UTC')::date AS day, e.occurred_at = e.received_at AS received FROM mhub.event AS e WHERE e.name = 'Old' AND e.occurred_at < e.received_at ORDER BY event_id;
SELECT count(*) AS in_the_future FROM mhub.event WHERE occurred_at > received_at;

-- Values that are no money are not taken; sums of those that are never overflow.
SELECT status FROM mhub.ingest('[{"event": "V", "userId": "1", "properties": {"value": 9e131071}}, {"event": "V", "userId": "2", "properties": {"value": -9e131071}},
    {"event": "V", "userId": "3", "properties": {"revenue": 1e12, "total": "12.50"}}, {"event": "V", "userId": "3", "properties": {"value": 999999999999.9999}},
    {"event": "V", "userId": "3", "properties": {"value": 1e-16383}}, {"event": "V", "userId": "3", "properties": {"value": "0.1234567890123456"}}]');
SELECT value, properties ? 'revenue' AS sent FROM mhub.event WHERE name = 'V' ORDER BY event_id;
SELECT mhub.track('V', '{"user_id": "4"}', '{"value": 1e131071}') > 0 AS tracked;

-- Wrong types for every field; the empty array is how PHP writes the empty object.
SELECT "position", status, reason FROM mhub.ingest('[{"type": "identify", "userId": "1", "traits": [1]}, {"type": "identify", "userId": "1", "traits": []}, {"type": "identify", "userId": "1", "traits": "x"},
    {"type": "group", "userId": "1", "groupId": "g", "traits": 7}, {"type": "group", "userId": "1", "groupId": "g", "traits": []}, {"type": "group", "userId": "1", "groupId": {}},
    {"type": "alias", "userId": "1"}, {"type": "alias", "userId": "1", "previousId": []}, {"type": "alias", "previousId": "1"}, {"type": "alias", "userId": "1", "anonymousId": "a"},
    {"type": "track", "event": "E", "userId": "1", "properties": [], "context": []}, {"type": "track", "event": ["E"], "userId": "1"}, {"type": "track", "event": 42, "userId": true},
    {"type": "track", "event": false, "userId": "1"}, {"type": ["track"], "event": "E", "userId": "1"}, {"type": "track", "event": "E", "userId": {"id": 1}, "anonymousId": null},
    {"type": "track", "event": "E", "userId": "1", "context": {"page": "https://x.cn/?phone=13812345678", "ip": [1], "userAgent": {}, "campaign": "x", "device": 7,
        "externalIds": {"a": 1}, "traits": 5, "referrer": {"type": "ad", "url": "https://www.baidu.com/s?wd=1"}}, "timestamp": null, "sentAt": {}, "sequence": "eins", "integrations": 5},
    {"type": "page", "userId": "1", "name": {"a": 1}, "properties": {"url": {"a": 1}, "referrer": [2], "name": null}}]');
SELECT name, type, source, properties, context FROM mhub.event WHERE context <> '{}' OR type = 'page' ORDER BY event_id;
-- The name of a page replaces none, or a null one.
SELECT mhub.page('首页', '{"user_id": "1"}', '{"name": null}', '{}', '2026-01-01', 'n-1') + mhub.page('首页', '{"user_id": "1"}', '{"name": "甲"}', '{}', '2026-01-01', 'n-2') + mhub.screen('首页', '{"user_id": "1"}', NULL, NULL, '2026-01-01', 'n-3') > 0 AS viewed,
    (SELECT count(*) FROM mhub.ingest('[{"type": "page", "userId": "1", "messageId": "n-4", "name": "首页", "category": "课程", "properties": {"name": null, "category": "甲"}}]')) AS ingested, mhub.click('买', '{"user_id": "1"}', properties => NULL, message_id => 'n-5') > 0 AS clicked;
SELECT message_id, properties FROM mhub.event WHERE message_id LIKE 'n-%' ORDER BY message_id;
-- Text that the server cannot hold rejects the message it is in, not the body around it.
CREATE FUNCTION pg_temp.bomb(depth integer) RETURNS text LANGUAGE sql AS $$ SELECT '{"event": "Bomb", "userId": "1", "properties": {"a": ' || repeat('[', depth) || repeat(']', depth) || '}}' $$;
SELECT "position", message_id, status, reason FROM mhub.ingest(text '{"sentAt": "2026-11-22T08:00:00Z", "a]": "}]\"", "batch" : [ {"event": "T", "userId": "1", "messageId": "t-1", "properties": {"a": "]}\\"}},
    {"event": "T", "userId": "1", "messageId": "t-2", "properties": {"title": "half an emoji \ud83d"}} , ' || pg_temp.bomb(200000) || ',{"event": "\u0000", "userId": "1"}, 42, {"event": "T" "userId"},
    {"event": "T", "userId": "1", "messageId": "t-3", "properties": {"title": "\ud83d\ude00 [,{"}}], "context": {"locale": "zh-CN"}}');
SELECT message_id, properties, context, sent_at AT TIME ZONE 'UTC' AS sent_at FROM mhub.event WHERE name = 'T' ORDER BY event_id;
SELECT "position", message_id, status, reason FROM mhub.ingest(text '[{"event": "U", "userId": "1", "messageId": "u-1"}, {"event": "\u0000"}]');
SELECT "position", status, reason FROM mhub.ingest(text '{"batch": [{"event": "U", "userId": "1"}], "context": {"a": "\u0000"}}');
SELECT count(*), bool_and(status = 'rejected' AND reason = 'not_json') AS kept_whole FROM unnest(ARRAY['{"batch": [{"event": "U", "userId": "1"}, {"event"', '[{"event": "U"', '{"a": "\u0000"}', '"batch": []', '{"batch": [}', '', '[', '{"batch', '"\', pg_temp.bomb(100000)]) AS body,
    mhub.ingest(body);
SELECT length(raw) AS length, left(raw, 40) AS raw, reason FROM mhub.rejected WHERE reason = 'not_json' ORDER BY rejected_id;
-- A trigger that finds no row says so about its message only.
CREATE FUNCTION pg_temp.strict() RETURNS trigger LANGUAGE plpgsql AS $$ DECLARE x text; BEGIN SELECT 'x' INTO STRICT x WHERE new.name <> 'Evil'; RETURN new; END $$;
CREATE TRIGGER strict BEFORE INSERT ON mhub.event FOR EACH ROW EXECUTE FUNCTION pg_temp.strict();
SELECT status, reason FROM mhub.ingest('[{"event": "E", "userId": "1"}, {"event": "Evil", "userId": "1"}, {"event": "E", "userId": "2"}]');
-- Batches beyond work_mem, here and through statements, leave no file behind, which would be a warning.
SET LOCAL work_mem = '64kB';
CREATE TEMP TABLE body AS SELECT jsonb_agg(jsonb_build_object('event', 'B', 'anonymousId', 'b-' || n, 'messageId', 'b-' || n)) AS body FROM generate_series(1, 3000) AS n;
SELECT i.status, count(*) FROM body, mhub.ingest(body) AS i GROUP BY 1;
SELECT i.status, count(*) FROM body, mhub.ingest(body) AS i GROUP BY 1;
DROP TRIGGER strict ON mhub.event;
DELETE FROM mhub.event_message;
SELECT i.status, count(*) FROM body, mhub.ingest(body) AS i GROUP BY 1;
ROLLBACK;

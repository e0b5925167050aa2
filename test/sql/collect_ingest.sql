-- mhub.ingest(): Segment's bodies, an outcome per message, times put right, nothing lost.
\getenv abs_srcdir PG_ABS_SRCDIR
\set file :abs_srcdir '/data/segment_node_batch.json'
\set body `cat :'file'`
BEGIN;
SELECT mhub.install() > 0 AS applied;

-- A body of the Node library, and its retry.
SELECT "position", right(message_id, 4) AS message, status, reason, detail, event_id IS NOT NULL AS has_id, person_id IS NOT NULL AS has_person FROM mhub.ingest(:'body');
SELECT right(message_id, 4) AS message, status, event_id IS NOT NULL AS has_id FROM mhub.ingest(:'body');
SELECT type, name, channel, source, medium, campaign, term, content, click_network, is_paid, url, referrer_host, ip, value, currency, client_sequence,
       original_timestamp AT TIME ZONE 'UTC' AS original_timestamp, sent_at AT TIME ZONE 'UTC' AS sent_at, received_at - occurred_at AS ago
FROM mhub.event ORDER BY event_id \gx
SELECT name, properties, context FROM mhub.event ORDER BY event_id;
SELECT kind, value FROM mhub.identifier ORDER BY kind, value;
-- The visitor, the user and the buyer are one person; so are the two ids of the alias; the app's visitor is another.
SELECT count(DISTINCT person_id) AS persons FROM mhub.identifier;
SELECT traits FROM mhub.person WHERE traits <> '{}' ORDER BY person_id;
SELECT g.group_id, g.traits, i.kind, i.value FROM mhub.group_profile AS g JOIN mhub.group_member USING (group_id) JOIN mhub.identifier AS i USING (identifier_id);
SELECT c.name, c.count, c.value_sum FROM mhub.event_counter AS c ORDER BY c.name COLLATE "C";

-- Other forms: a single message with or without type, an array, common context, numbers for ids.
SELECT status, reason FROM mhub.ingest('{"userId": 42, "event": "Signed Up", "timestamp": 1760000000}');
SELECT status, reason FROM mhub.ingest('[{"userId": "42", "event": "Signed Up", "timestamp": 1760000000}, {"userId": 42, "event": "Signed Up", "timestamp": 1760000000000}]');
SELECT status FROM mhub.ingest('{"batch": [{"type": "track", "event": "A", "userId": "7", "context": {"locale": "zh-CN"}}], "context": {"ip": "198.51.100.7", "locale": "en", "app": {"name": "店"}}}');
SELECT ip, context FROM mhub.event WHERE name = 'A';
SELECT count(*) AS no_messages FROM mhub.ingest('{"batch": []}');
SELECT count(*) AS nothing FROM mhub.ingest(NULL);

-- One bad message never spoils the others, each is kept with its reason.
SELECT "position", message_id, status, reason, detail FROM mhub.ingest('[
    {"type": "track", "event": "Good", "userId": "9", "messageId": "g-1"},
    {"type": "track", "event": "", "userId": "9", "messageId": "b-1"},
    {"type": "track", "event": "X", "messageId": "b-2"},
    {"type": "dance", "userId": "9", "messageId": "b-3"},
    {"type": "group", "userId": "9", "messageId": "b-0"},
    {"userId": "9", "messageId": "b-4"},
    {"type": "track", "event": "X", "userId": "9", "messageId": "b-5", "properties": [1]},
    {"type": "track", "event": "X", "userId": "9", "messageId": "b-6", "context": "c"},
    {"type": "track", "event": "X", "userId": "9", "messageId": "b-7", "timestamp": "yesterday"},
    {"type": "track", "event": "X", "userId": "9", "messageId": "b-8", "timestamp": "2026-02-30T00:00:00Z"},
    {"type": "track", "event": "X", "userId": "null", "messageId": "b-9"},
    {"type": "track", "event": "X", "userId": "null", "messageId": "b-9"},
    42, "文字", null, [],
    {"type": "track", "event": "Good", "userId": "9", "messageId": "g-1"},
    {"type": "track", "event": "Good", "userId": "9", "messageId": "g-2", "sentAt": "never"}]');
SELECT reason, message_id, raw FROM mhub.rejected ORDER BY rejected_id;
-- A rejected message may come again, corrected.
SELECT status FROM mhub.ingest('{"type": "track", "event": "X", "userId": "9", "messageId": "b-9"}');

-- A message that only the database finds fault with.
ALTER TABLE mhub.event ADD CONSTRAINT no_evil CHECK (name <> 'Evil') NOT VALID;
SELECT message_id, status, reason, detail ~ 'no_evil' AS names_constraint FROM mhub.ingest('[{"type": "track", "event": "Fine", "userId": "9", "messageId": "f-1"},
    {"type": "track", "event": "Evil", "userId": "10", "messageId": "f-2"}, {"type": "track", "event": "Fine", "userId": "11", "messageId": "f-3"},
    {"type": "track", "event": "Fine", "userId": "9", "messageId": "g-1"}]');
SELECT count(*) FROM mhub.event_message AS m JOIN mhub.event AS e USING (event_id) WHERE e.name IN ('Fine', 'Evil');

-- Not even JSON.
SELECT status, reason, detail FROM mhub.ingest('{"type": "track", ');
SELECT status, reason FROM mhub.ingest('{"type": "track", "event": "\u0000", "userId": "1"}');
SELECT status, reason FROM mhub.ingest('{"type": "track", "event": "文本", "userId": "1"}');
SELECT count(*) AS kept FROM mhub.rejected WHERE reason = 'not_json';

-- Clocks: off by less than the threshold is the network; by more, it is corrected; nothing comes from the future.
CREATE FUNCTION pg_temp.ago(sent interval, happened interval) RETURNS interval LANGUAGE sql AS $$
    SELECT mhub.ingest(jsonb_build_object('type', 'track', 'event', 'T', 'userId', 't', 'sentAt', now() + sent, 'timestamp', now() + happened));
    SELECT e.received_at - e.occurred_at FROM mhub.event AS e ORDER BY e.event_id DESC LIMIT 1 $$;
SELECT pg_temp.ago('0', '-1 hour') AS punctual, pg_temp.ago('-4 min 59 s', '-10 min') AS little_slow, pg_temp.ago('-1 hour', '-70 min') AS slow,
       pg_temp.ago('2 years', '2 years -30 s') AS fast, pg_temp.ago('0', '3 hours') AS from_the_future, pg_temp.ago('4 min', '3 min') AS little_fast,
       pg_temp.ago('0', '-3 years') = now() - (now() - interval '3 years') AS late;
SET LOCAL mhub.clock_skew_threshold = '1d';
SELECT pg_temp.ago('-1 hour', '-71 min') AS believed;
ROLLBACK;

-- mhub.identify(): creating, linking, merging, normalising, blocking, limits, traits.
BEGIN;
SELECT mhub.install() > 0 AS applied;

-- A person's identifiers in letters: who is one with whom, whatever the ids.
CREATE FUNCTION pg_temp.persons() RETURNS SETOF text LANGUAGE sql AS $$
    SELECT string_agg(i.kind || ':' || i.value, ' ' ORDER BY i.kind, i.value) FROM mhub.identifier AS i
    GROUP BY i.person_id ORDER BY min(i.identifier_id)
$$;
-- What must always hold: a person is a connected component of the links.
CREATE FUNCTION pg_temp.consistent() RETURNS boolean LANGUAGE sql AS $$
    WITH RECURSIVE edge AS (
        SELECT identifier_a AS a, identifier_b AS b FROM mhub.link WHERE joins
        UNION SELECT identifier_b, identifier_a FROM mhub.link WHERE joins
    ), reach AS (
        SELECT identifier_id AS node, identifier_id AS root FROM mhub.identifier
        UNION SELECT e.b, r.root FROM reach AS r JOIN edge AS e ON e.a = r.node
    ), component AS (SELECT node, min(root) AS root FROM reach GROUP BY node)
    SELECT count(DISTINCT (c.root, i.person_id)) = count(DISTINCT c.root)
       AND count(DISTINCT c.root) = count(DISTINCT i.person_id)
       AND bool_and(p.merged_into IS NULL)
    FROM component AS c JOIN mhub.identifier AS i ON i.identifier_id = c.node
    JOIN mhub.person AS p ON p.person_id = i.person_id
$$;

-- One person, found again, and a merge of two; the older survives and the old id resolves.
SELECT mhub.identify('{"cookie": "c-1", "user_id": "张三"}') AS zhang \gset
SELECT mhub.identify('{"cookie": "c-1"}') = :zhang AS found_again;
SELECT mhub.identify('{"device": ["d-1", "d-2"]}') AS device \gset
SELECT :device <> :zhang AS another;
SELECT mhub.identify('{"device": "d-2", "user_id": "张三"}', occurred_at => '2026-01-02 03:04:05+00', source => 'app') = :zhang AS merged;
SELECT mhub.resolve_person(:device) = :zhang AS old_id_resolves, mhub.resolve_person(-1) IS NULL AS unknown;
SELECT mhub.person_id('device', ' d-1 ') = :zhang AS by_device, mhub.person_id('device', 'd-9') IS NULL AS not_seen;
SELECT action, person_id = :zhang AS stays, other_person_id = :device AS went, cause, source, occurred_at = '2026-01-02 03:04:05+00' AS at FROM mhub.merge_log;
SELECT created_at = '2026-01-02 03:04:05+00' AS first_seen FROM mhub.person WHERE person_id = :zhang;
SELECT * FROM pg_temp.persons();
SELECT pg_temp.consistent();

-- Again and again changes nothing.
SELECT mhub.identify('{"device": "d-2", "user_id": "张三"}') = :zhang AS same FROM generate_series(1, 3);
SELECT count(*) AS merges FROM mhub.merge_log;

-- What identifies nobody is ignored, also quoted and with space around; the full-width space counts as such.
-- (Unaligned: psql's versions disagree on the width of invisible characters.)
\pset format unaligned
SELECT value, (mhub.check_identifier('cookie', value)).*
FROM (VALUES (''), ('  '), (E'　\t'), ('NULL'), ('"null"'), ('''undefined'''), ('" 0 "'), ('"　"'), ('"''null''"'), ('"'), ('"甲"'), ('Anonymous'), ('None'), ('NaN'), ('nan'), ('0'), ('-1'),
    ('00000000-0000-0000-0000-000000000000'), ('[object Object]'), ('distinct_id'), ('true'), ('abc'), ('　甲乙　'), (E'\u00a0x\u200b')) AS v(value);
\pset format aligned
SELECT (mhub.check_identifier('cookie', repeat('x', 1024))).accepted, (mhub.check_identifier('cookie', repeat('x', 1025))).reason;
SELECT (mhub.check_identifier('email', ' LI@Example.com ')).*;
SELECT (mhub.check_identifier('email', 'test@test.com')).reason, (mhub.check_identifier('email', 'no address')).reason;
SELECT (mhub.check_identifier('idfa', 'AEBE52E7-03EE-455A-B3C4-E57283966239')).normalised;
-- A blocked value is blocked in every spelling; lower is not the locale's.
SAVEPOINT spelling;
INSERT INTO mhub.blocked_value (kind, value) VALUES ('phone', '138 0000 0000'), ('email', 'No.Reply@Example.com');
SELECT kind, value, (mhub.check_identifier(kind, value)).reason FROM (VALUES ('phone', '13800000000'), ('phone', '+86 138-0000-0000'), ('phone', '13800000001'),
    ('email', 'no.reply@example.com'), ('email', 'ｔｅｓｔ＠ｔｅｓｔ．ｃｏｍ'), ('cookie', 'no.reply@example.com')) AS v(kind, value);
SELECT (mhub.check_identifier('idfa', ' ÉÀ ')).normalised = mhub.normalise('ÉÀ', 'lower') AS lower;
ROLLBACK TO spelling;
SELECT mhub.identify('{"user_id": ["null", "", "0000"], "cookie": null}') IS NULL AS nobody,
       mhub.identify(NULL) IS NULL AS nothing, mhub.identify('{}') IS NULL AS empty,
       mhub.identify(jsonb_build_object('cookie', repeat('长', 5000))) IS NULL AS too_long;
SELECT mhub.identify('{"user_id": 42}') = mhub.identify('{"user_id": "42"}') AS number_is_text;

-- Rows of one's own are noticed at once, and taken back at once.
SAVEPOINT own;
INSERT INTO mhub.blocked_value (kind, match, value) VALUES ('cookie', 'regex', '^bot-');
INSERT INTO mhub.identifier_kind (kind, max_per_person) VALUES ('门店', 1);
SELECT (mhub.check_identifier('cookie', 'bot-1')).reason, (mhub.check_identifier('device', 'bot-1')).accepted,
       mhub.identify('{"门店": "上海一店"}') IS NOT NULL AS own_kind;
ROLLBACK TO own;
SELECT (mhub.check_identifier('cookie', 'bot-1')).accepted;

-- Errors
SAVEPOINT error;
SELECT mhub.identify('{"门店": "上海一店"}');
ROLLBACK TO error;
SELECT mhub.identify('["cookie"]');
ROLLBACK TO error;
SELECT mhub.identify('{"cookie": {"a": 1}}');
ROLLBACK TO error;
SELECT mhub.identify('{"cookie": "c-1"}', '[]');
ROLLBACK TO error;
SELECT mhub.identify('{"cookie": "c-1"}', occurred_at => 'infinity');
ROLLBACK TO error;
SELECT mhub.person_id('no_such_kind', 'x');
ROLLBACK TO error;

-- Personal data: one person however it is written, and nothing of it in the clear.
SELECT mhub.identify('{"email": "Li@Example.com", "phone": "138 0013 8000"}') AS li \gset
SELECT mhub.identify('{"email": "ｌi@example.com "}') = :li AS full_width, mhub.identify('{"phone": "+86 138-0013-8000"}') = :li AS e164,
       mhub.person_id('email', 'LI@EXAMPLE.COM') = :li AS found, mhub.person_id('phone', '13800138001') IS NULL AS another;
SELECT kind, value ~ '^[0-9a-f]{34}$' AS blind, sealed IS NOT NULL AS sealed FROM mhub.identifier WHERE kind IN ('email', 'phone') ORDER BY kind;
SELECT count(*) AS in_the_clear FROM mhub.identifier AS i WHERE i::text ~* 'example|13800138000';

-- Two user ids are two people: the shared device stays with the first, and the conflict says so, once.
SELECT mhub.identify('{"device": "d-1", "user_id": "李四"}') <> :zhang AS two_people FROM generate_series(1, 2);
SELECT c.reason, c.kind, i.value AS kept, o.value AS left_out, c.other_person_id = :zhang AS stays_with
FROM mhub.identity_conflict AS c JOIN mhub.identifier AS i USING (identifier_id)
JOIN mhub.identifier AS o ON o.identifier_id = c.left_out_identifier_id;
-- also when they meet only through others
SELECT mhub.identify('{"cookie": "c-2", "user_id": "李四"}') IS NOT NULL AS li,
       mhub.identify('{"cookie": "c-3", "device": "d-3"}') IS NOT NULL AS somebody;
SELECT mhub.identify('{"cookie": "c-2", "device": "d-3"}') IS NOT NULL AS li_too, mhub.identify('{"cookie": ["c-1", "c-3"]}') IS NOT NULL AS refused;
SELECT mhub.person_id('cookie', 'c-1') <> mhub.person_id('cookie', 'c-3') AS apart, pg_temp.consistent();

-- A limit with a period: two new ones a week.
INSERT INTO mhub.identifier_kind (kind, priority, max_per_person, period) VALUES ('tag', 90, 2, '7 days');
SELECT count(mhub.identify(jsonb_build_object('user_id', 'weekly', 'tag', 't' || n), occurred_at => timestamptz '2026-03-01 00:00+08' + n * interval '24 hours'))
FROM generate_series(1, 9) AS n;
SELECT string_agg(value, ' ' ORDER BY value) AS linked FROM mhub.identifier WHERE kind = 'tag' AND person_id = mhub.person_id('user_id', 'weekly');
SELECT string_agg(o.value, ' ' ORDER BY o.value) AS left_out FROM mhub.identity_conflict AS c
JOIN mhub.identifier AS o ON o.identifier_id = c.left_out_identifier_id WHERE c.kind = 'tag' AND c.reason = 'limit';
SELECT pg_temp.consistent();
-- Who has too many of late, because the limit was lowered, may still meet who has none of late.
UPDATE mhub.identifier_kind SET max_per_person = 3 WHERE kind = 'tag';
SELECT mhub.identify('{"user_id": "many", "tag": ["m1", "m2", "m3"]}', occurred_at => '2026-03-20 00:00+08') AS many \gset
UPDATE mhub.identifier_kind SET max_per_person = 2 WHERE kind = 'tag';
SELECT mhub.identify('{"device": "lone", "tag": "old"}', occurred_at => '2026-02-01 00:00+08') IS NOT NULL AS lone;
SELECT mhub.identify('{"user_id": "many", "tag": "m4"}', occurred_at => '2026-03-21 00:00+08') = :many AS same;
SELECT mhub.person_id('tag', 'm4') <> :many AS left_out;
SELECT mhub.identify('{"user_id": "many", "device": "lone"}', occurred_at => '2026-03-21 00:00+08') IS NOT NULL AS met;
SELECT mhub.person_id('tag', 'old') = :many AS one;

-- A fingerprint joins nobody; what it was seen with is kept as evidence.
SELECT mhub.identify('{"fingerprint": "f-1", "cookie": "f-a"}') = mhub.identify('{"cookie": "f-a"}') AS cookie_decides;
SELECT mhub.identify('{"fingerprint": "f-1", "cookie": "f-b"}') <> mhub.person_id('cookie', 'f-a') AS not_merged;
SELECT mhub.identify('{"fingerprint": "f-1"}') NOT IN (mhub.person_id('cookie', 'f-a'), mhub.person_id('cookie', 'f-b')) AS by_itself;
SELECT count(*) AS evidence FROM mhub.link WHERE NOT joins;
SELECT pg_temp.consistent();

-- Traits: per key the latest that is not null wins, whatever the order of arrival; a merge follows the same rule.
SELECT mhub.identify('{"cookie": "t-1"}', '{"city": "上海", "age": 30, "vip": false}', '2026-02-02 00:00+00') AS t1 \gset
SELECT mhub.identify('{"cookie": "t-1"}', '{"city": "北京", "age": null, "tags": ["考研"]}', '2026-02-01 00:00+00') = :t1 AS late;
SELECT mhub.identify('{"cookie": "t-2"}', '{"city": "深圳", "vip": true}', '2026-02-03 00:00+00') AS t2 \gset
SELECT traits FROM mhub.person WHERE person_id IN (:t1, :t2) ORDER BY person_id;
SELECT mhub.identify('{"cookie": ["t-1", "t-2"]}', '{"vip": null, "age": 31}', '2026-02-04 00:00+00') = :t1 AS merged;
SELECT traits, trait_times FROM mhub.person WHERE person_id = :t1;
-- at the same time what came last wins, one by one and within a batch; of two persons the survivor's
SELECT mhub.identify('{"cookie": "t-5"}', jsonb_build_object('level', n), '2026-02-05 00:00+00') IS NOT NULL AS seen FROM generate_series(1, 2) AS n;
SELECT status FROM mhub.ingest('[{"type": "identify", "anonymousId": "t-6", "traits": {"level": 3}, "timestamp": "2026-02-05T00:00:00Z"},
    {"type": "identify", "anonymousId": "t-6", "traits": {"level": 4}, "timestamp": "2026-02-05T00:00:00Z"}]'::jsonb);
SELECT i.value, p.traits -> 'level' AS level FROM mhub.person AS p JOIN mhub.identifier AS i USING (person_id) WHERE i.value IN ('t-5', 't-6') ORDER BY 1;
SELECT mhub.identify('{"cookie": "t-5", "anonymous_id": "t-6"}') = mhub.person_id('cookie', 't-5') AS merged;
SELECT traits -> 'level' AS level FROM mhub.person WHERE person_id = mhub.person_id('anonymous_id', 't-6');

-- also when the times are before our era, or far ahead
SELECT mhub.identify('{"cookie": "t-3"}', jsonb_build_object('dynasty', name), at) IS NOT NULL AS seen
FROM (VALUES (1, '秦', timestamptz '0221-01-01 00:00+00 BC'), (2, '西汉', '0202-01-01 00:00+00 BC'), (3, '东周', '0256-01-01 00:00+00 BC')) AS v(n, name, at) ORDER BY n;
SELECT traits, trait_times FROM mhub.person WHERE person_id = mhub.person_id('cookie', 't-3');
SELECT mhub.identify('{"cookie": ["t-4"]}', '{"dynasty": "未来"}', '12026-01-01 00:00+00') IS NOT NULL AS ahead;
SELECT mhub.identify('{"cookie": ["t-3", "t-4"]}') IS NOT NULL AS merged;
SELECT traits, trait_times FROM mhub.person WHERE person_id = mhub.person_id('cookie', 't-3');

-- Times: the earliest is exact, the latest correct to the hour.
SELECT mhub.identify('{"cookie": "s"}', occurred_at => timestamptz '2026-04-01 12:00+00' + step * interval '1 minute') IS NOT NULL AS ok
FROM unnest(ARRAY[0, 59, -200, 130]) AS step;
SELECT first_seen_at = '2026-04-01 08:40+00' AS first, last_seen_at = '2026-04-01 14:10+00' AS last FROM mhub.identifier WHERE value = 's';

-- The younger person survives only when it is over 16 times as large.
SELECT mhub.identify('{"device": "small"}') AS small \gset
SELECT mhub.identify(jsonb_build_object('device', (SELECT jsonb_agg('big-' || n) FROM generate_series(1, 16) AS n))) AS big \gset
SAVEPOINT survivor;
SELECT mhub.identify('{"device": ["small", "big-1"]}') = :small AS older_survives;
ROLLBACK TO survivor;
SELECT mhub.identify('{"device": ["big-16", "big-17"]}') = :big AS seventeenth;
SELECT mhub.identify('{"device": ["small", "big-1"]}') = :big AS much_larger_survives;
SELECT pg_temp.consistent();

-- A limit as large as can be is none, for a person of many.
INSERT INTO mhub.identifier_kind (kind, max_per_person) VALUES ('most', 2147483647);
SELECT mhub.identify(jsonb_build_object('user_id', 'hoarder', 'most', (SELECT jsonb_agg(n) FROM generate_series(1, 80) AS n))) AS hoarder \gset
SELECT mhub.identify('{"user_id": "hoarder", "most": "another"}') = :hoarder AS same;
SELECT mhub.person_id('most', 'another') = :hoarder AS linked;
-- The limits of a person of many are counted kind by kind, each identifier once.
INSERT INTO mhub.identifier_kind (kind, priority, max_per_person, period) VALUES ('a few', 250, 3, NULL), ('a week', 250, 2, '7 days');
SELECT count(mhub.identify(jsonb_build_object('user_id', 'hoarder', 'a few', n))) AS seen FROM generate_series(1, 5) AS n;
SELECT count(mhub.identify(jsonb_build_object('user_id', 'hoarder', 'a week', day), occurred_at => timestamptz '2026-03-01 00:00+08' + day * interval '1 day')) AS seen FROM unnest(ARRAY[1, 3, 5, 7, 9, 20]) AS day;
SELECT kind, string_agg(value, ' ' ORDER BY length(value), value) AS linked FROM mhub.identifier WHERE person_id = :hoarder AND kind LIKE 'a %' GROUP BY kind ORDER BY kind;

-- Many values at once, in any order and more than once: the primary one and what is left out are as with few.
INSERT INTO mhub.identifier_kind (kind, priority, max_per_person) VALUES ('many', 20, 12);
SELECT mhub.identify(jsonb_build_object('many', (SELECT jsonb_agg('v' || n * 7 % 20) FROM generate_series(1, 60) AS n), 'idfa', 'comes first', 'device', 'of many')) IS NOT NULL AS done;
SELECT mhub.person_id('device', 'of many') = mhub.person_id('many', 'v7') AS primary_is_first, count(*) FILTER (WHERE i.person_id = mhub.person_id('many', 'v7')) AS linked, count(*) AS all
FROM mhub.identifier AS i WHERE i.kind = 'many';
SELECT string_agg(o.value, ' ' ORDER BY c.conflict_id) AS left_out, bool_and(b.value = 'v7') AS by_the_first FROM mhub.identity_conflict AS c
JOIN mhub.identifier AS o ON o.identifier_id = c.left_out_identifier_id JOIN mhub.identifier AS b ON b.identifier_id = c.identifier_id WHERE c.kind = 'many';

-- Unlimited kinds: a star of 2,000 and identifiers seen together with themselves
INSERT INTO mhub.identifier_kind (kind) VALUES ('x');
SELECT count(DISTINCT mhub.identify(jsonb_build_object('x', jsonb_build_array('hub', 'spoke ' || n, 'hub')))) AS persons FROM generate_series(1, 2000) AS n;
SELECT count(*) AS links FROM mhub.link AS l JOIN mhub.identifier AS i ON i.identifier_id IN (l.identifier_a, l.identifier_b) WHERE i.value = 'hub';
ROLLBACK;

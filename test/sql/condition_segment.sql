-- Segments: what others refer to stays; filling goes slice by slice and makes no events.
\set SHOW_CONTEXT never
BEGIN;
SELECT mhub.install() > 0 AS applied;
INSERT INTO mhub.segment (key, condition) VALUES ('上海', $$city = '上海'$$), ('vip', 'spent > 1000'), ('上海 vip', $$in segment '上海' and in segment 'vip'$$), ('挑选', NULL), ('free', 'age > 3'), ('eventful', $$did('X', where note = 'segment')$$);
INSERT INTO mhub.slot (slot) VALUES ('home');
INSERT INTO mhub.content (key) VALUES ('c');
INSERT INTO mhub.content_rule (slot, key, condition, content_key, enabled) VALUES ('home', 'for vips', $$in segment 'vip' or any orders where (in segment 'vip')$$, 'c', true), ('home', 'off', $$unless in segment '上海'$$, 'c', false), ('home', 'all', 'true', 'c', true);
SELECT mhub.create_workflow('欢迎', '{"triggers": [{"type": "segment", "segment": "上海"}, {"type": "api", "if": "in segment ''vip''"}], "start": "a", "exit_when": [{"if": "not in segment ''上海 vip''"}],
    "steps": {"a": {"type": "update", "add_to": ["挑选"], "next": "b"}, "b": {"type": "decision", "branches": [{"name": "x", "if": {"$segment": "vip"}, "next": "z"}], "else": "z"}, "z": {"type": "exit"}}}') AS version;
SELECT s.key, r.object, r.name FROM mhub.segment AS s CROSS JOIN LATERAL mhub.segment_references(s.key) AS r ORDER BY 1, 2, 3;
SAVEPOINT refused;
DELETE FROM mhub.segment WHERE key = 'vip';
ROLLBACK TO refused;
UPDATE mhub.segment SET key = '沪' WHERE key = '上海';
ROLLBACK TO refused;
DELETE FROM mhub.segment WHERE key = '挑选';
ROLLBACK TO refused;
TRUNCATE mhub.segment CASCADE;
ROLLBACK TO refused;
-- Nobody refers to these; or no more; or what refers to it goes along.
UPDATE mhub.segment SET key = 'freer' WHERE key = 'free';
DELETE FROM mhub.segment WHERE key IN ('freer', 'eventful');
DELETE FROM mhub.content_rule WHERE key IN ('for vips', 'off');
SELECT mhub.archive_workflow('欢迎') AS under_way;
DELETE FROM mhub.segment WHERE key IN ('上海', 'vip', '上海 vip');
TRUNCATE mhub.segment CASCADE;

-- Twelve people, three at a time.
SELECT count(mhub.identify(jsonb_build_object('user_id', 'u' || n), jsonb_build_object('age', n))) AS people FROM generate_series(1, 12) AS n;
INSERT INTO mhub.segment (key, condition) VALUES ('成年', 'age >= 5');
SELECT mhub.refresh_segment_batch(3) AS done;
SELECT s.filling, s.member_count, (SELECT count(*) FROM mhub.segment_candidate) AS waiting, d.status FROM mhub.segment AS s, mhub.doctor_segments() AS d;
-- One who has been looked at grows up meanwhile: that is an event.  One who has not: no event.
SELECT count(mhub.identify(jsonb_build_object('user_id', who), jsonb_build_object('age', 40))) AS grown FROM (VALUES ('u2'), ('u4'), ('u12')) AS v (who);
SELECT count(*) AS rounds FROM generate_series(1, 20) WHERE mhub.refresh_segment_batch(3) > 0;
SELECT s.filling, s.member_count, s.refreshed_condition, (SELECT count(*) FROM mhub.segment_candidate) AS waiting, d.status FROM mhub.segment AS s, mhub.doctor_segments() AS d;
SELECT i.value, e.name FROM mhub.event AS e JOIN mhub.identifier AS i USING (identifier_id) WHERE e.name LIKE 'Segment %' ORDER BY e.event_id;
-- Redefined half way through: begun again, with those who are in it.
UPDATE mhub.segment SET condition = 'age >= 10';
SELECT mhub.refresh_segment_batch(2) > 0 AS begun;
UPDATE mhub.segment SET condition = 'age >= 11';
SELECT filling FROM mhub.segment;
SELECT count(*) > 5 AS rounds FROM generate_series(1, 20) WHERE mhub.refresh_segment_batch(2) > 0;
SELECT s.filling, s.member_count, s.refreshed_condition FROM mhub.segment AS s;
SELECT array_agg(i.value ORDER BY i.identifier_id) AS members FROM mhub.segment_member AS m JOIN mhub.identifier AS i USING (person_id);
SELECT count(*) AS events FROM mhub.event WHERE name LIKE 'Segment %';
ROLLBACK;

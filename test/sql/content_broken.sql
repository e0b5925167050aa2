-- mhub.choose_content() when something is broken or gone, and when persons merge.
BEGIN;
SELECT mhub.install() > 0 AS applied;
-- What fails while it is read, or only while it is evaluated (this one for want of stack), is skipped and told; the page is shown.
INSERT INTO mhub.slot (slot, default_content) VALUES ('breaking', 'welcome');
INSERT INTO mhub.content (key) SELECT 'welcome' WHERE NOT EXISTS (SELECT FROM mhub.content WHERE key = 'welcome');
CREATE CAST (text AS mhub.condition) WITHOUT FUNCTION;
INSERT INTO mhub.content_rule (slot, key, priority, condition, content_key) VALUES
    ('breaking', 'unreadable', 1, 'age >= and'::text::mhub.condition, 'welcome'),
    ('breaking', 'too deep', 2, format('who matches %L', repeat('(', 900) || 'a' || repeat(')', 900))::mhub.condition, 'welcome'),
    ('breaking', 'in broken', 3, $$in segment 'broken' or in segment 'deep'$$, 'welcome'),
    ('breaking', 'good', 4, $$who = 'a'$$, 'welcome');
ALTER TABLE mhub.segment DISABLE TRIGGER segment_check;
INSERT INTO mhub.segment (key, condition) VALUES ('broken', 'age >='::text::mhub.condition), ('deep', format('who matches %L', repeat('(', 900) || 'a' || repeat(')', 900))::mhub.condition);
SELECT mhub.identify('{"user_id": "deep"}', '{"who": "a"}') IS NOT NULL AS identified;
-- Read while there is room, and evaluated where there is none: their expressions are compiled at first use.
SELECT rule_key, reason FROM mhub.choose_content('breaking', '{"user_id": "nobody"}');
SET max_stack_depth = '100kB';
SELECT rule_key, reason FROM mhub.choose_content('breaking', '{"user_id": "deep"}');
SELECT rule_key, reason FROM mhub.decide('breaking', '{"who": "a"}');
SELECT rule_key, outcome FROM mhub.explain_slot('breaking', '{"who": "a"}');
RESET max_stack_depth;
SELECT rule_key, problem FROM mhub.check_rules('breaking') WHERE problem IN ('broken', 'no such content');
SAVEPOINT refresh;
\set SHOW_CONTEXT never
-- Nobody leaves a segment because it broke: the refresh fails instead.
SELECT mhub.update_segments(ARRAY[mhub.person_id('user_id', 'deep')]);
ROLLBACK TO refresh;

-- A segment or a content that goes while rules refer to it; a segment only past its guard.
SAVEPOINT refused;
DELETE FROM mhub.segment WHERE key IN ('broken', 'deep');
ROLLBACK TO refused;
ALTER TABLE mhub.segment DISABLE TRIGGER segment_in_use;
DELETE FROM mhub.segment WHERE key IN ('broken', 'deep');
ALTER TABLE mhub.segment ENABLE TRIGGER segment_in_use;
SELECT rule_key, reason FROM mhub.choose_content('breaking', '{"user_id": "deep"}');
INSERT INTO mhub.content (key) VALUES ('short-lived');
UPDATE mhub.content_rule SET content_key = 'short-lived', condition = 'true' WHERE slot = 'breaking' AND key = 'good';
DELETE FROM mhub.content_rule WHERE slot = 'breaking' AND key <> 'good';
SELECT rule_key, content_key FROM mhub.choose_content('breaking', '{"user_id": "deep"}');
DELETE FROM mhub.content WHERE key = 'short-lived';
SELECT rule_key, content_key, reason FROM mhub.choose_content('breaking', '{"user_id": "deep"}');

-- Variants are the surviving person's: who is merged into somebody gets theirs, and keeps it.
INSERT INTO mhub.slot (slot) VALUES ('merging');
INSERT INTO mhub.content_rule (slot, key, variants) VALUES ('merging', 'halves', '[{"key": "a", "content": "welcome"}, {"key": "b", "content": "welcome"}]');
CREATE TEMP TABLE before AS SELECT n, c.variant, u.variant AS cookies
FROM generate_series(1, 40) AS n, mhub.choose_content('merging', jsonb_build_object('user_id', 'merging ' || n)) AS c, mhub.choose_content('merging', jsonb_build_object('cookie', 'merging ' || n)) AS u;
SELECT count(mhub.identify(jsonb_build_object('user_id', 'merging ' || n, 'cookie', 'merging ' || n))) AS merged FROM before AS b;
SELECT count(*) FILTER (WHERE b.variant <> b.cookies) > 5 AS some_differed, bool_and(c.variant = u.variant) AS both_the_same, bool_and(c.variant IN (b.variant, b.cookies)) AS one_of_theirs,
       bool_and(c.variant = CASE mhub.choose_variant('halves', mhub.person_id('user_id', 'merging ' || n)::text, '{0.5,0.5}') WHEN 0 THEN 'a' ELSE 'b' END) AS the_survivors
FROM before AS b, mhub.choose_content('merging', jsonb_build_object('user_id', 'merging ' || n)) AS c, mhub.choose_content('merging', jsonb_build_object('cookie', 'merging ' || n)) AS u;
ROLLBACK;

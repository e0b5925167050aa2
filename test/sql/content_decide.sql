-- mhub.decide(): the first rule that applies, schedules, caps, variants, holdouts, languages, and what happens when something is wrong.
BEGIN;
SELECT mhub.install() > 0 AS applied;
INSERT INTO mhub.content (key, locale, payload, expires_at) VALUES ('默认', '', '{"text": "欢迎"}', NULL), ('coupon', '', '{"discount": 0.8}', NULL), ('trial', '', '{"days": 7}', NULL),
    ('greeting', 'zh', '{"text": "你好"}', NULL), ('greeting', 'zh-TW', '{"text": "您好"}', NULL), ('greeting', 'en', '{"text": "hello"}', NULL), ('sale', '', '{}', '2026-01-31 12:00Z');
INSERT INTO mhub.slot (slot, default_content) VALUES ('home', '默认'), ('空位', NULL);
INSERT INTO mhub.content_rule (slot, key, priority, condition, content_key) VALUES
    ('home', 'over 30', 10, $$age > 30 and did('Course Viewed', where course = '考研') and did not('Order Completed')$$, 'coupon'), ('home', '年轻', 20, $${"age": {"$lt": 25}, "interests": {"$elemMatch": {"$eq": "tech"}}}$$, 'trial');
SELECT profile, d.* FROM (VALUES ('{"age": 35, "$events": {"Course Viewed": {"count": 1, "items": [{"at": "2026-01-01", "properties": {"course": "考研"}}]}}}'::jsonb), ('{"age": 20, "interests": ["tech"]}'), ('{"age": 20}'), ('{}'),
    ('{"age": 20, "interests": ["tech"], "$consent": {"profiling": false}}'), ('{"age": 20, "interests": ["tech"], "$consent": {"profiling": true}}')) AS p (profile), mhub.decide('home', profile, '2026-01-31Z') AS d;
SELECT * FROM mhub.decide('空位', '{}');
SELECT * FROM mhub.decide('no such slot', '{}');
SELECT mhub.decide(NULL, '{}') IS NULL AS null_is_null;
-- A change is seen by the next statement; a rolled-back one is not.
SAVEPOINT change;
UPDATE mhub.slot SET enabled = false WHERE slot = 'home';
SELECT * FROM mhub.decide('home', '{"age": 20, "interests": ["tech"]}');
ROLLBACK TO change;
SELECT rule_key, reason FROM mhub.decide('home', '{"age": 20, "interests": ["tech"]}');

-- Schedule: dates, and hours and weekdays in the person's time zone.
INSERT INTO mhub.slot (slot) VALUES ('clock');
INSERT INTO mhub.content_rule (slot, key, priority, content_key, valid_from, valid_to, weekdays, hours_from, hours_to) VALUES ('clock', 'soon', 1, 'coupon', '2026-02-01Z', '2026-02-02Z', NULL, NULL, NULL),
    ('clock', 'night', 2, 'trial', NULL, NULL, '{5}', '22:00', '06:00'), ('clock', 'office', 3, '默认', NULL, NULL, '{1,2,3,4,5}', '09:00', '18:00');
SELECT at, zone, d.rule_key FROM (VALUES ('2026-02-01 00:00Z'::timestamptz, 'UTC'), ('2026-01-31 23:59Z', 'UTC'), ('2026-02-02 00:00Z', 'UTC'), ('2026-01-30 21:59Z', 'UTC'), ('2026-01-30 22:00Z', 'UTC'), ('2026-01-31 05:59Z', 'UTC'), ('2026-01-31 06:00Z', 'UTC'),
    ('2026-01-30 14:00Z', 'Asia/Shanghai'), ('2026-01-29 22:00Z', 'Asia/Shanghai'), ('2026-01-30 01:00Z', 'Asia/Shanghai'), ('2026-01-30 01:00Z', 'UTC'), ('2026-01-30 01:00Z', 'No/Such')) AS t (at, zone),
    mhub.decide('clock', jsonb_build_object('time_zone', zone), at) AS d;

-- Frequency cap: what was shown is in $shown. Expired content gives way to the next rule. Languages.
INSERT INTO mhub.slot (slot, default_content) VALUES ('caps', '默认');
INSERT INTO mhub.content_rule (slot, key, priority, content_key, frequency_cap, condition) VALUES ('caps', 'sale', 1, 'sale', NULL, 'true'), ('caps', 'capped', 2, 'coupon', '2 per 7 days', 'true'), ('caps', 'hello', 3, 'greeting', NULL, 'greet = true');
SELECT profile, at, d.content_key, d.payload->>'text' AS text, d.rule_key FROM (VALUES ('{}'::jsonb, '2026-01-31 11:59Z'::timestamptz), ('{}', '2026-01-31 12:00Z'), ('{"$shown": {"capped": ["2026-01-30T00:00:00Z"]}}', '2026-01-31 12:00Z'),
    ('{"$shown": {"capped": ["2026-01-30T00:00:00Z", "2026-01-24T13:00:00Z"]}}', '2026-01-31 12:00Z'), ('{"$shown": {"capped": ["2026-01-30T00:00:00Z", "2026-01-24T11:00:00Z"]}}', '2026-01-31 12:00Z'),
    ('{"greet": true, "$shown": {"capped": ["2026-01-30T00:00:00Z", "2026-01-30T13:00:00Z"]}}', '2026-01-31 12:00Z'), ('{"greet": true, "locale": "zh-TW", "$shown": {"capped": ["2026-01-30T00:00:00Z", "2026-01-30T13:00:00Z"]}}', '2026-01-31 12:00Z'),
    ('{"greet": true, "locale": "zh-CN", "$shown": {"capped": ["2026-01-30T00:00:00Z", "2026-01-30T13:00:00Z"]}}', '2026-01-31 12:00Z'), ('{"greet": true, "locale": "zh", "$context": {"locale": "en-GB"}, "$shown": {"capped": ["2026-01-30T00:00:00Z", "2026-01-30T13:00:00Z"]}}', '2026-01-31 12:00Z')) AS t (profile, at),
    mhub.decide('caps', profile, at) AS d;
SELECT locale, payload->>'text' AS text FROM (VALUES ('zh_TW'), ('ZH-tw-x'), ('zh-TWx'), ('zhx'), ('en_US'), ('fr'), ('')) AS v (locale),
    mhub.decide('caps', jsonb_build_object('greet', true, 'locale', locale, '$shown', '{"capped": ["2026-01-30T00:00:00Z", "2026-01-30T13:00:00Z"]}'::jsonb), '2026-01-31 12:00Z');

-- Variants are what mhub.choose_variant() says; a holdout sees the default; without $unit such rules do not apply.
INSERT INTO mhub.slot (slot, default_content) VALUES ('lab', '默认');
INSERT INTO mhub.content_rule (slot, key, priority, variants, seed, coverage, namespace, namespace_start, namespace_end, holdout) VALUES
    ('lab', 'ab', 1, '[{"key": "a", "content": "coupon", "weight": 0.3}, {"key": "b", "content": "trial", "weight": 0.7}]', '实验一', 0.5, 'promo', 0.2, 0.9, 0.1);
SELECT count(*) FILTER (WHERE d.variant IS DISTINCT FROM expected) AS wrong, count(*) FILTER (WHERE d.variant = 'holdout') > 0 AS held_out, count(*) FILTER (WHERE d.variant = 'a') > 0 AS a, count(*) FILTER (WHERE d.reason = 'DEFAULT') > 0 AS outside,
    bool_and(d.content_key = CASE d.variant WHEN 'a' THEN 'coupon' WHEN 'b' THEN 'trial' ELSE '默认' END) AS right_content
FROM (SELECT '用户' || n AS unit FROM generate_series(1, 2000) AS n) AS u,
    LATERAL (SELECT CASE WHEN NOT mhub.in_namespace(unit, 'promo', 0.2, 0.9) OR mhub.choose_variant('实验一', unit, '{0.3,0.7}', 0.5) IS NULL THEN NULL
                         WHEN mhub.bucket('holdout:实验一', unit) < 0.1 THEN 'holdout' ELSE ('{a,b}'::text[])[1 + mhub.choose_variant('实验一', unit, '{0.3,0.7}', 0.5)] END AS expected) AS e,
    LATERAL mhub.decide('lab', jsonb_build_object('$unit', unit)) AS d;
SELECT content_key, reason FROM mhub.decide('lab', '{}');

-- Something wrong: a rule without content is skipped, the page is served.
INSERT INTO mhub.content_rule (slot, key, priority, content_key) VALUES ('home', 'typo', 1, 'cuopon');
SELECT rule_key, reason FROM mhub.decide('home', '{"age": 20, "interests": ["tech"]}');
-- What the tables refuse.
CREATE FUNCTION pg_temp.refused(columns text, vals text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE rule text;
BEGIN
    EXECUTE format('INSERT INTO mhub.content_rule (slot, key, %s) VALUES (''home'', ''x'', %s)', columns, vals);
    RETURN 'accepted';
EXCEPTION WHEN OTHERS THEN
    GET STACKED DIAGNOSTICS rule = CONSTRAINT_NAME;
    RETURN SQLSTATE || ' ' || rule;
END $$;
SELECT columns, vals, pg_temp.refused(columns, vals) FROM (VALUES ('content_key, condition', $$'a', 'age >'$$), ('description', $$'neither'$$), ('content_key, variants', $$'a', '[{"key": "a", "content": "b"}]'$$), ('variants', $$'[{"key": "a"}]'$$), ('variants', $$'[]'$$), ('variants', $$'{}'$$),
    ('variants', $$'[{"key": "a", "content": "x", "weight": 0.5}]'$$), ('variants', $$'[{"key": "a", "content": "x"}, {"key": "a", "content": "y"}]'$$), ('content_key, frequency_cap', $$'a', '3 a week'$$), ('content_key, weekdays', $$'a', '{0}'$$), ('content_key, hours_from', $$'a', '09:00'$$), ('content_key, coverage', $$'a', 2$$)) AS t (columns, vals);
-- History: who, when, before and after; changes that change nothing leave none.
UPDATE mhub.content_rule SET condition = 'age < 26' WHERE key = '年轻';
UPDATE mhub.content_rule SET priority = priority WHERE key = '年轻';
DELETE FROM mhub.content_rule WHERE key = 'typo';
SELECT object, key, operation, before->>'condition' AS before, after->>'condition' AS after, changed_by = session_user AS by_me FROM mhub.content_history WHERE object = 'content_rule' AND key LIKE 'home/%' ORDER BY history_id;

-- A truncation is a deletion of every row.
SAVEPOINT untouched;
CREATE TEMP TABLE rules_before AS SELECT r.slot, r.key FROM mhub.content_rule AS r;
TRUNCATE mhub.content_rule;
TRUNCATE mhub.content;
SELECT count(*) AS missing FROM rules_before AS b WHERE NOT EXISTS (
    SELECT FROM mhub.content_history AS h WHERE h.object = 'content_rule' AND h.key = b.slot || '/' || b.key AND h.operation = 'DELETE' AND h.before->>'key' = b.key AND h.after IS NULL);
SELECT key, operation FROM mhub.content_history WHERE object = 'content' AND operation = 'DELETE' ORDER BY key COLLATE "C" LIMIT 3;
SELECT content_key, reason FROM mhub.decide('home', '{}');
ROLLBACK TO untouched;

-- The index changes nothing: 400 random rules and 300 random profiles, against a plain search through all rules.
INSERT INTO mhub.slot (slot) VALUES ('many');
SELECT setseed(0.42);
INSERT INTO mhub.content_rule (slot, key, priority, condition, content_key)
SELECT 'many', 'r' || n, n % 97, string_agg(p, CASE WHEN n % 97 > 80 AND n % 2 = 0 THEN ' or ' ELSE ' and ' END ORDER BY m)::mhub.condition, 'coupon'
FROM generate_series(1, 400) AS n CROSS JOIN generate_series(1, 3) AS m
CROSS JOIN LATERAL (SELECT (ARRAY[format('city = %L', 'c' || (random() * 30)::int), format('city in (%L, %L, 7)', 'c' || (random() * 30)::int, 'c' || (random() * 30)::int), format('tags has %L', 't' || (random() * 20)::int),
    format('tags has any (%L, %L)', 't' || (random() * 20)::int, 't' || (random() * 20)::int), format('tags has all (%L, %L)', 't' || (random() * 4)::int, 't' || (random() * 4)::int), format('in segment %L', 's' || (random() * 5)::int),
    format('level = %s', (random() * 5)::int), format('age > %s', 20 + n % 60), format('city is not %L', 'c' || (random() * 30)::int), format('not level = %s', n % 5), 'vip = true', format('city = %L folded', 'C' || (random() * 30)::int)])[1 + floor(random() * 12)::int + 0 * (n + m)] AS p) AS predicate
GROUP BY n;
CREATE TEMP TABLE someone AS SELECT n, jsonb_strip_nulls(jsonb_build_object('city', CASE WHEN random() < 0.8 THEN to_jsonb('c' || (random() * 30)::int) WHEN random() < 0.5 THEN '7'::jsonb END, 'level', (random() * 5)::int::numeric * 1.0, 'age', (random() * 80)::int, 'vip', random() < 0.3,
    'tags', (SELECT jsonb_agg('t' || (random() * 20)::int) FROM generate_series(1, 1 + n % 4)), '$segments', (SELECT jsonb_agg('s' || (random() * 5)::int) FROM generate_series(1, n % 3)))) AS profile FROM generate_series(1, 300) AS n;
SELECT count(*) AS profiles, count(DISTINCT d.rule_key) > 20 AS many_rules, count(*) FILTER (WHERE d.rule_key IS DISTINCT FROM e.key) AS differing
FROM someone AS s CROSS JOIN LATERAL mhub.decide('many', s.profile) AS d
LEFT JOIN LATERAL (SELECT r.key FROM mhub.content_rule AS r WHERE r.slot = 'many' AND mhub.matches(s.profile, r.condition) ORDER BY r.priority, r.rule_id LIMIT 1) AS e ON true;
-- Nor do ranges of numbers, which rules are passed over by: two on one number, on several, at the edge of what a double holds, about what is no number.
INSERT INTO mhub.slot (slot) VALUES ('ranges');
INSERT INTO mhub.content_rule (slot, key, priority, condition, content_key)
SELECT 'ranges', 'r' || n, n, string_agg(p, ' and ' ORDER BY m)::mhub.condition, 'coupon'
FROM generate_series(1, 300) AS n CROSS JOIN generate_series(1, 6) AS m
CROSS JOIN LATERAL (SELECT (ARRAY[format('age between %s and %s', a, a + (random() * 9)::int), format('age >= %s', a), format('age < %s', a), format('age <= %s', a), format('age > %s', a), format('age = %s', a), format('ltv > %s', a * 100.5), format('ltv <= %s', a * 100.5),
    format('big >= 90071992547409%s', 90 + (random() * 9)::int), format('big < 90071992547409%s', 90 + (random() * 9)::int), 'age != 30', 'age is not 31', format('city = %L', 'c' || (random() * 3)::int), 'age < ltv', 'not age > 20', format('age > %L', 'a')])[1 + floor(random() * 16)::int] AS p
    FROM (SELECT (random() * 60)::int + 0 * (n + m) AS a) AS a) AS predicate
GROUP BY n;
SELECT count(*) AS profiles, count(DISTINCT d.rule_key) > 8 AS many_rules, count(*) FILTER (WHERE d.rule_key IS DISTINCT FROM e.key) AS differing
FROM (SELECT jsonb_strip_nulls(jsonb_build_object('age', CASE WHEN random() < 0.85 THEN to_jsonb((random() * 60)::int) WHEN random() < 0.5 THEN '"30"'::jsonb WHEN random() < 0.5 THEN '[30]' END, 'ltv', round((random() * 6000)::numeric, 1), 'big', 9007199254740990 + (random() * 9)::int, 'city', 'c' || (random() * 3)::int)) AS profile
      FROM generate_series(1, 300)) AS s CROSS JOIN LATERAL mhub.decide('ranges', s.profile) AS d
LEFT JOIN LATERAL (SELECT r.key FROM mhub.content_rule AS r WHERE r.slot = 'ranges' AND mhub.matches(s.profile, r.condition) ORDER BY r.priority, r.rule_id LIMIT 1) AS e ON true;
-- Nor does posting rules by narrow ranges of a number: bounds that many share, at the ends, half open, of two attributes.
INSERT INTO mhub.slot (slot) VALUES ('narrow');
INSERT INTO mhub.content_rule (slot, key, priority, condition, content_key)
SELECT 'narrow', 'r' || n, (n * 7919) % 500, (ARRAY[format('age between %s and %s', a, a + n % 4), format('age >= %s and age < %s', a, a + 1.5), format('age = %s and extra', a) || ' = true', format('ltv > %s and ltv <= %s', a * 10, a * 10 + 7), format('age > %s', 190 - a % 9), format('age < %s and vip = false', a % 9 - 3), format('age between %s and %s and ltv != 50', a, a + n % 60)])[1 + n % 7]::mhub.condition, 'coupon'
FROM generate_series(1, 500) AS n CROSS JOIN LATERAL (SELECT (random() * 190)::int + 0 * n AS a) AS r;
SELECT count(*) AS profiles, count(DISTINCT d.rule_key) > 30 AS many_rules, count(*) FILTER (WHERE d.rule_key IS DISTINCT FROM e.key) AS differing
FROM (SELECT jsonb_strip_nulls(jsonb_build_object('age', CASE WHEN random() < 0.9 THEN to_jsonb(round((random() * 200)::numeric - 4, (random() * 1.2)::int)) WHEN random() < 0.5 THEN '"30"'::jsonb END, 'ltv', (random() * 2000)::int, 'vip', random() < 0.5, 'extra', random() < 0.3)) AS profile
      FROM generate_series(1, 600)) AS s CROSS JOIN LATERAL mhub.decide('narrow', s.profile) AS d
LEFT JOIN LATERAL (SELECT r.key FROM mhub.content_rule AS r WHERE r.slot = 'narrow' AND mhub.matches(s.profile, r.condition) ORDER BY r.priority, r.rule_id LIMIT 1) AS e ON true;
-- Hours and weekdays are the wall clock's of the person's zone, whatever its summer time does: 4,000 random moments around clock changes, against SQL.
INSERT INTO mhub.slot (slot) VALUES ('hours');
INSERT INTO mhub.content_rule (slot, key, priority, content_key, weekdays, hours_from, hours_to) VALUES ('hours', 'r1', 1, 'coupon', '{6,7}', '23:00', '02:30'), ('hours', 'r2', 2, 'coupon', '{1,3,7}', NULL, NULL), ('hours', 'r3', 3, 'coupon', NULL, '01:30', '03:15'), ('hours', 'r4', 4, 'coupon', '{6}', '12:00', '00:00');
SELECT count(*) AS moments, count(DISTINCT d.rule_key) AS rules, count(*) FILTER (WHERE d.rule_key IS DISTINCT FROM e.key) AS differing
FROM generate_series(1, 4000) AS n
CROSS JOIN LATERAL (SELECT (ARRAY['Asia/Shanghai', 'America/New_York', 'Europe/London', 'Australia/Lord_Howe', 'America/Sao_Paulo'])[1 + n % 5] AS zone, (ARRAY['2026-03-08', '2026-11-01', '2026-03-29', '2026-10-25', '2026-04-05', '2018-11-04'])[1 + n % 6]::timestamptz + (random() * 3 - 1.5) * '1 day'::interval AS at) AS w
CROSS JOIN LATERAL (SELECT (w.at AT TIME ZONE w.zone)::time AS clock, extract(isodow FROM w.at AT TIME ZONE w.zone)::integer AS today) AS l
CROSS JOIN LATERAL mhub.decide('hours', jsonb_build_object('time_zone', w.zone), w.at) AS d
LEFT JOIN LATERAL (
    SELECT r.key FROM mhub.content_rule AS r
    CROSS JOIN LATERAL (SELECT r.hours_from > r.hours_to AND l.clock < r.hours_to AS from_yesterday) AS y
    WHERE r.slot = 'hours'
      AND (r.hours_from IS NULL OR CASE WHEN r.hours_from < r.hours_to THEN l.clock >= r.hours_from AND l.clock < r.hours_to ELSE l.clock >= r.hours_from OR l.clock < r.hours_to END)
      AND (r.weekdays IS NULL OR CASE WHEN y.from_yesterday THEN (l.today + 5) % 7 + 1 ELSE l.today END = ANY (r.weekdays))
    ORDER BY r.priority LIMIT 1) AS e ON true;
-- The first and the last instant of a rule's time, to the microsecond; an expiry likewise.
SELECT at, d.rule_key FROM (VALUES ('2026-01-31 23:59:59.999999Z'::timestamptz), ('2026-02-01Z'), ('2026-02-01 23:59:59.999999Z'), ('2026-02-02Z')) AS t (at), mhub.decide('clock', '{}', at) AS d;
SELECT at, d.rule_key FROM (VALUES ('2026-01-31 11:59:59.999999Z'::timestamptz), ('2026-01-31 12:00Z')) AS t (at), mhub.decide('caps', '{}', at) AS d;

-- Ramping a rule up, or changing its holdout, moves nobody from one variant to another; new weights move only those between the old bounds and the new.
INSERT INTO mhub.slot (slot, default_content) VALUES ('ramp', '默认');
INSERT INTO mhub.content_rule (slot, key, variants, coverage, holdout) VALUES ('ramp', 'r', '[{"key": "a", "content": "coupon", "weight": 0.5}, {"key": "b", "content": "trial", "weight": 0.5}]', 0.2, 0.05);
CREATE FUNCTION pg_temp.drawn() RETURNS TABLE (unit text, variant text) LANGUAGE sql VOLATILE AS $$ SELECT 'u' || n, coalesce(d.variant, '') FROM generate_series(1, 3000) AS n, mhub.decide('ramp', jsonb_build_object('$unit', 'u' || n)) AS d $$;
CREATE TEMP TABLE first_draw AS SELECT * FROM pg_temp.drawn();
UPDATE mhub.content_rule SET coverage = 0.8 WHERE slot = 'ramp';
CREATE TEMP TABLE second_draw AS SELECT * FROM pg_temp.drawn();
UPDATE mhub.content_rule SET holdout = 0.1 WHERE slot = 'ramp';
CREATE TEMP TABLE third_draw AS SELECT * FROM pg_temp.drawn();
UPDATE mhub.content_rule SET coverage = 1, holdout = 0, variants = '[{"key": "a", "content": "coupon", "weight": 0.5}, {"key": "b", "content": "trial", "weight": 0.5}]' WHERE slot = 'ramp';
CREATE TEMP TABLE fourth_draw AS SELECT * FROM pg_temp.drawn();
UPDATE mhub.content_rule SET variants = '[{"key": "a", "content": "coupon", "weight": 0.7}, {"key": "b", "content": "trial", "weight": 0.3}]' WHERE slot = 'ramp';
CREATE TEMP TABLE fifth_draw AS SELECT * FROM pg_temp.drawn();
SELECT count(*) FILTER (WHERE a.variant <> '' AND b.variant <> a.variant) AS moved_by_coverage, count(*) FILTER (WHERE a.variant = '' AND b.variant <> '') > 1500 AS more_people,
       count(*) FILTER (WHERE c.variant <> b.variant AND c.variant <> 'holdout') AS moved_by_holdout, count(*) FILTER (WHERE c.variant = 'holdout') > count(*) FILTER (WHERE b.variant = 'holdout') AS more_held_out,
       count(*) FILTER (WHERE e.variant <> d.variant AND e.variant <> 'a') AS moved_back, round(count(*) FILTER (WHERE e.variant <> d.variant) / 3000.0, 1) AS moved_by_weights
FROM first_draw AS a JOIN second_draw AS b USING (unit) JOIN third_draw AS c USING (unit) JOIN fourth_draw AS d USING (unit) JOIN fifth_draw AS e USING (unit);

-- Languages by their parts: script and region fall back one by one.
INSERT INTO mhub.content (key, locale, payload) VALUES ('page', '', '{"text": "any"}'), ('page', 'zh', '{"text": "zh"}'), ('page', 'zh-Hans', '{"text": "zh-Hans"}'), ('page', 'zh-Hans-CN', '{"text": "zh-Hans-CN"}'), ('page', 'zh-Hant', '{"text": "zh-Hant"}');
INSERT INTO mhub.slot (slot, default_content) VALUES ('page', 'page');
SELECT locale, d.payload->>'text' AS text FROM unnest(ARRAY['zh-Hans-CN', 'zh_hans_cn', 'zh-Hans-SG', 'zh-Hans', 'zh-Hant-TW', 'zh-CN', 'zh', 'zho', 'en-US', '', 'ｚｈ']) AS locale, mhub.decide('page', jsonb_build_object('locale', locale)) AS d;
DELETE FROM mhub.content WHERE key = 'page' AND locale IN ('zh-Hans-CN', 'zh-Hans');
SELECT d.payload->>'text' AS text FROM mhub.decide('page', '{"locale": "zh-Hans-CN"}') AS d;
DELETE FROM mhub.content WHERE key = 'page' AND locale = 'zh';
SELECT d.payload->>'text' AS text FROM mhub.decide('page', '{"locale": "zh-Hans-CN"}') AS d;
ROLLBACK;

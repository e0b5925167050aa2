-- Funnels, retention, sequences and paths: known cases, and comparison with brute force on random events.
BEGIN;
SET LOCAL timezone = 'UTC';
SET LOCAL datestyle = 'ISO';
SET LOCAL jit = off;

-- a funnel is written as letters, one a second; + joins those of one event, = puts events at one time; x is any other event
CREATE FUNCTION pg_temp.events(story text) RETURNS TABLE (at timestamptz, steps boolean[]) LANGUAGE sql AS $$
    SELECT timestamptz '2026-01-01' + interval '1 second' * t.second, ARRAY(SELECT e.event LIKE '%' || chr(64 + s) || '%' FROM generate_series(1, 4) AS s)
    FROM string_to_table(story, ' ') WITH ORDINALITY AS t (group_, second) CROSS JOIN string_to_table(t.group_, '=') AS e (event)
$$;
SELECT v.story, v.mode, mhub.window_funnel(e.at, e.steps, v.within, v.mode) AS level, ARRAY(SELECT to_char(u, 'SS') FROM unnest(mhub.window_funnel_times(e.at, e.steps, v.within, v.mode)) AS u) AS times
FROM (VALUES
    (1, 'A B C D', interval '1 hour', ''), (2, 'A C B D', '1 hour', ''), (3, 'B A x x C B A D C', '1 hour', ''), (4, 'A B x C', '2 seconds', ''), (5, 'A B C', '2 seconds', ''),
    (6, 'A A B x B', '3 seconds', ''), (7, 'A B x x x A B C', '2 seconds', ''), (8, 'x x', '1 hour', ''),
    (11, 'A B x C', '1 hour', 'strict_order'), (12, 'x A B C', '1 hour', 'strict_order'), (13, 'A B D C', '1 hour', 'strict_order'), (14, 'A B D C', '1 hour', 'strict_order, allow_reentry'),
    (15, 'A B A C', '1 hour', 'strict_order'), (16, 'A=x B', '1 hour', 'strict_order'),
    (21, 'A B C B D', '1 hour', 'strict_deduplication'), (22, 'A A B C', '1 hour', 'strict_deduplication'), (23, 'B A B B C', '1 hour', 'strict_deduplication'),
    (31, 'A=B C', '1 hour', 'strict_increase'), (32, 'A=B C', '1 hour', ''), (33, 'A A=B C', '1 hour', 'strict_increase'), (34, 'A B=C=D D', '1 hour', 'strict_increase'),
    (41, 'A+B C', '1 hour', ''), (42, 'A+B C', '1 hour', 'strict_once'), (43, 'A+B=A C', '1 hour', 'strict_once'), (44, 'A B+C C', '1 hour', 'strict_once'), (45, 'A B+C=B+C=B+C D', '1 hour', 'strict_once'),
    (46, 'A+B+C+D', '1 hour', ''), (47, 'A+B+C+D', '1 hour', 'strict_increase strict_once')) AS v (n, story, within, mode)
CROSS JOIN LATERAL pg_temp.events(v.story) AS e
GROUP BY v.n, v.story, v.mode ORDER BY v.n;
SELECT mhub.window_funnel(now(), NULL::boolean[], '1 day') AS no_steps, mhub.window_funnel(NULL, ARRAY[true], '1 day') AS no_time, mhub.window_funnel(now(), ARRAY[NULL, true], '1 day') AS null_step,
       mhub.window_funnel(now(), 0, '1 day') AS no_step;

-- random events with many ties, against the definition
CREATE TEMP TABLE event AS
SELECT i AS id, 1 + abs(hashint8extended(i, 1)) % 400 AS person, timestamptz '2026-01-01' + interval '1 hour' * (abs(hashint8extended(i, 2)) % 60) AS at,
       ARRAY(SELECT abs(hashint8extended(i, 10 + s)) % 5 < 2 FROM generate_series(1, 4) AS s) AS steps
FROM generate_series(1, 2400) AS i;
CREATE FUNCTION pg_temp.brute_force(increase boolean, once boolean) RETURNS TABLE (person bigint, level integer) LANGUAGE sql AS $$
    WITH RECURSIVE chain AS (
        SELECT e.person, 1 AS level, e.at AS start, e.at, ARRAY[e.id] AS used FROM event AS e WHERE e.steps[1]
        UNION
        SELECT e.person, c.level + 1, c.start, e.at, CASE WHEN once THEN c.used || e.id ELSE '{}' END
        FROM chain AS c JOIN event AS e ON e.person = c.person AND e.steps[c.level + 1] AND e.at <= c.start + interval '20 hours'
            AND CASE WHEN increase THEN e.at > c.at ELSE e.at >= c.at END AND NOT (once AND e.id = ANY (c.used))
    )
    SELECT e.person, coalesce((SELECT max(c.level) FROM chain AS c WHERE c.person = e.person), 0) FROM event AS e GROUP BY e.person
$$;
CREATE TEMP TABLE expected AS
SELECT '' AS mode, b.* FROM pg_temp.brute_force(false, false) AS b UNION ALL
SELECT 'strict_increase', b.* FROM pg_temp.brute_force(true, false) AS b UNION ALL
SELECT 'strict_once', b.* FROM pg_temp.brute_force(false, true) AS b;
SELECT x.mode, count(*) AS people, count(*) FILTER (WHERE x.level <> f.level) AS differing, count(*) FILTER (WHERE cardinality(f.times) <> f.level) AS times_differ,
       count(*) FILTER (WHERE f.times[f.level] - f.times[1] > interval '20 hours') AS too_long, count(DISTINCT x.level) AS levels
FROM expected AS x JOIN LATERAL (
    SELECT mhub.window_funnel(e.at, e.steps, interval '20 hours', x.mode) AS level, mhub.window_funnel_times(e.at, e.steps, interval '20 hours', x.mode) AS times FROM event AS e WHERE e.person = x.person) AS f ON true
GROUP BY x.mode ORDER BY x.mode;
-- in every mode the order of rows does not matter; by step number the answer is the same
SELECT m.mode, count(*) FILTER (WHERE forwards <> backwards) AS differing
FROM (VALUES ('strict_order'), ('strict_order, allow_reentry'), ('strict_deduplication'), ('strict_once, strict_order'), ('strict_once strict_deduplication'), ('strict_increase strict_order strict_deduplication')) AS m (mode)
CROSS JOIN LATERAL (SELECT mhub.window_funnel(at, steps, interval '20 hours', m.mode ORDER BY id) AS forwards, mhub.window_funnel(at, steps, interval '20 hours', m.mode ORDER BY id DESC) AS backwards FROM event GROUP BY person) AS f
GROUP BY m.mode ORDER BY m.mode;
SELECT count(*) AS people, count(*) FILTER (WHERE by_number <> by_array) AS differing
FROM (SELECT mhub.window_funnel(at, s, '20 hours') AS by_number, mhub.window_funnel(at, ARRAY[s = 1, s = 2, s = 3, s = 4], '20 hours') AS by_array
      FROM (SELECT person, at, array_position(steps, true) AS s FROM event) AS e GROUP BY person) AS f;
-- everybody at once
SELECT m.mode, r.reached = ARRAY(SELECT (SELECT count(*) FROM (SELECT mhub.window_funnel(at, array_position(steps, true), '20 hours', m.mode) AS level FROM event GROUP BY person) AS f WHERE f.level >= k) FROM generate_series(1, 4) AS k) AS same, r.reached[1] > r.reached[4] AS funnel
FROM (VALUES (''), ('strict_order'), ('strict_increase, strict_deduplication')) AS m (mode)
CROSS JOIN LATERAL (SELECT mhub.funnel_reached(person, at, array_position(steps, true), '20 hours', m.mode) AS reached FROM event) AS r ORDER BY m.mode;

-- retention
SELECT mhub.retention(c) FROM (VALUES (ARRAY[true, false, false]), (ARRAY[false, false, true]), (ARRAY[NULL, NULL, NULL]::boolean[]), (NULL)) AS v (c);
SELECT mhub.retention(c) AS never_first FROM (VALUES (ARRAY[false, true])) AS v (c);
SELECT count(*) FILTER (WHERE r IS DISTINCT FROM expected) AS differing FROM (
    SELECT mhub.retention(steps) AS r, ARRAY[bool_or(steps[1]), bool_or(steps[1]) AND bool_or(steps[2]), bool_or(steps[1]) AND bool_or(steps[3]), bool_or(steps[1]) AND bool_or(steps[4])] AS expected
    FROM event GROUP BY person) AS s;

-- sequences
SELECT v.pattern, v.story, mhub.sequence_match(v.pattern, e.at, e.steps) AS matches, mhub.sequence_count(v.pattern, e.at, e.steps) AS times
FROM (VALUES
    (1, '(?1)(?2)', 'A B'), (2, '(?1)(?2)', 'A C B'), (3, '(?1)(?2)', 'A x B'), (4, '(?1).(?2)', 'A C B'), (5, '(?1).*(?2)', 'A C D B A B'), (6, '(?1)(?t<=1)(?2)', 'A x B'), (7, '(?1)(?t<=2)(?2)', 'A C B'),
    (8, '(?1)(?t>2)(?2)', 'A B C B'), (9, '(?1)(?t==3)(?2)', 'A B C B'), (10, '(?1)(?t>=1)(?t<2)(?2)', 'A=B C B A B'), (11, '(?1).*(?2).*(?1)', 'A B A B A'), (12, ' (?1) .* (?2) ', 'A+B'), (13, '(?1)', 'A A+B A B'),
    (14, '(?2).*', 'A B')) AS v (n, pattern, story)
CROSS JOIN LATERAL pg_temp.events(v.story) AS e GROUP BY v.n, v.pattern, v.story ORDER BY v.n;
-- against regular expressions: one letter per event, (?1).*(?2)(?3) is A.*BC
SELECT p.pattern, count(*) AS people, count(*) FILTER (WHERE mhub_says) AS matching, count(*) FILTER (WHERE mhub_says <> regexp_says) AS differing
FROM (VALUES ('(?1).*(?2)(?3)', '1.*23'), ('(?1)(?2).(?3)', '12.3'), ('(?4).*(?1).*(?4).*(?1)(?1)', '4.*1.*4.*11'), ('(?3)..(?3)', '3..3')) AS p (pattern, regexp)
CROSS JOIN LATERAL (
    SELECT mhub.sequence_match(p.pattern, at, ARRAY[s = 1, s = 2, s = 3, s = 4]) AS mhub_says, string_agg(s::text, '' ORDER BY at, s) ~ p.regexp AS regexp_says
    FROM (SELECT person, at, array_position(steps, true) AS s FROM event) AS e WHERE s IS NOT NULL GROUP BY person) AS m
GROUP BY p.pattern ORDER BY p.pattern;
-- what makes backtracking explode takes no time here
SELECT mhub.sequence_match(repeat('(?1).*', 30) || '(?2)', timestamptz '2026-01-01' + i * interval '1 second', ARRAY[true, false]) AS hard FROM generate_series(1, 5000) AS i;

-- paths
SELECT mhub.path(label, at) AS path, mhub.path(label, at, -id) AS by_id, mhub.path_sessions(label, at, '30 minutes', id) AS sessions
FROM (VALUES (1, '百度', timestamptz '2026-01-01 10:00'), (2, '微信', '2026-01-01 10:30'), (3, 'email', '2026-01-01 11:00:00.000001'), (4, 'Direct', '2026-01-01 10:00'), (5, NULL, '2026-01-01 10:00')) AS v (id, label, at);
SELECT t.transform, mhub.transform_path(string_to_array('D A B B C D C C', ' '), t.transform, 'C') AS path FROM unnest(ARRAY['consecutive', 'first', 'frequency', 'remove_if_not_all', 'remove_if_last_and_not_all']) AS t (transform);
SELECT mhub.transform_path('{A,B,A,A}', 'remove_if_last_and_not_all', 'A') AS trailing, mhub.transform_path('{A,B,A,A}', 'remove_if_not_all', 'A') AS all_a, mhub.transform_path('{A,A}', 'remove_if_not_all', 'A') AS only_a,
       mhub.transform_path('{A,A}', 'remove_if_last_and_not_all', 'A') AS only_a_last, mhub.transform_path('{}', 'first') AS nothing;

-- no time is too far: since -infinity more than any window has passed
SELECT mhub.window_funnel(at, s, '1 day') AS level, mhub.sequence_match('(?1)(?t<=10)(?2)', at, ARRAY[s = 1, s = 2]) AS soon, mhub.sequence_match('(?1)(?t>10)(?2)', at, ARRAY[s = 1, s = 2]) AS later, mhub.path_sessions(s::text, at, '1 day') AS sessions
FROM (VALUES (timestamptz '-infinity', 1), ('2026-01-01', 2), ('infinity', 3)) AS v (at, s);

-- the same in parallel plans
CREATE TABLE behaviour_event AS TABLE event;
CREATE TEMP VIEW answer AS SELECT person, mhub.window_funnel(at, steps, '20 hours', 'strict_once') AS f, mhub.retention(steps) AS r, mhub.sequence_count('(?1).*(?2)(?t>7200)(?3)', at, steps) AS s, mhub.path(id::text, at, id) AS p,
    mhub.path_sessions(id::text, at, '5 hours') AS q FROM behaviour_event GROUP BY person;
CREATE TEMP TABLE serial AS TABLE answer;
SET LOCAL parallel_setup_cost = 0; SET LOCAL parallel_tuple_cost = 0; SET LOCAL min_parallel_table_scan_size = 0; SET LOCAL enable_sort = off;
SELECT count(*) AS differing FROM (SELECT * FROM answer EXCEPT TABLE serial) AS d;
SELECT mhub.funnel_reached(person, at, array_position(steps, true), '20 hours') = (SELECT mhub.funnel_reached(person, at, array_position(steps, true), '20 hours') FROM event) AS reached_in_parallel FROM behaviour_event;

-- errors
SAVEPOINT s;
SELECT mhub.window_funnel(now(), ARRAY[true], '1 day', 'strikt_order');
ROLLBACK TO s;
SELECT mhub.window_funnel(now(), ARRAY[true], '1 day', 'allow_reentry');
ROLLBACK TO s;
SELECT mhub.window_funnel(now(), ARRAY[true], '1 month');
ROLLBACK TO s;
SELECT mhub.window_funnel(now(), ARRAY[true], '213503983 days');
ROLLBACK TO s;
SELECT mhub.window_funnel(now(), array_fill(true, ARRAY[33]), '1 day');
ROLLBACK TO s;
SELECT mhub.window_funnel(now(), c, '1 day') FROM (VALUES (ARRAY[true]), (ARRAY[true, true])) AS v (c);
ROLLBACK TO s;
SELECT mhub.window_funnel(now(), 33, '1 day');
ROLLBACK TO s;
SELECT mhub.retention(c) FROM (VALUES (ARRAY[true]), (ARRAY[true, true])) AS v (c);
ROLLBACK TO s;
SELECT mhub.sequence_match('(?1)(?3)', now(), ARRAY[true, true]);
ROLLBACK TO s;
SELECT mhub.sequence_match('(?1)(?t<1h)(?2)', now(), ARRAY[true, true]);
ROLLBACK TO s;
SELECT mhub.sequence_match('(?1)(?t<1)', now(), ARRAY[true, true]);
ROLLBACK TO s;
SELECT mhub.sequence_match('.*', now(), ARRAY[true, true]);
ROLLBACK TO s;
SELECT mhub.path_sessions('a', now(), '1 month');
ROLLBACK TO s;
SELECT mhub.transform_path('{a}', 'last');
ROLLBACK TO s;
SELECT mhub.transform_path('{a}', 'remove_if_not_all');
ROLLBACK;

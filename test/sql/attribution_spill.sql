-- The aggregates that hold all people in one state: the same sums from memory, from temporary files, with ids of any kind, from parallel workers.
BEGIN;
SET LOCAL max_parallel_workers_per_gather = 0;
CREATE TEMP TABLE touches AS
SELECT 1 + abs(hashint8extended(i, 1)) % 4000 AS person, timestamptz '2026-01-01' + interval '1 minute' * (abs(hashint8extended(i, 2)) % 60000) AS at,
       (ARRAY['百度', 'feed', 'a label of more than sixteen bytes', '', '微信公众号推广渠道', 'Direct', 'sms', 'organic'])[1 + abs(hashint8extended(i, 3)) % 8] AS label, i AS id
FROM generate_series(1, 220000) AS i;
CREATE TEMP TABLE conversions AS
SELECT 1 + abs(hashint8extended(i, 4)) % 4000 AS person, timestamptz '2026-01-08' + interval '1 minute' * (abs(hashint8extended(i, 5)) % 60000) AS at, i AS id, round(i / 7.0, 2) AS value
FROM generate_series(1, 5000) AS i;

CREATE FUNCTION pg_temp.totals(factor bigint, options jsonb) RETURNS SETOF mhub.label_credit LANGUAGE sql AS $$
    SELECT t.model, t.label, round(t.conversions::numeric, 9)::double precision, t.value
    FROM unnest((SELECT mhub.attribution_totals((SELECT mhub.conversion_set(person * factor, at, id, value) FROM conversions), person * factor, at, label, id, options) FROM touches)) AS t
$$;
CREATE FUNCTION pg_temp.reached(factor bigint, mode text) RETURNS bigint[] LANGUAGE sql AS $$
    SELECT mhub.funnel_reached(person * factor, at, CASE label WHEN '百度' THEN 1 WHEN 'feed' THEN 2 WHEN 'sms' THEN 3 WHEN '' THEN NULL ELSE 4 END, interval '3 days', mode) FROM touches
$$;
SET LOCAL work_mem = '256MB';
CREATE TEMP TABLE answer AS
SELECT o.options, t.* FROM (VALUES ('{"models": ["first_touch", "last_non_direct_touch", "linear", "time_decay", "participation"], "lookback": "20 days"}'::jsonb),
    ('{"models": ["linear", "position_based"], "lookback_days": 30, "conversions": "cut", "dedupe": "consecutive"}')) AS o (options) CROSS JOIN LATERAL pg_temp.totals(1, o.options) AS t;
CREATE TEMP TABLE funnel AS SELECT m.mode, pg_temp.reached(1, m.mode) AS people FROM (VALUES (''), ('strict_order'), ('strict_increase')) AS m (mode);
SELECT count(*) AS rows, (SELECT sum(value) FROM conversions) = ALL (SELECT sum(value) FROM answer WHERE model <> 'participation' GROUP BY options, model) AS all_revenue FROM answer;

-- against a group for each person
SELECT count(*) AS differing FROM (
    SELECT a.model, a.label, a.conversions, a.value FROM answer AS a WHERE a.options ? 'lookback'
    EXCEPT
    SELECT u.model, u.label, round(sum(u.share)::numeric, 9)::double precision, sum(u.value)
    FROM (SELECT mhub.attribution(e.kind, e.at, e.label, e.id, e.value, (SELECT options FROM answer WHERE options ? 'lookback' LIMIT 1)) AS credits
          FROM (SELECT person, 'touch' AS kind, at, label, id, NULL::numeric AS value FROM touches UNION ALL SELECT person, 'conversion', at, NULL, id, value FROM conversions) AS e GROUP BY e.person) AS p
    CROSS JOIN LATERAL unnest(p.credits) AS u GROUP BY u.model, u.label) AS d;

-- ids far apart, negative ones
SELECT f.factor, count(*) AS rows, count(*) FILTER (WHERE (t.conversions, t.value) IS DISTINCT FROM (a.conversions, a.value)) AS differing
FROM (VALUES (1000000007), (-1), (-3000000000000)) AS f (factor) CROSS JOIN LATERAL pg_temp.totals(f.factor, '{"models": ["linear", "position_based"], "lookback_days": 30, "conversions": "cut", "dedupe": "consecutive"}') AS t
LEFT JOIN (SELECT * FROM answer WHERE options ? 'lookback_days') AS a USING (model, label) GROUP BY f.factor ORDER BY f.factor;

-- the filter before a group for each person, against a subquery; a set that changes from call to call
CREATE INDEX ON conversions (person, at);
SELECT w.within, count(*) AS touches, count(*) FILTER (WHERE mhub.converts_after((SELECT mhub.conversion_set(person, at, id, value) FROM conversions), t.person, t.at, w.within) IS DISTINCT FROM e.expected) AS differing,
       count(*) FILTER (WHERE mhub.converts_after((SELECT mhub.conversion_set(person * -3000000000000, at, id, value) FROM conversions), t.person * -3000000000000, t.at, w.within) IS DISTINCT FROM e.expected) AS of_other_ids
FROM (SELECT * FROM touches WHERE id % 40 = 0) AS t CROSS JOIN (VALUES (NULL::interval), ('0'), ('3 days')) AS w (within)
CROSS JOIN LATERAL (SELECT EXISTS (SELECT FROM conversions AS c WHERE c.person = t.person AND c.at >= t.at AND (w.within IS NULL OR c.at <= t.at + w.within)) AS expected) AS e GROUP BY w.within ORDER BY w.within;
SELECT p.person, mhub.converts_after(p.set, p.person, '2026-01-01') AS itself, mhub.converts_after(p.set, 5 - p.person, '2026-01-01') AS another, mhub.converts_after(p.set, NULL, '2026-01-01') AS nobody
FROM (SELECT i AS person, mhub.conversion_set(i, '2026-01-02', 1, 1) AS set FROM generate_series(1, 4) AS i GROUP BY i) AS p ORDER BY p.person;
SELECT mhub.converts_after((SELECT mhub.conversion_set(NULL, NULL, NULL, NULL)), 1, '2026-01-01') AS empty;
SAVEPOINT s;
SELECT mhub.converts_after('nonsense', 1, '2026-01-01');
ROLLBACK TO s;

-- little memory: the state goes to files, which a limit on these shows
SET LOCAL work_mem = '64kB';
SET LOCAL hash_mem_multiplier = 1;
SELECT count(*) AS differing FROM answer AS a FULL JOIN (SELECT o.options, t.* FROM (SELECT DISTINCT options FROM answer) AS o CROSS JOIN LATERAL pg_temp.totals(1, o.options) AS t) AS t USING (options, model, label)
WHERE (t.conversions, t.value) IS DISTINCT FROM (a.conversions, a.value);
SELECT mode, people = pg_temp.reached(1, mode) AS same, people = pg_temp.reached(-70000000001, mode) AS same_of_other_ids FROM funnel ORDER BY mode;
SAVEPOINT s;
-- (the words differ between PostgreSQL's versions)
\set VERBOSITY sqlstate
SET LOCAL temp_file_limit = 100;
SELECT count(*) FROM pg_temp.totals(1, '{}');
ROLLBACK TO s;
SET LOCAL temp_file_limit = 100;
SELECT pg_temp.reached(1, '');
ROLLBACK TO s;
\set VERBOSITY default
-- in a window function it stays in memory
SELECT count(DISTINCT r) AS answers FROM (SELECT mhub.funnel_reached(person, at, 1, interval '1 day') OVER () AS r FROM touches) AS w;

-- parallel workers pass their states on
CREATE TABLE mhub_test_touches AS SELECT * FROM touches;
ANALYZE mhub_test_touches;
SET LOCAL max_parallel_workers_per_gather = 2;
SET LOCAL parallel_setup_cost = 0;
SET LOCAL parallel_tuple_cost = 0;
SET LOCAL min_parallel_table_scan_size = 0;
SELECT people = (SELECT mhub.funnel_reached(person, at, CASE label WHEN '百度' THEN 1 WHEN 'feed' THEN 2 WHEN 'sms' THEN 3 WHEN '' THEN NULL ELSE 4 END, interval '3 days') FROM mhub_test_touches) AS same FROM funnel WHERE mode = '';
ROLLBACK;

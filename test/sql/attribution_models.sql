-- mhub.attribution() and the edge touches: hand-checked credits, and a random comparison with plain SQL.
BEGIN;
SET LOCAL timezone = 'UTC';

-- Adobe's worked example: 50 shared by touches 9, 6, 0 and 0 days before, half-life 7 days
CREATE TEMP TABLE example (kind text, at timestamptz, label text, id bigint, value numeric);
INSERT INTO example VALUES
    ('touch', '2026-01-01', 'paid search', 1, NULL), ('touch', '2026-01-04', 'social', 2, NULL),
    ('touch', '2026-01-10', 'email', 3, NULL), ('touch', '2026-01-10', 'display', 4, NULL),
    ('conversion', '2026-01-10', NULL, 1, 50);
SELECT c.model, string_agg(c.label || ' ' || c.value, ', ' ORDER BY c.touch_id) AS credits
FROM (SELECT (unnest(mhub.attribution(kind, at, label, id, value,
        '{"models": ["time_decay", "linear", "j_shaped", "inverse_j_shaped", "participation", "position_based", "first_touch", "last_touch"]}'))).* FROM example) AS c
GROUP BY c.model ORDER BY c.model;

-- one and two touches: the missing middle's share goes to the ends in proportion
SELECT c.id AS touches, c.model, array_agg(round(c.share::numeric, 6) ORDER BY c.touch_id) AS shares
FROM (SELECT n AS id, (unnest(mhub.attribution(kind, at, label, e.id, value,
        '{"models": ["position_based", "j_shaped", "inverse_j_shaped", "custom", "w_shaped", "full_path"], "custom_weights": [30, 0, 70]}'))).*
      FROM (VALUES (1), (2)) AS v (n), example AS e WHERE kind = 'conversion' OR e.id <= n GROUP BY n) AS c
GROUP BY c.id, c.model ORDER BY c.model, c.id;

-- milestones: the touch that led to the lead and to the opportunity
SELECT c.model, string_agg(c.label || ' ' || round(c.share::numeric, 4), ', ' ORDER BY c.touch_id) AS shares
FROM (SELECT (unnest(mhub.attribution(kind, at, label, id, value, '{"models": ["w_shaped", "full_path"]}'))).*
      FROM (VALUES ('touch', timestamptz '2026-01-01', '百度', 1, NULL::numeric), ('touch', '2026-01-02', '微信', 2, NULL),
            ('lead', '2026-01-02 12:00', NULL, NULL, NULL), ('touch', '2026-01-03', 'email', 3, NULL), ('touch', '2026-01-04', '抖音', 4, NULL),
            ('opportunity', '2026-01-04 12:00', NULL, NULL, NULL), ('lead', '2026-01-05', NULL, NULL, NULL), ('touch', '2026-01-06', 'sms', 5, NULL),
            ('conversion', '2026-01-07', NULL, 1, 100)) AS r (kind, at, label, id, value)) AS c
GROUP BY c.model ORDER BY c.model;

-- options: look-back (exact and calendar), cut, dedupe, limit
CREATE TEMP TABLE path (kind text, at timestamptz, label text, id bigint, value numeric);
INSERT INTO path VALUES
    ('touch', '2026-03-01 00:00', 'D', 1, NULL), ('touch', '2026-03-02 00:00', 'A', 2, NULL), ('touch', '2026-03-03 00:00', 'B', 3, NULL),
    ('touch', '2026-03-04 00:00', 'B', 4, NULL), ('conversion', '2026-03-04 00:00', NULL, 1, 10), ('touch', '2026-03-05 00:00', 'C', 5, NULL),
    ('touch', '2026-03-06 00:00', 'D', 6, NULL), ('touch', '2026-03-07 00:00', 'C', 7, NULL), ('touch', '2026-03-08 00:00', 'C', 8, NULL),
    ('conversion', '2026-03-08 17:00', NULL, 2, 100);
SELECT o.options, string_agg(c.path, ' | ' ORDER BY c.conversion_id) AS paths
FROM (VALUES ('{}'), ('{"lookback": "3 days"}'), ('{"lookback": "3 days 12 hours"}'), ('{"lookback_days": 3, "time_zone": "UTC"}'),
             ('{"lookback_days": 3, "time_zone": "Asia/Shanghai"}'), ('{"lookback_days": 0, "time_zone": "Asia/Shanghai"}'), ('{"conversions": "cut"}'),
             ('{"dedupe": "consecutive"}'), ('{"dedupe": "first"}'), ('{"touch_limit": 2}'), ('{"dedupe": "first", "touch_limit": 1, "conversions": "cut"}')) AS o (options)
CROSS JOIN LATERAL (
    SELECT conversion_id, string_agg(label, ' ' ORDER BY touched_at) AS path
    FROM (SELECT (unnest(mhub.attribution(kind, at, label, id, value, o.options::jsonb || '{"models": ["linear"]}'))).* FROM path) AS s
    GROUP BY conversion_id) AS c
GROUP BY o.options ORDER BY o.options;

-- money: whole cents that sum up, ties to the later touch; refunds mirror; half-lives that would underflow
SELECT string_agg(c.value::text, ' ' ORDER BY c.touch_id) AS parts, sum(c.value)
FROM (VALUES (140), (-140), (0.01), (-0.02), (46.666), (0), (90071992547409.93), (999999999999999.99)) AS v (value)
CROSS JOIN LATERAL (SELECT (unnest(mhub.attribution(kind, at, label, e.id, CASE WHEN kind = 'conversion' THEN v.value END, '{"models": ["linear"]}'))).*
                    FROM example AS e WHERE e.id <= 3) AS c
GROUP BY v.value ORDER BY v.value;
SELECT c.touch_id, c.share, c.value
FROM (SELECT (unnest(mhub.attribution(kind, at, label, id, value, '{"models": ["time_decay"], "half_life": "1 second"}'))).*
      FROM (VALUES ('touch', timestamptz '2026-01-01', 'a', 1, NULL::numeric), ('touch', '2026-01-01', 'b', 2, NULL), ('conversion', '2026-02-01', NULL, 1, 3)) AS r (kind, at, label, id, value)) AS c;

-- no time is too far: from and to infinity
SELECT c.conversion_id, c.model, c.label, c.share, c.value
FROM (SELECT (unnest(mhub.attribution(kind, at, label, id, value, '{"models": ["linear", "time_decay"]}'))).*
      FROM (VALUES ('touch', timestamptz '-infinity', 'a', 1, NULL::numeric), ('touch', '2026-01-01', 'b', 2, NULL), ('conversion', '2026-02-01', NULL, 1, 10), ('conversion', 'infinity', NULL, 2, 20)) AS r (kind, at, label, id, value)) AS c
ORDER BY c.conversion_id, c.model, c.label;
SELECT t.model, t.label, t.conversions, t.value
FROM unnest((SELECT mhub.attribution_totals((SELECT mhub.conversion_set(1, at, 1, 10) FROM (VALUES (timestamptz '2026-02-01')) AS c (at)), 1, at, label, 1, '{"models": ["linear"]}')
             FROM (VALUES (timestamptz '-infinity', 'a'), ('2026-01-01', 'b')) AS t (at, label))) AS t ORDER BY t.label;

-- labels that only the last few touches have
SELECT count(*) AS labels, round(sum(t.conversions)::numeric, 9) AS conversions, sum(t.value) AS value
FROM unnest((SELECT mhub.attribution_totals((SELECT mhub.conversion_set(1, timestamptz '2026-02-01', 1, 10)), 1, timestamptz '2026-01-01', 'label ' || greatest(i, 4990), i, '{"models": ["linear"]}') FROM generate_series(1, 5000) AS i)) AS t;

-- errors name the culprit
CREATE FUNCTION pg_temp.attempt(options jsonb) RETURNS text LANGUAGE plpgsql AS $$
DECLARE detail text;
BEGIN
    PERFORM mhub.attribution(kind, at, label, id, value, options) FROM pg_temp.example;
    RETURN 'fine';
EXCEPTION WHEN OTHERS THEN
    GET STACKED DIAGNOSTICS detail = PG_EXCEPTION_DETAIL;
    RETURN SQLERRM || ' ' || detail;
END $$;
SELECT o AS options, pg_temp.attempt(o::jsonb) FROM unnest(ARRAY['[]', '{"model": "linear"}', '{"models": ["linaer"]}', '{"models": "linear"}', '{"lookback": "1 month"}',
    '{"lookback": 30}', '{"half_life": "-1 day"}', '{"lookback_days": 1.5}', '{"custom_weights": [1, 2]}', '{"position_weights": [0, 0, 0]}', '{"conversions": "both"}',
    '{"dedupe": "last"}', '{"models": []}', '{"custom_weights": [1e308, 1e308, 1e308]}', '{"lookback": "213503983 days"}', '{"time_zone": "Asia/Beijing"}', '{"scale": 10}', '{"direct": [1]}', '{"lookback": null, "direct": []}']) AS o;
SAVEPOINT s;
SELECT mhub.attribution('visit', now(), 'a', 1, NULL);
ROLLBACK TO s;
SELECT mhub.attribution('conversion', now(), NULL, 1, 'NaN'::numeric);
ROLLBACK TO s;
SELECT mhub.attribution('conversion', now(), NULL, 1, 12345678901234567890::numeric);
ROLLBACK TO s;
SELECT mhub.attribution_finalfn('\x00');
ROLLBACK TO s;

-- Random journeys of 300 people, with many ties in time.
CREATE TEMP TABLE touch AS
SELECT i AS touch_id, 1 + abs(hashint8extended(i, 1)) % 300 AS person,
       timestamptz '2026-01-01' + interval '6 hours' * (abs(hashint8extended(i, 2)) % 200) AS at,
       (ARRAY['Direct', '百度', '微信', 'email', '抖音'])[1 + abs(hashint8extended(i, 3)) % 5] AS label
FROM generate_series(1, 3000) AS i;
CREATE TEMP TABLE conversion AS
SELECT i AS conversion_id, 1 + abs(hashint8extended(i, 4)) % 330 AS person,
       timestamptz '2026-01-01' + interval '6 hours' * (abs(hashint8extended(i, 5)) % 220) AS at,
       ((abs(hashint8extended(i, 6)) % 100000) - 20000) / 100.0 AS value
FROM generate_series(1, 800) AS i;
CREATE TEMP VIEW rows AS
SELECT person, 'touch' AS kind, at, label, touch_id AS id, NULL::numeric AS value FROM touch
UNION ALL SELECT person, 'conversion', at, NULL, conversion_id, value FROM conversion;

CREATE TEMP TABLE credit AS
SELECT (unnest(mhub.attribution(kind, at, label, id, value,
    '{"models": ["first_touch", "last_touch", "last_non_direct_touch", "linear", "position_based", "time_decay", "j_shaped"], "lookback": "20 days"}'))).*
FROM rows GROUP BY person;

CREATE TEMP TABLE reference AS
WITH joined AS (
    SELECT c.conversion_id, t.touch_id, t.label, row_number() OVER w AS i, count(*) OVER (PARTITION BY c.conversion_id) AS n,
           power(2::float8, -extract(epoch FROM c.at - t.at)::float8 / 604800) AS decay,
           row_number() OVER (PARTITION BY c.conversion_id ORDER BY t.label = 'Direct', t.at DESC, t.touch_id DESC) AS from_last_non_direct
    FROM conversion AS c JOIN touch AS t ON t.person = c.person AND t.at BETWEEN c.at - interval '20 days' AND c.at
    WINDOW w AS (PARTITION BY c.conversion_id ORDER BY t.at, t.touch_id))
SELECT j.conversion_id, j.touch_id, j.label, m.model, m.share
FROM joined AS j CROSS JOIN LATERAL (VALUES
    ('first_touch', (i = 1)::int::float8), ('last_touch', (i = n)::int), ('last_non_direct_touch', (from_last_non_direct = 1)::int), ('linear', 1.0 / n),
    ('position_based', CASE WHEN n = 1 THEN 1 WHEN n = 2 THEN 0.5 WHEN i IN (1, n) THEN 0.4 ELSE 0.2 / (n - 2) END),
    ('time_decay', decay / (SELECT sum(d.decay) FROM joined AS d WHERE d.conversion_id = j.conversion_id)),
    ('j_shaped', CASE WHEN n = 1 THEN 1 WHEN n = 2 THEN (ARRAY[0.25, 0.75])[i] WHEN i = 1 THEN 0.2 WHEN i = n THEN 0.6 ELSE 0.2 / (n - 2) END)) AS m (model, share)
WHERE m.share > 0;

SELECT count(*) > 10000 AS compared, count(*) FILTER (WHERE c.touch_id IS NULL OR r.touch_id IS NULL OR c.label <> r.label OR abs(c.share - r.share) > 1e-12) AS differing
FROM (SELECT * FROM credit WHERE touch_id IS NOT NULL) AS c FULL JOIN reference AS r USING (conversion_id, touch_id, model);

-- every conversion's money comes out to the cent, attributed or not, and no share is further than a cent from its exact amount
SELECT count(*) AS conversions_and_models, count(*) FILTER (WHERE s.value <> c.value) AS not_to_the_cent, count(*) FILTER (WHERE abs(s.share - 1) > 1e-12) AS not_one
FROM (SELECT conversion_id, model, sum(value) AS value, sum(share) AS share FROM credit GROUP BY conversion_id, model) AS s JOIN conversion AS c USING (conversion_id);
SELECT count(*) AS far_off FROM credit JOIN conversion AS c USING (conversion_id) WHERE abs(credit.value - c.value * credit.share::numeric) > 0.01;
SELECT count(*) = (SELECT count(*) FROM conversion AS c WHERE NOT EXISTS (SELECT FROM touch AS t WHERE t.person = c.person AND t.at BETWEEN c.at - interval '20 days' AND c.at)) AS unattributed_are_those_without_touch
FROM credit WHERE label = '(unattributed)' AND model = 'linear';

-- the same answer in every order of rows and every plan
CREATE TABLE attribution_rows AS SELECT * FROM rows ORDER BY hashint8extended(id, 7);
SET LOCAL parallel_setup_cost = 0; SET LOCAL parallel_tuple_cost = 0; SET LOCAL min_parallel_table_scan_size = 0; SET LOCAL enable_sort = off;
CREATE TEMP TABLE parallel AS
SELECT (unnest(a)).* FROM (SELECT mhub.attribution(kind, at, label, id, value,
    '{"models": ["first_touch", "last_touch", "last_non_direct_touch", "linear", "position_based", "time_decay", "j_shaped"], "lookback": "20 days"}') AS a
    FROM attribution_rows GROUP BY person) AS s;
SELECT count(*) AS differing FROM (TABLE credit EXCEPT ALL TABLE parallel) AS d;
SET LOCAL enable_sort = on; SET LOCAL enable_hashagg = off; SET LOCAL max_parallel_workers_per_gather = 0;
SELECT count(*) AS differing FROM (TABLE credit EXCEPT ALL
    SELECT (unnest(a)).* FROM (SELECT mhub.attribution(kind, at, label, id, value,
    '{"models": ["first_touch", "last_touch", "last_non_direct_touch", "linear", "position_based", "time_decay", "j_shaped"], "lookback": "20 days"}') AS a
    FROM attribution_rows GROUP BY person) AS s) AS d;
RESET enable_hashagg;

-- all people at once: the same sums, whatever the options and the plan
CREATE TABLE attribution_conversion AS TABLE conversion;
CREATE TABLE attribution_touch AS SELECT person::bigint AS person, at, label, touch_id::bigint AS touch_id FROM touch ORDER BY hashint8extended(touch_id, 8);
SELECT o.options, count(*) > 10 AS some, count(*) FILTER (WHERE r.value IS DISTINCT FROM t.value OR abs(r.conversions - t.conversions) > 1e-9) AS differing, sum(t.value) = (SELECT sum(value) FROM conversion) * count(DISTINCT t.model) AS all_value
FROM (VALUES ('{"lookback": "20 days"}'), ('{"models": ["linear", "j_shaped", "custom"], "conversions": "cut", "custom_weights": [1, 2, 3]}'),
             ('{"models": ["position_based", "last_non_direct_touch"], "lookback_days": 5, "time_zone": "Asia/Shanghai", "dedupe": "first", "touch_limit": 3, "direct": ["email"], "scale": 0}')) AS o (options)
CROSS JOIN LATERAL (SELECT (unnest(mhub.attribution_totals((SELECT mhub.conversion_set(person, at, conversion_id, value) FROM conversion), person, at, label, touch_id, o.options::jsonb))).* FROM attribution_touch) AS t
LEFT JOIN LATERAL (SELECT u.model, u.label, sum(u.share) AS conversions, sum(u.value) AS value
                   FROM (SELECT (unnest(mhub.attribution(kind, at, label, id, value, o.options::jsonb))).* FROM rows GROUP BY person) AS u GROUP BY u.model, u.label) AS r USING (model, label)
GROUP BY o.options ORDER BY o.options;
SET LOCAL max_parallel_workers_per_gather = 2;
CREATE TEMP VIEW totals AS SELECT (unnest(t)).* FROM (SELECT mhub.attribution_totals((SELECT mhub.conversion_set(person, at, conversion_id, value) FROM attribution_conversion), person, at, label, touch_id) AS t FROM attribution_touch) AS s;
ANALYZE attribution_touch;
CREATE TEMP TABLE in_parallel AS TABLE totals;
SET LOCAL max_parallel_workers_per_gather = 0;
SELECT count(*) AS rows, count(*) FILTER (WHERE p.value IS DISTINCT FROM t.value OR abs(p.conversions - t.conversions) > 1e-9) AS differing FROM totals AS t FULL JOIN in_parallel AS p USING (model, label);
SAVEPOINT s;
SELECT mhub.attribution_totals('\x00', 1, now(), 'a', 1);
ROLLBACK TO s;
SELECT mhub.attribution_totals(s.c, 1, now(), 'a', 1, '{"models": ["w_shaped"]}') FROM (SELECT mhub.conversion_set(1, now(), 1, 1) AS c) AS s;
ROLLBACK TO s;

-- edge touches, with and without the id that breaks ties
SELECT count(*) AS people,
       count(*) FILTER (WHERE first IS DISTINCT FROM (SELECT label FROM touch AS t WHERE t.person = e.person ORDER BY at, touch_id LIMIT 1)) AS first_wrong,
       count(*) FILTER (WHERE last IS DISTINCT FROM (SELECT label FROM touch AS t WHERE t.person = e.person ORDER BY at DESC, touch_id DESC LIMIT 1)) AS last_wrong,
       count(*) FILTER (WHERE last_non_direct IS DISTINCT FROM (SELECT label FROM touch AS t WHERE t.person = e.person ORDER BY label = 'Direct', at DESC, touch_id DESC LIMIT 1)) AS last_non_direct_wrong,
       count(*) FILTER (WHERE first_by_label IS DISTINCT FROM (SELECT label FROM touch AS t WHERE t.person = e.person ORDER BY at, label COLLATE "C" LIMIT 1)) AS first_by_label_wrong,
       count(*) FILTER (WHERE last_by_label IS DISTINCT FROM (SELECT label FROM touch AS t WHERE t.person = e.person ORDER BY at DESC, label COLLATE "C" DESC LIMIT 1)) AS last_by_label_wrong
FROM (SELECT person, mhub.first_touch(label, at, id) AS first, mhub.last_touch(label, at, id) AS last, mhub.last_non_direct_touch(label, at, id) AS last_non_direct,
             mhub.first_touch(label, at) AS first_by_label, mhub.last_touch(label, at) AS last_by_label
      FROM attribution_rows WHERE kind = 'touch' GROUP BY person) AS e;
SELECT mhub.first_touch(NULL, now()) AS nothing, mhub.last_touch('x', NULL) AS no_time, mhub.last_non_direct_touch(l, now()) AS all_direct FROM (VALUES ('Direct'), ('(direct)')) AS v (l);
ROLLBACK;

-- Markov removal effects and Shapley values: known answers, and the definitions applied naively to random paths.
BEGIN;
SET LOCAL extra_float_digits = 0;
SET LOCAL jit = off;

SELECT (unnest(mhub.markov_attribution(string_to_array(p, ' > '), c, c * 10, n))).* FROM (VALUES ('a > b', 3, 1), ('a > c', 1, 1)) AS v (p, c, n);
SELECT (unnest(mhub.shapley_attribution(string_to_array(p, ' > '), c))).* FROM (VALUES ('a', 4), ('a > b', 6)) AS v (p, c);
-- staying on a channel changes nothing; a path shorter than the order is a state; labels may be anything
SELECT (unnest(mhub.markov_attribution(p, 1, v, 1, 2))).* FROM (VALUES (ARRAY['百度', '百度', '微信'], 5), (ARRAY['百度', NULL], 7), (ARRAY['微信'], 1), ('{}', 9), (NULL, 9)) AS t (p, v);
SELECT mhub.markov_attribution(NULL, 1) AS no_path, mhub.markov_attribution('{a}', 0) AS no_conversion, mhub.markov_attribution('{a}', 0, 0, 0) AS no_paths, mhub.shapley_attribution('{a}', 0, 0, 5, 'rates') AS nobody;

CREATE TEMP TABLE path AS
SELECT i, ARRAY(SELECT 'c' || abs(hashint8extended(i * 100 + k, 2)) % 6 FROM generate_series(1, 1 + abs(hashint8extended(i, 1)) % 5) AS k) AS path,
       abs(hashint8extended(i, 3)) % 3 AS conversions, abs(hashint8extended(i, 4)) % 1000 / 10.0 AS value, abs(hashint8extended(i, 5)) % 5 AS others
FROM generate_series(1, 150) AS i;

-- naively: follow the probability mass step by step until none is left; the states of channel x swallow it
CREATE FUNCTION pg_temp.mass(k integer, x text, OUT conversions float8, OUT value float8) LANGUAGE plpgsql AS $$
DECLARE
    mass jsonb;
    total record;
BEGIN
    CREATE TEMP TABLE step AS
    WITH state AS (
        SELECT p.i, s.n, p.path[s.n : s.n + least(k, cardinality(p.path)) - 1] AS gram, p.conversions + p.others AS paths,
               s.n = greatest(cardinality(p.path) - k + 1, 1) AS last, p.conversions, CASE WHEN p.conversions > 0 THEN p.value ELSE 0 END AS value
        FROM path AS p CROSS JOIN LATERAL generate_series(1, greatest(cardinality(p.path) - k + 1, 1)) AS s (n)
        WHERE p.conversions + p.others > 0
    ), link AS (
        SELECT coalesce(lag(s.gram) OVER (PARTITION BY s.i ORDER BY s.n), '{}') AS gram, s.gram AS next, s.paths, 0 AS conversions, 0 AS value FROM state AS s
        UNION ALL SELECT s.gram, NULL, s.paths, s.conversions, s.value FROM state AS s WHERE s.last
    )
    SELECT l.gram::text, l.next::text, CASE WHEN l.next IS NULL THEN 0 ELSE sum(l.paths) END / sum(sum(l.paths)) OVER (PARTITION BY l.gram)::float8 AS p,
           sum(l.conversions) / sum(sum(l.paths)) OVER (PARTITION BY l.gram)::float8 AS conversions, sum(l.value) / sum(sum(l.paths)) OVER (PARTITION BY l.gram)::float8 AS value,
           coalesce(x = ANY (l.next), false) AS swallowed
    FROM link AS l GROUP BY l.gram, l.next;
    mass := '{"{}": 1}';
    conversions := 0; value := 0;
    WHILE mass <> '{}' LOOP
        SELECT sum(m.v::float8 * s.conversions) AS c, sum(m.v::float8 * s.value) AS v INTO total FROM jsonb_each_text(mass) AS m (gram, v) JOIN step AS s USING (gram);
        conversions := conversions + total.c; value := value + total.v;
        SELECT coalesce(jsonb_object_agg(n.next, n.v), '{}') INTO mass
        FROM (SELECT s.next, sum(m.v::float8 * s.p) AS v FROM jsonb_each_text(mass) AS m (gram, v) JOIN step AS s USING (gram) WHERE s.next IS NOT NULL AND NOT s.swallowed GROUP BY s.next) AS n
        WHERE n.v > 1e-15;
    END LOOP;
    DROP TABLE step;
END $$;
SELECT k AS path_order, count(*) AS channels, bool_and(abs(m.effect - (1 - w.conversions / a.conversions)) < 1e-9) AS effect_right, bool_and(abs(m.effect_value - (1 - w.value / a.value)) < 1e-9) AS value_right,
       min(m.effect) > 0 AND max(m.effect) < 1 AS between, abs(sum(m.conversions) - (SELECT sum(conversions) FROM path)) < 1e-9 AS all_conversions,
       abs(sum(m.value) - (SELECT sum(value) FROM path WHERE conversions > 0)) < 1e-9 AS all_value
FROM generate_series(1, 3) AS k
CROSS JOIN LATERAL (SELECT (unnest(mhub.markov_attribution(path, conversions, CASE WHEN conversions > 0 THEN value ELSE 0 END, others, k))).* FROM path) AS m
CROSS JOIN LATERAL pg_temp.mass(k, NULL) AS a CROSS JOIN LATERAL pg_temp.mass(k, m.label) AS w
GROUP BY k ORDER BY k;

-- many channels (iterated) against few (inverted): 150 copies of the paths with other names, each copy has a 150th of the effect
SELECT count(*) AS channels, bool_and(abs(many.effect * 150 - few.effect) < 1e-9) AS same_effect, bool_and(abs(many.effect_value * 150 - few.effect_value) < 1e-9) AS same_value
FROM (SELECT (unnest(mhub.markov_attribution(ARRAY(SELECT copy || ' ' || c FROM unnest(path) WITH ORDINALITY AS u (c, n) ORDER BY n), conversions, value, others, 1))).* FROM path, generate_series(1, 150) AS copy) AS many
JOIN (SELECT (unnest(mhub.markov_attribution(path, conversions, value, others, 1))).* FROM path) AS few ON few.label = split_part(many.label, ' ', 2);

-- Shapley: counts share evenly, rates are the average marginal contribution over all orders
SELECT bool_and(abs(s.conversions - e.conversions) < 1e-9 AND abs(s.value - e.value) < 1e-9) AS counts_right
FROM (SELECT (unnest(mhub.shapley_attribution(path, conversions, value, others))).* FROM path) AS s
JOIN (SELECT c.label, sum(p.conversions / c.n::float8) AS conversions, sum(p.value / c.n::float8) AS value
      FROM path AS p CROSS JOIN LATERAL (SELECT DISTINCT u AS label, (SELECT count(DISTINCT x) FROM unnest(p.path) AS x) AS n FROM unnest(p.path) AS u) AS c
      WHERE p.conversions + p.others > 0 GROUP BY c.label) AS e USING (label);
WITH RECURSIVE label AS (SELECT 'c' || i AS label FROM generate_series(0, 5) AS i), orders AS (
    SELECT '{}'::text[] AS channels UNION ALL SELECT o.channels || l.label FROM orders AS o JOIN label AS l ON l.label <> ALL (o.channels)
), worth AS (
    SELECT s.set, coalesce((SELECT sum(p.conversions) / nullif(sum(p.conversions + p.others), 0)::float8 FROM path AS p WHERE p.path <@ s.set), 0) AS rate
    FROM (SELECT DISTINCT ARRAY(SELECT u FROM unnest(o.channels) AS u ORDER BY u) AS set FROM orders AS o) AS s
), marginal AS (
    SELECT o.channels[cardinality(o.channels)] AS label, cardinality(o.channels) AS n,
           avg((SELECT w.rate FROM worth AS w WHERE w.set = ARRAY(SELECT u FROM unnest(o.channels) AS u ORDER BY u)) -
               (SELECT w.rate FROM worth AS w WHERE w.set = ARRAY(SELECT u FROM unnest(o.channels[: cardinality(o.channels) - 1]) AS u ORDER BY u))) AS gain
    FROM orders AS o WHERE o.channels <> '{}' GROUP BY 1, 2
)
SELECT bool_and(abs(s.effect - m.gain) < 1e-9) AS rates_right, count(*) AS channels
FROM (SELECT (unnest(mhub.shapley_attribution(path, conversions, value, others, 'rates'))).* FROM path) AS s
JOIN (SELECT label, avg(gain) AS gain FROM marginal GROUP BY label) AS m USING (label);
-- sampled beyond 16 channels: the values still add up to the rate of all, and channels that are the same come out alike
SELECT count(*) AS channels, abs(sum(effect) - 0.5) < 1e-9 AS adds_up, max(effect) - min(effect) < 0.01 AS alike
FROM (SELECT (unnest(mhub.shapley_attribution(ARRAY['c' || i, 'c' || (i + 1) % 20], 1, 1, 1, 'rates'))).* FROM generate_series(0, 19) AS i) AS s;

-- the same in parallel plans, which pass the states on flattened
CREATE TABLE data_driven_path AS TABLE path;
CREATE TEMP VIEW markov AS SELECT (unnest(m)).* FROM (SELECT mhub.markov_attribution(path, conversions, value, others, 3) AS m FROM data_driven_path) AS s;
CREATE TEMP VIEW shapley AS SELECT (unnest(m)).* FROM (SELECT mhub.shapley_attribution(path, conversions, value, others, 'rates') AS m FROM data_driven_path) AS s;
CREATE TEMP TABLE serial_markov AS TABLE markov;
CREATE TEMP TABLE serial_shapley AS TABLE shapley;
SET LOCAL parallel_setup_cost = 0; SET LOCAL parallel_tuple_cost = 0; SET LOCAL min_parallel_table_scan_size = 0;
CREATE FUNCTION pg_temp.plan() RETURNS SETOF text LANGUAGE plpgsql AS $$ BEGIN RETURN QUERY EXECUTE 'EXPLAIN (COSTS OFF) TABLE markov'; END $$;
SELECT bool_or(p LIKE '%Partial Aggregate%') AS in_parallel FROM pg_temp.plan() AS p;
SELECT count(*) AS rows, count(*) FILTER (WHERE abs(s.effect - a.effect) > 1e-12 OR abs(s.value - a.value) > 1e-8) AS differing FROM serial_markov AS s FULL JOIN markov AS a USING (label);
SELECT count(*) AS rows, count(*) FILTER (WHERE abs(s.effect - a.effect) > 1e-12 OR abs(s.value - a.value) > 1e-8) AS differing FROM serial_shapley AS s FULL JOIN shapley AS a USING (label);

SAVEPOINT s;
SELECT mhub.markov_attribution('{a}', -1);
ROLLBACK TO s;
SELECT mhub.markov_attribution('{a}', 1, 1, 1, 9);
ROLLBACK TO s;
SELECT mhub.markov_attribution('{a}', 'NaN', 1, 1, 1);
ROLLBACK TO s;
SELECT mhub.shapley_attribution('{a}', 1, 1, 1, 'value');
ROLLBACK TO s;
SELECT mhub.markov_finalfn('\x00');
ROLLBACK;

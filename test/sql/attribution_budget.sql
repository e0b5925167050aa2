-- Budgets: curves recovered from made-up weeks, the optimum against a search, refusals.
BEGIN;
SELECT mhub.install() > 0 AS applied;
SET LOCAL jit = off;
UPDATE mhub.attribution_setting SET options = '{"models": ["linear"]}';
SAVEPOINT empty;
SELECT * FROM mhub.recommend_budget(1000);
ROLLBACK TO empty;

-- a: 40 x^0.5, b: 5 x^0.8, c: spend that never varies; revenue comes from conversions of one touch each
INSERT INTO mhub.cost (day, platform, channel, amount, currency)
SELECT date '2026-01-05' + 7 * w, p, p, CASE p WHEN 'a' THEN 400 + 60 * (w % 5) WHEN 'b' THEN 300 + 50 * (w % 7) ELSE 100 END, 'CNY' FROM generate_series(0, 11) AS w, unnest(ARRAY['a', 'b', 'c']) AS p;
INSERT INTO mhub.goal (key, event_name) VALUES ('order', 'Order Completed');
INSERT INTO mhub.touch (touch_id, identifier_id, occurred_at, kind, channel) VALUES (1, 1, '2025-12-01', 'visit', 'a'), (2, 1, '2025-12-01', 'visit', 'b'), (3, 1, '2025-12-01', 'visit', 'c');
INSERT INTO mhub.conversion (conversion_id, goal_id, event_id, identifier_id, occurred_at, value, currency)
SELECT c.cost_id, g.goal_id, c.cost_id, 1, c.day + time '12:00', round((CASE c.platform WHEN 'a' THEN 40 * power(c.amount, 0.5) WHEN 'b' THEN 5 * power(c.amount, 0.8) ELSE 250 END)::numeric, 6), 'CNY'
FROM mhub.cost AS c, mhub.goal AS g;
INSERT INTO mhub.credit (conversion_id, model, touch_id, share, value) SELECT c.conversion_id, 'linear', t.touch_id, 1, c.value FROM mhub.conversion AS c JOIN mhub.cost AS k ON k.cost_id = c.conversion_id JOIN mhub.touch AS t ON t.channel = k.platform;

SELECT place, weeks_observed, cost, recommended_cost, marginal_return, marginal_return_then, elasticity, fit, assumption FROM mhub.recommend_budget(1070);
SELECT sum(recommended_cost) AS total, sum(expected_gain) AS gain, abs(sum(expected_revenue) - sum(revenue) - sum(expected_gain)) < 0.05 AS of_their_difference FROM mhub.recommend_budget(1070);
-- what comes after the last spend says nothing of it: half a week, or revenue of weeks whose spend is not loaded yet
CREATE TEMP TABLE before AS SELECT * FROM mhub.recommend_budget(1070);
SAVEPOINT later;
INSERT INTO mhub.conversion (conversion_id, goal_id, event_id, identifier_id, occurred_at, value, currency) SELECT 1000 + i, goal_id, 1000 + i, 1, timestamptz '2026-03-24' + interval '5 days' * i, 900, 'CNY' FROM mhub.goal, generate_series(0, 5) AS i;
INSERT INTO mhub.credit (conversion_id, model, touch_id, share, value) SELECT c.conversion_id, 'linear', 1, 1, c.value FROM mhub.conversion AS c WHERE c.conversion_id >= 1000;
SELECT count(*) AS differing FROM (TABLE before EXCEPT SELECT * FROM mhub.recommend_budget(1070)) AS d;
ROLLBACK TO later;
SELECT array_agg(DISTINCT weeks_observed) AS seven_weeks FROM mhub.spend_response('linear', 'channel', 7);
-- by path: channel > landing page
SELECT place, weeks_observed, recommended_cost, elasticity FROM mhub.recommend_budget(1070, level => 'path');
-- no other split of a's and b's money does better
SELECT round(max(40 * power(x, 0.5) + 5 * power(970 - x, 0.8))::numeric, 1) AS best_found, (SELECT round(sum(expected_revenue), 1) FROM mhub.recommend_budget(1070) WHERE place IN ('a', 'b')) AS expected
FROM (SELECT g / 4.0::float8 AS x FROM generate_series(1040, 2840) AS g) AS s WHERE 970 - x BETWEEN 215 AND 640;
SELECT place, recommended_cost, assumption FROM mhub.recommend_budget(1070, min_change => 0.98, max_change => 1.05) WHERE place <> 'c';
SAVEPOINT s;
SELECT * FROM mhub.recommend_budget(10000);
ROLLBACK TO s;
SELECT * FROM mhub.recommend_budget(1000, 'first_touch');
ROLLBACK TO s;
SELECT * FROM mhub.recommend_budget(1000, min_change => 2);
ROLLBACK TO s;
SELECT * FROM mhub.recommend_budget(1000, weeks => 3);
ROLLBACK;

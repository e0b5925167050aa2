-- mhub's totals against window SQL written here: conversions to 1e-6, revenue to the cents that rounding shares can differ.
WITH w AS (
    SELECT c.conv_id, c.revenue::float8 AS revenue, t.channel, row_number() OVER (PARTITION BY c.conv_id ORDER BY t.ts, t.touch_id) AS i, count(*) OVER (PARTITION BY c.conv_id) AS n
    FROM conversions AS c JOIN touches AS t ON t.person_id = c.person_id AND t.ts BETWEEN c.ts - interval '30 days' AND c.ts
), expected AS (
    SELECT 'first_touch' AS model, channel AS label, count(*)::float8 AS conversions, sum(revenue) AS value FROM w WHERE i = 1 GROUP BY channel
    UNION ALL SELECT 'linear', channel, sum(1.0::float8 / n), sum(revenue / n) FROM w GROUP BY channel
), mhub_totals AS (
    SELECT t.* FROM unnest((SELECT mhub.attribution_totals((SELECT mhub.conversion_set(person_id, ts, conv_id, revenue) FROM conversions),
        person_id, ts, channel, touch_id, '{"models": ["first_touch", "linear"], "lookback": "30 days"}') FROM touches)) AS t
)
SELECT e.model, count(*) AS channels, max(abs(e.conversions - m.conversions)) < 1e-6 AS conversions_agree, round(max(abs(e.value - m.value::float8))::numeric, 2) AS revenue_differs_at_most
FROM expected AS e LEFT JOIN mhub_totals AS m USING (model, label) GROUP BY e.model ORDER BY e.model;
SELECT 'markov' AS model, count(*) AS channels, abs(sum(m.conversions) - (SELECT sum(n) FROM path)) < 1e-6 AS all_conversions_of_the_paths
FROM (SELECT mhub.markov_attribution(path, n, value, 0) AS effects FROM path) AS p CROSS JOIN LATERAL unnest(p.effects) AS m;

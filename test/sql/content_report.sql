-- mhub.content_report against counting one by one: random people with two names each, impressions, clicks and conversions of two goals.
BEGIN;
SELECT mhub.install() > 0 AS applied;
INSERT INTO mhub.slot (slot) VALUES ('gift');
SELECT setseed(0.7);
SELECT count(mhub.identify(jsonb_build_object('user_id', 'r' || n, 'cookie', 'rc' || n))) AS people FROM generate_series(1, 30) AS n;
INSERT INTO mhub.goal (key, event_name) VALUES ('lead', 'Lead'), ('order', 'Order Completed');
INSERT INTO mhub.slot (slot, conversion_goal, conversion_window) VALUES ('deal', 'lead', '3 days');
INSERT INTO mhub.impression (shown_at, identifier_id, slot, rule_key, content_key, variant, reason, clicks)
SELECT '2026-01-01'::timestamptz + random() * '20 days'::interval, (SELECT i.identifier_id FROM mhub.identifier AS i WHERE i.value = w.value), (ARRAY['deal', 'gift'])[1 + n % 2],
       (ARRAY['a', 'b', NULL])[1 + (random() * 2)::integer], (ARRAY['free_trial', 'welcome', NULL])[1 + (random() * 2)::integer], (ARRAY['x', 'holdout', NULL])[1 + (random() * 2)::integer], 'SPLIT', greatest(0, (random() * 4 - 2)::integer)
FROM generate_series(1, 600) AS n CROSS JOIN LATERAL (SELECT (ARRAY['r', 'rc'])[1 + n % 2] || (random() * 32)::integer AS value) AS w;
INSERT INTO mhub.conversion (goal_id, event_id, identifier_id, occurred_at, value, currency)
SELECT g.goal_id, 1000 + n, i.identifier_id, '2026-01-01'::timestamptz + random() * '25 days'::interval, 1, 'CNY'
FROM generate_series(1, 200) AS n JOIN mhub.goal AS g ON g.key = (ARRAY['lead', 'order'])[1 + n % 2] JOIN LATERAL (SELECT i.identifier_id FROM mhub.identifier AS i WHERE i.value ~ '^rc?[0-9]+$' ORDER BY random() + 0 * n LIMIT 1) AS i ON true;
CREATE TEMP TABLE counted AS
SELECT m.slot, m.rule_key, m.content_key, m.variant, count(*) AS impressions, count(DISTINCT i.person_id) AS people, sum(m.clicks) AS clicks, sum((m.clicks > 0)::integer) AS clicked
FROM mhub.impression AS m LEFT JOIN mhub.identifier AS i USING (identifier_id) GROUP BY m.slot, m.rule_key, m.content_key, m.variant;
CREATE TEMP TABLE reached AS
SELECT c.slot, c.rule_key, c.content_key, c.variant, v.conversion_id, ci.person_id FROM counted AS c JOIN mhub.slot AS s ON s.slot = c.slot CROSS JOIN mhub.conversion AS v JOIN mhub.identifier AS ci ON ci.identifier_id = v.identifier_id
WHERE (s.conversion_goal IS NULL OR v.goal_id = (SELECT g.goal_id FROM mhub.goal AS g WHERE g.key = s.conversion_goal))
  AND EXISTS (SELECT FROM mhub.impression AS m JOIN mhub.identifier AS mi ON mi.identifier_id = m.identifier_id WHERE mi.person_id = ci.person_id AND ROW(m.slot, m.rule_key, m.content_key, m.variant) IS NOT DISTINCT FROM ROW(c.slot, c.rule_key, c.content_key, c.variant)
              AND v.occurred_at >= m.shown_at AND v.occurred_at < m.shown_at + s.conversion_window);
SELECT (SELECT count(*) FROM counted) > 40 AS many_rows, (SELECT count(*) FROM reached) > 100 AS many_conversions, count(*) AS differing FROM counted AS c
FULL JOIN mhub.content_report AS r ON ROW(r.slot, r.rule_key, r.content_key, r.variant)::text = ROW(c.slot, c.rule_key, c.content_key, c.variant)::text
CROSS JOIN LATERAL (SELECT count(*) AS conversions, count(DISTINCT x.person_id) AS people FROM reached AS x WHERE ROW(x.slot, x.rule_key, x.content_key, x.variant) IS NOT DISTINCT FROM ROW(c.slot, c.rule_key, c.content_key, c.variant)) AS x
WHERE ROW(r.impressions, r.people, r.clicks, r.clicked_impressions, r.conversions, r.converted_people, r.click_rate, r.conversion_rate)
    IS DISTINCT FROM ROW(c.impressions, c.people, c.clicks, c.clicked, x.conversions, x.people, c.clicked::double precision / c.impressions, x.people::double precision / nullif(c.people, 0));
ROLLBACK;

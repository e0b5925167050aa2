-- Reports: the founding example, and that nothing is lost or counted twice in any of them.
BEGIN;
SELECT mhub.install() > 0 AS applied;
SET LOCAL timezone = 'UTC';
SET LOCAL datestyle = 'ISO';
SET LOCAL jit = off;
SET LOCAL mhub.time_zone = 'Asia/Shanghai';

CREATE FUNCTION pg_temp.refresh() RETURNS void LANGUAGE plpgsql AS $$
BEGIN
    WHILE mhub.note_goals() OR mhub.note_merges() OR mhub.note_events() OR mhub.attribute_batch() > 0 LOOP
    END LOOP;
END $$;
INSERT INTO mhub.identifier_kind (kind) VALUES ('test_cookie');
INSERT INTO mhub.person (person_id) SELECT generate_series(1, 60);
INSERT INTO mhub.identifier
SELECT i.* FROM generate_series(1, 60) AS n
CROSS JOIN jsonb_populate_record(NULL::mhub.identifier, jsonb_build_object('identifier_id', n, 'person_id', n, 'first_person_id', n,
    'kind', 'test_cookie', 'value', 'c' || n, 'first_seen_at', '2026-01-01', 'last_seen_at', '2026-01-01')) AS i;
INSERT INTO mhub.goal (key, event_name, value) VALUES ('lead', 'Lead Submitted', 200);

-- 30 people come by a feed ad to landing page A, 12 of them leave the form; 20 come by search engines to page B, 5 call.
-- Day is the day in Shanghai: 17:00 UTC on the 1st is the 2nd there.
INSERT INTO mhub.event (identifier_id, occurred_at, name, type, channel, campaign, url)
SELECT n, timestamptz '2026-03-01 17:00', 'Page Viewed', 'page', 'Paid Social', 'feed-spring', 'https://s.cn/a?x=1' FROM generate_series(1, 30) AS n
UNION ALL SELECT n, timestamptz '2026-03-02 03:00', 'Page Viewed', 'page', 'Organic Search', NULL, 'https://s.cn/b' FROM generate_series(31, 50) AS n;
INSERT INTO mhub.event (identifier_id, occurred_at, name, properties)
SELECT n, timestamptz '2026-03-02 05:00', 'Lead Submitted', '{"form_id": "form"}'::jsonb FROM generate_series(1, 12) AS n
UNION ALL SELECT n, timestamptz '2026-03-02 05:00', 'Lead Submitted', '{"form_id": "phone"}' FROM generate_series(31, 35) AS n;
SELECT * FROM mhub.import_cost('[{"day": "2026-03-02", "platform": "wechat", "campaign": "feed-spring", "amount": 600}, {"day": "2026-03-02", "platform": "seo agency", "channel": "Organic Search", "amount": 400}]');
SELECT pg_temp.refresh();
SELECT place AS path, conversions, cost, cost_per_conversion, revenue, roas, roi FROM mhub.roi('path', goal => 'lead');
SELECT count(*) AS same FROM (SELECT * FROM mhub.roi('path') INTERSECT SELECT * FROM mhub.roi('path', goal => 'lead')) AS s;
SELECT day, path, goal, model, cost, goal_cost, conversions, cost_per_conversion FROM mhub.roi_by_path ORDER BY path;
SELECT * FROM mhub.roi('month', until => '2026-03-31', goal => 'lead', model => 'linear');
SELECT count(*) AS rows FROM mhub.roi('day', '2026-03-03');

-- Touches of an ad that only its id names, and of campaigns called like the star's own keys; a model named twice.
SAVEPOINT small;
INSERT INTO mhub.event (identifier_id, occurred_at, name, type, channel, campaign, campaign_id, url) VALUES
    (51, '2026-04-02', 'Page Viewed', 'page', 'Paid Search', NULL, 'C9', 'https://s.cn/e'), (52, '2026-04-02', 'Page Viewed', 'page', 'Email', '(none)', NULL, 'https://s.cn/e'),
    (53, '2026-04-02', 'Page Viewed', 'page', '(unattributed)', '(Unattributed)', NULL, 'https://s.cn/e');
INSERT INTO mhub.event (identifier_id, occurred_at, name, properties) SELECT n, timestamptz '2026-04-02 01:00', 'Lead Submitted', '{"form_id": "form"}'::jsonb FROM generate_series(51, 53) AS n;
SELECT amount FROM mhub.import_cost('[{"day": "2026-04-02", "platform": "google", "campaign_id": "C9", "amount": 100}]');
UPDATE mhub.attribution_setting SET options = '{"models": ["linear", "last_touch", "linear"]}';
SELECT pg_temp.refresh();
SELECT place, cost, conversions, cost_per_conversion FROM mhub.roi('path', since => '2026-04-01', goal => 'lead', model => 'linear');
SELECT place, cost, conversions, cost_per_conversion FROM mhub.roi('campaign', since => '2026-04-01', goal => 'lead', model => 'linear') WHERE cost > 0;
SELECT array_agg(model) AS models FROM mhub.attribution_models() AS m (model);
SELECT (SELECT amount FROM mhub.fact_cost WHERE campaign_key = 'c9') AS cost, (SELECT sum(value) FROM mhub.fact_credit WHERE campaign_key = 'c9' AND model = 'linear') AS revenue, campaign, campaign_id FROM mhub.dim_campaign WHERE campaign_key = 'c9';
SELECT (SELECT count(*) = count(DISTINCT campaign_key) FROM mhub.dim_campaign) AS campaigns, (SELECT count(*) = count(DISTINCT channel_key) FROM mhub.dim_channel) AS channels;
ROLLBACK TO small;

-- Now much more: other pages and forms, refunds, currencies, spend nobody clicked, conversions nobody touched.
INSERT INTO mhub.goal (key, event_name, refund_event_names) VALUES ('order', 'Order Completed', '{Order Refunded}');
INSERT INTO mhub.event (identifier_id, occurred_at, name, type, channel, source, medium, campaign, url)
SELECT 1 + abs(hashint8extended(i, 1)) % 60, timestamptz '2026-02-01' + interval '1 hour' * (abs(hashint8extended(i, 2)) % 1400), 'Page Viewed', 'page',
       (ARRAY['Paid Search', 'Paid Social', 'Email', 'Direct'])[1 + abs(hashint8extended(i, 3)) % 4], 'x', 'y', (ARRAY['spring', 'Spring', 'brand', NULL])[1 + abs(hashint8extended(i, 4)) % 4],
       (ARRAY['https://s.cn/a', 'https://s.cn/c', 'https://s.cn/d'])[1 + abs(hashint8extended(i, 5)) % 3]
FROM generate_series(1, 400) AS i;
INSERT INTO mhub.event (identifier_id, occurred_at, name, value, currency, properties)
SELECT 1 + abs(hashint8extended(i, 6)) % 60, timestamptz '2026-02-03' + interval '1 hour' * (abs(hashint8extended(i, 7)) % 1500), CASE WHEN i % 9 = 0 THEN 'Order Refunded' ELSE 'Order Completed' END,
       (abs(hashint8extended(i, 8)) % 30000) / 100.0, (ARRAY['CNY', 'USD', 'JPY'])[1 + abs(hashint8extended(i / 9, 9)) % 3], jsonb_build_object('order_id', CASE WHEN i % 9 = 0 THEN i - 1 ELSE i END, 'form', 'checkout ' || i % 3)
FROM generate_series(1, 150) AS i;
SELECT amount FROM mhub.import_cost((SELECT jsonb_agg(to_jsonb(c)) FROM (
    SELECT date '2026-02-01' + i % 60 AS day, p.platform, (ARRAY['spring', 'BRAND', 'nobody', ''])[1 + abs(hashint8extended(i, 11)) % 4] AS campaign,
           (abs(hashint8extended(i, 12)) % 1000000) / 10000.0 AS amount, (ARRAY['CNY', 'USD', 'JPY'])[1 + i % 3] AS currency, i % 50 AS clicks
    FROM generate_series(1, 120) AS i CROSS JOIN (VALUES ('baidu'), ('douyin')) AS p (platform)) AS c));
-- yen have no rate: they stay yen, in rows of their own
INSERT INTO mhub.exchange_rate (currency, to_currency, day, rate) SELECT 'USD', 'CNY', d::date, 7 + extract(day FROM d) / 100 FROM generate_series(timestamp '2026-01-01', '2026-05-01', '1 week') AS d;
SELECT pg_temp.refresh();

-- what was loaded and converted, in the reports' currencies
CREATE TEMP VIEW loaded AS
SELECT r.currency, sum(r.cost) AS cost, sum(r.revenue) AS revenue, sum(r.conversions) AS conversions FROM (
    SELECT CASE WHEN c.currency = 'JPY' THEN 'JPY' ELSE 'CNY' END AS currency, c.amount * mhub.exchange_rate_on(c.currency, CASE WHEN c.currency = 'JPY' THEN 'JPY' ELSE 'CNY' END, c.day) AS cost, 0 AS revenue, 0 AS conversions FROM mhub.cost AS c
    UNION ALL
    SELECT CASE WHEN c.currency = 'JPY' THEN 'JPY' ELSE 'CNY' END, 0, c.value * mhub.exchange_rate_on(c.currency, CASE WHEN c.currency = 'JPY' THEN 'JPY' ELSE 'CNY' END, mhub.hub_day(c.occurred_at)), (c.kind = 'conversion')::integer
    FROM mhub.conversion AS c WHERE c.kind <> 'duplicate') AS r GROUP BY r.currency;
CREATE TEMP VIEW reported AS
SELECT 'roi_daily' AS report, currency, sum(cost) AS cost, sum(revenue) AS revenue, sum(conversions)::numeric AS conversions FROM mhub.roi_daily GROUP BY currency
UNION ALL SELECT 'roi_by_channel', currency, sum(cost), sum(revenue), sum(conversions)::numeric FROM mhub.roi_by_channel GROUP BY currency
UNION ALL SELECT 'roi_by_campaign', currency, sum(cost), sum(revenue), sum(conversions)::numeric FROM mhub.roi_by_campaign GROUP BY currency
UNION ALL SELECT 'roi_by_path', currency, sum(cost), sum(revenue), sum(conversions)::numeric FROM mhub.roi_by_path GROUP BY currency
UNION ALL SELECT 'model_comparison', currency, sum(cost), sum(revenue) FILTER (WHERE model = 'linear'), (sum(conversions) FILTER (WHERE model = 'linear'))::numeric FROM mhub.model_comparison GROUP BY currency
UNION ALL SELECT 'roi by ' || b.by, r.currency, sum(r.cost), sum(r.revenue), sum(r.conversions)::numeric
    FROM unnest(ARRAY['channel', 'campaign', 'landing page', 'day', 'week', 'quarter', 'all']) AS b (by) CROSS JOIN LATERAL mhub.roi(b.by) AS r GROUP BY b.by, r.currency;
-- No row is left out and none chosen: nothing multiplies.
SELECT report, count(*) AS currencies, bool_and(r.cost = l.cost) AS all_spend, bool_and(r.revenue = l.revenue) AS all_revenue, bool_and(abs(r.conversions - l.conversions) < 1e-9) AS all_conversions
FROM reported AS r LEFT JOIN loaded AS l USING (currency) GROUP BY report ORDER BY report;
-- For each goal, under every model, all the spend again; over all goals the revenue and conversions of all.
SELECT g.goal, m.model, bool_and(r.cost = l.cost) AS all_spend, sum(r.revenue) = (SELECT sum(e.revenue) FROM mhub.roi_entry AS e WHERE e.goal = g.goal AND e.model = m.model) AS its_revenue
FROM (SELECT key AS goal FROM mhub.goal) AS g CROSS JOIN (SELECT model FROM mhub.attribution_models() AS a (model) WHERE model IN ('first_touch', 'linear')) AS m
CROSS JOIN LATERAL (SELECT b.by, r.currency, sum(r.cost) AS cost, CASE WHEN b.by = 'channel' THEN sum(r.revenue) END AS revenue
    FROM unnest(ARRAY['channel', 'path']) AS b (by) CROSS JOIN LATERAL mhub.roi(b.by, goal => g.goal, model => m.model) AS r GROUP BY b.by, r.currency) AS r
JOIN loaded AS l USING (currency) GROUP BY g.goal, m.model ORDER BY g.goal, m.model;
SELECT view, bool_and(goal_cost = cost) AS each_goal_all_spend FROM (
    SELECT 'channel' AS view, v.currency, v.goal, sum(v.goal_cost) AS goal_cost FROM mhub.roi_by_channel AS v GROUP BY v.currency, v.goal
    UNION ALL SELECT 'path', v.currency, v.goal, sum(v.goal_cost) FROM mhub.roi_by_path AS v GROUP BY v.currency, v.goal) AS v
JOIN loaded AS l USING (currency) WHERE goal <> '(spend)' GROUP BY view ORDER BY view;
-- The reports follow the model chosen, and the differences to it add up.
SELECT bool_and(model = 'last_touch') AS last_touch FROM mhub.roi_by_channel;
SELECT model, sum(revenue_over_report) = 0 AS nothing_more, sum(abs(revenue_over_report)) > 0 AS differs FROM mhub.model_comparison WHERE model <> '(spend)' AND model IN ('first_touch', 'last_touch') GROUP BY model ORDER BY model;
UPDATE mhub.attribution_setting SET report_model = 'time_decay';
SELECT bool_and(model = 'time_decay') AS time_decay, (SELECT sum(revenue) FROM mhub.roi_by_channel WHERE channel = 'Email') = (SELECT sum(revenue) FROM mhub.roi_entry WHERE channel = 'Email' AND model = 'time_decay') AS its_revenue FROM mhub.roi_by_channel;
UPDATE mhub.attribution_setting SET report_model = 'no such model';
SELECT mhub.report_model();
UPDATE mhub.attribution_setting SET report_model = 'last_touch';
SAVEPOINT s;
SELECT * FROM mhub.roi('moon');
ROLLBACK TO s;
SELECT * FROM mhub.roi(goal => 'no such goal');
ROLLBACK TO s;
SELECT * FROM mhub.roi(model => 'no such model');
ROLLBACK TO s;
SELECT * FROM mhub.roi('path');
ROLLBACK TO s;
SELECT currency, (SELECT sum(amount) FROM mhub.cost AS c WHERE c.currency = p.currency) = sum(p.amount) AS all_spend FROM mhub.cost_by_landing_page AS p GROUP BY currency ORDER BY currency;
SELECT (SELECT sum(amount) FROM mhub.fact_cost) = (SELECT sum(amount) FROM mhub.cost) AS fact_cost_once,
       (SELECT sum(value) FROM mhub.fact_conversion) = (SELECT sum(value) FROM mhub.conversion WHERE kind <> 'duplicate') AS fact_conversion_once,
       (SELECT bool_and(f.value = c.value) FROM (SELECT model, sum(value) AS value FROM mhub.fact_credit GROUP BY model) AS f, (SELECT sum(value) AS value FROM mhub.fact_conversion) AS c) AS fact_credit_once_a_model,
       (SELECT sum(conversions) FROM mhub.path_summary) = (SELECT sum(conversions) FROM mhub.fact_conversion) AS paths_of_all,
       (SELECT sum(conversions) FROM mhub.time_to_convert) = (SELECT sum(conversions) FROM mhub.fact_conversion) AS times_of_all;

-- the star's keys: unique in the dimensions, present for every fact
SELECT (SELECT count(*) = count(DISTINCT day) FROM mhub.dim_date) AS dates, (SELECT count(*) = count(DISTINCT channel_key) FROM mhub.dim_channel) AS channels,
       (SELECT count(*) = count(DISTINCT campaign_key) FROM mhub.dim_campaign) AS campaigns;
SELECT f.fact, count(*) > 0 AS some, count(*) FILTER (WHERE d.day IS NULL) AS no_date, count(*) FILTER (WHERE f.channel_key IS NOT NULL AND c.channel_key IS NULL) AS no_channel,
       count(*) FILTER (WHERE f.campaign_key IS NOT NULL AND m.campaign_key IS NULL) AS no_campaign
FROM (SELECT 'touch' AS fact, day, channel_key, campaign_key FROM mhub.fact_touch UNION ALL SELECT 'cost', day, channel_key, campaign_key FROM mhub.fact_cost
      UNION ALL SELECT 'credit', day, channel_key, campaign_key FROM mhub.fact_credit UNION ALL SELECT 'conversion', day, NULL, NULL FROM mhub.fact_conversion) AS f
LEFT JOIN mhub.dim_date AS d USING (day) LEFT JOIN mhub.dim_channel AS c USING (channel_key) LEFT JOIN mhub.dim_campaign AS m USING (campaign_key)
GROUP BY f.fact ORDER BY f.fact;
SELECT count(*) AS dangling FROM mhub.fact_credit AS k LEFT JOIN mhub.fact_conversion AS c USING (conversion_id) LEFT JOIN mhub.fact_touch AS t USING (touch_id)
WHERE c.conversion_id IS NULL OR k.touch_id <> 0 AND t.touch_id IS NULL;

-- customers: every one once; the definitions of CAC, LTV and payback
SELECT sum(customers) = (SELECT count(DISTINCT person_key) FROM mhub.fact_conversion WHERE kind = 'conversion' AND value > 0) AS everyone_once,
       bool_and(cac IS NOT DISTINCT FROM round(cost / nullif(customers, 0), 2)) AS cac, bool_and(ltv IS NULL OR ltv = round(revenue / customers, 2)) AS ltv,
       bool_and(cost = 0 OR customers = 0 OR revenue < cost OR payback_days IS NOT NULL) AS paid_back, bool_and(revenue_30_days = revenue OR revenue_90_days = revenue OR revenue_365_days = revenue) AS horizons,
       count(*) FILTER (WHERE payback_days > 0) > 0 AS some_later
FROM mhub.customer_value;
SELECT v.currency, sum(v.cost) = max(l.cost) AS all_spend FROM mhub.customer_value AS v JOIN loaded AS l USING (currency) GROUP BY v.currency ORDER BY v.currency;
SELECT bool_and(mean_time_to_convert >= interval '0' AND days_to_convert >= 0 AND touches > 0) AS times, sum(total_time) = (SELECT sum(time_to_convert) FROM mhub.fact_conversion) AS time_of_all
FROM mhub.time_to_convert WHERE first_channel <> '(unattributed)';
-- every report has the calendar, a currency and its freshness
SELECT v.relname AS view, array_agg(n.name ORDER BY n.i) AS missing
FROM pg_class AS v CROSS JOIN unnest(ARRAY['day', 'week', 'month', 'quarter', 'currency', 'fresh_as_of']) WITH ORDINALITY AS n (name, i)
WHERE v.oid IN ('mhub.roi_daily'::regclass, 'mhub.roi_by_channel'::regclass, 'mhub.roi_by_campaign'::regclass, 'mhub.roi_by_path'::regclass, 'mhub.path_summary'::regclass, 'mhub.time_to_convert'::regclass,
                'mhub.model_comparison'::regclass, 'mhub.customer_value'::regclass)
  AND NOT EXISTS (SELECT FROM pg_attribute AS a WHERE a.attrelid = v.oid AND a.attname = n.name) GROUP BY v.relname;
SELECT bool_and(week <= day AND month <= day AND quarter <= month AND extract(isodow FROM week) = 1) AS calendar, bool_and(fresh_as_of IS NOT NULL) AS fresh FROM mhub.roi_daily;
ROLLBACK;

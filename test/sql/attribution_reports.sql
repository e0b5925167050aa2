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
SELECT path, conversions, cost, cost_per_conversion, revenue, roas, roi FROM mhub.roi_by_path WHERE model = 'last_touch' ORDER BY path;

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
SELECT 'roi_daily' AS report, model, currency, sum(cost) AS cost, sum(revenue) AS revenue, sum(conversions)::numeric AS conversions FROM mhub.roi_daily GROUP BY 1, 2, 3
UNION ALL SELECT 'roi_by_channel', model, currency, sum(cost), sum(revenue), sum(conversions)::numeric FROM mhub.roi_by_channel GROUP BY 1, 2, 3
UNION ALL SELECT 'roi_by_campaign', model, currency, sum(cost), sum(revenue), sum(conversions)::numeric FROM mhub.roi_by_campaign GROUP BY 1, 2, 3
UNION ALL SELECT 'roi_by_path', model, currency, sum(cost), sum(revenue), sum(conversions) FROM mhub.roi_by_path GROUP BY 1, 2, 3
UNION ALL SELECT 'model_comparison', model, currency, sum(cost), sum(revenue), sum(conversions)::numeric FROM mhub.model_comparison GROUP BY 1, 2, 3;
SELECT report, count(*) AS models_and_currencies, bool_and(r.cost = l.cost) AS all_spend, bool_and(r.revenue = l.revenue) AS all_revenue, bool_and(abs(r.conversions - l.conversions) < 1e-9) AS all_conversions
FROM reported AS r LEFT JOIN loaded AS l USING (currency) GROUP BY report ORDER BY report;
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
       bool_and(payback_months IS NULL OR revenue >= cost OR payback_months >= 0) AS payback, bool_and(cost = 0 OR revenue < cost OR payback_months IS NOT NULL) AS paid_back
FROM mhub.customer_value;
SELECT sum(cost) = (SELECT sum(cost) FROM mhub.roi_by_channel WHERE model = 'linear' AND currency = 'CNY') AS all_spend FROM mhub.customer_value WHERE currency = 'CNY';
SELECT bool_and(mean >= interval '0' AND median <= percentile_90 AND percentile_90 <= longest) AS times FROM mhub.time_to_convert WHERE first_channel <> '(unattributed)';
SELECT bool_and(week <= day AND month <= day AND quarter <= month AND extract(isodow FROM week) = 1) AS calendar, bool_and(fresh_as_of IS NOT NULL) AS fresh FROM mhub.roi_daily;
ROLLBACK;

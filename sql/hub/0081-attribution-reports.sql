-- Reports by campaign, path and customer, and the star schema.

CREATE VIEW mhub.cost_by_landing_page AS
WITH place AS (
    SELECT mhub.hub_day(t.occurred_at) AS day, t.channel, lower(coalesce(t.campaign, t.campaign_id)) AS campaign_key, coalesce(t.landing_page, '(none)') AS landing_page, count(*) AS touches
    FROM mhub.touch AS t GROUP BY 1, 2, 3, 4
), spent AS (
    SELECT c.day, c.channel, c.campaign, c.currency, sum(c.amount) AS amount FROM mhub.cost_assigned AS c GROUP BY c.day, c.channel, c.campaign, c.currency
), portion AS (
    SELECT s.*, p.channel AS touch_channel, p.landing_page, p.touches
    FROM spent AS s
    LEFT JOIN LATERAL (
        -- That day's touches of the campaign, else those of any day; spend that names no campaign goes by its channel.
        SELECT p.channel, p.landing_page, sum(p.touches) AS touches, rank() OVER (ORDER BY p.day = s.day DESC) AS choice
        FROM place AS p
        WHERE CASE WHEN s.campaign = '(none)' THEN p.channel = s.channel ELSE p.campaign_key = lower(s.campaign) END
        GROUP BY p.channel, p.landing_page, p.day = s.day) AS p ON p.choice = 1
), running AS (
    SELECT p.*, sum(p.touches) OVER whole AS all_touches, sum(p.touches) OVER upto AS touches_so_far
    FROM portion AS p
    WINDOW whole AS (PARTITION BY p.day, p.channel, p.campaign, p.currency), upto AS (PARTITION BY p.day, p.channel, p.campaign, p.currency ORDER BY p.touch_channel, p.landing_page)
)
SELECT r.day, coalesce(r.touch_channel, r.channel) AS channel, r.campaign, coalesce(r.landing_page, '(no visit)') AS landing_page, r.currency,
       CASE WHEN r.touches IS NULL THEN r.amount
            ELSE round(r.amount * r.touches_so_far / r.all_touches, 6) - round(r.amount * (r.touches_so_far - r.touches) / r.all_touches, 6) END
       + CASE WHEN r.touches_so_far = r.all_touches THEN r.amount - round(r.amount, 6) ELSE 0 END AS amount
FROM running AS r;
COMMENT ON VIEW mhub.cost_by_landing_page IS 'All spend, by the landing pages it brought visitors to: each day''s spend of a campaign is shared by its touches of that day (of all days when it had none then), spend without a campaign by those of its channel. The parts sum to the spend exactly.';
COMMENT ON COLUMN mhub.cost_by_landing_page.day IS 'Day of the spend.';
COMMENT ON COLUMN mhub.cost_by_landing_page.channel IS 'Channel group of the touches; of the spend when there are none.';
COMMENT ON COLUMN mhub.cost_by_landing_page.campaign IS 'Campaign as in mhub.cost_assigned.';
COMMENT ON COLUMN mhub.cost_by_landing_page.landing_page IS 'Page of arrival; (no visit) for spend without any touch, (none) for touches without a page.';
COMMENT ON COLUMN mhub.cost_by_landing_page.currency IS 'ISO 4217 code of the spend.';
COMMENT ON COLUMN mhub.cost_by_landing_page.amount IS 'Money spent, in currency.';

CREATE VIEW mhub.roi_path_entry AS
WITH spent AS (
    SELECT l.day, l.channel, l.landing_page, r.to_currency AS currency, sum(l.amount * r.rate) AS cost
    FROM mhub.cost_by_landing_page AS l JOIN mhub.report_rate AS r ON r.day = l.day AND r.currency = l.currency
    GROUP BY l.day, l.channel, l.landing_page, r.to_currency
), earned AS (
    SELECT mhub.hub_day(c.occurred_at) AS day, CASE WHEN k.touch_id = 0 THEN '(unattributed)' ELSE t.channel END AS channel,
           CASE WHEN k.touch_id = 0 THEN '(unattributed)' ELSE coalesce(t.landing_page, '(none)') END AS landing_page,
           c.form, g.key AS goal, k.model, r.to_currency AS currency, sum(k.share) AS conversions, sum(k.value * r.rate) AS revenue
    FROM mhub.credit AS k
    JOIN mhub.conversion AS c USING (conversion_id)
    JOIN mhub.goal AS g USING (goal_id)
    JOIN mhub.report_rate AS r ON r.day = mhub.hub_day(c.occurred_at) AND r.currency = c.currency
    LEFT JOIN mhub.touch AS t ON t.touch_id = k.touch_id
    GROUP BY 1, 2, 3, 4, 5, 6, 7
), portion AS (
    -- A page's cost goes to the goal's forms in proportion to all conversions they ever had there.
    SELECT f.*, sum(f.conversions) OVER (PARTITION BY f.channel, f.landing_page, f.goal, f.model) AS all_forms,
           sum(f.conversions) OVER (PARTITION BY f.channel, f.landing_page, f.goal, f.model ORDER BY f.form) AS so_far,
           lead(f.form) OVER (PARTITION BY f.channel, f.landing_page, f.goal, f.model ORDER BY f.form) IS NULL AS last
    FROM (SELECT e.channel, e.landing_page, e.goal, e.model, e.form, sum(e.conversions)::numeric AS conversions
          FROM earned AS e GROUP BY e.channel, e.landing_page, e.goal, e.model, e.form HAVING sum(e.conversions) > 0) AS f
), entry AS (
    SELECT s.day, s.channel, s.landing_page, '(spend)' AS form, '(spend)' AS goal, '(spend)' AS model, s.currency, s.cost, 0::numeric AS goal_cost,
           0::double precision AS conversions, 0::numeric AS revenue
    FROM spent AS s
    UNION ALL
    SELECT s.day, s.channel, s.landing_page, coalesce(p.form, '(none)'), g.key, m.model, s.currency, 0,
           CASE WHEN p.form IS NULL THEN s.cost
                ELSE CASE WHEN p.last THEN s.cost ELSE round(s.cost * p.so_far / p.all_forms, 6) END - round(s.cost * (p.so_far - p.conversions) / p.all_forms, 6) END, 0, 0
    FROM spent AS s CROSS JOIN unnest(ARRAY(SELECT key FROM mhub.goal)) AS g (key) CROSS JOIN mhub.attribution_models() AS m (model)
    LEFT JOIN portion AS p ON p.channel = s.channel AND p.landing_page = s.landing_page AND p.goal = g.key AND p.model = m.model
    UNION ALL
    SELECT e.day, e.channel, e.landing_page, e.form, e.goal, e.model, e.currency, 0, 0, e.conversions, e.revenue FROM earned AS e
)
SELECT e.day, e.channel, e.landing_page, e.form, e.goal, e.model, e.currency, sum(e.cost) AS cost, sum(e.goal_cost) AS goal_cost,
       sum(e.conversions) AS conversions, sum(e.revenue) AS revenue
FROM entry AS e GROUP BY e.day, e.channel, e.landing_page, e.form, e.goal, e.model, e.currency;
COMMENT ON VIEW mhub.roi_path_entry IS 'What mhub.roi_by_path is made of: all models, of which one must be chosen for conversions, revenue and goal_cost.';
COMMENT ON COLUMN mhub.roi_path_entry.day IS 'Day in the hub''s time zone: of the spend, of the conversion, of the refund.';
COMMENT ON COLUMN mhub.roi_path_entry.channel IS 'Channel group; (unattributed) for conversions without a touch, (unknown) for spend without a channel.';
COMMENT ON COLUMN mhub.roi_path_entry.landing_page IS 'Page of arrival of the credited touch; (no visit) for spend without any touch.';
COMMENT ON COLUMN mhub.roi_path_entry.form IS 'Form or goal (mhub.conversion.form); (spend) in the rows that hold cost, (none) for the goal_cost of pages where the goal was never reached.';
COMMENT ON COLUMN mhub.roi_path_entry.goal IS 'Key of the goal; (spend) in the rows that hold cost, impressions and clicks.';
COMMENT ON COLUMN mhub.roi_path_entry.model IS 'Attribution model; (spend) in the rows that hold cost.';
COMMENT ON COLUMN mhub.roi_path_entry.currency IS 'ISO 4217 code of the amounts: the reports'' currency, or another for which there is no exchange rate.';
COMMENT ON COLUMN mhub.roi_path_entry.cost IS 'Money spent, once: in rows of goal and model (spend).';
COMMENT ON COLUMN mhub.roi_path_entry.goal_cost IS 'The same money again for every goal and model, shared by the forms: choose one of each before summing it.';
COMMENT ON COLUMN mhub.roi_path_entry.conversions IS 'Conversions, in shares.';
COMMENT ON COLUMN mhub.roi_path_entry.revenue IS 'Value of the conversions less refunds.';

CREATE VIEW mhub.roi_by_path AS
SELECT e.day, date_trunc('week', e.day)::date AS week, date_trunc('month', e.day)::date AS month, date_trunc('quarter', e.day)::date AS quarter, e.channel, e.landing_page, e.form,
       e.channel || ' > ' || e.landing_page || ' > ' || e.form AS path, e.goal, (SELECT mhub.report_model()) AS model, e.currency, e.cost, e.goal_cost, e.conversions, e.revenue,
       round(e.goal_cost / nullif(e.conversions, 0)::numeric, 2) AS cost_per_conversion, round(e.revenue / nullif(e.goal_cost, 0), 4) AS roas,
       round((e.revenue - e.goal_cost) / nullif(e.goal_cost, 0), 4) AS roi, (SELECT f.fresh_as_of FROM mhub.fresh_as_of AS f) AS fresh_as_of
FROM mhub.roi_path_entry AS e
WHERE e.model IN ((SELECT mhub.report_model()), '(spend)');
COMMENT ON VIEW mhub.roi_by_path IS 'What each path from channel over landing page to form costs and brings, by day: feed ad > landing page A > form = 50, search > landing page B > phone = 80 per conversion. goal_cost: the cost of a page (mhub.cost_by_landing_page) is shared by the forms of the goal in proportion to all conversions they had there. Every measure but goal_cost sums over all rows; ratios are those of the row. mhub.roi() sums and divides.';
COMMENT ON COLUMN mhub.roi_by_path.day IS 'Day in the hub''s time zone: of the spend, of the conversion, of the refund.';
COMMENT ON COLUMN mhub.roi_by_path.week IS 'Monday of the day''s week.';
COMMENT ON COLUMN mhub.roi_by_path.month IS 'First day of the month.';
COMMENT ON COLUMN mhub.roi_by_path.quarter IS 'First day of the quarter.';
COMMENT ON COLUMN mhub.roi_by_path.channel IS 'Channel group; (unattributed) for conversions without a touch, (unknown) for spend without a channel.';
COMMENT ON COLUMN mhub.roi_by_path.landing_page IS 'Page of arrival of the credited touch; (no visit) for spend without any touch.';
COMMENT ON COLUMN mhub.roi_by_path.form IS 'Form or goal (mhub.conversion.form); (spend) in the rows that hold cost, (none) for the goal_cost of pages where the goal was never reached.';
COMMENT ON COLUMN mhub.roi_by_path.path IS 'The three together, for reading.';
COMMENT ON COLUMN mhub.roi_by_path.goal IS 'Key of the goal; (spend) in the rows that hold cost, impressions and clicks.';
COMMENT ON COLUMN mhub.roi_by_path.model IS 'Attribution model: that of mhub.report_model().';
COMMENT ON COLUMN mhub.roi_by_path.currency IS 'ISO 4217 code of the amounts: the reports'' currency, or another for which there is no exchange rate.';
COMMENT ON COLUMN mhub.roi_by_path.cost IS 'Money spent, once: in rows of goal (spend). Sums to the spend loaded, whatever is summed over.';
COMMENT ON COLUMN mhub.roi_by_path.goal_cost IS 'The page''s cost again for every goal, shared by its forms: choose one goal before summing it.';
COMMENT ON COLUMN mhub.roi_by_path.conversions IS 'Conversions, in shares.';
COMMENT ON COLUMN mhub.roi_by_path.revenue IS 'Value of the conversions less refunds.';
COMMENT ON COLUMN mhub.roi_by_path.cost_per_conversion IS 'goal_cost / conversions of this row; NULL without conversions. Of several rows: sum(goal_cost) / sum(conversions) of one goal.';
COMMENT ON COLUMN mhub.roi_by_path.roas IS 'Return on ad spend: revenue / goal_cost of this row; NULL without cost. Of several rows: sum(revenue) / sum(goal_cost) of one goal, sum(revenue) / sum(cost) of all.';
COMMENT ON COLUMN mhub.roi_by_path.roi IS 'Return on investment: (revenue - goal_cost) / goal_cost of this row; NULL without cost.';
COMMENT ON COLUMN mhub.roi_by_path.fresh_as_of IS 'How up to date this is.';

CREATE VIEW mhub.path_summary AS
SELECT d.day, date_trunc('week', d.day)::date AS week, date_trunc('month', d.day)::date AS month, date_trunc('quarter', d.day)::date AS quarter, g.key AS goal, coalesce(array_to_string(c.path, ' > '), '(unattributed)') AS path, coalesce(cardinality(c.path), 0) AS touches,
       r.to_currency AS currency, count(*) AS conversions, sum((c.value + coalesce(b.value, 0)) * r.rate) AS revenue, sum(c.occurred_at - c.first_touch_at) AS total_time,
       avg(c.occurred_at - c.first_touch_at) AS mean_time_to_convert, (SELECT f.fresh_as_of FROM mhub.fresh_as_of AS f) AS fresh_as_of
FROM mhub.conversion AS c JOIN mhub.goal AS g USING (goal_id)
CROSS JOIN LATERAL (SELECT mhub.hub_day(c.occurred_at) AS day) AS d
JOIN mhub.report_rate AS r ON r.day = d.day AND r.currency = c.currency
LEFT JOIN (SELECT b.amends, sum(b.value) AS value FROM mhub.conversion AS b WHERE b.kind = 'refund' GROUP BY b.amends) AS b ON b.amends = c.conversion_id
WHERE c.kind = 'conversion'
GROUP BY d.day, g.key, c.path, r.to_currency;
COMMENT ON VIEW mhub.path_summary IS 'The paths of channels that led to conversions, and how often, by day.';
COMMENT ON COLUMN mhub.path_summary.day IS 'Day of the conversion in the hub''s time zone.';
COMMENT ON COLUMN mhub.path_summary.week IS 'Monday of the day''s week.';
COMMENT ON COLUMN mhub.path_summary.month IS 'First day of the month.';
COMMENT ON COLUMN mhub.path_summary.quarter IS 'First day of the quarter.';
COMMENT ON COLUMN mhub.path_summary.goal IS 'Key of the goal.';
COMMENT ON COLUMN mhub.path_summary.path IS 'Channels in order, or (unattributed).';
COMMENT ON COLUMN mhub.path_summary.touches IS 'Number of touches in the path.';
COMMENT ON COLUMN mhub.path_summary.currency IS 'ISO 4217 code of the amounts: the reports'' currency, or another for which there is no exchange rate.';
COMMENT ON COLUMN mhub.path_summary.conversions IS 'Number of conversions.';
COMMENT ON COLUMN mhub.path_summary.revenue IS 'Their value less refunds, whenever these came.';
COMMENT ON COLUMN mhub.path_summary.total_time IS 'Time from the first touch to the conversion, summed; NULL without touches.';
COMMENT ON COLUMN mhub.path_summary.mean_time_to_convert IS 'Mean time from the first touch to the conversion. Of several rows: sum(total_time) / sum(conversions).';
COMMENT ON COLUMN mhub.path_summary.fresh_as_of IS 'How up to date this is.';

CREATE VIEW mhub.time_to_convert AS
SELECT d.day, date_trunc('week', d.day)::date AS week, date_trunc('month', d.day)::date AS month, date_trunc('quarter', d.day)::date AS quarter, g.key AS goal, coalesce(c.path[1], '(unattributed)') AS first_channel, d.day - mhub.hub_day(c.first_touch_at) AS days_to_convert,
       coalesce(cardinality(c.path), 0) AS touches, r.to_currency AS currency, count(*) AS conversions, sum(c.value * r.rate) AS revenue, sum(c.occurred_at - c.first_touch_at) AS total_time,
       avg(c.occurred_at - c.first_touch_at) AS mean_time_to_convert, (SELECT f.fresh_as_of FROM mhub.fresh_as_of AS f) AS fresh_as_of
FROM mhub.conversion AS c JOIN mhub.goal AS g USING (goal_id)
CROSS JOIN LATERAL (SELECT mhub.hub_day(c.occurred_at) AS day) AS d
JOIN mhub.report_rate AS r ON r.day = d.day AND r.currency = c.currency
WHERE c.kind = 'conversion'
GROUP BY d.day, g.key, c.path[1], mhub.hub_day(c.first_touch_at), cardinality(c.path), r.to_currency;
COMMENT ON VIEW mhub.time_to_convert IS 'How long it takes from the first touch to the conversion, and how many touches: conversions by days and touches, to be summed to a distribution. For percentiles see time_to_convert of mhub.fact_conversion.';
COMMENT ON COLUMN mhub.time_to_convert.day IS 'Day of the conversion in the hub''s time zone.';
COMMENT ON COLUMN mhub.time_to_convert.week IS 'Monday of the day''s week.';
COMMENT ON COLUMN mhub.time_to_convert.month IS 'First day of the month.';
COMMENT ON COLUMN mhub.time_to_convert.quarter IS 'First day of the quarter.';
COMMENT ON COLUMN mhub.time_to_convert.goal IS 'Key of the goal.';
COMMENT ON COLUMN mhub.time_to_convert.first_channel IS 'Channel group of the first touch, or (unattributed).';
COMMENT ON COLUMN mhub.time_to_convert.days_to_convert IS 'Days from the first touch to the conversion: 0 on the same day; NULL without touches.';
COMMENT ON COLUMN mhub.time_to_convert.touches IS 'Number of touches.';
COMMENT ON COLUMN mhub.time_to_convert.currency IS 'ISO 4217 code of the amounts: the reports'' currency, or another for which there is no exchange rate.';
COMMENT ON COLUMN mhub.time_to_convert.conversions IS 'Number of conversions.';
COMMENT ON COLUMN mhub.time_to_convert.revenue IS 'Their value.';
COMMENT ON COLUMN mhub.time_to_convert.total_time IS 'Time from the first touch to the conversion, summed; NULL without touches.';
COMMENT ON COLUMN mhub.time_to_convert.mean_time_to_convert IS 'Mean time from the first touch to the conversion; NULL without touches. Of several rows: sum(total_time) / sum(conversions).';
COMMENT ON COLUMN mhub.time_to_convert.fresh_as_of IS 'How up to date this is.';

CREATE VIEW mhub.model_comparison AS
WITH summed AS MATERIALIZED (
    SELECT e.day, e.channel, e.goal, e.model, e.currency, sum(e.cost) AS cost, sum(e.conversions) AS conversions, sum(e.revenue) AS revenue
    FROM mhub.roi_entry AS e GROUP BY e.day, e.channel, e.goal, e.model, e.currency
), entry AS (
    SELECT s.day, s.channel, s.goal, s.model, s.currency, s.cost, 0::double precision AS conversions, 0::numeric AS revenue FROM summed AS s WHERE s.model = '(spend)'
    UNION ALL
    -- Every model has a row wherever any has, so that the differences add up.
    SELECT k.day, k.channel, k.goal, m.model, k.currency, 0, coalesce(s.conversions, 0), coalesce(s.revenue, 0)
    FROM (SELECT DISTINCT s.day, s.channel, s.goal, s.currency FROM summed AS s WHERE s.conversions <> 0 OR s.revenue <> 0) AS k
    CROSS JOIN mhub.attribution_models() AS m (model)
    LEFT JOIN summed AS s ON (s.day, s.channel, s.goal, s.currency, s.model) = (k.day, k.channel, k.goal, k.currency, m.model)
)
SELECT e.day, date_trunc('week', e.day)::date AS week, date_trunc('month', e.day)::date AS month, date_trunc('quarter', e.day)::date AS quarter, e.channel, e.goal, e.model, e.currency, e.cost, e.conversions, e.revenue,
       CASE WHEN e.model <> '(spend)' THEN e.conversions - sum(e.conversions) FILTER (WHERE e.model = (SELECT mhub.report_model())) OVER place END AS conversions_over_report,
       CASE WHEN e.model <> '(spend)' THEN e.revenue - sum(e.revenue) FILTER (WHERE e.model = (SELECT mhub.report_model())) OVER place END AS revenue_over_report, (SELECT f.fresh_as_of FROM mhub.fresh_as_of AS f) AS fresh_as_of
FROM entry AS e
WINDOW place AS (PARTITION BY e.day, e.channel, e.goal, e.currency);
COMMENT ON VIEW mhub.model_comparison IS 'What the attribution models say of each channel, side by side, by day and goal. Choose one model before summing conversions and revenue, or keep the model beside them.';
COMMENT ON COLUMN mhub.model_comparison.day IS 'Day in the hub''s time zone: of the spend, of the conversion, of the refund.';
COMMENT ON COLUMN mhub.model_comparison.week IS 'Monday of the day''s week.';
COMMENT ON COLUMN mhub.model_comparison.month IS 'First day of the month.';
COMMENT ON COLUMN mhub.model_comparison.quarter IS 'First day of the quarter.';
COMMENT ON COLUMN mhub.model_comparison.channel IS 'Channel group; (unattributed) for conversions without a touch, (unknown) for spend without a channel.';
COMMENT ON COLUMN mhub.model_comparison.goal IS 'Key of the goal; (spend) in the rows that hold cost, impressions and clicks.';
COMMENT ON COLUMN mhub.model_comparison.model IS 'Attribution model; (spend) in the rows that hold cost.';
COMMENT ON COLUMN mhub.model_comparison.currency IS 'ISO 4217 code of the amounts: the reports'' currency, or another for which there is no exchange rate.';
COMMENT ON COLUMN mhub.model_comparison.cost IS 'Money spent, once: in rows of goal and model (spend).';
COMMENT ON COLUMN mhub.model_comparison.conversions IS 'Conversions, in shares.';
COMMENT ON COLUMN mhub.model_comparison.revenue IS 'Value of the conversions less refunds.';
COMMENT ON COLUMN mhub.model_comparison.conversions_over_report IS 'How many conversions more this model gives than that of mhub.report_model(); NULL in rows of spend.';
COMMENT ON COLUMN mhub.model_comparison.revenue_over_report IS 'How much revenue more this model gives than that of mhub.report_model(); NULL in rows of spend.';
COMMENT ON COLUMN mhub.model_comparison.fresh_as_of IS 'How up to date this is.';

CREATE VIEW mhub.customer_value AS
WITH entry AS MATERIALIZED (
    SELECT coalesce(i.person_id, -c.identifier_id) AS person_key, c.conversion_id, c.kind, c.occurred_at, r.day, c.path, c.value * r.rate AS value, r.to_currency AS currency
    FROM mhub.conversion AS c JOIN mhub.goal AS g USING (goal_id)
    JOIN mhub.report_rate AS r ON r.day = mhub.hub_day(c.occurred_at) AND r.currency = c.currency
    LEFT JOIN mhub.identifier AS i USING (identifier_id)
    WHERE c.kind IN ('conversion', 'refund') AND g.milestone IS NULL
), customer AS (
    SELECT DISTINCT ON (e.person_key) e.person_key, e.currency, e.day, coalesce(e.path[1], '(unattributed)') AS channel
    FROM entry AS e WHERE e.kind = 'conversion' AND e.value > 0 ORDER BY e.person_key, e.occurred_at, e.conversion_id
), spent AS (
    SELECT e.day, e.channel, e.currency, sum(e.cost) AS cost FROM mhub.roi_entry AS e WHERE e.model = '(spend)' GROUP BY e.day, e.channel, e.currency
), won AS (
    SELECT c.day, c.channel, c.currency, count(*) AS customers FROM customer AS c GROUP BY c.day, c.channel, c.currency
), cohort AS (
    SELECT day, channel, currency, coalesce(w.customers, 0) AS customers, coalesce(s.cost, 0) AS cost FROM won AS w FULL JOIN spent AS s USING (day, channel, currency)
), aged AS (
    SELECT c.day, c.channel, c.currency, e.day - c.day AS age, sum(e.value) AS revenue, sum(sum(e.value)) OVER (PARTITION BY c.day, c.channel, c.currency ORDER BY e.day - c.day) AS so_far
    FROM customer AS c JOIN entry AS e USING (person_key, currency) GROUP BY c.day, c.channel, c.currency, e.day
), brought AS (
    SELECT c.day, c.channel, c.currency, sum(a.revenue) AS revenue, sum(a.revenue) FILTER (WHERE a.age < 30) AS revenue_30_days, sum(a.revenue) FILTER (WHERE a.age < 90) AS revenue_90_days,
           sum(a.revenue) FILTER (WHERE a.age < 365) AS revenue_365_days, min(a.age) FILTER (WHERE a.so_far >= c.cost) AS payback_days
    FROM cohort AS c JOIN aged AS a USING (day, channel, currency) GROUP BY c.day, c.channel, c.currency
)
SELECT c.day, date_trunc('week', c.day)::date AS week, date_trunc('month', c.day)::date AS month, date_trunc('quarter', c.day)::date AS quarter, c.channel, c.currency, c.customers, c.cost, coalesce(b.revenue, 0) AS revenue, coalesce(b.revenue_30_days, 0) AS revenue_30_days,
       coalesce(b.revenue_90_days, 0) AS revenue_90_days, coalesce(b.revenue_365_days, 0) AS revenue_365_days,
       round(c.cost / nullif(c.customers, 0), 2) AS cac, round(b.revenue / nullif(c.customers, 0), 2) AS ltv, round(coalesce(b.revenue, 0) / nullif(c.cost, 0), 4) AS ltv_to_cac, b.payback_days,
       (SELECT f.fresh_as_of FROM mhub.fresh_as_of AS f) AS fresh_as_of
FROM cohort AS c LEFT JOIN brought AS b USING (day, channel, currency);
COMMENT ON VIEW mhub.customer_value IS 'What customers cost and bring, by the day and channel that won them: the day of their first conversion of value, and the channel of the first touch of its path. Conversions of milestone goals do not count. Sum customers, cost and revenue over a month or quarter, then divide: CAC = sum(cost) / sum(customers), LTV = sum(revenue) / sum(customers).';
COMMENT ON COLUMN mhub.customer_value.day IS 'Day of acquisition, and of the spend, in the hub''s time zone.';
COMMENT ON COLUMN mhub.customer_value.week IS 'Monday of the day''s week.';
COMMENT ON COLUMN mhub.customer_value.month IS 'First day of the month.';
COMMENT ON COLUMN mhub.customer_value.quarter IS 'First day of the quarter.';
COMMENT ON COLUMN mhub.customer_value.channel IS 'Channel group of acquisition; (unattributed) without a touch.';
COMMENT ON COLUMN mhub.customer_value.currency IS 'ISO 4217 code of the amounts: the reports'' currency, or another for which there is no exchange rate.';
COMMENT ON COLUMN mhub.customer_value.customers IS 'Persons won.';
COMMENT ON COLUMN mhub.customer_value.cost IS 'Money spent on that channel that day; sums to the spend loaded.';
COMMENT ON COLUMN mhub.customer_value.revenue IS 'What these customers have brought up to now, less refunds.';
COMMENT ON COLUMN mhub.customer_value.revenue_30_days IS 'The part of revenue that came within 30 days, the day of acquisition included.';
COMMENT ON COLUMN mhub.customer_value.revenue_90_days IS 'The part that came within 90 days.';
COMMENT ON COLUMN mhub.customer_value.revenue_365_days IS 'The part that came within 365 days.';
COMMENT ON COLUMN mhub.customer_value.cac IS 'Customer acquisition cost: cost / customers of this row; NULL without customers.';
COMMENT ON COLUMN mhub.customer_value.ltv IS 'Lifetime value up to now: revenue / customers of this row.';
COMMENT ON COLUMN mhub.customer_value.ltv_to_cac IS 'revenue / cost of this row; NULL without cost.';
COMMENT ON COLUMN mhub.customer_value.payback_days IS 'Days from the acquisition until the revenue of these customers covered the cost of their day: 0 on the same day; NULL: not yet.';
COMMENT ON COLUMN mhub.customer_value.fresh_as_of IS 'How up to date this is.';

CREATE VIEW mhub.dim_date AS
SELECT d::date AS day, date_trunc('week', d)::date AS week, date_trunc('month', d)::date AS month, date_trunc('quarter', d)::date AS quarter, date_trunc('year', d)::date AS year,
       extract(isodow FROM d)::integer AS weekday
FROM (SELECT least((SELECT min(c.day) FROM mhub.cost AS c), mhub.hub_day((SELECT min(t.occurred_at) FROM mhub.touch AS t)), mhub.hub_day((SELECT min(c.occurred_at) FROM mhub.conversion AS c))) AS first,
             greatest((SELECT max(c.day) FROM mhub.cost AS c), mhub.hub_day((SELECT max(t.occurred_at) FROM mhub.touch AS t)), mhub.hub_day((SELECT max(c.occurred_at) FROM mhub.conversion AS c))) AS last) AS range
CROSS JOIN LATERAL generate_series(range.first::timestamp, range.last::timestamp, interval '1 day') AS d;
COMMENT ON VIEW mhub.dim_date IS 'Star schema: days from the first to the last touch, conversion or spend.';
COMMENT ON COLUMN mhub.dim_date.day IS 'Key: the day, in the hub''s time zone.';
COMMENT ON COLUMN mhub.dim_date.week IS 'Monday of its week.';
COMMENT ON COLUMN mhub.dim_date.month IS 'First day of its month.';
COMMENT ON COLUMN mhub.dim_date.quarter IS 'First day of its quarter.';
COMMENT ON COLUMN mhub.dim_date.year IS 'First day of its year.';
COMMENT ON COLUMN mhub.dim_date.weekday IS '1 = Monday ... 7 = Sunday.';

CREATE VIEW mhub.dim_channel AS
SELECT k.channel AS channel_key, k.channel, k.channel <> '(unattributed)' AS attributed
FROM (SELECT t.channel FROM mhub.touch AS t UNION SELECT c.channel FROM mhub.cost_assigned AS c UNION SELECT '(unattributed)' AS channel) AS k;
COMMENT ON VIEW mhub.dim_channel IS 'Star schema: channel groups of touches and spend, and (unattributed).';
COMMENT ON COLUMN mhub.dim_channel.channel_key IS 'Key.';
COMMENT ON COLUMN mhub.dim_channel.channel IS 'Name of the channel group.';
COMMENT ON COLUMN mhub.dim_channel.attributed IS 'False for (unattributed) only.';

CREATE VIEW mhub.dim_campaign AS
SELECT n.campaign_key, n.campaign, n.channel, n.campaign_id FROM mhub.campaign_seen AS n WHERE n.campaign_key NOT IN ('(none)', '(unattributed)')
UNION ALL
SELECT lower(c.campaign), min(c.campaign), min(c.channel), NULL FROM mhub.cost_assigned AS c
WHERE lower(c.campaign) NOT IN ('(none)', '(unattributed)') AND NOT EXISTS (SELECT FROM mhub.campaign_seen AS n WHERE n.campaign_key = lower(c.campaign)) GROUP BY lower(c.campaign)
UNION ALL SELECT '(none)', '(none)', NULL, NULL
UNION ALL SELECT '(unattributed)', '(unattributed)', NULL, NULL;
COMMENT ON VIEW mhub.dim_campaign IS 'Star schema: campaigns of touches and spend, (none) and (unattributed).';
COMMENT ON COLUMN mhub.dim_campaign.campaign_key IS 'Key: the campaign''s name in lower case, or its id when touches give no name.';
COMMENT ON COLUMN mhub.dim_campaign.campaign IS 'Name as most touches spell it.';
COMMENT ON COLUMN mhub.dim_campaign.channel IS 'Channel group of most of its touches, or of its spend.';
COMMENT ON COLUMN mhub.dim_campaign.campaign_id IS 'A campaign id seen with it; NULL when there is none.';

CREATE VIEW mhub.fact_touch AS
SELECT t.touch_id, mhub.hub_day(t.occurred_at) AS day, t.occurred_at, coalesce(i.person_id, -t.identifier_id) AS person_key, t.kind, t.channel AS channel_key,
       coalesce(lower(t.campaign), lower(t.campaign_id), '(none)') AS campaign_key, t.source, t.medium, t.content, t.term, t.landing_page
FROM mhub.touch AS t LEFT JOIN mhub.identifier AS i USING (identifier_id);
COMMENT ON VIEW mhub.fact_touch IS 'Star schema: touches.';
COMMENT ON COLUMN mhub.fact_touch.touch_id IS 'Key.';
COMMENT ON COLUMN mhub.fact_touch.day IS 'Key of mhub.dim_date.';
COMMENT ON COLUMN mhub.fact_touch.occurred_at IS 'Time of the touch.';
COMMENT ON COLUMN mhub.fact_touch.person_key IS 'The person now; minus the identifier where it belongs to none.';
COMMENT ON COLUMN mhub.fact_touch.kind IS 'visit, message_click or content_click.';
COMMENT ON COLUMN mhub.fact_touch.channel_key IS 'Key of mhub.dim_channel.';
COMMENT ON COLUMN mhub.fact_touch.campaign_key IS 'Key of mhub.dim_campaign.';
COMMENT ON COLUMN mhub.fact_touch.source IS 'Traffic source.';
COMMENT ON COLUMN mhub.fact_touch.medium IS 'Medium.';
COMMENT ON COLUMN mhub.fact_touch.content IS 'Ad or creative.';
COMMENT ON COLUMN mhub.fact_touch.term IS 'Keyword.';
COMMENT ON COLUMN mhub.fact_touch.landing_page IS 'Page of arrival.';

CREATE VIEW mhub.fact_cost AS
SELECT c.cost_id, c.day, c.channel AS channel_key, lower(c.campaign) AS campaign_key, c.platform, c.ad, c.keyword, c.impressions, c.clicks, c.amount, c.currency, c.matched_by
FROM mhub.cost_assigned AS c;
COMMENT ON VIEW mhub.fact_cost IS 'Star schema: spend, once. Never join it to credits row by row: sum both first.';
COMMENT ON COLUMN mhub.fact_cost.cost_id IS 'Key.';
COMMENT ON COLUMN mhub.fact_cost.day IS 'Key of mhub.dim_date.';
COMMENT ON COLUMN mhub.fact_cost.channel_key IS 'Key of mhub.dim_channel.';
COMMENT ON COLUMN mhub.fact_cost.campaign_key IS 'Key of mhub.dim_campaign.';
COMMENT ON COLUMN mhub.fact_cost.platform IS 'Platform.';
COMMENT ON COLUMN mhub.fact_cost.ad IS 'Ad or creative.';
COMMENT ON COLUMN mhub.fact_cost.keyword IS 'Keyword.';
COMMENT ON COLUMN mhub.fact_cost.impressions IS 'Times shown.';
COMMENT ON COLUMN mhub.fact_cost.clicks IS 'Clicks the platform counted.';
COMMENT ON COLUMN mhub.fact_cost.amount IS 'Money spent, in currency.';
COMMENT ON COLUMN mhub.fact_cost.currency IS 'ISO 4217 code.';
COMMENT ON COLUMN mhub.fact_cost.matched_by IS 'How the campaign was found, see mhub.cost_assigned.';

CREATE VIEW mhub.fact_conversion AS
SELECT c.conversion_id, mhub.hub_day(c.occurred_at) AS day, c.occurred_at, coalesce(i.person_id, -c.identifier_id) AS person_key, g.key AS goal, c.kind, c.amends,
       (c.kind = 'conversion')::integer AS conversions, c.value, c.currency, c.order_id, c.form, c.path, c.first_touch_at, c.occurred_at - c.first_touch_at AS time_to_convert
FROM mhub.conversion AS c JOIN mhub.goal AS g USING (goal_id) LEFT JOIN mhub.identifier AS i USING (identifier_id)
WHERE c.kind <> 'duplicate';
COMMENT ON VIEW mhub.fact_conversion IS 'Star schema: conversions and refunds.';
COMMENT ON COLUMN mhub.fact_conversion.conversion_id IS 'Key.';
COMMENT ON COLUMN mhub.fact_conversion.day IS 'Key of mhub.dim_date.';
COMMENT ON COLUMN mhub.fact_conversion.occurred_at IS 'Time of the conversion or refund.';
COMMENT ON COLUMN mhub.fact_conversion.person_key IS 'The person now; minus the identifier where it belongs to none.';
COMMENT ON COLUMN mhub.fact_conversion.goal IS 'Key of the goal.';
COMMENT ON COLUMN mhub.fact_conversion.kind IS 'conversion, refund or unmatched_refund.';
COMMENT ON COLUMN mhub.fact_conversion.amends IS 'For a refund the conversion it takes value from.';
COMMENT ON COLUMN mhub.fact_conversion.conversions IS '1 for a conversion, 0 for a refund: sum it.';
COMMENT ON COLUMN mhub.fact_conversion.value IS 'Value in currency; negative for a refund.';
COMMENT ON COLUMN mhub.fact_conversion.currency IS 'ISO 4217 code.';
COMMENT ON COLUMN mhub.fact_conversion.order_id IS 'The order.';
COMMENT ON COLUMN mhub.fact_conversion.form IS 'Form or other place of conversion.';
COMMENT ON COLUMN mhub.fact_conversion.path IS 'Channels of its touches, in order; NULL without touches.';
COMMENT ON COLUMN mhub.fact_conversion.first_touch_at IS 'Time of its first touch.';
COMMENT ON COLUMN mhub.fact_conversion.time_to_convert IS 'Time from its first touch to it; NULL without touches.';

CREATE VIEW mhub.fact_credit AS
SELECT k.conversion_id, k.model, k.touch_id, mhub.hub_day(c.occurred_at) AS day, CASE WHEN k.touch_id = 0 THEN '(unattributed)' ELSE t.channel END AS channel_key,
       CASE WHEN k.touch_id = 0 THEN '(unattributed)' ELSE coalesce(lower(t.campaign), lower(t.campaign_id), '(none)') END AS campaign_key, k.share AS conversions, k.value, c.currency
FROM mhub.credit AS k JOIN mhub.conversion AS c USING (conversion_id) LEFT JOIN mhub.touch AS t ON t.touch_id = k.touch_id;
COMMENT ON VIEW mhub.fact_credit IS 'Star schema: credits, one row for each conversion, model and touch. Choose one model before summing.';
COMMENT ON COLUMN mhub.fact_credit.conversion_id IS 'Key of mhub.fact_conversion.';
COMMENT ON COLUMN mhub.fact_credit.model IS 'Attribution model.';
COMMENT ON COLUMN mhub.fact_credit.touch_id IS 'Key of mhub.fact_touch; 0 for (unattributed).';
COMMENT ON COLUMN mhub.fact_credit.day IS 'Key of mhub.dim_date: day of the conversion.';
COMMENT ON COLUMN mhub.fact_credit.channel_key IS 'Key of mhub.dim_channel.';
COMMENT ON COLUMN mhub.fact_credit.campaign_key IS 'Key of mhub.dim_campaign.';
COMMENT ON COLUMN mhub.fact_credit.conversions IS 'Share of the conversion; 0 for a refund.';
COMMENT ON COLUMN mhub.fact_credit.value IS 'Share of the value, in currency.';
COMMENT ON COLUMN mhub.fact_credit.currency IS 'ISO 4217 code.';

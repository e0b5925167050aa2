-- Reports by campaign, path and customer, and the star schema.

CREATE VIEW mhub.roi_by_campaign AS
SELECT d.channel, d.campaign, d.model, d.currency, sum(d.cost) AS cost, sum(d.impressions)::bigint AS impressions, sum(d.clicks)::bigint AS clicks,
       sum(d.conversions) AS conversions, sum(d.revenue) AS revenue,
       round(sum(d.cost) / nullif(sum(d.conversions), 0)::numeric, 2) AS cost_per_conversion, round(sum(d.revenue) / nullif(sum(d.cost), 0), 4) AS roas,
       round((sum(d.revenue) - sum(d.cost)) / nullif(sum(d.cost), 0), 4) AS roi, min(d.day) AS first_day, max(d.day) AS last_day, (SELECT f.fresh_as_of FROM mhub.fresh_as_of AS f) AS fresh_as_of
FROM mhub.roi_daily AS d GROUP BY d.channel, d.campaign, d.model, d.currency;
COMMENT ON VIEW mhub.roi_by_campaign IS 'Cost and return by channel, campaign and attribution model, over all time. For a period sum mhub.roi_daily.';
COMMENT ON COLUMN mhub.roi_by_campaign.channel IS 'Channel group; (unattributed) for conversions without a touch, (unknown) for spend without a channel.';
COMMENT ON COLUMN mhub.roi_by_campaign.campaign IS 'Campaign; (none) where the touch or the spend names none.';
COMMENT ON COLUMN mhub.roi_by_campaign.model IS 'Attribution model.';
COMMENT ON COLUMN mhub.roi_by_campaign.currency IS 'ISO 4217 code of the amounts: the reports'' currency, or another for which there is no exchange rate.';
COMMENT ON COLUMN mhub.roi_by_campaign.cost IS 'Money spent; the same under every model.';
COMMENT ON COLUMN mhub.roi_by_campaign.impressions IS 'Times shown, as the platforms counted.';
COMMENT ON COLUMN mhub.roi_by_campaign.clicks IS 'Clicks, as the platforms counted.';
COMMENT ON COLUMN mhub.roi_by_campaign.conversions IS 'Conversions, in shares.';
COMMENT ON COLUMN mhub.roi_by_campaign.revenue IS 'Value of the conversions less refunds.';
COMMENT ON COLUMN mhub.roi_by_campaign.cost_per_conversion IS 'cost / conversions; NULL without conversions.';
COMMENT ON COLUMN mhub.roi_by_campaign.roas IS 'Return on ad spend: revenue / cost; NULL without cost.';
COMMENT ON COLUMN mhub.roi_by_campaign.roi IS 'Return on investment: (revenue - cost) / cost; NULL without cost.';
COMMENT ON COLUMN mhub.roi_by_campaign.first_day IS 'First day of spend or conversion.';
COMMENT ON COLUMN mhub.roi_by_campaign.last_day IS 'Last day of spend or conversion.';
COMMENT ON COLUMN mhub.roi_by_campaign.fresh_as_of IS 'How up to date this is.';

CREATE VIEW mhub.cost_by_landing_page AS
WITH place AS (
    SELECT mhub.hub_day(t.occurred_at) AS day, t.channel, lower(t.campaign) AS campaign_key, coalesce(t.landing_page, '(none)') AS landing_page, count(*) AS touches
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

CREATE VIEW mhub.roi_by_path AS
WITH rate AS MATERIALIZED (
    SELECT d.day, d.currency, coalesce(mhub.exchange_rate_on(d.currency, s.currency, d.day), 1) AS rate,
           CASE WHEN mhub.exchange_rate_on(d.currency, s.currency, d.day) IS NULL THEN d.currency ELSE s.currency END AS to_currency
    FROM (SELECT c.day, c.currency FROM mhub.cost AS c UNION SELECT mhub.hub_day(c.occurred_at), c.currency FROM mhub.conversion AS c) AS d
    CROSS JOIN mhub.attribution_setting AS s
), spent AS (
    SELECT l.channel, l.landing_page, r.to_currency AS currency, sum(l.amount * r.rate) AS cost
    FROM mhub.cost_by_landing_page AS l JOIN rate AS r ON r.day = l.day AND r.currency = l.currency
    GROUP BY l.channel, l.landing_page, r.to_currency
), earned AS (
    SELECT CASE WHEN k.touch_id = 0 THEN '(unattributed)' ELSE t.channel END AS channel,
           CASE WHEN k.touch_id = 0 THEN '(unattributed)' ELSE coalesce(t.landing_page, '(none)') END AS landing_page,
           c.form, k.model, r.to_currency AS currency, sum(k.share)::numeric AS conversions, sum(k.value * r.rate) AS revenue
    FROM mhub.credit AS k
    JOIN mhub.conversion AS c USING (conversion_id)
    JOIN rate AS r ON r.day = mhub.hub_day(c.occurred_at) AND r.currency = c.currency
    LEFT JOIN mhub.touch AS t ON t.touch_id = k.touch_id
    GROUP BY 1, 2, 3, 4, 5
), path AS (
    SELECT coalesce(e.channel, s.channel) AS channel, coalesce(e.landing_page, s.landing_page) AS landing_page, coalesce(e.form, '(none)') AS form,
           coalesce(e.model, s.model) AS model, coalesce(e.currency, s.currency) AS currency, coalesce(e.conversions, 0) AS conversions, coalesce(e.revenue, 0) AS revenue,
           coalesce(s.cost, 0) AS place_cost
    FROM earned AS e
    FULL JOIN (SELECT s.*, m.model FROM spent AS s CROSS JOIN mhub.attribution_models() AS m (model)) AS s
        ON s.channel = e.channel AND s.landing_page = e.landing_page AND s.model = e.model AND s.currency = e.currency
), shared AS (
    -- A page's cost goes to its forms in proportion to their conversions; evenly where there are none.
    SELECT p.*, count(*) OVER place AS forms, row_number() OVER ordered AS nth, sum(p.conversions) OVER place AS place_conversions, sum(p.conversions) OVER ordered AS so_far
    FROM path AS p
    WINDOW place AS (PARTITION BY p.channel, p.landing_page, p.model, p.currency), ordered AS (PARTITION BY p.channel, p.landing_page, p.model, p.currency ORDER BY p.form)
), costed AS (
    SELECT s.*, b.upto - coalesce(lag(b.upto) OVER (PARTITION BY s.channel, s.landing_page, s.model, s.currency ORDER BY s.form), 0) AS cost
    FROM shared AS s
    CROSS JOIN LATERAL (SELECT CASE WHEN s.nth = s.forms THEN s.place_cost WHEN s.place_conversions > 0 THEN round(s.place_cost * s.so_far / s.place_conversions, 6)
                                    ELSE round(s.place_cost * s.nth / s.forms, 6) END AS upto) AS b
)
SELECT c.channel, c.landing_page, c.form, c.channel || ' > ' || c.landing_page || ' > ' || c.form AS path, c.model, c.currency, c.cost, c.conversions, c.revenue,
       round(c.cost / nullif(c.conversions, 0), 2) AS cost_per_conversion, round(c.revenue / nullif(c.cost, 0), 4) AS roas,
       round((c.revenue - c.cost) / nullif(c.cost, 0), 4) AS roi, (SELECT f.fresh_as_of FROM mhub.fresh_as_of AS f) AS fresh_as_of
FROM costed AS c;
COMMENT ON VIEW mhub.roi_by_path IS 'What each path from channel over landing page to form costs and brings: feed ad > landing page A > form = 50, search > landing page B > phone = 80 per conversion. The cost of a page (mhub.cost_by_landing_page) is shared by its forms in proportion to their conversions under the model. Under every model the costs sum to the spend and the revenue to that of all conversions.';
COMMENT ON COLUMN mhub.roi_by_path.channel IS 'Channel group; (unattributed) for conversions without a touch, (unknown) for spend without a channel.';
COMMENT ON COLUMN mhub.roi_by_path.landing_page IS 'Page of arrival of the credited touch; (no visit) for spend without any touch.';
COMMENT ON COLUMN mhub.roi_by_path.form IS 'Form or goal (mhub.conversion.form); (none) for pages without a conversion.';
COMMENT ON COLUMN mhub.roi_by_path.path IS 'The three together, for reading.';
COMMENT ON COLUMN mhub.roi_by_path.model IS 'Attribution model.';
COMMENT ON COLUMN mhub.roi_by_path.currency IS 'ISO 4217 code of the amounts: the reports'' currency, or another for which there is no exchange rate.';
COMMENT ON COLUMN mhub.roi_by_path.cost IS 'Money spent; the same under every model.';
COMMENT ON COLUMN mhub.roi_by_path.conversions IS 'Conversions, in shares.';
COMMENT ON COLUMN mhub.roi_by_path.revenue IS 'Value of the conversions less refunds.';
COMMENT ON COLUMN mhub.roi_by_path.cost_per_conversion IS 'cost / conversions; NULL without conversions.';
COMMENT ON COLUMN mhub.roi_by_path.roas IS 'Return on ad spend: revenue / cost; NULL without cost.';
COMMENT ON COLUMN mhub.roi_by_path.roi IS 'Return on investment: (revenue - cost) / cost; NULL without cost.';
COMMENT ON COLUMN mhub.roi_by_path.fresh_as_of IS 'How up to date this is.';

CREATE VIEW mhub.path_summary AS
SELECT g.key AS goal, coalesce(array_to_string(c.path, ' > '), '(unattributed)') AS path, coalesce(cardinality(c.path), 0) AS touches, c.currency,
       count(*) AS conversions, sum(c.value + coalesce(r.value, 0)) AS revenue, avg(c.occurred_at - c.first_touch_at) AS mean_time_to_convert, (SELECT f.fresh_as_of FROM mhub.fresh_as_of AS f) AS fresh_as_of
FROM mhub.conversion AS c JOIN mhub.goal AS g USING (goal_id)
LEFT JOIN (SELECT r.amends, sum(r.value) AS value FROM mhub.conversion AS r WHERE r.kind = 'refund' GROUP BY r.amends) AS r ON r.amends = c.conversion_id
WHERE c.kind = 'conversion'
GROUP BY g.key, c.path, c.currency;
COMMENT ON VIEW mhub.path_summary IS 'The paths of channels that led to conversions, and how often.';
COMMENT ON COLUMN mhub.path_summary.goal IS 'Key of the goal.';
COMMENT ON COLUMN mhub.path_summary.path IS 'Channels in order, or (unattributed).';
COMMENT ON COLUMN mhub.path_summary.touches IS 'Number of touches in the path.';
COMMENT ON COLUMN mhub.path_summary.currency IS 'ISO 4217 code of the revenue.';
COMMENT ON COLUMN mhub.path_summary.conversions IS 'Number of conversions with this path.';
COMMENT ON COLUMN mhub.path_summary.revenue IS 'Their value less refunds.';
COMMENT ON COLUMN mhub.path_summary.mean_time_to_convert IS 'Mean time from the first touch to the conversion.';
COMMENT ON COLUMN mhub.path_summary.fresh_as_of IS 'How up to date this is.';

CREATE VIEW mhub.time_to_convert AS
SELECT g.key AS goal, coalesce(c.path[1], '(unattributed)') AS first_channel, count(*) AS conversions,
       avg(cardinality(c.path)) AS mean_touches, avg(c.occurred_at - c.first_touch_at) AS mean,
       percentile_cont(0.5) WITHIN GROUP (ORDER BY c.occurred_at - c.first_touch_at) AS median,
       percentile_cont(0.9) WITHIN GROUP (ORDER BY c.occurred_at - c.first_touch_at) AS percentile_90, max(c.occurred_at - c.first_touch_at) AS longest, (SELECT f.fresh_as_of FROM mhub.fresh_as_of AS f) AS fresh_as_of
FROM mhub.conversion AS c JOIN mhub.goal AS g USING (goal_id)
WHERE c.kind = 'conversion'
GROUP BY g.key, c.path[1];
COMMENT ON VIEW mhub.time_to_convert IS 'How long it takes from the first touch to the conversion.';
COMMENT ON COLUMN mhub.time_to_convert.goal IS 'Key of the goal.';
COMMENT ON COLUMN mhub.time_to_convert.first_channel IS 'Channel group of the first touch, or (unattributed).';
COMMENT ON COLUMN mhub.time_to_convert.conversions IS 'Number of conversions.';
COMMENT ON COLUMN mhub.time_to_convert.mean_touches IS 'Mean number of touches.';
COMMENT ON COLUMN mhub.time_to_convert.mean IS 'Mean time from first touch to conversion; NULL without touches.';
COMMENT ON COLUMN mhub.time_to_convert.median IS 'Half of them took at most this long.';
COMMENT ON COLUMN mhub.time_to_convert.percentile_90 IS 'Nine in ten took at most this long.';
COMMENT ON COLUMN mhub.time_to_convert.longest IS 'The longest time.';
COMMENT ON COLUMN mhub.time_to_convert.fresh_as_of IS 'How up to date this is.';

CREATE VIEW mhub.model_comparison AS
SELECT r.channel, r.currency, r.model, r.cost, r.conversions, r.revenue,
       r.conversions / nullif(sum(r.conversions) OVER model, 0) AS conversion_share, round(r.revenue / nullif(sum(r.revenue) OVER model, 0), 6) AS revenue_share,
       r.revenue - first_value(r.revenue) OVER (PARTITION BY r.channel, r.currency ORDER BY r.model <> 'last_touch', r.model) AS revenue_over_last_touch,
       r.roas, r.fresh_as_of
FROM mhub.roi_by_channel AS r
WINDOW model AS (PARTITION BY r.model, r.currency);
COMMENT ON VIEW mhub.model_comparison IS 'What the attribution models say of each channel, side by side.';
COMMENT ON COLUMN mhub.model_comparison.channel IS 'Channel group; (unattributed) for conversions without a touch, (unknown) for spend without a channel.';
COMMENT ON COLUMN mhub.model_comparison.currency IS 'ISO 4217 code of the amounts: the reports'' currency, or another for which there is no exchange rate.';
COMMENT ON COLUMN mhub.model_comparison.model IS 'Attribution model.';
COMMENT ON COLUMN mhub.model_comparison.cost IS 'Money spent; the same under every model.';
COMMENT ON COLUMN mhub.model_comparison.conversions IS 'Conversions, in shares.';
COMMENT ON COLUMN mhub.model_comparison.revenue IS 'Value of the conversions less refunds.';
COMMENT ON COLUMN mhub.model_comparison.conversion_share IS 'Part of all conversions under the model, 0 to 1.';
COMMENT ON COLUMN mhub.model_comparison.revenue_share IS 'Part of all revenue under the model, 0 to 1.';
COMMENT ON COLUMN mhub.model_comparison.revenue_over_last_touch IS 'How much more revenue this model gives the channel than last_touch does (than the first model by name where last_touch is not in use).';
COMMENT ON COLUMN mhub.model_comparison.roas IS 'Return on ad spend: revenue / cost; NULL without cost.';
COMMENT ON COLUMN mhub.model_comparison.fresh_as_of IS 'How up to date this is.';

CREATE VIEW mhub.customer_value AS
WITH entry AS (
    SELECT coalesce(i.person_id, -c.identifier_id) AS person_key, c.conversion_id, c.kind, c.occurred_at, c.path,
           c.value * coalesce(mhub.exchange_rate_on(c.currency, s.currency, mhub.hub_day(c.occurred_at)), 1) AS value,
           CASE WHEN mhub.exchange_rate_on(c.currency, s.currency, mhub.hub_day(c.occurred_at)) IS NULL THEN c.currency ELSE s.currency END AS currency
    FROM mhub.conversion AS c JOIN mhub.goal AS g USING (goal_id) CROSS JOIN mhub.attribution_setting AS s LEFT JOIN mhub.identifier AS i USING (identifier_id)
    WHERE c.kind IN ('conversion', 'refund') AND g.milestone IS NULL
), customer AS (
    SELECT DISTINCT ON (e.person_key) e.person_key, e.currency, date_trunc('month', mhub.hub_day(e.occurred_at))::date AS month, coalesce(e.path[1], '(unattributed)') AS channel
    FROM entry AS e WHERE e.kind = 'conversion' AND e.value > 0 ORDER BY e.person_key, e.occurred_at, e.conversion_id
), monthly AS (
    SELECT c.month, c.channel, c.currency, (extract(year FROM age) * 12 + extract(month FROM age))::integer AS age, sum(e.value) AS revenue
    FROM customer AS c JOIN entry AS e USING (person_key, currency) CROSS JOIN LATERAL age(date_trunc('month', mhub.hub_day(e.occurred_at)), c.month) AS age
    GROUP BY c.month, c.channel, c.currency, 4
), cohort AS (
    SELECT coalesce(a.month, d.month) AS month, coalesce(a.channel, d.channel) AS channel, coalesce(a.currency, d.currency) AS currency,
           coalesce(a.customers, 0) AS customers, coalesce(d.cost, 0) AS cost
    FROM (SELECT c.month, c.channel, c.currency, count(*) AS customers FROM customer AS c GROUP BY c.month, c.channel, c.currency) AS a
    FULL JOIN (SELECT d.month, d.channel, d.currency, sum(d.cost) AS cost FROM mhub.roi_daily AS d
               WHERE d.model = (SELECT min(m.model) FROM mhub.attribution_models() AS m (model)) GROUP BY d.month, d.channel, d.currency HAVING sum(d.cost) > 0) AS d USING (month, channel, currency)
)
SELECT c.month, date_trunc('quarter', c.month)::date AS quarter, c.channel, c.currency, c.customers, c.cost, coalesce(m.revenue, 0) AS revenue,
       round(c.cost / nullif(c.customers, 0), 2) AS cac, round(m.revenue / nullif(c.customers, 0), 2) AS ltv, round(m.revenue / nullif(c.cost, 0), 4) AS ltv_to_cac,
       m.payback_months, (SELECT f.fresh_as_of FROM mhub.fresh_as_of AS f) AS fresh_as_of
FROM cohort AS c
LEFT JOIN LATERAL (
    SELECT sum(a.revenue) AS revenue, min(a.age) FILTER (WHERE a.so_far >= c.cost) AS payback_months
    FROM (SELECT m.age, m.revenue, sum(m.revenue) OVER (ORDER BY m.age) AS so_far FROM monthly AS m WHERE (m.month, m.channel, m.currency) = (c.month, c.channel, c.currency)) AS a) AS m ON true;
COMMENT ON VIEW mhub.customer_value IS 'What customers cost and bring, by the month and channel that won them: the month of their first conversion of value, and the channel of the first touch of its path. Conversions of milestone goals do not count.';
COMMENT ON COLUMN mhub.customer_value.month IS 'First day of the month of acquisition, in the hub''s time zone.';
COMMENT ON COLUMN mhub.customer_value.quarter IS 'First day of its quarter.';
COMMENT ON COLUMN mhub.customer_value.channel IS 'Channel group of acquisition; (unattributed) without a touch.';
COMMENT ON COLUMN mhub.customer_value.currency IS 'ISO 4217 code of the amounts: the reports'' currency, or another for which there is no exchange rate.';
COMMENT ON COLUMN mhub.customer_value.customers IS 'Persons won.';
COMMENT ON COLUMN mhub.customer_value.cost IS 'All spend of that channel in that month.';
COMMENT ON COLUMN mhub.customer_value.revenue IS 'What these customers have brought up to now, less refunds.';
COMMENT ON COLUMN mhub.customer_value.cac IS 'Customer acquisition cost: cost / customers; NULL without customers.';
COMMENT ON COLUMN mhub.customer_value.ltv IS 'Lifetime value up to now: revenue / customers.';
COMMENT ON COLUMN mhub.customer_value.ltv_to_cac IS 'revenue / cost; NULL without cost.';
COMMENT ON COLUMN mhub.customer_value.payback_months IS 'Months from the acquisition until revenue covered the cost: 0 in the same month; NULL: not yet.';
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
SELECT t.channel AS channel_key, t.channel, true AS attributed FROM mhub.touch AS t
UNION SELECT c.channel, c.channel, true FROM mhub.cost_assigned AS c
UNION SELECT '(unattributed)', '(unattributed)', false;
COMMENT ON VIEW mhub.dim_channel IS 'Star schema: channel groups of touches and spend, and (unattributed).';
COMMENT ON COLUMN mhub.dim_channel.channel_key IS 'Key.';
COMMENT ON COLUMN mhub.dim_channel.channel IS 'Name of the channel group.';
COMMENT ON COLUMN mhub.dim_channel.attributed IS 'False for (unattributed) only.';

CREATE VIEW mhub.dim_campaign AS
SELECT n.campaign_key, n.campaign, n.channel, n.campaign_id FROM mhub.campaign_seen AS n
UNION ALL
SELECT lower(c.campaign), min(c.campaign), min(c.channel), NULL FROM mhub.cost_assigned AS c
WHERE c.campaign <> '(none)' AND NOT EXISTS (SELECT FROM mhub.campaign_seen AS n WHERE n.campaign_key = lower(c.campaign)) GROUP BY lower(c.campaign)
UNION ALL SELECT '(none)', '(none)', NULL, NULL
UNION ALL SELECT '(unattributed)', '(unattributed)', NULL, NULL;
COMMENT ON VIEW mhub.dim_campaign IS 'Star schema: campaigns of touches and spend, (none) and (unattributed).';
COMMENT ON COLUMN mhub.dim_campaign.campaign_key IS 'Key: the campaign''s name in lower case.';
COMMENT ON COLUMN mhub.dim_campaign.campaign IS 'Name as most touches spell it.';
COMMENT ON COLUMN mhub.dim_campaign.channel IS 'Channel group of most of its touches, or of its spend.';
COMMENT ON COLUMN mhub.dim_campaign.campaign_id IS 'A campaign id seen with it; NULL when there is none.';

CREATE VIEW mhub.fact_touch AS
SELECT t.touch_id, mhub.hub_day(t.occurred_at) AS day, t.occurred_at, coalesce(i.person_id, -t.identifier_id) AS person_key, t.kind, t.channel AS channel_key,
       coalesce(lower(t.campaign), '(none)') AS campaign_key, t.source, t.medium, t.content, t.term, t.landing_page
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
       (c.kind = 'conversion')::integer AS conversions, c.value, c.currency, c.order_id, c.form, c.path, c.first_touch_at
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

CREATE VIEW mhub.fact_credit AS
SELECT k.conversion_id, k.model, k.touch_id, mhub.hub_day(c.occurred_at) AS day, CASE WHEN k.touch_id = 0 THEN '(unattributed)' ELSE t.channel END AS channel_key,
       CASE WHEN k.touch_id = 0 THEN '(unattributed)' ELSE coalesce(lower(t.campaign), '(none)') END AS campaign_key, k.share AS conversions, k.value, c.currency
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

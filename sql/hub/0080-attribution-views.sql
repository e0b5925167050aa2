-- What reports and BI tools read: measures by day that can be summed, and ratios of each row's sums, NULL where there is
-- nothing to divide by.  Spend stands once, in rows of its own (goal (spend)), so that no choice of rows multiplies it.

CREATE VIEW mhub.campaign_seen AS
SELECT lower(coalesce(t.campaign, t.campaign_id)) AS campaign_key, min(t.campaign_id) AS campaign_id,
       mode() WITHIN GROUP (ORDER BY coalesce(t.campaign, t.campaign_id)) AS campaign, mode() WITHIN GROUP (ORDER BY t.channel) AS channel, count(*) AS touches
FROM mhub.touch AS t WHERE coalesce(t.campaign, t.campaign_id) IS NOT NULL
GROUP BY lower(coalesce(t.campaign, t.campaign_id));
COMMENT ON VIEW mhub.campaign_seen IS 'The campaigns that touches name.';
COMMENT ON COLUMN mhub.campaign_seen.campaign_key IS 'utm_campaign in lower case; the campaign id of touches that have no utm_campaign.';
COMMENT ON COLUMN mhub.campaign_seen.campaign_id IS 'A campaign id seen with it.';
COMMENT ON COLUMN mhub.campaign_seen.campaign IS 'Its most frequent spelling.';
COMMENT ON COLUMN mhub.campaign_seen.channel IS 'The channel group of most of its touches.';
COMMENT ON COLUMN mhub.campaign_seen.touches IS 'Number of touches.';

CREATE VIEW mhub.cost_assigned AS
WITH by_name AS MATERIALIZED (
    SELECT * FROM mhub.campaign_seen
), by_id AS MATERIALIZED (
    SELECT t.campaign_id, mode() WITHIN GROUP (ORDER BY coalesce(t.campaign, t.campaign_id)) AS campaign, mode() WITHIN GROUP (ORDER BY t.channel) AS channel
    FROM mhub.touch AS t WHERE t.campaign_id IS NOT NULL GROUP BY t.campaign_id
)
SELECT c.cost_id, c.day, c.platform, c.ad, c.keyword, c.impressions, c.clicks, c.amount, c.currency,
       coalesce(n.campaign, i.campaign, m.maps_to, nullif(c.campaign, ''), nullif(c.campaign_id, ''), '(none)') AS campaign,
       coalesce(c.channel, m.channel, n.channel, i.channel, p.channel, '(unknown)') AS channel,
       CASE WHEN n.campaign_key IS NULL AND i.campaign IS NULL THEN 'unmatched'
            WHEN n.campaign_key IS NULL THEN 'campaign_id'
            WHEN m.maps_to IS NOT NULL THEN 'mapping' ELSE 'utm_campaign' END AS matched_by
FROM mhub.cost AS c
LEFT JOIN LATERAL (
    SELECT g.maps_to, g.channel FROM mhub.cost_mapping AS g
    WHERE g.platform IN (c.platform, '') AND g.campaign IN (lower(c.campaign), lower(c.campaign_id)) AND g.campaign <> ''
    ORDER BY g.platform DESC, g.campaign = lower(c.campaign) DESC LIMIT 1) AS m ON true
LEFT JOIN by_name AS n ON n.campaign_key = lower(coalesce(m.maps_to, nullif(c.campaign, '')))
LEFT JOIN by_id AS i ON n.campaign_key IS NULL AND i.campaign_id = c.campaign_id
LEFT JOIN mhub.cost_channel AS p ON p.platform = c.platform;
COMMENT ON VIEW mhub.cost_assigned IS 'Every row of mhub.cost, once, with the channel group and campaign its spend counts for: matched by utm_campaign (after mhub.cost_mapping, ignoring case), else by campaign id.';
COMMENT ON COLUMN mhub.cost_assigned.cost_id IS 'The row of mhub.cost.';
COMMENT ON COLUMN mhub.cost_assigned.day IS 'Day of the spend.';
COMMENT ON COLUMN mhub.cost_assigned.platform IS 'Platform.';
COMMENT ON COLUMN mhub.cost_assigned.ad IS 'Ad or creative.';
COMMENT ON COLUMN mhub.cost_assigned.keyword IS 'Keyword.';
COMMENT ON COLUMN mhub.cost_assigned.impressions IS 'Times shown.';
COMMENT ON COLUMN mhub.cost_assigned.clicks IS 'Clicks the platform counted.';
COMMENT ON COLUMN mhub.cost_assigned.amount IS 'Money spent, in currency.';
COMMENT ON COLUMN mhub.cost_assigned.currency IS 'ISO 4217 code.';
COMMENT ON COLUMN mhub.cost_assigned.campaign IS 'Campaign as touches spell it; without a match as mapped or imported, else (none).';
COMMENT ON COLUMN mhub.cost_assigned.channel IS 'Channel group: the import''s, else the mapping''s, else that of the campaign''s touches, else the platform''s (mhub.cost_channel), else (unknown).';
COMMENT ON COLUMN mhub.cost_assigned.matched_by IS 'How the campaign was found among the touches: utm_campaign, mapping, campaign_id, or unmatched.';

CREATE VIEW mhub.cost_unmatched AS
SELECT c.platform, c.campaign, c.channel, c.currency, sum(c.amount) AS amount, sum(c.clicks) AS clicks, min(c.day) AS first_day, max(c.day) AS last_day
FROM mhub.cost_assigned AS c WHERE c.matched_by = 'unmatched'
GROUP BY c.platform, c.campaign, c.channel, c.currency;
COMMENT ON VIEW mhub.cost_unmatched IS 'Spend whose campaign no touch names: a wrong or missing utm_campaign, a name to be added to mhub.cost_mapping, or ads that nobody clicked.';
COMMENT ON COLUMN mhub.cost_unmatched.platform IS 'Platform.';
COMMENT ON COLUMN mhub.cost_unmatched.campaign IS 'Campaign as mapped or imported.';
COMMENT ON COLUMN mhub.cost_unmatched.channel IS 'Channel group its spend is reported under nevertheless.';
COMMENT ON COLUMN mhub.cost_unmatched.currency IS 'ISO 4217 code.';
COMMENT ON COLUMN mhub.cost_unmatched.amount IS 'Money spent.';
COMMENT ON COLUMN mhub.cost_unmatched.clicks IS 'Clicks the platform counted.';
COMMENT ON COLUMN mhub.cost_unmatched.first_day IS 'First day of spend.';
COMMENT ON COLUMN mhub.cost_unmatched.last_day IS 'Last day of spend.';

CREATE VIEW mhub.fresh_as_of AS
SELECT max(c.updated_at) AS fresh_as_of FROM mhub.consumer AS c WHERE c.name = 'attribution';
COMMENT ON VIEW mhub.fresh_as_of IS 'How up to date the reports are.';
COMMENT ON COLUMN mhub.fresh_as_of.fresh_as_of IS 'When mhub.refresh_attribution() last finished a step; NULL before its first.';

CREATE VIEW mhub.report_rate AS
SELECT d.day, d.currency, coalesce(r.rate, 1) AS rate, CASE WHEN r.rate IS NULL THEN d.currency ELSE s.currency END AS to_currency
FROM (SELECT c.day, c.currency FROM mhub.cost AS c UNION SELECT mhub.hub_day(c.occurred_at), c.currency FROM mhub.conversion AS c) AS d
CROSS JOIN (SELECT currency FROM mhub.attribution_setting LIMIT 1) AS s
CROSS JOIN LATERAL (SELECT mhub.exchange_rate_on(d.currency, s.currency, d.day) AS rate OFFSET 0) AS r
OFFSET 0; -- once a day and currency, not once for every row that is joined to it
COMMENT ON VIEW mhub.report_rate IS 'How the reports convert amounts, by day and currency of spend and conversions.';
COMMENT ON COLUMN mhub.report_rate.day IS 'Day in the hub''s time zone.';
COMMENT ON COLUMN mhub.report_rate.currency IS 'ISO 4217 code of the amount.';
COMMENT ON COLUMN mhub.report_rate.rate IS 'Factor; 1 when there is no exchange rate.';
COMMENT ON COLUMN mhub.report_rate.to_currency IS 'The reports'' currency; the amount''s own when there is no exchange rate.';

CREATE VIEW mhub.roi_entry AS
WITH spent AS (
    SELECT c.day, c.channel, c.campaign, c.currency, sum(c.amount) AS cost, sum(c.impressions) AS impressions, sum(c.clicks) AS clicks
    FROM mhub.cost_assigned AS c GROUP BY c.day, c.channel, c.campaign, c.currency
), earned AS (
    SELECT mhub.hub_day(c.occurred_at) AS day,
           CASE WHEN k.touch_id = 0 THEN '(unattributed)' ELSE t.channel END AS channel,
           CASE WHEN k.touch_id = 0 THEN '(unattributed)' ELSE coalesce(n.campaign, '(none)') END AS campaign,
           g.key AS goal, k.model, c.currency, sum(k.share) AS conversions, sum(k.value) AS revenue
    FROM mhub.credit AS k
    JOIN mhub.conversion AS c USING (conversion_id)
    JOIN mhub.goal AS g USING (goal_id)
    LEFT JOIN mhub.touch AS t ON t.touch_id = k.touch_id
    LEFT JOIN mhub.campaign_seen AS n ON n.campaign_key = lower(coalesce(t.campaign, t.campaign_id))
    GROUP BY 1, 2, 3, 4, 5, 6
), entry AS (
    -- Spend once, in rows of its own; then again beside what every goal reached under every model.
    SELECT s.day, s.channel, s.campaign, '(spend)' AS goal, '(spend)' AS model, s.currency, s.cost, 0::numeric AS goal_cost, s.impressions, s.clicks,
           0::double precision AS conversions, 0::numeric AS revenue
    FROM spent AS s
    UNION ALL
    SELECT s.day, s.channel, s.campaign, g.key, m.model, s.currency, 0, s.cost, 0, 0, 0, 0
    FROM spent AS s CROSS JOIN unnest(ARRAY(SELECT key FROM mhub.goal)) AS g (key) CROSS JOIN mhub.attribution_models() AS m (model)
    UNION ALL
    SELECT e.day, e.channel, e.campaign, e.goal, e.model, e.currency, 0, 0, 0, 0, e.conversions, e.revenue FROM earned AS e
)
SELECT e.day, e.channel, e.campaign, e.goal, e.model, r.to_currency AS currency, sum(e.cost * r.rate) AS cost, sum(e.goal_cost * r.rate) AS goal_cost,
       sum(e.impressions)::bigint AS impressions, sum(e.clicks)::bigint AS clicks, sum(e.conversions) AS conversions, sum(e.revenue * r.rate) AS revenue
FROM entry AS e JOIN mhub.report_rate AS r ON r.day = e.day AND r.currency = e.currency
GROUP BY e.day, e.channel, e.campaign, e.goal, e.model, r.to_currency;
COMMENT ON VIEW mhub.roi_entry IS 'What the ROI reports are made of: cost and return by day, channel, campaign, goal and attribution model; all models, of which one must be chosen for conversions, revenue and goal_cost.';
COMMENT ON COLUMN mhub.roi_entry.day IS 'Day in the hub''s time zone: of the spend, of the conversion, of the refund.';
COMMENT ON COLUMN mhub.roi_entry.channel IS 'Channel group; (unattributed) for conversions without a touch, (unknown) for spend without a channel.';
COMMENT ON COLUMN mhub.roi_entry.campaign IS 'Campaign; (none) where the touch or the spend names none.';
COMMENT ON COLUMN mhub.roi_entry.goal IS 'Key of the goal; (spend) in the rows that hold cost, impressions and clicks.';
COMMENT ON COLUMN mhub.roi_entry.model IS 'Attribution model; (spend) in the rows that hold cost, impressions and clicks.';
COMMENT ON COLUMN mhub.roi_entry.currency IS 'ISO 4217 code of the amounts: the reports'' currency, or another for which there is no exchange rate.';
COMMENT ON COLUMN mhub.roi_entry.cost IS 'Money spent, once: in rows of goal and model (spend).';
COMMENT ON COLUMN mhub.roi_entry.goal_cost IS 'The same money again for every goal and model: choose one of each before summing it.';
COMMENT ON COLUMN mhub.roi_entry.impressions IS 'Times shown, as the platforms counted; in rows of goal (spend).';
COMMENT ON COLUMN mhub.roi_entry.clicks IS 'Clicks, as the platforms counted; in rows of goal (spend).';
COMMENT ON COLUMN mhub.roi_entry.conversions IS 'Conversions, in shares.';
COMMENT ON COLUMN mhub.roi_entry.revenue IS 'Value of the conversions less refunds.';

CREATE VIEW mhub.roi_daily AS
SELECT e.day, date_trunc('week', e.day)::date AS week, date_trunc('month', e.day)::date AS month, date_trunc('quarter', e.day)::date AS quarter, e.goal,
       (SELECT mhub.report_model()) AS model, e.currency, sum(e.cost) AS cost, sum(e.goal_cost) AS goal_cost, sum(e.impressions)::bigint AS impressions,
       sum(e.clicks)::bigint AS clicks, sum(e.conversions) AS conversions, sum(e.revenue) AS revenue,
       round(sum(e.goal_cost) / nullif(sum(e.conversions), 0)::numeric, 2) AS cost_per_conversion,
       round(sum(e.revenue) / nullif(sum(e.goal_cost), 0), 4) AS roas,
       round((sum(e.revenue) - sum(e.goal_cost)) / nullif(sum(e.goal_cost), 0), 4) AS roi,
       (SELECT f.fresh_as_of FROM mhub.fresh_as_of AS f) AS fresh_as_of
FROM mhub.roi_entry AS e
WHERE e.model IN ((SELECT mhub.report_model()), '(spend)')
GROUP BY e.day, e.goal, e.currency;
COMMENT ON VIEW mhub.roi_daily IS 'Cost and return by day and goal. Every measure but goal_cost sums over all rows; ratios are those of the row. mhub.roi() sums and divides.';
COMMENT ON COLUMN mhub.roi_daily.day IS 'Day in the hub''s time zone: of the spend, of the conversion, of the refund.';
COMMENT ON COLUMN mhub.roi_daily.week IS 'Monday of the day''s week.';
COMMENT ON COLUMN mhub.roi_daily.month IS 'First day of the month.';
COMMENT ON COLUMN mhub.roi_daily.quarter IS 'First day of the quarter.';
COMMENT ON COLUMN mhub.roi_daily.goal IS 'Key of the goal; (spend) in the rows that hold cost, impressions and clicks.';
COMMENT ON COLUMN mhub.roi_daily.model IS 'Attribution model: that of mhub.report_model().';
COMMENT ON COLUMN mhub.roi_daily.currency IS 'ISO 4217 code of the amounts: the reports'' currency, or another for which there is no exchange rate.';
COMMENT ON COLUMN mhub.roi_daily.cost IS 'Money spent, once: in rows of goal (spend). Sums to the spend loaded, whatever is summed over.';
COMMENT ON COLUMN mhub.roi_daily.goal_cost IS 'The same money again for every goal, so that it can be divided by what that goal reached: choose one goal before summing it.';
COMMENT ON COLUMN mhub.roi_daily.impressions IS 'Times shown, as the platforms counted; in rows of goal (spend).';
COMMENT ON COLUMN mhub.roi_daily.clicks IS 'Clicks, as the platforms counted; in rows of goal (spend).';
COMMENT ON COLUMN mhub.roi_daily.conversions IS 'Conversions, in shares.';
COMMENT ON COLUMN mhub.roi_daily.revenue IS 'Value of the conversions less refunds.';
COMMENT ON COLUMN mhub.roi_daily.cost_per_conversion IS 'goal_cost / conversions of this row; NULL without conversions. Of several rows: sum(goal_cost) / sum(conversions) of one goal.';
COMMENT ON COLUMN mhub.roi_daily.roas IS 'Return on ad spend: revenue / goal_cost of this row; NULL without cost. Of several rows: sum(revenue) / sum(goal_cost) of one goal, sum(revenue) / sum(cost) of all.';
COMMENT ON COLUMN mhub.roi_daily.roi IS 'Return on investment: (revenue - goal_cost) / goal_cost of this row; NULL without cost.';
COMMENT ON COLUMN mhub.roi_daily.fresh_as_of IS 'How up to date this is.';

CREATE VIEW mhub.roi_by_channel AS
SELECT e.day, date_trunc('week', e.day)::date AS week, date_trunc('month', e.day)::date AS month, date_trunc('quarter', e.day)::date AS quarter, e.channel, e.goal,
       (SELECT mhub.report_model()) AS model, e.currency, sum(e.cost) AS cost, sum(e.goal_cost) AS goal_cost, sum(e.impressions)::bigint AS impressions,
       sum(e.clicks)::bigint AS clicks, sum(e.conversions) AS conversions, sum(e.revenue) AS revenue,
       round(sum(e.goal_cost) / nullif(sum(e.conversions), 0)::numeric, 2) AS cost_per_conversion,
       round(sum(e.revenue) / nullif(sum(e.goal_cost), 0), 4) AS roas,
       round((sum(e.revenue) - sum(e.goal_cost)) / nullif(sum(e.goal_cost), 0), 4) AS roi,
       (SELECT f.fresh_as_of FROM mhub.fresh_as_of AS f) AS fresh_as_of
FROM mhub.roi_entry AS e
WHERE e.model IN ((SELECT mhub.report_model()), '(spend)')
GROUP BY e.day, e.channel, e.goal, e.currency;
COMMENT ON VIEW mhub.roi_by_channel IS 'Cost and return by day, channel and goal. Every measure but goal_cost sums over all rows; ratios are those of the row. mhub.roi() sums and divides.';
COMMENT ON COLUMN mhub.roi_by_channel.day IS 'Day in the hub''s time zone: of the spend, of the conversion, of the refund.';
COMMENT ON COLUMN mhub.roi_by_channel.week IS 'Monday of the day''s week.';
COMMENT ON COLUMN mhub.roi_by_channel.month IS 'First day of the month.';
COMMENT ON COLUMN mhub.roi_by_channel.quarter IS 'First day of the quarter.';
COMMENT ON COLUMN mhub.roi_by_channel.channel IS 'Channel group; (unattributed) for conversions without a touch, (unknown) for spend without a channel.';
COMMENT ON COLUMN mhub.roi_by_channel.goal IS 'Key of the goal; (spend) in the rows that hold cost, impressions and clicks.';
COMMENT ON COLUMN mhub.roi_by_channel.model IS 'Attribution model: that of mhub.report_model().';
COMMENT ON COLUMN mhub.roi_by_channel.currency IS 'ISO 4217 code of the amounts: the reports'' currency, or another for which there is no exchange rate.';
COMMENT ON COLUMN mhub.roi_by_channel.cost IS 'Money spent, once: in rows of goal (spend). Sums to the spend loaded, whatever is summed over.';
COMMENT ON COLUMN mhub.roi_by_channel.goal_cost IS 'The same money again for every goal, so that it can be divided by what that goal reached: choose one goal before summing it.';
COMMENT ON COLUMN mhub.roi_by_channel.impressions IS 'Times shown, as the platforms counted; in rows of goal (spend).';
COMMENT ON COLUMN mhub.roi_by_channel.clicks IS 'Clicks, as the platforms counted; in rows of goal (spend).';
COMMENT ON COLUMN mhub.roi_by_channel.conversions IS 'Conversions, in shares.';
COMMENT ON COLUMN mhub.roi_by_channel.revenue IS 'Value of the conversions less refunds.';
COMMENT ON COLUMN mhub.roi_by_channel.cost_per_conversion IS 'goal_cost / conversions of this row; NULL without conversions. Of several rows: sum(goal_cost) / sum(conversions) of one goal.';
COMMENT ON COLUMN mhub.roi_by_channel.roas IS 'Return on ad spend: revenue / goal_cost of this row; NULL without cost. Of several rows: sum(revenue) / sum(goal_cost) of one goal, sum(revenue) / sum(cost) of all.';
COMMENT ON COLUMN mhub.roi_by_channel.roi IS 'Return on investment: (revenue - goal_cost) / goal_cost of this row; NULL without cost.';
COMMENT ON COLUMN mhub.roi_by_channel.fresh_as_of IS 'How up to date this is.';

CREATE VIEW mhub.roi_by_campaign AS
SELECT e.day, date_trunc('week', e.day)::date AS week, date_trunc('month', e.day)::date AS month, date_trunc('quarter', e.day)::date AS quarter, e.channel, e.campaign, e.goal,
       (SELECT mhub.report_model()) AS model, e.currency, sum(e.cost) AS cost, sum(e.goal_cost) AS goal_cost, sum(e.impressions)::bigint AS impressions,
       sum(e.clicks)::bigint AS clicks, sum(e.conversions) AS conversions, sum(e.revenue) AS revenue,
       round(sum(e.goal_cost) / nullif(sum(e.conversions), 0)::numeric, 2) AS cost_per_conversion,
       round(sum(e.revenue) / nullif(sum(e.goal_cost), 0), 4) AS roas,
       round((sum(e.revenue) - sum(e.goal_cost)) / nullif(sum(e.goal_cost), 0), 4) AS roi,
       (SELECT f.fresh_as_of FROM mhub.fresh_as_of AS f) AS fresh_as_of
FROM mhub.roi_entry AS e
WHERE e.model IN ((SELECT mhub.report_model()), '(spend)')
GROUP BY e.day, e.channel, e.campaign, e.goal, e.currency;
COMMENT ON VIEW mhub.roi_by_campaign IS 'Cost and return by day, channel, campaign and goal. Every measure but goal_cost sums over all rows; ratios are those of the row. mhub.roi() sums and divides.';
COMMENT ON COLUMN mhub.roi_by_campaign.day IS 'Day in the hub''s time zone: of the spend, of the conversion, of the refund.';
COMMENT ON COLUMN mhub.roi_by_campaign.week IS 'Monday of the day''s week.';
COMMENT ON COLUMN mhub.roi_by_campaign.month IS 'First day of the month.';
COMMENT ON COLUMN mhub.roi_by_campaign.quarter IS 'First day of the quarter.';
COMMENT ON COLUMN mhub.roi_by_campaign.channel IS 'Channel group; (unattributed) for conversions without a touch, (unknown) for spend without a channel.';
COMMENT ON COLUMN mhub.roi_by_campaign.campaign IS 'Campaign; (none) where the touch or the spend names none.';
COMMENT ON COLUMN mhub.roi_by_campaign.goal IS 'Key of the goal; (spend) in the rows that hold cost, impressions and clicks.';
COMMENT ON COLUMN mhub.roi_by_campaign.model IS 'Attribution model: that of mhub.report_model().';
COMMENT ON COLUMN mhub.roi_by_campaign.currency IS 'ISO 4217 code of the amounts: the reports'' currency, or another for which there is no exchange rate.';
COMMENT ON COLUMN mhub.roi_by_campaign.cost IS 'Money spent, once: in rows of goal (spend). Sums to the spend loaded, whatever is summed over.';
COMMENT ON COLUMN mhub.roi_by_campaign.goal_cost IS 'The same money again for every goal, so that it can be divided by what that goal reached: choose one goal before summing it.';
COMMENT ON COLUMN mhub.roi_by_campaign.impressions IS 'Times shown, as the platforms counted; in rows of goal (spend).';
COMMENT ON COLUMN mhub.roi_by_campaign.clicks IS 'Clicks, as the platforms counted; in rows of goal (spend).';
COMMENT ON COLUMN mhub.roi_by_campaign.conversions IS 'Conversions, in shares.';
COMMENT ON COLUMN mhub.roi_by_campaign.revenue IS 'Value of the conversions less refunds.';
COMMENT ON COLUMN mhub.roi_by_campaign.cost_per_conversion IS 'goal_cost / conversions of this row; NULL without conversions. Of several rows: sum(goal_cost) / sum(conversions) of one goal.';
COMMENT ON COLUMN mhub.roi_by_campaign.roas IS 'Return on ad spend: revenue / goal_cost of this row; NULL without cost. Of several rows: sum(revenue) / sum(goal_cost) of one goal, sum(revenue) / sum(cost) of all.';
COMMENT ON COLUMN mhub.roi_by_campaign.roi IS 'Return on investment: (revenue - goal_cost) / goal_cost of this row; NULL without cost.';
COMMENT ON COLUMN mhub.roi_by_campaign.fresh_as_of IS 'How up to date this is.';

-- What the hub knows after a demo: people, sources, and what earned what.
\set ON_ERROR_STOP on
\set QUIET on
\pset footer off
\pset null '-'

CALL mhub.refresh_attribution();

\echo
\echo 'Events, and those that do not count (flagged, never dropped):'
SELECT coalesce(invalid_reason, 'valid') AS events, count(*), count(DISTINCT identifier_id) AS identifiers
FROM mhub.event GROUP BY invalid_reason ORDER BY count(*) DESC;

\echo 'Identifiers, and the people behind them:'
SELECT count(*) AS identifiers, count(DISTINCT person_id) AS people,
       count(*) - count(DISTINCT person_id) AS recognised_as_the_same
FROM mhub.identifier AS i
WHERE EXISTS (SELECT FROM mhub.event AS e WHERE e.identifier_id = i.identifier_id AND e.invalid_reason IS NULL);

\echo 'Where visits come from:'
SELECT channel, source, medium, campaign, count(*) AS visits, count(DISTINCT identifier_id) AS visitors
FROM mhub.touch GROUP BY channel, source, medium, campaign ORDER BY visits DESC, channel, source LIMIT 12;

\echo 'ROI by channel, first touch and last touch (mhub.roi; for BI tools mhub.roi_by_channel):'
SELECT m.model, r.place AS channel, round(r.cost, 2) AS cost, round(r.conversions::numeric, 1) AS conversions, round(r.revenue, 2) AS revenue,
       round(r.cost_per_conversion, 2) AS cost_per_conversion, round(r.roas, 2) AS roas,
       to_char(100 * r.roi, 'FM999990') || ' %' AS roi, r.currency
FROM (VALUES ('first_touch'), ('last_touch')) AS m (model) CROSS JOIN LATERAL mhub.roi('channel', model => m.model) AS r
ORDER BY m.model, r.revenue DESC, r.conversions DESC, channel;

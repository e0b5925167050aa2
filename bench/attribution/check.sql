-- The same answers as the baselines' expected ones, or an error. Variables: totals, levels and markov, the expected files made CSV.
\set ON_ERROR_STOP on
CREATE TEMP TABLE totals (label text, first_c float8, first_v float8, last_c float8, last_v float8, lin_c float8, lin_v float8, pos_c float8, pos_v float8, td_c float8, td_v float8);
CREATE TEMP TABLE levels (level integer, people bigint);
CREATE TEMP TABLE markov (label text, effect float8, value_effect float8, conversions float8, value float8);
\copy totals FROM PSTDIN WITH (FORMAT csv)
\copy levels FROM PSTDIN WITH (FORMAT csv)
\copy markov FROM PSTDIN WITH (FORMAT csv, HEADER)

-- Shares agree to 1e-9. Money in whole cents may differ from doubles by what rounding does, which largest remainders keep
-- within a cent a conversion and model, and which evens out: one unit in 100,000.
CREATE TEMP VIEW expected AS
SELECT t.label, m.* FROM totals AS t CROSS JOIN LATERAL (VALUES ('first_touch', t.first_c, t.first_v), ('last_touch', t.last_c, t.last_v), ('linear', t.lin_c, t.lin_v),
    ('position_based', t.pos_c, t.pos_v), ('time_decay', t.td_c, t.td_v)) AS m (model, conversions, value);
CREATE TEMP TABLE difference AS
SELECT 'attribution_totals' AS what, e.model || ' ' || e.label AS which FROM expected AS e
LEFT JOIN LATERAL unnest((SELECT mhub.attribution_totals((SELECT mhub.conversion_set(person_id, ts, conv_id, revenue) FROM conversions), person_id, ts, channel, touch_id,
    '{"models": ["first_touch", "last_touch", "linear", "position_based", "time_decay"], "lookback": "30 days"}') FROM touches)) AS t ON t.model = e.model AND t.label = e.label
WHERE (abs(t.conversions - e.conversions) <= 1e-9 * e.conversions AND abs(t.value::float8 - e.value) <= CASE WHEN e.model LIKE '%touch' THEN 0.005 ELSE 1e-5 * e.value END) IS NOT TRUE
UNION ALL
SELECT 'window_funnel', 'level ' || e.level FROM levels AS e
LEFT JOIN (SELECT level, count(*) AS people FROM (SELECT mhub.window_funnel(ts, ev::integer, interval '7 days') AS level FROM events WHERE ev BETWEEN 1 AND 4 GROUP BY user_id) AS f GROUP BY level) AS f USING (level)
WHERE e.level > 0 AND f.people IS DISTINCT FROM e.people
UNION ALL
SELECT 'funnel_reached', 'step ' || r.step
FROM unnest((SELECT mhub.funnel_reached(user_id, ts, ev::integer, interval '7 days') FROM events WHERE ev BETWEEN 1 AND 4)) WITH ORDINALITY AS r (people, step)
WHERE r.people IS DISTINCT FROM (SELECT sum(e.people) FROM levels AS e WHERE e.level >= r.step)
UNION ALL
SELECT 'markov_attribution', e.label FROM markov AS e
LEFT JOIN LATERAL unnest((SELECT mhub.markov_attribution(path, n, value, others) FROM path)) AS m ON m.label = e.label
WHERE (abs(m.effect - e.effect) <= 1e-9 AND abs(m.conversions - e.conversions) <= 1e-9 * e.conversions AND abs(m.value - e.value) <= 1e-9 * e.value) IS NOT TRUE;

SELECT (SELECT count(*) FROM expected) + (SELECT count(*) FROM levels) - 1 + (SELECT count(*) FROM markov) AS compared, count(*) AS differing FROM difference;
SELECT * FROM difference LIMIT 10;
DO $$
BEGIN
    IF (SELECT count(*) FROM expected) <> 60 OR (SELECT count(*) FROM levels) <> 5 OR (SELECT count(*) FROM markov) <> 12 OR EXISTS (SELECT FROM difference) THEN
        RAISE EXCEPTION 'the answers are not the expected ones';
    END IF;
END $$;

-- The queries of the race, by name, and the paths for the Markov chain.
CREATE TABLE query (name text PRIMARY KEY, text text);
INSERT INTO query VALUES
('totals', $$SELECT t.* FROM unnest((SELECT mhub.attribution_totals((SELECT mhub.conversion_set(person_id, ts, conv_id, revenue) FROM conversions),
    person_id, ts, channel, touch_id, '{"models": ["first_touch", "last_touch", "linear", "position_based", "time_decay"], "lookback": "30 days"}') FROM touches)) AS t;$$),
('persons', $$SELECT c.model, c.label, sum(c.share), sum(c.value) FROM (
    SELECT u.* FROM (SELECT mhub.attribution(kind, ts, channel, id, revenue, '{"models": ["first_touch", "last_touch", "linear", "position_based", "time_decay"], "lookback": "30 days"}') AS a
    FROM (SELECT person_id, 'touch' AS kind, ts, channel, touch_id AS id, NULL::numeric AS revenue FROM touches
              WHERE mhub.converts_after((SELECT mhub.conversion_set(person_id, ts, conv_id, revenue) FROM conversions), person_id, ts, interval '30 days')
          UNION ALL SELECT person_id, 'conversion', ts, NULL, conv_id, revenue FROM conversions) AS e GROUP BY person_id) AS s CROSS JOIN LATERAL unnest(s.a) AS u) AS c GROUP BY c.model, c.label;$$),
('funnel_steps', $$SELECT level, count(*) FROM (SELECT mhub.window_funnel(ts, ev::integer, interval '7 days') AS level FROM events WHERE ev BETWEEN 1 AND 4 GROUP BY user_id) AS f GROUP BY level ORDER BY level;$$),
('funnel_array', $$SELECT level, count(*) FROM (SELECT mhub.window_funnel(ts, ARRAY[ev = 1, ev = 2, ev = 3, ev = 4], interval '7 days') AS level FROM events WHERE ev BETWEEN 1 AND 4 GROUP BY user_id) AS f GROUP BY level ORDER BY level;$$),
('funnel_reached', $$SELECT mhub.funnel_reached(user_id, ts, ev::integer, interval '7 days') FROM events WHERE ev BETWEEN 1 AND 4;$$),
('markov', $$SELECT (unnest(mhub.markov_attribution(path, n, value, others))).* FROM path;$$),
('state_memory', $$SELECT kept AS touches_kept, round(kept * 24 / 1e6, 1) AS touches_mb, round(conversions * 40 / 1e6, 1) AS conversions_mb, 24 AS mb_per_million_kept_touches
FROM (SELECT count(*) AS kept FROM touches AS t WHERE EXISTS (SELECT FROM conversions AS c WHERE c.person_id = t.person_id AND t.ts BETWEEN c.ts - interval '30 days' AND c.ts)) AS k,
     (SELECT count(*) AS conversions FROM conversions) AS c;$$);
-- Paths of the 30 days before each conversion; of people who never convert, those of the 30 days up to their last touch.
CREATE TABLE path AS
SELECT path, sum(conversions) AS n, sum(revenue)::float8 AS value, sum(others) AS others
FROM (SELECT mhub.path(t.channel, t.ts, t.touch_id) AS path, 1::float8 AS conversions, c.revenue, 0::float8 AS others
      FROM conversions AS c JOIN touches AS t ON t.person_id = c.person_id AND t.ts BETWEEN c.ts - interval '30 days' AND c.ts GROUP BY c.conv_id, c.revenue
      UNION ALL
      SELECT mhub.path(t.channel, t.ts, t.touch_id), 0, 0, 1
      FROM (SELECT t.*, max(t.ts) OVER (PARTITION BY t.person_id) AS last FROM touches AS t WHERE t.person_id NOT IN (SELECT c.person_id FROM conversions AS c)) AS t
      WHERE t.ts >= t.last - interval '30 days' GROUP BY t.person_id) AS p
GROUP BY path;
VACUUM ANALYZE path;

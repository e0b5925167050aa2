-- The main job on a real access log: psql -v log=/path/to/access.log. A log knows no orders, so pages that sound like
-- one stand for the goals; it knows no spend either: put your own rows into mhub.cost.
\set ON_ERROR_STOP on
\set QUIET on
\pset footer off

\echo
\echo 'Collected:'
SELECT * FROM mhub.load_access_log(:'log');
SELECT reason, detail, count(*), min(left(raw, 60)) AS for_example FROM mhub.rejected GROUP BY reason, detail ORDER BY count(*) DESC LIMIT 5;

-- The first of these that the visitors did at all is the goal; each visitor reaches it once a day.
CREATE TEMP TABLE candidate (place integer, key text, pattern text);
INSERT INTO candidate VALUES
    (1, 'order', '(order|checkout|payment|purchase|thank)'),
    (2, 'cart', '(basket|cart)'),
    (3, 'lead', '(register|signup|sign-up|contact|subscribe|form|login)'),
    (4, 'download', '\.(zip|gz|tgz|deb|rpm|exe|dmg|pdf|apk|jar|iso)$|download'),
    (5, 'second page', '.');
CREATE TEMP TABLE goal_event AS
    SELECT c.key, e.identifier_id, e.occurred_at, e.url,
           row_number() OVER (PARTITION BY c.key, e.identifier_id, e.occurred_at::date ORDER BY e.occurred_at, e.event_id) AS nth,
           c.place
    FROM mhub.event AS e
    JOIN candidate AS c ON e.properties ->> 'path' ~* c.pattern
    WHERE e.invalid_reason IS NULL AND e.name = 'Page Viewed';
DELETE FROM goal_event AS g
WHERE g.nth <> CASE WHEN g.key = 'second page' THEN 2 ELSE 1 END
   OR g.place <> (SELECT min(place) FROM goal_event WHERE nth = CASE WHEN key = 'second page' THEN 2 ELSE 1 END);
INSERT INTO mhub.goal (key, event_name) SELECT DISTINCT key, 'Goal Reached' FROM goal_event;
SELECT count(*) AS goals_recorded FROM (
    SELECT mhub.record_event(identifier_id, 'Goal Reached', jsonb_build_object('goal', key), occurred_at,
                             format('demo-goal-%s-%s', identifier_id, occurred_at::date)) FROM goal_event) AS recorded \g /dev/null

\echo 'Most visited pages among people (robots left out):'
SELECT left(properties ->> 'path', 60) AS page, count(*) AS views, count(DISTINCT identifier_id) AS visitors
FROM mhub.event WHERE invalid_reason IS NULL AND name = 'Page Viewed'
GROUP BY properties ->> 'path' ORDER BY views DESC, page LIMIT 8;
SELECT 'Goal of this demo: ' || coalesce(min(key), 'none was reached') AS "Goal" FROM mhub.goal;

-- The tracking plan against what came.

CREATE FUNCTION mhub.json_is_of_type(value jsonb, type text) RETURNS boolean
LANGUAGE sql IMMUTABLE PARALLEL SAFE STRICT SET search_path = pg_catalog, pg_temp AS $$
    SELECT CASE type
        WHEN 'integer' THEN jsonb_typeof(value) = 'number' AND (CASE WHEN jsonb_typeof(value) = 'number' THEN value::numeric % 1 END) = 0
        WHEN 'timestamp' THEN jsonb_typeof(value) = 'string' AND mhub.client_time(value #>> '{}') IS NOT NULL
        ELSE jsonb_typeof(value) = type END
$$;
COMMENT ON FUNCTION mhub.json_is_of_type(jsonb, text) IS
'Whether a JSON value is of a type of mhub.event_schema_property: string, number, integer, boolean, timestamp, array or object. NULL gives NULL.';

CREATE FUNCTION mhub.own_event(OUT name text, OUT description text)
RETURNS SETOF record LANGUAGE sql IMMUTABLE PARALLEL SAFE SET search_path = pg_catalog, pg_temp AS $$
    VALUES ('Page Viewed', 'mhub.page(), pages of access logs'), ('Screen Viewed', 'mhub.screen()'), ('Heartbeat', 'engaged time, see mhub.session_policy'),
           ('Form Started', 'mhub.form_started()'), ('Form Field Filled', 'mhub.form_field()'), ('Form Submitted', 'mhub.form_submitted()'),
           ('Form Abandoned', 'mhub.form_abandoned()'), ('Element Clicked', 'mhub.click()'), ('Request Received', 'other requests of access logs')
$$;
COMMENT ON FUNCTION mhub.own_event() IS
'The events that the hub gives their names itself, and what records them: known without being planned. Events of type hub (segments entered, links clicked ...) are no part of any plan.';

CREATE FUNCTION mhub.tracking_coverage(since timestamptz, upto timestamptz DEFAULT mhub.now(), OUT finding text, OUT event text, OUT property text, OUT events bigint, OUT last_at timestamptz, OUT example_event_id bigint)
RETURNS SETOF record LANGUAGE sql STABLE PARALLEL SAFE SET search_path = pg_catalog, pg_temp AS $$
    WITH came AS MATERIALIZED (
        SELECT e.event_id, e.occurred_at, e.name, e.properties FROM mhub.tracked_event AS e
        WHERE e.occurred_at >= since AND e.occurred_at < upto
    ), planned AS (
        SELECT c.event_id, c.occurred_at, c.name, p.property, p.required, p.type, p.allowed, c.properties -> p.property AS value
        FROM came AS c JOIN mhub.event_schema_property AS p ON p.name = c.name
    ), present AS (
        SELECT p.* FROM planned AS p WHERE jsonb_typeof(p.value) <> 'null'
    ), findings AS (
        SELECT CASE WHEN s.is_key THEN 1 ELSE 2 END AS place, CASE WHEN s.is_key THEN 'key event missing' ELSE 'event missing' END AS finding,
               s.name, NULL::text AS property, NULL::timestamptz AS occurred_at, NULL::bigint AS event_id
        FROM mhub.event_schema AS s WHERE NOT EXISTS (SELECT FROM came AS c WHERE c.name = s.name)
        UNION ALL
        SELECT 3, 'property missing', p.name, p.property, p.occurred_at, p.event_id FROM planned AS p
        WHERE p.required AND coalesce(jsonb_typeof(p.value), 'null') = 'null'
        UNION ALL
        SELECT 4, 'wrong type', p.name, p.property, p.occurred_at, p.event_id FROM present AS p WHERE NOT mhub.json_is_of_type(p.value, p.type)
        UNION ALL
        SELECT 5, 'value not allowed', p.name, p.property, p.occurred_at, p.event_id FROM present AS p WHERE p.allowed IS NOT NULL AND p.value NOT IN (SELECT a.value FROM jsonb_array_elements(p.allowed) AS a)
        UNION ALL
        SELECT 6, 'unknown event', c.name, NULL, c.occurred_at, c.event_id FROM came AS c
        WHERE NOT EXISTS (SELECT FROM mhub.event_schema AS s WHERE s.name = c.name) AND c.name NOT IN (SELECT o.name FROM mhub.own_event() AS o)
        UNION ALL
        SELECT 7, 'unknown property', c.name, k.key, c.occurred_at, c.event_id FROM came AS c CROSS JOIN LATERAL jsonb_object_keys(c.properties) AS k(key)
        WHERE EXISTS (SELECT FROM mhub.event_schema_property AS p WHERE p.name = c.name)
          AND NOT EXISTS (SELECT FROM mhub.event_schema_property AS p WHERE p.name = c.name AND p.property = k.key)
        UNION ALL
        SELECT 8, 'received', c.name, NULL, c.occurred_at, c.event_id FROM came AS c WHERE EXISTS (SELECT FROM mhub.event_schema AS s WHERE s.name = c.name)
    )
    SELECT f.finding, f.name, f.property, count(f.event_id), max(f.occurred_at), max(f.event_id)
    FROM findings AS f GROUP BY f.place, f.finding, f.name, f.property
    ORDER BY f.place, count(f.event_id) DESC, f.name COLLATE "C", f.property COLLATE "C"
$$;
COMMENT ON FUNCTION mhub.tracking_coverage(timestamptz, timestamptz) IS
'The tracking plan (mhub.event_schema) against the valid events with since <= occurred_at < upto, most pressing first. finding: key event missing, event missing (planned, but none came), property missing (a required one), wrong type, value not allowed, unknown event (neither planned nor one of mhub.own_event()), unknown property (only of events whose properties are planned), and received for every planned event that came. events: how many; last_at: when the last one was; example_event_id: the one that arrived last. No rows about an empty plan and no events.';

-- Playing a workflow through without side effects, and looking at what really happened.

CREATE FUNCTION mhub.simulate_path(definition jsonb, workflow text, person_id bigint, context jsonb, profiles jsonb[], event_times timestamptz[],
    event_names text[], event_properties jsonb[], event_contexts jsonb[], refusals integer[], from_time timestamptz, to_time timestamptz,
    OUT at timestamptz, OUT step integer, OUT outcome integer, OUT wake_at timestamptz, OUT filled jsonb)
RETURNS SETOF record LANGUAGE c VOLATILE PARALLEL SAFE STRICT AS 'MODULE_PATHNAME', 'mhub_simulate_path';
COMMENT ON FUNCTION mhub.simulate_path(jsonb, text, bigint, jsonb, jsonb[], timestamptz[], text[], jsonb[], jsonb[], integer[], timestamptz, timestamptz) IS
'The engine''s state machine played through for one person; mhub.simulate_workflow() in raw form. profiles has one element more than there are events: the profile before each, and after the last. Step -1 is the end, with its outcome; filled is the step with its templates filled in, NULL where it has none. Internal.';

CREATE FUNCTION mhub.profile_with_event(profile jsonb, name text, at timestamptz, properties jsonb) RETURNS jsonb
LANGUAGE sql STABLE PARALLEL SAFE SET search_path = pg_catalog, pg_temp AS $$
    SELECT jsonb_set(profile || CASE WHEN profile ? '$events' THEN '{}'::jsonb ELSE '{"$events": {}}' END, ARRAY['$events', name],
        jsonb_build_object(
            'count', coalesce((e.old ->> 'count')::bigint, 0) + 1,
            'value', coalesce((e.old ->> 'value')::numeric, 0) + coalesce((properties ->> 'revenue')::numeric, (properties ->> 'total')::numeric, (properties ->> 'value')::numeric, 0),
            'first_at', coalesce(e.old -> 'first_at', to_jsonb(at)), 'last_at', at,
            'items', coalesce(e.old -> 'items', '[]') || jsonb_build_array(jsonb_build_object('at', at, 'value', coalesce((properties ->> 'revenue')::numeric, (properties ->> 'total')::numeric, (properties ->> 'value')::numeric, 0), 'properties', properties)),
            'days', coalesce(e.old -> 'days', '{}') || jsonb_build_object(mhub.hub_day(at)::text, coalesce((e.old -> 'days' ->> mhub.hub_day(at)::text)::bigint, 0) + 1)))
    FROM (SELECT profile -> '$events' -> name AS old) AS e
$$;
COMMENT ON FUNCTION mhub.profile_with_event(jsonb, text, timestamptz, jsonb) IS
'A profile as it would be after one more event (its counters under $events). For simulations. NULL profile gives NULL.';

CREATE FUNCTION mhub.step_detail(type text, settings jsonb, outcome integer) RETURNS text
LANGUAGE sql IMMUTABLE PARALLEL SAFE SET search_path = pg_catalog, pg_temp AS $$
    SELECT CASE type
        WHEN 'decision' THEN coalesce(settings #>> ARRAY['branches', outcome::text, 'if'], 'no condition held')
        WHEN 'message' THEN concat_ws(' ', settings ->> 'channel', settings ->> 'template')
        WHEN 'task' THEN concat_ws(': ', settings ->> 'queue', settings ->> 'title')
        WHEN 'webhook' THEN coalesce(settings ->> 'url', settings ->> 'provider')
        WHEN 'wait_for' THEN coalesce(settings ->> 'event', settings ->> 'if')
        WHEN 'update' THEN concat_ws(' ', settings ->> 'set', settings ->> 'context', '+ ' || (settings ->> 'add_to'), '- ' || (settings ->> 'remove_from'))
        WHEN 'enter_workflow' THEN settings ->> 'workflow'
        WHEN 'exit_workflow' THEN settings ->> 'workflow'
    END
$$;
COMMENT ON FUNCTION mhub.step_detail(text, jsonb, integer) IS
'Why a step was left the way it was, or what it did: the condition that held, the message, the task ... NULL where there is nothing to tell.';

CREATE FUNCTION mhub.simulate_person(definition jsonb, profile jsonb, events jsonb, from_time timestamptz, to_time timestamptz, context jsonb, person_id bigint, workflow text,
    OUT at timestamptz, OUT step text, OUT step_type text, OUT outcome text, OUT detail text)
RETURNS SETOF record LANGUAGE plpgsql VOLATILE PARALLEL SAFE SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    event record;
    profiles jsonb[] := ARRAY[profile];
    times timestamptz[] := '{}';
    names text[] := '{}';
    properties jsonb[] := '{}';
    contexts jsonb[] := '{}';
    refusals integer[];
BEGIN
    FOR event IN
        SELECT coalesce((e ->> 'at')::timestamptz, from_time + (e ->> 'after')::interval, from_time) AS at, e ->> 'name' AS name, coalesce(e -> 'properties', '{}') AS properties
        FROM jsonb_array_elements(events) AS e ORDER BY 1
    LOOP
        times := times || event.at;
        names := names || event.name;
        properties := properties || event.properties;
        contexts := contexts || jsonb_build_object('last_event', mhub.event_as_context(NULL, event.name, event.at, event.properties));
        profiles := profiles || mhub.profile_with_event(profiles[cardinality(profiles)], event.name, event.at, event.properties);
    END LOOP;
    SELECT coalesce(array_agg((s.place - 1) * 1000 + 105), '{}') INTO refusals
    FROM jsonb_each(definition -> 'steps') WITH ORDINALITY AS s (key, settings, place)
    WHERE profile ? '$consent' AND s.settings ->> 'type' = 'message' AND coalesce(s.settings ->> 'purpose', 'marketing') = 'marketing'
      AND NOT coalesce((profile #>> ARRAY['$consent', 'marketing', s.settings ->> 'channel'])::boolean, (profile #>> '{$consent,marketing,*}')::boolean, false);

    RETURN QUERY
    SELECT p.at, s.key, s.settings ->> 'type',
           CASE WHEN p.step < 0 THEN mhub.enrollment_outcome(p.outcome) ELSE mhub.step_outcome(p.outcome, s.settings ->> 'type', s.settings) END,
           CASE WHEN p.wake_at IS NOT NULL THEN 'until ' || to_char(p.wake_at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS"Z"')
                WHEN p.step < 0 THEN 'end of the workflow'
                ELSE mhub.step_detail(s.settings ->> 'type', coalesce(p.filled, s.settings), p.outcome) END
    FROM mhub.simulate_path(definition, workflow, person_id, context, profiles, times, names, properties, contexts, refusals, from_time, to_time) AS p
    LEFT JOIN jsonb_each(definition -> 'steps') WITH ORDINALITY AS s (key, settings, place) ON s.place = p.step + 1;
END
$$;
COMMENT ON FUNCTION mhub.simulate_person(jsonb, jsonb, jsonb, timestamptz, timestamptz, jsonb, bigint, text) IS
'mhub.simulate_workflow() for one profile and a definition without problems. Internal.';

CREATE FUNCTION mhub.simulate_workflow(definition jsonb, profile jsonb DEFAULT '{}', events jsonb DEFAULT '[]', from_time timestamptz DEFAULT mhub.now(),
    to_time timestamptz DEFAULT NULL, context jsonb DEFAULT '{}', person_id bigint DEFAULT 1, workflow text DEFAULT 'simulation',
    OUT at timestamptz, OUT step text, OUT step_type text, OUT outcome text, OUT detail text, OUT profile_number bigint)
RETURNS SETOF record LANGUAGE plpgsql VOLATILE PARALLEL SAFE SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    problems text;
BEGIN
    SELECT string_agg(format('%s: %s', array_to_string(c.path, '.'), c.problem), E'\n' ORDER BY c.path, c.problem) INTO problems FROM mhub.workflow_problem(definition) AS c;
    IF problems IS NOT NULL THEN
        RAISE EXCEPTION 'the definition cannot be played' USING ERRCODE = 'invalid_parameter_value', DETAIL = problems;
    END IF;
    RETURN QUERY
    SELECT s.at, s.step, s.step_type, s.outcome, s.detail, p.number
    FROM jsonb_array_elements(CASE jsonb_typeof(profile) WHEN 'array' THEN profile ELSE jsonb_build_array(coalesce(profile, '{}')) END) WITH ORDINALITY AS p (profile, number),
        LATERAL mhub.simulate_person(definition, p.profile, coalesce(events, '[]'), from_time, coalesce(to_time, from_time + interval '1 year'),
                                     coalesce(context, '{}'), person_id + p.number - 1, workflow) AS s;
END
$$;
COMMENT ON FUNCTION mhub.simulate_workflow(jsonb, jsonb, jsonb, timestamptz, timestamptz, jsonb, bigint, text) IS
'Plays a definition through for an imaginary person, from from_time to to_time (NULL: a year), in milliseconds and without any side effect: the steps with time, outcome and reason, as the engine would take them. profile as mhub.profile() gives it ($consent decides about marketing messages; without it they go), or an array of profiles, which are played one after the other (profile_number); events as [{"name": ..., "after": "2 hours" | "at": "2027-01-01T10:00Z", "properties": {...}}]; they count in the profile from their time on, those before from_time from the start. context is what the trigger brings ({"event": {"properties": {...}}}); person_id (of the first; the others count on) and workflow choose the variants of experiments. Frequency caps count the messages of the simulation. Error invalid_parameter_value for a definition with problems.';

CREATE FUNCTION mhub.simulate_workflow(key text, profile jsonb DEFAULT '{}', events jsonb DEFAULT '[]', from_time timestamptz DEFAULT mhub.now(),
    to_time timestamptz DEFAULT NULL, context jsonb DEFAULT '{}', person_id bigint DEFAULT 1, version integer DEFAULT NULL,
    OUT at timestamptz, OUT step text, OUT step_type text, OUT outcome text, OUT detail text, OUT profile_number bigint)
RETURNS SETOF record LANGUAGE sql VOLATILE PARALLEL SAFE SET search_path = pg_catalog, pg_temp AS $$
    SELECT s.at, s.step, s.step_type, s.outcome, s.detail, s.profile_number
    FROM (SELECT v.definition FROM mhub.workflow AS w JOIN mhub.workflow_version AS v USING (workflow_id)
          WHERE w.key = $1 AND coalesce(v.version = $8, true) ORDER BY v.version DESC LIMIT 1) AS d,
        LATERAL mhub.simulate_workflow(d.definition, $2, $3, $4, $5, $6, $7, $1) AS s
$$;
COMMENT ON FUNCTION mhub.simulate_workflow(text, jsonb, jsonb, timestamptz, timestamptz, jsonb, bigint, integer) IS
'Plays a version (NULL: the newest) of a workflow through for one or more imaginary persons; see the function of the same name for definitions. No rows for an unknown workflow.';

CREATE FUNCTION mhub.trace_enrollment(enrollment_id bigint, OUT at timestamptz, OUT place bigint, OUT step text, OUT step_type text, OUT outcome text, OUT detail text)
RETURNS SETOF record LANGUAGE sql STABLE PARALLEL RESTRICTED SET search_path = pg_catalog, pg_temp AS $$
    SELECT h.at, p.place, s.key, s.type, mhub.step_outcome(p.visit % 1000, s.type, s.settings),
           nullif(concat_ws(' ', mhub.step_detail(s.type, s.settings, p.visit % 1000),
               CASE WHEN s.type = 'message' THEN (
                    SELECT string_agg(concat_ws(' ', m.state, m.reason), ', ') FROM mhub.message AS m
                    WHERE m.person_id IN (SELECT mhub.person_family(e.person_id)) AND m.enrollment_id = e.enrollment_id AND m.step = s.key AND m.created_at = h.at) END), '')
    FROM mhub.enrollment AS e
    JOIN mhub.enrollment_history AS h ON h.at >= e.entered_at
     AND h.version_id IN (SELECT v.version_id FROM mhub.workflow_version AS v WHERE v.workflow_id = e.workflow_id)
     AND e.enrollment_id BETWEEN h.first_enrollment_id AND h.last_enrollment_id AND e.enrollment_id = ANY (h.enrollment_ids)
    CROSS JOIN LATERAL unnest(h.path) WITH ORDINALITY AS p (visit, place)
    JOIN mhub.workflow_step AS s ON s.version_id = h.version_id AND s.step = p.visit / 1000
    WHERE e.enrollment_id = $1
    ORDER BY h.at, p.place
$$;
COMMENT ON FUNCTION mhub.trace_enrollment(bigint) IS
'What an enrollment did: one row per visit of a step, with the way out of it and why (the condition that held, what became of the message, the event waited for). No rows for an unknown enrollment.';

CREATE FUNCTION mhub.trace(workflow text, identifiers jsonb, OUT enrollment_id bigint, OUT entry_no smallint, OUT at timestamptz, OUT step text, OUT step_type text, OUT outcome text, OUT detail text)
RETURNS SETOF record LANGUAGE sql STABLE PARALLEL UNSAFE SET search_path = pg_catalog, pg_temp AS $$
    SELECT e.enrollment_id, e.entry_no, t.at, t.step, t.step_type, t.outcome, t.detail
    FROM mhub.workflow AS w
    JOIN mhub.enrollment AS e ON e.workflow_id = w.workflow_id
    CROSS JOIN LATERAL (
        SELECT 0 AS part, x.at, x.place, x.step, x.step_type, x.outcome, x.detail FROM mhub.trace_enrollment(e.enrollment_id) AS x
        UNION ALL
        SELECT 1, NULL, 1, s.key, s.type, mhub.enrollment_outcome(e.outcome),
               CASE WHEN e.outcome = 0 THEN 'wakes at ' || coalesce(e.wake_at::text, 'no time') END
        FROM mhub.workflow_step AS s WHERE s.version_id = e.version_id AND s.step = e.step) AS t
    WHERE w.key = $1
      AND e.person_id IN (SELECT mhub.person_id(i.key, i.value) FROM jsonb_each_text($2) AS i)
    ORDER BY e.enrollment_id, t.part, t.at, t.place
$$;
COMMENT ON FUNCTION mhub.trace(text, jsonb) IS
'A real person''s way through a workflow, and why: every visit of every enrollment as mhub.trace_enrollment() tells it, then a row with the state now. identifiers as mhub.identify() takes them, e.g. {"email": "li@example.com"}. No rows for people who never entered.';

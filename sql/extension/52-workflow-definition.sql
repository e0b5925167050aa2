-- Definitions: checking, versions, publishing, pausing.

CREATE FUNCTION mhub.refuse_change() RETURNS trigger
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    RAISE EXCEPTION 'rows of mhub.% never change', TG_TABLE_NAME
        USING ERRCODE = 'restrict_violation', HINT = 'Add a new one instead.';
END
$$;
COMMENT ON FUNCTION mhub.refuse_change() IS 'Trigger: refuses to change a row (restrict_violation).';

CREATE FUNCTION mhub.workflow_problem(definition jsonb, OUT path text[], OUT problem text)
RETURNS SETOF record LANGUAGE c STABLE PARALLEL SAFE STRICT AS 'MODULE_PATHNAME', 'mhub_workflow_problem';
COMMENT ON FUNCTION mhub.workflow_problem(jsonb) IS
'What is wrong with a workflow''s definition taken by itself: unknown types and fields, missing targets, unreachable steps, dead ends, loops without a wait, bad conditions, time zones, times and lengths of time. One row per problem; path leads to it (definition #> path). No rows: nothing is wrong. mhub.check_workflow() also looks at what the definition refers to.';

CREATE FUNCTION mhub.as_condition(value jsonb) RETURNS mhub.condition
LANGUAGE sql STABLE PARALLEL SAFE STRICT SET search_path = pg_catalog, pg_temp
AS $$ SELECT CASE jsonb_typeof(value) WHEN 'string' THEN (value #>> '{}')::mhub.condition ELSE value::text::mhub.condition END $$;
COMMENT ON FUNCTION mhub.as_condition(jsonb) IS
'A condition out of a definition: a jsonb string in the text notation, or an object in the jsonb notation. NULL gives NULL; errors as the input of mhub.condition.';

CREATE FUNCTION mhub.static_segment_problem(key text) RETURNS text
LANGUAGE sql STABLE PARALLEL SAFE STRICT SET search_path = pg_catalog, pg_temp AS $$
    SELECT CASE WHEN NOT EXISTS (SELECT FROM mhub.segment AS s WHERE s.key = $1) THEN format('there is no segment "%s"', $1)
                WHEN NOT EXISTS (SELECT FROM mhub.segment AS s WHERE s.key = $1 AND s.condition IS NULL) THEN format('segment "%s" has a condition: nobody is put into it by hand', $1) END
$$;
COMMENT ON FUNCTION mhub.static_segment_problem(text) IS
'Why people cannot be put into a segment by hand: it does not exist, or has a condition. NULL when they can, or for NULL. Internal.';

CREATE FUNCTION mhub.check_workflow(definition jsonb, OUT path text[], OUT problem text)
RETURNS SETOF record LANGUAGE sql STABLE PARALLEL RESTRICTED STRICT SET search_path = pg_catalog, pg_temp AS $$
    SELECT p.path, p.problem FROM mhub.workflow_problem(definition) AS p
    UNION ALL
    SELECT ARRAY['steps', s.key, r.field], r.problem
    FROM jsonb_each(CASE jsonb_typeof(definition -> 'steps') WHEN 'object' THEN definition -> 'steps' END) AS s (key, step),
        LATERAL (
            SELECT 'channel', format('there is no channel "%s"', s.step ->> 'channel')
            WHERE s.step ->> 'type' = 'message' AND NOT EXISTS (SELECT FROM mhub.delivery_channel AS c WHERE c.channel = s.step ->> 'channel')
            UNION ALL
            SELECT 'template', format('there is no template "%s" for channel %s', s.step ->> 'template', s.step ->> 'channel')
            WHERE s.step ->> 'type' = 'message' AND EXISTS (SELECT FROM mhub.delivery_channel AS c WHERE c.channel = s.step ->> 'channel')
              AND NOT EXISTS (SELECT FROM mhub.template AS t WHERE t.key = s.step ->> 'template' AND t.channel = s.step ->> 'channel')
            UNION ALL
            SELECT 'provider', format('there is no provider "%s"', s.step ->> 'provider')
            WHERE s.step ->> 'type' IN ('message', 'webhook') AND s.step ->> 'provider' IS NOT NULL
              AND NOT EXISTS (SELECT FROM mhub.provider AS p WHERE p.name = s.step ->> 'provider')
            UNION ALL
            SELECT 'workflow', format('there is no workflow "%s"', s.step ->> 'workflow')
            WHERE s.step ->> 'type' IN ('enter_workflow', 'exit_workflow')
              AND NOT EXISTS (SELECT FROM mhub.workflow AS w WHERE w.key = s.step ->> 'workflow')
            UNION ALL
            SELECT f.field, mhub.static_segment_problem(n.name)
            FROM (VALUES ('add_to'), ('remove_from')) AS f (field),
                LATERAL jsonb_array_elements_text(CASE jsonb_typeof(s.step -> f.field) WHEN 'array' THEN s.step -> f.field END) AS n (name)
            WHERE s.step ->> 'type' = 'update' AND mhub.static_segment_problem(n.name) IS NOT NULL) AS r (field, problem)
    WHERE jsonb_typeof(s.step) = 'object'
    UNION ALL
    SELECT ARRAY['triggers', (t.place - 1)::text, 'workflow'], format('there is no workflow "%s"', t.element ->> 'workflow')
    FROM jsonb_array_elements(CASE jsonb_typeof(definition -> 'triggers') WHEN 'array' THEN definition -> 'triggers' END) WITH ORDINALITY AS t (element, place)
    WHERE t.element ->> 'type' = 'workflow' AND t.element ->> 'workflow' IS NOT NULL
      AND NOT EXISTS (SELECT FROM mhub.workflow AS w WHERE w.key = t.element ->> 'workflow')
$$;
COMMENT ON FUNCTION mhub.check_workflow(jsonb) IS
'Everything that is wrong with a workflow''s definition, one row each: what mhub.workflow_problem() finds, and references to channels, templates, providers, workflows and segments that do not exist. path leads to the place (definition #> path). NULL gives no rows.';

CREATE FUNCTION mhub.listened_event(trigger jsonb) RETURNS text
LANGUAGE sql IMMUTABLE PARALLEL SAFE STRICT SET search_path = pg_catalog, pg_temp AS $$
    SELECT CASE trigger ->> 'type'
        WHEN 'event' THEN trigger ->> 'event'
        WHEN 'segment' THEN CASE coalesce(trigger ->> 'on', 'enter') WHEN 'enter' THEN 'Segment Entered' ELSE 'Segment Left' END
    END
$$;
COMMENT ON FUNCTION mhub.listened_event(jsonb) IS
'The name of the event that a trigger of a definition waits for; NULL for triggers without one (schedule, date, api). Internal.';

CREATE FUNCTION mhub.listened_filter(trigger jsonb) RETURNS mhub.condition
LANGUAGE sql STABLE PARALLEL SAFE STRICT SET search_path = pg_catalog, pg_temp AS $$
    SELECT CASE trigger ->> 'type'
        WHEN 'segment' THEN jsonb_build_object('segment', trigger -> 'segment')::text::mhub.condition
        ELSE mhub.as_condition(trigger -> 'where') END
$$;
COMMENT ON FUNCTION mhub.listened_filter(jsonb) IS
'The condition on the event''s properties that a trigger of a definition sets; NULL: none. Internal.';

CREATE FUNCTION mhub.listened_workflow(trigger jsonb) RETURNS mhub.condition
LANGUAGE sql STABLE PARALLEL SAFE STRICT SET search_path = pg_catalog, pg_temp AS $$
    SELECT (jsonb_build_object('on', coalesce(trigger ->> 'on', 'end'))
            || CASE WHEN trigger ? 'outcomes' THEN jsonb_build_object('outcome', jsonb_build_object('$in', trigger -> 'outcomes')) ELSE '{}' END)::text::mhub.condition
$$;
COMMENT ON FUNCTION mhub.listened_workflow(jsonb) IS
'What must have happened in another workflow (on: enter or end; outcome) for a trigger of type workflow, as a condition. Internal. NULL gives NULL.';

CREATE FUNCTION mhub.create_workflow(key text, definition jsonb) RETURNS integer
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    found_id integer;
    new_version integer;
    new_version_id integer;
    problems text;
    problem_count bigint;
BEGIN
    IF key IS NULL OR definition IS NULL THEN
        RAISE EXCEPTION 'a workflow needs a key and a definition' USING ERRCODE = 'null_value_not_allowed';
    END IF;
    SELECT string_agg(format('%s: %s', array_to_string(c.path, '.'), c.problem), E'\n' ORDER BY c.path, c.problem), count(*)
    INTO problems, problem_count FROM mhub.check_workflow(definition) AS c;
    IF problem_count > 0 THEN
        RAISE EXCEPTION 'definition of workflow "%" has % problem(s)', key, problem_count
            USING ERRCODE = 'invalid_parameter_value', DETAIL = problems,
                  HINT = 'SELECT * FROM mhub.check_workflow(definition) gives them as rows.';
    END IF;

    INSERT INTO mhub.workflow AS w (key) VALUES (create_workflow.key) ON CONFLICT DO NOTHING;
    SELECT w.workflow_id INTO found_id FROM mhub.workflow AS w WHERE w.key = create_workflow.key FOR UPDATE;
    IF EXISTS (SELECT FROM mhub.workflow AS w WHERE w.workflow_id = found_id AND w.state = 'archived') THEN
        RAISE EXCEPTION 'workflow "%" is archived', key
            USING ERRCODE = 'object_not_in_prerequisite_state', HINT = 'Use another key.';
    END IF;
    INSERT INTO mhub.workflow_version (workflow_id, version, definition)
    VALUES (found_id, (SELECT coalesce(max(v.version), 0) + 1 FROM mhub.workflow_version AS v WHERE v.workflow_id = found_id), create_workflow.definition)
    RETURNING version_id, version INTO new_version_id, new_version;

    -- Steps are numbered in the order in which jsonb keeps them; the engine numbers them the same way.
    INSERT INTO mhub.workflow_step (version_id, step, key, type, settings, messages_ahead)
    SELECT new_version_id, s.place - 1, s.key, s.step ->> 'type', s.step, mhub.messages_ahead(new_version_id, (s.place - 1)::smallint)
    FROM jsonb_each(definition -> 'steps') WITH ORDINALITY AS s (key, step, place);

    INSERT INTO mhub.workflow_listener (version_id, role, number, event_name, event_filter, person_filter)
    SELECT new_version_id, 'trigger', t.place - 1, mhub.listened_event(t.element), mhub.listened_filter(t.element), mhub.as_condition(t.element -> 'if')
    FROM jsonb_array_elements(definition -> 'triggers') WITH ORDINALITY AS t (element, place) WHERE mhub.listened_event(t.element) IS NOT NULL
    UNION ALL
    SELECT new_version_id, 'workflow', t.place - 1, t.element ->> 'workflow', mhub.listened_workflow(t.element), mhub.as_condition(t.element -> 'if')
    FROM jsonb_array_elements(definition -> 'triggers') WITH ORDINALITY AS t (element, place) WHERE t.element ->> 'type' = 'workflow'
    UNION ALL
    SELECT new_version_id, 'goal', g.place - 1, coalesce(g.element ->> 'event', ''), mhub.as_condition(g.element -> 'where'), mhub.as_condition(g.element -> 'if')
    FROM jsonb_array_elements(definition -> 'goals') WITH ORDINALITY AS g (element, place)
    UNION ALL
    SELECT new_version_id, 'exit', x.place - 1, coalesce(x.element ->> 'event', ''), mhub.as_condition(x.element -> 'where'), mhub.as_condition(x.element -> 'if')
    FROM jsonb_array_elements(definition -> 'exit_when') WITH ORDINALITY AS x (element, place)
    UNION ALL
    SELECT new_version_id, 'wait', s.step, s.settings ->> 'event', mhub.as_condition(s.settings -> 'where'), NULL
    FROM mhub.workflow_step AS s WHERE s.version_id = new_version_id AND s.type = 'wait_for' AND s.settings ->> 'event' IS NOT NULL;
    RETURN new_version;
END
$$;
COMMENT ON FUNCTION mhub.create_workflow(text, jsonb) IS
'Adds a version to the workflow of that key, which it creates if there is none. Returns the number of the version (1, 2 ...). Nobody enters it before mhub.publish_workflow(). The format of a definition is described in doc/workflows.md. Errors: invalid_parameter_value with everything that mhub.check_workflow() finds, each with its path, in the detail; null_value_not_allowed; object_not_in_prerequisite_state for an archived workflow.';

CREATE FUNCTION mhub.find_workflow(key text, OUT workflow_id integer, OUT state text, OUT active_version_id integer, OUT paused_at timestamptz)
RETURNS record LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    SELECT w.workflow_id, w.state, w.active_version_id, w.paused_at INTO workflow_id, state, active_version_id, paused_at
    FROM mhub.workflow AS w WHERE w.key = find_workflow.key FOR UPDATE;
    IF NOT FOUND THEN
        RAISE EXCEPTION 'there is no workflow "%"', key USING ERRCODE = 'undefined_object';
    END IF;
END
$$;
COMMENT ON FUNCTION mhub.find_workflow(text) IS 'The workflow of that key, locked for a change; error undefined_object if there is none. Internal.';

CREATE FUNCTION mhub.publish_workflow(key text, version integer DEFAULT NULL) RETURNS integer
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    w record := mhub.find_workflow(publish_workflow.key);
    v mhub.workflow_version;
    after text;
BEGIN
    IF w.state = 'archived' THEN
        RAISE EXCEPTION 'workflow "%" is archived', key
            USING ERRCODE = 'object_not_in_prerequisite_state', HINT = 'Create it again under another key.';
    END IF;
    SELECT * INTO v FROM mhub.workflow_version AS x
    WHERE x.workflow_id = w.workflow_id AND (publish_workflow.version IS NULL OR x.version = publish_workflow.version)
    ORDER BY x.version DESC LIMIT 1;
    IF NOT FOUND THEN
        RAISE EXCEPTION 'workflow "%" has no version %', key, version USING ERRCODE = 'undefined_object';
    END IF;
    after := v.definition #>> '{reentry,after}';
    UPDATE mhub.workflow AS x
    SET active_version_id = v.version_id, state = CASE x.state WHEN 'draft' THEN 'active' ELSE x.state END,
        reentry = CASE WHEN after IN ('never', 'end') THEN after WHEN after IS NULL THEN 'never' ELSE 'after' END,
        reentry_after = CASE WHEN after NOT IN ('never', 'end') THEN after::interval END,
        reentry_per = v.definition #>> '{reentry,per}',
        concurrent = coalesce((v.definition #>> '{reentry,concurrent}')::boolean, false),
        time_zone = v.definition ->> 'time_zone'
    WHERE x.workflow_id = w.workflow_id;
    -- Triggers by the clock belong to the published version only.
    DELETE FROM mhub.workflow_schedule AS s USING mhub.workflow_version AS x
    WHERE s.version_id = x.version_id AND x.workflow_id = w.workflow_id AND x.version_id <> v.version_id;
    INSERT INTO mhub.workflow_schedule (version_id, number, settings, person_filter, next_run_at, done_until)
    SELECT v.version_id, t.place - 1, t.element, mhub.as_condition(t.element -> 'if'),
           mhub.next_schedule(t.element, coalesce(v.definition ->> 'time_zone', mhub.hub_time_zone()), mhub.now()),
           CASE t.element ->> 'type' WHEN 'date' THEN mhub.now() END
    FROM jsonb_array_elements(v.definition -> 'triggers') WITH ORDINALITY AS t (element, place)
    WHERE t.element ->> 'type' IN ('schedule', 'date')
    ON CONFLICT DO NOTHING;
    RETURN v.version;
END
$$;
COMMENT ON FUNCTION mhub.publish_workflow(text, integer) IS
'Makes a version (NULL: the newest) the one that people enter from now on, with its re-entry rules, and a draft active. People under way stay in their version (see mhub.migrate_enrollments()); nothing is sent again or all at once. A paused workflow stays paused. Returns the version. Errors: undefined_object, object_not_in_prerequisite_state for an archived one.';

CREATE FUNCTION mhub.pause_workflow(key text) RETURNS boolean
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    w record := mhub.find_workflow(pause_workflow.key);
BEGIN
    IF w.state <> 'active' THEN
        RETURN false;
    END IF;
    -- Waits for chunks under way: once this has committed, nobody moves any more.
    PERFORM mhub.lock_engine();
    UPDATE mhub.workflow AS x SET state = 'paused', paused_at = mhub.now() WHERE x.workflow_id = w.workflow_id;
    RETURN true;
END
$$;
COMMENT ON FUNCTION mhub.pause_workflow(text) IS
'Stops a workflow: from the end of this transaction nobody enters and nobody moves. Events that arrive meanwhile are still noted for those inside (goals, exit criteria, awaited events), not for entering. Returns false if it was not active. Error undefined_object.';

CREATE FUNCTION mhub.resume_workflow(key text, catch_up text DEFAULT 'spread', over interval DEFAULT '1 hour') RETURNS bigint
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    w record := mhub.find_workflow(resume_workflow.key);
    changed bigint;
BEGIN
    IF catch_up IS NULL OR catch_up NOT IN ('spread', 'shift', 'now') OR over IS NULL OR over < '0' THEN
        RAISE EXCEPTION 'unknown catch-up rule "%"', catch_up
            USING ERRCODE = 'invalid_parameter_value', HINT = 'Rules are spread (over a time), shift and now.';
    END IF;
    IF w.state <> 'paused' THEN
        RETURN 0;
    END IF;
    PERFORM mhub.lock_engine();
    UPDATE mhub.workflow AS x SET state = 'active', paused_at = NULL WHERE x.workflow_id = w.workflow_id;
    UPDATE mhub.workflow_schedule AS s
    SET next_run_at = mhub.next_schedule(s.settings, coalesce(v.definition ->> 'time_zone', mhub.hub_time_zone()), mhub.now()),
        done_until = CASE s.settings ->> 'type' WHEN 'date' THEN mhub.now() END, run_until = NULL, done_upto = 0
    FROM mhub.workflow_version AS v WHERE v.version_id = s.version_id AND v.version_id = w.active_version_id AND s.next_run_at < mhub.now();

    WITH moved AS (
        UPDATE mhub.enrollment AS e
        SET wake_at = CASE catch_up WHEN 'shift' THEN greatest(e.wake_at, w.paused_at) + (mhub.now() - w.paused_at)
                                    WHEN 'spread' THEN mhub.now() + over * ((hashint8extended(e.enrollment_id, 0) & 65535) / 65536.0)
                                    ELSE e.wake_at END,
            -- what was waiting for its time when the pause began has its delay moved along, so that a wait_for keeps its length
            arrived_at = CASE catch_up WHEN 'shift' THEN least(e.arrived_at + (mhub.now() - w.paused_at), mhub.now()) ELSE e.arrived_at END
        WHERE e.workflow_id = w.workflow_id AND e.outcome = 0 AND e.wake_at < 'infinity'
          AND (catch_up = 'shift' OR e.wake_at < mhub.now())
        RETURNING e.ctid, e.wake_at
    ), wake AS (
        INSERT INTO mhub.enrollment_wake (slice, wake_at) SELECT mhub.slice_of(m.ctid), min(m.wake_at) FROM moved AS m GROUP BY 1
    )
    SELECT count(*) INTO changed FROM moved;
    INSERT INTO mhub.enrollment_wake (slice, wake_at)
    SELECT mhub.slice_of(e.ctid), min(e.wake_at) FROM mhub.enrollment AS e
    WHERE e.workflow_id = w.workflow_id AND e.outcome = 0 AND e.wake_at < 'infinity' GROUP BY 1;
    RETURN changed;
END
$$;
COMMENT ON FUNCTION mhub.resume_workflow(text, text, interval) IS
'Lets a paused workflow go on, never in a burst unless asked for. catch_up says what becomes of people whose time came during the pause: spread (default): each moves on at a moment of its own within the time over; shift: every wait is prolonged by the length of the pause; now: all at once. Missed runs of schedules are not made up for, and one that the pause interrupted is not finished. Returns how many enrollments got another time; 0 if it was not paused. Errors: undefined_object, invalid_parameter_value.';

CREATE FUNCTION mhub.archive_workflow(key text) RETURNS bigint
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    w record := mhub.find_workflow(archive_workflow.key);
    ended bigint;
BEGIN
    PERFORM mhub.lock_engine();
    UPDATE mhub.workflow AS x SET state = 'archived', paused_at = NULL WHERE x.workflow_id = w.workflow_id;
    DELETE FROM mhub.workflow_schedule AS s USING mhub.workflow_version AS v WHERE v.version_id = s.version_id AND v.workflow_id = w.workflow_id;
    SELECT mhub.end_enrollments(coalesce(array_agg(e.enrollment_id), '{}'), 8::smallint) INTO ended
    FROM mhub.enrollment AS e WHERE e.workflow_id = w.workflow_id AND e.outcome = 0;
    RETURN ended;
END
$$;
COMMENT ON FUNCTION mhub.archive_workflow(text) IS
'Ends a workflow for good: nobody enters any more, people under way leave it where they are (outcome archived). What happened stays readable. Returns how many were under way. Error undefined_object.';

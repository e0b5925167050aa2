-- Moving people between versions, templates, and the tasks that workflows hand out.

CREATE FUNCTION mhub.migrate_enrollments(workflow text, from_version integer, to_version integer, mapping jsonb DEFAULT '{}', dry_run boolean DEFAULT true,
    OUT from_step text, OUT to_step text, OUT enrollments bigint, OUT problem text)
RETURNS SETOF record LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    w record := mhub.find_workflow(migrate_enrollments.workflow);
    old_id integer := (SELECT v.version_id FROM mhub.workflow_version AS v WHERE v.workflow_id = w.workflow_id AND v.version = from_version);
    new_id integer := (SELECT v.version_id FROM mhub.workflow_version AS v WHERE v.workflow_id = w.workflow_id AND v.version = to_version);
BEGIN
    IF old_id IS NULL OR new_id IS NULL OR old_id = new_id OR dry_run IS NULL THEN
        RAISE EXCEPTION 'workflow "%" has no versions % and % to migrate between', workflow, from_version, to_version
            USING ERRCODE = 'invalid_parameter_value';
    END IF;
    IF NOT dry_run THEN
        PERFORM mhub.lock_engine();
    END IF;
    RETURN QUERY
    SELECT o.key, t.key, count(*),
           CASE WHEN t.key IS NULL THEN format('version %s has no step "%s"', to_version, coalesce(mapping ->> o.key, o.key))
                WHEN t.type NOT IN ('delay', 'wait_for', 'message') THEN format('nobody can wait at step "%s" (%s)', t.key, t.type) END
    FROM mhub.enrollment AS e
    JOIN mhub.workflow_step AS o ON o.version_id = old_id AND o.step = e.step
    LEFT JOIN mhub.workflow_step AS t ON t.version_id = new_id AND t.key = coalesce(mapping ->> o.key, o.key)
    WHERE e.version_id = old_id AND e.outcome = 0
    GROUP BY o.key, t.key, t.type ORDER BY o.key;
    IF dry_run THEN
        RETURN;
    END IF;

    -- Only where the new step waits: the others stay in their version.
    WITH place AS (
        SELECT o.step AS old_step, t.step AS new_step
        FROM mhub.workflow_step AS o
        JOIN mhub.workflow_step AS t ON t.version_id = new_id AND t.key = coalesce(mapping ->> o.key, o.key) AND t.type IN ('delay', 'wait_for', 'message')
        WHERE o.version_id = old_id
    ), moved AS (
        UPDATE mhub.enrollment AS e SET version_id = new_id, step = p.new_step, signal = 0, variants = NULL
        FROM place AS p WHERE e.version_id = old_id AND e.outcome = 0 AND e.step = p.old_step
        RETURNING e.ctid, e.wake_at, e.hops, p.old_step, p.new_step
    ), wake AS (
        INSERT INTO mhub.enrollment_wake (slice, wake_at) SELECT mhub.slice_of(m.ctid), min(m.wake_at) FROM moved AS m WHERE m.wake_at < 'infinity' GROUP BY 1
    )
    INSERT INTO mhub.workflow_counter (version_id, step, outcome, bucket, visits)
    SELECT c.version_id, c.step, c.outcome, 0, count(*)
    FROM moved AS m, LATERAL (VALUES (old_id, m.old_step, 99), (new_id, m.new_step, 100)) AS c (version_id, step, outcome)
    WHERE m.hops > 0 GROUP BY 1, 2, 3;
END
$$;
COMMENT ON FUNCTION mhub.migrate_enrollments(text, integer, integer, jsonb, boolean) IS
'Moves the people under way in one version of a workflow to another. mapping says which step becomes which ({"old step": "new step"}); steps it does not name keep their name. Returns, per step, where people go, how many, and what is in the way: those stay in their version. dry_run (the default) only tells. They no longer count for the experiments they were in. Their waking time stays; a wait_for counts its timeout from when they arrived. Errors: undefined_object, invalid_parameter_value for unknown versions.';

CREATE FUNCTION mhub.fill_parameters(value jsonb, parameters jsonb) RETURNS jsonb
LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE STRICT SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    result text := value::text;
    parameter record;
BEGIN
    FOR parameter IN SELECT p.key, p.value FROM jsonb_each(parameters) AS p LOOP
        -- "{{name}}" as a whole is the value with its type; inside a text it is the value's text
        result := replace(result, '"{{' || parameter.key || '}}"', parameter.value::text);
        result := replace(result, '{{' || parameter.key || '}}', btrim(to_jsonb(parameter.value #>> '{}')::text, '"'));
    END LOOP;
    RETURN result::jsonb;
END
$$;
COMMENT ON FUNCTION mhub.fill_parameters(jsonb, jsonb) IS
'Puts parameters into a template: {{name}} as a whole string becomes the value, inside a string its text. NULL gives NULL.';

CREATE FUNCTION mhub.workflow_from_template(template text, key text, parameters jsonb DEFAULT '{}') RETURNS integer
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    t mhub.workflow_template;
    unknown text;
BEGIN
    SELECT * INTO t FROM mhub.workflow_template AS x WHERE x.key = workflow_from_template.template;
    IF NOT FOUND THEN
        RAISE EXCEPTION 'there is no workflow template "%"', template
            USING ERRCODE = 'undefined_object', HINT = (SELECT 'Templates are ' || string_agg(x.key, ', ' ORDER BY x.key) || '.' FROM mhub.workflow_template AS x);
    END IF;
    SELECT string_agg(p.key, ', ') INTO unknown FROM jsonb_object_keys(parameters) AS p (key) WHERE NOT t.parameters ? p.key;
    IF unknown IS NOT NULL THEN
        RAISE EXCEPTION 'template "%" has no parameter %', template, unknown
            USING ERRCODE = 'invalid_parameter_value', HINT = (SELECT 'Parameters are ' || string_agg(p.key, ', ') || '.' FROM jsonb_object_keys(t.parameters) AS p (key));
    END IF;
    INSERT INTO mhub.template (key, channel, subject, text_body)
    SELECT x.text ->> 'key', x.text ->> 'channel', x.text ->> 'subject', x.text ->> 'text_body' FROM jsonb_array_elements(t.texts) AS x (text)
    ON CONFLICT DO NOTHING;
    RETURN mhub.create_workflow(key, mhub.fill_parameters(t.definition, t.parameters || parameters));
END
$$;
COMMENT ON FUNCTION mhub.workflow_from_template(text, text, jsonb) IS
'Creates a workflow (or a new version of it) from a row of mhub.workflow_template with parameters in place of the defaults, and the message texts it comes with where there are none of that name yet. Returns the version; publish it when the texts are yours. Errors: undefined_object with the list of templates, invalid_parameter_value for an unknown parameter, and those of mhub.create_workflow().';

CREATE FUNCTION mhub.claim_task(queue text, claimed_by text) RETURNS bigint
LANGUAGE sql VOLATILE PARALLEL UNSAFE STRICT SET search_path = pg_catalog, pg_temp AS $$
    UPDATE mhub.task AS t SET state = 'claimed', claimed_by = $2, claimed_at = mhub.now()
    WHERE t.task_id = (SELECT o.task_id FROM mhub.task AS o WHERE o.queue = $1 AND o.state = 'open'
                       ORDER BY o.priority, o.created_at, o.task_id FOR UPDATE SKIP LOCKED LIMIT 1)
    RETURNING t.task_id
$$;
COMMENT ON FUNCTION mhub.claim_task(text, text) IS
'Hands out the next open task of a queue (priority, then age) to somebody; two callers never get the same. Returns its task_id, NULL when there is none.';

CREATE FUNCTION mhub.finish_task(task_id bigint, result jsonb DEFAULT '{}', state text DEFAULT 'done') RETURNS boolean
LANGUAGE sql VOLATILE PARALLEL UNSAFE STRICT SET search_path = pg_catalog, pg_temp AS $$
    WITH finished AS (
        UPDATE mhub.task AS t SET state = $3, result = $2, finished_at = mhub.now()
        WHERE t.task_id = $1 AND t.state IN ('open', 'claimed') AND $3 IN ('done', 'cancelled') RETURNING 1
    )
    SELECT EXISTS (SELECT FROM finished)
$$;
COMMENT ON FUNCTION mhub.finish_task(bigint, jsonb, text) IS
'Ends a task as done or cancelled, with what came of it. False if there is no such open or claimed task, or the state is none of the two. NULL gives NULL.';

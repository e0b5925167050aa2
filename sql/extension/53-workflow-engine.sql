-- The engine: who enters, who moves, what the steps do.

CREATE FUNCTION mhub.step_outcome(outcome integer, type text DEFAULT NULL, settings jsonb DEFAULT NULL) RETURNS text
LANGUAGE sql IMMUTABLE PARALLEL SAFE SET search_path = pg_catalog, pg_temp AS $$
    SELECT CASE outcome
        WHEN 100 THEN 'waiting' WHEN 101 THEN 'deferred: quiet hours' WHEN 102 THEN 'deferred: frequency cap'
        WHEN 103 THEN 'skipped: quiet hours' WHEN 104 THEN 'skipped: frequency cap' WHEN 105 THEN 'skipped: no consent'
        WHEN 106 THEN 'skipped: suppressed' WHEN 107 THEN 'skipped: too late' WHEN 108 THEN 'left: frequency cap'
        WHEN 109 THEN 'left: no consent' WHEN 110 THEN 'left: goal reached' WHEN 111 THEN 'left: exit criterion' WHEN 112 THEN 'left: removed'
        ELSE CASE type
            WHEN 'decision' THEN CASE WHEN outcome = jsonb_array_length(settings -> 'branches') THEN 'else'
                                      ELSE coalesce(settings #>> ARRAY['branches', outcome::text, 'name'], (outcome + 1)::text) END
            WHEN 'experiment' THEN settings #>> ARRAY['variants', outcome::text, 'key']
            WHEN 'wait_for' THEN CASE outcome WHEN 0 THEN 'came' ELSE 'timeout' END
            WHEN 'message' THEN 'sent'
            ELSE 'done' END
        END
$$;
COMMENT ON FUNCTION mhub.step_outcome(integer, text, jsonb) IS
'How a step was left, in words: outcome is the number that history and counters keep, type and settings are the step''s (mhub.workflow_step) and tell branches and variants by name. NULL gives NULL.';

CREATE FUNCTION mhub.enrollment_outcome(outcome integer) RETURNS text
LANGUAGE sql IMMUTABLE PARALLEL SAFE STRICT SET search_path = pg_catalog, pg_temp AS $$
    SELECT (ARRAY['in flight', 'completed', 'goal reached', 'exit criterion', 'removed', 'merged', 'no consent', 'frequency cap', 'archived'])[outcome + 1]
$$;
COMMENT ON FUNCTION mhub.enrollment_outcome(integer) IS
'How an enrollment ended, in words: in flight (0), completed, goal reached, exit criterion, removed, merged, no consent, frequency cap, archived (8). NULL for NULL and other numbers.';

CREATE FUNCTION mhub.step_needs(version_id integer, step smallint) RETURNS integer
LANGUAGE c STABLE PARALLEL RESTRICTED STRICT AS 'MODULE_PATHNAME', 'mhub_step_needs';
COMMENT ON FUNCTION mhub.step_needs(integer, smallint) IS
'What must be known of a person who is woken at a step: the sum of 1 (traits), 2 (whole profile), 4 (whether messages may be sent). Internal. NULL gives NULL.';

CREATE FUNCTION mhub.messages_ahead(version_id integer, step smallint) RETURNS smallint[]
LANGUAGE c STABLE PARALLEL RESTRICTED STRICT AS 'MODULE_PATHNAME', 'mhub_messages_ahead';
COMMENT ON FUNCTION mhub.messages_ahead(integer, smallint) IS
'The message steps that someone woken at a step may come to before the next wait. Internal. NULL gives NULL.';

CREATE FUNCTION mhub.version_condition(version_id integer) RETURNS mhub.condition
LANGUAGE c STABLE PARALLEL RESTRICTED STRICT AS 'MODULE_PATHNAME', 'mhub_version_condition';
COMMENT ON FUNCTION mhub.version_condition(integer) IS
'Which of a version''s conditions must see single events, joined by or, for mhub.profile() to list these; NULL: none does, or the argument is NULL. Internal.';

CREATE FUNCTION mhub.workflow_as_context(key text, enrollment_id bigint, happened text, outcome text) RETURNS jsonb
LANGUAGE sql STABLE PARALLEL SAFE SET search_path = pg_catalog, pg_temp AS $$
    SELECT jsonb_build_object('workflow', jsonb_build_object('key', key, 'enrollment_id', enrollment_id, 'on', happened, 'outcome', outcome))
$$;
COMMENT ON FUNCTION mhub.workflow_as_context(text, bigint, text, text) IS
'Another workflow as conditions and templates see it whose person it sent here: $context.workflow with key, enrollment_id, on (step, enter or end) and outcome. Internal.';

CREATE FUNCTION mhub.key_in_context(per text, context jsonb) RETURNS text
LANGUAGE sql IMMUTABLE PARALLEL SAFE SET search_path = pg_catalog, pg_temp
AS $$ SELECT coalesce(context ->> per, context #>> ARRAY['event', 'properties', per], '') $$;
COMMENT ON FUNCTION mhub.key_in_context(text, jsonb) IS
'Value of the re-entry key per in a context, else in the event that began it; empty if there is none or per is NULL. Internal.';

CREATE FUNCTION mhub.slice_of(place tid) RETURNS integer
LANGUAGE c IMMUTABLE PARALLEL SAFE STRICT AS 'MODULE_PATHNAME', 'mhub_slice_of';
COMMENT ON FUNCTION mhub.slice_of(tid) IS 'The slice of mhub.enrollment (256 pages) in which a row lies that has this ctid. NULL gives NULL.';

CREATE FUNCTION mhub.lock_engine() RETURNS void
LANGUAGE c VOLATILE PARALLEL UNSAFE AS 'MODULE_PATHNAME', 'mhub_lock_engine';
COMMENT ON FUNCTION mhub.lock_engine() IS
'Keeps the engine from moving anybody until the end of the transaction; waits for chunks under way. For functions that change many enrollments at once.';

CREATE PROCEDURE mhub.advance_workflows(max_time interval DEFAULT '10 seconds')
LANGUAGE c AS 'MODULE_PATHNAME', 'mhub_advance_workflows';
COMMENT ON PROCEDURE mhub.advance_workflows(interval) IS
'Moves everybody who is due in an active workflow: takes in events, schedules and merges, then moves people, chunk by chunk, until nothing is left or max_time is over. Commits after every chunk; inside a transaction block it does everything in that transaction. Any number of callers may run at once and share the work; a crash anywhere leaves every step done exactly once or not yet. Error invalid_parameter_value for a max_time that is not positive.';

CREATE FUNCTION mhub.enroll_people(workflow_ids integer[], person_ids bigint[], times timestamptz[], keys text[], contexts jsonb[], wake_times timestamptz[])
RETURNS SETOF bigint LANGUAGE sql VOLATILE PARALLEL UNSAFE SET search_path = pg_catalog, pg_temp AS $$
    WITH wanted AS (
        SELECT DISTINCT ON (u.person_id, u.workflow_id, entry.key)
               u.person_id, u.workflow_id, entry.key, u.at, u.context, u.wake_at, w.active_version_id, s.step, w.reentry,
               w.reentry_after, coalesce(w.time_zone, mhub.hub_time_zone()) AS zone
        FROM unnest(workflow_ids, person_ids, times, keys, contexts, wake_times) AS u (workflow_id, person_id, at, key, context, wake_at)
        JOIN mhub.workflow AS w ON w.workflow_id = u.workflow_id AND w.state = 'active'
        JOIN mhub.workflow_version AS v ON v.version_id = w.active_version_id
        JOIN mhub.workflow_step AS s ON s.version_id = v.version_id AND s.key = v.definition ->> 'start'
        CROSS JOIN LATERAL (SELECT CASE WHEN length(u.key) <= 200 THEN u.key ELSE 'md5 ' || md5(u.key) END COLLATE "C") AS entry (key)
        ORDER BY u.person_id, u.workflow_id, entry.key, u.at
    ), entered AS (
        INSERT INTO mhub.enrollment (person_id, workflow_id, version_id, step, entered_at, arrived_at, wake_at, entry_key, entry_no, context)
        SELECT n.person_id, n.workflow_id, n.active_version_id, n.step, n.at, mhub.now(), n.wake_at, n.key, coalesce(last.entry_no, 0) + 1, n.context
        FROM wanted AS n
        LEFT JOIN LATERAL (SELECT e.entry_no, e.outcome, e.entered_at FROM mhub.enrollment AS e
                           WHERE e.person_id = n.person_id AND e.workflow_id = n.workflow_id AND e.entry_key = n.key
                           ORDER BY e.entry_no DESC LIMIT 1) AS last ON true
        WHERE last.entry_no IS NULL
           OR last.outcome <> 0 AND (n.reentry = 'end' OR n.reentry = 'after' AND mhub.add_local(last.entered_at, n.reentry_after, n.zone) <= n.at)
        -- Two at once reckon the same number, and the constraint lets one of them in.
        ON CONFLICT (person_id, workflow_id, entry_key, entry_no) DO NOTHING
        RETURNING enrollment_id, ctid, wake_at, person_id, workflow_id, version_id, context
    ), wake AS (
        INSERT INTO mhub.enrollment_wake (slice, wake_at) SELECT mhub.slice_of(e.ctid), min(e.wake_at) FROM entered AS e GROUP BY 1
    ), counted AS (
        INSERT INTO mhub.workflow_counter (version_id, step, outcome, bucket, visits)
        SELECT e.version_id, -1, 0, 0, count(*) FROM entered AS e GROUP BY e.version_id
    ), announced AS (
        INSERT INTO mhub.enrollment_request (action, person_id, workflow_id, requested_at, entry_key, context, version_id, trigger)
        SELECT 'enter', e.person_id, o.workflow_id, mhub.now(),
               CASE WHEN o.concurrent THEN 'enrollment ' || e.enrollment_id ELSE mhub.key_in_context(o.reentry_per, e.context) END,
               coalesce(e.context, '{}') || mhub.workflow_as_context(w.key, e.enrollment_id, 'enter', NULL), l.version_id, l.number
        FROM entered AS e
        JOIN mhub.workflow AS w ON w.workflow_id = e.workflow_id
        JOIN mhub.workflow_listener AS l ON l.event_name = w.key AND l.role = 'workflow' AND mhub.matches('{"on": "enter"}', l.event_filter)
        JOIN mhub.workflow AS o ON o.active_version_id = l.version_id AND o.state = 'active'
    )
    SELECT e.enrollment_id FROM entered AS e
$$;
COMMENT ON FUNCTION mhub.enroll_people(integer[], bigint[], timestamptz[], text[], jsonb[], timestamptz[]) IS
'Lets people enter workflows, as far as these are active and their re-entry rules allow: parallel arrays of workflow, person, time of entry, re-entry key (empty: none), context and time of the first step. Returns the new enrollments'' ids. All triggers come through here.';

CREATE FUNCTION mhub.enroll_person(workflow text, person_id bigint, context jsonb DEFAULT '{}') RETURNS bigint
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    w mhub.workflow;
    survivor bigint;
    new_id bigint;
BEGIN
    SELECT * INTO w FROM mhub.workflow AS x WHERE x.key = enroll_person.workflow;
    IF NOT FOUND THEN
        RAISE EXCEPTION 'there is no workflow "%"', workflow USING ERRCODE = 'undefined_object';
    END IF;
    IF jsonb_typeof(context) <> 'object' THEN
        RAISE EXCEPTION 'the context of an enrollment is an object' USING ERRCODE = 'invalid_parameter_value';
    END IF;
    SELECT p.person_id INTO survivor FROM mhub.person AS p WHERE p.person_id = mhub.resolve_person(enroll_person.person_id);
    IF NOT FOUND THEN
        RAISE EXCEPTION 'there is no person %', person_id USING ERRCODE = 'undefined_object';
    END IF;
    IF (SELECT NOT bool_or(NOT t.element ? 'if' OR coalesce(mhub.person_matches(survivor, mhub.as_condition(t.element -> 'if')), false))
        FROM mhub.workflow_version AS v, jsonb_array_elements(v.definition -> 'triggers') AS t (element)
        WHERE v.version_id = w.active_version_id AND t.element ->> 'type' = 'api') THEN
        RETURN NULL;
    END IF;
    SELECT mhub.enroll_people(ARRAY[w.workflow_id], ARRAY[survivor], ARRAY[mhub.now()],
                              ARRAY[CASE WHEN w.concurrent THEN gen_random_uuid()::text ELSE mhub.key_in_context(w.reentry_per, context) END],
                              ARRAY[coalesce(context, '{}')], ARRAY[mhub.now()])
    INTO new_id;
    RETURN new_id;
END
$$;
COMMENT ON FUNCTION mhub.enroll_person(text, bigint, jsonb) IS
'Lets a person enter a workflow; context is what conditions see as $context and templates as values (with the re-entry key''s field, where the workflow has one). Returns the enrollment, or NULL when the workflow is not active, its re-entry rule says no, or it has triggers of type api and the condition (if) of none of them holds. Errors: undefined_object for an unknown workflow or person, invalid_parameter_value for a context that is no object.';

CREATE FUNCTION mhub.enroll(workflow text, identifiers jsonb, context jsonb DEFAULT '{}') RETURNS bigint
LANGUAGE sql VOLATILE PARALLEL UNSAFE SET search_path = pg_catalog, pg_temp
AS $$ SELECT mhub.enroll_person(workflow, mhub.identify(identifiers), context) $$;
COMMENT ON FUNCTION mhub.enroll(text, jsonb, jsonb) IS
'Lets whom identifiers name, as mhub.identify() takes them, enter a workflow; otherwise as mhub.enroll_person().';

CREATE FUNCTION mhub.announce_ends(enrollment_ids bigint[]) RETURNS bigint
LANGUAGE sql VOLATILE PARALLEL UNSAFE STRICT SET search_path = pg_catalog, pg_temp AS $$
    WITH announced AS (
        INSERT INTO mhub.enrollment_request (action, person_id, workflow_id, requested_at, entry_key, context, version_id, trigger)
        SELECT 'enter', e.person_id, o.workflow_id, mhub.now(),
               CASE WHEN o.concurrent THEN 'enrollment ' || e.enrollment_id ELSE mhub.key_in_context(o.reentry_per, e.context) END,
               coalesce(e.context, '{}') || mhub.workflow_as_context(w.key, e.enrollment_id, 'end', mhub.enrollment_outcome(e.outcome)), l.version_id, l.number
        FROM mhub.enrollment AS e
        JOIN mhub.workflow AS w ON w.workflow_id = e.workflow_id
        JOIN mhub.workflow_listener AS l ON l.event_name = w.key AND l.role = 'workflow'
         AND mhub.matches(jsonb_build_object('on', 'end', 'outcome', mhub.enrollment_outcome(e.outcome)), l.event_filter)
        JOIN mhub.workflow AS o ON o.active_version_id = l.version_id AND o.state = 'active'
        WHERE e.enrollment_id = ANY (enrollment_ids) AND e.outcome NOT IN (0, 5, 8)
        RETURNING 1
    )
    SELECT count(*) FROM announced
$$;
COMMENT ON FUNCTION mhub.announce_ends(bigint[]) IS
'Tells the workflows that wait for the end of others that enrollments have ended (not: by a merge or the archive). Returns how many persons are asked in. Internal. NULL gives NULL.';

CREATE FUNCTION mhub.end_enrollments(enrollment_ids bigint[], outcome smallint) RETURNS bigint
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE STRICT SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    ended_ids bigint[];
BEGIN
    WITH ended AS (
        UPDATE mhub.enrollment AS e SET outcome = end_enrollments.outcome, wake_at = NULL, signal = 0
        WHERE e.enrollment_id = ANY (end_enrollments.enrollment_ids) AND e.outcome = 0
        RETURNING e.enrollment_id, e.version_id, e.step, e.hops, e.variants
    ), counted AS (
        INSERT INTO mhub.workflow_counter (version_id, step, outcome, bucket, visits)
        SELECT e.version_id, c.step, c.outcome, 0, count(*)
        FROM ended AS e,
            LATERAL (SELECT -1, end_enrollments.outcome::integer UNION ALL SELECT CASE WHEN e.hops > 0 THEN e.step END, 99
                     UNION ALL SELECT x.visit / 1000, 1000 + x.visit % 1000 * 10 + end_enrollments.outcome FROM unnest(e.variants) AS x (visit)) AS c (step, outcome)
        WHERE c.step IS NOT NULL GROUP BY e.version_id, c.step, c.outcome
    )
    SELECT coalesce(array_agg(e.enrollment_id), '{}') INTO ended_ids FROM ended AS e;
    PERFORM mhub.announce_ends(ended_ids);
    RETURN cardinality(ended_ids);
END
$$;
COMMENT ON FUNCTION mhub.end_enrollments(bigint[], smallint) IS
'Ends enrollments where they are, with an outcome of mhub.enrollment_outcome(); those that have ended stay as they are. Returns how many ended. Internal. NULL gives NULL.';

CREATE FUNCTION mhub.leave_workflow(workflow text, person_id bigint) RETURNS bigint
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    RETURN (SELECT mhub.end_enrollments(coalesce(array_agg(e.enrollment_id), '{}'), 4::smallint)
            FROM mhub.enrollment AS e JOIN mhub.workflow AS w USING (workflow_id)
            WHERE w.key = leave_workflow.workflow AND e.outcome = 0
              AND e.person_id = mhub.resolve_person(leave_workflow.person_id));
END
$$;
COMMENT ON FUNCTION mhub.leave_workflow(text, bigint) IS
'Takes a person out of a workflow (outcome removed). Returns the number of enrollments ended; 0 if there was none under way.';

CREATE FUNCTION mhub.left_workflow(enrollment_id bigint) RETURNS boolean
LANGUAGE plpgsql STABLE PARALLEL UNSAFE STRICT SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    e mhub.enrollment;
BEGIN
    SELECT * INTO e FROM mhub.enrollment AS x WHERE x.enrollment_id = left_workflow.enrollment_id;
    IF NOT FOUND OR e.outcome IN (2, 3, 4, 5, 8) OR e.signal < 0 THEN
        RETURN FOUND;
    END IF;
    -- What has happened since and the engine has not come to yet.
    RETURN EXISTS (
        SELECT FROM mhub.workflow_listener AS l
        JOIN mhub.identifier AS i ON i.person_id = mhub.resolve_person(e.person_id)
        JOIN mhub.event AS ev ON ev.identifier_id = i.identifier_id AND ev.name = l.event_name
        WHERE l.version_id = e.version_id AND l.role IN ('goal', 'exit') AND l.event_name <> ''
          AND ev.occurred_at >= e.entered_at AND ev.invalid_reason IS NULL AND mhub.concerns(ev.event_id, ev.properties, l.event_filter, e.context))
        OR EXISTS (
        SELECT FROM mhub.workflow_listener AS l
        WHERE l.version_id = e.version_id AND l.role IN ('goal', 'exit') AND l.event_name = ''
          AND mhub.matches(mhub.profile(e.person_id, mhub.now(), l.person_filter) || jsonb_build_object('$context', coalesce(e.context, '{}')), l.person_filter, mhub.now()));
END
$$;
COMMENT ON FUNCTION mhub.left_workflow(bigint) IS
'Whether what an enrollment has queued must not be sent any more: it ended otherwise than by its last step (goal reached, exit criterion, removed, merged, archived), or a goal or exit criterion of its version holds now, be it that the engine has not come to it yet or that the enrollment had been through. False for an unknown enrollment, NULL for NULL.';

CREATE FUNCTION mhub.step_verdict(message_id bigint, person_id bigint, channel text, purpose text, enrollment_id bigint, step text, at timestamptz,
    batch bigint[] DEFAULT '{}', OUT state text, OUT reason text, OUT not_before timestamptz) RETURNS record
LANGUAGE plpgsql STABLE PARALLEL UNSAFE SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    settings jsonb;
    zone text;
BEGIN
    SELECT s.settings, mhub.person_zone(p.traits, coalesce(v.definition ->> 'time_zone', mhub.hub_time_zone())) INTO settings, zone
    FROM mhub.enrollment AS e
    JOIN mhub.workflow_version AS v ON v.version_id = e.version_id
    JOIN mhub.workflow_step AS s ON s.version_id = e.version_id AND s.key = step_verdict.step AND s.type = 'message'
    LEFT JOIN mhub.person AS p ON p.person_id = mhub.resolve_person(step_verdict.person_id)
    WHERE e.enrollment_id = step_verdict.enrollment_id;
    IF purpose = 'marketing' AND settings ? 'cap' THEN
        SELECT c.* INTO state, reason, not_before
        FROM mhub.cap_verdict(message_id, person_id, channel, (settings #>> '{cap,count}')::integer, (settings #>> '{cap,per}')::interval, at, batch) AS c;
    END IF;
    IF state IS NULL AND settings ? 'quiet_hours' THEN
        not_before := mhub.quiet_end(at, zone, (settings #>> '{quiet_hours,from}')::time, (settings #>> '{quiet_hours,until}')::time);
        IF not_before IS NOT NULL THEN
            reason := 'quiet_hours';
            state := 'deferred';
            IF settings #>> '{quiet_hours,then}' = 'skip' THEN
                state := 'suppressed'; not_before := NULL;
            END IF;
        END IF;
    END IF;
END
$$;
COMMENT ON FUNCTION mhub.step_verdict(bigint, bigint, text, text, bigint, text, timestamptz, bigint[]) IS
'Whether what a message step of a workflow asks for still holds when its message is sent (batch: the messages claimed together with it): its frequency cap (mhub.cap_verdict(): another workflow was quicker) and its quiet hours in the person''s zone (suppressed or deferred until not_before, reason quiet_hours: the queue or a retry has taken until then). State NULL when nothing is in the way, or the step is not one of the enrollment''s version.';

CREATE FUNCTION mhub.doctor_workflow(OUT check_name text, OUT status text, OUT detail text, OUT hint text)
RETURNS SETOF record LANGUAGE sql STABLE PARALLEL RESTRICTED SET search_path = pg_catalog, pg_temp AS $$
    SELECT 'workflows moving',
           CASE WHEN d.since > mhub.now() - interval '5 minutes' OR d.since IS NULL THEN 'ok' ELSE 'fail' END,
           CASE WHEN d.since IS NULL THEN 'nobody is due' ELSE format('people are due since %s', d.since) END,
           CASE WHEN d.since <= mhub.now() - interval '5 minutes' THEN 'Nobody moves them: see SELECT * FROM mhub.schedule_status();' END
    FROM (SELECT min(k.wake_at) AS since FROM mhub.enrollment_wake AS k WHERE k.wake_at <= mhub.now()) AS d
    UNION ALL
    SELECT 'workflows paused', CASE WHEN count(*) = 0 THEN 'ok' ELSE 'warn' END,
           CASE WHEN count(*) = 0 THEN 'none' ELSE string_agg(format('%s since %s', w.key, w.paused_at), ', ' ORDER BY w.key) END,
           CASE WHEN count(*) > 0 THEN 'People inside wait: mhub.resume_workflow(key) lets them go on without a burst.' END
    FROM mhub.workflow AS w WHERE w.state = 'paused' AND w.paused_at < mhub.now() - interval '1 day'
    UNION ALL
    SELECT 'people set aside', CASE WHEN count(*) = 0 THEN 'ok' ELSE 'warn' END,
           CASE WHEN count(*) = 0 THEN 'none' ELSE format('%s enrollments cannot be moved, the last one for %s', count(*), (array_agg(f.error ORDER BY f.failed_at DESC))[1]) END,
           CASE WHEN count(*) > 0 THEN 'See mhub.enrollment_failure. They are tried again every hour.' END
    FROM mhub.enrollment_failure AS f JOIN mhub.enrollment AS e USING (enrollment_id) WHERE e.outcome = 0 AND f.failed_at > mhub.now() - interval '2 hours'
    UNION ALL
    SELECT 'intake of workflows', CASE WHEN count(*) = 0 THEN 'ok' ELSE 'warn' END,
           CASE WHEN count(*) = 0 THEN 'nothing was passed over in the last 24 hours' ELSE string_agg(format('%s: %s passed over %s times, last %s (%s)', w.key, f.part, f.failures, f.what, f.error), '; ' ORDER BY w.key, f.part) END,
           CASE WHEN count(*) > 0 THEN 'See mhub.intake_failure: a constraint or trigger refuses these people''s data, or a condition fails on it.' END
    FROM mhub.intake_failure AS f JOIN mhub.workflow AS w USING (workflow_id) WHERE f.failed_at > mhub.now() - interval '1 day'
    UNION ALL
    SELECT 'workflows in circles', CASE WHEN count(*) = 0 THEN 'ok' ELSE 'warn' END,
           CASE WHEN count(*) = 0 THEN 'none' ELSE string_agg(format('%s turned away %s entries', t.key, t.visits), ', ' ORDER BY t.key) END,
           CASE WHEN count(*) > 0 THEN 'Workflows send people into each other: more than ten entries a day and person are not let in. See their triggers and enter_workflow steps.' END
    FROM (SELECT w.key, sum(c.visits) AS visits FROM mhub.workflow_counter AS c JOIN mhub.workflow AS w ON w.active_version_id = c.version_id
          WHERE c.step = -1 AND c.outcome = 9 GROUP BY w.key) AS t
$$;
COMMENT ON FUNCTION mhub.doctor_workflow() IS 'Rows of mhub.doctor() about workflows: people are not left standing, none has been forgotten in a pause, none cannot be moved or let in, no two send people round in circles.';

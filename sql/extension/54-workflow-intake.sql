-- What makes people enter workflows and wakes them: events, requests, the clock.

CREATE FUNCTION mhub.event_as_context(event_id bigint, name text, occurred_at timestamptz, properties jsonb) RETURNS jsonb
LANGUAGE sql STABLE PARALLEL SAFE SET search_path = pg_catalog, pg_temp
AS $$ SELECT jsonb_build_object('event_id', event_id, 'name', name, 'occurred_at', occurred_at, 'properties', properties) $$;
COMMENT ON FUNCTION mhub.event_as_context(bigint, text, timestamptz, jsonb) IS
'An event as conditions and templates of a workflow see it: $context.event (what triggered) and $context.last_event (what was waited for). Internal.';

CREATE FUNCTION mhub.concerns(event_id bigint, properties jsonb, filter mhub.condition, context jsonb) RETURNS boolean
LANGUAGE sql STABLE PARALLEL SAFE SET search_path = pg_catalog, pg_temp AS $$
    SELECT event_id::text IS DISTINCT FROM context #>> '{event,event_id}'
       AND (filter IS NULL
            OR mhub.matches(CASE WHEN strpos(filter::text, '$context') > 0 THEN properties || jsonb_build_object('$context', coalesce(context, '{}')) ELSE properties END, filter))
$$;
COMMENT ON FUNCTION mhub.concerns(bigint, jsonb, mhub.condition, jsonb) IS
'Whether an event is one that an enrollment with this context waits for: filter (NULL: any) holds for its properties, with the context as $context, and it is not the event that caused the entry. Internal.';

CREATE FUNCTION mhub.person_matches(person_id bigint, condition mhub.condition, at timestamptz DEFAULT mhub.now()) RETURNS boolean
LANGUAGE plpgsql STABLE PARALLEL UNSAFE SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    RETURN mhub.matches(mhub.profile(person_id, at, condition), condition, at);
END
$$;
COMMENT ON FUNCTION mhub.person_matches(bigint, mhub.condition, timestamptz) IS
'Whether a condition holds for a person''s profile at a time. NULL or unknown gives NULL.';

CREATE FUNCTION mhub.trigger_workflows(after_event_id bigint, upto_event_id bigint, only_workflow_id integer DEFAULT NULL) RETURNS bigint
LANGUAGE sql VOLATILE PARALLEL UNSAFE SET search_path = pg_catalog, pg_temp AS $$
    WITH hit AS (
        SELECT w.workflow_id, i.person_id, least(ev.occurred_at, mhub.now()) AS at,
               CASE WHEN w.concurrent THEN 'event ' || ev.event_id ELSE coalesce(ev.properties ->> w.reentry_per, '') END AS key,
               jsonb_build_object('event', mhub.event_as_context(ev.event_id, ev.name, ev.occurred_at, ev.properties)) AS context
        FROM mhub.event AS ev
        JOIN mhub.workflow_listener AS l ON l.event_name = ev.name AND l.role = 'trigger'
        JOIN mhub.workflow AS w ON w.active_version_id = l.version_id AND w.state = 'active'
        JOIN mhub.identifier AS i ON i.identifier_id = ev.identifier_id
        WHERE ev.event_id > after_event_id AND ev.event_id <= upto_event_id AND ev.invalid_reason IS NULL
          AND (only_workflow_id IS NULL OR w.workflow_id = only_workflow_id)
          -- what was imported late is history and must not send anything
          AND ev.occurred_at > mhub.now() - interval '1 day'
          AND (l.event_filter IS NULL OR mhub.matches(ev.properties, l.event_filter))
          AND (l.person_filter IS NULL OR mhub.person_matches(i.person_id, l.person_filter, mhub.now()))
    ), lists AS (
        SELECT array_agg(h.workflow_id) AS workflow_ids, array_agg(h.person_id) AS person_ids, array_agg(h.at) AS times,
               array_agg(h.key) AS keys, array_agg(h.context) AS contexts, array_agg(mhub.now()) AS wake_times
        FROM hit AS h
    )
    SELECT count(n.enrollment_id) FROM lists AS x,
        LATERAL mhub.enroll_people(x.workflow_ids, x.person_ids, x.times, x.keys, x.contexts, x.wake_times) AS n (enrollment_id)
$$;
COMMENT ON FUNCTION mhub.trigger_workflows(bigint, bigint, integer) IS
'Lets people enter the workflows (all, or a single one) that the events of a range of ids trigger. Events that are invalid, or occurred more than a day ago, trigger nothing. Returns the number of entries. Internal.';

CREATE FUNCTION mhub.signal_enrollments(after_event_id bigint, upto_event_id bigint, only_workflow_id integer DEFAULT NULL) RETURNS bigint
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    ids bigint[];
    signals smallint[];
    events jsonb[];
    woken bigint;
BEGIN
    SELECT array_agg(t.enrollment_id), array_agg(t.signal), array_agg(t.event)
    INTO ids, signals, events
    FROM (
        SELECT DISTINCT ON (e.enrollment_id) e.enrollment_id,
               CASE l.role WHEN 'goal' THEN -1 WHEN 'exit' THEN -2 ELSE l.number + 1 END::smallint AS signal,
               mhub.event_as_context(ev.event_id, ev.name, ev.occurred_at, ev.properties) AS event
        FROM mhub.event AS ev
        JOIN mhub.workflow_listener AS l ON l.event_name = ev.name AND l.role IN ('wait', 'goal', 'exit')
        JOIN mhub.identifier AS i ON i.identifier_id = ev.identifier_id
        JOIN mhub.enrollment AS e ON e.person_id = i.person_id AND e.version_id = l.version_id AND e.outcome = 0
        WHERE ev.event_id > after_event_id AND ev.event_id <= upto_event_id AND ev.invalid_reason IS NULL
          AND (only_workflow_id IS NULL OR e.workflow_id = only_workflow_id)
          AND ev.occurred_at >= e.entered_at
          -- who has entered but not moved yet may be on the way to the wait
          AND (l.role <> 'wait' OR e.step = l.number OR e.hops = 0)
          AND CASE WHEN l.event_filter IS NULL THEN ev.event_id::text IS DISTINCT FROM e.context #>> '{event,event_id}'
                   ELSE mhub.concerns(ev.event_id, ev.properties, l.event_filter, e.context) END
        ORDER BY e.enrollment_id, l.role = 'wait', l.role = 'exit', ev.event_id) AS t;
    IF ids IS NULL THEN
        RETURN 0;
    END IF;
    WITH woken_up AS (
        UPDATE mhub.enrollment AS e
        SET signal = u.signal, wake_at = mhub.now(), context = coalesce(e.context, '{}') || jsonb_build_object('last_event', u.event)
        FROM unnest(ids, signals, events) AS u (enrollment_id, signal, event)
        WHERE e.enrollment_id = u.enrollment_id AND e.outcome = 0 AND (u.signal < 0 OR e.step = u.signal - 1 OR e.hops = 0)
        RETURNING e.ctid
    ), wake AS (
        INSERT INTO mhub.enrollment_wake (slice, wake_at) SELECT DISTINCT mhub.slice_of(x.ctid), mhub.now() FROM woken_up AS x
    )
    SELECT count(*) INTO woken FROM woken_up;
    RETURN woken;
END
$$;
COMMENT ON FUNCTION mhub.signal_enrollments(bigint, bigint, integer) IS
'Wakes the people (in all workflows, or a single one) whom the events of a range of ids concern: awaited events, goals, exit criteria. An event counts if it occurred after the entry and is not the one that caused it. Returns how many were woken. Internal.';

CREATE FUNCTION mhub.is_about_data(code text) RETURNS boolean
LANGUAGE c IMMUTABLE PARALLEL SAFE STRICT AS 'MODULE_PATHNAME', 'mhub_is_about_data';
COMMENT ON FUNCTION mhub.is_about_data(text) IS
'Whether an error with this SQLSTATE may be about somebody''s data, so that it is worth going on without: data exceptions, constraints, limits, and what triggers raise. Others concern everybody. NULL gives NULL; another length than five is an error. Internal.';

CREATE FUNCTION mhub.note_intake_failure(workflow_id integer, part text, what text, code text, error text) RETURNS void
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    INSERT INTO mhub.intake_failure AS f (workflow_id, part, failed_at, what, error) VALUES ($1, $2, mhub.now(), $3, $4 || ': ' || $5)
    ON CONFLICT ON CONSTRAINT intake_failure_pkey DO UPDATE SET failed_at = excluded.failed_at, failures = f.failures + 1, what = excluded.what, error = excluded.error;
    RAISE WARNING 'workflow %: % is passed over: %', workflow_id, what, error USING ERRCODE = code;
END
$$;
COMMENT ON FUNCTION mhub.note_intake_failure(integer, text, text, text, text) IS 'Records in mhub.intake_failure, and warns, that something was passed over. Internal.';

CREATE FUNCTION mhub.take_in(part text, after_event_id bigint, upto_event_id bigint, workflow_id integer) RETURNS bigint
LANGUAGE sql VOLATILE PARALLEL UNSAFE SET search_path = pg_catalog, pg_temp
AS $$ SELECT CASE part WHEN 'trigger' THEN mhub.trigger_workflows($2, $3, $4) ELSE mhub.signal_enrollments($2, $3, $4) END $$;
COMMENT ON FUNCTION mhub.take_in(text, bigint, bigint, integer) IS 'mhub.trigger_workflows() for the part trigger, else mhub.signal_enrollments(). Internal.';

CREATE FUNCTION mhub.take_in_apart(part text, after_event_id bigint, upto_event_id bigint, workflow_id integer) RETURNS bigint
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    at bigint := after_event_id;
    step bigint := upto_event_id - after_event_id;
    failed integer := 0;
    taken bigint := 0;
BEGIN
    -- Shorter and shorter stretches until the event is found that fails, then longer ones again.
    WHILE at < upto_event_id LOOP
        step := least(step, upto_event_id - at);
        BEGIN
            taken := taken + mhub.take_in(part, at, at + step, workflow_id);
            at := at + step;
            step := step * 2;
        EXCEPTION WHEN OTHERS THEN
            IF NOT mhub.is_about_data(SQLSTATE) THEN
                RAISE;
            ELSIF step > 1 AND failed < 20 THEN
                step := step / 2;
            ELSE
                -- So many are not about single events any more.
                PERFORM mhub.note_intake_failure(workflow_id, part, CASE WHEN step = 1 THEN format('event %s', at + 1) ELSE format('every event from %s to %s', at + 1, upto_event_id) END, SQLSTATE, SQLERRM);
                failed := failed + 1;
                at := CASE WHEN step = 1 THEN at + 1 ELSE upto_event_id END;
            END IF;
        END;
    END LOOP;
    RETURN taken;
END
$$;
COMMENT ON FUNCTION mhub.take_in_apart(text, bigint, bigint, integer) IS
'mhub.take_in() for one workflow in which something fails: finds the events that do, and passes over them; after 20 of them over the rest of the range. Internal.';

CREATE FUNCTION mhub.take_in_events(part text, after_event_id bigint, upto_event_id bigint) RETURNS bigint
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    RETURN mhub.take_in(part, after_event_id, upto_event_id, NULL);
EXCEPTION WHEN OTHERS THEN
    IF NOT mhub.is_about_data(SQLSTATE) THEN
        RAISE;
    END IF;
    RETURN (SELECT sum(mhub.take_in_apart(part, after_event_id, upto_event_id, w.workflow_id)) FROM mhub.workflow AS w WHERE w.state IN ('active', 'paused'));
END
$$;
COMMENT ON FUNCTION mhub.take_in_events(text, bigint, bigint) IS
'mhub.take_in() for all workflows together; where that fails because of somebody''s data, for each by itself, so that none suffers for another. Internal.';

CREATE FUNCTION mhub.follow_merges() RETURNS bigint
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    horizon bigint := mhub.merge_horizon();
    last bigint;
    old_ids bigint[];
    new_ids bigint[];
    moved bigint;
BEGIN
    SELECT n.last_merge_id INTO last FROM mhub.workflow_engine AS n;
    IF horizon <= last THEN
        RETURN 0;
    END IF;
    UPDATE mhub.workflow_engine SET last_merge_id = horizon;
    SELECT array_agg(m.old_id), array_agg(m.new_id) INTO old_ids, new_ids
    FROM (SELECT DISTINCT l.other_person_id AS old_id, mhub.resolve_person(l.other_person_id) AS new_id
          FROM mhub.merge_log AS l WHERE l.merge_id > last AND l.merge_id <= horizon AND l.action = 'merge') AS m
    WHERE m.new_id <> m.old_id;

    -- Entries of both sides keep their order: those of the merged person count on behind the survivor's.
    UPDATE mhub.enrollment AS e SET person_id = x.new_id, entry_no = x.entry_no
    FROM (SELECT o.enrollment_id, m.new_id,
                 coalesce((SELECT max(s.entry_no) FROM mhub.enrollment AS s
                           WHERE s.person_id = m.new_id AND s.workflow_id = o.workflow_id AND s.entry_key = o.entry_key), 0)
                 + row_number() OVER (PARTITION BY m.new_id, o.workflow_id, o.entry_key ORDER BY o.enrollment_id) AS entry_no
          FROM unnest(old_ids, new_ids) AS m (old_id, new_id) JOIN mhub.enrollment AS o ON o.person_id = m.old_id) AS x
    WHERE e.enrollment_id = x.enrollment_id;
    GET DIAGNOSTICS moved = ROW_COUNT;
    IF moved > 0 THEN
        PERFORM mhub.end_enrollments(coalesce(array_agg(d.enrollment_id), '{}'), 5::smallint)
        FROM (SELECT e.enrollment_id, row_number() OVER (PARTITION BY e.person_id, e.workflow_id, e.entry_key ORDER BY e.entered_at, e.enrollment_id) AS place
              FROM mhub.enrollment AS e WHERE e.outcome = 0 AND e.person_id = ANY (new_ids)) AS d
        WHERE d.place > 1;
    END IF;
    RETURN moved;
END
$$;
COMMENT ON FUNCTION mhub.follow_merges() IS
'Lets enrollments follow merges of persons. Where both were in a workflow (with the same re-entry key) the enrollment that entered first goes on and the others end as merged. A later split leaves enrollments with the person who has them. Returns how many changed person. Internal.';

CREATE FUNCTION mhub.enter_for_workflows(requests jsonb) RETURNS bigint
LANGUAGE sql VOLATILE PARALLEL UNSAFE SET search_path = pg_catalog, pg_temp AS $$
    WITH wanted AS (
        SELECT p.person_id, r.workflow_id, r.entry_key, r.context,
               row_number() OVER (PARTITION BY p.person_id, r.workflow_id ORDER BY r.request_id) AS place
        FROM jsonb_to_recordset(requests) AS r (request_id bigint, action text, person_id bigint, workflow_id integer, entry_key text, context jsonb, version_id integer, trigger smallint)
        CROSS JOIN LATERAL (SELECT mhub.resolve_person(r.person_id) AS person_id) AS p
        LEFT JOIN mhub.workflow_listener AS l ON l.version_id = r.version_id AND l.role = 'workflow' AND l.number = r.trigger
        WHERE r.action = 'enter' AND p.person_id IS NOT NULL
          AND (l.person_filter IS NULL OR mhub.person_matches(p.person_id, l.person_filter, mhub.now()))
    ), checked AS (
        -- Workflows that send people into each other must come to an end.
        SELECT w.*, w.place + (SELECT count(*) FROM mhub.enrollment AS e
                               WHERE e.person_id = w.person_id AND e.workflow_id = w.workflow_id AND e.context ? 'workflow'
                                 AND e.entered_at > mhub.now() - interval '1 day') <= 10 AS allowed
        FROM wanted AS w
    ), turned_away AS (
        INSERT INTO mhub.workflow_counter (version_id, step, outcome, bucket, visits)
        SELECT o.active_version_id, -1, 9, 0, count(*)
        FROM checked AS c JOIN mhub.workflow AS o ON o.workflow_id = c.workflow_id AND o.state = 'active'
        WHERE NOT c.allowed GROUP BY o.active_version_id
    ), lists AS (
        SELECT array_agg(c.workflow_id) AS workflow_ids, array_agg(c.person_id) AS person_ids, array_agg(mhub.now()) AS times,
               array_agg(c.entry_key) AS keys, array_agg(c.context) AS contexts
        FROM checked AS c WHERE c.allowed
    )
    SELECT count(n.enrollment_id) FROM lists AS x,
        LATERAL mhub.enroll_people(x.workflow_ids, x.person_ids, x.times, x.keys, x.contexts, x.times) AS n (enrollment_id)
$$;
COMMENT ON FUNCTION mhub.enter_for_workflows(jsonb) IS
'Lets the persons of requests (an array of rows of mhub.enrollment_request) enter workflows, as far as their triggers'' conditions hold, but through other workflows no person enters the same one more than ten times in 24 hours: so two workflows that enter each other end. Who is turned away is counted. Returns the number of entries. Internal.';

CREATE FUNCTION mhub.leave_for_workflows(requests jsonb) RETURNS bigint
LANGUAGE sql VOLATILE PARALLEL UNSAFE SET search_path = pg_catalog, pg_temp AS $$
    WITH woken AS (
        UPDATE mhub.enrollment AS e SET signal = -3, wake_at = mhub.now()
        FROM (SELECT DISTINCT mhub.resolve_person(q.person_id) AS person_id, q.workflow_id FROM jsonb_to_recordset(requests) AS q (action text, person_id bigint, workflow_id integer) WHERE q.action = 'leave') AS r
        WHERE e.person_id = r.person_id AND e.workflow_id = r.workflow_id AND e.outcome = 0
        RETURNING e.ctid
    ), wake AS (
        INSERT INTO mhub.enrollment_wake (slice, wake_at) SELECT DISTINCT mhub.slice_of(w.ctid), mhub.now() FROM woken AS w
    )
    SELECT count(*) FROM woken
$$;
COMMENT ON FUNCTION mhub.leave_for_workflows(jsonb) IS
'Wakes the persons whom requests (an array of rows of mhub.enrollment_request) take out of workflows, to leave them. Returns how many enrollments. Internal.';

CREATE FUNCTION mhub.carry_out_request(request jsonb) RETURNS void
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    PERFORM mhub.enter_for_workflows(jsonb_build_array(request)), mhub.leave_for_workflows(jsonb_build_array(request));
EXCEPTION WHEN OTHERS THEN
    IF NOT mhub.is_about_data(SQLSTATE) THEN
        RAISE;
    END IF;
    PERFORM mhub.note_intake_failure((request ->> 'workflow_id')::integer, 'request', format('person %s', request ->> 'person_id'), SQLSTATE, SQLERRM);
END
$$;
COMMENT ON FUNCTION mhub.carry_out_request(jsonb) IS 'Does what a single row of mhub.enrollment_request asks for, or notes why it fails because of the person''s data. Internal.';

CREATE FUNCTION mhub.carry_out_requests() RETURNS bigint
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    requests jsonb;
BEGIN
    WITH request AS (
        DELETE FROM mhub.enrollment_request AS r
        WHERE r.request_id IN (SELECT x.request_id FROM mhub.enrollment_request AS x ORDER BY x.request_id LIMIT 10000) RETURNING to_jsonb(r) AS asked
    )
    SELECT jsonb_agg(q.asked) INTO requests FROM request AS q;
    IF requests IS NULL THEN
        RETURN 0;
    END IF;
    BEGIN
        PERFORM mhub.enter_for_workflows(requests), mhub.leave_for_workflows(requests);
    EXCEPTION WHEN OTHERS THEN
        IF NOT mhub.is_about_data(SQLSTATE) THEN
            RAISE;
        END IF;
        PERFORM mhub.carry_out_request(r.element) FROM jsonb_array_elements(requests) WITH ORDINALITY AS r (element, place) ORDER BY r.place;
    END;
    RETURN jsonb_array_length(requests);
END
$$;
COMMENT ON FUNCTION mhub.carry_out_requests() IS
'Does what workflows have asked of each other (mhub.enrollment_request), the oldest 10,000 of it. Returns how many requests that were. Internal.';

CREATE FUNCTION mhub.enrollment_file() RETURNS text
LANGUAGE sql STABLE PARALLEL SAFE SET search_path = pg_catalog, pg_temp
AS $$ SELECT (SELECT system_identifier FROM pg_control_system()) || '/' || pg_relation_filepath('mhub.enrollment') $$;
COMMENT ON FUNCTION mhub.enrollment_file() IS 'Which file mhub.enrollment is in: another one after a rewrite of the table or a restore of the hub. Internal.';

CREATE FUNCTION mhub.rebuild_wakes() RETURNS bigint
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    slices bigint;
BEGIN
    PERFORM mhub.lock_engine();
    DELETE FROM mhub.enrollment_wake;
    INSERT INTO mhub.enrollment_wake (slice, wake_at)
    SELECT mhub.slice_of(e.ctid), min(e.wake_at) FROM mhub.enrollment AS e WHERE e.outcome = 0 AND e.wake_at < 'infinity' GROUP BY 1;
    GET DIAGNOSTICS slices = ROW_COUNT;
    UPDATE mhub.workflow_engine SET place = mhub.enrollment_file();
    RETURN slices;
END
$$;
COMMENT ON FUNCTION mhub.rebuild_wakes() IS
'Finds out anew when to look at which slice of mhub.enrollment, by reading all of it. The engine calls it when the table''s file has changed (VACUUM FULL, restore). Returns the number of slices with people under way.';

CREATE FUNCTION mhub.fold_counters() RETURNS bigint
LANGUAGE sql VOLATILE PARALLEL UNSAFE SET search_path = pg_catalog, pg_temp AS $$
    WITH gone AS (
        DELETE FROM mhub.workflow_counter RETURNING version_id, step, outcome, bucket, visits
    ), folded AS (
        INSERT INTO mhub.workflow_counter (version_id, step, outcome, bucket, visits)
        SELECT g.version_id, g.step, g.outcome, g.bucket, sum(g.visits) FROM gone AS g GROUP BY g.version_id, g.step, g.outcome, g.bucket
        RETURNING 1
    )
    SELECT count(*) FROM folded
$$;
COMMENT ON FUNCTION mhub.fold_counters() IS 'Sums up the rows of mhub.workflow_counter; returns how many are left. Internal.';

CREATE FUNCTION mhub.workflow_intake() RETURNS bigint
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    began timestamptz := mhub.now();
    claimed record;
    changed bigint := 0;
BEGIN
    -- One caller does this; the others go on moving people.
    IF NOT pg_try_advisory_xact_lock(1835562857, 0) THEN
        RETURN 0;
    END IF;
    IF (SELECT n.place IS DISTINCT FROM mhub.enrollment_file() FROM mhub.workflow_engine AS n) THEN
        changed := mhub.rebuild_wakes();
    END IF;
    changed := changed + mhub.follow_merges();
    claimed := mhub.claim_events('workflows', 50000);
    IF claimed.upto_event_id > claimed.after_event_id THEN
        changed := changed + coalesce(mhub.take_in_events('trigger', claimed.after_event_id, claimed.upto_event_id), 0)
                           + coalesce(mhub.take_in_events('signal', claimed.after_event_id, claimed.upto_event_id), 0);
    END IF;
    IF claimed.upto_event_id >= claimed.after_event_id + 50000 THEN
        changed := changed + 1;
    ELSE
        UPDATE mhub.workflow_engine SET events_until = began WHERE EXISTS (SELECT FROM mhub.workflow AS w WHERE w.state = 'active');
    END IF;
    changed := changed + mhub.run_schedules() + mhub.carry_out_requests();
    IF (SELECT count(*) > 2000 FROM (SELECT FROM mhub.workflow_counter LIMIT 2001) AS counted) THEN
        PERFORM mhub.fold_counters();
    END IF;
    RETURN changed;
END
$$;
COMMENT ON FUNCTION mhub.workflow_intake() IS
'One round of what makes people enter and wakes them: new events, requests of other workflows; and the engine''s housekeeping. Returns how much it found to do; 0 when another session is at it. Internal.';

CREATE FUNCTION mhub.next_schedule(settings jsonb, zone text, after timestamptz) RETURNS timestamptz
LANGUAGE sql STABLE PARALLEL SAFE STRICT SET search_path = pg_catalog, pg_temp AS $$
    -- The time of day of a date trigger comes at other moments in other zones, all of them quarters of an hour apart.
    SELECT CASE WHEN settings ->> 'type' = 'date' THEN date_bin('15 minutes', after, 'epoch'::timestamptz + coalesce(settings ->> 'at', '09:00')::time) + interval '15 minutes' ELSE (
        SELECT min(t.at)
        -- every day of the month is every day of the week within two years
        FROM generate_series(0, 800) AS d (ahead),
            LATERAL (SELECT (after AT TIME ZONE zone)::date + d.ahead AS day) AS l,
            LATERAL (SELECT mhub.add_local((l.day + (settings ->> 'at')::time) AT TIME ZONE zone, '0', zone) AS at) AS t
        WHERE t.at > after
          AND (settings -> 'weekdays' IS NULL OR settings -> 'weekdays' ? lower(to_char(l.day, 'Dy')))
          AND (settings -> 'day_of_month' IS NULL
               -- the 31st is the last day of a shorter month
               OR extract(day FROM l.day) = least((settings ->> 'day_of_month')::integer, extract(day FROM date_trunc('month', l.day) + interval '1 month - 1 day')))) END
$$;
COMMENT ON FUNCTION mhub.next_schedule(jsonb, text, timestamptz) IS
'The next time, after the given one, at which a trigger by the clock has to be looked at. schedule: local time "at" in zone, on the weekdays and day of the month it names (31 means the last day of shorter months). date: the next quarter of an hour at which it is "at" in some zone on earth. NULL for NULL, and for weekdays or a day that do not exist.';

CREATE FUNCTION mhub.message_refusals(version_id integer, step smallint, person_id bigint, at timestamptz) RETURNS integer[]
LANGUAGE sql STABLE PARALLEL UNSAFE SET search_path = pg_catalog, pg_temp AS $$
    SELECT array_agg(r.step * 1000 + r.refusal)
    FROM (
        SELECT m.step,
               CASE WHEN mhub.is_suppressed_person($3, c.channel) THEN 106
                    WHEN coalesce(m.settings ->> 'purpose', 'marketing') <> 'marketing' THEN NULL
                    WHEN c.consent_required AND NOT mhub.has_consent($3, 'marketing', c.channel) THEN 105
                    WHEN m.settings ? 'cap'
                    THEN (SELECT CASE WHEN k.room <= 0 THEN 104 ELSE 500 + least(k.room, 400) END
                          FROM (SELECT (m.settings #>> '{cap,count}')::integer - count(*) AS room FROM mhub.message AS x
                                WHERE x.person_id IN (SELECT mhub.person_family($3)) AND x.channel = c.channel AND x.purpose = 'marketing'
                                  AND x.created_at > $4 - (m.settings #>> '{cap,per}')::interval AND x.created_at <= $4
                                  AND x.state NOT IN ('suppressed', 'dead', 'failed')) AS k) END AS refusal
        FROM mhub.workflow_step AS f
        CROSS JOIN LATERAL unnest(f.messages_ahead) AS ahead (step)
        JOIN mhub.workflow_step AS m ON m.version_id = f.version_id AND m.step = ahead.step
        JOIN mhub.delivery_channel AS c ON c.channel = m.settings ->> 'channel'
        WHERE f.version_id = $1 AND f.step = $2
    ) AS r WHERE r.refusal IS NOT NULL
$$;
COMMENT ON FUNCTION mhub.message_refusals(integer, smallint, bigint, timestamptz) IS
'The messages ahead of a step that may not be sent to a person at a time, as step * 1000 + why: 104 the step''s frequency cap is used up, 105 the person has not consented to marketing on the channel, 106 the person is on the suppression list; 500 and more is no refusal but how many more messages the cap allows. NULL: none. Internal.';

CREATE FUNCTION mhub.date_occurrence(value text, yearly boolean, offset_by interval, time_of_day time, zone text, after timestamptz, upto timestamptz) RETURNS timestamptz
LANGUAGE sql STABLE PARALLEL SAFE STRICT SET search_path = pg_catalog, pg_temp AS $$
    SELECT min(t.at)
    FROM regexp_match(value, '^(\d{4})-(0[1-9]|1[0-2])-(0[1-9]|[12]\d|3[01])') AS part
    -- there is no year 0
    CROSS JOIN LATERAL generate_series(CASE WHEN yearly THEN extract(year FROM after)::integer - 1 ELSE nullif(part[1]::integer, 0) END,
                                       CASE WHEN yearly THEN extract(year FROM upto)::integer + 1 ELSE part[1]::integer END) AS y (year)
    CROSS JOIN LATERAL (SELECT make_date(y.year, part[2]::integer, 1) AS first) AS m
    -- 29 February is the 28th in other years
    CROSS JOIN LATERAL (SELECT least(m.first + part[3]::integer - 1, (m.first + interval '1 month')::date - 1) AS day) AS d
    CROSS JOIN LATERAL (SELECT ((d.day + offset_by)::date + time_of_day) AT TIME ZONE zone AS at) AS t
    WHERE t.at > after AND t.at <= upto
$$;
COMMENT ON FUNCTION mhub.date_occurrence(text, boolean, interval, time, text, timestamptz, timestamptz) IS
'The first time in (after, upto] at which a date (text beginning YYYY-MM-DD), moved by offset_by, has its time_of_day in zone; yearly: its anniversaries, 29 February being the 28th in other years. NULL if there is none, value is no date, or an argument is NULL.';

CREATE FUNCTION mhub.person_zone(traits jsonb, unless_known text) RETURNS text
LANGUAGE sql STABLE PARALLEL SAFE SET search_path = pg_catalog, pg_temp AS $$
    SELECT coalesce((SELECT z.name FROM (VALUES (1, traits ->> 'time_zone'), (2, traits ->> 'timezone')) AS z (place, name)
                     WHERE mhub.is_time_zone(z.name) ORDER BY z.place LIMIT 1), unless_known)
$$;
COMMENT ON FUNCTION mhub.person_zone(jsonb, text) IS
'A person''s time zone: trait time_zone, else timezone, if that is a name of the IANA database; else unless_known.';

CREATE FUNCTION mhub.scheduled_candidates(condition mhub.condition, after_person_id bigint, chunk integer) RETURNS bigint[]
LANGUAGE plpgsql STABLE PARALLEL UNSAFE SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    IF condition IS NOT NULL AND (SELECT c.access <> 'all' FROM mhub.condition_candidates(condition) AS c) THEN
        RETURN ARRAY(SELECT DISTINCT x.person_id FROM mhub.candidate_people(condition) AS x (person_id) WHERE x.person_id > after_person_id ORDER BY x.person_id LIMIT chunk);
    END IF;
    RETURN ARRAY(SELECT x.person_id FROM mhub.person AS x WHERE x.person_id > after_person_id AND x.merged_into IS NULL ORDER BY x.person_id LIMIT chunk);
END
$$;
COMMENT ON FUNCTION mhub.scheduled_candidates(mhub.condition, bigint, integer) IS
'The next persons, in the order of their ids, for whom a condition (NULL: none) might hold. Internal.';

CREATE FUNCTION mhub.scheduled_people(condition mhub.condition, after_person_id bigint, chunk integer, OUT person_ids bigint[], OUT last_person_id bigint)
RETURNS record LANGUAGE plpgsql STABLE PARALLEL UNSAFE SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    batch bigint[] := mhub.scheduled_candidates(condition, after_person_id, chunk);
BEGIN
    IF cardinality(batch) = chunk THEN
        last_person_id := batch[chunk];
    END IF;
    IF condition IS NULL THEN
        person_ids := batch;
    ELSE
        SELECT array_agg(p.person_id) INTO person_ids FROM mhub.profiles(batch, mhub.now(), condition) AS p WHERE mhub.matches(p.profile, condition, mhub.now());
    END IF;
END
$$;
COMMENT ON FUNCTION mhub.scheduled_people(mhub.condition, bigint, integer) IS
'The next people, in the order of their ids, for whom a condition (NULL: none) holds: out of the next chunk of candidates. last_person_id is where to go on; NULL: these were the last. Internal.';

CREATE FUNCTION mhub.dated_people(settings jsonb, zone text, condition mhub.condition, after_time timestamptz, upto timestamptz, after_person_id bigint, chunk integer,
    OUT person_ids bigint[], OUT times timestamptz[], OUT keys text[], OUT last_person_id bigint)
RETURNS record LANGUAGE plpgsql STABLE PARALLEL UNSAFE SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    yearly boolean := coalesce((settings ->> 'yearly')::boolean, false);
    offset_by interval := coalesce(settings ->> 'offset', '0')::interval;
    -- Whatever the zone, and however long the months, the trait's day is among these; that spares looking closer at most people.
    first_day date := ((after_time AT TIME ZONE 'UTC')::date - 5 - offset_by)::date;
    last_day date := ((upto AT TIME ZONE 'UTC')::date + 5 - offset_by)::date;
    days text[] := ARRAY(SELECT to_char(first_day + g, 'MM-DD') FROM generate_series(0, last_day - first_day) AS g);
    upto_person_id bigint;
BEGIN
    IF '02-28' = ANY (days) THEN
        days := days || '02-29'::text;
    END IF;
    SELECT max(x.person_id), CASE WHEN count(*) = chunk THEN max(x.person_id) END INTO upto_person_id, last_person_id
    FROM (SELECT p.person_id FROM mhub.person AS p WHERE p.person_id > after_person_id ORDER BY p.person_id LIMIT chunk) AS x;
    SELECT array_agg(d.person_id), array_agg(d.at), array_agg(to_char(d.at AT TIME ZONE d.zone, '"date" YYYY-MM-DD')) INTO person_ids, times, keys
    FROM (SELECT p.person_id, z.zone,
                 mhub.date_occurrence(p.traits ->> (settings ->> 'trait'), yearly, offset_by, coalesce(settings ->> 'at', '09:00')::time, z.zone, after_time, upto) AS at
          FROM mhub.person AS p CROSS JOIN LATERAL (SELECT mhub.person_zone(p.traits, dated_people.zone) AS zone) AS z
          WHERE p.person_id > after_person_id AND p.person_id <= upto_person_id AND p.merged_into IS NULL
            AND CASE WHEN yearly THEN substr(p.traits ->> (settings ->> 'trait'), 6, 5) = ANY (days)
                     ELSE left(p.traits ->> (settings ->> 'trait'), 10) COLLATE "C" BETWEEN to_char(first_day, 'YYYY-MM-DD') AND to_char(last_day, 'YYYY-MM-DD') END) AS d
    WHERE d.at IS NOT NULL AND (condition IS NULL OR mhub.person_matches(d.person_id, condition, mhub.now()));
END
$$;
COMMENT ON FUNCTION mhub.dated_people(jsonb, text, mhub.condition, timestamptz, timestamptz, bigint, integer) IS
'The next people, in the order of their ids, who have the date of a date trigger (settings) in (after_time, upto]: out of the next chunk of persons, with the times, and keys that make each date one entry. last_person_id is where to go on; NULL: these were the last. Internal.';

CREATE FUNCTION mhub.run_schedule_chunk(version_id integer, number smallint, chunk integer DEFAULT NULL) RETURNS bigint
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    s record;
    run record;
    entered bigint;
BEGIN
    SELECT x.settings, x.settings ->> 'type' = 'date' AS by_date, x.person_filter, x.done_until, x.done_upto, w.workflow_id, w.concurrent,
           coalesce(v.definition ->> 'time_zone', mhub.hub_time_zone()) AS zone,
           coalesce(x.run_until, CASE x.settings ->> 'type' WHEN 'date' THEN mhub.now() ELSE x.next_run_at END) AS run_until
    INTO s
    FROM mhub.workflow_schedule AS x JOIN mhub.workflow_version AS v USING (version_id) JOIN mhub.workflow AS w USING (workflow_id)
    WHERE x.version_id = run_schedule_chunk.version_id AND x.number = run_schedule_chunk.number FOR UPDATE OF x;
    IF s.by_date THEN
        SELECT d.person_ids, d.times, d.keys, d.last_person_id INTO run
        FROM mhub.dated_people(s.settings, s.zone, s.person_filter, s.done_until, s.run_until, s.done_upto, coalesce(chunk, 100000)) AS d;
    ELSE
        SELECT p.person_ids, array_fill(s.run_until, ARRAY[coalesce(cardinality(p.person_ids), 0)]) AS times,
               array_fill(CASE WHEN s.concurrent THEN to_char(s.run_until AT TIME ZONE 'UTC', '"schedule" YYYY-MM-DD HH24:MI') ELSE '' END, ARRAY[coalesce(cardinality(p.person_ids), 0)]) AS keys,
               p.last_person_id INTO run
        FROM mhub.scheduled_people(s.person_filter, s.done_upto, coalesce(chunk, 20000)) AS p;
    END IF;
    SELECT count(n.enrollment_id) INTO entered
    FROM mhub.enroll_people(array_fill(s.workflow_id, ARRAY[coalesce(cardinality(run.person_ids), 0)]), run.person_ids, run.times, run.keys,
                            array_fill('{}'::jsonb, ARRAY[coalesce(cardinality(run.person_ids), 0)]), run.times) AS n (enrollment_id);
    -- In the transaction of the entries: a crash goes on behind the last chunk, and leaves nobody out.
    UPDATE mhub.workflow_schedule AS x
    SET run_until = CASE WHEN run.last_person_id IS NOT NULL THEN s.run_until END,
        done_upto = coalesce(run.last_person_id, 0),
        done_until = CASE WHEN s.by_date AND run.last_person_id IS NULL THEN s.run_until ELSE x.done_until END,
        next_run_at = CASE WHEN run.last_person_id IS NOT NULL THEN x.next_run_at ELSE mhub.next_schedule(s.settings, s.zone, CASE WHEN s.by_date THEN s.run_until ELSE mhub.now() END) END
    WHERE x.version_id = run_schedule_chunk.version_id AND x.number = run_schedule_chunk.number;
    RETURN entered;
END
$$;
COMMENT ON FUNCTION mhub.run_schedule_chunk(integer, smallint, integer) IS
'Goes on with, or begins, a run of a trigger by the clock: looks at the next chunk of people (NULL: 20,000 for schedule, 100,000 for date) and notes how far it has come. Returns the number of entries. Internal.';

CREATE FUNCTION mhub.pass_over_person(version_id integer, number smallint, code text, error text) RETURNS void
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    s record;
    skipped bigint;
BEGIN
    SELECT x.*, v.workflow_id, x.settings ->> 'type' = 'date' AS by_date INTO s FROM mhub.workflow_schedule AS x JOIN mhub.workflow_version AS v USING (version_id)
    WHERE x.version_id = pass_over_person.version_id AND x.number = pass_over_person.number;
    skipped := CASE WHEN s.by_date THEN (SELECT min(p.person_id) FROM mhub.person AS p WHERE p.person_id > s.done_upto)
                    ELSE (mhub.scheduled_candidates(s.person_filter, s.done_upto, 1))[1] END;
    PERFORM mhub.note_intake_failure(s.workflow_id, 'schedule', format('person %s', skipped), code, error);
    UPDATE mhub.workflow_schedule AS x
    SET done_upto = coalesce(skipped, x.done_upto), run_until = coalesce(x.run_until, CASE WHEN s.by_date THEN mhub.now() ELSE x.next_run_at END)
    WHERE x.version_id = s.version_id AND x.number = s.number;
END
$$;
COMMENT ON FUNCTION mhub.pass_over_person(integer, smallint, text, text) IS
'Lets the run of a trigger by the clock go on behind its next person, whose data make it fail with this error. Internal.';

CREATE FUNCTION mhub.run_schedule(version_id integer, number smallint) RETURNS bigint
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    chunk integer;
BEGIN
    -- Smaller and smaller chunks until only the one is left out who makes it fail.
    FOREACH chunk IN ARRAY '{NULL,1000,30,1}'::integer[] LOOP
        BEGIN
            RETURN mhub.run_schedule_chunk(version_id, number, chunk);
        EXCEPTION WHEN OTHERS THEN
            IF NOT mhub.is_about_data(SQLSTATE) THEN
                RAISE;
            ELSIF chunk = 1 THEN
                PERFORM mhub.pass_over_person(version_id, number, SQLSTATE, SQLERRM);
            END IF;
        END;
    END LOOP;
    RETURN 0;
END
$$;
COMMENT ON FUNCTION mhub.run_schedule(integer, smallint) IS
'mhub.run_schedule_chunk(), but one person whose data make it fail holds up nobody else. Internal.';

CREATE FUNCTION mhub.run_schedules() RETURNS bigint
LANGUAGE sql VOLATILE PARALLEL UNSAFE SET search_path = pg_catalog, pg_temp AS $$
    SELECT coalesce(sum(1 + mhub.run_schedule(due.version_id, due.number)), 0)::bigint
    FROM (SELECT x.version_id, x.number
          FROM mhub.workflow_schedule AS x JOIN mhub.workflow AS w ON w.active_version_id = x.version_id AND w.state = 'active'
          WHERE x.next_run_at <= mhub.now() OFFSET 0) AS due
$$;
COMMENT ON FUNCTION mhub.run_schedules() IS
'Lets people enter by the clock: a chunk of every trigger that is due. Returns 0 when there was nothing to do. Internal.';

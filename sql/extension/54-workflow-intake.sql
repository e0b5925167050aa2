-- What makes people enter workflows and wakes them: events, requests, the clock.

CREATE FUNCTION mhub.event_as_context(event_id bigint, name text, occurred_at timestamptz, properties jsonb) RETURNS jsonb
LANGUAGE sql STABLE PARALLEL SAFE SET search_path = pg_catalog, pg_temp
AS $$ SELECT jsonb_build_object('event_id', event_id, 'name', name, 'occurred_at', occurred_at, 'properties', properties) $$;
COMMENT ON FUNCTION mhub.event_as_context(bigint, text, timestamptz, jsonb) IS
'An event as conditions and templates of a workflow see it: $context.event (what triggered) and $context.last_event (what was waited for). Internal.';

CREATE FUNCTION mhub.person_matches(person_id bigint, condition mhub.condition, at timestamptz DEFAULT mhub.now()) RETURNS boolean
LANGUAGE plpgsql STABLE PARALLEL UNSAFE SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    RETURN mhub.matches(mhub.profile(person_id, at), condition, at);
END
$$;
COMMENT ON FUNCTION mhub.person_matches(bigint, mhub.condition, timestamptz) IS
'Whether a condition holds for a person''s profile at a time. NULL or unknown gives NULL.';

CREATE FUNCTION mhub.trigger_workflows(after_event_id bigint, upto_event_id bigint) RETURNS bigint
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
COMMENT ON FUNCTION mhub.trigger_workflows(bigint, bigint) IS
'Lets people enter the workflows that the events of a range of ids trigger. Events that are invalid, or occurred more than a day ago, trigger nothing. Returns the number of entries. Internal.';

CREATE FUNCTION mhub.signal_enrollments(after_event_id bigint, upto_event_id bigint) RETURNS bigint
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
        JOIN mhub.workflow_listener AS l ON l.event_name = ev.name AND l.role <> 'trigger'
        JOIN mhub.identifier AS i ON i.identifier_id = ev.identifier_id
        JOIN mhub.enrollment AS e ON e.person_id = i.person_id AND e.version_id = l.version_id AND e.outcome = 0
        WHERE ev.event_id > after_event_id AND ev.event_id <= upto_event_id AND ev.invalid_reason IS NULL
          AND ev.occurred_at >= e.entered_at AND ev.event_id::text IS DISTINCT FROM e.context #>> '{event,event_id}'
          -- who has entered but not moved yet may be on the way to the wait
          AND (l.role <> 'wait' OR e.step = l.number OR e.hops = 0)
          AND (l.event_filter IS NULL OR mhub.matches(ev.properties, l.event_filter))
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
COMMENT ON FUNCTION mhub.signal_enrollments(bigint, bigint) IS
'Wakes the people whom the events of a range of ids concern: awaited events, goals, exit criteria. An event counts if it occurred after the entry and is not the one that caused it. Returns how many were woken. Internal.';

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

CREATE FUNCTION mhub.carry_out_requests() RETURNS bigint
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    ids bigint[];
BEGIN
    WITH request AS (DELETE FROM mhub.enrollment_request RETURNING person_id, workflow_id)
    SELECT array_agg(e.enrollment_id) INTO ids
    FROM request AS r JOIN mhub.enrollment AS e ON e.person_id = r.person_id AND e.workflow_id = r.workflow_id AND e.outcome = 0;
    IF ids IS NULL THEN
        RETURN 0;
    END IF;
    UPDATE mhub.enrollment AS e SET signal = -3, wake_at = mhub.now() WHERE e.enrollment_id = ANY (ids) AND e.outcome = 0;
    INSERT INTO mhub.enrollment_wake (slice, wake_at)
    SELECT DISTINCT mhub.slice_of(e.ctid), mhub.now() FROM mhub.enrollment AS e WHERE e.enrollment_id = ANY (ids);
    RETURN cardinality(ids);
END
$$;
COMMENT ON FUNCTION mhub.carry_out_requests() IS 'Wakes the people whom exit_workflow steps take out of other workflows. Returns how many. Internal.';

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
        changed := changed + mhub.trigger_workflows(claimed.after_event_id, claimed.upto_event_id)
                           + mhub.signal_enrollments(claimed.after_event_id, claimed.upto_event_id);
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
    SELECT min(t.at)
    FROM generate_series(0, 62) AS d (ahead),
        LATERAL (SELECT (after AT TIME ZONE zone)::date + d.ahead AS day) AS l,
        LATERAL (SELECT mhub.add_local((l.day + (settings ->> 'at')::time) AT TIME ZONE zone, '0', zone) AS at) AS t
    WHERE t.at > after
      AND (settings -> 'weekdays' IS NULL OR settings -> 'weekdays' ? lower(to_char(l.day, 'Dy')))
      AND (settings -> 'day_of_month' IS NULL
           -- the 31st is the last day of a shorter month
           OR extract(day FROM l.day) = least((settings ->> 'day_of_month')::integer, extract(day FROM date_trunc('month', l.day) + interval '1 month - 1 day')))
$$;
COMMENT ON FUNCTION mhub.next_schedule(jsonb, text, timestamptz) IS
'The next time, after the given one, at which a schedule trigger fires: local time "at" in zone, on the weekdays and day of the month it names (31 means the last day of shorter months). NULL when there is none within two months, or for NULL.';

CREATE FUNCTION mhub.message_refusals(version_id integer, step smallint, person_id bigint, at timestamptz) RETURNS integer[]
LANGUAGE sql STABLE PARALLEL UNSAFE SET search_path = pg_catalog, pg_temp AS $$
    SELECT array_agg(r.step * 1000 + r.refusal)
    FROM (
        SELECT m.step,
               CASE WHEN mhub.is_suppressed_person($3, c.channel) THEN 106
                    WHEN coalesce(m.settings ->> 'purpose', 'marketing') <> 'marketing' THEN NULL
                    WHEN c.consent_required AND NOT mhub.has_consent($3, 'marketing', c.channel) THEN 105
                    WHEN (m.settings #>> '{cap,count}')::integer
                         <= (SELECT count(*) FROM mhub.message AS x
                             WHERE x.person_id = $3 AND x.channel = c.channel AND x.purpose = 'marketing'
                               AND x.created_at > $4 - (m.settings #>> '{cap,per}')::interval AND x.created_at <= $4
                               AND x.state NOT IN ('suppressed', 'dead', 'failed')) THEN 104 END AS refusal
        FROM mhub.workflow_step AS f
        CROSS JOIN LATERAL unnest(f.messages_ahead) AS ahead (step)
        JOIN mhub.workflow_step AS m ON m.version_id = f.version_id AND m.step = ahead.step
        JOIN mhub.delivery_channel AS c ON c.channel = m.settings ->> 'channel'
        WHERE f.version_id = $1 AND f.step = $2
    ) AS r WHERE r.refusal IS NOT NULL
$$;
COMMENT ON FUNCTION mhub.message_refusals(integer, smallint, bigint, timestamptz) IS
'The messages ahead of a step that may not be sent to a person at a time, as step * 1000 + why: 104 the step''s frequency cap is used up, 105 the person has not consented to marketing on the channel, 106 the person is on the suppression list. NULL: none. Internal.';

CREATE FUNCTION mhub.date_occurrence(value text, yearly boolean, offset_by interval, time_of_day time, zone text, after timestamptz, upto timestamptz) RETURNS timestamptz
LANGUAGE sql STABLE PARALLEL SAFE STRICT SET search_path = pg_catalog, pg_temp AS $$
    SELECT min(t.at)
    FROM regexp_match(value, '^(\d{4})-(0[1-9]|1[0-2])-(0[1-9]|[12]\d|3[01])') AS part
    CROSS JOIN LATERAL generate_series(CASE WHEN yearly THEN extract(year FROM after)::integer - 1 ELSE part[1]::integer END,
                                       CASE WHEN yearly THEN extract(year FROM upto)::integer + 1 ELSE part[1]::integer END) AS y (year)
    CROSS JOIN LATERAL (SELECT make_date(y.year, part[2]::integer, 1) AS first) AS m
    -- 29 February is the 28th in other years
    CROSS JOIN LATERAL (SELECT least(m.first + part[3]::integer - 1, (m.first + interval '1 month')::date - 1) AS day) AS d
    CROSS JOIN LATERAL (SELECT ((d.day + offset_by)::date + time_of_day) AT TIME ZONE zone AS at) AS t
    WHERE part[1]::integer BETWEEN 1 AND 9999 AND t.at > after AND t.at <= upto
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

CREATE FUNCTION mhub.run_schedules() RETURNS bigint
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    s record;
    entered bigint;
    total bigint := 0;
BEGIN
    FOR s IN
        SELECT x.version_id, x.number, x.settings, x.person_filter, x.next_run_at, w.workflow_id, w.concurrent,
               coalesce(v.definition ->> 'time_zone', mhub.hub_time_zone()) AS zone
        FROM mhub.workflow_schedule AS x
        JOIN mhub.workflow AS w ON w.active_version_id = x.version_id AND w.state = 'active'
        JOIN mhub.workflow_version AS v ON v.version_id = x.version_id
        WHERE x.next_run_at <= mhub.now() FOR UPDATE OF x
    LOOP
        WITH due AS (
            -- a date is planned a day ahead, so that everybody enters at the very moment
            SELECT p.person_id,
                   CASE s.settings ->> 'type' WHEN 'schedule' THEN mhub.now()
                        ELSE mhub.date_occurrence(p.traits ->> (s.settings ->> 'trait'), coalesce((s.settings ->> 'yearly')::boolean, false),
                                 coalesce((s.settings ->> 'offset')::interval, '0'), coalesce((s.settings ->> 'at')::time, '09:00'),
                                 mhub.person_zone(p.traits, s.zone), s.next_run_at, mhub.now() + interval '1 day') END AS at
            FROM mhub.person AS p
            WHERE p.merged_into IS NULL AND (s.settings ->> 'type' = 'schedule' OR p.traits ? (s.settings ->> 'trait'))
        ), list AS (
            SELECT array_agg(s.workflow_id) AS workflow_ids, array_agg(d.person_id) AS person_ids, array_agg(d.at) AS times,
                   array_agg(CASE WHEN s.settings ->> 'type' = 'date' THEN 'date ' || (d.at AT TIME ZONE 'UTC')::date
                                  WHEN s.concurrent THEN 'schedule ' || s.next_run_at ELSE '' END) AS keys,
                   array_agg('{}'::jsonb) AS contexts
            FROM due AS d
            WHERE d.at IS NOT NULL
              AND (s.person_filter IS NULL OR mhub.person_matches(d.person_id, s.person_filter, mhub.now()))
        )
        SELECT count(n.enrollment_id) INTO entered FROM list AS l,
            LATERAL mhub.enroll_people(l.workflow_ids, l.person_ids, l.times, l.keys, l.contexts, l.times) AS n (enrollment_id);
        total := total + entered;
        UPDATE mhub.workflow_schedule AS x
        SET next_run_at = CASE s.settings ->> 'type' WHEN 'date' THEN mhub.now() + interval '1 day' ELSE mhub.next_schedule(s.settings, s.zone, mhub.now()) END
        WHERE x.version_id = s.version_id AND x.number = s.number;
    END LOOP;
    RETURN total;
END
$$;
COMMENT ON FUNCTION mhub.run_schedules() IS
'Lets people enter by the clock: schedule triggers that are due, and the next day''s occurrences of date triggers. Returns the number of entries. Internal.';

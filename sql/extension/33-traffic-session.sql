-- Sessions from events.

CREATE FUNCTION mhub.page_of(url text, properties jsonb) RETURNS text
LANGUAGE sql IMMUTABLE PARALLEL SAFE SET search_path = pg_catalog, pg_temp AS $$
    SELECT coalesce(nullif(split_part(split_part(url, '?', 1), '#', 1), ''), properties ->> 'name')
$$;
COMMENT ON FUNCTION mhub.page_of(text, jsonb) IS
'What a page is called in reports: the event''s address without query and fragment, or properties.name where it has no address; NULL without both.';

CREATE FUNCTION mhub.retired_before(parent text) RETURNS timestamptz
LANGUAGE sql STABLE PARALLEL SAFE SET search_path = pg_catalog, pg_temp AS $$
    SELECT coalesce((SELECT p.retired_before FROM mhub.partition_policy AS p WHERE p.parent = retired_before.parent), '-infinity')
$$;
COMMENT ON FUNCTION mhub.retired_before(text) IS
'The time before which a table of mhub.partition_policy has lost partitions, so that nothing from before can be made anew from it; -infinity when it has lost none, or is not in the policy.';

CREATE FUNCTION mhub.sessionize(person_ids bigint[], since timestamptz[], upto timestamptz[], identifier_ids bigint[], owner_ids bigint[], upto_event_id bigint) RETURNS void
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE SET search_path = pg_catalog, pg_temp SET jit = off AS $$
DECLARE
    policy mhub.session_policy;
    retired timestamptz := mhub.retired_before('event');
    starts timestamptz[];
    start_ids bigint[];
    ends timestamptz[];
BEGIN
    SELECT * INTO STRICT policy FROM mhub.session_policy;
    -- A session's start depends on earlier events only, and events at one time are in the order of
    -- their ids. So it is enough to begin with the last session that started before the first time
    -- that changed, and to make everything behind it anew. What was seen before ends with the last
    -- session: looking no further keeps a long history to be caught up with from being read at every
    -- step. Sessions whose events are retired stay as they are, and what follows begins behind them.
    SELECT array_agg(greatest(b.started_at, CASE WHEN b.started_at IS NULL THEN p.since END, retired, k.behind) ORDER BY p.n),
           array_agg(coalesce(b.session_id, 0) ORDER BY p.n), array_agg(greatest(p.upto, l.ended_at) ORDER BY p.n)
    INTO starts, start_ids, ends
    FROM unnest(person_ids, since, upto) WITH ORDINALITY AS p(person_id, since, upto, n)
    LEFT JOIN LATERAL (
        SELECT s.started_at, s.session_id FROM mhub.session AS s
        WHERE s.person_id = p.person_id AND s.started_at < p.since AND s.started_at >= retired ORDER BY s.started_at DESC, s.session_id DESC LIMIT 1
    ) AS b ON true
    LEFT JOIN LATERAL (
        SELECT s.ended_at FROM mhub.session AS s WHERE s.person_id = p.person_id ORDER BY s.started_at DESC, s.session_id DESC LIMIT 1
    ) AS l ON true
    LEFT JOIN LATERAL (
        SELECT max(s.ended_at) + interval '1 microsecond' AS behind FROM mhub.session AS s
        WHERE s.person_id = p.person_id AND s.started_at < retired AND isfinite(retired)
    ) AS k ON true;

    WITH gone AS (
        DELETE FROM mhub.session AS s USING unnest(person_ids, starts, start_ids) AS p(person_id, since, since_id)
        WHERE s.person_id = p.person_id AND s.started_at >= p.since AND (s.started_at > p.since OR s.session_id >= p.since_id)
        RETURNING s.session_id
    )
    DELETE FROM mhub.session_page AS p USING gone AS g WHERE p.session_id = g.session_id;

    WITH seen AS (
        SELECT p.person_id, e.event_id, e.identifier_id, e.occurred_at, e.type IN ('page', 'screen') AS is_page,
               mhub.page_of(e.url, e.properties) AS page, e.name, e.properties -> 'engaged_time' AS engaged_time,
               e.channel, e.source, e.medium, e.campaign, coalesce(e.is_paid, false) AS is_paid, coalesce(mhub.counted_value(e.value, e.currency, e.occurred_at), 0) AS value,
               CASE WHEN e.channel <> 'Direct' THEN format('%L %L %L', e.source, e.medium, e.campaign) END AS arrival,
               lag(e.occurred_at) OVER person AS before
        FROM unnest(person_ids, starts, start_ids, ends) AS p(person_id, since, since_id, upto)
        JOIN unnest(owner_ids, identifier_ids) AS i(person_id, identifier_id) ON i.person_id = p.person_id
        JOIN mhub.event AS e ON e.identifier_id = i.identifier_id AND e.occurred_at >= p.since AND e.occurred_at <= p.upto
        WHERE (e.occurred_at > p.since OR e.event_id >= p.since_id)
          AND e.event_id <= upto_event_id AND e.invalid_reason IS NULL AND e.type <> 'hub'
          AND (e.type IN ('page', 'screen') OR e.url IS NOT NULL OR e.user_agent IS NOT NULL)
        WINDOW person AS (PARTITION BY p.person_id ORDER BY e.occurred_at, e.event_id)
    ), parted AS (
        SELECT s.*, count(*) FILTER (WHERE s.before IS NULL OR s.occurred_at - s.before > policy.gap
                                        OR (s.occurred_at AT TIME ZONE policy.midnight_time_zone)::date <> (s.before AT TIME ZONE policy.midnight_time_zone)::date)
                    OVER (PARTITION BY s.person_id ORDER BY s.occurred_at, s.event_id) AS part
        FROM seen AS s
    ), arrived AS (
        -- Within a part without gaps an arrival from elsewhere than the last one starts a session.
        SELECT p.*, row_number() OVER part_order = 1
                    OR p.arrival IS NOT NULL AND p.arrival IS DISTINCT FROM lag(p.arrival) OVER (PARTITION BY p.person_id, p.part, p.arrival IS NOT NULL ORDER BY p.occurred_at, p.event_id) AS is_start
        FROM parted AS p
        WINDOW part_order AS (PARTITION BY p.person_id, p.part ORDER BY p.occurred_at, p.event_id)
    ), numbered AS (
        SELECT a.*, count(*) FILTER (WHERE a.is_start) OVER (PARTITION BY a.person_id ORDER BY a.occurred_at, a.event_id) AS session_no
        FROM arrived AS a
    ), placed AS (
        SELECT n.*, first_value(n.event_id) OVER session AS session_id,
               count(*) FILTER (WHERE n.is_page) OVER session AS page_no,
               CASE WHEN jsonb_typeof(n.engaged_time) = 'number' THEN round(least(greatest(n.engaged_time::numeric, 0), 86400), 6) * interval '1 second'
                    WHEN n.name = 'Heartbeat' AND n.event_id <> first_value(n.event_id) OVER session THEN least(n.occurred_at - lag(n.occurred_at) OVER session, policy.heartbeat)
               END AS engaged
        FROM numbered AS n
        WINDOW session AS (PARTITION BY n.person_id, n.session_no ORDER BY n.occurred_at, n.event_id)
    ), made AS (
        INSERT INTO mhub.session (session_id, person_id, identifier_id, started_at, ended_at, events, pages, entry_page, exit_page,
                                  channel, source, medium, campaign, is_paid, engaged, value)
        SELECT p.session_id, p.person_id, min(p.identifier_id) FILTER (WHERE p.event_id = p.session_id), min(p.occurred_at), max(p.occurred_at),
               count(*), max(p.page_no),
               (array_agg(p.page ORDER BY p.occurred_at, p.event_id) FILTER (WHERE p.is_page))[1],
               (array_agg(p.page ORDER BY p.occurred_at DESC, p.event_id DESC) FILTER (WHERE p.is_page))[1],
               coalesce((array_agg(p.channel ORDER BY p.occurred_at, p.event_id) FILTER (WHERE p.channel IS NOT NULL))[1], 'Direct'),
               (array_agg(p.source ORDER BY p.occurred_at, p.event_id) FILTER (WHERE p.channel IS NOT NULL))[1],
               (array_agg(p.medium ORDER BY p.occurred_at, p.event_id) FILTER (WHERE p.channel IS NOT NULL))[1],
               (array_agg(p.campaign ORDER BY p.occurred_at, p.event_id) FILTER (WHERE p.channel IS NOT NULL))[1],
               coalesce((array_agg(p.is_paid ORDER BY p.occurred_at, p.event_id) FILTER (WHERE p.channel IS NOT NULL))[1], false),
               coalesce(sum(p.engaged), '0'), sum(p.value)
        FROM placed AS p GROUP BY p.session_id, p.person_id
    )
    INSERT INTO mhub.session_page (session_id, position, event_id, page, entered_at, dwell, engaged)
    SELECT v.session_id, v.page_no, v.event_id, v.page, v.occurred_at,
           coalesce(lead(v.occurred_at) OVER (PARTITION BY v.session_id ORDER BY v.page_no), v.ended_at) - v.occurred_at, v.engaged_there
    FROM (SELECT p.*, max(p.occurred_at) OVER (PARTITION BY p.session_id) AS ended_at,
                 coalesce(sum(p.engaged) OVER (PARTITION BY p.session_id, p.page_no), '0') AS engaged_there
          FROM placed AS p) AS v
    WHERE v.is_page;
END
$$;
COMMENT ON FUNCTION mhub.sessionize(bigint[], timestamptz[], timestamptz[], bigint[], bigint[], bigint) IS
'Makes the sessions of persons anew from their events up to upto_event_id: those of person_ids[i] from the session under way at since[i] on. identifier_ids are the identifiers of them all, identifier_ids[k] that of person owner_ids[k]. No event of theirs up to upto_event_id that counts may lie behind both upto[i] and their last session. Persons must be surviving ones, each named once. For mhub.refresh_session_step().';

CREATE FUNCTION mhub.session_work(after_event_id bigint, upto_event_id bigint, after_merge_id bigint, OUT merged_ids bigint[],
    OUT person_ids bigint[], OUT since timestamptz[], OUT upto timestamptz[], OUT identifier_ids bigint[], OUT owner_ids bigint[])
RETURNS record LANGUAGE sql VOLATILE PARALLEL UNSAFE SET search_path = pg_catalog, pg_temp AS $$
    WITH told AS (
        DELETE FROM mhub.session_todo AS t WHERE t.ctid = ANY (ARRAY(SELECT n.ctid FROM mhub.session_todo AS n LIMIT 10000))
        RETURNING t.identifier_id, t.since
    ), merged AS MATERIALIZED (
        SELECT DISTINCT p.person_id FROM mhub.merge_log AS m CROSS JOIN LATERAL (VALUES (m.person_id), (m.other_person_id)) AS p(person_id)
        WHERE m.merge_id > after_merge_id
    ), changed AS (
        SELECT i.person_id, min(e.occurred_at) AS since, max(e.occurred_at) AS upto
        FROM mhub.event AS e JOIN mhub.identifier AS i ON i.identifier_id = e.identifier_id
        WHERE e.event_id > after_event_id AND e.event_id <= upto_event_id
        GROUP BY i.person_id
        UNION ALL
        SELECT i.person_id, min(t.since), 'infinity' FROM told AS t JOIN mhub.identifier AS i ON i.identifier_id = t.identifier_id GROUP BY i.person_id
        UNION ALL
        SELECT mhub.resolve_person(m.person_id), '-infinity', 'infinity' FROM merged AS m
    ), once AS MATERIALIZED (
        SELECT c.person_id, min(c.since) AS since, max(c.upto) AS upto FROM changed AS c WHERE c.person_id IS NOT NULL GROUP BY c.person_id
    ), owned AS (
        SELECT array_agg(i.identifier_id) AS identifier_ids, array_agg(i.person_id) AS owner_ids FROM once AS o JOIN mhub.identifier AS i ON i.person_id = o.person_id
    ), listed AS (
        SELECT array_agg(o.person_id) AS person_ids, array_agg(o.since) AS since, array_agg(o.upto) AS upto FROM once AS o
    )
    SELECT (SELECT array_agg(m.person_id) FROM merged AS m), l.person_ids, l.since, l.upto, w.identifier_ids, w.owner_ids FROM listed AS l CROSS JOIN owned AS w
$$;
COMMENT ON FUNCTION mhub.session_work(bigint, bigint, bigint) IS
'Whose sessions are to be made anew, since when and up to when: because of events with after_event_id < event_id <= upto_event_id, of merges and splits with a merge_id above after_merge_id, and of mhub.session_todo, of which it takes up to 10,000 rows; with the identifiers of all these persons (owner_ids[k] has identifier_ids[k]). merged_ids: all persons that those merges and splits name. All from one snapshot, so that no event is two persons''. NULL where there is nothing to do. For mhub.refresh_session_step().';

CREATE FUNCTION mhub.refresh_session_step(after_event_id bigint, upto_event_id bigint, after_merge_id bigint) RETURNS void
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    retired timestamptz := mhub.retired_before('event');
    work record;
BEGIN
    SELECT * INTO work FROM mhub.session_work(after_event_id, upto_event_id, after_merge_id);
    -- The sessions of persons merged away go first: their events are another person's now. Those that
    -- cannot be made anew go over to who has their first event.
    WITH gone AS (
        DELETE FROM mhub.session AS s WHERE s.person_id = ANY (work.merged_ids) AND s.started_at >= retired RETURNING s.session_id
    )
    DELETE FROM mhub.session_page AS p USING gone AS g WHERE p.session_id = g.session_id;
    UPDATE mhub.session AS s SET person_id = i.person_id FROM mhub.identifier AS i
    WHERE s.person_id = ANY (work.merged_ids) AND s.started_at < retired AND i.identifier_id = s.identifier_id AND i.person_id <> s.person_id;
    IF work.person_ids IS NOT NULL THEN
        PERFORM mhub.sessionize(work.person_ids, work.since, work.upto, work.identifier_ids, work.owner_ids, upto_event_id);
    END IF;
END
$$;
COMMENT ON FUNCTION mhub.refresh_session_step(bigint, bigint, bigint) IS
'One step of mhub.refresh_sessions(): what events with after_event_id < event_id <= upto_event_id, merges and splits with a merge_id above after_merge_id and mhub.session_todo change about the sessions.';

CREATE PROCEDURE mhub.refresh_sessions(max_time interval DEFAULT '15 seconds')
LANGUAGE plpgsql AS $$
DECLARE
    enough timestamptz := pg_catalog.clock_timestamp() OPERATOR(pg_catalog.+) max_time;
    events record;
    merged bigint;
    merge_horizon bigint;
BEGIN
    LOOP
        -- The consumer's row keeps a second caller waiting until this step is committed.
        SELECT c.after_event_id, c.upto_event_id INTO events FROM mhub.claim_events('sessions', 20000) AS c;
        INSERT INTO mhub.consumer (name) VALUES ('session_merges') ON CONFLICT DO NOTHING;
        SELECT c.last_event_id INTO merged FROM mhub.consumer AS c WHERE c.name OPERATOR(pg_catalog.=) 'session_merges' FOR UPDATE;
        -- Merges behind the horizon that are seen already count in this step, and once more when the horizon has passed them.
        merge_horizon := mhub.merge_horizon();
        PERFORM mhub.refresh_session_step(events.after_event_id, events.upto_event_id, merged);
        UPDATE mhub.consumer AS c SET last_event_id = merge_horizon, updated_at = pg_catalog.now()
        WHERE c.name OPERATOR(pg_catalog.=) 'session_merges' AND c.last_event_id OPERATOR(pg_catalog.<>) merge_horizon;
        COMMIT;
        EXIT WHEN events.upto_event_id OPERATOR(pg_catalog.=) events.after_event_id AND NOT EXISTS (SELECT FROM mhub.session_todo)
               OR pg_catalog.clock_timestamp() OPERATOR(pg_catalog.>=) enough;
    END LOOP;
END
$$;
COMMENT ON PROCEDURE mhub.refresh_sessions(interval) IS
'Brings mhub.session up to date with new and late events, merges and splits of persons, and events judged anew, in steps of 20,000 event ids, committing each, for at most about max_time. The outcome depends on the events only, not on the order in which they came. mhub.run_jobs() calls it every 30 seconds.';

CREATE FUNCTION mhub.rebuild_sessions(since timestamptz) RETURNS bigint
LANGUAGE sql VOLATILE PARALLEL UNSAFE SET search_path = pg_catalog, pg_temp AS $$
    WITH told AS (
        INSERT INTO mhub.session_todo (identifier_id, since)
        SELECT e.identifier_id, min(e.occurred_at) FROM mhub.event AS e WHERE e.occurred_at >= rebuild_sessions.since GROUP BY e.identifier_id
        RETURNING 1
    )
    SELECT count(*) FROM told
$$;
COMMENT ON FUNCTION mhub.rebuild_sessions(timestamptz) IS
'Has the sessions of everybody with events since then made anew by the next mhub.refresh_sessions(), from that time on: after a change of mhub.session_policy. Returns the number of identifiers concerned.';

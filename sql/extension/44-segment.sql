-- Segments: from a person to its segments, from a segment to its people, and the changes in between.

CREATE FUNCTION mhub.condition_references(condition mhub.condition, OUT kind text, OUT name text)
RETURNS SETOF record LANGUAGE c IMMUTABLE PARALLEL SAFE STRICT ROWS 5 AS 'MODULE_PATHNAME', 'mhub_condition_references';
COMMENT ON FUNCTION mhub.condition_references(mhub.condition) IS
'What a condition looks at, in order of appearance: kind attribute (name: its path), event or segment. Paths inside any and where are not listed. NULL gives no row.';

CREATE FUNCTION mhub.condition_candidates(condition mhub.condition, OUT access text, OUT documents jsonb[], OUT name text)
RETURNS record LANGUAGE c IMMUTABLE PARALLEL SAFE STRICT AS 'MODULE_PATHNAME', 'mhub_condition_candidates';
COMMENT ON FUNCTION mhub.condition_candidates(mhub.condition) IS
'Where an index finds all people who may fulfil a condition, at any time: access trait (their traits contain one of documents), event (they did the event name), segment (they are in the segment name) or all (no index helps). NULL gives NULL.';

CREATE FUNCTION mhub.candidate_people(condition mhub.condition) RETURNS SETOF bigint
LANGUAGE plpgsql STABLE PARALLEL UNSAFE STRICT SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    way record;
BEGIN
    SELECT * INTO way FROM mhub.condition_candidates(condition);
    CASE way.access
        WHEN 'trait' THEN
            RETURN QUERY SELECT DISTINCT p.person_id FROM unnest(way.documents) AS d (document)
                JOIN mhub.person AS p ON p.traits @> d.document AND p.traits <> '{}' WHERE p.merged_into IS NULL;
        WHEN 'event' THEN
            RETURN QUERY SELECT DISTINCT i.person_id FROM mhub.event_counter AS c
                JOIN mhub.identifier AS i ON i.identifier_id = c.identifier_id WHERE c.name = way.name;
        WHEN 'segment' THEN
            RETURN QUERY SELECT c.person_id FROM mhub.segment_candidates(way.name) AS c (person_id);
        ELSE
            RETURN QUERY SELECT p.person_id FROM mhub.person AS p WHERE p.merged_into IS NULL;
    END CASE;
END
$$;
COMMENT ON FUNCTION mhub.candidate_people(mhub.condition) IS
'Everybody who may fulfil a condition, now or later, found through an index where mhub.condition_candidates() knows one: a superset to be checked. NULL gives no row.';

CREATE FUNCTION mhub.segment_candidates(key text) RETURNS SETOF bigint
LANGUAGE sql STABLE PARALLEL UNSAFE STRICT SET search_path = pg_catalog, pg_temp AS $$
    SELECT c.person_id FROM mhub.segment AS s, LATERAL mhub.candidate_people(s.condition) AS c (person_id) WHERE s.key = $1
    UNION
    SELECT mhub.resolve_person(l.person_id) FROM mhub.segment_listed AS l WHERE l.segment = $1
$$;
COMMENT ON FUNCTION mhub.segment_candidates(text) IS
'Everybody who may be in a segment: mhub.candidate_people() of its condition, or those on the list. NULL or an unknown segment gives no row.';

CREATE FUNCTION mhub.is_somebody(person_id bigint) RETURNS boolean
LANGUAGE sql STABLE PARALLEL SAFE SET search_path = pg_catalog, pg_temp AS $$
    SELECT EXISTS (SELECT FROM mhub.identifier AS i WHERE i.person_id = $1 AND i.kind <> 'erased')
$$;
COMMENT ON FUNCTION mhub.is_somebody(bigint) IS
'Whether a person goes by any name: neither those who were erased, nor the pseudonyms that their events are counted under, are in segments. False for NULL, an unknown or a merged-away person.';

CREATE FUNCTION mhub.people_matching(condition mhub.condition, at timestamptz DEFAULT mhub.now()) RETURNS SETOF bigint
LANGUAGE plpgsql STABLE PARALLEL UNSAFE STRICT SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    batch bigint[];
BEGIN
    FOR batch IN
        SELECT array_agg(numbered.person_id)
        FROM (SELECT c.person_id, row_number() OVER () / 1000 AS number FROM mhub.candidate_people(condition) AS c (person_id)) AS numbered
        GROUP BY numbered.number
    LOOP
        RETURN QUERY SELECT p.person_id FROM mhub.profiles(batch, at, condition) AS p
            WHERE mhub.matches(p.profile, condition, at) AND mhub.is_somebody(p.person_id);
    END LOOP;
END
$$;
COMMENT ON FUNCTION mhub.people_matching(mhub.condition, timestamptz) IS
'Everybody whose profile fulfils a condition at a time (default mhub.now()). Candidates come from an index where the condition has a part that one answers: a trait''s value, an event done, a segment. NULL gives no row.';

CREATE FUNCTION mhub.segment_people(key text) RETURNS SETOF bigint
LANGUAGE sql STABLE PARALLEL SAFE STRICT SET search_path = pg_catalog, pg_temp AS $$
    SELECT m.person_id FROM mhub.segment_member AS m WHERE m.segment = $1
$$;
COMMENT ON FUNCTION mhub.segment_people(text) IS
'The people in a segment as of the last refresh; for this very moment ask mhub.people_matching(). How many: mhub.segment.member_count. NULL or an unknown segment gives no row.';

CREATE FUNCTION mhub.person_segments(person_id bigint, at timestamptz DEFAULT mhub.now()) RETURNS SETOF text
LANGUAGE sql STABLE PARALLEL UNSAFE STRICT SET search_path = pg_catalog, pg_temp AS $$
    SELECT s.key FROM jsonb_array_elements_text(mhub.profile($1, $2)->'$segments') AS s (key)
$$;
COMMENT ON FUNCTION mhub.person_segments(bigint, timestamptz) IS
'The segments a person is in at a time (default mhub.now()), computed afresh. NULL or an unknown person gives no row.';

CREATE FUNCTION mhub.require_segment_list(key text) RETURNS void
LANGUAGE plpgsql STABLE PARALLEL SAFE STRICT SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    IF NOT EXISTS (SELECT FROM mhub.segment AS s WHERE s.key = $1) THEN
        RAISE EXCEPTION 'segment "%" does not exist', key USING ERRCODE = 'undefined_object',
            HINT = 'INSERT INTO mhub.segment (key) makes a list.';
    ELSIF EXISTS (SELECT FROM mhub.segment AS s WHERE s.key = $1 AND s.condition IS NOT NULL) THEN
        RAISE EXCEPTION 'segment "%" is no list', key USING ERRCODE = 'wrong_object_type',
            DETAIL = 'Its condition says who is in it.';
    END IF;
END
$$;
COMMENT ON FUNCTION mhub.require_segment_list(text) IS
'Raises undefined_object for an unknown segment, wrong_object_type for one with a condition. NULL does nothing.';

CREATE FUNCTION mhub.add_to_segment(key text, person_ids bigint[]) RETURNS bigint
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE STRICT SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    added bigint;
BEGIN
    PERFORM mhub.require_segment_list(key);
    INSERT INTO mhub.segment_listed (segment, person_id)
    SELECT $1, w.person_id
    FROM (SELECT DISTINCT CASE WHEN p.merged_into IS NULL THEN p.person_id ELSE mhub.resolve_person(p.person_id) END AS person_id
          FROM mhub.person AS p WHERE p.person_id = ANY ($2)) AS w
    ORDER BY w.person_id
    ON CONFLICT DO NOTHING;
    GET DIAGNOSTICS added = ROW_COUNT;
    RETURN added;
END
$$;
COMMENT ON FUNCTION mhub.add_to_segment(text, bigint[]) IS
'Puts people (any ids of theirs; unknown ones are left out) into a segment that is a list. Profiles and conditions know at once; mhub.segment_member, and events Segment Entered, follow with the next mhub.refresh_segments(). A person on the list stays on it through merges. Returns how many were not listed before. NULL gives NULL; errors: undefined_object for an unknown segment, wrong_object_type for one with a condition.';

CREATE FUNCTION mhub.remove_from_segment(key text, person_ids bigint[]) RETURNS bigint
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE STRICT SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    removed bigint;
BEGIN
    PERFORM mhub.require_segment_list(key);
    WITH RECURSIVE family (person_id, survivor) AS (
        SELECT DISTINCT s.survivor, s.survivor
        FROM (SELECT CASE WHEN p.merged_into IS NULL THEN p.person_id ELSE mhub.resolve_person(p.person_id) END AS survivor
              FROM mhub.person AS p WHERE p.person_id = ANY ($2)) AS s
        UNION ALL
        SELECT p.person_id, f.survivor FROM family AS f JOIN mhub.person AS p ON p.merged_into = f.person_id
    ), gone AS (
        DELETE FROM mhub.segment_listed AS l USING family AS f
        WHERE l.segment = $1 AND l.person_id = f.person_id RETURNING f.survivor
    )
    SELECT count(DISTINCT g.survivor) INTO removed FROM gone AS g;
    RETURN removed;
END
$$;
COMMENT ON FUNCTION mhub.remove_from_segment(text, bigint[]) IS
'Takes people (any ids of theirs) off a segment that is a list. Profiles and conditions know at once; mhub.segment_member, and events Segment Left, follow with the next mhub.refresh_segments(). Returns how many were listed. NULL gives NULL; errors as mhub.add_to_segment().';

CREATE FUNCTION mhub.check_segment() RETURNS trigger
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE SET search_path = pg_catalog, pg_temp SET jit = off AS $$
DECLARE
    missing text;
BEGIN
    -- One author at a time, or two could close a circle between them.
    PERFORM pg_advisory_xact_lock(hashtextextended('mhub.segment', 0));
    SELECT r.name INTO missing FROM mhub.condition_references(NEW.condition) AS r
    WHERE r.kind = 'segment' AND r.name <> NEW.key AND NOT EXISTS (SELECT FROM mhub.segment AS s WHERE s.key = r.name) LIMIT 1;
    IF missing IS NOT NULL THEN
        RAISE EXCEPTION 'segment "%" does not exist', missing USING ERRCODE = 'foreign_key_violation',
            DETAIL = format('Segment "%s" refers to it.', NEW.key);
    END IF;
    IF EXISTS (
        WITH RECURSIVE reached (key) AS (
            SELECT r.name FROM mhub.condition_references(NEW.condition) AS r WHERE r.kind = 'segment'
            UNION
            SELECT r.name FROM reached AS q JOIN mhub.segment AS s ON s.key = q.key AND s.key <> NEW.key,
                LATERAL mhub.condition_references(s.condition) AS r WHERE r.kind = 'segment')
        SELECT FROM reached AS q WHERE q.key = NEW.key) THEN
        RAISE EXCEPTION 'segment "%" would refer to itself', NEW.key USING ERRCODE = 'invalid_recursion',
            HINT = 'A segment may build on others, but not in a circle.';
    END IF;
    -- Those that build upon it are to be filled anew as well.
    UPDATE mhub.segment AS s SET refreshed_condition = NULL, filling = false
    WHERE s.key IN (
        WITH RECURSIVE dependent (key) AS (
            VALUES (NEW.key)
            UNION
            SELECT o.key FROM dependent AS d, mhub.segment AS o
            WHERE EXISTS (SELECT FROM mhub.condition_references(o.condition) AS r WHERE r.kind = 'segment' AND r.name = d.key))
        SELECT d.key FROM dependent AS d WHERE d.key <> NEW.key);
    NEW.filling := false;
    NEW.updated_at := now();
    RETURN NEW;
END
$$;
COMMENT ON FUNCTION mhub.check_segment() IS
'Row trigger of mhub.segment: the segments it refers to must exist (foreign_key_violation) and not lead back to it (invalid_recursion).';

CREATE FUNCTION mhub.segment_references(key text, OUT object text, OUT name text) RETURNS SETOF record
LANGUAGE sql STABLE PARALLEL SAFE STRICT SET search_path = pg_catalog, pg_temp SET jit = off AS $$
    WITH definition AS (
        SELECT w.key, v.definition FROM mhub.workflow AS w JOIN mhub.workflow_version AS v ON v.workflow_id = w.workflow_id
        WHERE w.state <> 'archived' AND (v.version_id = w.active_version_id OR v.version = (
            SELECT max(n.version) FROM mhub.workflow_version AS n WHERE n.workflow_id = w.workflow_id))
    ), stated (object, name, condition) AS (
        SELECT 'segment', s.key, s.condition FROM mhub.segment AS s
        WHERE s.key <> $1 AND strpos(s.condition::text, 'segment') > 0 AND mhub.condition_problem(s.condition) IS NULL
        UNION ALL
        SELECT 'content rule', r.slot || '/' || r.key, r.condition FROM mhub.content_rule AS r
        WHERE strpos(r.condition::text, 'segment') > 0 AND mhub.condition_problem(r.condition) IS NULL
        UNION ALL
        SELECT 'workflow', d.key, mhub.as_condition(c.value) FROM definition AS d
        CROSS JOIN unnest(ARRAY['$.triggers[*].if', '$.goals[*].if', '$.exit_when[*].if', '$.steps.*.if', '$.steps.*.branches[*].if']::jsonpath[]) AS f (path)
        CROSS JOIN LATERAL jsonb_path_query(d.definition, f.path) AS c (value)
    )
    SELECT t.object, t.name FROM stated AS t
    WHERE EXISTS (SELECT FROM mhub.condition_references(t.condition) AS r WHERE r.kind = 'segment' AND r.name = $1)
    UNION
    SELECT 'workflow', d.key FROM definition AS d
    CROSS JOIN unnest(ARRAY['$.triggers[*] ? (@.type == "segment").segment', '$.steps.*.add_to[*]', '$.steps.*.remove_from[*]']::jsonpath[]) AS f (path)
    CROSS JOIN LATERAL jsonb_path_query(d.definition, f.path) AS n (value)
    WHERE n.value #>> '{}' = $1
    ORDER BY 1, 2
$$;
COMMENT ON FUNCTION mhub.segment_references(text) IS
'What uses a segment: object segment or content rule (whose condition refers to it; name is its key, or slot/key) or workflow (the version people enter and the newest, of all that are not archived; conditions, triggers and lists). While there is anything, the segment can neither be deleted nor renamed. NULL or an unknown segment gives no row.';

CREATE FUNCTION mhub.keep_used_segment() RETURNS trigger
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    keys text[];
    gone text;
    users text;
BEGIN
    IF TG_OP = 'TRUNCATE' THEN
        keys := ARRAY(SELECT s.key FROM mhub.segment AS s);
    ELSIF TG_OP = 'DELETE' OR NEW.key <> OLD.key THEN
        keys := ARRAY(SELECT OLD.key EXCEPT SELECT s.key FROM mhub.segment AS s);
    END IF;
    -- As for mhub.check_segment(): nobody may begin to refer to it meanwhile.
    PERFORM pg_advisory_xact_lock(hashtextextended('mhub.segment', 0)) WHERE cardinality(keys) > 0;
    SELECT k.key, string_agg(r.object || ' ' || r.name, ', ') INTO gone, users
    FROM unnest(keys) AS k (key) CROSS JOIN LATERAL mhub.segment_references(k.key) AS r
    WHERE TG_OP <> 'TRUNCATE' OR r.object <> 'segment' GROUP BY k.key ORDER BY k.key LIMIT 1;
    IF gone IS NOT NULL THEN
        RAISE EXCEPTION 'segment "%" is in use', gone USING ERRCODE = 'foreign_key_violation',
            DETAIL = format('It is used by: %s.', users), HINT = 'Change these first; mhub.segment_references() lists them.';
    END IF;
    RETURN NULL;
END
$$;
COMMENT ON FUNCTION mhub.keep_used_segment() IS
'Trigger of mhub.segment: what others refer to is neither deleted nor renamed (foreign_key_violation names them; see mhub.segment_references()). What goes in one statement may refer to each other.';

CREATE FUNCTION mhub.touch_persons() RETURNS trigger
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    INSERT INTO mhub.segment_touched (person_id)
    SELECT DISTINCT t.person_id FROM touched AS t WHERE EXISTS (SELECT FROM mhub.segment);
    RETURN NULL;
END
$$;
COMMENT ON FUNCTION mhub.touch_persons() IS
'Statement trigger of mhub.person, mhub.consent and mhub.segment_listed: notes whose segments must be looked at again, once there are segments.';

CREATE FUNCTION mhub.touch_person() RETURNS trigger
LANGUAGE c VOLATILE PARALLEL UNSAFE AS 'MODULE_PATHNAME', 'mhub_touch_person';
COMMENT ON FUNCTION mhub.touch_person() IS
'Row trigger of mhub.person, before insertion: as mhub.touch_persons() for new persons, who come one at a time.';

CREATE FUNCTION mhub.count_segment_members() RETURNS trigger
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    IF TG_OP = 'TRUNCATE' THEN
        UPDATE mhub.segment SET member_count = 0 WHERE member_count <> 0;
        RETURN NULL;
    END IF;
    -- In one order, lest erasures and refreshes lock each other out.
    WITH changed_by AS (
        SELECT c.segment, count(*) * CASE TG_OP WHEN 'INSERT' THEN 1 ELSE -1 END AS step FROM changed AS c GROUP BY c.segment
    ), locked AS MATERIALIZED (
        SELECT s.key, b.step FROM mhub.segment AS s JOIN changed_by AS b ON b.segment = s.key ORDER BY s.key FOR NO KEY UPDATE OF s
    )
    UPDATE mhub.segment AS s SET member_count = s.member_count + l.step, refreshed_at = mhub.now() FROM locked AS l WHERE s.key = l.key;
    RETURN NULL;
END
$$;
COMMENT ON FUNCTION mhub.count_segment_members() IS
'Statement trigger of mhub.segment_member: keeps member_count and refreshed_at of mhub.segment, whoever adds or removes members.';

CREATE FUNCTION mhub.update_segments(person_ids bigint[]) RETURNS bigint
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    changes bigint;
BEGIN
    WITH outcome AS MATERIALIZED (
        SELECT o.person_id, o.segments, o.due_at FROM mhub.segment_outcomes(person_ids, mhub.now()) AS o
        WHERE mhub.is_somebody(o.person_id)
    ), gone AS (
        DELETE FROM mhub.segment_member AS m
        WHERE m.person_id = ANY (person_ids)
          AND NOT EXISTS (SELECT FROM outcome AS o WHERE o.person_id = m.person_id AND m.segment = ANY (o.segments))
        RETURNING m.segment, m.person_id
    ), come AS (
        INSERT INTO mhub.segment_member (segment, person_id, entered_at)
        SELECT s.key, o.person_id, mhub.now() FROM outcome AS o CROSS JOIN LATERAL unnest(o.segments) AS s (key)
        ON CONFLICT DO NOTHING
        RETURNING segment, person_id
    ), change AS MATERIALIZED (
        SELECT g.segment, g.person_id, 'Segment Left' AS name FROM gone AS g
        UNION ALL
        SELECT c.segment, c.person_id, 'Segment Entered' FROM come AS c
    ), due AS (
        INSERT INTO mhub.segment_due (person_id, due_at)
        SELECT o.person_id, o.due_at FROM outcome AS o WHERE o.due_at IS NOT NULL
        ON CONFLICT (person_id) DO UPDATE SET due_at = excluded.due_at
    ), never_due AS (
        DELETE FROM mhub.segment_due AS d
        WHERE d.person_id = ANY (person_ids) AND NOT EXISTS (SELECT FROM outcome AS o WHERE o.person_id = d.person_id AND o.due_at IS NOT NULL)
    ), told AS (
        SELECT mhub.record_event(i.identifier_id, c.name, jsonb_build_object('segment', c.segment), NULL::timestamptz,
                                 format('%s %s %s %s', c.name, c.segment, c.person_id, extract(epoch FROM clock_timestamp())))
        FROM change AS c
        JOIN LATERAL (SELECT min(i.identifier_id) AS identifier_id FROM mhub.identifier AS i WHERE i.person_id = c.person_id) AS i
            ON i.identifier_id IS NOT NULL
        WHERE NOT EXISTS (SELECT FROM mhub.segment_candidate AS f WHERE f.person_id = c.person_id AND f.segment = c.segment)
    ), filled AS (
        DELETE FROM mhub.segment_candidate AS f WHERE f.person_id = ANY (person_ids)
    )
    SELECT (SELECT count(*) FROM change) + 0 * (SELECT count(*) FROM told) INTO changes;
    RETURN changes;
END
$$;
COMMENT ON FUNCTION mhub.update_segments(bigint[]) IS
'Looks at the segments of persons again: moves them in and out, records Segment Entered and Segment Left events (property segment) except where the segment was still to be filled with the person (mhub.segment_candidate), and notes when to look next. Merged-away and erased persons leave without an event. Returns the number of changes. mhub.refresh_segments() calls it.';

CREATE FUNCTION mhub.is_unfilled(condition mhub.condition, filled_by mhub.condition) RETURNS boolean
LANGUAGE sql IMMUTABLE PARALLEL SAFE SET search_path = pg_catalog, pg_temp AS $$
    SELECT (filled_by OPERATOR(mhub.=) condition) IS NOT TRUE AND num_nonnulls(filled_by, condition) > 0
$$;
COMMENT ON FUNCTION mhub.is_unfilled(mhub.condition, mhub.condition) IS
'Whether a segment with a condition (NULL: a list) must be filled anew, since its members are those of filled_by (NULL: of none). Never NULL.';

CREATE FUNCTION mhub.fill_segments() RETURNS void
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    UPDATE mhub.segment AS s SET refreshed_condition = s.condition, filling = false, refreshed_at = mhub.now()
    WHERE s.filling AND NOT EXISTS (SELECT FROM mhub.segment_candidate AS c WHERE c.segment = s.key);
    IF NOT EXISTS (SELECT FROM mhub.segment AS s WHERE mhub.is_unfilled(s.condition, s.refreshed_condition) AND NOT s.filling) THEN
        RETURN;
    END IF;
    WITH begun AS (
        UPDATE mhub.segment AS s SET filling = true WHERE mhub.is_unfilled(s.condition, s.refreshed_condition) AND NOT s.filling RETURNING s.key
    )
    INSERT INTO mhub.segment_candidate (person_id, segment)
    SELECT c.person_id, b.key FROM begun AS b, mhub.segment_candidates(b.key) AS c (person_id) WHERE c.person_id IS NOT NULL
    UNION
    SELECT m.person_id, b.key FROM begun AS b JOIN mhub.segment_member AS m ON m.segment = b.key
    ORDER BY 1, 2
    ON CONFLICT DO NOTHING;
END
$$;
COMMENT ON FUNCTION mhub.fill_segments() IS
'Begins to fill segments that are new or have a new condition: notes everybody who may be or was in them in mhub.segment_candidate, for mhub.refresh_segment_batch() to look at, slice by slice; and ends it for those of which everybody has been looked at. Nobody enters or leaves by that: no events. mhub.refresh_segment_batch() calls it.';

CREATE FUNCTION mhub.refresh_segment_batch(max_persons integer DEFAULT 2000) RETURNS bigint
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    span record;
    persons bigint[];
BEGIN
    -- Also keeps a second refresher waiting until this one commits.
    SELECT * INTO span FROM mhub.claim_events('segments', 10 * max_persons);
    PERFORM mhub.fill_segments();
    WITH candidate AS (
        SELECT c.person_id FROM mhub.segment_candidate AS c ORDER BY c.person_id LIMIT max_persons
    ), touched AS (
        DELETE FROM mhub.segment_touched AS t
        WHERE t.touch_id IN (SELECT u.touch_id FROM mhub.segment_touched AS u ORDER BY u.touch_id LIMIT max_persons)
        RETURNING t.person_id
    ), due AS (
        DELETE FROM mhub.segment_due AS d
        WHERE d.person_id IN (SELECT e.person_id FROM mhub.segment_due AS e WHERE e.due_at <= mhub.now() ORDER BY e.due_at LIMIT max_persons)
        RETURNING d.person_id
    ), seen AS (
        SELECT i.person_id FROM mhub.event AS v JOIN mhub.identifier AS i ON i.identifier_id = v.identifier_id
        WHERE v.event_id > span.after_event_id AND v.event_id <= span.upto_event_id
          AND v.name NOT IN ('Segment Entered', 'Segment Left') AND EXISTS (SELECT FROM mhub.segment)
    )
    SELECT array_agg(DISTINCT p.person_id) INTO persons
    FROM (SELECT c.person_id FROM candidate AS c UNION SELECT t.person_id FROM touched AS t UNION SELECT mhub.resolve_person(t.person_id) FROM touched AS t
          UNION SELECT d.person_id FROM due AS d UNION SELECT s.person_id FROM seen AS s) AS p (person_id)
    WHERE p.person_id IS NOT NULL;
    PERFORM mhub.update_segments(coalesce(persons, '{}'));
    PERFORM mhub.fill_segments();
    RETURN coalesce(cardinality(persons), 0) + span.upto_event_id - span.after_event_id;
END
$$;
COMMENT ON FUNCTION mhub.refresh_segment_batch(integer) IS
'One transaction''s worth of mhub.refresh_segments(): looks at those with whom new segments are still to be filled, and again at those who did something since last time, whose traits, identity or consent changed, or whose time has come; at most max_persons of each. Returns how much it did; 0 when nothing was left.';

CREATE PROCEDURE mhub.refresh_segments(max_time interval DEFAULT '15 seconds')
LANGUAGE plpgsql AS $$
DECLARE
    deadline timestamptz := pg_catalog.clock_timestamp() + max_time;
BEGIN
    LOOP
        EXIT WHEN mhub.refresh_segment_batch() = 0;
        COMMIT;
        EXIT WHEN pg_catalog.clock_timestamp() >= deadline;
    END LOOP;
    COMMIT;
END
$$;
COMMENT ON PROCEDURE mhub.refresh_segments(interval) IS
'Brings the members of all segments up to date, in small transactions, until nothing is left or max_time is over: only people who did something, changed, or whose time has come are looked at. Those who come or go get an event Segment Entered or Segment Left, which workflows can trigger on; filling a new or redefined segment makes none. Run by mhub.run_jobs(). Error invalid_transaction_termination inside a transaction block.';

CREATE FUNCTION mhub.doctor_segments(OUT check_name text, OUT status text, OUT detail text, OUT hint text)
RETURNS SETOF record LANGUAGE sql STABLE PARALLEL RESTRICTED SET search_path = pg_catalog, pg_temp AS $$
    SELECT 'segments refreshed', CASE WHEN late.n = 0 THEN 'ok' ELSE 'warn' END,
           format('%s of %s segments wait to be filled, %s persons to be looked at', late.n, (SELECT count(*) FROM mhub.segment),
                  (SELECT count(*) FROM (SELECT FROM mhub.segment_touched LIMIT 100000) AS t)),
           CASE WHEN late.n > 0 THEN 'Run CALL mhub.refresh_segments(); or let mhub.run_jobs() do it.' END
    FROM (SELECT count(*) AS n FROM mhub.segment AS s WHERE mhub.is_unfilled(s.condition, s.refreshed_condition)) AS late
$$;
COMMENT ON FUNCTION mhub.doctor_segments() IS 'Rows of mhub.doctor() about segments: filled, and how much waits.';

-- Segments: from a person to its segments, from a segment to its people, and the changes in between.

CREATE FUNCTION mhub.condition_references(condition mhub.condition, OUT kind text, OUT name text)
RETURNS SETOF record LANGUAGE c IMMUTABLE PARALLEL SAFE STRICT AS 'MODULE_PATHNAME', 'mhub_condition_references';
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
        RETURN QUERY SELECT p.person_id FROM mhub.profiles(batch, at, condition) AS p WHERE mhub.matches(p.profile, condition, at);
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
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE SET search_path = pg_catalog, pg_temp AS $$
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
    UPDATE mhub.segment AS s SET refreshed_condition = NULL
    WHERE s.key IN (
        WITH RECURSIVE dependent (key) AS (
            VALUES (NEW.key)
            UNION
            SELECT o.key FROM dependent AS d, mhub.segment AS o
            WHERE EXISTS (SELECT FROM mhub.condition_references(o.condition) AS r WHERE r.kind = 'segment' AND r.name = d.key))
        SELECT d.key FROM dependent AS d WHERE d.key <> NEW.key);
    NEW.updated_at := now();
    RETURN NEW;
END
$$;
COMMENT ON FUNCTION mhub.check_segment() IS
'Row trigger of mhub.segment: the segments it refers to must exist (foreign_key_violation) and not lead back to it (invalid_recursion).';

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

CREATE FUNCTION mhub.update_segments(person_ids bigint[], silent text[] DEFAULT '{}') RETURNS bigint
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    changes bigint;
BEGIN
    WITH outcome AS MATERIALIZED (
        SELECT o.person_id, o.segments, o.due_at FROM mhub.segment_outcomes(person_ids, mhub.now()) AS o
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
        SELECT g.segment, g.person_id, 'Segment Left' AS name, -1 AS step FROM gone AS g
        UNION ALL
        SELECT c.segment, c.person_id, 'Segment Entered', 1 FROM come AS c
    ), counted AS (
        UPDATE mhub.segment AS s SET member_count = s.member_count + t.step, refreshed_at = mhub.now()
        FROM (SELECT c.segment, sum(c.step) AS step FROM change AS c GROUP BY c.segment) AS t WHERE s.key = t.segment
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
        WHERE c.segment <> ALL (silent)
    )
    SELECT (SELECT count(*) FROM change) + 0 * (SELECT count(*) FROM told) INTO changes;
    RETURN changes;
END
$$;
COMMENT ON FUNCTION mhub.update_segments(bigint[], text[]) IS
'Looks at the segments of persons again: moves them in and out, records Segment Entered and Segment Left events (property segment) except for the silent segments, and notes when to look next. Merged-away and erased persons leave without an event. Returns the number of changes. mhub.refresh_segments() calls it.';

CREATE FUNCTION mhub.fill_segments() RETURNS bigint
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    fresh text[];
    batch bigint[];
    changes bigint := 0;
BEGIN
    SELECT array_agg(s.key) INTO fresh FROM mhub.segment AS s
    WHERE (s.refreshed_condition OPERATOR(mhub.=) s.condition) IS NOT TRUE AND num_nonnulls(s.refreshed_condition, s.condition) > 0;
    IF fresh IS NULL THEN
        RETURN 0;
    END IF;
    FOR batch IN
        SELECT array_agg(numbered.person_id)
        FROM (SELECT people.person_id, row_number() OVER () / 1000 AS number
              FROM (SELECT c.person_id FROM unnest(fresh) AS f (key), mhub.segment_candidates(f.key) AS c (person_id)
                    UNION
                    SELECT m.person_id FROM mhub.segment_member AS m WHERE m.segment = ANY (fresh)) AS people) AS numbered
        GROUP BY numbered.number
    LOOP
        changes := changes + mhub.update_segments(batch, fresh);
    END LOOP;
    UPDATE mhub.segment AS s SET refreshed_condition = s.condition, refreshed_at = mhub.now() WHERE s.key = ANY (fresh);
    RETURN changes;
END
$$;
COMMENT ON FUNCTION mhub.fill_segments() IS
'Fills segments that are new or have a new condition. Nobody enters or leaves by that: no events. Returns the number of changes. mhub.refresh_segments() calls it.';

CREATE FUNCTION mhub.refresh_segment_batch(max_persons integer DEFAULT 2000) RETURNS bigint
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    span record;
    persons bigint[];
BEGIN
    -- Also keeps a second refresher waiting until this one commits.
    SELECT * INTO span FROM mhub.claim_events('segments', 10 * max_persons);
    PERFORM mhub.fill_segments();
    WITH touched AS (
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
    FROM (SELECT t.person_id FROM touched AS t UNION SELECT mhub.resolve_person(t.person_id) FROM touched AS t
          UNION SELECT d.person_id FROM due AS d UNION SELECT s.person_id FROM seen AS s) AS p (person_id)
    WHERE p.person_id IS NOT NULL;
    PERFORM mhub.update_segments(coalesce(persons, '{}'));
    RETURN coalesce(cardinality(persons), 0) + span.upto_event_id - span.after_event_id;
END
$$;
COMMENT ON FUNCTION mhub.refresh_segment_batch(integer) IS
'One transaction''s worth of mhub.refresh_segments(): fills new segments, then looks again at those who did something since last time, whose traits, identity or consent changed, or whose time has come; at most max_persons of each. Returns how much it did; 0 when nothing was left.';

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
    FROM (SELECT count(*) AS n FROM mhub.segment AS s
          WHERE (s.refreshed_condition OPERATOR(mhub.=) s.condition) IS NOT TRUE AND num_nonnulls(s.refreshed_condition, s.condition) > 0) AS late
$$;
COMMENT ON FUNCTION mhub.doctor_segments() IS 'Rows of mhub.doctor() about segments: filled, and how much waits.';

-- Retention: deleting and scrubbing what is old.

CREATE FUNCTION mhub.retention_leaves(relation regclass, time_column text, since timestamptz, until timestamptz) RETURNS regclass[]
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE SET search_path = pg_catalog, pg_temp SET DateStyle = 'ISO' AS $$
DECLARE
    plan json;
BEGIN
    IF (SELECT c.relkind FROM pg_class AS c WHERE c.oid = $1) <> 'p' THEN
        RETURN ARRAY[$1];
    END IF;
    -- The planner knows best which partitions the times can be in.
    EXECUTE format('EXPLAIN (FORMAT JSON, COSTS OFF, VERBOSE) SELECT FROM %s AS t WHERE t.%I >= %L AND t.%I < %L', $1, $2, $3, $2, $4) INTO plan;
    RETURN (SELECT array_agg(DISTINCT format('%I.%I', node ->> 'Schema', node ->> 'Relation Name')::regclass)
            FROM jsonb_path_query(plan::jsonb, 'strict $.** ? (exists (@."Relation Name"))') AS node);
END
$$;
COMMENT ON FUNCTION mhub.retention_leaves(regclass, text, timestamptz, timestamptz) IS
'Part of mhub.apply_retention(): the table itself, or those of its partitions that can have rows of these times; NULL for none.';

CREATE FUNCTION mhub.retention_chunk(policy text, blocks integer) RETURNS boolean
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    rule mhub.retention;
    leaf regclass;
    n bigint;
BEGIN
    SELECT r.* INTO rule FROM mhub.retention AS r WHERE r.policy = $1 AND r.keep IS NOT NULL FOR UPDATE;
    IF NOT FOUND THEN
        RETURN true;
    END IF;
    IF rule.pass_until IS NULL THEN
        -- A new pass: not before it is worth one, since it reads the tables that can have rows of these times.
        rule.pass_until := now() - rule.keep;
        IF rule.done_until > rule.pass_until - least(rule.keep * 0.02, interval '1 day') THEN
            RETURN true;
        END IF;
        rule.pass_since := CASE WHEN rule.full_pass_at > now() - interval '30 days' THEN coalesce(rule.done_until, '-infinity') ELSE '-infinity' END;
        rule.leaves_left := mhub.retention_leaves(rule.relation, rule.time_column, rule.pass_since, rule.pass_until);
        rule.next_block := 0;
    END IF;

    leaf := (SELECT l FROM unnest(rule.leaves_left) AS l WHERE to_regclass(l::text) IS NOT NULL LIMIT 1);
    IF leaf IS NULL THEN
        UPDATE mhub.retention AS r
        SET done_until = rule.pass_until, full_pass_at = CASE WHEN rule.pass_since = '-infinity' THEN now() ELSE r.full_pass_at END,
            pass_since = NULL, pass_until = NULL, leaves_left = NULL, next_block = NULL
        WHERE r.policy = $1;
        RETURN true;
    END IF;
    EXECUTE format('%s WHERE t.ctid >= $1 AND t.ctid < $2 AND t.%I >= $3 AND t.%I < $4 AND (%s)',
                   CASE rule.action WHEN 'delete' THEN format('DELETE FROM ONLY %s AS t', leaf) ELSE format('UPDATE ONLY %s AS t SET %s', leaf, rule.scrub) END,
                   rule.time_column, rule.time_column, rule.condition)
        USING format('(%s,0)', rule.next_block)::tid, format('(%s,0)', rule.next_block + $2)::tid, rule.pass_since, rule.pass_until;
    GET DIAGNOSTICS n = ROW_COUNT;
    rule.next_block := rule.next_block + $2;
    IF rule.next_block * current_setting('block_size')::bigint >= pg_relation_size(leaf) THEN
        rule.leaves_left := array_remove(rule.leaves_left, leaf);
        rule.next_block := 0;
    END IF;
    UPDATE mhub.retention AS r
    SET pass_since = rule.pass_since, pass_until = rule.pass_until, leaves_left = rule.leaves_left, next_block = rule.next_block, rows_done = r.rows_done + n
    WHERE r.policy = $1;
    RETURN false;
END
$$;
COMMENT ON FUNCTION mhub.retention_chunk(text, integer) IS
'Part of mhub.apply_retention(): sees to the next blocks of one table for one policy. True when the pass is finished or not worth beginning yet. Needs the hub owner''s rights; mhub.retention_step() calls it with them.';

CREATE FUNCTION mhub.retention_step(policy text, blocks integer) RETURNS boolean
LANGUAGE c VOLATILE PARALLEL UNSAFE STRICT AS 'MODULE_PATHNAME', 'mhub_retention_step';
COMMENT ON FUNCTION mhub.retention_step(text, integer) IS
'mhub.retention_chunk() with the rights of the owner of mhub.retention.';

CREATE PROCEDURE mhub.apply_retention(max_time interval DEFAULT NULL, blocks integer DEFAULT 1000)
LANGUAGE plpgsql AS $$
DECLARE
    started timestamptz := clock_timestamp();
    rule text;
    finished boolean;
BEGIN
    FOR rule IN SELECT r.policy FROM mhub.retention AS r WHERE r.keep IS NOT NULL ORDER BY r.pass_until NULLS LAST, r.done_until NULLS FIRST, r.policy LOOP
        LOOP
            finished := mhub.retention_step(rule, blocks);
            COMMIT;
            EXIT WHEN finished;
            IF clock_timestamp() > started + max_time THEN
                RETURN;
            END IF;
        END LOOP;
    END LOOP;
END
$$;
COMMENT ON PROCEDURE mhub.apply_retention(interval, integer) IS
'Applies mhub.retention: deletes or scrubs rows older than each policy keeps them, blocks (8 kB pages) of a table at a time with a commit after each, so that it may be stopped at any time and goes on at the next call. max_time ends it after the step in which the time is up; NULL: when all is done. mhub.run_jobs() calls it hourly; a policy begins a new pass when a day, or a fiftieth of keep, has gone by.';

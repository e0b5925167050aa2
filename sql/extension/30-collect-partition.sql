-- Partitions by time: made ahead and on demand, moved out of the default partition, taken away at the end of their time.

CREATE FUNCTION mhub.time_partition(parent text, OUT partition_name text, OUT from_time timestamptz, OUT to_time timestamptz)
RETURNS SETOF record LANGUAGE sql STABLE PARALLEL SAFE SET search_path = pg_catalog, pg_temp SET TimeZone = 'UTC' SET DateStyle = 'ISO' AS $$
    -- Times become text and times again here and below; that of other settings may be another time (CST).
    SELECT c.relname::text, substring(bound.expr FROM $re$FROM \('([^']+)'\)$re$)::timestamptz, substring(bound.expr FROM $re$TO \('([^']+)'\)$re$)::timestamptz
    FROM pg_inherits AS i
    JOIN pg_class AS c ON c.oid = i.inhrelid
    CROSS JOIN LATERAL pg_get_expr(c.relpartbound, c.oid) AS bound (expr)
    WHERE i.inhparent = to_regclass(format('mhub.%I', parent))
    ORDER BY 2 NULLS LAST
$$;
COMMENT ON FUNCTION mhub.time_partition(text) IS
'The partitions of a table of schema mhub: partition_name and the times it takes, from_time inclusive to to_time exclusive. Both are NULL for the default partition; one is for a partition without that bound. No rows when there is no such table.';

CREATE FUNCTION mhub.partition_key(parent text) RETURNS text
LANGUAGE sql STABLE PARALLEL SAFE STRICT SET search_path = pg_catalog, pg_temp AS $$
    SELECT a.attname::text FROM pg_partitioned_table AS t
    JOIN pg_attribute AS a ON a.attrelid = t.partrelid AND a.attnum = t.partattrs[0]
    WHERE t.partrelid = to_regclass(format('mhub.%I', parent))
$$;
COMMENT ON FUNCTION mhub.partition_key(text) IS
'The column by which a table of schema mhub is partitioned; NULL when there is no such table, or it is not.';

CREATE FUNCTION mhub.move_rows(parent text, source text, target text, from_time timestamptz, to_time timestamptz) RETURNS bigint
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    columns text;
    moved bigint;
BEGIN
    SELECT string_agg(quote_ident(a.attname), ', ' ORDER BY a.attnum) INTO columns FROM pg_attribute AS a
    WHERE a.attrelid = to_regclass(format('mhub.%I', parent)) AND a.attnum > 0 AND NOT a.attisdropped AND a.attgenerated = '';
    EXECUTE format('WITH moved AS (DELETE FROM mhub.%I WHERE %I >= $1 AND %2$I < $2 RETURNING %s) INSERT INTO mhub.%I (%3$s) SELECT %3$s FROM moved',
        source, mhub.partition_key(parent), columns, target) USING from_time, to_time;
    GET DIAGNOSTICS moved = ROW_COUNT;
    RETURN moved;
END
$$;
COMMENT ON FUNCTION mhub.move_rows(text, text, text, timestamptz, timestamptz) IS
'Moves the rows with from_time <= key < to_time from one table of schema mhub to another of the same columns, those of parent, and returns their number. Part of mhub.create_partition() and mhub.retire_rows().';

CREATE FUNCTION mhub.create_partition(parent text, at timestamptz) RETURNS text
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE SET search_path = pg_catalog, pg_temp SET TimeZone = 'UTC' SET DateStyle = 'ISO' AS $$
DECLARE
    parameters text;
    unit text;
    start_time timestamptz;
    end_time timestamptz;
    fallback text;
    created text;
BEGIN
    SELECT p.period INTO unit FROM mhub.partition_policy AS p WHERE p.parent = create_partition.parent;
    IF unit IS NULL OR to_regclass(format('mhub.%I', parent)) IS NULL THEN
        RAISE EXCEPTION 'no partition policy for table "%"', parent
            USING ERRCODE = 'invalid_parameter_value', HINT = 'Insert a row for it into mhub.partition_policy.';
    END IF;
    IF at IS NULL OR NOT isfinite(at) THEN
        RAISE EXCEPTION 'time of a partition must be a finite time' USING ERRCODE = 'invalid_parameter_value';
    END IF;
    -- One creator at a time; the second then finds the partition there.
    PERFORM pg_advisory_xact_lock(hashtextextended('mhub.create_partition ' || parent, 0));

    IF EXISTS (SELECT FROM mhub.time_partition(parent) AS p WHERE p.from_time <= at AND p.to_time > at) THEN
        RETURN NULL;
    END IF;
    -- The whole period, less what partitions of another length cover already.
    start_time := date_trunc(unit, at, 'UTC');
    end_time := (start_time AT TIME ZONE 'UTC' + ('1 ' || unit)::interval) AT TIME ZONE 'UTC';
    SELECT greatest(start_time, max(p.to_time) FILTER (WHERE p.to_time <= at)), least(end_time, min(p.from_time) FILTER (WHERE p.from_time > at))
    INTO start_time, end_time
    FROM mhub.time_partition(parent) AS p;

    created := parent || '_' || to_char(start_time AT TIME ZONE 'UTC',
        CASE unit WHEN 'month' THEN 'YYYY_MM' WHEN 'week' THEN 'IYYY_"w"IW' ELSE 'YYYY_MM_DD' END);
    -- A detached partition of the same period may still be there under that name.
    IF to_regclass(format('mhub.%I', created)) IS NOT NULL THEN
        created := created || '_' || to_char(clock_timestamp(), 'YYYYMMDDHH24MISSUS');
    END IF;
    -- From PostgreSQL 17 on a partition may not bring an identity of its own; it gets its parent's.
    EXECUTE format('CREATE TABLE mhub.%I (LIKE mhub.%I INCLUDING ALL EXCLUDING IDENTITY)', created, parent);
    SELECT p.partition_name INTO fallback FROM mhub.time_partition(parent) AS p WHERE p.from_time IS NULL AND p.to_time IS NULL;
    IF fallback IS NOT NULL THEN
        -- Storage parameters such as fillfactor are those of the default partition; LIKE does not copy them.
        SELECT format('ALTER TABLE mhub.%I SET (%s)', created, array_to_string(c.reloptions, ', ')) INTO parameters
        FROM pg_class AS c WHERE c.oid = to_regclass(format('mhub.%I', fallback)) AND c.reloptions IS NOT NULL;
        IF parameters IS NOT NULL THEN
            EXECUTE parameters;
        END IF;
        -- Writers wait here, so that no row for the new partition arrives in between. At the default
        -- partition it would be too late: one that waits there is refused once its row belongs elsewhere.
        EXECUTE format('LOCK TABLE mhub.%I IN SHARE ROW EXCLUSIVE MODE', parent);
        EXECUTE format('LOCK TABLE mhub.%I IN ACCESS EXCLUSIVE MODE', fallback);
        PERFORM mhub.move_rows(parent, fallback, created, start_time, end_time);
    END IF;
    EXECUTE format('ALTER TABLE mhub.%I ATTACH PARTITION mhub.%I FOR VALUES FROM (%L) TO (%L)', parent, created, start_time, end_time);
    RETURN created;
END
$$;
COMMENT ON FUNCTION mhub.create_partition(text, timestamptz) IS
'Makes the partition of a table of mhub.partition_policy for the period that contains the given time, moving the rows that wait in the default partition. Returns its name, or NULL when the time is covered already; where partitions of another length cover a part of the period it takes the rest. Before loading history call it for each month to come. The caller must own the table. Writers of the table wait meanwhile, readers only where they read the default partition. Errors: invalid_parameter_value for a table without policy or a time that is NULL or infinite.';

CREATE FUNCTION mhub.wanted_partition(OUT parent text, OUT at timestamptz)
RETURNS SETOF record LANGUAGE plpgsql STABLE PARALLEL UNSAFE SET search_path = pg_catalog, pg_temp SET TimeZone = 'UTC' SET DateStyle = 'ISO' AS $$
DECLARE
    policy mhub.partition_policy;
    fallback text;
BEGIN
    FOR policy IN SELECT * FROM mhub.partition_policy AS p WHERE to_regclass(format('mhub.%I', p.parent)) IS NOT NULL ORDER BY p.parent
    LOOP
        parent := policy.parent;
        RETURN QUERY
        SELECT policy.parent, step.at
        FROM generate_series(now(), now() + policy.ahead * ('1 ' || policy.period)::interval, ('1 ' || policy.period)::interval) AS step (at)
        WHERE NOT EXISTS (SELECT FROM mhub.time_partition(policy.parent) AS p WHERE p.from_time <= step.at AND p.to_time > step.at);

        SELECT p.partition_name INTO fallback FROM mhub.time_partition(policy.parent) AS p WHERE p.from_time IS NULL AND p.to_time IS NULL;
        IF fallback IS NOT NULL THEN
            RETURN QUERY EXECUTE format(
                'SELECT $1, date_trunc($2, d.%I, ''UTC'') FROM mhub.%I AS d WHERE isfinite(d.%1$I) AND d.%1$I >= $4 GROUP BY 2 HAVING count(*) >= $3 ORDER BY 2',
                mhub.partition_key(policy.parent), fallback)
            USING policy.parent, policy.period, policy.min_rows, coalesce(date_trunc(policy.period, now() - policy.keep), '-infinity');
        END IF;
    END LOOP;
END
$$;
COMMENT ON FUNCTION mhub.wanted_partition() IS
'The periods that mhub.maintain_partitions() would make a partition for: those ahead by mhub.partition_policy, and those of which min_rows rows or more wait in a default partition. parent is the table, at a time in the period.';

CREATE FUNCTION mhub.retire_partition(parent text) RETURNS text
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    policy mhub.partition_policy;
    oldest text;
    ended timestamptz;
BEGIN
    SELECT * INTO policy FROM mhub.partition_policy AS p WHERE p.parent = retire_partition.parent;
    SELECT p.partition_name, p.to_time INTO oldest, ended FROM mhub.time_partition(parent) AS p
    WHERE p.to_time <= now() - policy.keep ORDER BY p.to_time LIMIT 1;
    IF oldest IS NULL THEN
        RETURN NULL;
    END IF;
    EXECUTE format('ALTER TABLE mhub.%I DETACH PARTITION mhub.%I', parent, oldest);
    IF policy.at_end = 'drop' THEN
        EXECUTE format('DROP TABLE mhub.%I', oldest);
    END IF;
    UPDATE mhub.partition_policy AS p SET retired_before = greatest(p.retired_before, ended) WHERE p.parent = retire_partition.parent;
    RETURN oldest;
END
$$;
COMMENT ON FUNCTION mhub.retire_partition(text) IS
'Takes the oldest partition that is past its time (mhub.partition_policy.keep) out of the table, or drops it where the policy says so, and returns its name; NULL when there is none. Waits for running statements on the table.';

CREATE FUNCTION mhub.retire_rows(parent text) RETURNS bigint
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    policy mhub.partition_policy;
    fallback text;
    archive text := parent || '_retired';
    ended timestamptz;
    retired bigint;
BEGIN
    SELECT * INTO policy FROM mhub.partition_policy AS p WHERE p.parent = retire_rows.parent;
    SELECT p.partition_name INTO fallback FROM mhub.time_partition(parent) AS p WHERE p.from_time IS NULL AND p.to_time IS NULL;
    ended := date_trunc(policy.period, now() - policy.keep, 'UTC');
    IF fallback IS NULL OR ended IS NULL THEN
        RETURN 0;
    END IF;
    EXECUTE format('SELECT count(*) FROM mhub.%I AS d WHERE d.%I < $1', fallback, mhub.partition_key(parent)) INTO retired USING ended;
    IF retired = 0 THEN
        RETURN 0;
    END IF;
    IF policy.at_end = 'drop' THEN
        EXECUTE format('DELETE FROM mhub.%I AS d WHERE d.%I < $1', fallback, mhub.partition_key(parent)) USING ended;
        GET DIAGNOSTICS retired = ROW_COUNT;
    ELSE
        IF to_regclass(format('mhub.%I', archive)) IS NULL THEN
            EXECUTE format('CREATE TABLE mhub.%I (LIKE mhub.%I)', archive, parent);
            EXECUTE format('COMMENT ON TABLE mhub.%I IS %L', archive,
                format('Rows of mhub.%s that came when their time was over already (mhub.partition_policy.keep). Archive or drop it as you like.', parent));
        END IF;
        retired := mhub.move_rows(parent, fallback, archive, '-infinity', ended);
    END IF;
    UPDATE mhub.partition_policy AS p SET retired_before = greatest(p.retired_before, ended) WHERE p.parent = retire_rows.parent;
    RETURN retired;
END
$$;
COMMENT ON FUNCTION mhub.retire_rows(text) IS
'Takes the rows of the default partition that are past their time (mhub.partition_policy.keep) out of the table: into an ordinary table with the suffix _retired, or deletes them where the policy says so. Returns their number. 0 without a policy, its keep, or a default partition.';

CREATE FUNCTION mhub.maintain_partition(parent text, at timestamptz) RETURNS void
LANGUAGE c VOLATILE PARALLEL UNSAFE AS 'MODULE_PATHNAME', 'mhub_maintain_partition';
COMMENT ON FUNCTION mhub.maintain_partition(text, timestamptz) IS
'With the rights of the table''s owner, as far as mhub.partition_policy has a row for the table: mhub.create_partition(), or, for a NULL time, mhub.retire_partition() until there is no more to retire, and mhub.retire_rows(). So whoever runs the jobs need not own the hub. Nothing for a NULL table. Error undefined_table for one that is not there. Internal.';

CREATE PROCEDURE mhub.maintain_partitions()
LANGUAGE plpgsql AS $$
DECLARE
    wanted record;
    policy record;
BEGIN
    -- Each step in its own transaction; one that cannot have its lock at once is left for the next run.
    FOR wanted IN SELECT w.parent, w.at FROM mhub.wanted_partition() AS w
    LOOP
        PERFORM pg_catalog.set_config('lock_timeout', '2s', true);
        BEGIN
            PERFORM mhub.maintain_partition(wanted.parent, wanted.at);
        EXCEPTION WHEN lock_not_available OR deadlock_detected THEN
            RAISE NOTICE 'partition of % at % is left for the next run: its table is busy', wanted.parent, wanted.at;
        END;
        COMMIT;
    END LOOP;

    FOR policy IN SELECT p.parent FROM mhub.partition_policy AS p WHERE p.keep IS NOT NULL
    LOOP
        PERFORM pg_catalog.set_config('lock_timeout', '2s', true);
        BEGIN
            PERFORM mhub.maintain_partition(policy.parent, NULL);
        EXCEPTION WHEN lock_not_available OR deadlock_detected THEN
            RAISE NOTICE 'retiring partitions of % is left for the next run: the table is busy', policy.parent;
        END;
        COMMIT;
    END LOOP;
END
$$;
COMMENT ON PROCEDURE mhub.maintain_partitions() IS
'Looks after every table of mhub.partition_policy: makes partitions ahead and for rows that wait in a default partition, and detaches or drops those past their time. Commits after each step, never waits for a lock longer than 2 seconds (the rest is done by the next run), and may be called at any time and by several sessions. Works with the rights of the tables'' owners. Run it at least daily; mhub.run_jobs() does.';

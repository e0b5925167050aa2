-- Partitions by time: made ahead and on demand, moved out of the default partition, taken away at the end of their time.

CREATE FUNCTION mhub.time_partition(parent text, OUT partition_name text, OUT from_time timestamptz, OUT to_time timestamptz)
RETURNS SETOF record LANGUAGE sql STABLE PARALLEL SAFE SET search_path = pg_catalog, pg_temp AS $$
    SELECT c.relname::text, substring(bound.expr FROM $re$FROM \('([^']+)'\)$re$)::timestamptz, substring(bound.expr FROM $re$TO \('([^']+)'\)$re$)::timestamptz
    FROM pg_inherits AS i
    JOIN pg_class AS c ON c.oid = i.inhrelid
    CROSS JOIN LATERAL pg_get_expr(c.relpartbound, c.oid) AS bound (expr)
    WHERE i.inhparent = to_regclass(format('mhub.%I', parent))
    ORDER BY 2 NULLS LAST
$$;
COMMENT ON FUNCTION mhub.time_partition(text) IS
'The partitions of a table of schema mhub: partition_name and the times it takes, from_time inclusive to to_time exclusive. Both are NULL for the default partition; one is for a partition without that bound. No rows when there is no such table.';

CREATE FUNCTION mhub.create_partition(parent text, at timestamptz) RETURNS text
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    parameters text;
    unit text;
    start_time timestamptz;
    end_time timestamptz;
    fallback text;
    key_column text;
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
        SELECT a.attname INTO key_column FROM pg_partitioned_table AS t
        JOIN pg_attribute AS a ON a.attrelid = t.partrelid AND a.attnum = t.partattrs[0]
        WHERE t.partrelid = to_regclass(format('mhub.%I', parent));
        -- Writers to the default partition wait here, so that no row for the new one arrives in between.
        EXECUTE format('LOCK TABLE mhub.%I IN ACCESS EXCLUSIVE MODE', fallback);
        EXECUTE format('WITH moved AS (DELETE FROM mhub.%I WHERE %I >= $1 AND %2$I < $2 RETURNING *) INSERT INTO mhub.%I SELECT * FROM moved',
            fallback, key_column, created) USING start_time, end_time;
    END IF;
    EXECUTE format('ALTER TABLE mhub.%I ATTACH PARTITION mhub.%I FOR VALUES FROM (%L) TO (%L)', parent, created, start_time, end_time);
    RETURN created;
END
$$;
COMMENT ON FUNCTION mhub.create_partition(text, timestamptz) IS
'Makes the partition of a table of mhub.partition_policy for the period that contains the given time, moving the rows that wait in the default partition. Returns its name, or NULL when the time is covered already; where partitions of another length cover a part of the period it takes the rest. Before loading history call it for each month to come. The caller must own the table. Locks only the default partition against writers. Errors: invalid_parameter_value for a table without policy or a time that is NULL or infinite.';

CREATE FUNCTION mhub.wanted_partition(OUT parent text, OUT at timestamptz)
RETURNS SETOF record LANGUAGE plpgsql STABLE PARALLEL UNSAFE SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    policy mhub.partition_policy;
    fallback text;
    key_column text;
BEGIN
    FOR policy IN SELECT * FROM mhub.partition_policy AS p WHERE to_regclass(format('mhub.%I', p.parent)) IS NOT NULL ORDER BY p.parent
    LOOP
        parent := policy.parent;
        RETURN QUERY
        SELECT policy.parent, step.at
        FROM generate_series(now(), now() + policy.ahead * ('1 ' || policy.period)::interval, ('1 ' || policy.period)::interval) AS step (at)
        WHERE NOT EXISTS (SELECT FROM mhub.time_partition(policy.parent) AS p WHERE p.from_time <= step.at AND p.to_time > step.at);

        SELECT p.partition_name INTO fallback FROM mhub.time_partition(policy.parent) AS p WHERE p.from_time IS NULL AND p.to_time IS NULL;
        SELECT a.attname INTO key_column FROM pg_partitioned_table AS t
        JOIN pg_attribute AS a ON a.attrelid = t.partrelid AND a.attnum = t.partattrs[0]
        WHERE t.partrelid = to_regclass(format('mhub.%I', policy.parent));
        IF fallback IS NOT NULL THEN
            RETURN QUERY EXECUTE format(
                'SELECT DISTINCT $1, date_trunc($2, d.%I, ''UTC'') FROM mhub.%I AS d WHERE isfinite(d.%1$I) ORDER BY 2',
                key_column, fallback) USING policy.parent, policy.period;
        END IF;
    END LOOP;
END
$$;
COMMENT ON FUNCTION mhub.wanted_partition() IS
'The periods that mhub.maintain_partitions() would make a partition for: those ahead by mhub.partition_policy, and those of rows waiting in a default partition. parent is the table, at a time in the period.';

CREATE FUNCTION mhub.retire_partition(parent text) RETURNS text
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    policy mhub.partition_policy;
    oldest text;
BEGIN
    SELECT * INTO policy FROM mhub.partition_policy AS p WHERE p.parent = retire_partition.parent;
    SELECT p.partition_name INTO oldest FROM mhub.time_partition(parent) AS p
    WHERE p.to_time <= now() - policy.keep ORDER BY p.to_time LIMIT 1;
    IF oldest IS NULL THEN
        RETURN NULL;
    END IF;
    EXECUTE format('ALTER TABLE mhub.%I DETACH PARTITION mhub.%I', parent, oldest);
    IF policy.at_end = 'drop' THEN
        EXECUTE format('DROP TABLE mhub.%I', oldest);
    END IF;
    RETURN oldest;
END
$$;
COMMENT ON FUNCTION mhub.retire_partition(text) IS
'Takes the oldest partition that is past its time (mhub.partition_policy.keep) out of the table, or drops it where the policy says so, and returns its name; NULL when there is none. Waits for running statements on the table.';

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
            PERFORM mhub.create_partition(wanted.parent, wanted.at);
        EXCEPTION WHEN lock_not_available OR deadlock_detected THEN
            RAISE NOTICE 'partition of % at % is left for the next run: its table is busy', wanted.parent, wanted.at;
        END;
        COMMIT;
    END LOOP;

    FOR policy IN SELECT p.parent FROM mhub.partition_policy AS p WHERE p.keep IS NOT NULL
    LOOP
        PERFORM pg_catalog.set_config('lock_timeout', '2s', true);
        BEGIN
            WHILE mhub.retire_partition(policy.parent) IS NOT NULL LOOP
            END LOOP;
        EXCEPTION WHEN lock_not_available OR deadlock_detected THEN
            RAISE NOTICE 'retiring partitions of % is left for the next run: the table is busy', policy.parent;
        END;
        COMMIT;
    END LOOP;
END
$$;
COMMENT ON PROCEDURE mhub.maintain_partitions() IS
'Looks after every table of mhub.partition_policy: makes partitions ahead and for rows that wait in a default partition, and detaches or drops those past their time. Commits after each step, never waits for a lock longer than 2 seconds (the rest is done by the next run), and may be called at any time and by several sessions. Run it at least daily; mhub.run_jobs() does.';

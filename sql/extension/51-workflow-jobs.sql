-- The runner of recurring jobs, and its place in pg_cron.

CREATE PROCEDURE mhub.run_jobs(max_time interval DEFAULT '55 seconds', runner text DEFAULT NULL)
LANGUAGE c AS 'MODULE_PATHNAME', 'mhub_run_jobs';
COMMENT ON PROCEDURE mhub.run_jobs(interval, text) IS
'Runs the jobs of mhub.job as they fall due, for max_time, each in transactions of its own; sleeps on its latch in between. No job is given more than a second at a stretch; those of every second come between any two stretches of the others, so none is starved. runner: only the jobs of that runner (mhub.job.runner), those that wait for other machines: what they send or fetch may hang without holding up the rest. NULL: all jobs, except those that a runner of their own has looked after in the last two minutes. Of each runner one per database: a second one leaves at once. A job that fails is recorded, retried later (after 10 seconds, doubling up to an hour) and does not stop the others. Jobs whose procedure does not exist, or may not be executed by the caller, are passed over. Call it by itself, outside any transaction block: CALL mhub.run_jobs(); mhub.start() lets pg_cron do so every minute. Errors: invalid_transaction_termination inside a transaction block or another procedure, feature_not_supported on a standby.';

CREATE FUNCTION mhub.jobs_running(runner text DEFAULT NULL) RETURNS boolean
LANGUAGE c VOLATILE PARALLEL RESTRICTED AS 'MODULE_PATHNAME', 'mhub_jobs_running';
COMMENT ON FUNCTION mhub.jobs_running(text) IS 'Whether another session is in mhub.run_jobs() in this database right now, as the given runner; NULL: as the one of all jobs.';

CREATE FUNCTION mhub.job_runners() RETURNS text[]
LANGUAGE plpgsql STABLE PARALLEL SAFE SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    -- mhub.start() may be called where the hub is not.
    IF to_regclass('mhub.job') IS NULL THEN
        RETURN '{costs,delivery}';
    END IF;
    RETURN ARRAY(SELECT DISTINCT j.runner FROM mhub.job AS j WHERE j.runner IS NOT NULL ORDER BY 1);
END
$$;
COMMENT ON FUNCTION mhub.job_runners() IS 'The runners besides the one of all that the jobs of this hub have (mhub.job.runner); those a new hub has, where there is none.';

CREATE FUNCTION mhub.cron_database() RETURNS text
LANGUAGE sql STABLE PARALLEL SAFE SET search_path = pg_catalog, pg_temp
AS $$ SELECT coalesce(current_setting('cron.database_name', true), (SELECT 'postgres' WHERE to_regclass('cron.job') IS NOT NULL)) $$;
COMMENT ON FUNCTION mhub.cron_database() IS
'The database in which pg_cron keeps its jobs (its setting cron.database_name), or NULL where pg_cron is not preloaded.';

CREATE FUNCTION mhub.cron_job(database name, runner text) RETURNS text
LANGUAGE sql IMMUTABLE PARALLEL SAFE SET search_path = pg_catalog, pg_temp
AS $$ SELECT concat_ws(': ', 'mhub ' || database, runner) $$;
COMMENT ON FUNCTION mhub.cron_job(name, text) IS 'The name of the pg_cron job of a runner (NULL: the one of all jobs) for a database. Internal.';

CREATE FUNCTION mhub.schedule_statements(database name) RETURNS text
LANGUAGE sql STABLE PARALLEL SAFE STRICT SET search_path = pg_catalog, pg_temp AS $$
    SELECT format('SELECT cron.schedule_in_database(%1$L, ''* * * * *'', ''CALL mhub.run_jobs()'', %2$L), %3$scron.schedule(%4$L, ''17 * * * *'', %5$L);',
        mhub.cron_job($1, NULL), $1,
        (SELECT string_agg(format('cron.schedule_in_database(%L, ''* * * * *'', %L, %L), ', mhub.cron_job($1, r.name), format('CALL mhub.run_jobs(runner => %L)', r.name), $1), '' ORDER BY r.name)
         FROM unnest(mhub.job_runners()) AS r (name)),
        mhub.cron_job($1, 'history'),
        -- pg_cron never forgets a run; 1,440 rows a day and runner.
        format('DELETE FROM cron.job_run_details WHERE start_time < now() - interval ''3 days'' AND jobid IN (SELECT jobid FROM cron.job WHERE jobname = %L OR starts_with(jobname, %L))',
               mhub.cron_job($1, NULL), mhub.cron_job($1, '')))
$$;
COMMENT ON FUNCTION mhub.schedule_statements(name) IS
'The statement that schedules mhub.run_jobs() for a database, once for each runner, and the removal of pg_cron''s records of it, in the database pg_cron works from. NULL gives NULL.';

CREATE FUNCTION mhub.start(database name DEFAULT current_database()) RETURNS text
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    IF pg_is_in_recovery() THEN
        RAISE EXCEPTION 'cannot schedule jobs on a standby'
            USING ERRCODE = 'read_only_sql_transaction', HINT = 'Call mhub.start() on the primary; the schedule is replicated.';
    END IF;
    IF to_regclass('cron.job') IS NULL THEN
        RAISE EXCEPTION 'pg_cron is not installed in this database'
            USING ERRCODE = 'feature_not_supported',
                  HINT = CASE WHEN mhub.cron_database() IS NULL
                              THEN 'Add pg_cron to shared_preload_libraries, restart, and CREATE EXTENSION pg_cron; or call CALL mhub.run_jobs(); every minute by other means.'
                              WHEN mhub.cron_database() = current_database()
                              THEN 'Run CREATE EXTENSION pg_cron; here.'
                              ELSE format('pg_cron works from database %s. Run there: %s', mhub.cron_database(), mhub.schedule_statements(start.database)) END;
    END IF;
    EXECUTE mhub.schedule_statements(start.database);
    RETURN mhub.cron_job(start.database, NULL);
END
$$;
COMMENT ON FUNCTION mhub.start(name) IS
'Lets pg_cron run CALL mhub.run_jobs() every minute in database, each runner of mhub.job in a session of its own, and remove its own records of those runs after three days. Call it in the database pg_cron works from (cron.database_name); elsewhere the error''s hint is the statement to run there. Calling it again changes nothing; do so after changing mhub.job.runner. Returns the name of the pg_cron job. Errors: feature_not_supported without pg_cron here, read_only_sql_transaction on a standby.';

CREATE FUNCTION mhub.stop(database name DEFAULT current_database()) RETURNS integer
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    removed integer;
BEGIN
    IF to_regclass('cron.job') IS NULL THEN
        RETURN 0;
    END IF;
    EXECUTE 'SELECT count(cron.unschedule(j.jobid)) FROM cron.job AS j WHERE j.jobname = $1 OR starts_with(j.jobname, $2)'
        INTO removed USING mhub.cron_job(stop.database, NULL), mhub.cron_job(stop.database, '');
    RETURN removed;
END
$$;
COMMENT ON FUNCTION mhub.stop(name) IS
'Removes what mhub.start() scheduled for database. A run that is under way ends by itself within a minute. Returns the number of pg_cron jobs removed; 0 when there was none.';

CREATE FUNCTION mhub.schedule_status(OUT job text, OUT state text, OUT every interval, OUT max_time interval,
    OUT last_started_at timestamptz, OUT last_finished_at timestamptz, OUT runs bigint, OUT busy interval, OUT failures integer, OUT last_error text)
RETURNS SETOF record LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    runner text;
BEGIN
    FOREACH runner IN ARRAY NULL::text || mhub.job_runners() LOOP
        job := concat_ws(': ', 'pg_cron', runner);
        state := CASE WHEN mhub.cron_database() IS NULL THEN 'not preloaded'
                      WHEN to_regclass('cron.job') IS NULL THEN format('in database %s', mhub.cron_database())
                      ELSE 'not scheduled' END;
        IF to_regclass('cron.job') IS NOT NULL THEN
            EXECUTE $query$
                SELECT coalesce((SELECT CASE WHEN j.active THEN 'scheduled' ELSE 'inactive' END FROM cron.job AS j WHERE j.jobname = $1), 'not scheduled'),
                       d.start_time, d.end_time, coalesce(d.runs, 0), coalesce(d.failures, 0), d.last_error
                FROM (SELECT max(r.start_time) AS start_time, max(r.end_time) FILTER (WHERE r.status = 'succeeded') AS end_time,
                             count(*) FILTER (WHERE r.status = 'succeeded') AS runs, count(*) FILTER (WHERE r.status = 'failed')::integer AS failures,
                             (array_agg(r.return_message ORDER BY r.start_time DESC) FILTER (WHERE r.status = 'failed'))[1] AS last_error
                      FROM cron.job_run_details AS r JOIN cron.job AS j USING (jobid) WHERE j.jobname = $1) AS d
            $query$ INTO state, last_started_at, last_finished_at, runs, failures, last_error USING mhub.cron_job(current_database(), runner);
            every := '1 minute';
        END IF;
        IF mhub.jobs_running(runner) THEN
            state := state || ', running';
        END IF;
        RETURN NEXT;
    END LOOP;

    RETURN QUERY
    SELECT j.name,
           CASE WHEN NOT EXISTS (SELECT FROM pg_proc AS p WHERE p.pronamespace = 'mhub'::regnamespace AND p.proname = j.name AND p.prokind = 'p') THEN 'no such procedure'
                WHEN NOT j.enabled THEN 'disabled'
                WHEN j.failures > 0 THEN 'failing'
                WHEN j.last_finished_at IS NULL THEN 'never ran'
                ELSE 'ok' END,
           j.every, j.max_time, j.last_started_at, j.last_finished_at, j.runs, j.busy, j.failures, j.last_error
    FROM mhub.job AS j ORDER BY j.name;
END
$$;
COMMENT ON FUNCTION mhub.schedule_status() IS
'How the hub''s recurring work goes: first a row pg_cron, and one for each further runner (pg_cron: delivery ...; state: scheduled, inactive, not scheduled, not preloaded, or the database it works from; followed by "running" while mhub.run_jobs() is at work; its counts are those of pg_cron''s own records), then a row for each job of mhub.job (state: ok, failing, never ran, disabled, no such procedure) with its period, budget, last start, last success, number of runs, time spent, failures since the last success and last error.';

CREATE FUNCTION mhub.doctor_jobs(OUT check_name text, OUT status text, OUT detail text, OUT hint text)
RETURNS SETOF record LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    cron record;
BEGIN
    SELECT s.state INTO cron FROM mhub.schedule_status() AS s WHERE s.job = 'pg_cron';
    RETURN QUERY SELECT 'pg_cron',
        CASE WHEN cron.state LIKE 'scheduled%' OR cron.state LIKE '%running' OR pg_is_in_recovery() THEN 'ok' ELSE 'warn' END,
        CASE WHEN pg_is_in_recovery() THEN 'this is a standby: jobs run on the primary only' ELSE cron.state END,
        CASE WHEN pg_is_in_recovery() OR cron.state LIKE 'scheduled%' OR cron.state LIKE '%running' THEN NULL
             WHEN cron.state = 'not preloaded' THEN 'Preload pg_cron and call mhub.start(), or run CALL mhub.run_jobs(); every minute by other means.'
             WHEN cron.state LIKE 'in database%' THEN 'Call mhub.start(); its hint is the statement for that database. Fine if that has been done.'
             ELSE 'Call mhub.start().' END;

    RETURN QUERY SELECT 'pg_cron connects',
        CASE WHEN cron.state LIKE 'scheduled%' AND NOT EXISTS (SELECT FROM mhub.job AS j WHERE j.last_started_at > clock_timestamp() - interval '5 minutes')
             THEN 'warn' ELSE 'ok' END,
        CASE WHEN j.latest IS NULL THEN 'no job has run yet' ELSE format('the last job ran at %s', j.latest) END,
        CASE WHEN cron.state LIKE 'scheduled%' AND (j.latest IS NULL OR j.latest < clock_timestamp() - interval '5 minutes')
             THEN 'Scheduled, but nothing has run for five minutes. If pg_cron''s records say "connection failed", set cron.host to the socket directory (Debian asks for a password over TCP).' END
    FROM (SELECT max(x.last_started_at) AS latest FROM mhub.job AS x) AS j
    WHERE NOT pg_is_in_recovery();

    -- A role that may not call a job's procedure passes it over.
    RETURN QUERY SELECT 'jobs left out', CASE WHEN count(*) = 0 THEN 'ok' ELSE 'warn' END,
        CASE WHEN count(*) = 0 THEN 'none' ELSE string_agg(j.name, ', ' ORDER BY j.name) END,
        CASE WHEN count(*) > 0 THEN 'Whoever runs mhub.run_jobs() may not call these, or their procedures are missing. The profile operator (mhub.grant_access()) may call all of ours.' END
    FROM mhub.job AS j
    WHERE j.enabled AND j.failures = 0 AND coalesce(j.last_started_at < clock_timestamp() - 3 * j.every - interval '1 hour', true)
      AND EXISTS (SELECT FROM mhub.job AS x WHERE x.last_started_at > clock_timestamp() - interval '5 minutes');

    RETURN QUERY SELECT 'jobs failing', CASE WHEN count(*) = 0 THEN 'ok' WHEN max(j.failures) < 3 THEN 'warn' ELSE 'fail' END,
        CASE WHEN count(*) = 0 THEN 'none'
             ELSE string_agg(format('%s: %s times, %s', j.name, j.failures, j.last_error), '; ' ORDER BY j.name) END,
        CASE WHEN count(*) > 0 THEN 'See SELECT * FROM mhub.schedule_status(); and the server''s log.' END
    FROM mhub.job AS j WHERE j.failures > 0 AND j.enabled;
END
$$;
COMMENT ON FUNCTION mhub.doctor_jobs() IS 'Rows of mhub.doctor() about recurring work: pg_cron scheduled, really connecting, no job failing or left out.';

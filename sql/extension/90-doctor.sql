-- mhub.doctor(): is everything in order?  Each room has a function mhub.doctor_<room>() that returns its rows.

CREATE FUNCTION mhub.doctor_hub(OUT check_name text, OUT status text, OUT detail text, OUT hint text)
RETURNS SETOF record LANGUAGE sql STABLE PARALLEL RESTRICTED SET search_path = pg_catalog, pg_temp AS $$
    SELECT 'versions', CASE WHEN mhub.version() = e.extversion THEN 'ok' ELSE 'fail' END,
           format('library %s, SQL objects %s', mhub.version(), e.extversion),
           CASE WHEN mhub.version() <> e.extversion
                THEN 'Run ALTER EXTENSION mhub UPDATE; and reconnect: a session keeps the library it has loaded.' END
    FROM pg_extension AS e WHERE e.extname = 'mhub'
    UNION ALL
    SELECT 'hub migrated', CASE WHEN count(*) = 0 THEN 'ok' ELSE 'fail' END,
           CASE WHEN count(*) = 0 THEN 'every migration is applied'
                ELSE format('%s not applied: %s', count(*), string_agg(m.name, ', ' ORDER BY m.version)) END,
           CASE WHEN count(*) > 0 THEN 'Run SELECT mhub.install();' END
    FROM mhub.hub_migration() AS m
    WHERE NOT EXISTS (SELECT FROM mhub.migration AS done WHERE done.version = m.version)
$$;
COMMENT ON FUNCTION mhub.doctor_hub() IS 'Rows of mhub.doctor() about the installation: library and SQL of one version, migrations applied.';

CREATE FUNCTION mhub.doctor(OUT check_name text, OUT status text, OUT detail text, OUT hint text)
RETURNS SETOF record LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    room regproc;
BEGIN
    IF to_regclass('mhub.migration') IS NULL THEN
        RETURN QUERY VALUES ('hub migrated', 'fail', 'the hub is not installed', 'Run SELECT mhub.install();');
        RETURN;
    END IF;
    FOR room IN
        SELECT p.oid FROM pg_proc AS p
        JOIN pg_depend AS d ON d.classid = 'pg_proc'::regclass AND d.objid = p.oid AND d.deptype = 'e'
        JOIN pg_extension AS e ON d.refclassid = 'pg_extension'::regclass AND d.refobjid = e.oid AND e.extname = 'mhub'
        WHERE p.pronamespace = 'mhub'::regnamespace AND starts_with(p.proname, 'doctor_')
        ORDER BY p.proname <> 'doctor_hub', p.proname
    LOOP
        BEGIN
            RETURN QUERY EXECUTE format('SELECT * FROM %s()', room);
        EXCEPTION WHEN OTHERS THEN
            RETURN QUERY SELECT room::text, 'fail'::text, SQLERRM, 'This check itself failed; see the message.'::text;
        END;
    END LOOP;
END
$$;
COMMENT ON FUNCTION mhub.doctor() IS
'Checks of the whole hub, one row each: check_name, status (ok, warn or fail), detail (what was found) and hint (what to do; NULL when ok). A check that raises an error becomes a fail row with its message; the others still run.';

-- Install, migrate and remove the hub (the tables and views), and the versions of both halves.

CREATE FUNCTION mhub.version() RETURNS text
LANGUAGE c STABLE PARALLEL SAFE STRICT AS 'MODULE_PATHNAME', 'mhub_version';
COMMENT ON FUNCTION mhub.version() IS
'Version of the loaded mhub library, e.g. 0.1.0. mhub.doctor() compares it with the version of the SQL objects (pg_extension.extversion).';

CREATE FUNCTION mhub.install() RETURNS integer
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    step record;
    applied integer := 0;
BEGIN
    -- One installer at a time; the second waits here and then finds nothing left to do.
    PERFORM pg_advisory_xact_lock(hashtextextended('mhub.install', 0));

    IF to_regclass('mhub.migration') IS NULL THEN
        CREATE TABLE mhub.migration (
            version integer PRIMARY KEY,
            name text NOT NULL,
            applied_at timestamptz NOT NULL DEFAULT clock_timestamp(),
            applied_by name NOT NULL DEFAULT current_user,
            library_version text NOT NULL DEFAULT mhub.version(),
            script_sha256 bytea NOT NULL
        );
        COMMENT ON TABLE mhub.migration IS 'The migrations that mhub.install() has applied to this hub.';
        COMMENT ON COLUMN mhub.migration.version IS 'Number of the migration; applied in this order.';
        COMMENT ON COLUMN mhub.migration.name IS 'Topic of the migration, from its file name.';
        COMMENT ON COLUMN mhub.migration.applied_at IS 'When it was applied.';
        COMMENT ON COLUMN mhub.migration.applied_by IS 'Role that applied it; this role owns what it created.';
        COMMENT ON COLUMN mhub.migration.library_version IS 'mhub.version() at that time.';
        COMMENT ON COLUMN mhub.migration.script_sha256 IS 'SHA-256 of the migration''s text as it was applied.';
    END IF;

    FOR step IN
        SELECT m.version, m.name, m.script
        FROM mhub.hub_migration() AS m
        WHERE NOT EXISTS (SELECT FROM mhub.migration AS done WHERE done.version = m.version)
        ORDER BY m.version
    LOOP
        EXECUTE step.script;
        INSERT INTO mhub.migration (version, name, script_sha256)
        VALUES (step.version, step.name, sha256(convert_to(step.script, 'UTF8')));
        applied := applied + 1;
    END LOOP;
    RETURN applied;
END
$$;
COMMENT ON FUNCTION mhub.install() IS
'Creates the hub (tables and views in schema mhub, owned by the caller) or brings an older hub up to date: applies every migration of mhub.hub_migration() not yet recorded in mhub.migration, in one transaction and under a lock. Returns how many it applied; 0 when there was nothing to do. Safe to call again and from several sessions at once. Needs CREATE and USAGE on schema mhub (mhub.grant_access(role, ''owner'') gives both) and, to migrate an existing hub, its owner''s rights.';

CREATE FUNCTION mhub.uninstall(confirm text) RETURNS integer
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    relation record;
    removed integer := 0;
BEGIN
    IF confirm IS DISTINCT FROM current_database()::text THEN
        RAISE EXCEPTION 'the hub is not removed: confirmation does not match'
            USING ERRCODE = 'invalid_parameter_value',
                  DETAIL = 'Removing the hub deletes all of its tables with their data.',
                  HINT = format('Confirm with the name of this database: SELECT mhub.uninstall(%L);', current_database());
    END IF;
    PERFORM pg_advisory_xact_lock(hashtextextended('mhub.install', 0));

    -- Views first, then tables all at once, so that their foreign keys among each other do not matter. No CASCADE:
    -- what others built upon the hub stops the removal with a message that names it.
    FOR relation IN
        SELECT kind.word, string_agg(c.oid::regclass::text, ', ' ORDER BY c.oid DESC) AS names, count(*)::integer AS n
        FROM pg_class AS c
        JOIN (VALUES ('m', 'MATERIALIZED VIEW', 1), ('v', 'VIEW', 2), ('r', 'TABLE', 3), ('p', 'TABLE', 3), ('S', 'SEQUENCE', 4))
             AS kind (relkind, word, place) ON kind.relkind = c.relkind::text
        WHERE c.relnamespace = 'mhub'::regnamespace
          AND NOT c.relispartition
          AND NOT EXISTS (SELECT FROM pg_depend AS d
                          WHERE d.classid = 'pg_class'::regclass AND d.objid = c.oid
                            AND (d.deptype = 'e' OR c.relkind = 'S' AND d.deptype IN ('i', 'a')))
        GROUP BY kind.word, kind.place
        ORDER BY kind.place
    LOOP
        EXECUTE format('DROP %s %s', relation.word, relation.names);
        removed := removed + relation.n;
    END LOOP;
    RETURN removed;
END
$$;
COMMENT ON FUNCTION mhub.uninstall(text) IS
'Removes the hub: drops every table, view and sequence of schema mhub that does not belong to the extension, with all data, in one transaction. confirm must be the name of the current database, else error invalid_parameter_value. Fails without removing anything while other objects (your own views, say) depend on the hub. Returns the number of relations dropped. The extension itself stays; DROP EXTENSION mhub works afterwards.';

CREATE FUNCTION mhub.guard_drop_extension() RETURNS event_trigger
LANGUAGE c VOLATILE PARALLEL UNSAFE AS 'MODULE_PATHNAME', 'mhub_guard_drop_extension';
COMMENT ON FUNCTION mhub.guard_drop_extension() IS
'Event trigger: refuses DROP EXTENSION mhub (SQLSTATE MH010) while the hub is installed, so that CASCADE cannot take the data along.';

CREATE EVENT TRIGGER mhub_guard_drop_extension ON ddl_command_start
    WHEN TAG IN ('DROP EXTENSION') EXECUTE FUNCTION mhub.guard_drop_extension();
COMMENT ON EVENT TRIGGER mhub_guard_drop_extension IS 'Keeps DROP EXTENSION mhub from removing a hub with data in it.';

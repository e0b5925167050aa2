-- Giving a role the rights of a profile.

CREATE FUNCTION mhub.grant_access(role_name name, profile text) RETURNS integer
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    entry record;
    granted integer := 0;
BEGIN
    IF profile = 'owner' THEN
        EXECUTE format('GRANT USAGE, CREATE ON SCHEMA mhub TO %I WITH GRANT OPTION', role_name);
        EXECUTE format('GRANT EXECUTE ON ALL ROUTINES IN SCHEMA mhub TO %I WITH GRANT OPTION', role_name);
        RETURN 2;
    END IF;
    IF profile IS NULL OR profile = '*' OR NOT EXISTS (SELECT FROM mhub.access_right() AS a WHERE a.profile = grant_access.profile) THEN
        RAISE EXCEPTION 'unknown access profile "%"', profile
            USING ERRCODE = 'invalid_parameter_value',
                  HINT = 'Profiles are owner, ' || (SELECT string_agg(DISTINCT a.profile, ', ') FROM mhub.access_right() AS a WHERE a.profile <> '*') || '.';
    END IF;
    FOR entry IN
        SELECT a.privilege, a.object_type, a.object FROM mhub.access_right() AS a WHERE a.profile IN ('*', grant_access.profile)
    LOOP
        EXECUTE format('GRANT %s ON %s %s TO %I', entry.privilege, entry.object_type, entry.object, role_name);
        granted := granted + 1;
    END LOOP;
    -- Who exports and erases works on every table of the list.
    IF profile = 'privacy_officer' THEN
        FOR entry IN
            SELECT d.relation, CASE d.erase WHEN 'delete' THEN 'SELECT, DELETE' WHEN 'scrub' THEN 'SELECT, UPDATE' ELSE 'SELECT, UPDATE, DELETE' END AS privilege
            FROM mhub.personal_data() AS d JOIN pg_class AS c ON c.oid = d.relation
            WHERE c.relnamespace = 'mhub'::regnamespace AND d.erase <> 'keep'
        LOOP
            EXECUTE format('GRANT %s ON TABLE %s TO %I', entry.privilege, entry.relation, role_name);
            granted := granted + 1;
        END LOOP;
    END IF;
    RETURN granted;
END
$$;
COMMENT ON FUNCTION mhub.grant_access(name, text) IS
'Gives a role the rights of a profile: owner (may run mhub.install() and then owns the hub), app (writes events and asks for decisions, cannot decrypt), marketer, analyst (reads the views without personal data), operator (runs the jobs), privacy_officer (decrypts, exports, erases). Returns the number of grants. Call it as superuser, or as the hub''s owner. Rights are given, never taken away: use REVOKE for that. Errors: invalid_parameter_value for an unknown profile, undefined_object for an unknown role.';

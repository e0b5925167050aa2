-- Who may do what: the profiles of mhub.grant_access().

CREATE FUNCTION mhub.access_right(OUT profile text, OUT privilege text, OUT object_type text, OUT object text)
RETURNS SETOF record LANGUAGE sql IMMUTABLE PARALLEL SAFE SET search_path = pg_catalog, pg_temp AS $$
    VALUES
    -- every profile
    ('*', 'USAGE', 'SCHEMA', 'mhub'),
    ('*', 'EXECUTE', 'FUNCTION', 'mhub.now()'),
    ('*', 'EXECUTE', 'FUNCTION', 'mhub.is_time_zone(text)'),
    ('*', 'EXECUTE', 'FUNCTION', 'mhub.add_local(timestamptz, interval, text)'),
    ('*', 'EXECUTE', 'FUNCTION', 'mhub.next_local_time(timestamptz, text, time, time, time, integer[])'),
    -- workflow
    ('operator', 'EXECUTE', 'PROCEDURE', 'mhub.run_jobs(interval)'),
    ('operator', 'EXECUTE', 'FUNCTION', 'mhub.start(name)'),
    ('operator', 'EXECUTE', 'FUNCTION', 'mhub.stop(name)'),
    ('operator', 'EXECUTE', 'FUNCTION', 'mhub.jobs_running()'),
    ('operator', 'EXECUTE', 'FUNCTION', 'mhub.cron_database()'),
    ('operator', 'EXECUTE', 'FUNCTION', 'mhub.schedule_status()'),
    ('operator', 'SELECT, UPDATE', 'TABLE', 'mhub.job'),
    ('*', 'EXECUTE', 'FUNCTION', 'mhub.hub_time_zone()'),
    ('*', 'EXECUTE', 'FUNCTION', 'mhub.hub_day(timestamptz)'),
    -- delivery
    ('marketer', 'EXECUTE', 'FUNCTION', 'mhub.render_template(text, jsonb, text, jsonb)'),
    ('marketer', 'EXECUTE', 'FUNCTION', 'mhub.check_template(text)'),
    ('marketer', 'EXECUTE', 'FUNCTION', 'mhub.template_variables(text)'),
    ('marketer', 'EXECUTE', 'FUNCTION', 'mhub.sms_length(text)'),
    ('marketer', 'SELECT, INSERT, UPDATE, DELETE', 'TABLE', 'mhub.template'),
    ('marketer', 'SELECT, INSERT, UPDATE, DELETE', 'TABLE', 'mhub.template_partial'),
    ('marketer', 'SELECT', 'TABLE', 'mhub.delivery_channel'),
    ('marketer', 'SELECT', 'TABLE', 'mhub.provider'),
    ('app', 'INSERT', 'TABLE', 'mhub.message'),
    ('operator', 'EXECUTE', 'PROCEDURE', 'mhub.deliver_messages(interval)'),
    ('operator', 'EXECUTE', 'FUNCTION', 'mhub.message_content(bigint[], timestamptz[])'),
    ('operator', 'EXECUTE', 'FUNCTION', 'mhub.render_template(text, jsonb, text, jsonb)'),
    ('operator', 'EXECUTE', 'FUNCTION', 'mhub.check_template(text)'),
    ('operator', 'EXECUTE', 'FUNCTION', 'mhub.retry_message(bigint)'),
    ('operator', 'EXECUTE', 'FUNCTION', 'mhub.address_refusal(inet, integer)'),
    ('operator', 'EXECUTE', 'FUNCTION', 'mhub.set_provider_secret(text, text, text)'),
    ('operator', 'EXECUTE', 'FUNCTION', 'mhub.encrypt_secret(text, text)'),
    ('operator', 'EXECUTE', 'FUNCTION', 'mhub.new_signing_key()'),
    ('operator', 'SELECT, UPDATE', 'TABLE', 'mhub.message'),
    ('operator', 'SELECT, INSERT, UPDATE, DELETE', 'TABLE', 'mhub.provider'),
    ('operator', 'SELECT, INSERT, UPDATE, DELETE', 'TABLE', 'mhub.provider_secret'),
    ('operator', 'SELECT, INSERT, UPDATE', 'TABLE', 'mhub.provider_state'),
    ('operator', 'SELECT, INSERT, UPDATE, DELETE', 'TABLE', 'mhub.delivery_channel'),
    ('operator', 'SELECT, INSERT', 'TABLE', 'mhub.delivery_failure'),
    ('operator', 'SELECT', 'TABLE', 'mhub.template'),
    ('operator', 'SELECT', 'TABLE', 'mhub.template_partial'),
    ('operator', 'SELECT', 'TABLE', 'mhub.person'),
    ('operator', 'SELECT', 'TABLE', 'mhub.identifier'),
    ('app', 'EXECUTE', 'FUNCTION', 'mhub.verify_webhook(text, jsonb, text, timestamptz, interval)'),
    ('app', 'EXECUTE', 'FUNCTION', 'mhub.sign_webhook(text, text, timestamptz, text)'),
    -- privacy
    ('*', 'EXECUTE', 'FUNCTION', 'mhub.normalise(text, text)'),
    ('app', 'EXECUTE', 'FUNCTION', 'mhub.encrypt(text, bigint, text)'),
    ('app', 'EXECUTE', 'FUNCTION', 'mhub.blind_index(text, text, text)'),
    ('privacy_officer', 'EXECUTE', 'FUNCTION', 'mhub.encrypt(text, bigint, text)'),
    ('privacy_officer', 'EXECUTE', 'FUNCTION', 'mhub.blind_index(text, text, text)'),
    ('operator', 'EXECUTE', 'FUNCTION', 'mhub.keys_reload()'),
    -- traffic
    ('*', 'EXECUTE', 'FUNCTION', 'mhub.parse_source(text, text, text[])'),
    ('*', 'EXECUTE', 'FUNCTION', 'mhub.channel(text, text, text)'),
    ('*', 'EXECUTE', 'FUNCTION', 'mhub.source_category(text)'),
    ('*', 'EXECUTE', 'FUNCTION', 'mhub.shipped_source_host()'),
    ('*', 'EXECUTE', 'FUNCTION', 'mhub.clean_url(text)'),
    ('*', 'EXECUTE', 'FUNCTION', 'mhub.user_agent_is_bot(text)'),
    ('*', 'SELECT', 'TABLE', 'mhub.channel_rule_version'),
    ('*', 'SELECT', 'TABLE', 'mhub.channel_rule'),
    ('*', 'SELECT', 'TABLE', 'mhub.source_host'),
    ('marketer', 'INSERT, UPDATE, DELETE', 'TABLE', 'mhub.channel_rule_version'),
    ('marketer', 'INSERT, UPDATE, DELETE', 'TABLE', 'mhub.channel_rule'),
    ('marketer', 'INSERT, UPDATE, DELETE', 'TABLE', 'mhub.source_host'),
    -- stays last, so that every line above ends in a comma
    ('*', 'EXECUTE', 'FUNCTION', 'mhub.version()')
$$;
COMMENT ON FUNCTION mhub.access_right() IS
'The rights that mhub.grant_access() hands out: profile (* is every profile), privilege, type of object and object.';

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
    RETURN granted;
END
$$;
COMMENT ON FUNCTION mhub.grant_access(name, text) IS
'Gives a role the rights of a profile: owner (may run mhub.install() and then owns the hub), app (writes events and asks for decisions, cannot decrypt), marketer, analyst (reads the views without personal data), operator (runs the jobs), privacy_officer (decrypts, exports, erases). Returns the number of grants. Call it as superuser, or as the hub''s owner. Rights are given, never taken away: use REVOKE for that. Errors: invalid_parameter_value for an unknown profile, undefined_object for an unknown role.';

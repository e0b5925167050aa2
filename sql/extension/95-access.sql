-- Who may do what: the profiles of mhub.grant_access().

CREATE FUNCTION mhub.access_right(OUT profile text, OUT privilege text, OUT object_type text, OUT object text)
RETURNS SETOF record LANGUAGE sql IMMUTABLE PARALLEL SAFE SET search_path = pg_catalog, pg_temp AS $$
    VALUES
    -- conditions and buckets: pure functions
    ('*', 'EXECUTE', 'FUNCTION', 'mhub.condition_from_jsonb(jsonb)'),
    ('*', 'EXECUTE', 'FUNCTION', 'mhub.condition_to_jsonb(mhub.condition)'),
    ('*', 'EXECUTE', 'FUNCTION', 'mhub.condition_eq(mhub.condition, mhub.condition)'),
    ('*', 'EXECUTE', 'FUNCTION', 'mhub.condition_ne(mhub.condition, mhub.condition)'),
    ('*', 'EXECUTE', 'FUNCTION', 'mhub.condition_lt(mhub.condition, mhub.condition)'),
    ('*', 'EXECUTE', 'FUNCTION', 'mhub.condition_le(mhub.condition, mhub.condition)'),
    ('*', 'EXECUTE', 'FUNCTION', 'mhub.condition_gt(mhub.condition, mhub.condition)'),
    ('*', 'EXECUTE', 'FUNCTION', 'mhub.condition_ge(mhub.condition, mhub.condition)'),
    ('*', 'EXECUTE', 'FUNCTION', 'mhub.condition_cmp(mhub.condition, mhub.condition)'),
    ('*', 'EXECUTE', 'FUNCTION', 'mhub.condition_hash(mhub.condition)'),
    ('*', 'EXECUTE', 'FUNCTION', 'mhub.matches(jsonb, mhub.condition, timestamptz)'),
    ('*', 'EXECUTE', 'FUNCTION', 'mhub.matches_now(jsonb, mhub.condition)'),
    ('*', 'EXECUTE', 'FUNCTION', 'mhub.explain(jsonb, mhub.condition, timestamptz)'),
    ('*', 'EXECUTE', 'FUNCTION', 'mhub.bucket(text, text, integer, text)'),
    ('*', 'EXECUTE', 'FUNCTION', 'mhub.equal_weights(integer)'),
    ('*', 'EXECUTE', 'FUNCTION', 'mhub.bucket_ranges(integer, double precision, double precision[])'),
    ('*', 'EXECUTE', 'FUNCTION', 'mhub.choose_variation(double precision, double precision[])'),
    ('*', 'EXECUTE', 'FUNCTION', 'mhub.choose_variant(text, text, double precision[], double precision, integer, text)'),
    ('*', 'EXECUTE', 'FUNCTION', 'mhub.in_namespace(text, text, double precision, double precision)'),
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
    -- attribution
    ('*', 'EXECUTE', 'FUNCTION', 'mhub.first_touch(text, timestamptz)'),
    ('*', 'EXECUTE', 'FUNCTION', 'mhub.first_touch(text, timestamptz, bigint)'),
    ('*', 'EXECUTE', 'FUNCTION', 'mhub.last_touch(text, timestamptz)'),
    ('*', 'EXECUTE', 'FUNCTION', 'mhub.last_touch(text, timestamptz, bigint)'),
    ('*', 'EXECUTE', 'FUNCTION', 'mhub.last_non_direct_touch(text, timestamptz)'),
    ('*', 'EXECUTE', 'FUNCTION', 'mhub.last_non_direct_touch(text, timestamptz, bigint)'),
    ('*', 'EXECUTE', 'FUNCTION', 'mhub.attribution(text, timestamptz, text, bigint, numeric)'),
    ('*', 'EXECUTE', 'FUNCTION', 'mhub.attribution(text, timestamptz, text, bigint, numeric, jsonb)'),
    ('*', 'EXECUTE', 'FUNCTION', 'mhub.split_amount(numeric, double precision[], integer)'),
    ('*', 'EXECUTE', 'FUNCTION', 'mhub.hub_day(timestamptz)'),
    ('*', 'EXECUTE', 'FUNCTION', 'mhub.exchange_rate_on(text, text, date)'),
    ('*', 'EXECUTE', 'FUNCTION', 'mhub.attribution_models()'),
    ('analyst', 'SELECT', 'TABLE', 'mhub.roi_by_channel'),
    ('analyst', 'SELECT', 'TABLE', 'mhub.roi_daily'),
    ('analyst', 'SELECT', 'TABLE', 'mhub.cost_assigned'),
    ('analyst', 'SELECT', 'TABLE', 'mhub.cost_unmatched'),
    ('analyst', 'SELECT', 'TABLE', 'mhub.campaign_seen'),
    ('analyst', 'SELECT', 'TABLE', 'mhub.fresh_as_of'),
    ('marketer', 'SELECT', 'TABLE', 'mhub.roi_by_channel'),
    ('marketer', 'SELECT', 'TABLE', 'mhub.roi_daily'),
    ('marketer', 'SELECT', 'TABLE', 'mhub.cost_assigned'),
    ('marketer', 'SELECT', 'TABLE', 'mhub.cost_unmatched'),
    ('marketer', 'SELECT', 'TABLE', 'mhub.campaign_seen'),
    ('marketer', 'SELECT', 'TABLE', 'mhub.fresh_as_of'),
    ('analyst', 'SELECT', 'TABLE', 'mhub.attribution_setting'),
    ('analyst', 'SELECT', 'TABLE', 'mhub.touch'),
    ('analyst', 'SELECT', 'TABLE', 'mhub.conversion'),
    ('analyst', 'SELECT', 'TABLE', 'mhub.credit'),
    ('marketer', 'SELECT', 'TABLE', 'mhub.attribution_setting'),
    ('marketer', 'SELECT', 'TABLE', 'mhub.touch'),
    ('marketer', 'SELECT', 'TABLE', 'mhub.conversion'),
    ('marketer', 'SELECT', 'TABLE', 'mhub.credit'),
    ('operator', 'SELECT', 'TABLE', 'mhub.attribution_setting'),
    ('operator', 'SELECT', 'TABLE', 'mhub.touch'),
    ('operator', 'SELECT', 'TABLE', 'mhub.conversion'),
    ('operator', 'SELECT', 'TABLE', 'mhub.credit'),
    ('analyst', 'SELECT', 'TABLE', 'mhub.goal'),
    ('marketer', 'SELECT, INSERT, UPDATE, DELETE', 'TABLE', 'mhub.goal'),
    ('analyst', 'SELECT', 'TABLE', 'mhub.cost'),
    ('marketer', 'SELECT, INSERT, UPDATE, DELETE', 'TABLE', 'mhub.cost'),
    ('analyst', 'SELECT', 'TABLE', 'mhub.cost_mapping'),
    ('marketer', 'SELECT, INSERT, UPDATE, DELETE', 'TABLE', 'mhub.cost_mapping'),
    ('analyst', 'SELECT', 'TABLE', 'mhub.cost_channel'),
    ('marketer', 'SELECT, INSERT, UPDATE, DELETE', 'TABLE', 'mhub.cost_channel'),
    ('analyst', 'SELECT', 'TABLE', 'mhub.exchange_rate'),
    ('marketer', 'SELECT, INSERT, UPDATE, DELETE', 'TABLE', 'mhub.exchange_rate'),
    ('marketer', 'EXECUTE', 'FUNCTION', 'mhub.import_cost(jsonb, jsonb, jsonb, text)'),
    ('marketer', 'EXECUTE', 'FUNCTION', 'mhub.cost_entries(jsonb, jsonb, jsonb)'),
    ('operator', 'EXECUTE', 'PROCEDURE', 'mhub.refresh_attribution(interval)'),
    ('operator', 'EXECUTE', 'FUNCTION', 'mhub.note_events(bigint)'),
    ('operator', 'EXECUTE', 'FUNCTION', 'mhub.note_goals()'),
    ('operator', 'EXECUTE', 'FUNCTION', 'mhub.attribute_batch(integer)'),
    ('operator', 'EXECUTE', 'FUNCTION', 'mhub.claim_events(text, bigint)'),
    ('operator', 'EXECUTE', 'FUNCTION', 'mhub.event_horizon()'),
    ('operator', 'EXECUTE', 'FUNCTION', 'mhub.refresh_touches(bigint[], timestamptz[])'),
    ('operator', 'EXECUTE', 'FUNCTION', 'mhub.touches_of(bigint[], timestamptz[])'),
    ('operator', 'EXECUTE', 'FUNCTION', 'mhub.landing_page(text)'),
    ('operator', 'EXECUTE', 'FUNCTION', 'mhub.refresh_conversions(bigint[], timestamptz[], integer[])'),
    ('operator', 'EXECUTE', 'FUNCTION', 'mhub.goal_entries_of(bigint[], timestamptz[], integer[])'),
    ('operator', 'EXECUTE', 'FUNCTION', 'mhub.refresh_orders(integer[], text[])'),
    ('operator', 'EXECUTE', 'FUNCTION', 'mhub.refresh_credits(bigint[], timestamptz[])'),
    ('operator', 'EXECUTE', 'FUNCTION', 'mhub.credit_conversions(bigint[], bigint[])'),
    ('operator', 'EXECUTE', 'FUNCTION', 'mhub.credit_refunds(bigint[])'),
    ('operator', 'EXECUTE', 'FUNCTION', 'mhub.credit_unmatched(bigint[])'),
    ('operator', 'EXECUTE', 'FUNCTION', 'mhub.attribution_reach(jsonb)'),
    ('operator', 'EXECUTE', 'FUNCTION', 'mhub.rebuild_attribution()'),
    ('operator', 'SELECT', 'TABLE', 'mhub.event'),
    ('operator', 'SELECT', 'TABLE', 'mhub.identifier'),
    ('operator', 'SELECT, INSERT, UPDATE', 'TABLE', 'mhub.consumer'),
    ('operator', 'SELECT, UPDATE', 'TABLE', 'mhub.goal'),
    ('operator', 'SELECT, INSERT, UPDATE, DELETE', 'TABLE', 'mhub.touch'),
    ('operator', 'SELECT, INSERT, UPDATE, DELETE', 'TABLE', 'mhub.conversion'),
    ('operator', 'SELECT, INSERT, UPDATE, DELETE', 'TABLE', 'mhub.credit'),
    ('operator', 'SELECT, INSERT, UPDATE, DELETE', 'TABLE', 'mhub.attribution_dirty'),
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
    ('privacy_officer', 'EXECUTE', 'FUNCTION', 'mhub.decrypt(mhub.enc, text, bigint)'),
    ('privacy_officer', 'EXECUTE', 'FUNCTION', 'mhub.decrypt_strict(mhub.enc, text, bigint)'),
    ('privacy_officer', 'EXECUTE', 'FUNCTION', 'mhub.person_family(bigint)'),
    ('privacy_officer', 'SELECT', 'TABLE', 'mhub.access_log'),
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
    -- identity
    ('*', 'EXECUTE', 'FUNCTION', 'mhub.resolve_person(bigint)'),
    ('*', 'EXECUTE', 'FUNCTION', 'mhub.merge_horizon()'),
    ('*', 'SELECT', 'TABLE', 'mhub.identifier_kind'),
    ('*', 'SELECT', 'TABLE', 'mhub.blocked_value'),
    ('*', 'SELECT', 'TABLE', 'mhub.merge_log'),
    ('app', 'EXECUTE', 'FUNCTION', 'mhub.identify(jsonb, jsonb, timestamptz, text)'),
    ('app', 'EXECUTE', 'FUNCTION', 'mhub.person_id(text, text)'),
    ('app', 'EXECUTE', 'FUNCTION', 'mhub.check_identifier(text, text)'),
    ('app', 'EXECUTE', 'FUNCTION', 'mhub.next_merge_id()'),
    ('app', 'EXECUTE', 'FUNCTION', 'mhub.observe(jsonb, timestamptz, text)'),
    ('app', 'EXECUTE', 'FUNCTION', 'mhub.alias(text, text, timestamptz, text, text)'),
    ('app', 'EXECUTE', 'FUNCTION', 'mhub.group(jsonb, text, jsonb, timestamptz, text)'),
    ('app', 'SELECT, INSERT, UPDATE', 'TABLE', 'mhub.group_profile'),
    ('app', 'SELECT, INSERT, UPDATE', 'TABLE', 'mhub.group_member'),
    ('app', 'USAGE', 'SEQUENCE', 'mhub.merge_id_seq'),
    ('app', 'SELECT, INSERT, UPDATE', 'TABLE', 'mhub.person'),
    ('app', 'SELECT, INSERT, UPDATE', 'TABLE', 'mhub.identifier'),
    ('app', 'SELECT, INSERT, UPDATE', 'TABLE', 'mhub.link'),
    ('app', 'INSERT', 'TABLE', 'mhub.merge_log'),
    ('app', 'SELECT, INSERT', 'TABLE', 'mhub.identity_conflict'),
    ('marketer', 'INSERT, UPDATE, DELETE', 'TABLE', 'mhub.blocked_value'),
    ('privacy_officer', 'EXECUTE', 'FUNCTION', 'mhub.person_id(text, text)'),
    ('privacy_officer', 'SELECT', 'TABLE', 'mhub.identity_conflict'),
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

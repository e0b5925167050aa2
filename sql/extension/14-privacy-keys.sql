-- Epochs of the key file: status, rotation.

CREATE FUNCTION mhub.key_epochs() RETURNS bigint[]
LANGUAGE c STABLE PARALLEL RESTRICTED AS 'MODULE_PATHNAME', 'mhub_key_epochs';
COMMENT ON FUNCTION mhub.key_epochs() IS
'The epochs that this session has read from the key file, oldest first (numbers, no keys). Error MH001 when there is no usable key file.';

CREATE FUNCTION mhub.key_status(OUT epoch bigint, OUT in_key_file boolean, OUT newest boolean, OUT keyring_keys bigint, OUT person_keys bigint)
RETURNS SETOF record LANGUAGE sql STABLE PARALLEL RESTRICTED SET search_path = pg_catalog, pg_temp AS $$
    WITH known (epoch) AS (SELECT unnest(mhub.key_epochs())),
         ring AS (SELECT k.epoch, count(*) AS n FROM mhub.keyring AS k GROUP BY k.epoch),
         person AS (SELECT k.epoch, count(*) AS n FROM mhub.person_key AS k WHERE k.destroyed_at IS NULL GROUP BY k.epoch)
    SELECT e.epoch, known.epoch IS NOT NULL, e.epoch = (SELECT max(k.epoch) FROM known AS k), coalesce(ring.n, 0), coalesce(person.n, 0)
    FROM (SELECT epoch FROM known UNION SELECT epoch FROM ring UNION SELECT epoch FROM person) AS e
    LEFT JOIN known USING (epoch) LEFT JOIN ring USING (epoch) LEFT JOIN person USING (epoch)
    ORDER BY e.epoch
$$;
COMMENT ON FUNCTION mhub.key_status() IS
'One row per epoch that is in the key file or in use: whether the file has it, whether it is the newest one (which wraps new keys), how many keyring keys and living person keys it wraps. No key material. What an epoch in use wraps cannot be read while the file lacks it. An epoch that wraps nothing any more may leave the file once no backup that needs it is to be restored. Error MH001 when there is no usable key file.';

CREATE FUNCTION mhub.rewrap_batch(batch integer) RETURNS bigint
LANGUAGE c VOLATILE PARALLEL UNSAFE STRICT AS 'MODULE_PATHNAME', 'mhub_rewrap_batch';
COMMENT ON FUNCTION mhub.rewrap_batch(integer) IS
'Part of mhub.rewrap_keys(): re-wraps the keyring or, when that is done, up to batch person keys under the newest epoch, and returns how many; 0 when nothing is left but what other transactions have locked.';

CREATE PROCEDURE mhub.rewrap_keys(batch integer DEFAULT 1000)
LANGUAGE plpgsql AS $$
DECLARE
    done bigint;
BEGIN
    LOOP
        done := mhub.rewrap_batch(batch);
        COMMIT;
        EXIT WHEN done = 0;
    END LOOP;
END
$$;
COMMENT ON PROCEDURE mhub.rewrap_keys(integer) IS
'Re-wraps all keys under the newest epoch of the key file, batch person keys at a time with a commit after each; what was sealed stays readable throughout. Stop it whenever you like and call it again: it goes on where it was. To rotate: append a line to the key file, SELECT mhub.keys_reload(), CALL mhub.rewrap_keys(). Errors: MH001, MH002 when the file lacks an epoch still in use, MH004 when a row was tampered with, invalid_parameter_value for a batch out of range, invalid_transaction_termination inside a transaction block.';

CREATE FUNCTION mhub.doctor_privacy(OUT check_name text, OUT status text, OUT detail text, OUT hint text)
RETURNS SETOF record LANGUAGE plpgsql STABLE PARALLEL RESTRICTED SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    logging text;
BEGIN
    IF NOT mhub.key_configured() THEN
        RETURN QUERY SELECT 'key file', 'warn', 'no key is configured: nothing can be sealed, identifiers of pii kinds are refused',
                            'Create one: see doc/privacy.md, or call mhub.keys_reload() for the commands.';
    ELSE
        RETURN QUERY
        SELECT 'key file', CASE WHEN bool_and(k.in_key_file) THEN 'ok' ELSE 'fail' END,
               format('epochs %s; newest %s', string_agg(k.epoch::text, ', '), max(k.epoch) FILTER (WHERE k.newest)),
               CASE WHEN NOT bool_and(k.in_key_file)
                    THEN format('The key file lacks epoch %s, which is in use: put the line back and call mhub.keys_reload().', string_agg(k.epoch::text, ', ') FILTER (WHERE NOT k.in_key_file)) END
        FROM mhub.key_status() AS k;
        RETURN QUERY
        SELECT 'key rotation', CASE WHEN count(*) FILTER (WHERE NOT k.newest AND k.keyring_keys + k.person_keys > 0) > 0 THEN 'warn' ELSE 'ok' END,
               format('%s of %s keys are not under the newest epoch', coalesce(sum(k.keyring_keys + k.person_keys) FILTER (WHERE NOT k.newest), 0), sum(k.keyring_keys + k.person_keys)),
               CASE WHEN count(*) FILTER (WHERE NOT k.newest AND k.keyring_keys + k.person_keys > 0) > 0 THEN 'Run CALL mhub.rewrap_keys();' END
        FROM mhub.key_status() AS k;
    END IF;

    RETURN QUERY
    SELECT 'erasures', CASE WHEN min(l.erased_at) < now() - interval '1 day' THEN 'warn' ELSE 'ok' END, format('%s erasures are not finished', count(*)),
           CASE WHEN min(l.erased_at) < now() - interval '1 day' THEN 'They wait for transactions that began before them, or for mhub.run_jobs(), which calls mhub.finish_erasures().' END
    FROM mhub.erasure_pending AS p JOIN mhub.erasure_log AS l USING (erasure_id);

    SELECT string_agg(format('%s = %s', s.name, s.setting), ', ' ORDER BY s.name) INTO logging
    FROM pg_settings AS s
    WHERE (s.name = 'log_statement' AND s.setting NOT IN ('none', 'ddl')) OR (s.name IN ('log_min_duration_statement', 'log_min_duration_sample') AND s.setting <> '-1')
       OR (s.name IN ('log_parameter_max_length', 'log_parameter_max_length_on_error') AND s.setting <> '0') OR (s.name = 'log_min_error_statement' AND s.setting <> 'panic');
    RETURN QUERY SELECT 'statements in the log',
        CASE WHEN current_setting('mhub.mask_log') <> 'off' AND EXISTS (SELECT FROM pg_settings AS s WHERE s.name IN ('session_preload_libraries', 'shared_preload_libraries') AND s.setting ~ '\mmhub\M') THEN 'ok' WHEN logging IS NULL THEN 'ok' ELSE 'warn' END,
        format('mhub.mask_log = %s; %s', current_setting('mhub.mask_log'), coalesce(logging, 'statements are not logged')),
        'Statements with personal data in them are masked in the server''s log once mhub is loaded in a session: set session_preload_libraries = ''mhub''. Parameters stay out with log_parameter_max_length = 0 and log_parameter_max_length_on_error = 0.';
END
$$;
COMMENT ON FUNCTION mhub.doctor_privacy() IS 'Rows of mhub.doctor() about privacy: key file, rotation, and whether the server''s log could show personal data.';

-- What each profile of mhub.grant_access() may do about personal data, and what it is refused.
BEGIN;
SELECT mhub.install() > 0 AS applied;
CREATE ROLE regress_mhub_app; CREATE ROLE regress_mhub_marketer; CREATE ROLE regress_mhub_analyst; CREATE ROLE regress_mhub_operator; CREATE ROLE regress_mhub_privacy_officer; CREATE ROLE regress_mhub_nobody;
SELECT bool_and(mhub.grant_access('regress_mhub_' || profile, profile) > 0) AS granted FROM unnest('{app,marketer,analyst,operator,privacy_officer}'::text[]) AS profile;
SAVEPOINT s;
SELECT mhub.grant_access('regress_mhub_app', 'god');
ROLLBACK TO s;

CREATE TEMPORARY TABLE value AS SELECT mhub.identify('{"email": "li@example.com", "cookie": "c"}') AS person_id;
CREATE TEMPORARY TABLE box AS SELECT mhub.encrypt('secret', 42, 'identifier.sealed') AS sealed;
INSERT INTO mhub.event (occurred_at, identifier_id, name) SELECT now(), min(identifier_id), 'Page Viewed' FROM mhub.identifier;
GRANT SELECT ON value, box TO PUBLIC;
SET LOCAL mhub.purpose = 'test';

CREATE FUNCTION pg_temp.answer(profile text, statement text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
    answer text;
BEGIN
    EXECUTE format('SET LOCAL ROLE regress_mhub_%s', profile);
    BEGIN
        EXECUTE statement;
        RAISE SQLSTATE 'OK000';
    EXCEPTION
        WHEN insufficient_privilege THEN answer := '-';
        WHEN SQLSTATE 'OK000' THEN answer := 'may';
        WHEN OTHERS THEN answer := SQLSTATE || ' ' || SQLERRM;
    END;
    RESET ROLE;
    RETURN answer;
END $$;
CREATE TEMPORARY TABLE attempt (n serial, what text, statement text);
INSERT INTO attempt (what, statement) VALUES
    ('encrypt', $$SELECT mhub.encrypt('x', 42, 'identifier.sealed')$$),
    ('blind index', $$SELECT mhub.blind_index('li@example.com', 'email')$$),
    ('decrypt', $$SELECT mhub.decrypt(sealed, 'identifier.sealed') FROM box$$),
    ('decrypt_strict', $$SELECT mhub.decrypt_strict(sealed, 'identifier.sealed') FROM box$$),
    ('change consent', $$DELETE FROM mhub.consent$$),
    ('suppress', $$SELECT mhub.suppress('email', 'li@example.com')$$),
    ('unsuppress', $$SELECT mhub.unsuppress('email', 'li@example.com')$$),
    ('export', $$SELECT mhub.export_person(person_id) FROM value$$),
    ('erase', $$SELECT mhub.erase_person(person_id, 'test') FROM value$$),
    ('replay erasures', $$SELECT mhub.replay_erasures()$$),
    ('read access log', $$SELECT FROM mhub.access_log$$),
    ('write access log', $$INSERT INTO mhub.access_log (role_name, login_name, action, purpose, value_count) VALUES ('x', 'x', 'x', 'x', 1)$$),
    ('clean access log', $$DELETE FROM mhub.access_log$$),
    ('read wrapped keys', $$SELECT wrapped FROM mhub.person_key$$),
    ('read keyring', $$SELECT wrapped FROM mhub.keyring$$),
    ('change keys', $$UPDATE mhub.person_key SET person_id = 1$$),
    ('destroy keys', $$SELECT mhub.destroy_person_keys('{1}')$$),
    ('reload keys', $$SELECT mhub.keys_reload()$$),
    ('key status', $$SELECT mhub.key_status()$$),
    ('rewrap', $$SELECT mhub.rewrap_batch(1)$$),
    ('retention step', $$SELECT mhub.retention_step('events', 1)$$),
    ('change retention', $$UPDATE mhub.retention SET keep = '1 day'$$),
    ('read secrets', $$SELECT value FROM mhub.provider_secret$$),
    ('set mask_log', $$SET LOCAL mhub.mask_log = off$$),
    ('default country', $$SET LOCAL mhub.default_country = 'US'$$);
SELECT what, pg_temp.answer('app', statement) AS app, pg_temp.answer('marketer', statement) AS marketer, pg_temp.answer('analyst', statement) AS analyst,
       pg_temp.answer('operator', statement) AS operator, pg_temp.answer('privacy_officer', statement) AS privacy_officer, pg_temp.answer('nobody', statement) AS nobody
FROM attempt ORDER BY n;

-- Who only looks at numbers sees nothing personal, nor does who has no profile.
SELECT statement, pg_temp.answer('analyst', statement) AS analyst, pg_temp.answer('nobody', statement) AS nobody FROM unnest(ARRAY[
    'SELECT sealed FROM mhub.identifier', 'SELECT value FROM mhub.identifier', 'SELECT traits FROM mhub.person', 'SELECT recipient, data FROM mhub.message',
    'SELECT ip, url, properties FROM mhub.event', 'SELECT FROM mhub.consent', 'SELECT FROM mhub.suppression', 'SELECT FROM mhub.link', 'SELECT FROM mhub.rejected']) AS statement;

-- What the officer did is on record; and what one role may another still may not.
SET LOCAL ROLE regress_mhub_privacy_officer;
SELECT mhub.decrypt(sealed, 'identifier.sealed') FROM box;
SELECT mhub.export_person(person_id) #>> '{held,mhub.identifier,1,kind}' IS NOT NULL AS exported FROM value;
SELECT (mhub.erase_person(person_id, 'request 1') ->> 'keys_destroyed') AS keys_destroyed FROM value;
SELECT reason, erased_by FROM mhub.erasure_log;
SET LOCAL ROLE regress_mhub_app;
SELECT mhub.decrypt(sealed, 'identifier.sealed') FROM box;
ROLLBACK TO s;
ROLLBACK;

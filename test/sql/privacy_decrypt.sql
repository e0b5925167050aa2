-- Opening sealed values: purpose, log, and everything that must not open.
BEGIN;
SELECT mhub.install() > 0 AS applied;
CREATE TEMPORARY TABLE box (n integer, person_id bigint, plain text, sealed mhub.enc);
INSERT INTO box SELECT n, n, plain, mhub.encrypt(plain, n, 'identifier.sealed')
FROM (VALUES (1, 'li@example.com'), (2, '+8613800138000'), (3, ''), (4, '北京市海淀区中关村大街1号'), (5, repeat('很长', 100000))) AS v (n, plain);
SAVEPOINT s;

-- No purpose, no reading.
SELECT mhub.decrypt(sealed, 'identifier.sealed') FROM box;
ROLLBACK TO s;
SET LOCAL mhub.purpose = 'answer ticket 4711';
SELECT count(*) AS opened FROM box WHERE mhub.decrypt(sealed, 'identifier.sealed') = plain AND mhub.decrypt_strict(sealed, 'identifier.sealed', person_id) = plain;
SELECT mhub.decrypt(NULL, 'identifier.sealed') IS NULL AND mhub.decrypt((SELECT sealed FROM box WHERE n = 1), NULL) IS NULL AS null_is_null;

-- Many persons, more than the cache holds, in any order.
INSERT INTO box SELECT n, n, 'p' || n, mhub.encrypt('p' || n, n, 'identifier.sealed') FROM generate_series(101, 2600) AS n;
SELECT count(*) AS opened FROM (SELECT * FROM box WHERE n > 100 ORDER BY n % 7, n DESC) AS mixed WHERE mhub.decrypt(sealed, 'identifier.sealed', person_id) = plain;

-- Every flipped bit is noticed, wherever it is; so is every shorter value.
CREATE FUNCTION pg_temp.answer(sealed mhub.enc, column_name text) RETURNS text LANGUAGE plpgsql AS $$
BEGIN
    RETURN coalesce(mhub.decrypt(sealed, column_name), '(null)');
EXCEPTION WHEN OTHERS THEN
    RETURN SQLSTATE;
END $$;
CREATE FUNCTION pg_temp.flipped(sealed mhub.enc, place integer) RETURNS mhub.enc LANGUAGE sql AS $$
    SELECT set_bit(sealed::text::bytea, place, 1 - get_bit(sealed::text::bytea, place))::text::mhub.enc
$$;
SELECT pg_temp.answer(pg_temp.flipped(sealed, place), 'identifier.sealed') AS answer, count(*)
FROM box, generate_series(0, 8 * (44 + octet_length(plain)) - 1) AS place WHERE n = 1 GROUP BY 1 ORDER BY 1;
SELECT pg_temp.answer(substr(sealed::text, 1, 2 + 2 * len)::mhub.enc, 'identifier.sealed') AS answer, count(*)
FROM box, generate_series(44, 44 + octet_length(plain) - 1) AS len WHERE n = 1 GROUP BY 1 ORDER BY 1;

-- A value in another column, of another person, under a key that does not exist.
SELECT mhub.register_enc_column('crm.customer.phone') > 0 AS registered;
SELECT pg_temp.answer(sealed, 'crm.customer.phone') AS other_column FROM box WHERE n = 1;
SAVEPOINT s;
SELECT mhub.decrypt(sealed, 'identifier.sealed', 2) FROM box WHERE n = 1;
ROLLBACK TO s;
DELETE FROM mhub.person_key WHERE person_id = 2600;
SELECT mhub.keys_reload() > 0 AS reloaded;
SELECT pg_temp.answer(sealed, 'identifier.sealed') AS no_key FROM box WHERE n = 2600;

-- A wrapped key that was exchanged with another person's.
UPDATE mhub.person_key AS k SET wrapped = other.wrapped FROM mhub.person_key AS other WHERE k.person_id = 4 AND other.person_id = 5;
SELECT mhub.keys_reload() > 0 AS reloaded;
SELECT pg_temp.answer(sealed, 'identifier.sealed') AS exchanged_key FROM box WHERE n = 4;

-- An epoch that the key file does not have.
UPDATE mhub.person_key SET epoch = 4000000000 WHERE person_id = 3;
SELECT mhub.keys_reload() > 0 AS reloaded;
SAVEPOINT s;
SELECT mhub.decrypt(sealed, 'identifier.sealed') FROM box WHERE n = 3;
ROLLBACK TO s;

-- A renamed column keeps its values.
UPDATE mhub.enc_column SET name = 'identifier.value_sealed' WHERE name = 'identifier.sealed';
SELECT mhub.keys_reload() > 0 AS reloaded;
SELECT mhub.decrypt(sealed, 'identifier.value_sealed') FROM box WHERE n = 1;

-- A value of a merged-away person is the surviving person's; of nobody else.
INSERT INTO mhub.person (person_id, merged_into) VALUES (1, NULL), (2, 1), (6, 2), (7, NULL);
SELECT mhub.decrypt(sealed, 'identifier.value_sealed', 6) FROM box WHERE n = 1;
SELECT mhub.decrypt(sealed, 'identifier.value_sealed', 1) FROM box WHERE n = 2;
SELECT array_agg(f ORDER BY f) AS family FROM mhub.person_family(2) AS f;
SELECT array_agg(f ORDER BY f) AS nobody_else FROM mhub.person_family(7) AS f;
SAVEPOINT s;
SELECT mhub.decrypt(sealed, 'identifier.value_sealed', 7) FROM box WHERE n = 2;
ROLLBACK TO s;

-- A secret of the hub.
SELECT mhub.decrypt(mhub.encrypt_secret('SMTP 密码', 'crm.customer.phone'), 'crm.customer.phone') AS secret;
SELECT pg_temp.answer(mhub.encrypt_secret('x', 'crm.customer.phone'), 'identifier.value_sealed') AS other_column;
ROLLBACK;

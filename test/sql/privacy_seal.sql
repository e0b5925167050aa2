-- Sealing, blind indexes, the key tables.
BEGIN;
SELECT mhub.install() > 0 AS applied;

-- Fresh nonces: never the same twice; 44 bytes more than the text in UTF-8.
SELECT count(DISTINCT sealed::text) AS different, min(length(sealed::text)) AS shortest, max(length(sealed::text)) AS longest,
       2 + 2 * (44 + octet_length('李伟')) AS expected
FROM (SELECT mhub.encrypt('李伟', 42, 'identifier.sealed') AS sealed FROM generate_series(1, 1000)) AS v;
SELECT mhub.encrypt(NULL, 42, 'identifier.sealed') IS NULL AND mhub.encrypt('x', NULL, 'identifier.sealed') IS NULL AS null_is_null;

-- One key a person, whichever way and how often it is used.
SELECT count(mhub.encrypt('x', 100 + n % 3000, 'identifier.sealed')) AS sealed FROM generate_series(1, 9000) AS n;
SELECT count(*) AS keys, count(DISTINCT person_id) AS persons, min(length(wrapped)) AS wrapped, count(DISTINCT wrapped) AS different FROM mhub.person_key;

-- Keys that are rolled back are not used again.
SAVEPOINT s;
SELECT mhub.encrypt('x', 43, 'identifier.sealed') IS NOT NULL AS sealed;
ROLLBACK TO s;
SELECT mhub.encrypt('x', 43, 'identifier.sealed') IS NOT NULL AS sealed;
SELECT count(*) AS key_is_there FROM mhub.person_key WHERE person_id = 43;

-- Blind indexes: equal for equal values of one domain, different across domains and persons.
SELECT mhub.blind_index('Li@Example.com', 'email') = mhub.blind_index(' li@example.COM ', 'email') AS one_address,
       mhub.blind_index('13800138000', 'phone') = mhub.blind_index('+86 138-0013-8000', 'phone') AS one_number,
       mhub.blind_index('li@example.com', 'email') <> mhub.blind_index('li@example.com', 'work_email', 'email') AS domains_apart,
       mhub.blind_index('Li@Example.com', 'user_id') <> mhub.blind_index('li@example.com', 'user_id') AS exact,
       length(mhub.blind_index('li@example.com', 'email')) AS bytes;
SELECT mhub.blind_index('no address', 'email') IS NULL AND mhub.blind_index(NULL, 'email') IS NULL AND mhub.blind_index('x', NULL) IS NULL AS null_finds_nothing;
SELECT count(DISTINCT mhub.blind_index(n::text, 'user_id')) AS different FROM generate_series(1, 20000) AS n;
SELECT purpose, version, epoch, length(wrapped) AS wrapped FROM mhub.keyring ORDER BY purpose;

-- A rolled back index key is not used again either.
SAVEPOINT s;
TRUNCATE mhub.keyring;
SELECT mhub.keys_reload() >= 1 AS epochs;
SELECT mhub.blind_index('x', 'user_id') IS NOT NULL AS indexed;
ROLLBACK TO s;
SELECT mhub.encrypt_secret('token', 'identifier.sealed') IS NOT NULL AS secret;
SELECT purpose FROM mhub.keyring ORDER BY purpose;

-- Columns are registered once.
SELECT mhub.register_enc_column('crm.customer.phone') = mhub.register_enc_column('crm.customer.phone') AS one_number, mhub.register_enc_column(NULL) IS NULL AS null_is_null;
SELECT mhub.encrypt('x', 42, 'crm.customer.phone') IS NOT NULL AS sealed;
SAVEPOINT s;
SELECT mhub.encrypt('x', 42, 'crm.customer.fax');
ROLLBACK TO s;
SELECT mhub.encrypt('x', 42, repeat('long', 100));
ROLLBACK TO s;

-- A padded column: 16 lengths look alike; what was sealed before stays readable.
CREATE TEMPORARY TABLE nick AS SELECT n, mhub.encrypt(repeat('友', n), 42, 'crm.customer.nick') AS sealed
FROM generate_series(0, 40) AS n, (SELECT mhub.register_enc_column('crm.customer.nick', true) OFFSET 0) AS registered (id) WHERE id > 0;
SET LOCAL mhub.purpose = 'test';
SELECT (length(sealed::text) - 2) / 2 - 44 AS bytes, min(n), max(n), bool_and(mhub.decrypt(sealed, 'crm.customer.nick') = repeat('友', n)) AS opens FROM nick GROUP BY 1 ORDER BY 1;
UPDATE mhub.enc_column SET padded = false WHERE name = 'crm.customer.nick';
SELECT (length(mhub.encrypt('友', 42, 'crm.customer.nick')::text) - 2) / 2 - 44 AS bytes, (SELECT count(mhub.decrypt(sealed, 'crm.customer.nick')) FROM nick) AS opens;

-- A value bound to its row opens nowhere else, nor as one that is bound to none; and the other way round.
CREATE TEMPORARY TABLE bound AS SELECT mhub.encrypt('上海', 42, 'crm.customer.phone', '行 7') AS sealed, mhub.encrypt('上海', 42, 'crm.customer.phone') AS unbound;
SELECT mhub.decrypt(sealed, 'crm.customer.phone', 42, '行 7') AS opened FROM bound;
SAVEPOINT s;
SELECT mhub.decrypt(sealed, 'crm.customer.phone', 42, '行 8') FROM bound;
ROLLBACK TO s;
SELECT mhub.decrypt(sealed, 'crm.customer.phone') FROM bound;
ROLLBACK TO s;
SELECT mhub.decrypt(unbound, 'crm.customer.phone', 42, '行 7') FROM bound;
ROLLBACK TO s;

-- An epoch key wraps 2^31 keys at most.
SELECT setval('mhub.person_key_key_id_seq', 2147483646);
SELECT mhub.encrypt('x', 90001, 'crm.customer.phone') IS NOT NULL AS the_last;
SELECT mhub.encrypt('x', 90002, 'crm.customer.phone');
ROLLBACK TO s;

-- Text and binary form are the identity; what is no ciphertext is refused.
CREATE TEMPORARY TABLE box (sealed mhub.enc);
INSERT INTO box SELECT mhub.encrypt('上海', 42, 'identifier.sealed');
SELECT sealed::text::mhub.enc::text = sealed::text AS identity FROM box;
SELECT 'secret'::mhub.enc;
ROLLBACK TO s;
SELECT '\x00'::mhub.enc;
ROLLBACK TO s;
SELECT ('\x0' || repeat('0', 100))::mhub.enc;
ROLLBACK TO s;
SELECT ('\x' || repeat('0g', 50))::mhub.enc;
ROLLBACK TO s;
SELECT mhub.blind_index('x', 'email', 'telex');
ROLLBACK TO s;
ROLLBACK;

-- Without a hub: a clear word.
SELECT mhub.encrypt('x', 1, 'identifier.sealed');
SELECT mhub.blind_index('x', 'user_id');

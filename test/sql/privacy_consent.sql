-- Consent and the suppression list.
BEGIN;
SELECT mhub.install() > 0 AS applied;

-- Nothing on record is no consent; nobody has none.
SELECT mhub.has_consent(mhub.identify('{"email": "li@example.com"}'), 'marketing') AS nothing_on_record, mhub.has_consent(987654321, 'marketing', 'email') AS nobody, mhub.has_consent(NULL, 'marketing') AS null_person;

-- A table of decisions in order, and what is asked afterwards. a: for every channel, e: for e-mail, s: for SMS; + granted, - refused.
CREATE TEMPORARY TABLE history (n integer, decisions text[]);
INSERT INTO history VALUES (1, '{a+}'), (2, '{a-}'), (3, '{e+}'), (4, '{e-}'), (5, '{a+,e-}'), (6, '{e-,a+}'), (7, '{a-,e+}'), (8, '{e+,a-}'),
    (9, '{a+,a-}'), (10, '{a-,a+}'), (11, '{e+,e-}'), (12, '{e-,e+}'), (13, '{e-,a+,e+}'), (14, '{e+,a-,a+}'), (15, '{s-,e+}');
SELECT count(mhub.record_consent(jsonb_build_object('user_id', 'u' || n), 'marketing', CASE left(d, 1) WHEN 'e' THEN 'email' WHEN 's' THEN 'sms' END, d LIKE '%+')) AS recorded
FROM (SELECT n, d FROM history, unnest(decisions) WITH ORDINALITY AS u (d, place) ORDER BY n, place) AS ordered;
SELECT n, decisions, mhub.has_consent(p, 'marketing') AS every_channel, mhub.has_consent(p, 'marketing', 'email') AS email, mhub.has_consent(p, 'marketing', 'sms') AS sms,
       mhub.has_consent(p, 'analytics', 'email') AS other_purpose, mhub.person_consent(p) AS all_answers
FROM history, mhub.person_id('user_id', 'u' || n) AS p ORDER BY n;

-- Merging keeps the stricter answer, until the merged person decides anew.
CREATE TEMPORARY TABLE pair AS SELECT a, b, mhub.identify(jsonb_build_object('email', 'a' || a || b || '@example.com')) AS person_a, mhub.identify(jsonb_build_object('cookie', 'c' || a || b)) AS person_b
FROM unnest('{yes,no,unknown}'::text[]) AS a, unnest('{yes,no,unknown}'::text[]) AS b;
SELECT count(mhub.record_person_consent(person_a, 'marketing', granted => a = 'yes')) FROM pair WHERE a <> 'unknown';
SELECT count(mhub.record_person_consent(person_b, 'marketing', granted => b = 'yes')) FROM pair WHERE b <> 'unknown';
SELECT a, b, mhub.has_consent(person_a, 'marketing') AS consent_a, mhub.has_consent(person_b, 'marketing') AS consent_b FROM pair ORDER BY a, b;
SELECT count(mhub.identify(jsonb_build_object('email', 'a' || a || b || '@example.com', 'cookie', 'c' || a || b))) AS merged FROM pair;
SELECT a, b, mhub.has_consent(person_a, 'marketing') AS merged FROM pair ORDER BY a, b;
SELECT count(*) AS same_for_both_ids FROM pair WHERE mhub.has_consent(person_a, 'marketing') = mhub.has_consent(person_b, 'marketing');
SELECT count(mhub.record_person_consent(person_b, 'marketing')) AS decided_anew FROM pair;
SELECT count(*) AS all_granted FROM pair WHERE mhub.has_consent(person_a, 'marketing');

-- What is recorded stays; proof is sealed.
SELECT mhub.record_consent('{"phone": "138 0013 8000"}', 'marketing', 'sms', true, 'consent', '2026-05', '{"form": "注册", "ip": "203.0.113.9"}') IS NOT NULL AS recorded;
SELECT purpose, channel, granted, legal_basis, policy_version, recorded_by = current_user AS by_me FROM mhub.consent ORDER BY consent_id DESC LIMIT 1;
SELECT count(*) AS proof_in_the_clear FROM mhub.consent WHERE consent::text LIKE '%203.0.113%';
SET LOCAL mhub.purpose = 'audit';
SELECT mhub.decrypt(proof, 'consent.proof') AS proof FROM mhub.consent WHERE proof IS NOT NULL;
SAVEPOINT s;
UPDATE mhub.consent SET granted = true;
ROLLBACK TO s;
SELECT mhub.record_person_consent(987654321, 'marketing');
ROLLBACK TO s;
\set VERBOSITY terse
SELECT mhub.record_consent('{"cookie": "c"}', 'marketing', legal_basis => 'because');
\set VERBOSITY default
ROLLBACK TO s;

-- Suppression: however the address is spelled, for its channel or for all, seen before or not.
SELECT mhub.is_suppressed('email', 'li@example.com') AS before;
SELECT mhub.suppress('email', ' Li@Example.COM', 'email', 'bounce') AS added, mhub.suppress('email', 'li@example.com', 'email') AS again, mhub.suppress('phone', '13900139000') AS unseen;
SELECT mhub.is_suppressed('email', 'LI@example.com', 'email') AS email, mhub.is_suppressed('email', 'li@example.com', 'sms') AS sms, mhub.is_suppressed('email', 'li@example.com') AS every_channel,
       mhub.is_suppressed('phone', '+86 139-0013-9000', 'sms') AS phone, mhub.is_suppressed('phone', '0086 139 0013 9000') AS phone_every_channel,
       mhub.is_suppressed('email', 'no address') AS none, mhub.is_suppressed('email', NULL) AS null_value, mhub.is_suppressed('telex', 'x') AS unknown_kind;
SELECT count(*) AS addresses_in_the_clear FROM mhub.suppression WHERE suppression::text ~* 'example|13900139000';
SELECT mhub.record_consent('{"email": "li@example.com", "user_id": "李"}', 'marketing') IS NOT NULL AS granted;
SELECT mhub.has_consent(p, 'marketing', 'email') AS email, mhub.has_consent(p, 'marketing', 'sms') AS sms, mhub.is_suppressed_person(p, 'email') AS suppressed FROM mhub.person_id('user_id', '李') AS p;
SELECT mhub.suppress_person(mhub.person_id('user_id', '李')) AS identifiers;
SELECT mhub.has_consent(mhub.person_id('user_id', '李'), 'marketing', 'sms') AS sms, mhub.is_suppressed('user_id', '李') AS user_id;
SELECT mhub.unsuppress('phone', '139 0013 9000', 'sms') AS other_entry, mhub.unsuppress('phone', '139 0013 9000') AS removed;
SELECT mhub.is_suppressed('phone', '13900139000') AS still;
SAVEPOINT s;
SELECT mhub.suppress('telex', 'x');
ROLLBACK TO s;
SELECT mhub.suppress('email', 'secret, but no address');
ROLLBACK TO s;
ROLLBACK;

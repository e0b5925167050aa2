-- Export and erasure of a person.
\set SHOW_CONTEXT never
BEGIN;
SELECT mhub.install() > 0 AS applied;
SET LOCAL mhub.purpose = 'request of the person';

-- Two persons who become one, and a bystander; each with everything.
CREATE TEMPORARY TABLE who AS SELECT name, mhub.identify(jsonb_build_object('email', name || '@example.com', 'cookie', 'c-' || name), jsonb_build_object('city', '上海', 'nick', name)) AS person_id
FROM unnest('{li,wang,zhang}'::text[]) AS name;
INSERT INTO mhub.event (event_id, occurred_at, identifier_id, name, url, ip, user_agent, value, currency, source, campaign, properties, context, message_id)
SELECT row_number() OVER (), now() - n * interval '1 day', i.identifier_id, 'Order Completed', 'https://shop.example/order?to=' || who.name, '203.0.113.9', 'Mozilla', 100 + n, 'CNY', 'baidu', '双十一',
       jsonb_build_object('order_id', 'o-' || i.identifier_id), '{"library": "x"}', 'm-' || i.identifier_id || '-' || n
FROM mhub.identifier AS i JOIN who USING (person_id), generate_series(0, 1) AS n;
INSERT INTO mhub.message (person_id, channel, recipient, data, state, pending)
SELECT person_id, 'email', name || '@example.com', jsonb_build_object('name', name), state, state = 'queued' FROM who, unnest('{queued,sent}'::text[]) AS state;
SELECT count(mhub.record_person_consent(person_id, 'marketing', proof => 'form of ' || name)) AS consents FROM who;
CREATE TABLE public.crm_note (id integer, person bigint, note text, sealed mhub.enc, bound mhub.enc);
SELECT mhub.register_enc_column('public.crm_note.sealed') < mhub.register_enc_column('public.crm_note.bound') AS registered;
UPDATE mhub.enc_column SET row_key = 't.id' WHERE name = 'public.crm_note.bound';
INSERT INTO public.crm_note SELECT 1, person_id, 'called ' || name, mhub.encrypt('secret of ' || name, person_id, 'public.crm_note.sealed'), mhub.encrypt('bound to 1', person_id, 'public.crm_note.bound', '1') FROM who;
INSERT INTO mhub.personal_table (relation, id_of, id_columns, erase, scrub) VALUES ('public.crm_note', 'person', '{person}', 'scrub', 'note = ''''');
SELECT mhub.identify('{"cookie": "c-li", "phone": "13800138000"}') = person_id AS same FROM who WHERE name = 'li';
SELECT mhub.identify('{"cookie": ["c-li", "c-wang"]}') = (SELECT min(person_id) FROM who) AS merged;
SELECT mhub.suppress('email', 'li@example.com', 'sms') AS suppressed;
CREATE TEMPORARY TABLE total AS SELECT count(*) AS events, sum(value) AS value, count(DISTINCT identifier_id) AS identifiers FROM mhub.event;

ANALYZE mhub.event, mhub.identifier, mhub.person;
SELECT count(*) > 2 AS in_statistics FROM pg_stats WHERE schemaname = 'mhub' AND (concat(most_common_vals, histogram_bounds) ~ 'c-li|c-wang|to=li|to=wang');

-- Export, by an old id: everything of both, opened, and nothing of the bystander.
CREATE TEMPORARY TABLE export AS SELECT mhub.export_person(person_id) AS e FROM who WHERE name = 'wang';
SELECT key AS relation, jsonb_array_length(value) AS rows FROM export, jsonb_each(e -> 'held') WHERE key <> 'mhub.access_log' ORDER BY key COLLATE "C";
SELECT r ->> 'kind' AS kind, coalesce(r ->> 'sealed', r ->> 'value') AS value FROM export, jsonb_array_elements(e #> '{held,mhub.identifier}') AS r ORDER BY 1, 2;
SELECT r ->> 'proof' AS proof FROM export, jsonb_array_elements(e #> '{held,mhub.consent}') AS r ORDER BY 1;
SELECT r ->> 'note' AS note, r ->> 'sealed' AS opened, r ->> 'bound' AS bound FROM export, jsonb_array_elements(e #> '{held,public.crm_note}') AS r ORDER BY 1;
SELECT e::text LIKE '%zhang%' AS bystander, e #>> '{person_id}' = (SELECT min(person_id)::text FROM who) AS of_the_survivor FROM export;
SAVEPOINT s;
SELECT mhub.export_person(987654321);
ROLLBACK TO s;
SET LOCAL mhub.purpose = '';
SELECT mhub.export_person(person_id) FROM who WHERE name = 'zhang';
ROLLBACK TO s;

-- Erasure, by the other id.
SELECT r -> 'rows' AS rows, r -> 'keys_destroyed' AS keys_destroyed, jsonb_array_length(r -> 'persons') AS ids FROM who, mhub.erase_person(person_id, 'request 4711') AS r WHERE name = 'li';

-- Nothing leads to the person any more.
SELECT mhub.person_id('email', 'li@example.com') IS NULL AND mhub.person_id('cookie', 'c-wang') IS NULL AND mhub.person_id('phone', '13800138000') IS NULL AS not_found;
SELECT count(*) AS identifiers FROM mhub.identifier JOIN who USING (person_id) WHERE name <> 'zhang';
SELECT mhub.has_consent(person_id, 'marketing') AS consent FROM who ORDER BY name;
SELECT traits FROM mhub.person JOIN who USING (person_id) ORDER BY name;
SELECT state, reason, recipient, data, pending, person_id NOT IN (SELECT w.person_id FROM who AS w) AS pseudonym FROM mhub.message
WHERE person_id NOT IN (SELECT w.person_id FROM who AS w WHERE name = 'zhang') ORDER BY 1, 2;
SELECT id, note, mhub.decrypt(sealed, 'public.crm_note.sealed') AS sealed FROM crm_note ORDER BY note;
SELECT wrapped, epoch, destroyed_at IS NOT NULL AS destroyed FROM mhub.person_key JOIN who USING (person_id) WHERE name <> 'zhang';
SELECT mhub.encrypt('x', person_id, 'identifier.sealed') FROM who WHERE name = 'li';
ROLLBACK TO s;

-- The savepoint took the erasure back, keys and all: it is one transaction.
SELECT mhub.person_id('email', 'li@example.com') = person_id AS back, mhub.decrypt(i.sealed, 'identifier.sealed') AS readable
FROM who JOIN mhub.identifier AS i USING (person_id) WHERE name = 'li' AND kind = 'phone';
SELECT r -> 'keys_destroyed' AS keys_destroyed FROM who, mhub.erase_person(person_id, 'request 4711', suppress => true) AS r WHERE name = 'li';

-- The numbers stay, under another identity, without anything personal.
SELECT count(*) = events AS events, sum(e.value) = total.value AS value, count(DISTINCT identifier_id) = identifiers AS identifiers
FROM mhub.event AS e, total GROUP BY events, total.value, identifiers;
SELECT count(*) AS events_of_nobody, count(ip) + count(url) + count(user_agent) AS personal, bool_and(properties = '{}' AND context = '{}') AS bare, min(event.source) AS source, min(campaign) AS campaign
FROM mhub.event JOIN mhub.identifier USING (identifier_id) WHERE kind = 'erased';
SELECT count(*) AS old_ids FROM mhub.event WHERE identifier_id NOT IN (SELECT identifier_id FROM mhub.identifier);
SELECT count(DISTINCT person_id) AS pseudonyms, bool_and(person_id NOT IN (SELECT w.person_id FROM who AS w)) AS fresh FROM mhub.identifier WHERE kind = 'erased';

-- Statistics know nothing of it; the objection works on; so does the log.
SELECT count(*) AS left_in_statistics FROM pg_stats WHERE schemaname = 'mhub' AND (concat(most_common_vals, histogram_bounds) ~ 'c-li|c-wang|to=li|to=wang');
SELECT mhub.is_suppressed('email', 'Li@example.com', 'email') AND mhub.is_suppressed('phone', '138 0013 8000') AS suppressed, mhub.is_suppressed('email', 'zhang@example.com') AS bystander;
SELECT mhub.was_erased('email', 'LI@example.com') AND mhub.was_erased('cookie', 'c-wang') AS erased, mhub.was_erased('email', 'zhang@example.com') AS bystander;
SELECT reason, events, keys_destroyed, cardinality(persons) AS ids, cardinality(subject_indexes) AS subjects, erasure_log::text ~ 'example|c-li|13800138000' AS personal FROM mhub.erasure_log;
SELECT mhub.export_person(person_id) -> 'held' ? 'mhub.identifier' AS still_held FROM who WHERE name = 'li';

-- The bystander is untouched.
SELECT mhub.decrypt(i.sealed, 'identifier.sealed') AS bystander, count(e.*) AS events_of_cookie FROM who JOIN mhub.identifier AS i USING (person_id), mhub.event AS e
WHERE who.name = 'zhang' AND i.kind = 'email' AND e.identifier_id = (SELECT identifier_id FROM mhub.identifier WHERE value = 'c-zhang') GROUP BY 1;

-- Seen again the person is a new one.
SELECT mhub.identify('{"email": "li@example.com"}') NOT IN (SELECT person_id FROM who) AS a_new_person;

-- Deleting the events instead.
SELECT r #> '{rows,mhub.event}' AS events_deleted FROM who, mhub.erase_person(person_id, 'request 4712', events => 'delete') AS r WHERE name = 'zhang';
SELECT count(*) AS events_left FROM mhub.event;

-- What was sealed under one's key while two were taken for one stays the other's after a split.
SELECT mhub.identify('{"cookie": "c-a", "email": "a@example.com"}') IS NOT NULL AS a;
SELECT mhub.identify('{"cookie": "c-a", "phone": "13900139000"}') = mhub.person_id('email', 'a@example.com') AS one;
SELECT mhub.unlink('cookie', 'c-a', 'phone', '13900139000', 'two persons') AND mhub.unlink('email', 'a@example.com', 'phone', '13900139000', 'two persons') IS NOT FALSE AS two;
SELECT mhub.person_id('email', 'a@example.com') <> mhub.person_id('phone', '13900139000') AS apart;
SELECT mhub.erase_person(mhub.person_id('email', 'a@example.com'), 'request 4713') -> 'keys_destroyed' AS keys_destroyed;
SELECT mhub.decrypt(i.sealed, 'identifier.sealed', i.person_id) AS still_readable FROM mhub.identifier AS i WHERE i.person_id = mhub.person_id('phone', '13900139000');

-- Links that do not join lead to other persons. They go with either end.
SELECT mhub.identify('{"cookie": "c-x", "device": "d-x"}') IS NOT NULL AND mhub.identify('{"cookie": "c-x", "fingerprint": "f-x"}') IS NOT NULL AS x;
SELECT mhub.unlink('cookie', 'c-x', 'device', 'd-x') AS apart;
SELECT NOT l.joins AS kept_apart, i.kind FROM mhub.link AS l JOIN mhub.identifier AS i ON i.identifier_id = l.identifier_b
WHERE l.identifier_a = (SELECT identifier_id FROM mhub.identifier WHERE value = 'c-x') ORDER BY 2;
SELECT mhub.erase_person(mhub.person_id('device', 'd-x'), 'request 4716') #> '{rows,mhub.link}' AS links, mhub.erase_person(mhub.person_id('fingerprint', 'f-x'), 'request 4717') #> '{rows,mhub.link}' AS evidence;
-- An address that a limit leaves out hangs on its own person's key from the beginning.
INSERT INTO mhub.identifier_kind (kind, pii, normaliser, priority, max_per_person) VALUES ('office_email', true, 'email', 50, 1);
SELECT mhub.identify('{"device": "d-1", "office_email": "first@example.com"}') <> mhub.identify('{"device": "d-1", "office_email": "second@example.com"}') AS left_out;
SELECT mhub.erase_person(mhub.person_id('device', 'd-1'), 'request 4716') -> 'keys_destroyed' AS keys_destroyed;
SELECT mhub.decrypt(i.sealed, 'identifier.sealed', i.person_id) AS still_readable FROM mhub.identifier AS i WHERE i.kind = 'office_email';

-- A former person takes its id, and with it its key, back: what stays is sealed anew.
SELECT mhub.identify('{"device": "d-2"}') < mhub.identify('{"device": "-3", "email": "stays@example.com"}') AS older;
SELECT mhub.identify('{"device": "d-2", "email": "stays@example.com"}') = mhub.resolve_person(mhub.identify('{"device": "-3"}')) AS one;
SELECT mhub.unlink('device', '-3', 'email', 'stays@example.com') AS apart;
SELECT mhub.decrypt(i.sealed, 'identifier.sealed', i.person_id) AS own_key FROM mhub.identifier AS i WHERE i.person_id = mhub.person_id('device', 'd-2') AND i.sealed IS NOT NULL;
SELECT mhub.erase_person(mhub.person_id('device', '-3'), 'request 4717') -> 'keys_destroyed' AS keys_destroyed;
SELECT mhub.decrypt(i.sealed, 'identifier.sealed', i.person_id) AS still_readable FROM mhub.identifier AS i WHERE i.person_id = mhub.person_id('device', 'd-2') AND i.sealed IS NOT NULL;

-- Without a purpose the erasure is one; it does not remain one for what follows.
SET LOCAL mhub.purpose = '';
SELECT mhub.identify('{"email": "gone@example.com"}') AS gone \gset
SELECT mhub.erase_person(:gone, 'request 4718') -> 'keys_destroyed' AS keys_destroyed, current_setting('mhub.purpose') = '' AS no_purpose_left;
SELECT current_setting('mhub.purpose') = '' AS no_purpose_left;

-- Mistakes.
SAVEPOINT s;
SELECT mhub.erase_person(987654321, 'x');
ROLLBACK TO s;
SELECT mhub.erase_person(1, NULL);
ROLLBACK TO s;
SELECT mhub.erase_person(1, 'x', 'shred');
ROLLBACK TO s;
ROLLBACK;

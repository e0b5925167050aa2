-- Traits that are personal data are sealed, whoever writes them.
BEGIN;
SELECT mhub.install() > 0 AS applied;
SET LOCAL mhub.purpose = 'test';

SELECT mhub.identify('{"user_id": "u-1"}', '{"First Name": "伟", "last_name": "李", "email": "li@example.com", "手机号": "13800138000", "age": 30, "city": "上海", "address": {"street": "中关村大街1号"}}', '2026-03-01') IS NOT NULL AS identified;
SELECT traits, trait_times ?| '{First Name,email,手机号}' AS times_left FROM mhub.person;
SELECT name, observed_at = '2026-03-01' AS observed, length(sealed::text) > 90 AS sealed FROM mhub.sealed_trait ORDER BY name;
SELECT mhub.personal_traits(mhub.person_id('user_id', 'u-1'));

-- The latest observation wins, whichever comes first; the value as such is what counts for age too.
SELECT mhub.identify('{"user_id": "u-1"}', '{"last_name": "王", "age": 29}', '2026-02-01') IS NOT NULL AS older;
SELECT mhub.identify('{"user_id": "u-1"}', '{"email": "wei@example.com", "vip": true, "phone": 13800138000}', '2026-04-01') IS NOT NULL AS newer;
SELECT mhub.personal_traits(mhub.person_id('user_id', 'u-1')), traits FROM mhub.person;

-- Merged persons: per trait the latest of both. Other ways of writing are covered too.
SELECT mhub.identify('{"cookie": "c-1"}', '{"last_name": "赵", "nickname": "小伟"}', '2026-05-01') IS NOT NULL AS other;
UPDATE mhub.person SET traits = traits || '{"realName": "赵伟", "score": 5}' WHERE person_id = mhub.person_id('cookie', 'c-1');
SELECT mhub.identify('{"user_id": "u-1", "cookie": "c-1"}') IS NOT NULL AS merged;
SELECT mhub.personal_traits(mhub.person_id('cookie', 'c-1')) - 'realName' AS traits, mhub.personal_traits(mhub.person_id('cookie', 'c-1')) ->> 'realName' AS real_name;
SELECT count(*) AS in_the_clear FROM mhub.person WHERE traits::text ~ '伟|example|1380013|中关村' OR mhub.has_pii_trait(traits);

-- Messages have them filled in, and that is on record as such.
SELECT mhub.message_traits(mhub.person_id('user_id', 'u-1')) = mhub.personal_traits(mhub.person_id('user_id', 'u-1')) AS same, mhub.message_traits(987654321) AS nobody;

-- Names are the user's to choose; known ones are sealed on request.
SELECT mhub.identify('{"user_id": "u-2"}', '{"Licence-Plate": "京A12345"}') IS NOT NULL AS identified;
SELECT traits FROM mhub.person WHERE person_id = mhub.person_id('user_id', 'u-2');
INSERT INTO mhub.pii_trait VALUES ('licence_plate');
SELECT mhub.seal_known_traits() AS sealed_now, mhub.seal_known_traits() AS again;
SELECT traits, mhub.personal_traits(person_id) FROM mhub.person WHERE person_id = mhub.person_id('user_id', 'u-2');
DELETE FROM mhub.pii_trait;
SELECT mhub.has_pii_trait('{"email": "x"}') AS email_is_personal, mhub.has_pii_trait('[]') AS no_object, mhub.has_pii_trait(NULL) IS NULL AS null_is_null;

-- Export has them, erasure removes them.
SELECT r ->> 'name' AS name, r ->> 'sealed' AS value FROM jsonb_array_elements(mhub.export_person(mhub.person_id('user_id', 'u-2')) #> '{held,mhub.sealed_trait}') AS r;
SELECT mhub.erase_person(mhub.person_id('user_id', 'u-2'), 'test') #> '{rows,mhub.sealed_trait}' AS erased;
ROLLBACK;

-- Un-merging: unlink, split_person, relink; alias and group.
BEGIN;
SELECT mhub.install() > 0 AS applied;

CREATE FUNCTION pg_temp.persons() RETURNS SETOF text LANGUAGE sql AS $$
    SELECT string_agg(i.kind || ':' || CASE WHEN i.sealed IS NULL THEN i.value ELSE '(sealed)' END, ' ' ORDER BY i.kind, i.value) FROM mhub.identifier AS i
    GROUP BY i.person_id ORDER BY min(i.identifier_id)
$$;
CREATE FUNCTION pg_temp.consistent() RETURNS boolean LANGUAGE sql AS $$
    WITH RECURSIVE edge AS (
        SELECT identifier_a AS a, identifier_b AS b FROM mhub.link WHERE joins
        UNION SELECT identifier_b, identifier_a FROM mhub.link WHERE joins
    ), reach AS (
        SELECT identifier_id AS node, identifier_id AS root FROM mhub.identifier
        UNION SELECT e.b, r.root FROM reach AS r JOIN edge AS e ON e.a = r.node
    ), component AS (SELECT node, min(root) AS root FROM reach GROUP BY node)
    SELECT count(DISTINCT (c.root, i.person_id)) = count(DISTINCT c.root)
       AND count(DISTINCT c.root) = count(DISTINCT i.person_id)
       AND bool_and(p.merged_into IS NULL)
    FROM component AS c JOIN mhub.identifier AS i ON i.identifier_id = c.node
    JOIN mhub.person AS p ON p.person_id = i.person_id
$$;

-- Two persons merged by mistake get back what they were: ids, traits, keys.
SELECT mhub.identify('{"user_id": "王五", "cookie": "w-1"}', '{"city": "广州"}', '2026-01-01 00:00+00') AS wang \gset
SELECT mhub.identify('{"email": "zhao@example.com", "cookie": "z-1"}', '{"city": "成都", "vip": true}', '2026-01-02 00:00+00') AS zhao \gset
SELECT mhub.identify('{"cookie": ["w-1", "z-1"]}', occurred_at => '2026-01-03 00:00+00') = :wang AS merged;
SELECT traits FROM mhub.person WHERE person_id = :wang;
SELECT mhub.unlink('cookie', 'w-1', 'cookie', 'z-1', 'family computer') AS apart;
SELECT * FROM pg_temp.persons();
SELECT mhub.person_id('email', 'zhao@example.com') = :zhao AS old_id_again, mhub.resolve_person(:zhao) = :zhao AS resolves,
       (SELECT traits FROM mhub.person WHERE person_id = :zhao) AS traits, pg_temp.consistent();
SELECT action, person_id = :wang AS stays, other_person_id = :zhao AS other, cause,
       identifier_a < identifier_b AS link_is_told FROM mhub.merge_log ORDER BY merge_id;

-- The same observation again does not merge again; another path does; relink undoes it.
SELECT mhub.identify('{"cookie": ["w-1", "z-1"]}') = :wang AS not_merged_again, mhub.person_id('cookie', 'z-1') = :zhao AS stays_apart;
SAVEPOINT path;
SELECT mhub.identify('{"device": "both", "cookie": "w-1"}') = :wang AS one, mhub.identify('{"device": "both", "email": "zhao@example.com"}') = :wang AS other_path;
SELECT mhub.unlink('cookie', 'w-1', 'cookie', 'z-1') AS still_joined_by_device;
ROLLBACK TO path;
SELECT mhub.relink('cookie', 'w-1', 'cookie', 'z-1', 'asked them') = :wang AS merged_again;
SELECT joins, removed_at IS NULL AS not_removed FROM mhub.link WHERE removed_reason IS NULL AND source IS NULL ORDER BY identifier_a, identifier_b;
SELECT cause FROM mhub.merge_log ORDER BY merge_id DESC LIMIT 1;
SELECT pg_temp.consistent();

-- A link forbidden beforehand
SELECT mhub.identify('{"device": "kiosk"}') IS NOT NULL AS kiosk, mhub.identify('{"cookie": "k-1"}') IS NOT NULL AS k;
SELECT mhub.unlink('device', 'kiosk', 'cookie', 'k-1', 'public kiosk') AS apart;
SELECT mhub.identify('{"device": "kiosk", "cookie": "k-1"}') <> mhub.person_id('cookie', 'k-1') AS stays_apart;
SELECT mhub.unlink('device', 'kiosk', 'cookie', 'never seen') IS NULL AS unknown;
SELECT mhub.unlink(NULL, 'kiosk', 'cookie', 'k-1') IS NULL AS null_is_null;
SAVEPOINT error;
SELECT mhub.unlink('device', 'kiosk', 'device', 'kiosk');
ROLLBACK TO error;

-- split_person: one leaves a star; what was never linked otherwise falls apart with it; several leave together.
SELECT mhub.identify(jsonb_build_object('user_id', 's', 'cookie', 's-' || n)) IS NOT NULL AS seen FROM generate_series(1, 4) AS n;
SELECT mhub.person_id('user_id', 's') AS s \gset
SELECT mhub.split_person(:s, '{"cookie": "s-2"}', 'borrowed') <> :s AS left_alone;
SELECT mhub.split_person(:s, '{"cookie": ["s-3", "s-4", "s-4"]}') AS pair \gset
SELECT mhub.person_id('cookie', 's-3') = :pair AND mhub.person_id('cookie', 's-4') = :pair AND :pair <> :s AS left_together;
SELECT * FROM pg_temp.persons() AS p WHERE p LIKE '%s-%';
SELECT mhub.identify('{"user_id": "s", "cookie": "s-2"}') = :s AS same_observation, mhub.person_id('cookie', 's-2') <> :s AS stays_apart;
SELECT mhub.identify('{"cookie": ["c-0", "hub"]}') AS star \gset
SELECT mhub.identify(jsonb_build_object('cookie', jsonb_build_array('hub', 'spoke-' || n))) = :star AS one FROM generate_series(1, 3) AS n;
SELECT mhub.split_person(:star, '{"cookie": "hub"}') <> :star AS hub_left, mhub.person_id('cookie', 'c-0') = :star AS rest_keeps_the_id;
SELECT count(DISTINCT person_id) AS persons FROM mhub.identifier WHERE value ~ 'spoke|hub|c-0';
SELECT mhub.split_person(mhub.person_id('cookie', 'c-0'), '{"cookie": "c-0"}') = :star AS all_of_it_is_nothing;
SELECT pg_temp.consistent();
\set VERBOSITY sqlstate
SELECT mhub.split_person(:star, '{"cookie": "s-2"}');
ROLLBACK TO error;
\set VERBOSITY default
SELECT mhub.split_person(-1, '{"cookie": "s-2"}');
ROLLBACK TO error;

-- Ids of persons merged away go where their oldest identifiers go.
SELECT mhub.identify('{"device": "m-1"}') AS m1 \gset
SELECT mhub.identify('{"device": "m-2"}') AS m2 \gset
SELECT mhub.identify('{"device": "m-3"}') AS m3 \gset
SELECT mhub.identify('{"device": ["m-2", "m-3"]}') = :m2 AS two, mhub.identify('{"device": ["m-1", "m-2"]}') = :m1 AS three;
SELECT mhub.unlink('device', 'm-1', 'device', 'm-2') AS apart;
SELECT mhub.resolve_person(:m1) = :m1 AS m1, mhub.resolve_person(:m2) = :m2 AS m2, mhub.resolve_person(:m3) = :m2 AS m3;
SELECT mhub.relink('device', 'm-1', 'device', 'm-2') = :m1 AS again, mhub.unlink('device', 'm-2', 'device', 'm-3') AS apart;
SELECT mhub.resolve_person(:m1) = :m1 AS m1, mhub.resolve_person(:m2) = :m1 AS m2, mhub.resolve_person(:m3) = :m3 AS m3, pg_temp.consistent();
-- who was merged into the survivor by an identifier that leaves goes along
SELECT mhub.identify('{"device": "r-1"}') AS r1 \gset
SELECT mhub.identify('{"device": "r-2"}') AS r2 \gset
SELECT mhub.identify('{"device": "r-3"}') AS r3 \gset
SELECT mhub.identify('{"device": ["r-1", "r-2"]}') = :r1 AS first, mhub.identify('{"device": ["r-2", "r-3"]}') = :r1 AS then;
SELECT mhub.unlink('device', 'r-1', 'device', 'r-2') AS apart;
SELECT mhub.person_id('device', 'r-2') = :r2 AS r2, mhub.person_id('device', 'r-3') = :r2 AS r3, mhub.resolve_person(:r3) = :r2 AS resolves, pg_temp.consistent();

-- Sealed values that leave hang on their new person's key.
SELECT mhub.identify('{"user_id": "seal", "email": "first@example.com", "phone": "13900139000"}') AS sealer \gset
SELECT mhub.split_person(:sealer, '{"phone": "13900139000"}') <> :sealer AS left_with_phone;
SET LOCAL mhub.purpose = 'test';
SELECT i.kind, mhub.decrypt(i.sealed, 'identifier.sealed') AS value,
       EXISTS (SELECT FROM mhub.person_key AS k WHERE k.person_id = i.person_id
               AND substr(i.sealed::text, 19, 16) = lpad(to_hex(k.key_id), 16, '0')) AS own_key
FROM mhub.identifier AS i WHERE i.kind IN ('email', 'phone') AND i.value IN (encode(mhub.blind_index('first@example.com', 'email'), 'hex'), encode(mhub.blind_index('13900139000', 'phone'), 'hex')) ORDER BY 1;
-- also when it is the other way round: the id that a value was sealed for leaves, and the value stays
SELECT mhub.identify('{"cookie": "stays"}') AS stays \gset
SELECT mhub.identify('{"cookie": "leaves"}') AS leaves \gset
SELECT mhub.identify('{"cookie": "leaves", "email": "stays@example.com"}') = :leaves AS sealed_for_it;
SELECT mhub.identify('{"cookie": "stays", "email": "stays@example.com"}') = :stays AS merged;
SELECT mhub.unlink('cookie', 'leaves', 'email', 'stays@example.com') AS apart;
SELECT mhub.person_id('cookie', 'leaves') = :leaves AS with_its_id, mhub.person_id('email', 'stays@example.com') = :stays AS stayed;
SELECT mhub.erase_person(:leaves, 'request', analyze_tables => false) IS NOT NULL AS erased;
SELECT mhub.decrypt(i.sealed, 'identifier.sealed') AS value FROM mhub.identifier AS i WHERE i.person_id = :stays AND i.kind = 'email';

-- Limits bind observations, not people who know better.
SELECT mhub.identify('{"user_id": "u-1"}') AS u1 \gset
SELECT mhub.identify('{"user_id": "u-2"}') AS u2 \gset
SELECT mhub.alias('u-2', 'u-1') = :u1 AS alias_obeys, mhub.person_id('user_id', 'u-2') = :u2 AS still_two;
SELECT mhub.relink('user_id', 'u-1', 'user_id', 'u-2') = :u1 AS forced;
SELECT mhub.identify('{"user_id": "u-1", "cookie": "after"}') = :u1 AS goes_on, pg_temp.consistent();

-- Three become one in a single observation, the middle one first with the third; unlinked it has the third's traits, too.
SELECT mhub.identify('{"cookie": "旧"}', '{"a": 1}') AS first, mhub.identify('{"customer_id": "中"}', '{"b": 2}') AS middle, mhub.identify('{"weibo_uid": "末"}', '{"c": 3}') AS third \gset
SELECT mhub.identify('{"cookie": "旧", "customer_id": "中", "weibo_uid": "末"}') = :first AS one;
SELECT mhub.unlink('cookie', '旧', 'customer_id', '中') AS apart;
SELECT mhub.person_id('weibo_uid', '末') = :middle AS takes_back, mhub.resolve_person(:third) = :middle AS third;
SELECT person_id = :first AS first, traits FROM mhub.person WHERE person_id IN (:first, :middle) ORDER BY person_id;

-- alias: the user's person survives, even when it is the younger; the earliest time stays.
SELECT mhub.identify('{"anonymous_id": "匿名"}', occurred_at => '2026-01-01 00:00+00') AS anonymous \gset
SELECT mhub.identify('{"user_id": "实名"}', occurred_at => '2026-01-02 00:00+00') AS named \gset
SELECT mhub.alias('匿名', '实名') = :named AS survives;
SELECT mhub.resolve_person(:anonymous) = :named AS resolves;
SELECT created_at = '2026-01-01 00:00+00' AS earliest FROM mhub.person WHERE person_id = :named;
SELECT cause FROM mhub.merge_log ORDER BY merge_id DESC LIMIT 1;
SELECT mhub.alias('新匿名', '新人') = mhub.alias('新匿名', '新人') AS both_new, mhub.alias('实名', '实名') = :named AS itself,
       mhub.alias(NULL, '实名') IS NULL AS null_is_null, mhub.alias('wx-1', '实名', previous_kind => 'wechat_openid') = :named AS other_kind;

-- group
SELECT mhub.group('{"user_id": "实名"}', '复旦大学', '{"city": "上海", "size": 1}', '2026-02-02 00:00+00') = :named AS member;
SELECT mhub.group('{"cookie": "新同学"}', '复旦大学', '{"city": "北京", "size": null, "type": "高校"}', '2026-02-01 00:00+00') IS NOT NULL AS late;
SELECT traits, created_at = '2026-02-01 00:00+00' AS earliest FROM mhub.group_profile WHERE group_id = '复旦大学';
SELECT count(DISTINCT i.person_id) AS members FROM mhub.group_member AS m JOIN mhub.identifier AS i USING (identifier_id) WHERE m.group_id = '复旦大学';
SELECT mhub.group('{}', '复旦大学') IS NULL AS nobody;
SELECT (mhub.observe('{"cookie": "新同学"}')).identifier_id = (SELECT identifier_id FROM mhub.identifier WHERE value = '新同学') AS primary_identifier;

-- The doctor sees what was broken by hand, and that an expression cannot be read.
SELECT check_name, status FROM mhub.doctor_identity();
UPDATE mhub.identifier SET person_id = -5 WHERE value = 'm-1';
UPDATE mhub.person SET merged_into = :wang WHERE person_id = :zhao AND merged_into IS NULL;
INSERT INTO mhub.identifier (person_id, first_person_id, kind, value, first_seen_at, last_seen_at) SELECT :named, :named, 'cookie', 'crowd ' || n, now(), now() FROM generate_series(1, 1001) AS n;
SELECT check_name, status, hint IS NOT NULL AS hint FROM mhub.doctor_identity();
SAVEPOINT expression;
INSERT INTO mhub.blocked_value (match, value) VALUES ('regex', '(');
ROLLBACK TO expression;
ROLLBACK;

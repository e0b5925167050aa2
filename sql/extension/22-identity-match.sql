-- Who may be whom: fingerprints, anonymous counting, and candidates that a person may judge.

CREATE FUNCTION mhub.device_fingerprint(attributes jsonb) RETURNS text
LANGUAGE c IMMUTABLE PARALLEL SAFE STRICT AS 'MODULE_PATHNAME', 'mhub_device_fingerprint';
COMMENT ON FUNCTION mhub.device_fingerprint(jsonb) IS
'128 bits, as 32 hexadecimal digits, of the SHA-256 of attributes of a device (screen, time zone, fonts, agent ...) in a canonical form: the order of members, members that are null, and 1.0 instead of 1 make no difference. A value for the identifier kind fingerprint, which never merges by itself. NULL for NULL.';

CREATE FUNCTION mhub.visitor_salt(day date) RETURNS bytea
LANGUAGE sql VOLATILE PARALLEL UNSAFE STRICT SET search_path = pg_catalog, pg_temp AS $$
    DELETE FROM mhub.visitor_salt AS s WHERE s.day < mhub.hub_day(now()) - 1
        AND NOT EXISTS (SELECT FROM mhub.visitor_salt AS n WHERE n.day = visitor_salt.day);
    INSERT INTO mhub.visitor_salt AS s (day, salt)
    SELECT visitor_salt.day, sha256(uuid_send(gen_random_uuid()) || uuid_send(gen_random_uuid()))
    WHERE visitor_salt.day BETWEEN mhub.hub_day(now()) - 1 AND mhub.hub_day(now()) + 1
      AND NOT EXISTS (SELECT FROM mhub.visitor_salt AS n WHERE n.day = visitor_salt.day)
    ON CONFLICT DO NOTHING;
    SELECT s.salt FROM mhub.visitor_salt AS s WHERE s.day = visitor_salt.day AND s.day >= mhub.hub_day(now()) - 1
$$;
COMMENT ON FUNCTION mhub.visitor_salt(date) IS
'The random salt of a day of the hub, made when it is first asked for and only for yesterday, today and tomorrow; making one deletes those of the days before yesterday, and so does mhub.apply_retention(), should nobody ask for one. NULL for other days: what was counted then can be told apart no more. Used by mhub.anonymous_visitor().';

CREATE FUNCTION mhub.anonymous_visitor(ip inet, user_agent text, site text, at timestamptz DEFAULT now()) RETURNS text
LANGUAGE c VOLATILE PARALLEL UNSAFE AS 'MODULE_PATHNAME', 'mhub_anonymous_visitor';
COMMENT ON FUNCTION mhub.anonymous_visitor(inet, text, text, timestamptz) IS
'Tells the visitors of one site and day apart without cookies, for counting only: 128 bits, as 32 hexadecimal digits, of an HMAC-SHA256 of address, agent and site under a random salt of the day (mhub.visitor_salt()). Two days later the salt is deleted, and nobody can find out any more whose id it was. at: its day in the hub''s time zone counts; NULL is now. NULL for a NULL address, an infinite time, and a day before yesterday or after tomorrow.';

CREATE FUNCTION mhub.similarity(a text, b text) RETURNS real
LANGUAGE c IMMUTABLE PARALLEL SAFE STRICT AS 'MODULE_PATHNAME', 'mhub_similarity';
COMMENT ON FUNCTION mhub.similarity(text, text) IS
'Jaro-Winkler similarity of two words, by characters: 0 nothing in common, 1 the same (Winkler 1990; prefix scale 0.1, at most 4 characters). NULL for a NULL argument.';

CREATE FUNCTION mhub.match_values(person_ids bigint[], OUT person_id bigint, OUT field text, OUT value text)
RETURNS SETOF record LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE STRICT ROWS 100 SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    RETURN QUERY
    SELECT p.person_id, f.trait, coalesce((SELECT n.normalised FROM mhub.check_identifier(k.kind, p.traits ->> f.trait) AS n), lower(btrim(p.traits ->> f.trait)))
    FROM mhub.person AS p JOIN mhub.match_field AS f ON f.trait = ANY (ARRAY(SELECT jsonb_object_keys(p.traits)))
    LEFT JOIN mhub.identifier_kind AS k ON k.kind = f.trait
    WHERE p.person_id = ANY (person_ids) AND btrim(p.traits ->> f.trait) <> '';

    IF coalesce(current_setting('mhub.purpose', true), '') = ''
       OR NOT has_function_privilege('mhub.decrypt(mhub.enc, text, bigint, text)', 'EXECUTE') THEN
        RETURN;
    END IF;
    RETURN QUERY
    WITH RECURSIVE family (root, id) AS (
        SELECT u.id, u.id FROM unnest(person_ids) AS u(id)
        UNION SELECT f.root, p.person_id FROM family AS f JOIN mhub.person AS p ON p.merged_into = f.id
    ), latest AS MATERIALIZED (
        -- whatever they are called, addresses are compared as email and numbers as phone
        SELECT DISTINCT ON (f.root, m.trait, mhub.canonical_trait(t.name)) f.root, m.trait, t.sealed
        FROM family AS f JOIN mhub.sealed_trait AS t ON t.person_id = f.id
        LEFT JOIN mhub.pii_trait AS p ON mhub.canonical_trait(p.name) = mhub.canonical_trait(t.name)
        JOIN mhub.match_field AS m ON mhub.canonical_trait(m.trait) = CASE WHEN p.normaliser IN ('email', 'phone') THEN p.normaliser ELSE mhub.canonical_trait(t.name) END
        ORDER BY f.root, m.trait, mhub.canonical_trait(t.name), t.observed_at DESC, t.person_id
    ), opened AS MATERIALIZED (
        SELECT l.root, l.trait, mhub.decrypt(l.sealed, 'sealed_trait.sealed') AS value FROM latest AS l
        UNION ALL
        SELECT i.person_id, i.kind, mhub.decrypt(i.sealed, 'identifier.sealed') FROM mhub.identifier AS i JOIN mhub.match_field AS m ON m.trait = i.kind
        WHERE i.person_id = ANY (person_ids) AND i.sealed IS NOT NULL
    )
    SELECT DISTINCT o.root, o.trait, coalesce((SELECT n.normalised FROM mhub.check_identifier(k.kind, o.value) AS n), lower(btrim(o.value)))
    FROM opened AS o LEFT JOIN mhub.identifier_kind AS k ON k.kind = o.trait WHERE btrim(o.value) <> '';
END
$$;
COMMENT ON FUNCTION mhub.match_values(bigint[]) IS
'What mhub.match_candidates() compares of surviving persons: a row for each value of a field of mhub.match_field. Traits kept in the open; and, when mhub.purpose is set and the caller may execute mhub.decrypt(), sealed traits and the values of sealed identifiers whose kind is a field (email, phone), each logged as by mhub.decrypt(). Values that are identifiers are normalised as such, others in lower case without white space around them.';

CREATE FUNCTION mhub.match_candidates(person_id bigint, OUT candidate_id bigint, OUT weight real, OUT probability real, OUT evidence jsonb)
RETURNS SETOF record LANGUAGE sql VOLATILE PARALLEL UNSAFE STRICT ROWS 10 SET search_path = pg_catalog, pg_temp AS $$
    WITH me AS MATERIALIZED (
        SELECT p.person_id, p.traits FROM mhub.person AS p WHERE p.person_id = mhub.resolve_person($1)
    ), mine AS MATERIALIZED (
        SELECT v.field, v.value FROM mhub.match_values(ARRAY(SELECT m.person_id FROM me AS m)) AS v
    ), seen_with AS MATERIALIZED (
        -- persons whose identifiers were seen with the same fingerprint
        SELECT o.person_id, count(DISTINCT fingerprint.id) AS shared
        FROM me AS m JOIN mhub.identifier AS i ON i.person_id = m.person_id
        CROSS JOIN LATERAL (
            SELECT l.identifier_b AS id FROM mhub.link AS l WHERE l.identifier_a = i.identifier_id AND NOT l.joins AND l.removed_at IS NULL
            UNION SELECT l.identifier_a FROM mhub.link AS l WHERE l.identifier_b = i.identifier_id AND NOT l.joins AND l.removed_at IS NULL
        ) AS fingerprint
        CROSS JOIN LATERAL (
            SELECT l.identifier_b AS id FROM mhub.link AS l WHERE l.identifier_a = fingerprint.id AND NOT l.joins AND l.removed_at IS NULL
            UNION SELECT l.identifier_a FROM mhub.link AS l WHERE l.identifier_b = fingerprint.id AND NOT l.joins AND l.removed_at IS NULL
            LIMIT 100
        ) AS other
        JOIN mhub.identifier AS o ON o.identifier_id = other.id
        WHERE o.person_id <> m.person_id AND i.kind <> 'fingerprint'
        GROUP BY o.person_id
    ), seen_together AS MATERIALIZED (
        -- persons who were seen with the same identifier (a cookie, say) and whom a limit keeps apart
        SELECT DISTINCT o.person_id
        FROM me AS m JOIN mhub.identifier AS i ON i.person_id = m.person_id
        CROSS JOIN LATERAL (
            SELECT c.left_out_identifier_id AS id FROM mhub.identity_conflict AS c WHERE c.identifier_id = i.identifier_id
            UNION SELECT c.identifier_id FROM mhub.identity_conflict AS c WHERE c.left_out_identifier_id = i.identifier_id
            LIMIT 100
        ) AS other
        JOIN mhub.identifier AS o ON o.identifier_id = other.id
        WHERE o.person_id <> m.person_id
    ), candidate AS MATERIALIZED (
        SELECT DISTINCT c.person_id FROM me AS m CROSS JOIN mhub.match_field AS f
        CROSS JOIN LATERAL (
            SELECT p.person_id FROM mhub.person AS p
            WHERE p.traits @> jsonb_build_object(f.trait, m.traits -> f.trait) AND p.traits <> '{}' AND p.merged_into IS NULL LIMIT 500) AS c
        WHERE f.blocks AND btrim(m.traits ->> f.trait) <> '' AND c.person_id <> m.person_id
        UNION SELECT s.person_id FROM seen_with AS s
        UNION SELECT s.person_id FROM seen_together AS s
        -- whose identifier is what this one has as a trait: found by its blind index, where it is sealed
        UNION SELECT i.person_id FROM me AS m CROSS JOIN mine AS v
        JOIN mhub.identifier_kind AS k ON k.kind = v.field AND (NOT k.pii OR current_setting('mhub.purpose', true) <> '')
        CROSS JOIN LATERAL mhub.person_id(k.kind, v.value) AS i(person_id) WHERE i.person_id <> m.person_id
        -- who has as a sealed trait what this one has as trait or identifier
        UNION SELECT mhub.resolve_person(i.person_id) FROM me AS m CROSS JOIN mine AS v
        JOIN mhub.pii_trait AS t ON t.normaliser IS NOT NULL AND mhub.canonical_trait(t.name) = mhub.canonical_trait(v.field)
        CROSS JOIN LATERAL (
            SELECT s.person_id FROM mhub.sealed_trait AS s
            WHERE s.value_index = mhub.blind_index(v.value, 'trait ' || CASE WHEN t.normaliser IN ('email', 'phone') THEN t.normaliser ELSE mhub.canonical_trait(t.name) END, t.normaliser)
            LIMIT 500) AS i
        WHERE current_setting('mhub.purpose', true) <> '' AND mhub.resolve_person(i.person_id) <> m.person_id
    ), theirs AS MATERIALIZED (
        SELECT v.person_id, v.field, v.value FROM mhub.match_values(ARRAY(SELECT c.person_id FROM candidate AS c)) AS v
    ), nearest AS (
        -- of several values on either side those most alike
        SELECT DISTINCT ON (t.person_id, v.field) t.person_id, v.field, v.value = t.value AS same, s.similarity
        FROM mine AS v JOIN theirs AS t ON t.field = v.field
        CROSS JOIN LATERAL (SELECT mhub.similarity(v.value, t.value) AS similarity) AS s
        ORDER BY t.person_id, v.field, v.value = t.value DESC, s.similarity DESC
    ), compared AS (
        SELECT n.person_id, n.field,
               CASE WHEN n.same THEN 'exact' WHEN n.similarity >= f.close_at THEN 'close' ELSE 'different' END AS level,
               round(n.similarity::numeric, 3) AS similarity,
               CASE WHEN n.same THEN log(2, (f.m_exact / f.u_exact)::numeric)
                    WHEN n.similarity >= f.close_at THEN log(2, (f.m_close / f.u_close)::numeric)
                    ELSE log(2, ((1 - f.m_exact - f.m_close) / (1 - f.u_exact - f.u_close))::numeric) END AS weight
        FROM nearest AS n JOIN mhub.match_field AS f ON f.trait = n.field
        UNION ALL
        SELECT s.person_id, 'fingerprint', 'exact', 1, log(2, (f.m_exact / f.u_exact)::numeric)
        FROM seen_with AS s JOIN mhub.match_field AS f ON f.trait = '$fingerprint'
        UNION ALL
        SELECT s.person_id, 'seen_together', 'exact', 1, log(2, (f.m_exact / f.u_exact)::numeric)
        FROM seen_together AS s JOIN mhub.match_field AS f ON f.trait = '$seen_together'
        UNION ALL
        -- the same network and agent within a day of each other, among each one's last events
        SELECT c.person_id, 'network', 'exact', 1, log(2, (f.m_exact / f.u_exact)::numeric)
        FROM candidate AS c CROSS JOIN me AS m JOIN mhub.match_field AS f ON f.trait = '$network'
        WHERE EXISTS (
            SELECT FROM mhub.recent_networks(m.person_id) AS mine JOIN mhub.recent_networks(c.person_id) AS theirs
            ON mine.network = theirs.network AND mine.user_agent = theirs.user_agent
            AND mine.occurred_at BETWEEN theirs.occurred_at - interval '1 day' AND theirs.occurred_at + interval '1 day')
    ), summed AS (
        SELECT x.person_id, sum(x.weight) - log(2, greatest(r.persons, 2)::numeric) AS total,
               sum(x.weight) AS weight,
               jsonb_object_agg(x.field, jsonb_build_object('level', x.level, 'similarity', x.similarity, 'weight', round(x.weight, 2))) AS evidence
        FROM compared AS x
        CROSS JOIN (SELECT greatest(c.reltuples, 1000) AS persons FROM pg_class AS c WHERE c.oid = to_regclass('mhub.person')) AS r
        GROUP BY x.person_id, r.persons
    )
    SELECT s.person_id, s.weight::real, (1 / (1 + power(2::numeric, -greatest(least(s.total, 60), -60))))::real, s.evidence
    FROM summed AS s WHERE s.weight > 0 ORDER BY s.total DESC, s.person_id
$$;
COMMENT ON FUNCTION mhub.match_candidates(bigint) IS
'Who else a person may be, best first. Candidates share a trait that blocks (mhub.match_field) and is kept in the open, or a fingerprint, or were seen with the same identifier and kept apart by a limit (mhub.identity_conflict), or have the same sealed trait of those looked up (mhub.pii_trait.normaliser), or one has as trait what is the other''s identifier; each field of both adds the logarithm of how much likelier its agreement is for one person than for two (Fellegi and Sunter 1969: log2 m/u), similar values by Jaro-Winkler. weight: their sum. probability: with the prior that one of all persons is the one. evidence: per field the level (exact, close, different), the similarity and the weight, never the values. Sealed traits and identifiers (found by blind index) take part while mhub.purpose is set, for callers who may execute mhub.decrypt(); the access log then has each value opened. Merges nobody: judge, then mhub.link_match() or mhub.relink(). No rows for NULL and unknown ids. Common values block up to 500 persons each.';

CREATE FUNCTION mhub.recent_networks(person_id bigint, OUT network inet, OUT user_agent text, OUT occurred_at timestamptz)
RETURNS SETOF record LANGUAGE sql STABLE PARALLEL SAFE STRICT ROWS 100 SET search_path = pg_catalog, pg_temp AS $$
    SELECT network(set_masklen(e.ip, CASE family(e.ip) WHEN 4 THEN 24 ELSE 48 END)), e.user_agent, e.occurred_at
    FROM mhub.identifier AS i CROSS JOIN LATERAL (
        SELECT v.ip, v.user_agent, v.occurred_at FROM mhub.event AS v
        WHERE v.identifier_id = i.identifier_id AND v.ip IS NOT NULL AND v.user_agent IS NOT NULL
        ORDER BY v.occurred_at DESC LIMIT 100) AS e
    WHERE i.person_id = $1 LIMIT 1000
$$;
COMMENT ON FUNCTION mhub.recent_networks(bigint) IS
'Networks (IPv4 /24, IPv6 /48) and agents of a person''s last events, up to 100 per identifier: what mhub.match_candidates() compares.';

CREATE FUNCTION mhub.link_match(person_id bigint, candidate_id bigint) RETURNS bigint
LANGUAGE c VOLATILE PARALLEL UNSAFE STRICT AS 'MODULE_PATHNAME', 'mhub_link_match';
COMMENT ON FUNCTION mhub.link_match(bigint, bigint) IS
'Takes a candidate of mhub.match_candidates() for the person: when the probability is at least mhub.identity_threshold and both have consented to the purpose identity_matching (mhub.has_consent()), links the two with that confidence and merges them, limits permitting (cause match in mhub.merge_log). Returns the surviving person, or NULL when the probability, a consent, a limit or a removed link stands against it. mhub.unlink() takes it back. NULL for a NULL argument.';

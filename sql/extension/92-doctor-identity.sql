-- mhub.doctor(): persons, identifiers and links fit together. What foreign keys would check, and do not (0010-identity.sql).

CREATE FUNCTION mhub.doctor_identity(OUT check_name text, OUT status text, OUT detail text, OUT hint text)
RETURNS SETOF record LANGUAGE sql STABLE PARALLEL RESTRICTED SET search_path = pg_catalog, pg_temp AS $$
    SELECT 'identifiers have living persons', CASE WHEN n = 0 THEN 'ok' ELSE 'fail' END,
           CASE WHEN n = 0 THEN 'each identifier belongs to a person who was not merged away' ELSE format('%s identifiers do not', n) END,
           CASE WHEN n > 0 THEN 'Rows were changed by hand. UPDATE mhub.identifier SET person_id = mhub.resolve_person(person_id) mends merged persons.' END
    FROM (SELECT count(*) AS n FROM mhub.identifier AS i LEFT JOIN mhub.person AS p ON p.person_id = i.person_id AND p.merged_into IS NULL
          WHERE p.person_id IS NULL) AS orphan
    UNION ALL
    SELECT 'links stay within a person', CASE WHEN n = 0 THEN 'ok' ELSE 'fail' END,
           CASE WHEN n = 0 THEN 'both ends of each joining link have one person' ELSE format('%s links have ends of two persons, or no end, or contradict themselves', n) END,
           CASE WHEN n > 0 THEN 'Rows were changed by hand. CALL mhub.link_identifiers() with the pairs merges them.' END
    FROM (SELECT count(*) AS n FROM mhub.link AS l
          LEFT JOIN mhub.identifier AS a ON a.identifier_id = l.identifier_a LEFT JOIN mhub.identifier AS b ON b.identifier_id = l.identifier_b
          WHERE l.joins AND a.person_id IS DISTINCT FROM b.person_id OR a.person_id IS NULL OR b.person_id IS NULL
             OR l.identifier_a >= l.identifier_b OR l.joins AND l.removed_at IS NOT NULL OR NOT l.confidence BETWEEN 0 AND 1) AS loose
    UNION ALL
    SELECT 'no person is a crowd', CASE WHEN n = 0 THEN 'ok' ELSE 'warn' END,
           CASE WHEN n = 0 THEN 'nobody has over 1,000 identifiers' ELSE format('%s persons have over 1,000 identifiers, the largest is person %s', n, largest) END,
           CASE WHEN n > 0 THEN 'A kind without max_per_person joins strangers: see SELECT kind, count(*) FROM mhub.identifier WHERE person_id = ... GROUP BY kind, then limit it or block its values.' END
    FROM (SELECT count(*) AS n, (array_agg(c.person_id ORDER BY c.identifiers DESC))[1] AS largest
          FROM (SELECT i.person_id, count(*) AS identifiers FROM mhub.identifier AS i GROUP BY i.person_id HAVING count(*) > 1000) AS c) AS crowd
$$;
COMMENT ON FUNCTION mhub.doctor_identity() IS 'Rows of mhub.doctor() about persons and identifiers: nothing dangles, links stay within persons, no person has swallowed a crowd. Reads both tables once.';

-- mhub.connected_components() and mhub.components(), against a naive reference.
BEGIN;

-- 18 edges whose answer is known: two components of two nodes, one of thirteen (as in pgRouting's documentation)
CREATE TEMP TABLE known (a, b) AS VALUES (5, 6), (6, 10), (10, 15), (6, 7), (10, 11), (1, 3), (7, 11), (11, 16), (7, 8), (11, 12),
    (8, 12), (12, 17), (8, 9), (16, 17), (15, 16), (2, 4), (13, 14), (3, 7);
SELECT component, count(*), string_agg(node::text, ' ' ORDER BY node) AS nodes
FROM mhub.components((SELECT mhub.connected_components(a::bigint, b::bigint) FROM known)) GROUP BY component ORDER BY component;
SELECT count(*), sum(component) FROM mhub.components((SELECT mhub.connected_components(a, b) FROM known));

-- nothing, NULLs, self-links, the ends of the range
SELECT mhub.connected_components(a, a) IS NULL AS nothing FROM generate_series(1, 0) AS a;
SELECT count(*) AS rows FROM mhub.components(NULL);
SELECT * FROM mhub.components((SELECT mhub.connected_components(a, b) FROM (VALUES (1::bigint, NULL::bigint), (NULL, 2), (NULL, NULL), (3, 3), (3, 3)) AS v(a, b)));
SELECT * FROM mhub.components((SELECT mhub.connected_components(a, b)
    FROM (VALUES (9223372036854775807, -9223372036854775808), (0, 9223372036854775807), (-1, -1), (5, 6)) AS v(a, b)));
SELECT * FROM mhub.components((SELECT mhub.connected_components(a, b) FROM (VALUES (2147483647, -2147483648), (7, 7)) AS v(a, b)));

-- Anybody can make bytes.
-- a state is read with its edges in any order and more than once, should somebody have put it together by hand
SELECT c.* FROM (SELECT mhub.connected_components(a, b) AS s FROM (VALUES (3, 8), (1, 8)) AS v(a, b)) AS x,
    mhub.components(substr(s, 1, 4) || substr(s, 37, 16) || substr(s, 5, 32) || substr(s, 21, 16)) AS c;

SAVEPOINT error;
SELECT * FROM mhub.components('\x');
ROLLBACK TO error;
SELECT * FROM mhub.components('\x0102030405060708090a0b0c0d0e0f1011121314');
ROLLBACK TO error;
SELECT * FROM mhub.components(substr((SELECT mhub.connected_components(a, b) FROM known), 1, 40));
ROLLBACK TO error;
SELECT mhub.connected_components_combine('\x00', '\x00');
ROLLBACK TO error;

-- A naive reference: the smallest label spreads until nothing changes.
CREATE FUNCTION pg_temp.naive(edges regclass) RETURNS TABLE (node bigint, component bigint) LANGUAGE plpgsql AS $$
DECLARE
    changed bigint;
BEGIN
    EXECUTE format('CREATE TEMP TABLE label ON COMMIT DROP AS SELECT a AS node, a AS component FROM %1$s UNION SELECT b, b FROM %1$s', edges);
    LOOP
        EXECUTE format('UPDATE label AS l SET component = s.component FROM (
            SELECT node, min(component) AS component FROM (
                SELECT e.a AS node, l.component FROM %1$s AS e JOIN label AS l ON l.node = e.b
                UNION ALL SELECT e.b, l.component FROM %1$s AS e JOIN label AS l ON l.node = e.a) AS x GROUP BY node) AS s
            WHERE s.node = l.node AND s.component < l.component', edges);
        GET DIAGNOSTICS changed = ROW_COUNT;
        EXIT WHEN changed = 0;
    END LOOP;
    RETURN QUERY SELECT l.node, l.component FROM label AS l;
    DROP TABLE label;
END
$$;
-- Random graphs: sparse ids, dense ids, negative ids; many small components, few large ones
SELECT setseed(0.42) IS NOT NULL AS seeded;
CREATE TEMP TABLE edge (graph integer, a bigint, b bigint);
INSERT INTO edge SELECT g, floor(random() * nodes)::bigint * step - shift, floor(random() * nodes)::bigint * step - shift
FROM (VALUES (1, 300, 1::bigint, 0::bigint), (2, 2000, 1, 1000), (3, 300, 1000003, 0), (4, 2000, 4611686018427, 2000), (5, 50, 3, 75)) AS v(g, nodes, step, shift),
     generate_series(1, 1000);
CREATE TEMP TABLE one (a bigint, b bigint);
CREATE FUNCTION pg_temp.differences(wanted integer) RETURNS bigint LANGUAGE plpgsql AS $$
DECLARE n bigint;
BEGIN
    TRUNCATE one;
    INSERT INTO one SELECT a, b FROM edge WHERE graph = wanted;
    CREATE TEMP TABLE expected ON COMMIT DROP AS SELECT * FROM pg_temp.naive('one');
    SELECT count(*) INTO n FROM expected AS e
    FULL JOIN mhub.components((SELECT mhub.connected_components(a, b) FROM one)) AS c USING (node, component)
    WHERE e.node IS NULL OR c.node IS NULL;
    DROP TABLE expected;
    RETURN n;
END
$$;
SELECT g AS graph, pg_temp.differences(g) AS differences FROM generate_series(1, 5) AS g;

-- Any cut into parts, combined in any order, gives the same; so do states taken as edges again.
CREATE TEMP TABLE whole AS SELECT c.* FROM mhub.components((SELECT mhub.connected_components(a, b) FROM edge WHERE graph = 3)) AS c;
SELECT cut, count(*) AS differences FROM generate_series(1, 7) AS cut
CROSS JOIN LATERAL (
    SELECT mhub.connected_components_combine(
        (SELECT mhub.connected_components(a, b) FROM edge WHERE graph = 3 AND (a + b) % 7 >= cut),
        (SELECT mhub.connected_components(b, a) FROM edge WHERE graph = 3 AND (a + b) % 7 < cut)) AS state OFFSET 0) AS s
CROSS JOIN LATERAL (SELECT FROM whole AS w FULL JOIN mhub.components(s.state) AS c USING (node, component) WHERE w.node IS NULL OR c.node IS NULL) AS d
GROUP BY cut;
SELECT count(*) AS differences FROM whole AS w
FULL JOIN mhub.components((SELECT mhub.connected_components(node, component) FROM whole)) AS c USING (node, component)
WHERE w.node IS NULL OR c.node IS NULL;

-- One state a group, and as a window it may be read while it grows.
SELECT graph, count(*) AS nodes, count(DISTINCT component) AS components
FROM (SELECT graph, mhub.connected_components(a, b) AS state FROM edge GROUP BY graph) AS g, mhub.components(g.state)
GROUP BY graph ORDER BY graph;
SELECT a, (SELECT count(DISTINCT component) FROM mhub.components(state)) AS components
FROM (SELECT a, mhub.connected_components(a, b) OVER (ORDER BY a, b) AS state FROM known) AS w WHERE a < 7 ORDER BY 1, 2;

-- In parallel, where there are workers to be had
CREATE TABLE public.many AS SELECT (n * 7919) % 100003 AS a, (n * 104729) % 100003 AS b FROM generate_series(1, 60000::bigint) AS n;
SELECT count(*) AS nodes, count(DISTINCT component) AS components, sum(component) FROM mhub.components((SELECT mhub.connected_components(a, b) FROM public.many));
SET LOCAL parallel_setup_cost = 0; SET LOCAL parallel_tuple_cost = 0; SET LOCAL min_parallel_table_scan_size = 0; SET LOCAL parallel_leader_participation = off;
SELECT count(*) AS nodes, count(DISTINCT component) AS components, sum(component) FROM mhub.components((SELECT mhub.connected_components(a, b) FROM public.many));

-- A chain of 5,001 and a star of 50,000, edges in a bad order, each twice
SELECT count(*) AS nodes, count(DISTINCT component) AS components
FROM mhub.components((SELECT mhub.connected_components(a, a + 1) FROM (SELECT a FROM generate_series(5000, 1, -1) AS a UNION ALL SELECT a FROM generate_series(1, 5000) AS a) AS chain));
SELECT count(*) AS nodes, count(DISTINCT component) AS components
FROM mhub.components((SELECT mhub.connected_components(-77, a * 1000) FROM generate_series(1, 50000) AS a, generate_series(1, 2)));
ROLLBACK;

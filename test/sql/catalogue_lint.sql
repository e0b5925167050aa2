-- The catalogue keeps its promises: everything is documented, nothing is for everybody, search paths are fixed.
-- Each query lists offenders, so every answer is empty.
BEGIN;
SELECT mhub.install() > 0 AS applied;

-- functions, procedures and aggregates without a comment
SELECT p.oid::regprocedure AS undocumented FROM pg_proc AS p
WHERE p.pronamespace = 'mhub'::regnamespace AND obj_description(p.oid, 'pg_proc') IS NULL ORDER BY 1;

-- types (composite types of tables are documented by their table; array types by their element)
SELECT t.oid::regtype AS undocumented FROM pg_type AS t LEFT JOIN pg_class AS c ON c.oid = t.typrelid
WHERE t.typnamespace = 'mhub'::regnamespace AND t.typelem = 0 AND coalesce(c.relkind, 'c') = 'c'
  AND obj_description(t.oid, 'pg_type') IS NULL ORDER BY 1;

-- operators
SELECT o.oid::regoperator AS undocumented FROM pg_operator AS o
WHERE o.oprnamespace = 'mhub'::regnamespace AND obj_description(o.oid, 'pg_operator') IS NULL ORDER BY 1;

-- tables and views (a partition is documented by its parent)
SELECT c.oid::regclass AS undocumented FROM pg_class AS c
WHERE c.relnamespace = 'mhub'::regnamespace AND c.relkind IN ('r', 'v', 'm', 'p') AND NOT c.relispartition
  AND obj_description(c.oid, 'pg_class') IS NULL ORDER BY 1;

-- columns of tables, views and composite types
SELECT c.oid::regclass AS relation, a.attname AS undocumented FROM pg_class AS c
JOIN pg_attribute AS a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
WHERE c.relnamespace = 'mhub'::regnamespace AND c.relkind IN ('r', 'v', 'm', 'p', 'c') AND NOT c.relispartition
  AND col_description(c.oid, a.attnum) IS NULL ORDER BY 1, a.attnum;

-- routines that PUBLIC may execute, relations that PUBLIC may touch
SELECT p.oid::regprocedure AS public_may_execute FROM pg_proc AS p
CROSS JOIN LATERAL aclexplode(coalesce(p.proacl, acldefault('f', p.proowner))) AS acl
WHERE p.pronamespace = 'mhub'::regnamespace AND acl.grantee = 0 ORDER BY 1;
SELECT c.oid::regclass AS public_may_touch FROM pg_class AS c CROSS JOIN LATERAL aclexplode(c.relacl) AS acl
WHERE c.relnamespace = 'mhub'::regnamespace AND acl.grantee = 0 ORDER BY 1;

-- SECURITY DEFINER, SQL and plpgsql routines without a fixed search_path; a procedure that commits cannot have one
SELECT p.oid::regprocedure AS search_path_open FROM pg_proc AS p JOIN pg_language AS l ON l.oid = p.prolang
WHERE p.pronamespace = 'mhub'::regnamespace
  AND (p.prosecdef OR l.lanname IN ('sql', 'plpgsql')) AND NOT (p.prokind = 'p' AND NOT p.prosecdef)
  AND NOT EXISTS (SELECT FROM unnest(p.proconfig) AS setting WHERE setting LIKE 'search\_path=pg\_catalog, pg\_temp') ORDER BY 1;

-- aggregates whose state could not travel: internal, no combine function, or not parallel safe
SELECT p.oid::regprocedure AS aggregate_cannot_travel FROM pg_aggregate AS a JOIN pg_proc AS p ON p.oid = a.aggfnoid
WHERE p.pronamespace = 'mhub'::regnamespace
  AND (a.aggtranstype = 'internal'::regtype OR a.aggcombinefn = 0 OR p.proparallel <> 's') ORDER BY 1;

-- rights in the profiles name things that exist
SELECT a.object AS unknown_object FROM mhub.access_right() AS a
WHERE CASE a.object_type WHEN 'SCHEMA' THEN to_regnamespace(a.object) IS NULL
                         WHEN 'TABLE' THEN to_regclass(a.object) IS NULL
                         WHEN 'SEQUENCE' THEN to_regclass(a.object) IS NULL
                         ELSE to_regprocedure(a.object) IS NULL END ORDER BY 1;
ROLLBACK;

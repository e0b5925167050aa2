-- Writes the reference (Markdown) from the catalogue's COMMENTs: psql -XqAt -f doc/reference.sql. 'make doc-reference' runs it.
SELECT '# Reference';
SELECT '';
SELECT 'Generated from the COMMENTs of mhub ' || mhub.version() || ' by `make doc-reference`; edit those, not this file.';
SELECT 'Everything lives in schema `mhub`. [Functions](#functions), [aggregates](#aggregates), [procedures](#procedures), [types](#types), [operators](#operators), [tables](#tables), [views](#views).';

CREATE FUNCTION pg_temp.one_line(body text) RETURNS text LANGUAGE sql AS $$
    SELECT replace(regexp_replace(body, '\s+', ' ', 'g'), '|', '\|')
$$;

CREATE FUNCTION pg_temp.routines(title text, kind "char") RETURNS SETOF text LANGUAGE sql AS $$
    SELECT line FROM (
        SELECT '' AS name, 0 AS args, 0 AS place, E'\n## ' || title AS line
        UNION ALL
        SELECT p.proname, p.oid::integer, part.place, part.line
        FROM pg_proc AS p
        CROSS JOIN LATERAL (VALUES
            (1, E'\n### ' || p.proname),
            (2, E'\n```sql\nmhub.' || p.proname || '(' || pg_get_function_arguments(p.oid) || ')'
                || CASE WHEN kind = 'p' THEN '' ELSE ' → ' || pg_get_function_result(p.oid) END || E'\n```\n'),
            (3, pg_temp.one_line(obj_description(p.oid, 'pg_proc'))
                || CASE WHEN kind = 'f' THEN ' *' || CASE p.provolatile WHEN 'i' THEN 'Immutable' WHEN 's' THEN 'Stable' ELSE 'Volatile' END
                        || CASE WHEN p.proisstrict THEN ', NULL in, NULL out' ELSE '' END || '.*' ELSE '' END)
        ) AS part (place, line)
        WHERE p.pronamespace = 'mhub'::regnamespace AND p.prokind = kind
    ) AS lines
    ORDER BY name COLLATE "C", args, place
$$;

SELECT pg_temp.routines('Functions', 'f');
SELECT pg_temp.routines('Aggregates', 'a');
SELECT pg_temp.routines('Procedures', 'p');

SELECT E'\n## Types\n';
SELECT '- `mhub.' || t.typname || '`: ' || pg_temp.one_line(obj_description(t.oid, 'pg_type'))
FROM pg_type AS t LEFT JOIN pg_class AS c ON c.oid = t.typrelid
WHERE t.typnamespace = 'mhub'::regnamespace AND t.typelem = 0 AND coalesce(c.relkind, 'c') = 'c'
ORDER BY t.typname COLLATE "C";

SELECT E'\n## Operators\n';
SELECT format('- `%s`: ', o.oid::regoperator) || pg_temp.one_line(obj_description(o.oid, 'pg_operator'))
FROM pg_operator AS o WHERE o.oprnamespace = 'mhub'::regnamespace ORDER BY o.oid::regoperator::text COLLATE "C";

CREATE FUNCTION pg_temp.relations(title text, kinds "char"[]) RETURNS SETOF text LANGUAGE sql AS $$
    SELECT line FROM (
        SELECT '' AS name, 0 AS place, E'\n## ' || title AS line
        UNION ALL
        SELECT c.relname, part.place, part.line
        FROM pg_class AS c
        CROSS JOIN LATERAL (
            SELECT 0 AS place, E'\n### ' || c.relname || E'\n\n' || pg_temp.one_line(obj_description(c.oid, 'pg_class'))
                || E'\n\n| column | type | meaning |\n|---|---|---|' AS line
            UNION ALL
            SELECT a.attnum, format('| `%s` | %s | %s |', a.attname, format_type(a.atttypid, a.atttypmod),
                                    pg_temp.one_line(col_description(c.oid, a.attnum)))
            FROM pg_attribute AS a WHERE a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
        ) AS part
        WHERE c.relnamespace = 'mhub'::regnamespace AND c.relkind = ANY (kinds) AND NOT c.relispartition
    ) AS lines
    ORDER BY name COLLATE "C", place
$$;

SELECT pg_temp.relations('Tables', '{r,p}');
SELECT pg_temp.relations('Views', '{v,m}');

-- Export and erasure work through one list. It is complete: every table of the hub with a column of person or
-- identifier ids is in it. Each query lists offenders, so every answer is empty.
BEGIN;
SELECT mhub.install() > 0 AS applied;

CREATE TEMPORARY VIEW id_column AS
SELECT c.oid::regclass AS relation, a.attname::text AS name, CASE WHEN a.attname ~ 'person' THEN 'person' ELSE 'identifier' END AS id_of
FROM pg_class AS c JOIN pg_attribute AS a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
WHERE c.relnamespace = 'mhub'::regnamespace AND c.relkind IN ('r', 'p') AND NOT c.relispartition
  AND a.atttypid = 'bigint'::regtype AND a.attname ~ '(^|_)(person|identifier)(_id|_a|_b)?$'
  AND NOT (c.oid = 'mhub.identifier'::regclass AND a.attname = 'identifier_id'); -- that is the identifier itself
SELECT count(*) > 5 AS columns_found FROM id_column;

SELECT i.relation, i.name AS add_me_to_personal_data FROM id_column AS i
WHERE NOT EXISTS (SELECT FROM mhub.personal_data() AS d WHERE d.relation = i.relation AND d.id_of = i.id_of AND i.name = ANY (d.id_columns))
ORDER BY 1, 2;

-- What is sealed in the hub is registered, so that export opens it.
SELECT c.oid::regclass AS relation, a.attname AS add_me_to_enc_column FROM pg_class AS c JOIN pg_attribute AS a ON a.attrelid = c.oid AND a.attnum > 0
WHERE c.relnamespace = 'mhub'::regnamespace AND c.relkind IN ('r', 'p') AND NOT c.relispartition AND a.atttypid = 'mhub.enc'::regtype
  AND NOT EXISTS (SELECT FROM mhub.enc_column AS e WHERE e.name = c.relname || '.' || a.attname) ORDER BY 1, 2;

-- The list names columns that exist.
SELECT d.relation, column_name AS unknown_column FROM mhub.personal_data() AS d, unnest(d.id_columns) AS column_name
WHERE NOT EXISTS (SELECT FROM pg_attribute AS a WHERE a.attrelid = d.relation AND a.attname = column_name) ORDER BY 1, 2;

-- Every statement made from it is one that PostgreSQL understands.
CREATE FUNCTION pg_temp.problem(statement text) RETURNS text LANGUAGE plpgsql AS $$
BEGIN
    EXECUTE statement USING '{}'::bigint[], '{}'::bigint[], 0::bigint, '{}'::bigint[];
    RETURN NULL;
EXCEPTION WHEN OTHERS THEN
    RETURN SQLERRM;
END $$;
SELECT d.relation, action, problem
FROM mhub.personal_data() AS d, unnest(CASE WHEN d.erase = 'anonymise' THEN '{anonymise,delete}'::text[] WHEN d.erase = 'keep' THEN '{}' ELSE ARRAY[d.erase] END) AS action,
     LATERAL pg_temp.problem(mhub.erasure_statement(d.relation, d.id_of, d.id_columns, mhub.personal_rows(d.id_of, d.id_columns, d.rows_of), action, d.scrub)) AS problem
WHERE problem IS NOT NULL ORDER BY 1, 2;
SELECT d.relation, problem
FROM mhub.personal_data() AS d, LATERAL pg_temp.problem(format('SELECT to_jsonb(t) %s FROM %s AS t WHERE %s', mhub.opened_columns(d.relation), d.relation, mhub.personal_rows(d.id_of, d.id_columns, d.rows_of))) AS problem
WHERE problem IS NOT NULL ORDER BY 1;
ROLLBACK;

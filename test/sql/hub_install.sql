-- Install, install again, version, uninstall, and the guard on DROP EXTENSION.
BEGIN;
SELECT mhub.install() > 0 AS applied;
SELECT mhub.install() AS applied_again;
SELECT mhub.version() = extversion AS library_and_sql_agree FROM pg_extension WHERE extname = 'mhub';
SELECT count(*) = (SELECT count(*) FROM mhub.hub_migration()) AS all_recorded,
       bool_and(applied_by = current_user AND library_version = mhub.version()) AS recorded_fully
FROM mhub.migration;

SAVEPOINT guard;
DROP EXTENSION mhub CASCADE;
ROLLBACK TO guard;
SELECT mhub.uninstall('yes');
ROLLBACK TO guard;

-- What others built on the hub stops the removal.
CREATE VIEW public.mine AS SELECT person_id FROM mhub.person;
SAVEPOINT mine;
\set SHOW_CONTEXT never
SELECT mhub.uninstall(current_database()::text);
\set SHOW_CONTEXT errors
ROLLBACK TO mine;
DROP VIEW public.mine;

SELECT mhub.uninstall(current_database()::text) > 0 AS removed;
SELECT count(*) AS left_over FROM pg_class WHERE relnamespace = 'mhub'::regnamespace
    AND relkind IN ('r', 'p', 'v', 'S', 'm')
    AND NOT EXISTS (SELECT FROM pg_depend WHERE objid = pg_class.oid AND deptype = 'e');
DROP EXTENSION mhub;
SELECT to_regnamespace('mhub') IS NULL AS gone;
ROLLBACK;

-- Identity writes its tables without SQL, yet all that users put on ordinary tables holds.
BEGIN;
SELECT mhub.install() > 0 AS applied;

-- columns of one's own: default, generated, and one that was dropped
ALTER TABLE mhub.identifier ADD COLUMN gone integer DEFAULT 7, ADD COLUMN noted text DEFAULT 'by ' || current_user::text,
    ADD COLUMN shout text GENERATED ALWAYS AS (upper(value)) STORED;
ALTER TABLE mhub.identifier DROP COLUMN gone;
SELECT mhub.identify('{"cookie": "c-1", "user_id": "u-1"}') IS NOT NULL AS identified;
SELECT kind, value, noted = 'by ' || current_user AS noted, shout FROM mhub.identifier ORDER BY kind;

-- triggers of rows and statements, with transition tables
CREATE TABLE public.seen_by_trigger (what text, n bigint);
CREATE FUNCTION public.before_row() RETURNS trigger LANGUAGE plpgsql AS
$$ BEGIN NEW.source := coalesce(NEW.source, 'set by trigger'); RETURN NEW; END $$;
CREATE FUNCTION public.after_row() RETURNS trigger LANGUAGE plpgsql AS
$$ BEGIN INSERT INTO public.seen_by_trigger VALUES ('row ' || NEW.kind, 1); RETURN NULL; END $$;
CREATE FUNCTION public.after_statement() RETURNS trigger LANGUAGE plpgsql AS
$$ BEGIN INSERT INTO public.seen_by_trigger SELECT 'statement', count(*) FROM added; RETURN NULL; END $$;
CREATE TRIGGER b BEFORE INSERT ON mhub.identifier FOR EACH ROW EXECUTE FUNCTION public.before_row();
CREATE TRIGGER r AFTER INSERT ON mhub.identifier FOR EACH ROW WHEN (NEW.kind <> 'device') EXECUTE FUNCTION public.after_row();
CREATE TRIGGER s AFTER INSERT ON mhub.identifier REFERENCING NEW TABLE AS added FOR EACH STATEMENT EXECUTE FUNCTION public.after_statement();
SELECT mhub.identify('{"cookie": "c-2", "device": "d-2"}', source => NULL) IS NOT NULL AS identified;
SELECT kind, source FROM mhub.identifier WHERE value LIKE '%-2' ORDER BY kind;
SELECT * FROM public.seen_by_trigger ORDER BY what;
-- a changed function counts at once
CREATE OR REPLACE FUNCTION public.before_row() RETURNS trigger LANGUAGE plpgsql AS
$$ BEGIN NEW.source := 'set anew'; RETURN NEW; END $$;
SELECT mhub.identify('{"cookie": "c-3"}') IS NOT NULL AS identified;
SELECT source FROM mhub.identifier WHERE value = 'c-3';
-- a trigger that identifies somebody itself
CREATE FUNCTION public.identify_again() RETURNS trigger LANGUAGE plpgsql AS
$$ BEGIN IF NEW.value NOT LIKE 'inner-%' THEN PERFORM mhub.identify(jsonb_build_object('device', 'inner-' || NEW.value)); END IF; RETURN NULL; END $$;
CREATE TRIGGER i AFTER INSERT ON mhub.identifier FOR EACH ROW EXECUTE FUNCTION public.identify_again();
SELECT mhub.identify('{"cookie": "c-4"}') IS NOT NULL AS identified;
SELECT mhub.person_id('device', 'inner-c-4') IS NOT NULL AS both;
DROP TRIGGER i ON mhub.identifier;

-- a trigger that inserts with ON CONFLICT, as the table itself is written
CREATE TABLE public.kinds_seen (kind text PRIMARY KEY, n bigint NOT NULL DEFAULT 1);
CREATE FUNCTION public.count_kind() RETURNS trigger LANGUAGE plpgsql AS
$$ BEGIN INSERT INTO public.kinds_seen AS k (kind) VALUES (NEW.kind) ON CONFLICT (kind) DO UPDATE SET n = k.n + 1; RETURN NEW; END $$;
CREATE TRIGGER k BEFORE INSERT ON mhub.identifier FOR EACH ROW EXECUTE FUNCTION public.count_kind();
SELECT mhub.identify('{"cookie": ["c-4a", "c-4b"], "device": "d-4a"}') IS NOT NULL AS identified;
SAVEPOINT inner_one;
SELECT mhub.identify('{"cookie": "c-4c"}') IS NOT NULL AS identified;
RELEASE inner_one;
SELECT kind, n FROM public.kinds_seen ORDER BY kind;
DROP TRIGGER k ON mhub.identifier;
-- subtransactions leave no locks of insertion behind, and a transaction one at most
DO $$
BEGIN
    FOR i IN 1..20 LOOP
        BEGIN
            PERFORM mhub.identify(jsonb_build_object('cookie', 'c-sub-' || i));
        EXCEPTION WHEN division_by_zero THEN NULL;
        END;
        PERFORM mhub.identify(jsonb_build_object('cookie', 'c-top-' || i));
    END LOOP;
END $$;
SELECT count(*) <= 1 AS few FROM pg_locks WHERE locktype = 'spectoken' AND pid = pg_backend_pid();

-- ids that a transaction has put aside are forgotten when they start over
SELECT count(DISTINCT mhub.identify(jsonb_build_object('cookie', 'c-many-' || i))) AS persons FROM generate_series(1, 100) AS i;
SAVEPOINT started_over;
TRUNCATE mhub.identifier RESTART IDENTITY;
SELECT count(DISTINCT mhub.identify(jsonb_build_object('cookie', 'c-again-' || i))) AS persons FROM generate_series(1, 100) AS i;
SELECT min(identifier_id), max(identifier_id) BETWEEN 100 AND 200 AS few_lost FROM mhub.identifier;
ROLLBACK TO started_over;
SELECT count(DISTINCT mhub.identify(jsonb_build_object('cookie', 'c-more-' || i))) AS persons FROM generate_series(1, 100) AS i;

-- constraints
\set VERBOSITY terse
ALTER TABLE mhub.identifier ADD CONSTRAINT no_c5 CHECK (value <> 'c-5');
SAVEPOINT refused;
SELECT mhub.identify('{"cookie": "c-5"}');
ROLLBACK TO refused;
SELECT mhub.identify('{"cookie": "c-6"}') IS NOT NULL AS still_works;
ALTER TABLE mhub.identifier DROP CONSTRAINT no_c5;

-- read-only transactions
SAVEPOINT refused;
SET LOCAL transaction_read_only = on;
SELECT mhub.identify('{"cookie": "c-7"}');
ROLLBACK TO refused;

-- row security: what the policy hides is not found, what it forbids is not written
CREATE ROLE mhub_test_identity;
SELECT mhub.grant_access('mhub_test_identity', 'app') > 0 AS granted;
GRANT USAGE ON SCHEMA public TO mhub_test_identity;
GRANT ALL ON public.seen_by_trigger TO mhub_test_identity;
ALTER TABLE mhub.identifier ENABLE ROW LEVEL SECURITY;
CREATE POLICY p ON mhub.identifier TO mhub_test_identity USING (true) WITH CHECK (value NOT LIKE 'x%');
SET LOCAL ROLE mhub_test_identity;
SELECT mhub.identify('{"cookie": "c-8", "user_id": "u-8"}') IS NOT NULL AS identified;
SELECT mhub.person_id('user_id', 'u-8') IS NOT NULL AS by_statement;
SAVEPOINT refused;
SELECT mhub.identify('{"cookie": "x-9"}');
ROLLBACK TO refused;
RESET ROLE;
-- what a policy hides, and would let pass as a new row, is refused instead of being looked for without end
SELECT mhub.person_id('user_id', 'u-8') AS hidden \gset
ALTER POLICY p ON mhub.identifier USING (person_id <> :hidden) WITH CHECK (true);
SET LOCAL ROLE mhub_test_identity;
SELECT mhub.identify('{"cookie": "c-8"}');
ROLLBACK TO refused;
RESET ROLE;
ALTER TABLE mhub.identifier DISABLE ROW LEVEL SECURITY;
-- and without the right to insert
REVOKE INSERT ON mhub.person FROM mhub_test_identity;
SELECT has_table_privilege('mhub_test_identity', 'mhub.person', 'INSERT') AS may_insert;
SET LOCAL ROLE mhub_test_identity;
SAVEPOINT refused;
SELECT mhub.identify('{"cookie": "c-10"}');
ROLLBACK TO refused;
RESET ROLE;

-- rights that come with a membership go with it
CREATE ROLE mhub_test_member;
GRANT INSERT ON mhub.person TO mhub_test_identity;
SELECT mhub.grant_access('mhub_test_member', 'analyst') > 0 AS granted;
GRANT EXECUTE ON FUNCTION mhub.identify(jsonb, jsonb, timestamptz, text) TO mhub_test_member;
GRANT mhub_test_identity TO mhub_test_member;
SET LOCAL ROLE mhub_test_member;
SELECT mhub.identify('{"cookie": "c-10a"}') IS NOT NULL AS identified;
RESET ROLE;
REVOKE mhub_test_identity FROM mhub_test_member;
SET LOCAL ROLE mhub_test_member;
SAVEPOINT refused;
SELECT mhub.identify('{"cookie": "c-10b"}');
ROLLBACK TO refused;
RESET ROLE;

-- rows that a publication could not tell apart are not changed, as by a statement
SET LOCAL client_min_messages = error;
CREATE PUBLICATION mhub_test_persons FOR TABLE mhub.person;
RESET client_min_messages;
SELECT mhub.identify('{"cookie": "c-15"}', occurred_at => '2026-02-02') = mhub.identify('{"cookie": "c-15"}', occurred_at => '2026-02-01') AS by_key;
ALTER TABLE mhub.person REPLICA IDENTITY NOTHING;
SAVEPOINT refused;
SELECT mhub.identify('{"cookie": "c-15"}', occurred_at => '2026-01-01');
ROLLBACK TO refused;
ALTER TABLE mhub.person REPLICA IDENTITY DEFAULT;

-- columns that somebody has given other types
SAVEPOINT types;
ALTER TABLE mhub.identifier ALTER COLUMN first_person_id TYPE numeric;
ALTER TABLE mhub.link ALTER COLUMN confidence TYPE numeric;
SELECT mhub.identify('{"cookie": "c-16", "user_id": "u-16"}') IS NOT NULL AS identified;
SELECT i.first_person_id = i.person_id AS same, l.confidence FROM mhub.identifier AS i JOIN mhub.link AS l ON l.identifier_a = i.identifier_id WHERE i.value = 'c-16';
ROLLBACK TO types;

-- a table with a child
CREATE TABLE public.more_links () INHERITS (mhub.link);
SELECT mhub.identify('{"cookie": "c-11", "user_id": "u-11"}') IS NOT NULL AS identified;
SELECT mhub.person_id('cookie', 'c-11') IS NOT NULL AS by_statement;
DROP TABLE public.more_links;
SELECT count(*) AS links FROM mhub.link;

-- rows that Citus keeps elsewhere: it lists such tables
SET LOCAL allow_system_table_mods = on;
CREATE TABLE pg_catalog.pg_dist_partition (logicalrelid regclass);
ALTER TABLE mhub.identifier ADD COLUMN one_more text;
INSERT INTO pg_catalog.pg_dist_partition VALUES ('mhub.identifier');
-- a statement tells its triggers of itself: the innermost context is SQL
CREATE OR REPLACE FUNCTION public.after_statement() RETURNS trigger LANGUAGE plpgsql AS
$$ DECLARE stack text; BEGIN GET DIAGNOSTICS stack = PG_CONTEXT; RAISE NOTICE 'by statement: %', stack LIKE '%INSERT INTO mhub.identifier%'; RETURN NULL; END $$;
SELECT mhub.identify('{"cookie": "c-13"}') IS NOT NULL AS identified;
DELETE FROM pg_catalog.pg_dist_partition;
ALTER TABLE mhub.identifier ADD COLUMN another text; -- Citus, too, makes its changes known this way
SELECT mhub.identify('{"cookie": "c-14"}') IS NOT NULL AS identified;
INSERT INTO pg_catalog.pg_dist_partition VALUES ('mhub.identifier');
ALTER TABLE mhub.identifier DROP COLUMN another;
SELECT mhub.identify('{"cookie": "c-12", "user_id": "u-12"}') IS NOT NULL AS identified;
SELECT mhub.person_id('cookie', 'c-12') = mhub.person_id('user_id', 'u-12') AS one;
ROLLBACK;

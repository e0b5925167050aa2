-- Loads the generated rules and profiles, as jsonpath for PostgreSQL's own engine and as rules of slots for mhub.
\set ON_ERROR_STOP 1
SET client_min_messages = warning;
CREATE EXTENSION mhub;
SELECT mhub.install() > 0 AS installed;
CREATE TABLE profile (id integer PRIMARY KEY, p jsonb);
\copy profile FROM 'data/profiles.copy'
CREATE TABLE jsonpath_rule (id integer, priority integer, content text, cond jsonpath, mongo jsonb, age_lo integer, age_hi integer, cities text[], interest text, ev text, ev_val boolean, ltv_gt numeric, seen_gt text);
CREATE TABLE expected (n integer, decisions integer[]);
INSERT INTO mhub.content (key) VALUES ('c');
-- The CPU time of this backend in microseconds.
CREATE FUNCTION cpu_us() RETURNS double precision LANGUAGE sql VOLATILE AS $$
    SELECT split_part(pg_read_file('/proc/self/schedstat'), ' ', 1)::double precision / 1000 $$;

-- Best time of each profile over the rounds, both engines in turn; wrong counts decisions other than the generator's.
CREATE FUNCTION race(n integer, rounds integer, slow_rounds integer, OUT mhub_us numeric, OUT mhub_cpu_us numeric, OUT jsonpath_us numeric, OUT ratio numeric, OUT wrong integer)
LANGUAGE plpgsql AS $f$
DECLARE
    profiles jsonb[] := (SELECT array_agg(p ORDER BY id) FROM profile);
    wanted integer[] := (SELECT decisions FROM expected AS e WHERE e.n = race.n);
    ours double precision[] := array_fill('infinity'::double precision, ARRAY[cardinality(profiles)]);
    theirs double precision[] := ours;
    slot text := 's' || n;
    started timestamptz;
    spent double precision;
    cpu double precision;
    chosen integer;
    d record;
BEGIN
    -- What a user would write, with its plan kept: the first matching row of a table in order of priority.
    EXECUTE format('CREATE OR REPLACE FUNCTION jsonpath_decide(p jsonb) RETURNS integer LANGUAGE plpgsql AS $b$ DECLARE found integer; BEGIN
        SELECT r.priority INTO found FROM jsonpath_rule_%s AS r WHERE p @@ r.cond ORDER BY r.priority LIMIT 1; RETURN found; END $b$', n);
    wrong := 0;
    FOR round IN 0 .. rounds LOOP
        cpu := cpu_us();
        FOR i IN 1 .. cardinality(profiles) LOOP
            started := clock_timestamp();
            d := mhub.decide(slot, profiles[i], '2025-12-01');
            spent := extract(epoch FROM clock_timestamp() - started) * 1e6;
            ours[i] := least(ours[i], spent);
            wrong := wrong + (d.rule_key::integer <> wanted[i])::integer;
        END LOOP;
        mhub_cpu_us := (cpu_us() - cpu) / cardinality(profiles);
        CONTINUE WHEN round > slow_rounds;
        FOR i IN 1 .. cardinality(profiles) LOOP
            started := clock_timestamp();
            chosen := jsonpath_decide(profiles[i]);
            spent := extract(epoch FROM clock_timestamp() - started) * 1e6;
            theirs[i] := least(theirs[i], spent);
            wrong := wrong + (chosen <> wanted[i])::integer;
        END LOOP;
    END LOOP;
    SELECT round(percentile_cont(0.5) WITHIN GROUP (ORDER BY x)::numeric, 2) INTO mhub_us FROM unnest(ours) AS x;
    SELECT round(percentile_cont(0.5) WITHIN GROUP (ORDER BY x)::numeric, 2) INTO jsonpath_us FROM unnest(theirs) AS x;
    mhub_cpu_us := round(mhub_cpu_us, 2);
    ratio := round(jsonpath_us / mhub_us, 1);
END
$f$;

-- What the first decision after a change of the rules takes: reading and compiling them; the best of ten, by the clock and in CPU time.
CREATE FUNCTION compile_ms(n integer, OUT ms numeric, OUT cpu_ms numeric) LANGUAGE plpgsql AS $f$
DECLARE
    one jsonb := (SELECT p FROM profile ORDER BY id LIMIT 1);
    started timestamptz;
    cpu double precision;
    best double precision := 'infinity';
    best_cpu double precision := 'infinity';
BEGIN
    FOR i IN 1 .. 10 LOOP
        UPDATE mhub.slot SET description = i::text WHERE slot = 's' || n;
        cpu := cpu_us();
        started := clock_timestamp();
        PERFORM mhub.decide('s' || n, one, '2025-12-01');
        best := least(best, extract(epoch FROM clock_timestamp() - started) * 1000);
        best_cpu := least(best_cpu, (cpu_us() - cpu) / 1000);
    END LOOP;
    ms := round(best::numeric, 1);
    cpu_ms := round(best_cpu::numeric, 1);
END
$f$;

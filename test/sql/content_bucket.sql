-- Buckets and variants: deterministic, sticky, and the same as GrowthBook's. (All of GrowthBook's cases: test/t/040_growthbook.pl.)
SELECT mhub.bucket('seed', 'a'), mhub.bucket('seed', 'b', 2), mhub.bucket('', 'a', 1), mhub.bucket('abc', 'def', 99) AS unknown_version;
-- UTF-8 bytes and UTF-16 code units differ for ids that are not ASCII only.
SELECT mhub.bucket('实验', '用户一') AS utf8, mhub.bucket('实验', '用户一', 2, 'utf16') AS utf16, mhub.bucket('x', '😀', 2, 'utf16') AS surrogates,
    mhub.bucket('seed', 'a', 2, 'utf16') = mhub.bucket('seed', 'a') AS same_for_ascii;
-- An independent evaluation of the definition, over many ids.
CREATE FUNCTION pg_temp.fnv(units integer[]) RETURNS bigint LANGUAGE plpgsql IMMUTABLE AS $$
DECLARE hash bigint := 2166136261; unit integer;
BEGIN
    FOREACH unit IN ARRAY units LOOP hash := ((hash # unit) * 16777619) & 4294967295; END LOOP;
    RETURN hash;
END $$;
CREATE FUNCTION pg_temp.bytes(t text) RETURNS integer[] LANGUAGE sql IMMUTABLE AS $$
    SELECT coalesce(array_agg(get_byte(convert_to(t, 'UTF8'), i) ORDER BY i), '{}') FROM generate_series(0, octet_length(t) - 1) AS i $$;
SELECT count(*) AS differing FROM (SELECT n, 'user-' || n || chr(19968 + n) AS unit, 'exp' || n % 7 AS seed FROM generate_series(1, 500) AS n) AS u
WHERE mhub.bucket(seed, unit) <> (pg_temp.fnv(pg_temp.bytes(pg_temp.fnv(pg_temp.bytes(seed || unit))::text)) % 10000) / 10000.0
   OR mhub.bucket(seed, unit, 1) <> (pg_temp.fnv(pg_temp.bytes(unit || seed)) % 1000) / 1000.0;

-- Weights are kept to within chance: 100,000 units, three variants, each within 5 standard deviations.
SELECT variant, abs(n - expected) < 5 * sqrt(expected * (1 - expected / 100000)) AS as_expected
FROM (SELECT mhub.choose_variant('chi', n::text, '{0.2,0.3,0.5}') AS variant, count(*) AS n FROM generate_series(1, 100000) AS n GROUP BY 1) AS seen
JOIN (VALUES (0, 20000), (1, 30000), (2, 50000)) AS e (v, expected) ON v = variant ORDER BY 1;
-- Ramping up coverage moves nobody between variants.
SELECT count(*) FILTER (WHERE a IS NOT NULL) < count(*) FILTER (WHERE b IS NOT NULL) AS grew, count(*) FILTER (WHERE a IS NOT NULL AND a IS DISTINCT FROM b) AS moved
FROM (SELECT mhub.choose_variant('ramp', n::text, '{0.5,0.5}', 0.2) AS a, mhub.choose_variant('ramp', n::text, '{0.5,0.5}', 0.6) AS b FROM generate_series(1, 10000) AS n) AS x;
-- Disjoint ranges of a namespace share nobody.
SELECT count(*) FILTER (WHERE mhub.in_namespace(n::text, 'checkout', 0, 0.4) AND mhub.in_namespace(n::text, 'checkout', 0.4, 1)) AS shared,
    count(*) FILTER (WHERE mhub.in_namespace(n::text, 'checkout', 0, 0.4) OR mhub.in_namespace(n::text, 'checkout', 0.4, 1)) AS covered FROM generate_series(1, 2000) AS n;
SELECT mhub.choose_variant('e', '', '{1}') AS nobody, mhub.choose_variant('e', 'u', '{}') AS no_variants, mhub.equal_weights(4), mhub.equal_weights(0), mhub.bucket_ranges(2, 0.5, NULL), mhub.bucket_ranges(0);
SELECT mhub.bucket('s', 'u', 2, 'latin1');
SELECT mhub.choose_variant('s', 'u', '{1,NULL}');
SELECT mhub.choose_variant('s', 'u', '{1}', 1, 3);
SELECT mhub.choose_variation(0.5, '{0,1}');

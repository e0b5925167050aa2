-- Blocked values by regular expression: what is ruled out by a look at its bytes is what does not match.
BEGIN;
SELECT mhub.install() > 0 AS applied;
DELETE FROM mhub.blocked_value;
CREATE TEMP TABLE candidate AS
SELECT DISTINCT left(v, 20) AS value FROM (
    SELECT string_agg(substr('0-+aZ.9_]张 x', 1 + (hashtext(n || '/' || m) & 1048575) % 12, 1), '' ORDER BY m) AS v FROM generate_series(1, 1500) AS n CROSS JOIN generate_series(1, 6) AS m WHERE m <= 1 + n % 6 GROUP BY n) AS x
WHERE btrim(v) = v AND v <> '';
-- Simple ones and those that only look it, one at a time.
CREATE FUNCTION pg_temp.differing(pattern text) RETURNS bigint LANGUAGE plpgsql AS $$
BEGIN
    DELETE FROM mhub.blocked_value;
    INSERT INTO mhub.blocked_value (match, value, description) VALUES ('regex', pattern, 'test');
    RETURN (SELECT count(*) FROM candidate AS c, mhub.check_identifier('user_id', c.value) AS k WHERE (k.reason IS NOT DISTINCT FROM 'blocked') <> (c.value ~ pattern));
END $$;
SELECT pattern, (SELECT count(*) > 0 FROM candidate AS c WHERE c.value ~ pattern) AS some_match, pg_temp.differing(pattern) AS differing
FROM unnest(ARRAY['^\+?[0-]*$', '^[a0-]+$', '^[0-9a-z]+$', '^0+$', '^\.?[+.*a]+$', '^x?-*$', '^[]]$', '^[]0]+$', '^[^0]+$', '^(0|a)+$', '^0|9$', '^.+$', '^0{2}$', '^[[:digit:]]+$', '^\d+$', '0+', '^0+', '0+$', '^张+$', '(?i)^[az]+$', '^[+-0]+$', '^a*?0$', '^0$$', '^$']) AS pattern;
ROLLBACK;

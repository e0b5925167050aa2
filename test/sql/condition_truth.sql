-- Every operator against every kind of value: the table of doc/conditions.md. t true, f false, - unknown.
CREATE TEMP TABLE operator (id integer GENERATED ALWAYS AS IDENTITY, condition mhub.condition);
INSERT INTO operator (condition) SELECT c::mhub.condition FROM (VALUES
    ($$x = 5$$), ($$x != 5$$), ($$x is not 5$$), ($$x < 7$$), ($$x = 'beta'$$), ($$x is not 'beta'$$), ($$x >= 'b'$$), ($$x = true$$), ($$x is not true$$),
    ($$x in (5, 6)$$), ($$x not in (5, 6)$$), ($$x is not in (5, 6)$$), ($$x in ('beta', true)$$), ($$x not in ('beta', true)$$), ($$x between 1 and 9$$), ($$x between 'a' and 'z'$$),
    ($$x has 5$$), ($$x has any (5, 'q')$$), ($$x has all (5, 'q')$$), ($$x has none (5)$$), ($$any x where (@ = 5)$$),
    ($$x exists$$), ($$x is missing$$), ($$x is null$$), ($$x starts with 'be'$$), ($$x ends with 'ta'$$), ($$x contains 'et'$$), ($$x contains 'ＥＴ' folded$$), ($$x matches 'e.a'$$),
    ($$x version >= '1.0'$$), ($$x before '2030-01-01'$$), ($$x after '2030-01-01'$$), ($$x within '10 days'$$), ($$x within next '10 days'$$), ($$x older than '10 days'$$),
    ($$x in network '10.0.0.0/8'$$), ($$x = y$$), ($$x.y = 5$$),
    ($$not x = 5$$), ($$unless x = 5$$), ($$x = 5 and true$$), ($$x = 5 and false$$), ($$x = 5 or true$$), ($$x = 5 or false$$)) AS v (c);
CREATE TEMP TABLE kind (id integer GENERATED ALWAYS AS IDENTITY, name text, profile jsonb);
INSERT INTO kind (name, profile) VALUES ('missing', '{}'), ('null', '{"x": null}'), ('true', '{"x": true}'), ('5', '{"x": 5}'), ('8.5', '{"x": 8.5}'), ('beta', '{"x": "beta"}'),
    ('empty', '{"x": ""}'), ('time', '{"x": "2026-01-25T00:00:00Z"}'), ('address', '{"x": "10.1.2.3"}'), ('[]', '{"x": []}'), ('[5,8]', '{"x": [5, 8]}'), ('object', '{"x": {"y": 5}}');
CREATE FUNCTION pg_temp.sign(outcome boolean) RETURNS text LANGUAGE sql IMMUTABLE AS $$ SELECT CASE outcome WHEN true THEN 't' WHEN false THEN 'f' ELSE '-' END $$;
SELECT string_agg(k.name, ' | ' ORDER BY k.id) AS kinds FROM kind AS k;
SELECT o.condition, string_agg(pg_temp.sign(mhub.matches(k.profile, o.condition, '2026-01-31 00:00:00Z')), ' ' ORDER BY k.id) AS outcomes
FROM operator AS o CROSS JOIN kind AS k GROUP BY o.id, o.condition ORDER BY o.id;
-- The negation of a predicate is unknown exactly where it is; unless is never unknown.
SELECT count(*) AS broken FROM operator AS o CROSS JOIN kind AS k
CROSS JOIN LATERAL (SELECT mhub.matches(k.profile, o.condition, '2026-01-31 00:00:00Z') AS plain, mhub.matches(k.profile, ('not (' || o.condition::text || ')')::mhub.condition, '2026-01-31 00:00:00Z') AS negated,
    mhub.matches(k.profile, ('unless (' || o.condition::text || ')')::mhub.condition, '2026-01-31 00:00:00Z') AS weak) AS r
WHERE negated IS DISTINCT FROM NOT plain OR weak IS DISTINCT FROM (plain IS NOT TRUE);
-- Kleene's tables.
SELECT a.name AS a, b.name AS b, pg_temp.sign(mhub.matches('{"t": 1, "f": 1}', format('%s and %s', a.text, b.text)::mhub.condition)) AS "and",
    pg_temp.sign(mhub.matches('{"t": 1, "f": 1}', format('%s or %s', a.text, b.text)::mhub.condition)) AS "or"
FROM (VALUES ('t', 't = 1'), ('f', 'f = 2'), ('-', 'u = 1')) AS a (name, text) CROSS JOIN (VALUES ('t', 't = 1'), ('f', 'f = 2'), ('-', 'u = 1')) AS b (name, text);

-- Exact numbers: beyond what a double can tell apart, and equal however they are written.
SELECT '{"n": 9007199254740993}'::jsonb OPERATOR(mhub.@@) 'n = 9007199254740992'::mhub.condition AS too_close, '{"n": 9007199254740993}'::jsonb OPERATOR(mhub.@@) 'n > 9007199254740992'::mhub.condition AS above,
    '{"n": 0.10}'::jsonb OPERATOR(mhub.@@) 'n = 0.1'::mhub.condition AS same, '{"n": 1e2}'::jsonb OPERATOR(mhub.@@) 'n in (100)'::mhub.condition AS exponent;
-- Folding: case and width, for Latin, Greek and Cyrillic letters; not asked for, nothing folds.
SELECT t.profile, mhub.matches(t.profile, t.condition::mhub.condition) AS plain, mhub.matches(t.profile, (t.condition || ' folded')::mhub.condition) AS folded
FROM (VALUES ('{"x": "ＱＱ音乐"}'::jsonb, $$x = 'qq音乐'$$), ('{"x": "ÉCOLE"}', $$x = 'école'$$), ('{"x": "Ωμέγα"}', $$x starts with 'ω'$$), ('{"x": "МОСКВА"}', $$x = 'москва'$$), ('{"x": ["ＡＢＣ"]}', $$x has 'abc'$$),
    ('{"x": "ﾃｽﾄ"}', $$x = 'テスト'$$), ('{"x": "Ｂ"}', $$x in ('a', 'b')$$), ('{"x": "Ｂ"}', $$x between 'a' and 'c'$$)) AS t (profile, condition);
-- Behaviour: whole days are calendar days of the hub's time zone; shorter windows and where need the events themselves.
CREATE TEMP TABLE history (name text, profile jsonb);
INSERT INTO history VALUES
    ('nothing', '{}'), ('counters', '{"$events": {"V": {"count": 3, "first_at": "2026-01-01T10:00:00Z", "last_at": "2026-01-30T17:00:00Z", "days": {"2026-01-01": 1, "2026-01-30": 2}}}}'),
    ('items', '{"$events": {"V": {"count": 3, "first_at": "2026-01-01T10:00:00Z", "last_at": "2026-01-30T17:00:00Z", "items": [{"at": "2026-01-30T17:00:00Z", "properties": {"course": "考研", "price": 199}},
        {"at": "2026-01-30T11:00:00Z", "properties": {"course": "雅思", "price": 99}}, {"at": "2026-01-01T10:00:00Z", "properties": {"course": "考研"}}]}}}');
SELECT h.name, c.condition, pg_temp.sign(mhub.matches(h.profile, c.condition::mhub.condition, '2026-01-31 00:30:00Z')) AS outcome
FROM history AS h CROSS JOIN (VALUES (1, $$did('V')$$), (2, $$did not('V')$$), (3, $$did('V', at least 3 times)$$), (4, $$did('V', within '1 day')$$), (5, $$did('V', exactly 2 times, within '2 days')$$), (6, $$did('V', within '8 hours')$$),
    (7, $$did('V', at least 2 times, within '14 hours')$$), (8, $$did('V', within '1 hour')$$), (9, $$did('V', at least 2 times, where course = '考研')$$), (10, $$did('V', where price > 100, within '30 days')$$), (11, $$did not('V', where price > 500)$$),
    (12, $$last('V') within '8 hours'$$), (13, $$first('V') older than '4 weeks'$$)) AS c (id, condition) ORDER BY h.name, c.id;
SET mhub.time_zone = 'Asia/Shanghai';
-- In Shanghai it is the 31st already, and 17:00Z was on the 31st too.
SELECT mhub.matches(profile, $$did('V', exactly 1 times, within '1 day')$$, '2026-01-30 18:30:00Z') AS items_of_the_31st, mhub.matches('{"d": "2026-01-31"}', $$d before '2026-01-31T00:00:01+08:00'$$) AS local_midnight FROM history WHERE name = 'items';
RESET mhub.time_zone;
-- Explain: what was found, what was expected, and why something is unknown.
SELECT * FROM mhub.explain('{"age": "35", "city": "上海", "tags": ["考研"], "when": "soon", "v": "latest", "$events": {"V": {"count": 3, "last_at": "2026-01-30T17:00:00Z"}}}',
    $$(age >= 30 or level = 3) and city is not '北京' and tags has '考研' and a.b < c and when before '2026-01-01' and v version > '1.0' and not in segment 'vip' and did('V', where x = 1) and last('V') within '1 hour' and last('W') within '1 hour' and any tags where (@ starts with '考')$$,
    '2026-01-30 17:30:00Z');

-- Folded inside any and where: elements of arrays and properties of events, next to what is not folded.
SELECT condition, count(*) FILTER (WHERE mhub.matches(p.profile, condition::mhub.condition)) AS matching
FROM generate_series(1, 300) AS n
CROSS JOIN LATERAL (SELECT jsonb_build_object('items', jsonb_build_array(jsonb_build_object('city', 'ＡＢ' || n, 'tags', '["Ｘ", "y"]'::jsonb)), '$events', jsonb_build_object('V', jsonb_build_object('count', 1, 'items', jsonb_build_array(jsonb_build_object('at', '2026-01-01T00:00:00Z', 'properties', jsonb_build_object('city', 'ＡＢ' || n))))))) AS p (profile)
CROSS JOIN unnest(ARRAY[$$any items where (other = 'ab7' folded or city in ('ab5', 'x') folded)$$, $$any items where (city < 'ab2' folded and city starts with 'a' folded)$$, $$any items where (tags has 'x' folded and city = 'ab9' folded)$$, $$did('V', where city between 'ab1' and 'ab10' folded)$$]) AS condition
GROUP BY condition ORDER BY condition COLLATE "C";

-- Numbers compare as numeric does, few digits and many: 3,000 random pairs, and each with itself.
SELECT setseed(0.31);
CREATE TEMP TABLE number AS SELECT n, (CASE WHEN random() < 0.1 THEN 0 ELSE round((random() - 0.5)::numeric * 10.0 ^ (random() * 24 - 2)::integer, (random() * 12)::integer - 4) END) AS x FROM generate_series(1, 3000) AS n;
SELECT count(*) AS pairs, count(*) FILTER (WHERE mhub.matches(jsonb_build_object('a', p.x), format('a < %s', q.x)::mhub.condition) <> (p.x < q.x)) AS wrong_order,
       count(*) FILTER (WHERE mhub.matches(jsonb_build_object('a', p.x), format('a = %s', p.x)::mhub.condition) IS NOT TRUE) AS unlike_itself,
       count(*) FILTER (WHERE mhub.matches(jsonb_build_object('a', p.x), format('a != %s', p.x + 0.00000001)::mhub.condition) IS NOT TRUE) AS like_another
FROM number AS p JOIN number AS q ON q.n = p.n % 3000 + 1;

-- Windows of days and months are the calendar's, in the hub's time zone, across clock changes and ends of months.
CREATE FUNCTION pg_temp.wrong_windows(zone text) RETURNS bigint LANGUAGE plpgsql AS $$
BEGIN
    PERFORM set_config('mhub.time_zone', zone, true);
    RETURN (SELECT count(*) FROM generate_series(1, 1500) AS n
        CROSS JOIN LATERAL (SELECT '2024-01-01'::timestamptz + random() * '3 years'::interval AS at, (ARRAY['1 day', '7 days', '1 month', '2 months 3 days', '1 year'])[1 + n % 5] AS span) AS w
        CROSS JOIN LATERAL (SELECT ((w.at AT TIME ZONE zone) - w.span::interval)::date AS after_day, (w.at AT TIME ZONE zone)::date AS last_day) AS d
        CROSS JOIN LATERAL (VALUES (d.after_day), (d.after_day + 1), (d.last_day), (d.last_day + 1)) AS e (day)
        WHERE mhub.matches(jsonb_build_object('$events', jsonb_build_object('V', jsonb_build_object('count', 1, 'days', jsonb_build_object(to_char(e.day, 'YYYY-MM-DD'), 1)))),
                           format('did(''V'', within %L)', w.span)::mhub.condition, w.at) <> (e.day > d.after_day AND e.day <= d.last_day));
END $$;
SELECT z AS zone, pg_temp.wrong_windows(z) AS wrong FROM unnest('{UTC,Asia/Shanghai,America/New_York,America/Sao_Paulo,Pacific/Apia}'::text[]) AS z;
RESET mhub.time_zone;

-- JsonLogic of rule builders.
SELECT logic, mhub.from_jsonlogic(logic) FROM (VALUES
    ('{"and": [{">=": [{"var": "age"}, 30]}, {"in": [{"var": "city"}, ["上海", "北京"]]}]}'::jsonb), ('{"<=": [18, {"var": "age"}, 30]}'), ('{"<": [30, {"var": "age"}]}'), ('{"or": [{"==": [{"var": "vip"}, true]}, {"!==": [{"var": "level"}, "gold"]}]}'),
    ('{"!": {"in": ["考研", {"var": "interests"}]}}'), ('{"==": [{"var": "email"}, null]}'), ('{"!=": [{"var": "email"}, null]}'), ('{"==": [{"var": "a.b"}, {"var": "c"}]}'), ('{"some": [{"var": "items"}, {">": [{"var": "price"}, 100]}]}'),
    ('{"none": [{"var": "scores"}, {"<": [{"var": ""}, 60]}]}'), ('{"startsWith": [{"var": "name"}, "张"]}'), ('true')) AS v (logic);
CREATE FUNCTION pg_temp.refusal(logic jsonb) RETURNS text LANGUAGE plpgsql AS $$
DECLARE message text; hint text;
BEGIN
    RETURN mhub.from_jsonlogic(logic);
EXCEPTION WHEN OTHERS THEN
    GET STACKED DIAGNOSTICS message = MESSAGE_TEXT, hint = PG_EXCEPTION_HINT;
    RETURN format('%s: %s %s', SQLSTATE, message, hint);
END $$;
SELECT logic, pg_temp.refusal(logic) FROM (VALUES ('{"if": [true, 1, 2]}'::jsonb), ('{">": [{"+": [{"var": "a"}, 1]}, 2]}'), ('{"==": [1, 1]}'), ('{"and": []}'), ('[1]'), ('{"in": [1, 2]}'), ('{"var": "vip"}')) AS v (logic);

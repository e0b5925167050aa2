-- The type mhub.condition: both notations, canonical text, casts, errors with positions, limits.
-- Every condition prints as text that reads back to itself, and survives the way through jsonb.
CREATE TEMP TABLE sample (id integer GENERATED ALWAYS AS IDENTITY, written text, condition mhub.condition);
INSERT INTO sample (written, condition) SELECT w, w::mhub.condition FROM (VALUES
    ($$age >= 30$$), ($$ age>=30 AND city IN('上海' , '北京') $$), ($$城市 = '上海'$$), ($$"first name" != 'O''Brien'$$),
    ($$a = 1 or b = 2 and not c = 3$$), ($$(a = 1 or b = 2) and not (c = 3 or d = 4)$$), ($$not not a = true$$),
    ($$unless (a = 1 and b <> 2)$$), ($$a is 'x'$$), ($$a is not 'x'$$), ($$a is not in (1, 2.50, -3e2)$$), ($$a not in ('x')$$),
    ($$a between 1 and 2 and b between 'a' and 'z'$$), ($$tags has '考研' and tags has any ('a', 'b') and tags has all ('a') and tags has none (1)$$),
    ($$a exists or b is missing or c is null or d is not missing$$), ($$name starts with '张' and name ends with '三' and name contains '小'$$),
    ($$city = 'ＢＥＩＪＩＮＧ' folded or city in ('a', 'b') folded$$), ($$ua matches '(?i)mobile|tablet'$$), ($$app version >= 'v2.10.0-rc.1'$$),
    ($$signup before '2026-01-31' or signup after now() - '3 days' or signup after now()$$),
    ($$signup within '1 year 14 months 2 weeks 90 minutes' or due within next '7 days' or signup older than '36 hours'$$),
    ($$ip in network '10.0.0.0/8' or ip in network ('192.168.0.0/16', '2001:db8::/32')$$), ($$a.b.0.c < d.e$$), ($$"a.b"."and" = 1 and "or" exists$$),
    ($$in segment 'vip' and not in segment '学生'$$), ($$did('Order Completed')$$),
    ($$did('Product Viewed', at least 2 times, within '30 days', where category = '考研' and price > 100)$$),
    ($$did not('Order Completed', within '30 days')$$), ($$did('X', exactly 3 times) or did('X', at most 0 times) or did('X', between 2 and 5 times)$$),
    ($$last('Order Completed') older than '90 days' and first('Page Viewed') within '1 day'$$), ($$any items where (price > 100 and name contains '课')$$),
    ($$any scores where (@ >= 90)$$), ($$true or false$$), ($$"$events"."Order Completed".value >= 500.00$$), ($$"$odd" = 1$$),
    ($${"age": {"$gte": 30, "$lt": 40}, "city": "上海"}$$), ($${"$or": [{"a": 1}, {"$nor": [{"b": 2}, {"c": {"$exists": false}}]}]}$$),
    ($${"tags": {"$elemMatch": {"$eq": "考研"}}, "nums": {"$elemMatch": {"$gt": 3, "$lt": 9}}}$$), ($${"a": null, "b": {"$ne": null}}$$),
    ($${"name": {"$not": {"$regex": "^x"}}, "a.b": {"$nin": [1, "x"]}}$$), ($${"v": {"$veq": "1.2.3"}, "x": {"$eq": {"$path": "y.z"}}}$$),
    ($${"t": {"$after": {"$now": "-2 days"}}, "city": {"$in": ["ab", "Ｃ"], "$fold": true}}$$), ($${"\"a.b\".c": 1, "\u57ce\u5e02": "\ud83d\ude00"}$$), ($${}$$), ($${"$never": true}$$)
    ) AS v (w);
SELECT condition FROM sample ORDER BY id;
SELECT id, written FROM sample WHERE condition::text::mhub.condition OPERATOR(mhub.<>) condition;
SELECT id, written, condition::jsonb FROM sample WHERE condition::jsonb::mhub.condition OPERATOR(mhub.<>) condition;
SELECT condition::jsonb FROM sample WHERE id IN (2, 10, 11, 20, 27, 30, 31, 35, 42) ORDER BY id;
SELECT count(*) = count(DISTINCT condition) AS all_different FROM sample;

-- Errors: where, and what was expected there.
CREATE FUNCTION pg_temp.refusal(written text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE message text; detail text;
BEGIN
    PERFORM written::mhub.condition;
    RETURN 'accepted';
EXCEPTION WHEN OTHERS THEN
    GET STACKED DIAGNOSTICS message = MESSAGE_TEXT, detail = PG_EXCEPTION_DETAIL;
    RETURN format('%s: %s / %s', SQLSTATE, message, detail);
END $$;
SELECT written, pg_temp.refusal(written) FROM (VALUES
    (''), ('age'), ('age >='), ('age >= 30 city = 1'), ('age >= 30 and'), ('(age >= 30'), ('年龄 >= 三十 and x ~ 1'), ('a = ''open'), ('a = "open'), ('a = null'),
    ('a is not null'), ('a in ()'), ('a in (1,'), ('a < true'), ('a between 1 and ''z'''), ('a matches ''[('''), ('a within ''soon'''), ('a before ''31.01.2026'''),
    ('a in network ''10.0.0.0/33'''), ('a version = ''latest'''), ('a = 1 and ua  matches ''(x'''), ('ua matches ''x'' folded'), ('did(''X'', at least two times)'), ('did(''X'', within ''3 days'', within ''4 days'')'), ('did(''X'', between 5 and 2 times)'),
    ('a exists folded'), ('a..b = 1'), ('and = 1'), ('a = 1e400'), ('in segment vip'), ('any x where @ > 1'), ('last(''X'') > 3'), ('a = 1 -- comment'), ('a = 1; DROP TABLE x'),
    ('{"a": 1, "a": 2}'), ('{"a": {"b": 1}}'), ('{"a": {"$gt": [1]}}'), ('{"a": [1]}'), ('{"$and": []}'), ('{"a": 1'), ('{"a": 01}'), ('[1]'), ('{"a": {"$in": []}}'), ('{"a": "\ud800"}'), ('{"$foo": 1}'),
    ('{"$did": {"event": "X", "times": 3}}'), ('{"a": {"$fold": true}}')) AS v (written);
-- A duplicate key is hidden by jsonb itself, so only text can be refused for it.
SELECT '{"a": 1, "a": 2}'::jsonb::mhub.condition;
-- Limits: no recursion bomb, no huge text; long lists are fine.
SELECT pg_temp.refusal(repeat('(', 100000)), pg_temp.refusal(repeat('not ', 100) || 'a = 1'), pg_temp.refusal(repeat('{"$not":', 100000)) , pg_temp.refusal(repeat('{"$not":', 70) || '{}' || repeat('}', 70)),
    pg_temp.refusal(repeat('[', 100000)), pg_temp.refusal('a = ''' || repeat('x', 1024 * 1024) || ''''), pg_temp.refusal(repeat('a.', 16) || 'a = 1');
SELECT pg_temp.refusal(repeat('(', 60) || 'a = 1' || repeat(')', 60)) AS deep_enough, pg_temp.refusal('a in (' || string_agg(n::text, ',') || ')') AS long_list FROM generate_series(1, 50000) AS n;

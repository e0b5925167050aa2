-- What conditions say about each other, without a profile.
SELECT given, wanted, mhub.condition_implies(given::mhub.condition, wanted::mhub.condition) AS implies, mhub.condition_implies(wanted::mhub.condition, given::mhub.condition) AS back
FROM (VALUES ('age >= 35', 'age > 30'), ('age = 35', 'age between 30 and 39'), ('age >= 30 and age < 40', 'age between 30 and 40'), ($$city = '上海'$$, $$city in ('上海', '北京')$$), ($$city in ('a', 'b')$$, $$city is not 'c'$$),
    ($$city in ('a', 'b')$$, $$city != 'c'$$), ('age > 30', 'age exists'), ('age > 30', 'age != 30'), ('age > 30', $$age != 'x'$$), ('a = 1 and b = 2', 'b = 2'), ('a = 1', 'a = 1 or b = 2'), ('a = 1 or a = 2', 'a in (1, 2, 3)'), ($$t has all ('x', 'y')$$, $$t has any ('y', 'z')$$),
    ($$t has 'x'$$, $$t exists$$), ('true', 'a = 1'), ('false', 'a = 1'), ($$did('X')$$, $$did('X')$$), ($$did('X', at least 3 times, where a = 1)$$, $$did('X', at least 2 times, where a = 1)$$), ($$did('X', at least 3 times, where a = 1)$$, $$did('X', at least 2 times, where a = 2)$$), ($$did('X', exactly 2 times, within '7 days')$$, $$did('X', between 1 and 3 times, within '7 days')$$), ($$v version = '1.2'$$, $$v version >= '1.0'$$), ($$name starts with '张'$$, $$name exists$$), ($$name = '张三'$$, $$name starts with '张'$$), ('a is not 1', 'a != 1'), ('a < b', 'a exists')) AS v (given, wanted);
SELECT condition, mhub.condition_never(condition::mhub.condition) AS never
FROM (VALUES ('age < 10 and age > 60'), ('age <= 10 and age >= 10'), ('age < 10 and age >= 10'), ($$age < 10 and age = 'x'$$), ('a = 1 and a = 2'), ('a in (1, 2) and a in (2, 3)'), ('a in (1, 2) and a > 2'), ('a is missing and a = 1'), ('a is missing and a is not 1'),
    ('a = 1 and not a = 1'), ('a = 1 and unless a = 1'), ('false or a = 1 and a = 2'), ('true'), ('a between 5 and 1'), ($$any x where (@ > 3 and @ < 2)$$), ('a = 1 or a != 1'), ($$city = 'a' and city matches 'b'$$), ($$did('X', at least 3 times) and did('X', at most 2 times)$$), ($$did('X', at least 3 times) and did not('X')$$), ($$did('X', at least 3 times) and did not('Y')$$), ('age > 30 and not age > 20')) AS v (condition);
-- Neither ever claims too much: 137 predicates, alone and in pairs, on 216 profiles.
CREATE TEMP TABLE predicate AS SELECT row_number() OVER () AS id, p::mhub.condition AS condition FROM (
    SELECT format('x %s %s', op, v) FROM unnest('{=,!=,is not,<,<=,>,>=}'::text[]) AS op, unnest('{1,2,2.5,3}'::text[]) AS v
    UNION ALL SELECT format('x %s %s', op, v) FROM unnest('{=,!=,is not,<,>=}'::text[]) AS op, unnest('{''a'',''b'',''ab''}'::text[]) AS v
    UNION ALL SELECT format('x %s (%s)', op, v) FROM unnest('{in,not in,is not in}'::text[]) AS op, unnest(ARRAY['1, 2', '2, 3', $$'a', 2$$, $$'a', 'b'$$]) AS v
    UNION ALL SELECT format('x between %s', v) FROM unnest(ARRAY['1 and 2', '2 and 3', '3 and 1', $$'a' and 'b'$$]) AS v
    UNION ALL SELECT format('x %s', v) FROM unnest(ARRAY['exists', 'is missing', 'is null', $$starts with 'a'$$, $$contains 'b'$$, $$matches 'a'$$, 'has 1', $$has any (1, 'a')$$, $$has all (1, 2)$$, 'has none (1)', 'has none (3)', '= y', '< y', 'is not y', $$= 'A' folded$$, $$in ('A', 'b') folded$$]) AS v
    UNION ALL SELECT unnest(ARRAY['true', 'false', 'y = 1', 'y > 2', $$did('E')$$, $$did not('E')$$, $$did('E', at least 2 times)$$, $$did('E', at most 1 time)$$, $$did('E', between 2 and 4 times)$$, $$did('E', exactly 3 times)$$, $$not did('E', at least 2 times)$$, 'not x > 1', 'unless x in (1, 2)'])) AS t (p);
CREATE TEMP TABLE sample AS SELECT row_number() OVER () AS id, x.doc || y.doc || e.doc AS profile FROM unnest(ARRAY['{}', '{"x": null}', '{"x": true}', '{"x": 1}', '{"x": 2}', '{"x": 2.25}', '{"x": 2.5}', '{"x": 3}', '{"x": 4}', '{"x": "a"}', '{"x": "A"}', '{"x": "ab"}', '{"x": "b"}', '{"x": ""}', '{"x": [1]}', '{"x": [1, 2, "a"]}', '{"x": []}', '{"x": {"z": 1}}']::jsonb[]) AS x (doc),
    unnest(ARRAY['{}', '{"y": 1}', '{"y": 3}', '{"y": "a"}']::jsonb[]) AS y (doc), unnest(ARRAY['{}', '{"$events": {"E": {"count": 1}}}', '{"$events": {"E": {"count": 3}}}']::jsonb[]) AS e (doc);
CREATE TEMP TABLE truth AS SELECT p.id, array_agg(coalesce(mhub.matches(s.profile, p.condition), false) ORDER BY s.id) AS holds FROM predicate AS p, sample AS s GROUP BY p.id;
CREATE TEMP TABLE compound AS
    SELECT p.condition, t.holds FROM predicate AS p JOIN truth AS t USING (id)
    UNION ALL
    SELECT format('(%s) %s (%s)', a.condition, word, b.condition)::mhub.condition, (SELECT array_agg(CASE word WHEN 'and' THEN x AND y ELSE x OR y END ORDER BY n) FROM unnest(ta.holds, tb.holds) WITH ORDINALITY AS u (x, y, n))
    FROM predicate AS a JOIN truth AS ta USING (id), predicate AS b JOIN truth AS tb USING (id), unnest('{and,or}'::text[]) AS word WHERE a.id % 5 = 0 AND b.id % 7 = 3;
SELECT count(*) > 400 AS many, count(*) FILTER (WHERE mhub.condition_never(condition)) > 20 AS some_never, count(*) FILTER (WHERE mhub.condition_never(condition) AND true = ANY (holds)) AS wrong FROM compound;
SELECT count(*) > 30000 AS many, count(*) FILTER (WHERE implies) > 2000 AS some_implied, count(*) FILTER (WHERE implies AND wrong) AS wrong
FROM (SELECT mhub.condition_implies(c.condition, p.condition) AS implies, EXISTS (SELECT FROM unnest(c.holds, t.holds) AS u (given, wanted) WHERE given AND NOT wanted) AS wrong FROM compound AS c, predicate AS p JOIN truth AS t USING (id)) AS x;

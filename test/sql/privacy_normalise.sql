-- Normalisers: one spelling for each address, number and id.
-- psql's versions disagree on the width of invisible characters.
\pset format unaligned
BEGIN;
SELECT mhub.install() > 0 AS applied;

SELECT spelling, mhub.normalise(spelling, 'email') AS email FROM (VALUES
    (1, 'Li.Wei@Example.COM'), (2, E'  li.wei@example.com\t\r\n'), (3, 'ｌｉ．ｗｅｉ＠ｅｘａｍｐｌｅ．ｃｏｍ'),
    (4, U&'\3000li.wei@example.com\00a0'), (5, U&'\FEFFli.wei@example.com'), (6, '李伟@例子.中国'), (7, 'JOSÉ@EXAMPLE.COM'), (8, 'ИВАН@ПОЧТА.РФ'),
    (9, U&'jose\0301@example.com'), (10, 'ŻÓŁĆ@EXAMPLE.PL'), (11, 'ΝΊΚΟΣ@EXAMPLE.GR'),
    (20, ''), (21, '   '), (22, 'li.wei'), (23, '@example.com'), (24, 'li@'), (25, 'a@b@c'), (26, 'li wei@example.com'),
    (27, U&'li\200Bwei@example.com'), (28, U&'li\00ADwei@example.com'), (29, '<li.wei@example.com>'), (30, 'mailto:li.wei@example.com'), (31, 'li.wei@example.com;'),
    (40, 'NGUYỄN.ĐỨC@EXAMPLE.VN'), (41, 'LǙ.ǑU@EXAMPLE.CN'), (42, 'ҐАННА@ПОШТА.УКР'), (43, 'ƠƯ@X.VN')) AS v (n, spelling)
ORDER BY n;
SELECT mhub.normalise(repeat('x', 248) || '@e.com', 'email') IS NOT NULL AS as_long_as_allowed, mhub.normalise(repeat('x', 249) || '@e.com', 'email') IS NULL AS too_long;

SELECT spelling, mhub.normalise(spelling, 'phone') AS phone FROM (VALUES
    (1, '13800138000'), (2, '+8613800138000'), (3, '008613800138000'), (4, '+86 138-0013-8000'), (5, '１３８００１３８０００'),
    (6, '＋８６（138）0013 8000'), (7, '8613800138000'), (8, 'tel:+86-138-0013-8000'), (9, U&'\202A+86 138 0013 8000\202C'), (10, '138.0013.8000'),
    (11, '010-88888888'), (12, '(0755) 8888 8888'), (13, '+86 (0)10 8888 8888'), (14, '021 6888 8888'), (15, '86 10 6888 8888'), (16, '86-755-2677-1234'), (17, '86 010 6888 8888'),
    (20, '+44 (0)20 7946 0018'), (21, '+442079460018'), (22, '0044 020 7946 0018'), (23, '+1 (415) 555-2671'), (24, '+852 2123 4567'), (25, '+886 0912 345 678'),
    (26, '+39 06 6982 1234'), (27, '+7 912 345-67-89'),
    (30, ''), (31, 'abc'), (32, '1380013800'), (33, '138001380001'), (34, '+861380013800'), (35, '+999 123456789'), (36, '+86'), (37, '138-0013-8000 转 12'),
    (38, '12345'), (39, '+1 115 555 2671'), (40, '13800138000/13900139000'), (41, '138+00138000')) AS v (n, spelling)
ORDER BY n;

-- National numbers are those of mhub.default_country.
SELECT country, mhub.normalise(spelling, 'phone') AS phone
FROM (VALUES ('us', '(415) 555-2671'), ('US', '1 415 555 2671'), ('US', '011 86 138 0013 8000'), ('GB', '020 7946 0018'), ('RU', '8 912 345-67-89'),
             ('HU', '06 1 234 5678'), ('IT', '06 6982 1234'), ('JP', '090-1234-5678'), ('JP', '010 86 138 0013 8000'), ('SG', '9123 4567'),
             ('HK', '2123 4567'), ('', '13800138000'), ('', '+8613800138000')) AS v (country, spelling),
     LATERAL (SELECT set_config('mhub.default_country', country, true)) AS setting
WHERE setting IS NOT NULL;
SAVEPOINT s;
SET mhub.default_country = 'ZZ';
ROLLBACK TO s;
RESET mhub.default_country;

-- A normalised value stays as it is.
SELECT count(*) AS numbers, count(*) FILTER (WHERE again IS DISTINCT FROM once) AS changed_by_a_second_time
FROM (SELECT mhub.normalise('+' || n, 'phone') AS once, mhub.normalise(mhub.normalise('+' || n, 'phone'), 'phone') AS again
      FROM generate_series(1000000000, 99999999999, 98765431) AS n) AS numbers WHERE once IS NOT NULL;

-- Lower case and NFKC agree with PostgreSQL's own on the scripts that are folded.
SELECT count(*) AS characters, count(*) FILTER (WHERE ours IS DISTINCT FROM theirs) AS different
FROM (SELECT mhub.normalise(chr(c) || '@x', 'email') AS ours, normalize(lower(normalize(chr(c), NFKC) COLLATE "C.utf8"), NFC) || '@x' AS theirs
      FROM generate_series(33, 7935) AS c
      WHERE chr(c) !~ '[]@<>()[,;:"\\]' AND c NOT BETWEEN 127 AND 160 AND c NOT IN (173, 304, 376, 1231)
        AND (c < 384 OR c BETWEEN 416 AND 421 OR c BETWEEN 461 AND 496 OR c BETWEEN 902 AND 1366 OR c BETWEEN 7680 AND 7935)
        AND normalize(chr(c), NFKC) !~ '[[:space:]]' AND c NOT BETWEEN 975 AND 1023) AS v;

SELECT mhub.normalise(repeat('1', 100), 'phone') IS NULL AND mhub.normalise(repeat('１', 100000), 'phone') IS NULL AS too_long;
-- The table of ours is also right where PostgreSQL's lower() gives two characters.
SELECT mhub.normalise('İ@x', 'email') AS dotted, mhub.normalise('ẞ@x', 'email') AS sharp;
SELECT mhub.normalise(E' \t id 1 \n', 'exact') AS exact, mhub.normalise(' ＡbÉ ', 'lower') AS lower, mhub.normalise(U&'\3000上海\3000', 'exact') AS chinese, mhub.normalise(' ', 'exact') IS NULL AND mhub.normalise('', 'lower') IS NULL AS empty_is_none, mhub.normalise(NULL, 'email') IS NULL AS null_is_null;
SAVEPOINT s;
SELECT mhub.normalise('x', 'telex');
ROLLBACK TO s;
ROLLBACK;

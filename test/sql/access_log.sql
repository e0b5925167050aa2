-- Reading access logs: what becomes an event, what is kept aside.
BEGIN;
SELECT mhub.install() > 0 AS applied;
CREATE TEMP TABLE line (n integer, line text);
INSERT INTO line VALUES
    (1, '198.18.0.1 - - [22/Jan/2019:03:56:14 +0330] "GET /course/7?utm_source=baidu&utm_medium=cpc HTTP/1.1" 200 512 "https://www.baidu.com/s?wd=x" "Mozilla/5.0 (Windows NT 10.0) Chrome/71.0" "-"'),
    (2, '198.18.0.1 - - [22/Jan/2019:03:56:15 +0330] "GET /image/7.png HTTP/1.1" 200 512 "https://shop.example.com/course/7" "Mozilla/5.0 (Windows NT 10.0) Chrome/71.0"'),
    (3, '2001:db8::7 - 会员七 [29/Feb/2020:23:59:60 +0000] "POST /login HTTP/1.1" 302 - "-" "Agent with \"quotes\" and \\ backslash"'),
    -- the same line twice within a second is two requests
    (4, '198.18.0.2 - - [01/Mar/2020:00:00:00 -0100] "GET /%E8%80%83%E7%A0%94 HTTP/2.0" 200 5 "-" "Mozilla/5.0 \xE4\xB8\xAD\xE6\x96\x87"'),
    (5, '198.18.0.2 - - [01/Mar/2020:00:00:00 -0100] "GET /%E8%80%83%E7%A0%94 HTTP/2.0" 200 5 "-" "Mozilla/5.0 \xE4\xB8\xAD\xE6\x96\x87"'),
    (6, '198.18.0.3 - - [01/Mar/2020:00:00:01 +0000] "GET /a b c HTTP/1.1" 404 5 "-" "-"'),
    (7, '198.18.0.3 - - [01/Mar/2020:00:00:01 +0000] "GET /x HTTP/1.1" 304 - "-" "\xff broken escape stays as it is"'),
    -- bad ones
    (20, 'no log line'),
    (21, '198.18.0.3 - - [31/Feb/2020:00:00:01 +0000] "GET / HTTP/1.1" 200 5 "-" "-"'),
    (22, '198.18.0.3 - - [01/Mar/2020:00:00:01 +0000] "\x16\x03\x01" 400 5 "-" "-"'),
    (23, '198.18.0.3 - - [01/Mar/2020:00:00:01 +0000] "GET / HTTP/1.1" 200 5 "-" "never closed'),
    (24, '198.18.0.3 - - [01/Mar/2020:00:00:01 +0000] "GET / HTTP/1.1" 200 5'),
    (25, '198.18.0.3 - - [01/Mar/2020:00:00:01 +0000] "GET / HTTP/1.1" abc 5 "-" "-"'),
    (26, '- - - [01/Mar/2020:00:00:01 +0000] "GET / HTTP/1.1" 200 5 "-" "-"'),
    (27, '198.18.0.3 - - [01/Mar/2020:00:00:01 +0000] "GET / HTTP/1.1'),
    (28, '');
SET LOCAL timezone = 'UTC';
SET LOCAL datestyle = 'ISO';
SELECT * FROM mhub.load_access_log((SELECT array_agg(line ORDER BY n) FROM line));

SELECT e.type, e.name, e.occurred_at AT TIME ZONE 'UTC' AS at, e.source, e.medium, e.properties, i.kind
FROM mhub.event AS e JOIN mhub.identifier AS i USING (identifier_id) ORDER BY e.occurred_at, e.name, e.event_id;
SELECT user_agent FROM mhub.event GROUP BY user_agent ORDER BY user_agent COLLATE "C";
SELECT source, reason, detail, raw FROM mhub.rejected ORDER BY rejected_id;

-- Again: only duplicates (the bad lines are kept again). NULL elements are skipped, NULL gives NULL.
SELECT lines_read, events, duplicates, rejected FROM mhub.load_access_log((SELECT array_agg(line ORDER BY n) FROM line), 'shop.example.com');
SELECT * FROM mhub.load_access_log(ARRAY[NULL]::text[]);
SELECT mhub.load_access_log(NULL::text[]) IS NULL AS null_in_null_out;
ROLLBACK;

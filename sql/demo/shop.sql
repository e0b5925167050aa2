-- A SIMULATED shop, so that mhub has something to show: thirty days (March 2025) of an online school that sells courses.
-- Deterministic: every choice comes from a hash, none from random(). Nothing here is real data.
--
-- 1,500 visitors come from seven sources on up to three devices (phone in WeChat, desktop, mini-program), some log in,
-- some order, a few get their money back; crawlers and a tester come too. Every event goes in as a Segment message
-- through mhub.ingest(), as an SDK would send it.
\set ON_ERROR_STOP on
\set QUIET on
SET client_min_messages = warning;

-- 0 <= chance < 1, the same for the same words on every machine
CREATE FUNCTION pg_temp.chance(VARIADIC words text[]) RETURNS double precision LANGUAGE sql IMMUTABLE AS $$
    SELECT ('x' || left(md5(array_to_string(words, '/')), 8))::bit(32)::bigint / 4294967296.0::double precision
$$;

CREATE TEMP TABLE way_in (way text, share double precision, query text, referrer text, device text, buys double precision);
INSERT INTO way_in VALUES
    ('baidu paid',    0.22, 'utm_source=baidu&utm_medium=cpc&utm_campaign=spring-exam&utm_term=考研&bd_vid=%s', 'https://www.baidu.com/baidu.php?url=x', 'desktop', 0.09),
    ('wechat feed',   0.20, 'utm_source=wechat&utm_medium=paid_social&utm_campaign=moments-march&gdt_vid=%s', NULL, 'phone', 0.05),
    ('douyin feed',   0.16, 'utm_source=douyin&utm_medium=paid_social&utm_campaign=short-video&clickid=%s', 'https://www.douyin.com/', 'phone', 0.03),
    ('baidu organic', 0.15, NULL, 'https://www.baidu.com/s?wd=%%E8%%80%%83%%E7%%A0%%94', 'desktop', 0.08),
    ('zhihu',         0.09, NULL, 'https://www.zhihu.com/question/60312', 'desktop', 0.07),
    ('newsletter',    0.08, 'utm_source=newsletter&utm_medium=email&utm_campaign=weekly-10', NULL, 'desktop', 0.14),
    ('direct',        0.10, NULL, NULL, 'desktop', 0.06);

CREATE TEMP TABLE visitor AS
    SELECT n, CASE WHEN pg_temp.chance('sex', n::text) < 0.5 THEN 'f' ELSE 'm' END AS sex,
           18 + floor(pg_temp.chance('age', n::text) * 25)::integer AS age,
           (ARRAY['上海', '北京', '广州', '成都', '武汉'])[1 + floor(pg_temp.chance('city', n::text) * 5)::integer] AS city,
           timestamptz '2025-03-01 08:00+08' + pg_temp.chance('start', n::text) * interval '25 days' AS started_at,
           pg_temp.chance('login', n::text) < 0.45 AS logs_in
    FROM generate_series(1, 1500) AS n;

-- Each visitor comes one to four times; the way in is drawn anew each time.
CREATE TEMP TABLE visit AS
    SELECT v.*, k AS visit_number, way.*,
           v.started_at + (k - 1) * (interval '7 hours' + pg_temp.chance('pause', v.n::text, k::text) * interval '40 hours') AS at,
           CASE way.device WHEN 'phone' THEN 'p-' ELSE 'd-' END || v.n AS cookie
    FROM visitor AS v
    CROSS JOIN LATERAL generate_series(1, 1 + floor(pg_temp.chance('visits', v.n::text) ^ 2 * 4)::integer) AS k
    CROSS JOIN LATERAL (
        SELECT w.way, w.query, w.referrer, w.device, w.buys
        FROM (SELECT *, sum(share) OVER (ORDER BY way) AS upto FROM way_in) AS w
        WHERE w.upto > pg_temp.chance('way', v.n::text, k::text) ORDER BY w.upto LIMIT 1) AS way;

CREATE TEMP TABLE message AS
WITH base AS (
    SELECT *, format('visit-%s-%s', n, visit_number) AS id,
        CASE device
            WHEN 'phone' THEN 'Mozilla/5.0 (Linux; Android 13; V2218A) AppleWebKit/537.36 (KHTML, like Gecko) Version/4.0 Chrome/116.0.0.0 Mobile Safari/537.36 MicroMessenger/8.0.47.2560(0x28002F30) WeChat/arm64 NetType/5G Language/zh_CN'
            ELSE 'Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/122.0.0.0 Safari/537.36' END AS agent,
        format('https://shop.example.com/%s', CASE WHEN way IN ('wechat feed', 'douyin feed') THEN 'landing-a' WHEN way LIKE 'baidu%' THEN 'landing-b' ELSE '' END)
            || coalesce('?' || format(query, md5(n::text || visit_number::text)), '') AS landing,
        pg_temp.chance('buy', n::text, visit_number::text) < buys * (1 + visit_number * 0.5) AS orders,
        199 + 100 * floor(pg_temp.chance('price', n::text, visit_number::text) * 9)::numeric AS price
    FROM visit
), step AS (
    SELECT base.*, s.* FROM base CROSS JOIN LATERAL (VALUES
        ('land', interval '0', 'page', 'Landing', landing, format(referrer), '{}'::jsonb, true),
        ('view', interval '50 seconds', 'track', 'Product Viewed', 'https://shop.example.com/course/exam', landing,
            jsonb_build_object('product_id', 'exam', 'category', '考研', 'price', price), pg_temp.chance('view', n::text, visit_number::text) < 0.6),
        ('lead', interval '3 minutes', 'track', 'Lead Submitted', 'https://shop.example.com/form', landing,
            jsonb_build_object('form', 'trial lesson'), pg_temp.chance('lead', n::text, visit_number::text) < 0.12),
        ('login', interval '4 minutes', 'identify', NULL, landing, NULL,
            jsonb_build_object('age', age, 'sex', sex, 'city', city), logs_in AND (visit_number > 1 OR orders)),
        ('order', interval '6 minutes', 'track', 'Order Completed', 'https://shop.example.com/paid', landing,
            jsonb_build_object('order_id', 'order-' || id, 'revenue', price, 'currency', 'CNY'), orders),
        ('refund', interval '3 days', 'track', 'Order Refunded', 'https://shop.example.com/refund', NULL,
            jsonb_build_object('order_id', 'order-' || id, 'total', price, 'currency', 'CNY'),
            orders AND pg_temp.chance('refund', n::text, visit_number::text) < 0.08)
    ) AS s (step, later, type, event, url, referring, details, happens)
    WHERE s.happens
)
SELECT at + later AS at, id || '-' || step AS message_id,
    jsonb_strip_nulls(jsonb_build_object(
        'type', type, 'messageId', id || '-' || step, 'timestamp', to_json(at + later), 'anonymousId', cookie,
        'userId', CASE WHEN step IN ('login', 'order', 'refund') AND logs_in THEN 'member-' || n END,
        'event', CASE WHEN type = 'track' THEN event END, 'name', CASE WHEN type = 'page' THEN event END,
        'properties', CASE WHEN type <> 'identify' THEN details || jsonb_strip_nulls(jsonb_build_object('url', CASE WHEN type = 'page' THEN url END)) END,
        'traits', CASE WHEN type = 'identify' THEN details END,
        'context', jsonb_build_object('userAgent', agent, 'ip', format('198.18.%s.%s', n / 250, 1 + n % 250),
            'page', jsonb_strip_nulls(jsonb_build_object('url', url, 'referrer', referring))))) AS body
FROM step
UNION ALL
-- crawlers: 400 page views that must not count
SELECT at, 'crawler-' || k, jsonb_build_object('type', 'page', 'name', 'Landing', 'messageId', 'crawler-' || k, 'timestamp', to_json(at),
        'anonymousId', 'crawler-' || k % 7, 'properties', jsonb_build_object('url', 'https://shop.example.com/course/' || k),
        'context', jsonb_build_object('userAgent', (ARRAY[
            'Mozilla/5.0 (compatible; Baiduspider/2.0; +http://www.baidu.com/search/spider.html)',
            'Mozilla/5.0 (compatible; Googlebot/2.1; +http://www.google.com/bot.html)',
            'python-requests/2.31.0'])[1 + k % 3], 'ip', '198.18.200.' || 1 + k % 7))
FROM generate_series(1, 400) AS k, LATERAL (SELECT timestamptz '2025-03-01 00:00+08' + k * interval '100 minutes' AS at) AS t;

-- An SDK sends what it has collected; here in batches of 500, in order of time.
CREATE TEMP TABLE answer AS
    SELECT r.* FROM (
        SELECT jsonb_build_object('batch', jsonb_agg(body ORDER BY at, message_id)) AS payload
        FROM (SELECT *, (row_number() OVER (ORDER BY at, message_id) - 1) / 500 AS batch FROM message) AS m
        GROUP BY batch ORDER BY batch) AS p
    CROSS JOIN LATERAL mhub.ingest(p.payload) AS r;

-- What the advertising platforms charged, per day and campaign.
SELECT mhub.import_cost(jsonb_agg(jsonb_build_object('day', day::date, 'platform', platform, 'campaign', campaign, 'channel', channel,
        'impressions', clicks * 40, 'clicks', clicks, 'amount', clicks * price, 'currency', 'CNY')))
FROM generate_series(timestamp '2025-03-01', '2025-03-30', '1 day') AS day
CROSS JOIN (VALUES ('baidu', 'spring-exam', 'Paid Search', 41.50), ('wechat', 'moments-march', 'Paid Social', 19.80), ('douyin', 'short-video', 'Paid Social', 23.60))
    AS c (platform, campaign, channel, price)
CROSS JOIN LATERAL (SELECT 15 + floor(pg_temp.chance('clicks', platform, day::text) * 9)::integer AS clicks) AS k \g /dev/null

INSERT INTO mhub.goal (key, event_name, refund_event_names) VALUES ('order', 'Order Completed', '{Order Refunded}');

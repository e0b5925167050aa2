-- Addresses as they may be stored.
WITH sample (n, url) AS (VALUES
    (1, 'https://user:pw@example.com/?email=a%40b.c&token=xyz'),
    (2, 'https://example.com/reset-password/eyJhbGciOi.eyJzdWIi.sig'),
    (3, 'https://example.com/?q=%E8%80%83%E7%A0%94&page=2#top'),
    (4, 'https://example.com/?contact=13812345678&x=+86%20138-1234-5678&order=20240512345678'),
    (5, 'https://example.com/?%E6%89%8B%E6%9C%BA=1&wx_openid=o6_bm&User-Email=x&state=1'),
    (6, 'https://example.com/?id=11010519491231002X&bad=110105194912310021'),
    (7, 'https://example.com/?c=6222020200112233445&card=4111111111111111&n=4111111111111112&m=4111111111111111'),
    (8, 'https://example.com/?utm_id=13812345678&gad_campaignid=17345678901&utm_content=a@b.cn&gclid=Cj0KCQ'),
    (9, 'https://example.com/#/reset/AbCdEfGh12345678?token=1&a=2'),
    (10, 'https://example.com/#access_token=abc&state=2'),
    (11, 'https://example.com/u/zhang%40example.cn/orders'),
    (12, 'https://example.com/unsubscribe/how-to-unsubscribe'),
    (13, 'https://example.com/?a@b=1&empty=&token&email='),
    (14, 'mailto:zhang@example.cn'),
    (15, 'not a url'),
    (16, ''),
    (17, '/cart?phone=1'),
    (18, 'https://example.com/?mail=张三@例子.中国&名=值'),
    (19, 'https://example.com/?q=mail+me+at+a@b.cn+please'))
SELECT n, mhub.clean_url(url) FROM sample ORDER BY n;
-- Cut at 8 kB, never inside a character.
SELECT octet_length(mhub.clean_url('https://example.com/' || repeat('é', 10000))) BETWEEN 8190 AND 8192 AS cut;
SELECT mhub.clean_url(NULL) IS NULL AS null_stays_null;
-- Cleaning what is clean changes nothing.
SELECT count(*) AS changed_again
FROM generate_series(0, 300) AS g,
     LATERAL (SELECT mhub.clean_url(format('https://u%s@h.cn/%s/a?email=%s&k=1381234%s#t=eyJ%s.a.b', g, md5(g::text), g, 1000 + g, g)) AS once) AS o
WHERE mhub.clean_url(o.once) IS DISTINCT FROM o.once OR o.once IS NULL OR o.once LIKE '%138123%';
-- What is personal hides in other words, in full-width digits, in addresses within addresses, in paths and names.
WITH sample (n, url) AS (VALUES
    (1, 'https://example.com/?q=%E5%BC%A0%E4%B8%89%E7%94%B5%E8%AF%9D13800138000&p=call+13800138000.&r=%E8%BA%AB%E4%BB%BD%E8%AF%8111010519491231002x%E3%80%82'),
    (2, 'https://example.com/?x=１３８００１３８０００&y=a＠b.cn&z=＋８６１３８００１３８０００&w=ａｂｃ'),
    (3, 'https://example.com/?redirect=https%3A%2F%2Fx.cn%2F%3Femail%3Da%2540b.cn%26page%3D2&next=%2Freset%3Ftoken%3Dabc&back=https%3A%2F%2Fx.cn%2F%3Fpage%3D2'),
    (4, 'https://example.com/?data=%7B%22phone%22%3A%2213800138000%22%7D&twice=a%2540b.cn&thrice=a%252540b.cn'),
    (5, 'https://example.com/u/13800138000/orders/13800138000/id/11010519491231002X'),
    (6, 'https://example.com/verify/482910/unsubscribe/77/a%2540b.cn'),
    (7, 'https://example.com/cart;jsessionid=1A2B3C;v=2/p;email=a@b.cn?x=1'),
    (8, 'https://example.com/?a@b.cn&page'),
    (9, 'https://example.com/?k=AKIAIOSFODNN7EXAMPLE&g=ghp_0123456789abcdefghijABCDEFGHIJ012345&a=AKIA'),
    (10, '//user:pw@example.com/a//b@c'),
    -- and what only looks like it
    (11, 'https://example.com/item/13800138000.html?id=12800138000&price=13800138000.00&v=1.13800138000&t=1380013800000&sku=A13800138000&n=110105194912310021'),
    (12, 'https://example.com/?filter=color%3Dred%26size%3D%7Bxl%7D&formula=1%2B1%3D2&q=100%25&msg=%E4%BD%A0%E5%A5%BD%EF%BC%81'))
SELECT n, mhub.clean_url(url) FROM sample ORDER BY n;

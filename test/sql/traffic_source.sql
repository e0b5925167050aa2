-- Where a visit comes from.
BEGIN;
SELECT mhub.install() > 0 AS applied;
CREATE TEMP TABLE visit (n serial, url text, referrer text) ON COMMIT DROP;
INSERT INTO visit (url, referrer) VALUES
    -- campaign parameters
    ('https://example.com/?UTM_Source=Baidu&Utm_Medium=CPC&utm_campaign=%E6%98%A5%E5%AD%A3&utm_term=a+b&utm_content=c1&utm_id=77', NULL),
    ('https://example.com/?utm_source=%E7%99%BE%E5%BA%A6&utm_medium=cpc', NULL),
    ('https://example.com/?utm_source=a&utm_source=b', NULL),
    ('https://example.com/?utm_campaign=%B4%F3%B4%D9&utm_source=wechat', NULL),
    ('https://example.com/#/p/1?utm_source=xiaohongshu&utm_medium=kol', NULL),
    ('https://example.com/?a=1&amp;utm_source=x;y', NULL),
    ('https://example.com/?hmsr=sogou&hmmd=cpc&hmpl=plan&hmkw=%E8%80%83%E7%A0%94', NULL),
    ('https://example.com/?utm_source=%', NULL),
    ('https://example.com/?utm_source=a%00b', NULL),
    ('https://example.com/?utm_source={{site}}&utm_campaign=__CAMPAIGN_NAME__&ttclid=__CLICKID__&gclid={gclid}', NULL),
    ('https://example.com/?utm_source=edm&utm_medium=email&utm_content=zhang@example.cn', NULL),
    ('/landing?utm_source=wechat', NULL),
    -- click ids
    ('https://example.com/?bd_vid=123', 'https://www.baidu.com/link?url=x'),
    ('https://example.com/?gdt_vid=wx0abc', NULL),
    ('https://example.com/?qz_gdt=abc&click_id=zzz', NULL),
    ('https://example.com/?click_id=zzz', NULL),
    ('https://example.com/?utm_source=%E5%BF%AB%E6%89%8B&callback=k1', NULL),
    ('https://example.com/?callback=DHAJ3sALKFyk1uCKBYCyXp-iIDS-uHDd_a5SJ9Dbwkqv46dahahd87TW7hhkJkd', NULL),
    ('https://example.com/?callback=http%3A%2F%2Fad.partner.gifshow.com%2Ftrack%2Factivate%3Fcallback%3Dk2', 'https://example.org/'),
    ('https://example.com/?callback=k3', 'https://m.gifshow.com/'),
    ('https://example.com/?callback=jQuery112409467675830714127_1608199285764', NULL),
    ('https://example.com/?utm_source=tiktok&callback=DHAJ3sALKFyk1uCKBYCyXp-iIDS-uHDd_a5SJ9Dbwkqv46dahahd87TW7hhkJkd', NULL),
    ('https://example.com/?adid=1&clickid=EJiw267w&creativeid=2&creativetype=5', NULL),
    ('https://example.com/?clickid=EJiw267w&creativetype=__CTYPE__', NULL),
    ('https://example.com/?clickid=EJiw267w', 'https://www.toutiao.com/'),
    ('https://example.com/?gclid=abc', 'https://duckduckgo.com/'),
    ('https://example.com/?gad_campaignid=17', NULL),
    ('https://example.com/?fbclid=abc', NULL),
    ('https://example.com/?from=timeline', NULL),
    -- referrers
    ('https://example.com/', 'https://www.baidu.com/s?wd=%E8%80%83%E7%A0%94'),
    ('https://example.com/', 'https://quark.sm.cn/s?q=crm'),
    ('https://example.com/', 'https://mp.weixin.qq.com/s/abc'),
    ('https://example.com/', 'https://www.zhihu.com/question/1'),
    ('https://example.com/', 'https://www.xiaohongshu.com/explore/1'),
    ('https://example.com/', 'https://yiyan.baidu.com/'),
    ('https://example.com/', 'http://www.google.fr/imgres?q=x'),
    ('https://example.com/', 'android-app://com.google.android.gm/'),
    ('https://example.com/', 'HTTPS://WWW.GOOGLE.COM./'),
    ('https://example.com/', 'https://notwikipedia.org/'),
    ('https://example.com/', 'https://netflix.com/'),
    ('https://example.com/', 'https://search.example.co.uk:8080/'),
    -- as mini programs, pages without a scheme, careless senders and cut addresses write them
    ('pages/index/index?scene=1047&utm_source=wx_mini&utm_medium=qr', NULL),
    ('//example.com/?utm_source=a', '//www.baidu.com/s?wd=q'),
    ('  https://example.com/?utm_source=a  ', E'\n https://www.zh\nihu.com/ '),
    ('https://example.com/?utm_campaign=%E6%98%A5%E5%AD', NULL),
    ('https://example.com/?utm_campaign=%E6%98%A5%E5%AD&utm_term=%B4%BA%BD%DA', NULL),
    ('https://example.com/?utm_source=$SITE$&utm_medium=%25MEDIUM%25&utm_campaign=%3Ccampaign%3E&gclid=$x', NULL),
    ('https://example.com/', 'ios-app://414478124/https/example.com'),
    ('mailto:a@example.cn?utm_source=x', 'javascript:void(0)?utm_source=y'),
    ('what is this?utm_source=x', NULL),
    ('https://example.com/?%00=1&%00', 'https://www.baidu.com/s?%00=1&%00#%00=2'),
    -- no arrival, direct, nonsense
    ('https://example.com/p', 'https://www.example.com/'),
    ('https://xn--fiq228c.com/', 'https://中文.com/'),
    ('https://example.com/thanks', 'https://openapi.alipay.com/gateway.do'),
    ('https://example.com/', 'about:blank'),
    ('not a url', 'also not'),
    (NULL, NULL);
SELECT n, s.source, s.medium, s.campaign, s.term, s.content, s.campaign_id AS id, s.channel, s.is_paid AS paid
FROM visit, mhub.parse_source(url, referrer) AS s ORDER BY n;
SELECT n, s.click_id, s.click_network, s.referrer_host, s.search_term
FROM visit, mhub.parse_source(url, referrer) AS s
WHERE coalesce(s.click_id, s.click_network, s.referrer_host) IS NOT NULL ORDER BY n;

-- Own hosts: as an argument and as rows, with their subdomains.
SELECT (mhub.parse_source('https://shop.example.com/', 'https://example.com/')).channel AS unknown,
       (mhub.parse_source('https://shop.example.com/', 'https://example.com/', '{example.com}')).channel AS by_argument;
INSERT INTO mhub.source_host (host, category) VALUES ('example.com', 'own');
SELECT s.channel AS by_row, s.referrer_host FROM mhub.parse_source('https://shop.other.cn/', 'https://m.example.com/') AS s;

-- Rows override the shipped list; a rolled-back change leaves no trace in the cache.
SAVEPOINT change;
INSERT INTO mhub.source_host (host, category, source, terms) VALUES ('so.example.cn', 'search', 'Soso Neu', 'wort'), ('zhihu.com', 'video', NULL, NULL);
SELECT s.source, s.medium, s.channel, s.search_term FROM mhub.parse_source('https://example.net/', 'https://so.example.cn/?wort=%E8%8C%B6') AS s;
SELECT s.source, s.channel FROM mhub.parse_source('https://example.net/', 'https://www.zhihu.com/') AS s;
ROLLBACK TO change;
SELECT s.source, s.channel FROM mhub.parse_source('https://example.net/', 'https://www.zhihu.com/') AS s;

-- Channel rules are rows in versions.
SELECT mhub.channel('Google', 'cpc'), mhub.channel('newsletter', 'EMAIL'), mhub.channel('ours', 'push'),
       mhub.channel('ours', 'podcast'), mhub.channel('ours', NULL, 'workshop'), mhub.channel('ours', 'cpc', 'eShop');
SAVEPOINT change;
SELECT mhub.new_channel_rules('ours') AS version;
SELECT count(*) AS differ FROM (SELECT * FROM mhub.channel_rule WHERE version = 1) AS a
FULL JOIN (SELECT * FROM mhub.channel_rule WHERE version = 2) AS b USING (position, channel, is_paid) WHERE a.version IS NULL OR b.version IS NULL;
INSERT INTO mhub.channel_rule (version, position, channel, is_paid, source, medium) VALUES (2, 1, '信息流', true, '{toutiao,douyin*}', '{feed}');
SELECT mhub.channel('toutiao', 'feed') AS still_version_1;
SELECT mhub.use_channel_rules(2);
SELECT mhub.channel('Toutiao', 'feed'), mhub.channel('google', 'cpc');
SELECT s.channel, s.is_paid FROM mhub.parse_source('https://example.com/?utm_source=douyin_ads&utm_medium=feed', NULL) AS s;
SAVEPOINT none;
SELECT mhub.use_channel_rules(3);
ROLLBACK TO none;
ROLLBACK TO change;
SELECT mhub.channel('toutiao', 'feed') AS version_1_again;
INSERT INTO mhub.channel_rule (version, position, channel, source_category) VALUES (1, 5, 'X', '{nonsense}');
ROLLBACK TO change;

-- Parallel workers read the rules for themselves.
CREATE TABLE public.traffic_visit AS SELECT 'https://example.com/' || n AS url, 'https://www.zhihu.com/' || n AS referrer FROM generate_series(1, 5000) AS n;
ALTER TABLE public.traffic_visit SET (parallel_workers = 2);
SET LOCAL parallel_setup_cost = 0;
SET LOCAL parallel_tuple_cost = 0;
SET LOCAL min_parallel_table_scan_size = 0;
INSERT INTO mhub.source_host (host, category, source) VALUES ('zhihu.com', 'own', NULL);
DELETE FROM mhub.source_host WHERE host = 'zhihu.com';
SELECT (mhub.parse_source(url, referrer)).channel, count(*) FROM public.traffic_visit GROUP BY 1;
SELECT mhub.invalid_reason('curl/8', NULL, NULL, url) AS reason, count(*) FROM public.traffic_visit GROUP BY 1;

-- Categories by name and host
SELECT name, mhub.source_category(name) FROM unnest(ARRAY['baidu', '百度', 'google_ads', 'Google-Ads', 'm.baidu.com',
    '小红书', 'weixin', 'chat.deepseek.com', 'docs.google.com', 'nobody', 'amazon.co.jp']) AS name;
-- Assistants, by the page or app that people come from and by the name that some add as utm_source
WITH wanted (source, hosts) AS (VALUES
    ('deepseek', 'chat.deepseek.com deepseek'), ('doubao', 'www.doubao.com dola.com 豆包'), ('kimi', 'www.kimi.com kimi.moonshot.cn kimi'),
    ('yuanbao', 'yuanbao.tencent.com 元宝'), ('ima', 'ima.qq.com ima.copilot.tencent.com'), ('qwen', 'chat.qwen.ai www.qianwen.com www.tongyi.com 通义千问 tongyi'),
    ('quark ai', 'ai.quark.cn'), ('ernie', 'yiyan.baidu.com chat.baidu.com 文心一言'), ('metaso', 'metaso.cn'), ('chatglm', 'chatglm.cn chat.z.ai'),
    ('nami', 'www.n.cn ai.360.cn bot.360.cn'), ('yuewen', 'yuewen.cn'), ('wenxiaobai', 'www.wenxiaobai.com'), ('xiaoyi', 'xiaoyi.huawei.com'),
    ('chatgpt', 'chatgpt.com chat.openai.com chatgpt'), ('claude', 'claude.ai claude.com'), ('gemini', 'gemini.google.com aistudio.google.com'),
    ('copilot', 'copilot.microsoft.com copilot.com m365.cloud.microsoft www.bing.com/chat'), ('perplexity', 'www.perplexity.ai perplexity'), ('grok', 'grok.com x.com/i/grok'),
    ('alice', 'alice.yandex.ru'), ('kagi assistant', 'kagi.com/assistant'), ('brave ask', 'search.brave.com/ask'))
SELECT w.source, host, s.source AS is, s.medium, s.channel FROM wanted AS w, unnest(string_to_array(w.hosts, ' ')) AS host,
    LATERAL mhub.parse_source(CASE WHEN host LIKE '%.%' THEN 'https://example.com/' ELSE 'https://example.com/?utm_source=' || host END, 'https://' || host) AS s
WHERE s.channel IS DISTINCT FROM 'AI Assistants' OR (host LIKE '%.%' AND (s.source, s.medium) IS DISTINCT FROM (w.source, 'ai-assistant'));
-- Click ids by themselves: every one names its network, and those of search results, shares, mails and affiliates are no ads.
SELECT id, s.source, s.medium, s.click_network, s.click_id, s.channel, s.is_paid AS paid
FROM unnest(ARRAY['_kx', 'awc', 'bd_vid', 'fbclid', 'gclid', 'gdt_vid', 'ldtag_cl', 'ndclid', 'qclid', 'qhclickid', 'qz_gdt', 'rb_clickid', 'sdclkid', 'srsltid', 'sznclid',
    'td_clickid', 'uctrackid', 'weixinadinfo', 'ysclid']) WITH ORDINALITY AS i(id, n), mhub.parse_source('https://example.com/?' || id || '=Ab1', NULL) AS s ORDER BY n;
SELECT s.source, s.click_network, s.click_id FROM mhub.parse_source('https://example.com/?sdclkid=AL2&bd_vid=8527', 'https://www.baidu.com/') AS s;
SELECT s.source, s.medium, s.search_term FROM mhub.parse_source('https://example.com/?ysclid=m1', 'https://ya.ru/search/?text=%E8%8C%B6') AS s;
-- The shipped list: every host once in each category, every category known.
SELECT count(*) > 500 AS many, count(*) = count(DISTINCT host) AS unique_hosts FROM mhub.shipped_source_host();
SELECT host, array_agg(category || ' ' || source ORDER BY category) AS contradiction
FROM mhub.shipped_source_host() GROUP BY host HAVING count(*) > 1 ORDER BY host;
SELECT count(*) AS without_effect FROM mhub.shipped_source_host() AS h
WHERE h.host !~ '[*/]' AND mhub.source_category(h.host) IS DISTINCT FROM h.category AND mhub.source_category(h.host) IS DISTINCT FROM 'own';
-- What events keep of addresses: properties and the page's path are cleaned like the address itself.
SELECT mhub.page('首页', '{"anonymous_id": "v"}', '{"url": "https://example.com/u/a@b.cn", "path": "/u/a@b.cn", "href": "/?token=abc", "title": "首页"}', '{"page": {"path": "/u/a@b.cn"}}') IS NOT NULL
   AND mhub.track('Link Clicked', '{"anonymous_id": "v"}', '{"href": "https://example.com/?email=a%40b.cn", "path": 7, "search": "茶"}') IS NOT NULL AS recorded;
SELECT name, url, properties, context FROM mhub.event ORDER BY event_id;
ROLLBACK;

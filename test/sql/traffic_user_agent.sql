-- Robots by their user agent.
WITH sample (n, expected, user_agent) AS (VALUES
    (1, true, 'Mozilla/5.0 (compatible; Baiduspider/2.0; +http://www.baidu.com/search/spider.html)'),
    (2, true, 'Sogou web spider/4.0(+http://www.sogou.com/docs/help/webmasters.htm#07)'),
    (3, true, 'Mozilla/5.0 (Linux; Android 5.0) AppleWebKit/537.36 (KHTML, like Gecko) Mobile Safari/537.36 (compatible; Bytespider; spider-feedback@bytedance.com)'),
    (4, true, 'python-requests/2.31.0'),
    (5, true, 'curl/8.4.0'),
    (6, true, 'Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) HeadlessChrome/120.0.0.0 Safari/537.36'),
    (7, true, 'Go-http-client/1.1'),
    (8, true, ''),
    (9, true, 'SomeCompanyThing/1.0'),
    (10, false, 'Mozilla/5.0 (Linux; Android 13; V2171A; wv) AppleWebKit/537.36 (KHTML, like Gecko) Version/4.0 Chrome/107.0.5304.141 Mobile Safari/537.36 XWEB/5075 MMWEBSDK/20230701 MMWEBID/8391 MicroMessenger/8.0.40.2420(0x28002853) WeChat/arm64 Weixin NetType/WIFI Language/zh_CN ABI/arm64'),
    (11, false, 'Mozilla/5.0 (iPhone; CPU iPhone OS 16_6 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Mobile/15E148 Weibo (iPhone15,2__weibo__13.8.3__iphone__os16.6)'),
    (12, false, 'Mozilla/5.0 (Linux; U; Android 12; zh-cn; 2201122C) AppleWebKit/537.36 (KHTML, like Gecko) Version/4.0 Chrome/98.0.4758.102 MQQBrowser/13.6 Mobile Safari/537.36'),
    (13, false, 'Mozilla/5.0 (Linux; Android 7.0; CUBOT KING KONG) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/71.0.3578.99 Mobile Safari/537.36'),
    (14, false, 'Mozilla/5.0 (Windows NT 10.0; WOW64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/86.0.4240.198 Safari/537.36 QIHU 360SE'),
    (15, false, 'Mozilla/5.0 (Linux; U; Android 9; zh-CN; PCAM00) AppleWebKit/537.36 (KHTML, like Gecko) Version/4.0 Chrome/78.0.3904.108 Quark/4.2.1.138 Mobile Safari/537.36'))
SELECT n, user_agent AS misjudged FROM sample WHERE mhub.user_agent_is_bot(user_agent) IS DISTINCT FROM expected ORDER BY n;
SELECT mhub.user_agent_is_bot(NULL) IS NULL AS null_stays_null;
-- Case does not matter; what is far longer than any user agent is no problem.
SELECT mhub.user_agent_is_bot('GOOGLEBOT/2.1'), mhub.user_agent_is_bot(repeat('Mozilla/5.0 (Linux; Android 10) ', 100000));

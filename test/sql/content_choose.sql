-- mhub.choose_content(): the founding example, caps, stocks, consent, clicks and reports; check_rules, explain_choice, preview.
BEGIN;
SELECT mhub.install() > 0 AS applied;
INSERT INTO mhub.content (key, payload) VALUES ('limited_coupon', '{"discount": 0.8}'), ('free_trial', '{"days": 7}'), ('welcome', '{"text": "欢迎"}');
INSERT INTO mhub.slot (slot, default_content) VALUES ('home', 'welcome');
INSERT INTO mhub.content_rule (slot, key, priority, condition, content_key) VALUES
    ('home', 'exam takers', 10, $$age > 30 and did('Course Viewed', where course = '考研') and did not('Order Completed')$$, 'limited_coupon'),
    ('home', 'young tech', 20, $$age < 25 and interests has 'tech'$$, 'free_trial');
SELECT mhub.identify('{"user_id": "王芳"}', '{"age": 35}') IS NOT NULL AND mhub.identify('{"user_id": "li"}', '{"age": 22, "interests": ["tech"]}') IS NOT NULL
    AND mhub.identify('{"user_id": "zhao"}', '{"age": 41}') IS NOT NULL AS known;
SELECT count(mhub.track('Course Viewed', i, '{"course": "考研"}')) AS tracked FROM (VALUES ('{"user_id": "王芳"}'::jsonb), ('{"user_id": "zhao"}')) AS v (i);
SELECT mhub.track('Order Completed', '{"user_id": "zhao"}', '{"total": 99, "currency": "CNY"}') IS NOT NULL AS ordered;
SELECT who, c.* FROM (VALUES ('王芳'), ('li'), ('zhao'), ('新人')) AS v (who), mhub.choose_content('home', jsonb_build_object('user_id', who)) AS c;
SELECT * FROM mhub.choose_content('home', '{}');
SELECT * FROM mhub.choose_content('no such slot', '{"user_id": "li"}');
-- Ordering ends the coupon with the next look.
SELECT mhub.track('Order Completed', '{"user_id": "王芳"}', '{}') IS NOT NULL AS ordered;
SELECT content_key FROM mhub.choose_content('home', '{"user_id": "王芳"}');
SELECT m.slot, m.rule_key, m.content_key, m.reason, m.identifier_id IS NULL AS anonymous FROM mhub.impression AS m ORDER BY m.impression_id;
-- The profile that decided.
SELECT jsonb_pretty(mhub.profile(mhub.person_id('user_id', 'zhao'), '2100-01-01') #- '{$events}' #- '{$unit}');
SELECT mhub.profile(mhub.person_id('user_id', 'zhao'))->'$events'->'Order Completed'->'value' AS value, mhub.profile(-1) IS NULL AS unknown_person;

-- Context: this visit's source, and language.
INSERT INTO mhub.content_rule (slot, key, priority, condition, content_key) VALUES ('home', 'from baidu', 5, $$$context.source.source = 'baidu' and $context.app = 'ios'$$, 'free_trial');
SELECT rule_key FROM mhub.choose_content('home', '{"user_id": "新人"}', '{"app": "ios", "page": {"url": "https://shop.cn/?utm_source=baidu&utm_medium=cpc"}}');
-- Frequency cap: twice a week; the third look goes on to the next rule. Another person has a count of their own.
INSERT INTO mhub.slot (slot) VALUES ('popup');
INSERT INTO mhub.content_rule (slot, key, priority, content_key, frequency_cap) VALUES ('popup', 'nag', 1, 'free_trial', '2 per 7 days'), ('popup', 'rest', 2, 'welcome', NULL);
SELECT n, who, c.rule_key FROM (VALUES (1, 'li'), (2, 'li'), (3, 'li'), (4, 'zhao'), (5, 'li')) AS v (n, who), mhub.choose_content('popup', jsonb_build_object('user_id', who)) AS c ORDER BY n;
-- Stock: three impressions, or two people however often they look.
INSERT INTO mhub.slot (slot) VALUES ('deal'), ('gift');
INSERT INTO mhub.content_rule (slot, key, priority, content_key, stock, stock_per_person) VALUES ('deal', 'first three', 1, 'limited_coupon', 3, false), ('deal', 'rest', 2, 'welcome', NULL, false), ('gift', 'two people', 1, 'limited_coupon', 2, true), ('gift', 'rest', 2, 'welcome', NULL, false);
SELECT n, who, (SELECT rule_key FROM mhub.choose_content('deal', jsonb_build_object('user_id', who))) AS deal, (SELECT rule_key FROM mhub.choose_content('gift', jsonb_build_object('user_id', who))) AS gift
FROM (VALUES (1, 'li'), (2, 'li'), (3, 'zhao'), (4, 'li'), (5, '王芳'), (6, 'zhao')) AS v (n, who) ORDER BY n;
SELECT r.key, t.used FROM mhub.content_stock AS t JOIN mhub.content_rule AS r USING (rule_id) ORDER BY r.rule_id;
-- Who withdraws consent to profiling sees the default, and leaves no name.
SELECT mhub.record_consent('{"user_id": "li"}', 'profiling', granted => false) IS NOT NULL AS withdrawn;
SELECT content_key, rule_key, reason FROM mhub.choose_content('home', '{"user_id": "li"}');
SELECT identifier_id IS NULL AS anonymous FROM mhub.impression ORDER BY impression_id DESC LIMIT 1;
SELECT mhub.record_consent('{"user_id": "li"}', 'profiling', granted => true) IS NOT NULL AS granted;
SELECT content_key FROM mhub.choose_content('home', '{"user_id": "li"}');

-- Clicks and conversions.
SELECT mhub.click_content('popup', '{"user_id": "li"}', 'free_trial') = max(impression_id) AS last_one FROM mhub.impression WHERE slot = 'popup' AND content_key = 'free_trial' AND identifier_id = (SELECT identifier_id FROM mhub.identifier WHERE value = 'li');
SELECT mhub.click_content('popup', '{"user_id": "li"}', 'free_trial') IS NOT NULL AS again, mhub.click_content('popup', '{"user_id": "新人"}') IS NULL AS never_shown;
SELECT name, properties FROM mhub.event WHERE name = 'Content Clicked' ORDER BY event_id;
INSERT INTO mhub.goal (key, event_name) VALUES ('order', 'Order Completed');
INSERT INTO mhub.conversion (goal_id, event_id, identifier_id, occurred_at, value, currency) SELECT g.goal_id, row_number() OVER (), i.identifier_id, now() + delay, 100, 'CNY'
    FROM mhub.goal AS g, mhub.identifier AS i, (VALUES ('li', '1 day'::interval), ('zhao', '8 days')) AS v (who, delay) WHERE i.value = who;
SELECT slot, rule_key, content_key, impressions, people, clicks, clicked_impressions, round(click_rate::numeric, 3) AS click_rate, conversions, converted_people, conversion_rate
FROM mhub.content_report WHERE slot IN ('popup', 'gift') ORDER BY slot, rule_key;
INSERT INTO mhub.slot (slot, default_content) VALUES ('lab', 'welcome');
INSERT INTO mhub.content_rule (slot, key, variants, holdout) VALUES ('lab', 'ab', '[{"key": "a", "content": "free_trial"}, {"key": "b", "content": "limited_coupon"}]', 0.2);
SELECT count(c.content_key) AS shown FROM generate_series(1, 60) AS n, mhub.choose_content('lab', jsonb_build_object('cookie', 'c' || n)) AS c;
SELECT experiment_id, count(*) AS exposures, count(DISTINCT user_id) AS people, array_agg(DISTINCT variation_id ORDER BY variation_id) AS variations, bool_and("timestamp" = now()) AS timed FROM mhub.content_exposure GROUP BY experiment_id;

-- Help for authors.
SELECT place, rule_key, outcome, content_key, detail FROM mhub.explain_choice('home', '{"user_id": "zhao"}');
SELECT place, rule_key, outcome, detail FROM mhub.explain_choice('popup', '{"user_id": "li"}');
SELECT who, place, rule_key, outcome, content_key FROM (VALUES ('新人'), ('li')) AS v (who), mhub.explain_choice('deal', jsonb_build_object('user_id', who));
-- Two people have had the gift: it goes on for them, and for nobody else.
SELECT who, place, rule_key, outcome FROM (VALUES ('新人'), ('li'), ('zhao'), ('王芳')) AS v (who), mhub.explain_choice('gift', jsonb_build_object('user_id', who)) WHERE place = 1;
SELECT place, rule_key, outcome, content_key, detail FROM mhub.explain_slot('home', '{"age": 20, "interests": ["tech"], "$consent": {"profiling": false}}');
UPDATE mhub.slot SET enabled = false WHERE slot = 'popup';
SELECT place, rule_key, outcome FROM mhub.explain_choice('popup', '{"user_id": "zhao"}');
UPDATE mhub.slot SET enabled = true WHERE slot = 'popup';
SELECT count(*) AS writes FROM mhub.identifier WHERE value = 'nobody yet' AND (SELECT count(*) FROM mhub.explain_choice('home', '{"user_id": "nobody yet"}')) > 0;
SELECT place, content_key, rule_key, reason FROM mhub.preview('deal', '{}');
SELECT place, content_key, rule_key, reason FROM mhub.preview('home', '{"age": 20, "interests": ["tech"]}');
INSERT INTO mhub.content (key, expires_at) VALUES ('old', '2020-01-01Z');
INSERT INTO mhub.slot (slot, default_content) VALUES ('messy', 'gone');
INSERT INTO mhub.content_rule (slot, key, priority, condition, content_key, valid_to) VALUES ('messy', 'grown up', 1, 'age >= 18', 'welcome', NULL), ('messy', 'thirties', 2, 'age between 30 and 39', 'free_trial', NULL), ('messy', 'contradiction', 3, $$age < 10 and age > 60$$, 'welcome', NULL),
    ('messy', 'typo', 4, $$agee < 18 and in segment 'vips' and did('Order Complete')$$, 'wellcome', NULL), ('messy', 'stale', 5, 'age < 18', 'old', NULL), ('messy', 'over', 6, 'age < 17', 'welcome', '2021-01-01Z'), ('messy', 'fine', 7, 'age < 16', 'welcome', NULL);
SELECT * FROM mhub.check_rules('messy');
SELECT status, detail FROM mhub.doctor_content();
-- Names with dots and quotes are known by their whole; what the hub adds to a profile is no trait.
INSERT INTO mhub.slot (slot, default_content) VALUES ('names', 'welcome');
INSERT INTO mhub.content_rule (slot, key, priority, condition, content_key) VALUES ('names', 'dots', 1, $$"a.b" = 1 and "say ""hi""".to = 'x' and c.d = 1$$, 'welcome'), ('names', 'ours', 2, $$"$unit" = 'x' and "$consent".marketing = true$$, 'welcome'), ('names', 'others', 3, $$"a.c" = 1 and "say ""no""" = 1$$, 'welcome');
SELECT mhub.identify('{"user_id": "names"}', '{"a.b": 1, "say \"hi\"": {"to": "x"}, "c": {"d": 1}}') IS NOT NULL AS known;
SELECT * FROM mhub.check_rules('names');
SELECT count(*) AS nothing FROM mhub.check_rules('no such slot');
SAVEPOINT bad;
SELECT * FROM mhub.choose_content('home', '[]');
ROLLBACK TO bad;
SELECT * FROM mhub.choose_content('home', '{"user_id": "li"}', '"context"');
ROLLBACK;

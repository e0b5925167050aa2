-- Templates: what goes beyond the Mustache specification, escaping, errors, checks at save, lengths of text messages.
BEGIN;
SELECT mhub.install() > 0 AS applied;

SELECT mhub.render_template('{{name|朋友}}，您好！{{#items}}《{{title}}》{{^last}}、{{/last}}{{/items}}',
    '{"name": "李雷", "items": [{"title": "新概念英语"}, {"title": "五年高考", "last": true}]}') AS filled,
       mhub.render_template('{{name|朋友}}/{{nick | 同学 }}/{{{empty|<b>无</b>}}}/{{none|}}', '{"nick": null, "empty": ""}') AS defaults;

-- One value in each way of escaping; nothing it contains can leave its place.
SELECT way, mhub.render_template('[{{v}}] [{{{v}}}]', jsonb_build_object('v', E'a"b\\c&<李>\'\n+/?'), way) AS escaped
FROM unnest(ARRAY['html', 'none', 'json', 'url']) AS way;
SELECT mhub.render_template('{"text": "{{v}}"}', jsonb_build_object('v', E'"}\x01\t换行\n'), 'json')::jsonb ->> 'text' = E'"}\x01\t换行\n' AS json_survives;
SELECT mhub.render_template('{{o}} {{l}} {{n}} {{b}}', '{"o": {"城市": "上海"}, "l": [1, "二"], "n": 1.50, "b": false}', 'none') AS whole_values;

-- Whole documents are printed as the server prints them, whatever is in them.
WITH letter AS (SELECT array_agg(chr(n)) || '{李,😀,"\"","\\",/}' AS letters FROM generate_series(1, 127) AS n),
text_of AS (SELECT n, string_agg(letters[1 + (n * 7919 + k * k * 31) % cardinality(letters)], '') AS t
            FROM letter, generate_series(1, 300) AS n, generate_series(1, 1 + n % 60) AS k GROUP BY n),
document AS (SELECT n, CASE n % 4 WHEN 0 THEN jsonb_build_object(t, t, 'n', n / 7.0, 'none', NULL, 'list', jsonb_build_array(t, true, '{}'::jsonb, '[]'::jsonb))
                                  WHEN 1 THEN jsonb_build_array(t, NULL, jsonb_build_array(jsonb_build_object('a', t), n), false)
                                  WHEN 2 THEN jsonb_build_object() ELSE jsonb_build_array(1e30, -0.5, t) END AS d FROM text_of)
SELECT count(*) AS documents, count(*) FILTER (WHERE mhub.render_template('{{{d}}}', jsonb_build_object('d', d), 'none') IS DISTINCT FROM d::text) AS different FROM document;

-- Partials: indentation, recursion with an end and without.
SELECT mhub.render_template(E'a\n  {{>foot}}\nb{{>none}}', '{"x": 1}', 'html', '{"foot": "1 {{x}}\n2\n"}') AS indented,
       mhub.render_template('{{>node}}', '{"v": 1, "kids": [{"v": 2, "kids": []}]}', 'html', '{"node": "{{v}}({{#kids}}{{>node}}{{/kids}})"}') AS tree;
SAVEPOINT error;
SELECT mhub.render_template('{{>a}}', '{}', 'html', '{"a": "{{>a}}"}');
ROLLBACK TO error;

-- NULL
SELECT mhub.render_template(NULL, '{}') IS NULL AS null_template, mhub.check_template(NULL) IS NULL AS null_check;
SELECT mhub.render_template('x', NULL);
ROLLBACK TO error;

-- Malformed templates are refused with the place.
SELECT mhub.check_template('你好 {{name');
ROLLBACK TO error;
SELECT mhub.check_template('{{#a}}{{#b}}{{/a}}{{/b}}');
ROLLBACK TO error;
SELECT mhub.check_template('{{#items}}');
ROLLBACK TO error;
SELECT mhub.check_template('x {{/items}}');
ROLLBACK TO error;
SELECT mhub.check_template('{{}}');
ROLLBACK TO error;
SELECT mhub.check_template('{{first name}}');
ROLLBACK TO error;
SELECT mhub.check_template('{{=<% =}}');
ROLLBACK TO error;
SELECT mhub.render_template('x', '{}', 'sql');
ROLLBACK TO error;
INSERT INTO mhub.template (key, channel, subject) VALUES ('welcome', 'email', '{{#open}}');
ROLLBACK TO error;

SELECT mhub.template_variables('{{a}} {{#items}}{{.}} {{b.c}} {{{a}}}{{/items}} {{>foot}} {{d|默认}}') AS variables;

-- A call site that sees several templates keeps to the right one.
SELECT string_agg(mhub.render_template(t, jsonb_build_object('n', n)), ' ' ORDER BY n)
FROM generate_series(1, 6) AS n, LATERAL (SELECT CASE WHEN n % 3 = 0 THEN 'three{{n}}' ELSE '{{n}}' END AS t) AS x;

-- A large template, many sections deep.
SELECT length(mhub.render_template(repeat('{{#a}}x{{/a}}', 20000), '{"a": true}')) AS large,
       length(mhub.render_template(repeat('{{#a}}', 100) || 'x' || repeat('{{/a}}', 100), '{"a": true}')) AS deep;
SELECT mhub.check_template(repeat('{{#a}}', 101) || repeat('{{/a}}', 101));
ROLLBACK TO error;

SELECT left(t, 6) AS message, l.* FROM (VALUES (''), ('Sale!'), ('限时优惠'), ('100 €'), (repeat('a', 160)), (repeat('a', 161)), (repeat('好', 71))) AS v(t),
    LATERAL mhub.sms_length(t) AS l;
ROLLBACK;

-- Forms, field by field, and clicks.
BEGIN;
SELECT mhub.install() > 0 AS applied;
CREATE FUNCTION pg_temp.who(name text) RETURNS jsonb LANGUAGE sql AS $$ SELECT jsonb_build_object('cookie', name) $$;
CREATE FUNCTION pg_temp.at(minute numeric) RETURNS timestamptz LANGUAGE sql AS $$ SELECT timestamptz '2024-03-01 08:00+00' + minute * interval '1 minute' $$;
-- ann fills in everything; bob leaves at the phone, twice; cai only looks; dan says so when he leaves; eva is still at it
SELECT count(*) AS recorded FROM (
    SELECT mhub.form_started('报名', pg_temp.who('ann'), occurred_at => pg_temp.at(0))
    UNION ALL SELECT mhub.form_field('报名', '姓名', pg_temp.who('ann'), 4, occurred_at => pg_temp.at(1))
    UNION ALL SELECT mhub.form_field('报名', '手机', pg_temp.who('ann'), 10, '号码不对', occurred_at => pg_temp.at(2))
    UNION ALL SELECT mhub.form_field('报名', '手机', pg_temp.who('ann'), 6, occurred_at => pg_temp.at(3))
    UNION ALL SELECT mhub.form_submitted('报名', pg_temp.who('ann'), occurred_at => pg_temp.at(4))
    UNION ALL SELECT mhub.form_started('报名', pg_temp.who('bob'), occurred_at => pg_temp.at(0))
    UNION ALL SELECT mhub.form_field('报名', '姓名', pg_temp.who('bob'), 2, occurred_at => pg_temp.at(1))
    UNION ALL SELECT mhub.form_field('报名', '手机', pg_temp.who('bob'), occurred_at => pg_temp.at(2))
    UNION ALL SELECT mhub.form_started('报名', pg_temp.who('bob'), occurred_at => pg_temp.at(90))
    UNION ALL SELECT mhub.form_field('报名', '姓名', pg_temp.who('bob'), occurred_at => pg_temp.at(91))
    UNION ALL SELECT mhub.form_field('报名', '手机', pg_temp.who('bob'), occurred_at => pg_temp.at(92))
    UNION ALL SELECT mhub.form_started('报名', pg_temp.who('cai'), 'x1', occurred_at => pg_temp.at(5))
    UNION ALL SELECT mhub.form_started('报名', pg_temp.who('dan'), occurred_at => pg_temp.at(229))
    UNION ALL SELECT mhub.form_field('报名', '姓名', pg_temp.who('dan'), occurred_at => pg_temp.at(230))
    UNION ALL SELECT mhub.form_abandoned('报名', pg_temp.who('dan'), '城市', occurred_at => pg_temp.at(231))
    UNION ALL SELECT mhub.form_started('报名', pg_temp.who('eva'), occurred_at => pg_temp.at(229))
    UNION ALL SELECT mhub.form_field('报名', '姓名', pg_temp.who('eva'), occurred_at => pg_temp.at(235))
    UNION ALL SELECT mhub.form_submitted('other', pg_temp.who('eva'), occurred_at => pg_temp.at(235))) AS e;
SELECT * FROM mhub.form_dropoff(pg_temp.at(0), pg_temp.at(240));
-- An hour later eva has left too.
SELECT field, dropped FROM mhub.form_dropoff(pg_temp.at(0), pg_temp.at(300)) WHERE form = '报名' AND field = '姓名';
-- Attempts dropped and submitted never are more than there were, whatever the time looked at, and all of them in the end.
SELECT count(*) FILTER (WHERE d.attempts > 0) AS looked_at,
       count(*) FILTER (WHERE d.dropped + d.submitted > d.attempts OR (n = 301 AND d.dropped + d.submitted <> d.attempts)) AS wrong
FROM generate_series(0, 301, 7) AS n,
    LATERAL (SELECT sum(dropped) AS dropped, max(reached) FILTER (WHERE field IS NULL) AS attempts, max(submitted) FILTER (WHERE field IS NULL) AS submitted
             FROM mhub.form_dropoff(pg_temp.at(0), pg_temp.at(n)) WHERE form = '报名') AS d;
-- The order of fields is that of their times, however they arrive; a complaint of nothing is none.
SELECT count(mhub.track(name, '{"cookie": "fei"}', properties::jsonb, '{}', pg_temp.at(minute), 'late ' || minute)) AS recorded FROM (VALUES
    (403, 'Form Field Filled', '{"form": "迟", "field": "手机", "error": null, "seconds": -1e400}'), (404, 'Form Field Filled', '{"form": "迟", "field": "手机", "error": false, "seconds": "7"}'),
    (405, 'Form Field Filled', '{"form": "迟", "field": "手机", "error": {"code": 1}}'), (402, 'Form Field Filled', '{"form": "迟", "field": "姓名", "error": ""}'), (401, 'Form Started', '{"form": "迟"}'),
    (406, 'Form Submitted', '{"form": "迟"}'), (407, 'Form Submitted', '{"form": null}'), (408, 'Form Started', '{"form": {"a": 1}}'), (409, 'Form Submitted', '{}')) AS e(minute, name, properties);
SELECT form, field, place, reached, dropped, submitted, errors, average_seconds FROM mhub.form_dropoff(pg_temp.at(400), pg_temp.at(600));
-- The view is about the last 30 days.
SELECT count(mhub.form_field(form, '姓名', pg_temp.who('gu'), occurred_at => now() - age)) AS recorded FROM (VALUES ('近', interval '29 days'), ('远', interval '31 days')) AS e(form, age);
SELECT form, field, reached, dropped FROM mhub.form_field_dropoff;

SELECT mhub.click('购买', pg_temp.who('ann'), 'https://example.com/pay?phone=13812345678&sku=1', '{"position": 2}', message_id => 'click 1') > 0 AS clicked;
SELECT name, properties FROM mhub.event WHERE message_id = 'click 1';
-- Marketers may ask, without rights on the events themselves.
CREATE ROLE traffic_form_marketer;
SELECT mhub.grant_access('traffic_form_marketer', 'marketer') > 0 AS granted;
SET LOCAL ROLE traffic_form_marketer;
SELECT count(*) AS rows_for_a_marketer FROM mhub.form_dropoff('2024-03-01 00:00+00', '2024-03-02 00:00+00');
RESET ROLE;
ROLLBACK;

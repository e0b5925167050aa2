-- The text of a body is read member by member where that is understood: with the outcome of the server's cast, whatever the text.
BEGIN;
SELECT mhub.install() > 0 AS applied;

-- What became of a text: kept as this jsonb (a message that is none is kept as it was understood), or refused with this error
CREATE FUNCTION pg_temp.understood(body text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
    kept record;
BEGIN
    PERFORM mhub.ingest(body);
    SELECT r.reason, r.detail, r.raw INTO kept FROM mhub.rejected AS r ORDER BY r.rejected_id DESC LIMIT 1;
    RETURN CASE WHEN kept.reason = 'not_json' THEN 'refused: ' || kept.detail || kept.raw ELSE kept.raw END;
END $$;
CREATE FUNCTION pg_temp.expected(body text) RETURNS text LANGUAGE plpgsql AS $$
BEGIN
    RETURN (body::jsonb)::text;
EXCEPTION WHEN data_exception OR program_limit_exceeded THEN
    RETURN 'refused: ' || SQLERRM || body;
END $$;

-- Objects of one member, so that they are one message each
CREATE TEMP TABLE document (n serial, body text);
INSERT INTO document (body) SELECT format('{"x": %s}', v) FROM unnest(ARRAY[
    '1', '-1', '0', '-0', '00', '01', '-', '+1', '1.', '.5', '1.50', '0.0000001', '-12.5e3', '1e5', '1E-3', '1e', '1e99999',
    '123456789012345678', '1234567890123456789', '-9223372036854775808', '123456789012345678901234567890.12', repeat('9', 150),
    'true', 'false', 'null', 'tru', 'truely', 'nul', 'NaN', 'Infinity', '', '""', '"a"', '"', '"a', 'a', '''a''',
    '"上海 \"quoted\" \\ \/ \b\f\n\r\t"', '"\u4e0a\u6d77"', '"\ud83d\ude00"', '"\ud83d"', '"\ude00\ud83d"', '"\ud83dx"', '"\ud83d\u0041"',
    '"\u0000"', '"\u00"', '"\u12g4"', '"\uD83D\uDE00 \u00e9 \uffff"', '"\x"', '"\', '"\"', E'"a\tb"', E'"a\nb"', E'"\x01"', E'"\x7f"',
    '"12345678"', '"1234567\"9"', '"12345678\n"', '"😀😀😀"', repeat('"', 3), '[', ']', '[]', '[1', '[1,]', '[,1]', '[1 2]', '[1,2,"三",[4,[5]]]',
    '{}', '{', '}', '{"a"}', '{"a":}', '{"a":1,}', '{a:1}', '{"a" 1}', '{1:2}', '{"b":1,"a":2,"b":3}', '{"bb":1,"a":2,"":3,"ab":4}',
    '{"a":{"a":{"a":[{"a":null}]}}}', ' [ 1 ,  2 ] ', E'\t{\r\n"a"\f:1}', '1} trailing', '1}}', '1},{"y":2', '1, "x": 2, "x": {"x": [3]}',
    '/* no */ 1', '"\ud800\udc00\udbff\udfff"', repeat('[', 150) || repeat(']', 150), repeat('[', 300) || repeat(']', 300),
    repeat('{"a":', 180) || '1.0' || repeat('}', 180), '"' || repeat('中文 ', 3000) || '"', '"' || repeat('\\', 3000) || '"']) AS v;
-- more members and elements than jsonb keeps lengths of
INSERT INTO document (body) SELECT format('{"x": {%s}}', string_agg(format('"%s": [%s]', repeat('k', n % 7) || n * 37 % 101,
    (SELECT string_agg(CASE m % 4 WHEN 0 THEN m::text WHEN 1 THEN format('"%s"', repeat('v', m)) WHEN 2 THEN m || '.25' ELSE '{"m": null}' END, ', ')
     FROM generate_series(1, n) AS m)), ',')) FROM generate_series(1, 120) AS n;
SELECT d.body, pg_temp.understood(d.body), pg_temp.expected(d.body)
FROM document AS d WHERE pg_temp.understood(d.body) IS DISTINCT FROM pg_temp.expected(d.body);

-- The same with a byte left out, doubled, cut off behind or put in, at places and of values that look random
CREATE FUNCTION pg_temp.pick(seed text, n integer) RETURNS integer LANGUAGE sql IMMUTABLE AS
$$ SELECT abs(('x' || substr(md5(seed), 1, 7))::bit(28)::integer) % n $$;
CREATE TEMP TABLE mutant AS
    SELECT d.n, k, CASE pg_temp.pick('what' || d.n || '-' || k, 4)
        WHEN 0 THEN left(d.body, at - 1) || substr(d.body, at + 1)
        WHEN 1 THEN left(d.body, at) || substr(d.body, at)
        WHEN 2 THEN left(d.body, at)
        ELSE left(d.body, at) || substr(E'{}[],:"\\/ue0159-+. \ntnf中', 1 + pg_temp.pick('put' || d.n || '-' || k, 24), 1) || substr(d.body, at + 1) END AS body
    FROM document AS d, generate_series(1, 30) AS k, LATERAL (SELECT 1 + pg_temp.pick('at' || d.n || '-' || k, length(d.body)) AS at) AS a
    WHERE length(d.body) < 1000;
DELETE FROM mutant WHERE body !~ '^\s*{'; -- an array is as many messages as it has elements, and a scalar one that is kept as it is
SELECT count(*) > 1000 AS many, count(*) FILTER (WHERE pg_temp.expected(m.body) NOT LIKE 'refused%') > 250 AS many_valid FROM mutant AS m;
SELECT m.body, pg_temp.understood(m.body), pg_temp.expected(m.body)
FROM mutant AS m WHERE pg_temp.understood(m.body) IS DISTINCT FROM pg_temp.expected(m.body);

-- Not only the same text: the same bytes are stored
CREATE TEMP TABLE sent AS
    SELECT d.n, format('{"event": "e", "userId": "u", "messageId": "%s", "properties": %s}', d.n, d.body) AS body
    FROM document AS d WHERE pg_temp.expected(d.body) NOT LIKE 'refused%';
SELECT count(*) > 40 AS many, count(*) = count(*) FILTER (WHERE i.status = 'accepted') AS accepted FROM sent AS s, mhub.ingest(s.body) AS i;
SELECT s.body FROM sent AS s JOIN mhub.event AS e ON e.message_id = s.n::text
WHERE jsonb_send(e.properties) <> jsonb_send(s.body::jsonb -> 'properties')
   OR pg_column_size(e.properties || '{}') <> pg_column_size((s.body::jsonb -> 'properties') || '{}');

TRUNCATE mhub.rejected;
-- bodies of several messages, of none, and what is no body at all
SELECT status, reason, detail FROM mhub.ingest('[{"event": "a", "userId": "1"}, 7, "文", null, {"event": "a"}]');
SELECT count(*) AS none FROM mhub.ingest(' [ ] ');
SELECT status, reason, detail FROM unnest(ARRAY['', ' ', '7', '"文"', 'null', '{', '[1', '{} {}']) WITH ORDINALITY AS b(body, n), mhub.ingest(b.body) ORDER BY b.n;
SELECT format('<%s>', raw) AS kept FROM mhub.rejected WHERE reason = 'not_json' ORDER BY raw COLLATE "C";

-- Lists of messages are not put together to be taken apart: what a body is, and what stands around its list, is the same all the same.
CREATE FUNCTION pg_temp.outcome(body text, casts boolean) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
    outcome text;
BEGIN
    IF casts THEN
        SELECT string_agg(concat_ws(' ', i.status, i.reason), ', ' ORDER BY i.position) INTO outcome FROM mhub.ingest(body::jsonb) AS i;
    ELSE
        SELECT string_agg(concat_ws(' ', i.status, i.reason), ', ' ORDER BY i.position) INTO outcome FROM mhub.ingest(body) AS i;
    END IF;
    SELECT concat_ws(' | ', outcome,
        (SELECT string_agg(concat_ws(' ', e.name, e.properties, e.context, e.sent_at), ', ' ORDER BY e.event_id) FROM mhub.event AS e WHERE e.name LIKE '列表%'),
        (SELECT string_agg(r.raw, ', ' ORDER BY r.rejected_id) FROM mhub.rejected AS r WHERE r.source = 'ingest')) INTO outcome;
    RAISE SQLSTATE 'UNDO0';
EXCEPTION WHEN SQLSTATE 'UNDO0' THEN
    RETURN outcome;
END $$;
DELETE FROM mhub.rejected;
CREATE TEMP TABLE listed (n serial, body text);
INSERT INTO listed (body) SELECT replace(replace(replace(v, '<a>', '{"event": "列表A", "userId": "王芳", "properties": {"batch": [1, {"x": [2]}], "b": {"c": "\u4e0a"}}}'),
    '<b>', '{"userId": "b", "event": "列表B", "batch": [{"event": "no"}], "context": {"locale": "zh-CN"}}'), '<around>', '"sentAt": "2026-04-01T00:00:00Z", "context": {"library": {"name": "x"}}')
FROM unnest(ARRAY[
    '{"batch": [<a>, <b>], <around>}', '{<around>, "batch": [<a>, <b>]}', '{"batch": [<a>]}', '{"batch": []}', '{"batch": [], <around>}', '[]', '[<a>, <b>, <a>]',
    '[<a>, 5, "x", null, true, [<b>], [], {}, <b>]', '{"batch": [1, [2], <a>, "列", null], <around>}', '<a>', '<b>', '{"batch": <a>}', '{"batch": null, "event": "列表C", "userId": "c"}',
    '{"batch": 5, "event": "列表C", "userId": "c"}', '{"batch": "[]", "event": "列表C", "userId": "c"}', '{"batch": [<a>], "batch": [<b>]}', '{"batch": [<a>], "batch": 5, "event": "列表C", "userId": "c"}',
    '{"batch": 5, "batch": [<b>], <around>}', '{"batch": [<a>], "batch": null, "event": "列表C", "userId": "c"}', '{"b\u0061tch": [<a>], <around>}', '{"Batch": [<a>], "event": "列表C", "userId": "c"}',
    '{"batch": [<a>], "context": 5, "sentAt": false}', '{"batch": [<a>], "sentAt": "2026-04-01T00:00:00Z", "sentAt": "2026-04-02T00:00:00Z"}',
    '{"event": "列表C", "userId": "c", "properties": {"batch": [<a>, <b>]}}', '{"batch": [{"event": "列表C", "userId": "c", "properties": {"x": {"y": 1}, "x": {"y": 2}, "x": {"y": {"z": [3]}}}}]}', ' [ <a> ] ']) AS v;
SELECT count(*) AS bodies, count(DISTINCT pg_temp.outcome(l.body, true)) AS unlike FROM listed AS l;
SELECT l.n, l.body, pg_temp.outcome(l.body, false), pg_temp.outcome(l.body, true)
FROM listed AS l WHERE pg_temp.outcome(l.body, false) IS DISTINCT FROM pg_temp.outcome(l.body, true);
-- a list that breaks off is told apart as before
SELECT position, status, reason FROM mhub.ingest('{"batch": [{"event": "D", "userId": "d"}, {"event": "D", "userId": "\u0000"}, {"event": "D", "userId": "e"}], "sentAt": "2026-04-01T00:00:00Z"}') ORDER BY position;
SELECT position, status, reason FROM mhub.ingest('[{"event": "D", "userId": "d"}, {"event": "D", "userId": "d"') ORDER BY position;
-- a trigger that ingests while a session's kept memory is in use
CREATE FUNCTION pg_temp.ingest_again() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF NEW.name = 'Outer' THEN
        PERFORM mhub.ingest(format('[{"event": "Inner", "userId": "%s", "properties": {"n": [%s]}}, {"event": "Inner"}]', NEW.identifier_id, NEW.event_id));
    END IF;
    RETURN NULL;
END $$;
CREATE TRIGGER again AFTER INSERT ON mhub.event FOR EACH ROW EXECUTE FUNCTION pg_temp.ingest_again();
SELECT status, count(*) FROM mhub.ingest((SELECT format('{"batch": [%s]}', string_agg(format('{"event": "Outer", "userId": "u%s", "properties": {"n": %1$s}}', n), ', ')) FROM generate_series(1, 700) AS n))
GROUP BY status;
SELECT e.name, count(*), count(DISTINCT e.properties) AS different FROM mhub.event AS e WHERE e.name IN ('Outer', 'Inner') GROUP BY e.name ORDER BY e.name;
ROLLBACK;

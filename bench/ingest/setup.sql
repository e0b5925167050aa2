-- What both sides of the race need: the baseline's table and its statements, and bodies for mhub.ingest().
SET client_min_messages = warning;
CREATE TABLE ev (message_id uuid PRIMARY KEY, received_at timestamptz NOT NULL DEFAULT now(), ts timestamptz, person bigint, type text, props jsonb);
CREATE INDEX ON ev (person, ts);

-- 500 page views as a web collector passes them on: some pages each by some of the visitors, all with a source, an agent
-- and an address. With newcomers, each third page is somebody's whom nobody knows. The bodies are made before the race, but
-- are to be of the moment in which they are sent: their clocks are a day behind, which mhub.ingest() puts right. Events lie
-- within a span before they are sent: in a second a visitor's come in order, as they mostly do; in ten minutes in none.
CREATE TABLE body (n integer PRIMARY KEY, content text NOT NULL);
ALTER TABLE body ALTER COLUMN content SET STORAGE EXTERNAL;
CREATE FUNCTION make_bodies(first integer, last integer, visitors integer, pages integer, newcomers boolean DEFAULT false, span interval DEFAULT '1 second')
RETURNS void LANGUAGE sql AS $$
    INSERT INTO body (n, content)
    SELECT b, jsonb_build_object('sentAt', sent, 'batch', jsonb_agg(jsonb_build_object(
        'type', 'page', 'messageId', gen_random_uuid(),
        'anonymousId', CASE WHEN newcomers AND m % 3 = 0 THEN format('new-%s-%s', b, m) ELSE 'visitor-' || ('x' || substr(md5(b || '-' || m / pages), 1, 7))::bit(28)::int % visitors END,
        'timestamp', sent - random() * span,
        'properties', jsonb_build_object('title', 'Course ' || m, 'url', 'https://example.com/p/' || m % 50 || '?utm_source=google&utm_medium=cpc&gclid=abc', 'referrer', 'https://www.google.com/'),
        'context', jsonb_build_object('ip', '203.0.113.' || m % 250, 'library', '{"name": "@segment/analytics-node", "version": "2.1.0"}'::jsonb,
            'userAgent', 'Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/' || 100 + m / pages % 40 || '.0.0.0 Safari/537.36'))))
    FROM generate_series(first, last) AS b, generate_series(0, 499) AS m, (SELECT now() - interval '1 day') AS at (sent) GROUP BY b, sent $$;

-- Makes all of the visitors known, by one page each.
CREATE PROCEDURE greet_visitors(visitors integer) LANGUAGE plpgsql AS $$
BEGIN
    FOR i IN 0 .. visitors / 500 - 1 LOOP
        PERFORM count(*) FROM mhub.ingest((SELECT jsonb_agg(jsonb_build_object('type', 'page', 'messageId', gen_random_uuid(), 'anonymousId', 'visitor-' || v,
            'properties', '{"title": "Welcome", "url": "https://example.com/", "referrer": "https://www.google.com/"}'::jsonb))
            FROM generate_series(i * 500, i * 500 + 499) AS v));
        COMMIT;
    END LOOP;
END $$;

CREATE SEQUENCE body_used;
CREATE PROCEDURE ingest_bodies(n integer, casts boolean DEFAULT false) LANGUAGE plpgsql AS $$
DECLARE
    next_body text;
BEGIN
    FOR i IN 1 .. n LOOP
        SELECT b.content INTO STRICT next_body FROM body AS b WHERE b.n = (SELECT nextval('body_used'));
        IF casts THEN
            PERFORM count(*) FROM mhub.ingest(next_body::jsonb);
        ELSE
            PERFORM count(*) FROM mhub.ingest(next_body);
        END IF;
        COMMIT;
    END LOOP;
END $$;

CREATE PROCEDURE insert_batches(n integer) LANGUAGE plpgsql AS $$
BEGIN
    FOR i IN 1 .. n LOOP
        INSERT INTO ev (message_id, ts, person, type, props)
        SELECT gen_random_uuid(), now(), (random() * 200000)::int, 'page', '{"url":"https://example.com/p/1?utm_source=google&utm_medium=cpc&gclid=abc","referrer":"https://www.google.com/","ua":"Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/120.0.0.0 Safari/537.36","ip":"203.0.113.9"}'::jsonb
        FROM generate_series(1, 500) ON CONFLICT DO NOTHING;
        COMMIT;
    END LOOP;
END $$;

CREATE PROCEDURE track_single(n integer) LANGUAGE plpgsql AS $$
BEGIN
    FOR i IN 1 .. n LOOP
        PERFORM mhub.track('page', jsonb_build_object('cookie', 'visitor-' || (random() * 2000)::int), '{"url": "https://example.com/p/1?utm_source=google&utm_medium=cpc&gclid=abc"}',
            '{"page": {"url": "https://example.com/p/1?utm_source=google&utm_medium=cpc&gclid=abc", "referrer": "https://www.google.com/"}, "userAgent": "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/120.0.0.0 Safari/537.36", "ip": "203.0.113.9"}');
        COMMIT;
    END LOOP;
END $$;

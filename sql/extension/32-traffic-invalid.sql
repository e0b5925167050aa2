-- Visits that do not count, and where an address is.

CREATE TYPE mhub.ip_location AS (
    country text,
    region text,
    city text,
    asn bigint,
    organisation text,
    time_zone text
);
COMMENT ON TYPE mhub.ip_location IS 'Where an address is: the result of mhub.ip_lookup().';
COMMENT ON COLUMN mhub.ip_location.country IS 'Country, ISO 3166-1 code.';
COMMENT ON COLUMN mhub.ip_location.region IS 'Name of the first-level subdivision (province, state).';
COMMENT ON COLUMN mhub.ip_location.city IS 'Name of the city.';
COMMENT ON COLUMN mhub.ip_location.asn IS 'Number of the autonomous system that announces the address.';
COMMENT ON COLUMN mhub.ip_location.organisation IS 'Who runs that system.';
COMMENT ON COLUMN mhub.ip_location.time_zone IS 'Time zone, IANA name.';

CREATE FUNCTION mhub.ip_lookup(ip inet) RETURNS mhub.ip_location
LANGUAGE c STABLE PARALLEL SAFE STRICT AS 'MODULE_PATHNAME', 'mhub_ip_lookup';
COMMENT ON FUNCTION mhub.ip_lookup(inet) IS
'Where an address is, by the files of mhub.ip_database. Every column is NULL that no file knows; all are without a file. A file that has gone missing or bad is a warning, not an error. Of a network (10.1.2.0/24) its first address is looked up, of ::ffff:1.2.3.4 the IPv4 address. NULL gives NULL.';

CREATE FUNCTION mhub.check_ip_database() RETURNS trigger
LANGUAGE c VOLATILE PARALLEL UNSAFE AS 'MODULE_PATHNAME', 'mhub_check_ip_database';
COMMENT ON FUNCTION mhub.check_ip_database() IS
'Trigger of mhub.ip_database: reads the whole search tree of a file and refuses one that is missing, damaged or of another format. Errors: data_corrupted with what is wrong; insufficient_privilege for a role without pg_read_server_files.';

CREATE FUNCTION mhub.ip_file_state(path text) RETURNS text
LANGUAGE c VOLATILE PARALLEL SAFE STRICT AS 'MODULE_PATHNAME', 'mhub_ip_file_state';
COMMENT ON FUNCTION mhub.ip_file_state(text) IS
'What is wrong with a file of mhub.ip_database, or "ok: " and the kind that the file says it is. For mhub.doctor().';

CREATE FUNCTION mhub.invalid_reason(user_agent text, ip inet DEFAULT NULL, referrer_host text DEFAULT NULL, url text DEFAULT NULL, name text DEFAULT NULL, properties jsonb DEFAULT NULL, context jsonb DEFAULT NULL) RETURNS text
LANGUAGE c STABLE PARALLEL SAFE AS 'MODULE_PATHNAME', 'mhub_invalid_reason';
COMMENT ON FUNCTION mhub.invalid_reason(text, inet, text, text, text, jsonb, jsonb) IS
'Why an event with this user agent, client address, referrer host, address, name, properties and context would not count, by mhub.invalid_rule; NULL for one that counts. A condition upon something that is NULL does not hold. Rules about rates are not tested.';

CREATE FUNCTION mhub.rejudged_reason(reason text, user_agent text, ip inet, referrer_host text, url text, name text, properties jsonb, context jsonb) RETURNS text
LANGUAGE c STABLE PARALLEL SAFE AS 'MODULE_PATHNAME', 'mhub_rejudged_reason';
COMMENT ON FUNCTION mhub.rejudged_reason(text, text, inet, text, text, text, jsonb, jsonb) IS
'The same as mhub.invalid_reason() for an event that was judged before, with this reason (NULL: it counts), when its whole address was known. Where only a network was kept (mhub.ip_policy), a rule about a part of it holds if its reason is the one given: neither an office nor an exception is forgotten. For mhub.reclassify_events().';

CREATE FUNCTION mhub.follow_judgement(event_ids bigint[]) RETURNS void
LANGUAGE sql VOLATILE PARALLEL UNSAFE SET search_path = pg_catalog, pg_temp AS $$
    SELECT mhub.recount_events(event_ids);
    INSERT INTO mhub.session_todo (identifier_id, since)
    SELECT e.identifier_id, min(e.occurred_at) FROM mhub.event AS e WHERE e.event_id = ANY (event_ids) GROUP BY e.identifier_id;
$$;
COMMENT ON FUNCTION mhub.follow_judgement(bigint[]) IS
'Makes counters, rollups and (with the next refresh) sessions follow a change of these events'' invalid_reason or channel.';

CREATE FUNCTION mhub.judge_rate(reason text, name text[], max_events integer, period interval, identifier_ids bigint[], since timestamptz, upto timestamptz) RETURNS bigint[]
LANGUAGE sql VOLATILE PARALLEL UNSAFE SET search_path = pg_catalog, pg_temp AS $$
    WITH counted AS (
        SELECT e.event_id, e.occurred_at, e.invalid_reason,
               count(*) OVER (PARTITION BY e.identifier_id, date_bin(period, e.occurred_at, '2000-01-03')) > max_events AS too_many
        FROM mhub.event AS e
        WHERE e.occurred_at >= date_bin(period, since, '2000-01-03') AND e.occurred_at < date_bin(period, upto, '2000-01-03') + period
          AND (identifier_ids IS NULL OR e.identifier_id = ANY (identifier_ids))
          AND (e.invalid_reason IS NULL OR e.invalid_reason = judge_rate.reason)
          AND (judge_rate.name IS NULL OR e.name = ANY (judge_rate.name))
    ), judged AS (
        UPDATE mhub.event AS e SET invalid_reason = CASE WHEN c.too_many THEN judge_rate.reason END
        FROM counted AS c
        WHERE e.event_id = c.event_id AND e.occurred_at = c.occurred_at AND c.too_many = (c.invalid_reason IS NULL)
        RETURNING e.event_id
    )
    SELECT array_agg(event_id) FROM judged
$$;
COMMENT ON FUNCTION mhub.judge_rate(text, text[], integer, interval, bigint[], timestamptz, timestamptz) IS
'Applies one rule about rates to the periods from that of since to that of upto: flags the events of identifiers with more than max_events valid events in a period, and takes the reason back where they have fewer. identifier_ids: only these; NULL: all. name: only events of these names. Returns the events changed (NULL: none). For mhub.flag_rates() and mhub.reclassify_events().';

CREATE PROCEDURE mhub.flag_rates(max_time interval DEFAULT '15 seconds')
LANGUAGE plpgsql AS $$
DECLARE
    enough timestamptz := pg_catalog.clock_timestamp() OPERATOR(pg_catalog.+) max_time;
    claim record;
    seen record;
    rule record;
    changed bigint[];
BEGIN
    LOOP
        SELECT c.after_event_id, c.upto_event_id INTO claim FROM mhub.claim_events('rates', 50000) AS c;
        EXIT WHEN claim.upto_event_id OPERATOR(pg_catalog.=) claim.after_event_id;
        -- Day by day, so that a few late events do not widen the time looked at for everybody.
        FOR seen IN
            SELECT pg_catalog.array_agg(DISTINCT e.identifier_id) AS identifier_ids, pg_catalog.min(e.occurred_at) AS since, pg_catalog.max(e.occurred_at) AS upto
            FROM mhub.event AS e
            WHERE e.event_id OPERATOR(pg_catalog.>) claim.after_event_id AND e.event_id OPERATOR(pg_catalog.<=) claim.upto_event_id
              AND e.invalid_reason IS NULL
            GROUP BY pg_catalog.date_trunc('day', e.occurred_at)
        LOOP
            FOR rule IN
                SELECT r.reason, r.name, r.max_events, r.period FROM mhub.invalid_rule AS r
                WHERE r.enabled AND r.max_events IS NOT NULL ORDER BY r.position
            LOOP
                changed := mhub.judge_rate(rule.reason, rule.name, rule.max_events, rule.period, seen.identifier_ids, seen.since, seen.upto);
                IF changed IS NOT NULL THEN
                    PERFORM mhub.follow_judgement(changed);
                END IF;
            END LOOP;
        END LOOP;
        COMMIT;
        EXIT WHEN pg_catalog.clock_timestamp() OPERATOR(pg_catalog.>=) enough;
    END LOOP;
    COMMIT;
END
$$;
COMMENT ON PROCEDURE mhub.flag_rates(interval) IS
'Applies the rules about rates of mhub.invalid_rule to what came since the last call. Works in steps of 50,000 event ids, committing each, for at most about max_time. mhub.run_jobs() calls it every minute.';

CREATE FUNCTION mhub.reason_may_hold(reason text, user_agent text, ip inet, referrer_host text, url text, properties jsonb, context jsonb) RETURNS boolean
LANGUAGE sql STABLE PARALLEL SAFE SET search_path = pg_catalog, pg_temp AS $$
    SELECT EXISTS (
        SELECT FROM mhub.invalid_rule AS r
        WHERE r.reason = $1 AND r.enabled AND r.max_events IS NULL
          AND ($2 IS NULL AND (r.robot OR r.user_agent IS NOT NULL)
               OR $3 IS NULL AND num_nonnulls(r.network, r.asn) > 0
               OR $4 IS NULL AND (r.spam OR r.referrer_host IS NOT NULL)
               OR num_nonnulls($2, $3, $4, $5) = 0 AND $6 = '{}' AND $7 = '{}'))
$$;
COMMENT ON FUNCTION mhub.reason_may_hold(text, text, inet, text, text, jsonb, jsonb) IS
'Whether an event that was given this reason may deserve it still, although no rule says so any more: because what a rule of that reason judges by is gone (user agents and addresses are scrubbed in time, an erased person''s events of everything).';

CREATE FUNCTION mhub.rejudge_events(since timestamptz, upto timestamptz, after_event_id bigint, upto_event_id bigint, batch_size integer, OUT last_event_id bigint, OUT changed bigint[])
RETURNS record LANGUAGE sql VOLATILE PARALLEL UNSAFE SET search_path = pg_catalog, pg_temp AS $$
    WITH next AS MATERIALIZED (
        SELECT e.event_id, e.occurred_at, e.invalid_reason, j.judged,
               CASE WHEN j.judged IS NULL AND e.invalid_reason IS NOT NULL
                    THEN mhub.reason_may_hold(e.invalid_reason, e.user_agent, e.ip, e.referrer_host, e.url, e.properties, e.context) END AS may_hold
        FROM mhub.event AS e
        CROSS JOIN LATERAL (SELECT mhub.rejudged_reason(e.invalid_reason, e.user_agent, e.ip, e.referrer_host, e.url, e.name, e.properties, e.context) AS judged OFFSET 0) AS j
        WHERE e.occurred_at >= since AND e.occurred_at < upto AND e.event_id > after_event_id AND e.event_id <= upto_event_id
        ORDER BY e.event_id LIMIT batch_size
    ), answer AS (
        -- A reason about rates stays until those rules are tested anew, and one whose evidence is gone for good.
        SELECT n.event_id, n.occurred_at, n.invalid_reason,
               coalesce(n.judged, CASE WHEN n.may_hold THEN n.invalid_reason END, (SELECT n.invalid_reason FROM mhub.invalid_rule AS r WHERE r.reason = n.invalid_reason AND r.max_events IS NOT NULL LIMIT 1)) AS reason
        FROM next AS n
    ), updated AS (
        -- A reason that a caller gave, and no rule, is not ours to take back.
        UPDATE mhub.event AS e SET invalid_reason = a.reason
        FROM answer AS a
        WHERE e.event_id = a.event_id AND e.occurred_at = a.occurred_at AND a.reason IS DISTINCT FROM a.invalid_reason
          AND (a.invalid_reason IS NULL OR EXISTS (SELECT FROM mhub.invalid_rule AS r WHERE r.reason = a.invalid_reason))
        RETURNING e.event_id
    )
    SELECT (SELECT max(n.event_id) FROM next AS n), (SELECT array_agg(u.event_id) FROM updated AS u)
$$;
COMMENT ON FUNCTION mhub.rejudge_events(timestamptz, timestamptz, bigint, bigint, integer) IS
'One step of mhub.reclassify_events(): judges at most batch_size events with since <= occurred_at < upto and after_event_id < event_id <= upto_event_id. last_event_id: the last one seen, NULL when there was none; changed: those whose reason changed, NULL: none.';

CREATE PROCEDURE mhub.reclassify_events(since timestamptz, upto timestamptz DEFAULT 'infinity', batch_size integer DEFAULT 10000)
LANGUAGE plpgsql AS $$
DECLARE
    horizon bigint := mhub.event_horizon();
    step record;
    rule record;
    day timestamptz;
    last_day timestamptz;
    last_id bigint := 0;
    changed bigint[];
BEGIN
    LOOP
        SELECT r.last_event_id, r.changed INTO step FROM mhub.rejudge_events(since, upto, last_id, horizon, batch_size) AS r;
        EXIT WHEN step.last_event_id IS NULL;
        last_id := step.last_event_id;
        IF step.changed IS NOT NULL THEN
            PERFORM mhub.follow_judgement(step.changed);
        END IF;
        COMMIT;
    END LOOP;
    COMMIT;

    SELECT pg_catalog.date_trunc('day', pg_catalog.min(e.occurred_at)), pg_catalog.max(e.occurred_at) INTO day, last_day
    FROM mhub.event AS e WHERE e.occurred_at OPERATOR(pg_catalog.>=) since AND e.occurred_at OPERATOR(pg_catalog.<) upto;
    WHILE day OPERATOR(pg_catalog.<=) last_day LOOP
        FOR rule IN
            SELECT r.reason, r.name, CASE WHEN r.enabled THEN r.max_events ELSE 2147483647 END AS max_events, r.period
            FROM mhub.invalid_rule AS r WHERE r.max_events IS NOT NULL ORDER BY r.position
        LOOP
            changed := mhub.judge_rate(rule.reason, rule.name, rule.max_events, rule.period, NULL, day, day OPERATOR(pg_catalog.+) interval '1 day' OPERATOR(pg_catalog.-) interval '1 microsecond');
            IF changed IS NOT NULL THEN
                PERFORM mhub.follow_judgement(changed);
            END IF;
        END LOOP;
        COMMIT;
        day := day OPERATOR(pg_catalog.+) interval '1 day';
    END LOOP;
    COMMIT;
END
$$;
COMMENT ON PROCEDURE mhub.reclassify_events(timestamptz, timestamptz, integer) IS
'Judges the events with since <= occurred_at < upto anew by the rules of now (mhub.invalid_rule, user agents, mhub.source_host, mhub.ip_database), and sets or takes back event.invalid_reason, counters and rollups with it. Reasons that no rule names were given by whoever recorded the event and stay; so do those whose evidence is gone since (mhub.reason_may_hold()). batch_size events at a time, committing each step, so it can be stopped and called again. Cannot run in a transaction block.';

CREATE FUNCTION mhub.reassign_channel_step(since timestamptz, upto timestamptz, after_event_id bigint, upto_event_id bigint, batch_size integer, OUT last_event_id bigint, OUT changed bigint[])
RETURNS record LANGUAGE sql VOLATILE PARALLEL UNSAFE SET search_path = pg_catalog, pg_temp AS $$
    WITH next AS MATERIALIZED (
        SELECT e.event_id, e.occurred_at, e.channel, e.is_paid, e.url, mhub.channel(e.source, e.medium, e.campaign) AS new_channel
        FROM mhub.event AS e
        WHERE e.occurred_at >= since AND e.occurred_at < upto AND e.event_id > after_event_id AND e.event_id <= upto_event_id
        ORDER BY e.event_id LIMIT batch_size
    ), paid AS (
        SELECT DISTINCT r.channel FROM mhub.channel_rule AS r JOIN mhub.channel_rule_version AS v ON v.version = r.version
        WHERE v.is_current AND r.is_paid
    ), answer AS (
        SELECT n.event_id, n.occurred_at, n.new_channel,
               n.new_channel IN (SELECT p.channel FROM paid AS p) OR coalesce((mhub.parse_source(n.url, NULL)).is_paid, false) AS new_paid
        FROM next AS n
        WHERE n.channel IS NOT NULL AND n.channel <> n.new_channel
    ), updated AS (
        UPDATE mhub.event AS e SET channel = a.new_channel, is_paid = a.new_paid
        FROM answer AS a
        WHERE e.event_id = a.event_id AND e.occurred_at = a.occurred_at
        RETURNING e.event_id
    )
    SELECT (SELECT max(n.event_id) FROM next AS n), (SELECT array_agg(u.event_id) FROM updated AS u)
$$;
COMMENT ON FUNCTION mhub.reassign_channel_step(timestamptz, timestamptz, bigint, bigint, integer) IS
'One step of mhub.reassign_channels(): looks at most batch_size events with since <= occurred_at < upto and after_event_id < event_id <= upto_event_id. last_event_id: the last one seen, NULL when there was none; changed: those whose channel changed, NULL: none.';

CREATE PROCEDURE mhub.reassign_channels(since timestamptz, upto timestamptz DEFAULT 'infinity', batch_size integer DEFAULT 10000)
LANGUAGE plpgsql AS $$
DECLARE
    horizon bigint := mhub.event_horizon();
    step record;
    last_id bigint := 0;
BEGIN
    LOOP
        SELECT r.last_event_id, r.changed INTO step FROM mhub.reassign_channel_step(since, upto, last_id, horizon, batch_size) AS r;
        EXIT WHEN step.last_event_id IS NULL;
        last_id := step.last_event_id;
        IF step.changed IS NOT NULL THEN
            PERFORM mhub.follow_judgement(step.changed);
        END IF;
        COMMIT;
    END LOOP;
    COMMIT;
END
$$;
COMMENT ON PROCEDURE mhub.reassign_channels(timestamptz, timestamptz, integer) IS
'Gives the events with since <= occurred_at < upto the channel that the current version of mhub.channel_rule gives to their source, medium and campaign, where that is another one; is_paid, rollups, sessions and attribution follow. Events that were no arrival stay without a channel. batch_size events at a time, committing each step, so it can be stopped and called again. Cannot run in a transaction block.';

CREATE FUNCTION mhub.doctor_traffic(OUT check_name text, OUT status text, OUT detail text, OUT hint text)
RETURNS SETOF record LANGUAGE sql VOLATILE PARALLEL UNSAFE SET search_path = pg_catalog, pg_temp AS $$
    SELECT 'channel rules', CASE WHEN count(*) = 1 THEN 'ok' ELSE 'fail' END,
           format('%s current version(s)', count(*)),
           CASE WHEN count(*) <> 1 THEN 'Set is_current for one version in mhub.channel_rule_version; until then every channel is Unassigned.' END
    FROM mhub.channel_rule_version AS v WHERE v.is_current
    UNION ALL
    SELECT 'IP database ' || d.name, CASE WHEN s.state LIKE 'ok:%' THEN 'ok' ELSE 'fail' END, s.state,
           CASE WHEN s.state NOT LIKE 'ok:%' THEN format('Put the file %s back, or change its row in mhub.ip_database.', d.path) END
    FROM mhub.ip_database AS d CROSS JOIN LATERAL mhub.ip_file_state(d.path) AS s(state) WHERE d.enabled
$$;
COMMENT ON FUNCTION mhub.doctor_traffic() IS 'Rows of mhub.doctor() about traffic: channel rules, IP databases.';

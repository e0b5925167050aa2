-- Rollups by hour and channel, and recounting what was judged anew.

CREATE FUNCTION mhub.hll_schema() RETURNS text
LANGUAGE sql STABLE PARALLEL SAFE SET search_path = pg_catalog, pg_temp AS $$
    SELECT quote_ident(n.nspname) FROM pg_extension AS e JOIN pg_namespace AS n ON n.oid = e.extnamespace WHERE e.extname = 'hll'
$$;
COMMENT ON FUNCTION mhub.hll_schema() IS
'Schema of extension hll (postgresql-hll), quoted for use in a statement; NULL where it is not installed. It decides whether the rollups'' visitors are kept as sketches or one by one.';

CREATE FUNCTION mhub.counted_value(value numeric, currency text, occurred_at timestamptz) RETURNS numeric
LANGUAGE c STABLE PARALLEL SAFE AS 'MODULE_PATHNAME', 'mhub_counted_value';
COMMENT ON FUNCTION mhub.counted_value(numeric, text, timestamptz) IS
'What the value of an event adds to sums of values (mhub.event_counter, mhub.rollup_hour, mhub.session): the value in the hub''s currency (mhub.attribution_setting.currency) by the rate of its day in mhub.exchange_rate, to 4 decimals. As it is where currency is NULL or the hub''s, or no rate is known. NULL for a NULL value.';

CREATE FUNCTION mhub.add_to_rollups(after_event_id bigint, upto_event_id bigint, from_time timestamptz, to_time timestamptz) RETURNS void
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    hll text := mhub.hll_schema();
BEGIN
    INSERT INTO mhub.rollup_hour AS r (hour, channel, name, events, value_sum)
    SELECT date_trunc('hour', e.occurred_at, 'UTC'), coalesce(e.channel, ''), e.name, count(*), coalesce(sum(mhub.counted_value(e.value, e.currency, e.occurred_at)), 0)
    FROM mhub.event AS e
    WHERE e.event_id > after_event_id AND e.event_id <= upto_event_id AND e.occurred_at >= from_time AND e.occurred_at < to_time
      AND e.invalid_reason IS NULL
    GROUP BY 1, 2, 3
    ON CONFLICT (hour, channel, name) DO UPDATE SET events = r.events + excluded.events, value_sum = r.value_sum + excluded.value_sum;

    IF hll IS NULL THEN
        INSERT INTO mhub.rollup_visitor (hour, channel, identifier_id)
        SELECT DISTINCT date_trunc('hour', e.occurred_at, 'UTC'), coalesce(e.channel, ''), e.identifier_id
        FROM mhub.event AS e
        WHERE e.event_id > after_event_id AND e.event_id <= upto_event_id AND e.occurred_at >= from_time AND e.occurred_at < to_time
          AND e.invalid_reason IS NULL AND e.type <> 'hub'
        ON CONFLICT DO NOTHING;
    ELSE
        EXECUTE format($statement$
            INSERT INTO mhub.rollup_sketch AS r (hour, channel, persons)
            SELECT date_trunc('hour', e.occurred_at, 'UTC'), coalesce(e.channel, ''), %1$s.hll_send(%1$s.hll_add_agg(%1$s.hll_hash_bigint(i.person_id)))
            FROM mhub.event AS e JOIN mhub.identifier AS i USING (identifier_id)
            WHERE e.event_id > $1 AND e.event_id <= $2 AND e.occurred_at >= $3 AND e.occurred_at < $4 AND e.invalid_reason IS NULL AND e.type <> 'hub'
            GROUP BY 1, 2
            ON CONFLICT (hour, channel) DO UPDATE SET persons = %1$s.hll_send(%1$s.hll_union(r.persons::%1$s.hll, excluded.persons::%1$s.hll))
            $statement$, hll)
        USING after_event_id, upto_event_id, from_time, to_time;
    END IF;
END
$$;
COMMENT ON FUNCTION mhub.add_to_rollups(bigint, bigint, timestamptz, timestamptz) IS
'Adds the valid events with after_event_id < event_id <= upto_event_id and from_time <= occurred_at < to_time to the rollups. For mhub.refresh_rollups() and mhub.rebuild_rollups(), which see to it that each event is added once.';

CREATE PROCEDURE mhub.refresh_rollups(max_time interval DEFAULT '15 seconds')
LANGUAGE plpgsql AS $$
DECLARE
    enough timestamptz := pg_catalog.clock_timestamp() OPERATOR(pg_catalog.+) max_time;
    claim record;
BEGIN
    LOOP
        SELECT c.after_event_id, c.upto_event_id INTO claim FROM mhub.claim_events('rollups', 200000) AS c;
        EXIT WHEN claim.upto_event_id OPERATOR(pg_catalog.=) claim.after_event_id;
        PERFORM mhub.add_to_rollups(claim.after_event_id, claim.upto_event_id, '-infinity', 'infinity');
        COMMIT;
        EXIT WHEN pg_catalog.clock_timestamp() OPERATOR(pg_catalog.>=) enough;
    END LOOP;
    COMMIT;
END
$$;
COMMENT ON PROCEDURE mhub.refresh_rollups(interval) IS
'Adds new events to the rollups, each exactly once: the sums and mhub.consumer move in one transaction, so a crash loses and doubles nothing. Works in steps of 200,000 event ids, committing each, for at most about max_time. mhub.run_jobs() calls it every 20 seconds; any number of callers may.';

CREATE FUNCTION mhub.rebuild_rollups(from_time timestamptz, to_time timestamptz) RETURNS void
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    first_hour timestamptz := greatest(date_trunc('hour', from_time, 'UTC'), mhub.retired_before('event'));
    last_hour timestamptz := date_trunc('hour', to_time, 'UTC');
    done bigint;
BEGIN
    -- Whoever adds new events meanwhile waits for this row.
    INSERT INTO mhub.consumer (name) VALUES ('rollups') ON CONFLICT DO NOTHING;
    SELECT c.last_event_id INTO done FROM mhub.consumer AS c WHERE c.name = 'rollups' FOR UPDATE;
    DELETE FROM mhub.rollup_hour AS r WHERE r.hour BETWEEN first_hour AND last_hour;
    DELETE FROM mhub.rollup_visitor AS r WHERE r.hour BETWEEN first_hour AND last_hour;
    DELETE FROM mhub.rollup_sketch AS r WHERE r.hour BETWEEN first_hour AND last_hour;
    PERFORM mhub.add_to_rollups(0, done, first_hour, last_hour + interval '1 hour');
END
$$;
COMMENT ON FUNCTION mhub.rebuild_rollups(timestamptz, timestamptz) IS
'Makes the rollups of all hours from that of from_time to that of to_time anew from mhub.event: after events were judged or channels assigned anew. Hours before mhub.retired_before(''event''), whose events are retired, stay as they are. NULL does nothing useful: nothing is rebuilt.';

CREATE FUNCTION mhub.recount_events(event_ids bigint[]) RETURNS void
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    hours record;
    retired date := mhub.hub_day(mhub.retired_before('event'));
BEGIN
    -- Lock the counters, in the order of all writers, before looking at the events: a writer that is
    -- under way has then either committed what is counted here, or waits and adds to it.
    INSERT INTO mhub.event_counter AS c (identifier_id, name, day, count, first_at, last_at)
    SELECT e.identifier_id, e.name, mhub.hub_day(e.occurred_at), 0, min(e.occurred_at), max(e.occurred_at)
    FROM mhub.event AS e WHERE e.event_id = ANY (event_ids)
    GROUP BY e.identifier_id, e.name, mhub.hub_day(e.occurred_at)
    ORDER BY e.identifier_id, e.name COLLATE "C", mhub.hub_day(e.occurred_at)
    ON CONFLICT (identifier_id, name, day) DO UPDATE SET count = c.count;

    UPDATE mhub.event_counter AS c SET count = t.count, value_sum = t.value_sum, first_at = coalesce(t.first_at, c.first_at), last_at = coalesce(t.last_at, c.last_at)
    FROM (SELECT DISTINCT e.identifier_id, e.name, mhub.hub_day(e.occurred_at) AS day FROM mhub.event AS e WHERE e.event_id = ANY (event_ids)) AS k
    CROSS JOIN LATERAL (
        SELECT count(*) AS count, coalesce(sum(mhub.counted_value(e.value, e.currency, e.occurred_at)), 0) AS value_sum, min(e.occurred_at) AS first_at, max(e.occurred_at) AS last_at
        FROM mhub.event AS e
        WHERE e.identifier_id = k.identifier_id AND e.name = k.name AND e.invalid_reason IS NULL
          -- The day as the counters are written: where clocks go back at midnight its start by the calendar is two times.
          AND e.occurred_at >= k.day - 2 AND e.occurred_at < k.day + 3 AND mhub.hub_day(e.occurred_at) = k.day
    ) AS t
    WHERE c.identifier_id = k.identifier_id AND c.name = k.name AND c.day = k.day AND c.day > retired;

    DELETE FROM mhub.event_counter AS c
    USING mhub.event AS e
    WHERE e.event_id = ANY (event_ids) AND c.identifier_id = e.identifier_id AND c.name = e.name AND c.day = mhub.hub_day(e.occurred_at) AND c.count = 0;

    FOR hours IN
        SELECT min(h.hour) AS first, max(h.hour) AS last
        FROM (SELECT d.hour, d.hour - row_number() OVER (ORDER BY d.hour) * interval '1 hour' AS run
              FROM (SELECT DISTINCT date_trunc('hour', e.occurred_at, 'UTC') AS hour FROM mhub.event AS e WHERE e.event_id = ANY (event_ids)) AS d) AS h
        GROUP BY h.run ORDER BY 1
    LOOP
        PERFORM mhub.rebuild_rollups(hours.first, hours.last);
    END LOOP;
END
$$;
COMMENT ON FUNCTION mhub.recount_events(bigint[]) IS
'Makes the counters (mhub.event_counter) and rollups that the given events belong to agree with mhub.event again. Call it in the transaction that changed their invalid_reason, value or channel. Exact while others write events. Of days with retired events (mhub.retired_before(''event'')) nothing can be counted anew: those counters stay. Unknown ids and NULL are ignored.';

CREATE FUNCTION mhub.traffic_by_hour(from_time timestamptz, to_time timestamptz, OUT hour timestamptz, OUT channel text,
    OUT events bigint, OUT value_sum numeric, OUT visitors bigint)
RETURNS SETOF record LANGUAGE plpgsql STABLE PARALLEL RESTRICTED SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    RETURN QUERY
    SELECT r.hour, r.channel, sum(r.events)::bigint, sum(r.value_sum), mhub.unique_visitors(r.hour, r.hour + interval '1 hour', r.channel)
    FROM mhub.rollup_hour AS r WHERE r.hour >= from_time AND r.hour < to_time
    GROUP BY r.hour, r.channel ORDER BY r.hour, r.channel;
END
$$;
COMMENT ON FUNCTION mhub.traffic_by_hour(timestamptz, timestamptz) IS
'Valid events per hour and channel for the hours that start at from_time or later and before to_time: their number, the sum of their values (mhub.counted_value()), and the visitors (persons; see mhub.unique_visitors()). Hours and channels without events are left out.';

CREATE FUNCTION mhub.unique_visitors(from_time timestamptz, to_time timestamptz, channel text DEFAULT NULL) RETURNS bigint
LANGUAGE plpgsql STABLE PARALLEL RESTRICTED SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    hll text := mhub.hll_schema();
    visitors bigint;
BEGIN
    IF hll IS NULL THEN
        IF EXISTS (SELECT FROM mhub.rollup_sketch AS s WHERE s.hour >= from_time AND s.hour < to_time) THEN
            RAISE EXCEPTION 'visitors of these hours are kept as sketches of extension hll, which is not installed'
                USING ERRCODE = 'feature_not_supported', HINT = 'Run CREATE EXTENSION hll; or make them anew with mhub.rebuild_rollups(from_time, to_time).';
        END IF;
        SELECT count(DISTINCT i.person_id) INTO visitors
        FROM mhub.rollup_visitor AS v JOIN mhub.identifier AS i USING (identifier_id)
        WHERE v.hour >= from_time AND v.hour < to_time AND (v.channel = unique_visitors.channel OR unique_visitors.channel IS NULL);
        RETURN visitors;
    END IF;
    EXECUTE format($statement$
        SELECT coalesce(round(%1$s.hll_cardinality(%1$s.hll_union_agg(s.sketch))), 0)::bigint
        FROM (SELECT r.persons::%1$s.hll FROM mhub.rollup_sketch AS r
              WHERE r.hour >= $1 AND r.hour < $2 AND (r.channel = $3 OR $3 IS NULL)
              UNION ALL
              SELECT %1$s.hll_add_agg(%1$s.hll_hash_bigint(i.person_id)) FROM mhub.rollup_visitor AS v JOIN mhub.identifier AS i USING (identifier_id)
              WHERE v.hour >= $1 AND v.hour < $2 AND (v.channel = $3 OR $3 IS NULL)) AS s (sketch)
        $statement$, hll)
    INTO visitors USING from_time, to_time, channel;
    RETURN visitors;
END
$$;
COMMENT ON FUNCTION mhub.unique_visitors(timestamptz, timestamptz, text) IS
'How many persons had valid events, other than those of the hub itself, in the hours that start at from_time or later and before to_time, in a channel or (NULL) in all. With extension hll an estimate (about 2 % off) from sketches, in which persons merged since then count one by one; without it exact. Errors: feature_not_supported when the hours are kept as sketches and hll is gone.';

-- Connectors: events out to other systems, spend in from advertising platforms.

CREATE FUNCTION mhub.subscription_key(name text) RETURNS text
LANGUAGE sql IMMUTABLE PARALLEL SAFE STRICT SET search_path = pg_catalog, pg_temp AS $$
    SELECT CASE WHEN name ~ '^[A-Za-z0-9_.-]+$' THEN name
                ELSE regexp_replace(name, '[^A-Za-z0-9.-]+', '_', 'g') || '-' || left(md5(name), 8) END
$$;
COMMENT ON FUNCTION mhub.subscription_key(text) IS
'A subscription''s name as it stands in the headers of its requests: as it is, or, where it has other characters than A-Z, a-z, 0-9, _, . and -, those replaced and eight digits of its MD5 added. NULL for NULL.';

CREATE FUNCTION mhub.subscribe_webhook(name text, provider text, event_names text[] DEFAULT NULL, conversions boolean DEFAULT false, filter jsonb DEFAULT '{}') RETURNS text
LANGUAGE sql VOLATILE PARALLEL UNSAFE SET search_path = pg_catalog, pg_temp AS $$
    INSERT INTO mhub.webhook_subscription (name, provider, event_names, conversions, filter, after_event_id)
    SELECT $1, $2, $3, $4, $5, mhub.event_horizon() RETURNING name
$$;
COMMENT ON FUNCTION mhub.subscribe_webhook(text, text, text[], boolean, jsonb) IS
'Subscribes a system, reached through a provider of kind webhook, to events from now on: event_names (NULL: all; segments entered and left are events too), filter (properties they must have), conversions. Each goes out as {"type", "timestamp", "data"} with the webhook-id sub_<name>_event_<id> or sub_<name>_conversion_<id> (mhub.subscription_key()), in order for each person: the next one waits until the one before is delivered or given up. Returns the name. Errors: foreign_key_violation for an unknown provider, unique_violation for a name that is taken.';

CREATE FUNCTION mhub.queue_event_webhooks(subscription text, after_event_id bigint, upto_event_id bigint) RETURNS bigint
LANGUAGE sql VOLATILE PARALLEL UNSAFE SET search_path = pg_catalog, pg_temp AS $$
    WITH queued AS (
        INSERT INTO mhub.message (channel, purpose, provider, idempotency_key, order_key, not_before, data)
        SELECT p.channel, 'system', s.provider, format('sub_%s_event_%s', k.key, e.event_id), format('%s %s', k.key, i.person_id), mhub.now(),
               jsonb_build_object('type', e.name, 'timestamp', to_char(e.occurred_at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"'),
                   'data', jsonb_strip_nulls(jsonb_build_object('event_id', e.event_id, 'person_id', i.person_id, 'identifier_kind', i.kind,
                       'source', e.source, 'medium', e.medium, 'campaign', e.campaign, 'value', e.value, 'currency', e.currency,
                       'url', e.url, 'properties', e.properties)))
        FROM mhub.webhook_subscription AS s
        CROSS JOIN mhub.subscription_key(s.name) AS k (key)
        JOIN mhub.provider AS p ON p.name = s.provider
        JOIN mhub.event AS e ON e.event_id > greatest($2, s.after_event_id) AND e.event_id <= $3
         AND (s.event_names IS NULL OR e.name = ANY (s.event_names)) AND e.properties @> s.filter AND e.invalid_reason IS NULL
        JOIN mhub.identifier AS i ON i.identifier_id = e.identifier_id
        WHERE ($1 IS NULL OR s.name = $1) AND s.active
        ORDER BY e.event_id
        RETURNING 1
    )
    SELECT count(*) FROM queued
$$;
COMMENT ON FUNCTION mhub.queue_event_webhooks(text, bigint, bigint) IS
'Queues the events with after_event_id < event_id <= upto_event_id for a subscription (NULL: for all) as far as they are its business; returns how many messages that made. Internal: mhub.feed_webhooks() and mhub.replay_webhook() call it.';

CREATE PROCEDURE mhub.feed_webhooks(max_time interval DEFAULT '15 seconds')
LANGUAGE plpgsql AS $$
DECLARE
    stop_at timestamptz := pg_catalog.clock_timestamp() OPERATOR(pg_catalog.+) max_time;
    bounds record;
BEGIN
    LOOP
        SELECT * INTO bounds FROM mhub.claim_events('webhooks', 5000);
        EXIT WHEN bounds.after_event_id OPERATOR(pg_catalog.=) bounds.upto_event_id;
        PERFORM mhub.queue_event_webhooks(NULL, bounds.after_event_id, bounds.upto_event_id);
        COMMIT;
        EXIT WHEN pg_catalog.clock_timestamp() OPERATOR(pg_catalog.>=) stop_at;
    END LOOP;
    COMMIT;
END
$$;
COMMENT ON PROCEDURE mhub.feed_webhooks(interval) IS
'Queues what is new among the events for every subscription of mhub.webhook_subscription, each event once, until nothing is left or max_time is over; commits after every 5,000 events. mhub.deliver_messages() then sends it. Run by mhub.run_jobs().';

CREATE FUNCTION mhub.replay_webhook(subscription text, since timestamptz, until timestamptz DEFAULT now()) RETURNS bigint
LANGUAGE sql VOLATILE PARALLEL UNSAFE SET search_path = pg_catalog, pg_temp AS $$
    WITH again AS (
        INSERT INTO mhub.message (channel, purpose, provider, idempotency_key, order_key, not_before, data)
        SELECT m.channel, m.purpose, s.provider, m.idempotency_key, m.order_key, mhub.now(), m.data
        FROM mhub.webhook_subscription AS s
        CROSS JOIN mhub.subscription_key(s.name) AS k (key)
        JOIN LATERAL (
            SELECT DISTINCT ON (o.idempotency_key) o.* FROM mhub.message AS o
            WHERE starts_with(o.idempotency_key, format('sub_%s_', k.key)) AND starts_with(o.order_key, k.key || ' ')
              AND o.created_at >= $2 AND o.created_at < $3 AND NOT o.pending AND o.data <> '{}'
            ORDER BY o.idempotency_key, o.message_id
        ) AS m ON true
        WHERE s.name = $1 ORDER BY m.message_id
        RETURNING 1
    )
    SELECT count(*) FROM again
$$;
COMMENT ON FUNCTION mhub.replay_webhook(text, timestamptz, timestamptz) IS
'Sends again what a subscription was sent from since until until (times of queueing), in the old order and with the old webhook-ids, so that the receiver can tell what it has already; messages still on their way are left alone. Returns how many. For a receiver that lost data.';

CREATE FUNCTION mhub.conversion_to_webhooks() RETURNS trigger
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    INSERT INTO mhub.message (channel, purpose, provider, idempotency_key, order_key, not_before, data)
    SELECT p.channel, 'system', s.provider, format('sub_%s_conversion_%s', k.key, c.conversion_id), format('%s %s', k.key, i.person_id), mhub.now(),
           jsonb_build_object('type', 'conversion', 'timestamp', to_char(c.occurred_at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"'),
               'data', jsonb_strip_nulls(jsonb_build_object('conversion_id', c.conversion_id, 'goal', g.key, 'person_id', i.person_id,
                   'value', c.value, 'currency', c.currency, 'order_id', c.order_id)))
    FROM fresh AS c
    JOIN mhub.goal AS g ON g.goal_id = c.goal_id
    JOIN mhub.identifier AS i ON i.identifier_id = c.identifier_id
    CROSS JOIN mhub.webhook_subscription AS s
    CROSS JOIN mhub.subscription_key(s.name) AS k (key)
    JOIN mhub.provider AS p ON p.name = s.provider
    WHERE s.active AND s.conversions
    ORDER BY c.conversion_id;
    RETURN NULL;
END
$$;
COMMENT ON FUNCTION mhub.conversion_to_webhooks() IS
'Trigger of mhub.conversion: queues new conversions for the subscriptions that want them, in the same transaction.';

CREATE FUNCTION mhub.next_cost_page(OUT source text, OUT provider text, OUT data jsonb) RETURNS record
LANGUAGE sql VOLATILE PARALLEL UNSAFE SET search_path = pg_catalog, pg_temp AS $$
    WITH due AS (
        SELECT c.name FROM mhub.cost_source AS c JOIN mhub.provider AS p ON p.name = c.provider AND p.active AND p.kind = 'http'
        WHERE c.active AND c.not_before <= mhub.now() AND c.next_day < mhub.hub_day(mhub.now())
        ORDER BY c.not_before, c.name LIMIT 1 FOR UPDATE OF c SKIP LOCKED
    )
    UPDATE mhub.cost_source AS c
    SET not_before = mhub.now() + p.timeout + interval '1 minute', started_day = c.next_day,
        page = CASE WHEN c.started_day = c.next_day THEN c.page ELSE 1 END,
        cursor = CASE WHEN c.started_day = c.next_day THEN c.cursor END,
        entries = CASE WHEN c.started_day = c.next_day THEN c.entries ELSE '[]' END
    FROM due, mhub.provider AS p WHERE c.name = due.name AND p.name = c.provider
    RETURNING c.name, c.provider, jsonb_build_object('day', c.next_day, 'page', c.page, 'cursor', coalesce(c.cursor, ''))
$$;
COMMENT ON FUNCTION mhub.next_cost_page() IS
'The next page of spend to ask for: source, its provider and what the provider''s templates see; keeps others from asking for the same meanwhile. NULLs when there is nothing to do. Internal: mhub.fetch_costs() calls it.';

CREATE FUNCTION mhub.replace_cost(day date, entries jsonb, mapping jsonb, defaults jsonb, day_format text) RETURNS void
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    PERFORM mhub.import_cost(entries, mapping, defaults, day_format);
    -- What the platform does not report any more. No rows at all are no report, and where rows name platforms of their own
    -- nobody knows which of them are missing.
    DELETE FROM mhub.cost AS c
    WHERE c.day = replace_cost.day AND c.platform = lower(defaults ->> 'platform') AND NOT mapping ? 'platform' AND entries <> '[]'
      AND NOT EXISTS (SELECT FROM mhub.cost_entries(entries, mapping, defaults) AS v
                      WHERE to_date(v.day, day_format) = c.day AND v.platform = c.platform
                        AND (v.campaign_id, v.campaign, v.ad, v.keyword, v.currency) = (c.campaign_id, c.campaign, c.ad, c.keyword, c.currency));
END
$$;
COMMENT ON FUNCTION mhub.replace_cost(date, jsonb, jsonb, jsonb, text) IS
'mhub.import_cost() of all the spend of a day, and what the day had besides of the same platform (defaults) is deleted: a campaign that the platform has taken back. With no entries, or where mapping names the platform, nothing is deleted. Internal: mhub.take_cost_page() calls it.';

CREATE FUNCTION mhub.take_cost_page(source text, answer text, problem text) RETURNS boolean
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    this record;
    page_rows jsonb;
    following text;
    trouble text := problem;
BEGIN
    SELECT * INTO STRICT this FROM mhub.cost_source AS c WHERE c.name = source FOR UPDATE;
    -- Somebody set next_day anew while the page was on its way.
    IF this.started_day IS DISTINCT FROM this.next_day THEN
        UPDATE mhub.cost_source AS c SET not_before = mhub.now() WHERE c.name = source;
        RETURN true;
    END IF;
    IF trouble IS NULL THEN
        BEGIN
            page_rows := jsonb_path_query_array(answer::jsonb, this.rows_path);
            following := nullif(nullif(jsonb_path_query_first(answer::jsonb, this.next_path) #>> '{}', ''), 'false');
            IF following IS NULL THEN
                PERFORM mhub.replace_cost(this.next_day, this.entries || page_rows, this.mapping,
                    jsonb_build_object('day', to_char(this.next_day, this.day_format), 'platform', this.name) || this.defaults, this.day_format);
            END IF;
        EXCEPTION WHEN data_exception OR invalid_parameter_value OR not_null_violation OR check_violation THEN
            trouble := SQLERRM;
        END;
    END IF;
    IF trouble IS NOT NULL THEN
        -- A page that keeps failing may be asked for by a cursor that is no longer good: the day begins anew.
        UPDATE mhub.cost_source AS c SET failures = c.failures + 1, last_error = trouble,
            started_day = CASE WHEN (c.failures + 1) % 3 <> 0 THEN c.started_day END,
            not_before = mhub.now() + least(interval '1 minute' * power(2, least(c.failures, 10)), interval '6 hours')
        WHERE c.name = source;
        RETURN false;
    END IF;
    UPDATE mhub.cost_source AS c
    SET failures = 0, last_error = NULL,
        entries = CASE WHEN following IS NULL THEN '[]' ELSE c.entries || page_rows END,
        page = CASE WHEN following IS NULL THEN 1 ELSE c.page + 1 END,
        cursor = following,
        imported_at = CASE WHEN following IS NULL THEN mhub.now() ELSE c.imported_at END,
        next_day = CASE WHEN following IS NOT NULL THEN c.next_day
                        WHEN c.next_day + 1 < mhub.hub_day(mhub.now()) THEN c.next_day + 1
                        ELSE c.next_day - c.look_back END,
        not_before = CASE WHEN following IS NULL AND c.next_day + 1 >= mhub.hub_day(mhub.now()) THEN mhub.now() + c.every ELSE mhub.now() END
    WHERE c.name = source;
    RETURN true;
END
$$;
COMMENT ON FUNCTION mhub.take_cost_page(text, text, text) IS
'Takes the answer to mhub.next_cost_page() (or the problem, when there is none): keeps its rows, and with the last page of a day imports them all by mhub.replace_cost() and goes on to the next day; after yesterday it goes back look_back days and waits. An answer that makes no sense counts as a failure: it is noted and that page tried again later; after every third failure in a row the day begins anew. True when the page was good. Internal: mhub.fetch_costs() calls it.';

CREATE PROCEDURE mhub.fetch_costs(max_time interval DEFAULT '20 seconds')
LANGUAGE c AS 'MODULE_PATHNAME', 'mhub_fetch_costs';
COMMENT ON PROCEDURE mhub.fetch_costs(interval) IS
'Fetches the spend that is due from the sources of mhub.cost_source, page by page and day by day, until nothing is left or max_time is over. No transaction is open during network traffic. Safe to run again and by several sessions: a day replaces what was there of it. Run by mhub.run_jobs(). Errors: active_sql_transaction inside a transaction block, invalid_parameter_value for max_time.';

-- mhub.doctor() about delivery.

CREATE FUNCTION mhub.doctor_delivery(OUT check_name text, OUT status text, OUT detail text, OUT hint text)
RETURNS SETOF record LANGUAGE sql STABLE PARALLEL RESTRICTED SET search_path = pg_catalog, pg_temp AS $$
    SELECT 'providers', CASE WHEN count(*) = 0 THEN 'ok' ELSE 'warn' END,
           CASE WHEN count(*) = 0 THEN 'no provider is paused' ELSE string_agg(format('%s (%s until %s)', s.provider, s.pause_reason, s.paused_until), ', ' ORDER BY s.provider) END,
           CASE WHEN count(*) > 0 THEN 'See mhub.delivery_failure for what they answer; mhub.delivery_hour shows since when.' END
    FROM mhub.provider_state AS s JOIN mhub.provider AS p ON p.name = s.provider AND p.active
    WHERE s.breaker <> 'closed' OR s.paused_until > now()
    UNION ALL
    SELECT 'messages without provider', CASE WHEN count(*) = 0 THEN 'ok' ELSE 'fail' END,
           CASE WHEN count(*) = 0 THEN 'every channel with messages has an active provider' ELSE 'no active provider for ' || string_agg(w.channel, ', ' ORDER BY w.channel) END,
           CASE WHEN count(*) > 0 THEN 'Create one with mhub.create_provider(), or set active of one in mhub.provider.' END
    FROM (SELECT DISTINCT c.channel FROM mhub.delivery_channel AS c
          WHERE EXISTS (SELECT FROM mhub.message_queue AS q WHERE q.channel = c.channel)
            AND NOT EXISTS (SELECT FROM mhub.provider AS p WHERE p.channel = c.channel AND p.active)) AS w
    UNION ALL
    SELECT 'outbox', CASE WHEN coalesce(max(b.oldest_due), '0') < interval '15 minutes' THEN 'ok' ELSE 'warn' END,
           format('%s due, the oldest for %s', coalesce(sum(b.due), 0), date_trunc('second', coalesce(max(b.oldest_due), '0'))),
           CASE WHEN max(b.oldest_due) >= interval '15 minutes' THEN 'Is mhub.deliver_messages() running (mhub.schedule(), mhub.job)? See mhub.delivery_backlog.' END
    FROM mhub.delivery_backlog AS b
    UNION ALL
    SELECT 'messages to review', CASE WHEN count(*) = 0 THEN 'ok' ELSE 'warn' END,
           format('%s unknown, %s dead in the last 7 days', count(*) FILTER (WHERE m.state = 'unknown'), count(*) FILTER (WHERE m.state = 'dead')),
           CASE WHEN count(*) > 0 THEN 'Look at mhub.message; mhub.retry_message(message_id) sends one again.' END
    FROM mhub.message AS m WHERE m.state IN ('unknown', 'dead') AND m.created_at > now() - interval '7 days'
    UNION ALL
    SELECT 'secrets in the clear', CASE WHEN count(*) = 0 THEN 'ok' ELSE 'warn' END,
           CASE WHEN count(*) = 0 THEN 'no provider with secrets talks without TLS' ELSE 'without TLS: ' || string_agg(p.name, ', ' ORDER BY p.name) END,
           CASE WHEN count(*) > 0 THEN 'Use https:// or smtps:// addresses, or tls = required for STARTTLS.' END
    FROM mhub.provider AS p
    WHERE p.active AND EXISTS (SELECT FROM mhub.provider_secret AS s WHERE s.provider = p.name AND s.name <> 'signing_key')
      AND (p.url LIKE 'http://%' OR p.kind = 'smtp' AND p.url LIKE 'smtp://%' AND p.tls = 'none')
    UNION ALL
    SELECT 'cost sources', CASE WHEN count(*) = 0 THEN 'ok' ELSE 'warn' END,
           CASE WHEN count(*) = 0 THEN 'no source of spend fails' ELSE string_agg(format('%s: %s', c.name, c.last_error), '; ' ORDER BY c.name) END,
           CASE WHEN count(*) > 0 THEN 'Correct the provider, rows_path or mapping; it is tried again by itself.' END
    FROM mhub.cost_source AS c WHERE c.active AND c.failures > 2
$$;
COMMENT ON FUNCTION mhub.doctor_delivery() IS 'Rows of mhub.doctor() about delivery: paused providers, channels without one, age of the outbox, messages to review, secrets sent without TLS, sources of spend that fail.';

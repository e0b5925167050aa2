-- The delivery engine, providers and their secrets, and what may be sent to whom.

CREATE FUNCTION mhub.quiet_end(at timestamptz, zone text, quiet_from time, quiet_until time) RETURNS timestamptz
LANGUAGE sql IMMUTABLE PARALLEL SAFE STRICT SET search_path = pg_catalog, pg_temp AS $$
    SELECT nullif(mhub.next_local_time(at, zone, NULL, quiet_until, quiet_from), at) WHERE quiet_from <> quiet_until
$$;
COMMENT ON FUNCTION mhub.quiet_end(timestamptz, text, time, time) IS
'When quiet hours from quiet_from to quiet_until (local times in zone, maybe over midnight) end, for an instant within them; NULL outside of them, when both times are the same, and for a NULL argument. Error invalid_parameter_value for an unknown zone.';

CREATE FUNCTION mhub.messages_sent(person_id bigint, channel text, since timestamptz, before_id bigint DEFAULT NULL, batch bigint[] DEFAULT '{}') RETURNS bigint
LANGUAGE sql STABLE PARALLEL UNSAFE SET search_path = pg_catalog, pg_temp AS $$
    SELECT count(*) FROM mhub.message AS m
    WHERE m.person_id IN (SELECT mhub.person_family($1)) AND m.channel = $2 AND m.purpose = 'marketing'
      AND (m.sent_at >= $3 OR m.state = 'sending' AND (m.message_id < $4 OR m.message_id <> ALL (batch) AND m.message_id <> $4))
$$;
COMMENT ON FUNCTION mhub.messages_sent(bigint, text, timestamptz, bigint, bigint[]) IS
'Marketing messages sent to a person (any id of it) on a channel since a time, and those just being sent other than before_id; of those claimed together with it (batch) only the ones whose message_id is smaller. For frequency caps.';

CREATE FUNCTION mhub.cap_verdict(message_id bigint, person_id bigint, channel text, cap_count integer, cap_period interval, at timestamptz, batch bigint[],
    OUT state text, OUT reason text, OUT not_before timestamptz) RETURNS record
LANGUAGE plpgsql STABLE PARALLEL UNSAFE SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    IF mhub.messages_sent(person_id, channel, at - cap_period, message_id, batch) < cap_count THEN
        RETURN;
    END IF;
    reason := 'cap';
    IF mhub.messages_sent(person_id, channel, at - cap_period) >= cap_count THEN
        state := 'suppressed';
    ELSE
        -- What is on its way may come to nothing yet: behind all that is due now.
        state := 'deferred'; not_before := at;
    END IF;
END
$$;
COMMENT ON FUNCTION mhub.cap_verdict(bigint, bigint, text, integer, interval, timestamptz, bigint[]) IS
'Whether a frequency cap of cap_count marketing messages within cap_period stands in a message''s way: state suppressed when so many have been sent to the person on the channel, deferred until now, behind all others, when it depends on some that are being sent; NULL: it does not. batch: the messages claimed together with it.';

CREATE FUNCTION mhub.message_verdict(message_id bigint, person_id bigint, channel text, purpose text, enrollment_id bigint, at timestamptz, batch bigint[] DEFAULT '{}',
    OUT state text, OUT reason text, OUT not_before timestamptz) RETURNS record
LANGUAGE plpgsql STABLE PARALLEL UNSAFE SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    rules record;
    zone text;
BEGIN
    SELECT * INTO rules FROM mhub.delivery_channel AS c WHERE c.channel = message_verdict.channel;
    -- Who is on the suppression list has no consent.
    IF message_verdict.purpose = 'marketing' AND rules.consent_required THEN
        IF NOT mhub.has_consent(message_verdict.person_id, 'marketing', message_verdict.channel) THEN
            state := 'suppressed'; reason := 'no_consent';
            RETURN;
        END IF;
    ELSIF mhub.is_suppressed_person(message_verdict.person_id, message_verdict.channel) THEN
        state := 'suppressed'; reason := 'suppressed';
        RETURN;
    END IF;
    -- what tells other systems (webhooks) is no message to the person
    IF message_verdict.enrollment_id IS NOT NULL AND message_verdict.purpose <> 'system' AND mhub.left_workflow(message_verdict.enrollment_id) THEN
        state := 'suppressed'; reason := 'left_workflow';
    END IF;
    IF state IS NOT NULL OR message_verdict.purpose <> 'marketing' THEN
        RETURN;
    END IF;
    IF rules.cap_count IS NOT NULL THEN
        SELECT c.* INTO state, reason, not_before
        FROM mhub.cap_verdict(message_verdict.message_id, message_verdict.person_id, message_verdict.channel, rules.cap_count, rules.cap_period, at, batch) AS c;
    END IF;
    IF state IS NULL AND rules.quiet_from IS NOT NULL THEN
        SELECT v.definition ->> 'time_zone' INTO zone FROM mhub.enrollment AS e JOIN mhub.workflow_version AS v USING (version_id) WHERE e.enrollment_id = message_verdict.enrollment_id;
        zone := coalesce(zone, mhub.hub_time_zone());
        SELECT mhub.person_zone(p.traits, zone) INTO zone FROM mhub.person AS p WHERE p.person_id = mhub.resolve_person(message_verdict.person_id);
        not_before := mhub.quiet_end(at, zone, rules.quiet_from, rules.quiet_until);
        IF not_before IS NOT NULL THEN
            state := 'deferred'; reason := 'quiet_hours';
        END IF;
    END IF;
END
$$;
COMMENT ON FUNCTION mhub.message_verdict(bigint, bigint, text, text, bigint, timestamptz, bigint[]) IS
'Whether a message for a person may be sent at a time (batch: the messages claimed together with it): state NULL when it may; suppressed with the reason no_consent, suppressed (suppression list), left_workflow (its enrollment reached its goal, met an exit criterion or was removed; not for purpose system) or cap; deferred with reason quiet_hours, or cap while that depends on others under way, until not_before. Quiet hours are those of the person''s zone (mhub.person_zone()), else of the workflow''s, else of the hub''s.';

CREATE FUNCTION mhub.message_links(message_id bigint, used_in text, OUT links jsonb, OUT unsubscribe_url text) RETURNS record
LANGUAGE sql STABLE PARALLEL RESTRICTED SET search_path = pg_catalog, pg_temp AS $$
    SELECT CASE WHEN coalesce(current_setting('mhub.link_url', true), '') <> '' THEN
               (SELECT jsonb_object_agg(l.name, current_setting('mhub.link_url') || mhub.link_token(message_id, l.link_id))
                FROM mhub.tracked_link AS l WHERE l.revoked_at IS NULL AND strpos(used_in, 'links.' || l.name) > 0) END,
           nullif(current_setting('mhub.unsubscribe_url', true), '') || mhub.link_token(message_id, NULL)
    WHERE coalesce(current_setting('mhub.link_url', true), '') || coalesce(current_setting('mhub.unsubscribe_url', true), '') <> ''
$$;
COMMENT ON FUNCTION mhub.message_links(bigint, text) IS
'The addresses that a message may carry: links, an object of name to address for every living row of mhub.tracked_link whose name the text used_in (its templates) mentions (NULL without any, and while mhub.link_url is not set), and unsubscribe_url (NULL while mhub.unsubscribe_url is not set).';

CREATE FUNCTION mhub.message_content(message_ids bigint[], created_at timestamptz[], batch bigint[] DEFAULT NULL, OUT place bigint, OUT state text, OUT reason text,
    OUT not_before timestamptz, OUT address text, OUT sealed mhub.enc, OUT identifier_id bigint, OUT subject text, OUT text_body text,
    OUT html_body text, OUT code text, OUT parameters jsonb, OUT unsubscribe_url text)
RETURNS SETOF record LANGUAGE sql STABLE PARALLEL UNSAFE SET search_path = pg_catalog, pg_temp AS $$
    -- What is the same for all messages is looked up once.
    WITH common AS MATERIALIZED (
        SELECT EXISTS (SELECT FROM mhub.suppression) AS some_suppressed, x.text_partials, x.html_partials, concat_ws(' ', x.text_partials, x.html_partials) AS partials
        FROM (SELECT jsonb_object_agg(p.name, p.text_body) AS text_partials, jsonb_object_agg(p.name, p.html_body) AS html_partials FROM mhub.template_partial AS p) AS x
    )
    SELECT u.place, v.state, v.reason, v.not_before,
           a.value, a.sealed, a.identifier_id,
           CASE WHEN m.template IS NULL THEN m.data ->> 'subject' WHEN v.state IS NULL THEN mhub.render_template(t.subject, d.data, 'none', s.text_partials) END,
           CASE WHEN m.template IS NULL THEN m.data ->> 'text' WHEN v.state IS NULL THEN mhub.render_template(t.text_body, d.data, 'none', s.text_partials) END,
           CASE WHEN m.template IS NULL THEN m.data ->> 'html' WHEN v.state IS NULL THEN mhub.render_template(t.html_body, d.data, 'html', s.html_partials) END,
           t.code,
           CASE WHEN v.state IS NULL AND t.parameters <> '{}' THEN mhub.render_template(t.parameters::text, d.data, 'json', s.text_partials)::jsonb END,
           CASE WHEN m.purpose = 'marketing' THEN d.unsubscribe_url END
    FROM common AS s
    CROSS JOIN unnest(message_ids, created_at) WITH ORDINALITY AS u(message_id, created_at, place)
    JOIN mhub.message AS m ON m.message_id = u.message_id AND m.created_at = u.created_at
    JOIN mhub.delivery_channel AS c ON c.channel = m.channel
    LEFT JOIN mhub.person AS o ON o.person_id = m.person_id
    LEFT JOIN mhub.person AS p ON p.person_id = CASE WHEN o.merged_into IS NULL THEN o.person_id ELSE mhub.resolve_person(o.person_id) END
    LEFT JOIN LATERAL (
        -- The value of a kind that is personal data is no address but its blind index.
        SELECT i.identifier_id, CASE WHEN i.sealed IS NULL THEN i.value END AS value, i.sealed, i.bounced
        FROM (SELECT x.*, CASE WHEN s.some_suppressed THEN mhub.is_suppressed_identifier(x.identifier_id, m.channel) ELSE false END AS bounced FROM mhub.identifier AS x JOIN mhub.identifier_kind AS k ON k.kind = x.kind
              WHERE x.person_id = p.person_id AND x.kind = c.identifier_kind AND (x.sealed IS NOT NULL OR NOT k.pii)) AS i
        ORDER BY i.bounced, i.last_seen_at DESC, i.identifier_id LIMIT 1
    ) AS a ON m.recipient IS NULL
    LEFT JOIN LATERAL (
        -- The wanted locale, then its language alone, then the template for everybody.
        SELECT * FROM mhub.template AS x
        WHERE x.key = m.template AND x.channel = m.channel
          AND x.locale IN ('', coalesce(m.locale, p.traits ->> 'locale', ''), split_part(coalesce(m.locale, p.traits ->> 'locale', ''), '-', 1))
        ORDER BY length(x.locale) DESC LIMIT 1
    ) AS t ON true
    CROSS JOIN LATERAL (
        SELECT w.state, w.reason, w.not_before FROM mhub.message_verdict(m.message_id, m.person_id, m.channel, m.purpose, m.enrollment_id, mhub.now(), coalesce(batch, message_ids)) AS w WHERE m.person_id IS NOT NULL AND w.state IS NOT NULL
        UNION ALL SELECT w.state, w.reason, w.not_before FROM mhub.step_verdict(m.message_id, m.person_id, m.channel, m.purpose, m.enrollment_id, m.step, mhub.now(), coalesce(batch, message_ids)) AS w WHERE m.enrollment_id IS NOT NULL AND w.state IS NOT NULL
        UNION ALL SELECT 'failed', 'no_template', NULL WHERE m.template IS NOT NULL AND t.template_id IS NULL
        UNION ALL SELECT 'suppressed', 'no_consent', NULL WHERE m.person_id IS NULL AND m.purpose = 'marketing' AND c.consent_required
        UNION ALL SELECT 'suppressed', 'suppressed', NULL WHERE CASE WHEN NOT s.some_suppressed THEN false WHEN m.recipient IS NOT NULL THEN mhub.is_suppressed(c.identifier_kind, m.recipient, m.channel) ELSE a.bounced END
        UNION ALL SELECT 'suppressed', 'no_address', NULL WHERE m.recipient IS NULL AND c.identifier_kind IS NOT NULL AND a.identifier_id IS NULL
        UNION ALL SELECT NULL, NULL, NULL
        LIMIT 1
    ) AS v
    LEFT JOIN LATERAL (
        SELECT coalesce(CASE WHEN m.template IS NOT NULL THEN mhub.message_values(p.person_id, mhub.message_traits(p.person_id), u.texts) END, '{}') || m.data
                   || jsonb_strip_nulls(jsonb_build_object('links', l.links, 'unsubscribe_url', l.unsubscribe_url)) AS data,
               l.unsubscribe_url
        FROM (SELECT concat_ws(' ', t.subject, t.text_body, t.html_body, t.parameters, s.partials) AS texts) AS u
        LEFT JOIN LATERAL mhub.message_links(m.message_id, u.texts) AS l ON true
        OFFSET 0
    ) AS d ON v.state IS NULL
$$;
COMMENT ON FUNCTION mhub.message_content(bigint[], timestamptz[], bigint[]) IS
'What mhub.deliver_messages() needs of messages for persons or with templates, one row each: place in the arrays (which hold message_id and created_at of mhub.message; batch: all that are claimed together, by default these); state and reason when it must not be sent (suppressed, failed) or not before not_before (deferred), else NULL; address, plain or sealed, and its identifier_id: the one seen last, those on the suppression list after all others; subject, text and HTML filled in from traits, profile, data and links; code and parameters for gateways that fill in approved texts themselves; unsubscribe_url. Errors are those of mhub.render_template().';

CREATE FUNCTION mhub.is_suppressed_identifier(identifier_id bigint, channel text) RETURNS boolean
LANGUAGE plpgsql STABLE PARALLEL UNSAFE STRICT SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    RETURN CASE WHEN EXISTS (SELECT FROM mhub.suppression) THEN
        EXISTS (SELECT FROM mhub.identifier AS i JOIN mhub.identifier_kind AS k ON k.kind = i.kind
                JOIN mhub.suppression AS s
                  ON s.value_index = CASE WHEN k.pii THEN mhub.suppression_index(i.sealed, 'identifier.sealed', k.kind, k.normaliser)
                                          ELSE mhub.suppression_index(i.value, k.kind, k.normaliser) END
                WHERE i.identifier_id = $1 AND s.channel IN ('', $2)) ELSE false END;
END
$$;
COMMENT ON FUNCTION mhub.is_suppressed_identifier(bigint, text) IS
'Whether the address that an identifier is, is on the suppression list, for this channel or for all. False for an unknown identifier, NULL for NULL. Error MH001 when the list has entries and there is no key.';

CREATE FUNCTION mhub.template_profile(profile jsonb) RETURNS jsonb
LANGUAGE sql IMMUTABLE PARALLEL SAFE STRICT SET search_path = pg_catalog, pg_temp AS $$
    SELECT (profile - '{$unit,$events,$segments,$consent,$context,$score}'::text[]) || jsonb_strip_nulls(jsonb_build_object(
        'events', (SELECT jsonb_object_agg(regexp_replace(e.key, '[[:space:].{}|]+', '_', 'g'), e.value - '{days,items}'::text[]) FROM jsonb_each(profile -> '$events') AS e),
        'segments', profile -> '$segments',
        'is', (SELECT jsonb_object_agg(regexp_replace(s.key, '[[:space:].{}|]+', '_', 'g'), true) FROM jsonb_array_elements_text(profile -> '$segments') AS s (key)),
        'consent', profile -> '$consent', 'score', profile -> '$score'))
$$;
COMMENT ON FUNCTION mhub.template_profile(jsonb) IS
'A profile of mhub.profile() as templates see it, under names that they can write: the traits, events (name to count, value, first_at and last_at), segments (list), is (name of each segment to true, for sections), consent and score. White space, dots, braces and bars in names of events and segments become _: events.Order_Completed.count. NULL for NULL.';

CREATE FUNCTION mhub.message_values(person_id bigint, sealed_traits jsonb, used_in text) RETURNS jsonb
LANGUAGE sql STABLE PARALLEL UNSAFE SET search_path = pg_catalog, pg_temp AS $$
    SELECT p.traits || coalesce($2, '{}') || CASE WHEN strpos($3, 'profile') > 0 THEN
               jsonb_build_object('profile', mhub.template_profile(mhub.profile(p.person_id) || coalesce($2, '{}'))) ELSE '{}' END
    FROM mhub.person AS p WHERE p.person_id = $1
$$;
COMMENT ON FUNCTION mhub.message_values(bigint, jsonb, text) IS
'What templates know about a person: the traits, among them sealed_traits (as opened by mhub.message_traits(); NULL: none), and as profile the whole profile (mhub.template_profile()), which is only put together when the text used_in (the templates) mentions it. NULL for NULL and for an unknown id.';

CREATE FUNCTION mhub.preview_message(template text, channel text, person_id bigint DEFAULT NULL, data jsonb DEFAULT '{}', locale text DEFAULT NULL,
    OUT subject text, OUT text_body text, OUT html_body text, OUT encoding text, OUT segments integer, OUT missing text[])
RETURNS record LANGUAGE sql STABLE PARALLEL UNSAFE SET search_path = pg_catalog, pg_temp AS $$
    SELECT mhub.render_template(t.subject, d.data, 'none', k.texts), b.body, mhub.render_template(t.html_body, d.data, 'html', k.htmls),
           s.encoding, s.segments,
           (SELECT array_agg(DISTINCT v ORDER BY v) FROM unnest(mhub.template_variables(concat_ws(' ', t.subject, t.text_body, t.html_body))) AS v
            WHERE d.data #> string_to_array(v, '.') IS NULL)
    FROM (SELECT mhub.resolve_person(preview_message.person_id) AS person_id) AS who
    LEFT JOIN mhub.person AS p ON p.person_id = who.person_id
    CROSS JOIN LATERAL (
        SELECT * FROM mhub.template AS x
        WHERE x.key = preview_message.template AND x.channel = preview_message.channel
          AND x.locale IN ('', coalesce(preview_message.locale, preview_message.data ->> 'locale', p.traits ->> 'locale', ''), split_part(coalesce(preview_message.locale, preview_message.data ->> 'locale', p.traits ->> 'locale', ''), '-', 1))
        ORDER BY length(x.locale) DESC LIMIT 1
    ) AS t
    CROSS JOIN (SELECT jsonb_object_agg(x.name, x.text_body) AS texts, jsonb_object_agg(x.name, x.html_body) AS htmls FROM mhub.template_partial AS x) AS k
    CROSS JOIN LATERAL (
        SELECT coalesce(mhub.message_values(p.person_id, mhub.visible_traits(p.person_id),
            concat_ws(' ', t.subject, t.text_body, t.html_body, k.texts, k.htmls)), '{}') || preview_message.data AS data
        OFFSET 0
    ) AS d
    CROSS JOIN LATERAL (SELECT mhub.render_template(t.text_body, d.data, 'none', k.texts) AS body) AS b
    LEFT JOIN LATERAL mhub.sms_length(b.body) AS s ON true
$$;
COMMENT ON FUNCTION mhub.preview_message(text, text, bigint, jsonb, text) IS
'What a template looks like for a person (NULL: nobody) with data, in the locale it would get: subject, text, HTML, how the text would go by SMS (encoding, segments), and the names that have no value, which print nothing or their default text (inside lists they may have one all the same). Sends nothing, records nothing. NULLs when there is no such template.';

CREATE PROCEDURE mhub.deliver_messages(max_time interval DEFAULT '50 seconds')
LANGUAGE c AS 'MODULE_PATHNAME', 'mhub_deliver_messages';
COMMENT ON PROCEDURE mhub.deliver_messages(interval) IS
'Sends what is due in mhub.message, until nothing is left or max_time is over (requests under way then end first). Several may run at a time. Claims messages, commits, sends up to mhub.delivery_concurrency of them at a time without holding a snapshot or a lock, and records what became of them. Each message goes out at least once and, unless a deliverer is lost in between, exactly once; repetitions carry the same idempotency_key. Cancelling it records first what happened. Errors: active_sql_transaction inside a transaction block, invalid_parameter_value for max_time.';

CREATE FUNCTION mhub.set_provider_secret(provider text, name text, value text) RETURNS void
LANGUAGE sql VOLATILE PARALLEL UNSAFE SET search_path = pg_catalog, pg_temp AS $$
    DELETE FROM mhub.provider_secret AS s WHERE s.provider = $1 AND s.name = $2;
    INSERT INTO mhub.provider_secret (provider, name, value)
    SELECT $1, $2, mhub.encrypt_secret($3, 'provider_secret.value') WHERE $3 IS NOT NULL;
    UPDATE mhub.provider AS p SET name = p.name WHERE p.name = $1
$$;
COMMENT ON FUNCTION mhub.set_provider_secret(text, text, text) IS
'Stores a secret of a provider (user, password, token, signing_key, access_key_id ...), sealed with the keyring''s key for secrets; NULL as value removes it. Running deliverers take it over within moments. Send it over an encrypted connection, and keep statements with it out of the server''s log (SET LOCAL log_statement = ''none''). Errors: MH001 without a key file, foreign_key_violation for an unknown provider.';

CREATE FUNCTION mhub.new_signing_key() RETURNS text
LANGUAGE sql VOLATILE PARALLEL SAFE SET search_path = pg_catalog, pg_temp AS $$
    SELECT 'whsec_' || encode(sha256(uuid_send(gen_random_uuid()) || uuid_send(gen_random_uuid()) || uuid_send(gen_random_uuid())), 'base64')
$$;
COMMENT ON FUNCTION mhub.new_signing_key() IS
'A fresh secret for webhook signatures, as Standard Webhooks writes it: whsec_ and 32 random bytes in base64 (244 bits and more of the server''s strong random numbers go into it).';

CREATE FUNCTION mhub.sign_webhook(secret text, message_id text, at timestamptz, payload text) RETURNS text
LANGUAGE c IMMUTABLE PARALLEL SAFE STRICT AS 'MODULE_PATHNAME', 'mhub_sign_webhook';
COMMENT ON FUNCTION mhub.sign_webhook(text, text, timestamptz, text) IS
'The webhook-signature of Standard Webhooks 1.0: v1, and the base64 of HMAC-SHA256 over message_id, the time in seconds and the payload, joined by dots. secret is base64, with or without whsec_ before it. NULL for NULL. Error invalid_parameter_value for a secret that is none.';

CREATE FUNCTION mhub.verify_webhook(secret text, headers jsonb, payload text, at timestamptz DEFAULT now(), tolerance interval DEFAULT '5 minutes') RETURNS boolean
LANGUAGE c IMMUTABLE PARALLEL SAFE AS 'MODULE_PATHNAME', 'mhub_verify_webhook';
COMMENT ON FUNCTION mhub.verify_webhook(text, jsonb, text, timestamptz, interval) IS
'Whether a request that came in is a genuine Standard Webhooks one: headers is an object with webhook-id, webhook-timestamp and webhook-signature (names in lower case; several signatures separated by spaces, one must be right), payload the body as received, and the timestamp no further than tolerance from at. False for anything missing or malformed, an empty secret included; never NULL. Compares in constant time.';

CREATE FUNCTION mhub.address_refusal(address inet, port integer DEFAULT 443) RETURNS text
LANGUAGE c STABLE PARALLEL SAFE STRICT AS 'MODULE_PATHNAME', 'mhub_address_refusal';
COMMENT ON FUNCTION mhub.address_refusal(inet, integer) IS
'Why a delivery to this address and port would be refused when its socket is opened: private, loopback, link-local, carrier-grade NAT, addresses that embed an IPv4 one (NAT64, 6to4, Teredo, mapped), multicast, reserved; or mhub.denied_networks. NULL: it is allowed, being public or in mhub.allowed_networks. NULL for NULL.';

CREATE FUNCTION mhub.message_to_queue() RETURNS trigger
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    INSERT INTO mhub.message_queue (message_id, created_at, channel, provider, not_before, deferred, order_key)
    SELECT f.message_id, f.created_at, f.channel, f.provider, f.not_before, f.state = 'deferred', f.order_key
    FROM fresh AS f WHERE f.pending;
    RETURN NULL;
END
$$;
COMMENT ON FUNCTION mhub.message_to_queue() IS
'Trigger of mhub.message: queues new messages, in the same transaction. Error foreign_key_violation for an unknown channel or provider.';

CREATE FUNCTION mhub.retry_message(message_id bigint) RETURNS boolean
LANGUAGE sql VOLATILE PARALLEL UNSAFE STRICT SET search_path = pg_catalog, pg_temp AS $$
    WITH again AS (
        UPDATE mhub.message AS m
        SET state = 'queued', pending = true, reason = NULL, attempts = 0, not_before = mhub.now(), expires_at = NULL
        WHERE m.message_id = $1 AND m.state IN ('failed', 'dead', 'unknown', 'suppressed', 'deferred')
        RETURNING m.message_id, m.created_at, m.channel, m.provider, m.not_before, m.order_key
    ), queued AS (
        INSERT INTO mhub.message_queue AS q (message_id, created_at, channel, provider, not_before, order_key)
        SELECT a.message_id, a.created_at, a.channel, a.provider, a.not_before, a.order_key FROM again AS a
        ON CONFLICT ON CONSTRAINT message_queue_pkey
        DO UPDATE SET provider = excluded.provider, not_before = excluded.not_before, deferred = false
        RETURNING 1
    )
    SELECT count(*) > 0 FROM queued
$$;
COMMENT ON FUNCTION mhub.retry_message(bigint) IS
'Puts a message that failed, died, is unknown, suppressed or deferred back into the queue, due now and with all its attempts before it, under its old idempotency_key. True when there was such a message. Whether it may be sent is checked again. To revive many, call it over a query of mhub.message. NULL for NULL.';

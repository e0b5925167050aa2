-- The delivery engine, providers and their secrets, and what may be sent to whom.

CREATE FUNCTION mhub.message_content(message_ids bigint[], created_at timestamptz[], OUT place bigint, OUT state text, OUT reason text,
    OUT not_before timestamptz, OUT address text, OUT sealed mhub.enc, OUT subject text, OUT text_body text, OUT html_body text,
    OUT code text, OUT parameters jsonb, OUT unsubscribe_url text)
RETURNS SETOF record LANGUAGE sql STABLE PARALLEL UNSAFE SET search_path = pg_catalog, pg_temp AS $$
    SELECT u.place,
           CASE WHEN m.template IS NOT NULL AND t.template_id IS NULL THEN 'failed'
                WHEN m.recipient IS NULL AND c.identifier_kind IS NOT NULL AND a.identifier_id IS NULL THEN 'suppressed' END,
           CASE WHEN m.template IS NOT NULL AND t.template_id IS NULL THEN 'no_template'
                WHEN m.recipient IS NULL AND c.identifier_kind IS NOT NULL AND a.identifier_id IS NULL THEN 'no_address' END,
           NULL::timestamptz,
           CASE WHEN a.sealed IS NULL THEN a.value END,
           a.sealed,
           CASE WHEN m.template IS NULL THEN m.data ->> 'subject' ELSE mhub.render_template(t.subject, d.data, 'none', d.text_partials) END,
           CASE WHEN m.template IS NULL THEN m.data ->> 'text' ELSE mhub.render_template(t.text_body, d.data, 'none', d.text_partials) END,
           CASE WHEN m.template IS NULL THEN m.data ->> 'html' ELSE mhub.render_template(t.html_body, d.data, 'html', d.html_partials) END,
           t.code,
           CASE WHEN t.parameters <> '{}' THEN mhub.render_template(t.parameters::text, d.data, 'json', d.text_partials)::jsonb END,
           NULL::text
    FROM unnest(message_ids, created_at) WITH ORDINALITY AS u(message_id, created_at, place)
    JOIN mhub.message AS m ON m.message_id = u.message_id AND m.created_at = u.created_at
    JOIN mhub.delivery_channel AS c ON c.channel = m.channel
    LEFT JOIN mhub.person AS q ON q.person_id = m.person_id
    LEFT JOIN mhub.person AS p ON p.person_id = coalesce(q.merged_into, q.person_id)
    LEFT JOIN LATERAL (
        SELECT i.identifier_id, i.value, i.sealed FROM mhub.identifier AS i
        WHERE i.person_id = p.person_id AND i.kind = c.identifier_kind
        ORDER BY i.last_seen_at DESC, i.identifier_id LIMIT 1
    ) AS a ON m.recipient IS NULL
    LEFT JOIN LATERAL (
        -- The wanted locale, then its language alone, then the template for everybody.
        SELECT * FROM mhub.template AS x
        WHERE x.key = m.template AND x.channel = m.channel
          AND x.locale IN ('', coalesce(m.locale, p.traits ->> 'locale', ''), split_part(coalesce(m.locale, p.traits ->> 'locale', ''), '-', 1))
        ORDER BY length(x.locale) DESC LIMIT 1
    ) AS t ON true
    CROSS JOIN LATERAL (
        SELECT coalesce(p.traits, '{}') || m.data AS data,
               (SELECT jsonb_object_agg(s.name, s.text_body) FROM mhub.template_partial AS s) AS text_partials,
               (SELECT jsonb_object_agg(s.name, s.html_body) FROM mhub.template_partial AS s) AS html_partials
        OFFSET 0
    ) AS d
$$;
COMMENT ON FUNCTION mhub.message_content(bigint[], timestamptz[]) IS
'What mhub.deliver_messages() needs of messages for persons or with templates, one row each: place in the arrays (which hold message_id and created_at of mhub.message); state and reason when it must not be sent (suppressed, failed) or not before not_before (deferred), else NULL; address, plain or sealed; subject, text and HTML filled in; code and parameters for gateways that fill in approved texts themselves; unsubscribe_url. Errors are those of mhub.render_template().';

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

CREATE FUNCTION mhub.retry_message(message_id bigint) RETURNS boolean
LANGUAGE sql VOLATILE PARALLEL UNSAFE STRICT SET search_path = pg_catalog, pg_temp AS $$
    WITH again AS (
        UPDATE mhub.message AS m
        SET state = 'queued', pending = true, reason = NULL, attempts = 0, next_provider = NULL, lease_until = NULL,
            not_before = mhub.now(), expires_at = NULL
        WHERE m.message_id = $1 AND m.state IN ('failed', 'dead', 'unknown', 'suppressed', 'deferred')
        RETURNING 1
    )
    SELECT count(*) > 0 FROM again
$$;
COMMENT ON FUNCTION mhub.retry_message(bigint) IS
'Puts a message that failed, died, is unknown, suppressed or deferred back into the queue, due now and with all its attempts before it, under its old idempotency_key. True when there was such a message. Whether it may be sent is checked again. To revive many, call it over a query of mhub.message. NULL for NULL.';

-- Links in messages, unsubscribing, and what providers report back.

CREATE FUNCTION mhub.link_token(message_id bigint, link_id integer) RETURNS text
LANGUAGE c STABLE PARALLEL RESTRICTED AS 'MODULE_PATHNAME', 'mhub_link_token';
COMMENT ON FUNCTION mhub.link_token(bigint, integer) IS
'The token that stands for a link in a message; link_id NULL: for unsubscribing. 34 characters of A-Z, a-z, 0-9, - and _: the ids and 96 bits of an HMAC-SHA256 under the keyring''s index key, so it cannot be guessed or forged and tells nothing about the person. The same arguments give the same token. NULL for a NULL message_id. Error MH001 without a key file.';

CREATE FUNCTION mhub.read_link_token(token text, OUT unsubscribe boolean, OUT message_id bigint, OUT link_id integer) RETURNS record
LANGUAGE c STABLE PARALLEL RESTRICTED STRICT AS 'MODULE_PATHNAME', 'mhub_read_link_token';
COMMENT ON FUNCTION mhub.read_link_token(text) IS
'What a token of mhub.link_token() stands for; NULLs for one that we did not make, has been changed, or is NULL. Says nothing about revocation: mhub.open_link() and mhub.unsubscribe() heed that. Error MH001 without a key file.';

CREATE FUNCTION mhub.token_message(token text, unsubscribe boolean) RETURNS TABLE (message_id bigint, link_id integer)
LANGUAGE sql STABLE PARALLEL RESTRICTED SET search_path = pg_catalog, pg_temp AS $$
    SELECT t.message_id, t.link_id FROM mhub.read_link_token(token) AS t
    WHERE t.unsubscribe = token_message.unsubscribe
      AND NOT EXISTS (SELECT FROM mhub.revoked_token AS r WHERE r.message_id = t.message_id)
$$;
COMMENT ON FUNCTION mhub.token_message(text, boolean) IS
'The message and link of a genuine token that is not revoked, for unsubscribing or for a link; no row otherwise.';

CREATE FUNCTION mhub.record_click(identifier_id bigint, campaign_query text, properties jsonb) RETURNS bigint
LANGUAGE c VOLATILE PARALLEL UNSAFE STRICT AS 'MODULE_PATHNAME', 'mhub_record_click';
COMMENT ON FUNCTION mhub.record_click(bigint, text, jsonb) IS
'Records the event Link Clicked (type hub) of an identifier with its source from campaign_query (utm_source=...&utm_medium=...), so that attribution counts it as a touch, and returns its event_id. NULL for a NULL argument. Error invalid_parameter_value when the event is rejected.';

CREATE FUNCTION mhub.open_link(token text) RETURNS text
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    message record;
    link record;
    about jsonb;
BEGIN
    SELECT l.* INTO link FROM mhub.token_message(token, false) AS t JOIN mhub.tracked_link AS l ON l.link_id = t.link_id
    WHERE l.revoked_at IS NULL;
    IF NOT FOUND THEN
        RETURN NULL;
    END IF;
    SELECT m.* INTO message FROM mhub.token_message(token, false) AS t JOIN mhub.message AS m ON m.message_id = t.message_id;
    IF message.message_id IS NOT NULL THEN
        INSERT INTO mhub.delivery_event (message_id, type, occurred_at, link_id) VALUES (message.message_id, 'clicked', mhub.now(), link.link_id);
        IF message.identifier_id IS NOT NULL THEN
            about := jsonb_strip_nulls(jsonb_build_object('link', link.name, 'message_id', message.message_id,
                'source', coalesce(message.workflow, message.channel), 'channel', message.channel, 'campaign', message.campaign,
                'content', message.content, 'workflow', message.workflow, 'step', message.step));
            PERFORM mhub.record_click(message.identifier_id, mhub.render_template('utm_source={{source}}&utm_medium={{channel}}'
                '{{#campaign}}&utm_campaign={{campaign}}{{/campaign}}{{#content}}&utm_content={{content}}{{/content}}', about, 'url'), about);
        END IF;
    END IF;
    RETURN mhub.render_template(link.url, jsonb_build_object('campaign', message.campaign, 'content', message.content, 'channel', message.channel,
        'workflow', message.workflow, 'step', message.step, 'message_id', message.message_id), 'url');
END
$$;
COMMENT ON FUNCTION mhub.open_link(text) IS
'The target of a link in a message, to redirect to; records the click in mhub.delivery_event and, with person, campaign and content, as an event Link Clicked that attribution counts as a touch. NULL for a token that is forged, malformed or revoked. A message already purged still leads to its target, unrecorded. Error MH001 without a key file.';

CREATE FUNCTION mhub.unsubscribe(token text) RETURNS boolean
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    message record;
BEGIN
    SELECT m.* INTO message FROM mhub.token_message(token, true) AS t JOIN mhub.message AS m ON m.message_id = t.message_id;
    IF NOT FOUND OR message.person_id IS NULL THEN
        RETURN false;
    END IF;
    INSERT INTO mhub.delivery_event (message_id, type, occurred_at, source_id)
    VALUES (message.message_id, 'unsubscribed', mhub.now(), 'link') ON CONFLICT DO NOTHING;
    -- A person who has subscribed anew since then may use an old link again.
    IF FOUND OR mhub.consent_decision(mhub.resolve_person(message.person_id), 'marketing', message.channel) IS DISTINCT FROM false THEN
        PERFORM mhub.record_person_consent(message.person_id, 'marketing', message.channel, false);
    END IF;
    RETURN true;
END
$$;
COMMENT ON FUNCTION mhub.unsubscribe(text) IS
'Withdraws the person''s consent to marketing on the channel of the message that the token is from: one click, no questions, and as often as one likes (RFC 8058: serve POST with it, and show a page on GET). Messages already queued are not sent any more. True when the token is genuine and its message known; false otherwise. Error MH001 without a key file.';

CREATE FUNCTION mhub.suppress_message_address(message_id bigint, reason text) RETURNS boolean
LANGUAGE sql VOLATILE PARALLEL UNSAFE STRICT SET search_path = pg_catalog, pg_temp AS $$
    WITH added AS (
        INSERT INTO mhub.suppression (value_index, channel, kind, reason)
        SELECT CASE WHEN k.pii THEN mhub.suppression_index(i.sealed, 'identifier.sealed', k.kind, k.normaliser)
                    ELSE mhub.suppression_index(i.value, k.kind, k.normaliser) END, m.channel, i.kind, $2
        FROM mhub.message AS m JOIN mhub.identifier AS i ON i.identifier_id = m.identifier_id JOIN mhub.identifier_kind AS k ON k.kind = i.kind
        WHERE m.message_id = $1 AND (NOT k.pii OR i.sealed IS NOT NULL)
        ON CONFLICT DO NOTHING RETURNING 1
    )
    SELECT count(*) > 0 FROM added
$$;
COMMENT ON FUNCTION mhub.suppress_message_address(bigint, text) IS
'Puts the address that a message went to on the suppression list of its channel, with a reason. True when it was not there yet and the address is still known. NULL for NULL. Error MH001 without a key file.';

CREATE FUNCTION mhub.record_delivery_event(type text, provider text DEFAULT NULL, provider_message_id text DEFAULT NULL,
    idempotency_key text DEFAULT NULL, occurred_at timestamptz DEFAULT NULL, detail text DEFAULT NULL, source_id text DEFAULT NULL) RETURNS boolean
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    found_id bigint;
    found_at timestamptz;
BEGIN
    IF record_delivery_event.idempotency_key IS NULL AND record_delivery_event.provider_message_id IS NULL THEN
        RAISE EXCEPTION 'neither idempotency_key nor provider_message_id says which message it is about'
            USING ERRCODE = 'invalid_parameter_value';
    END IF;
    SELECT m.message_id, m.created_at INTO found_id, found_at FROM mhub.message AS m
    WHERE m.idempotency_key = record_delivery_event.idempotency_key
       -- Mailgun answers <id> and reports id
       OR m.provider_message_id IN (record_delivery_event.provider_message_id, '<' || record_delivery_event.provider_message_id || '>',
                                    substring(record_delivery_event.provider_message_id FROM '^<(.*)>$'))
          AND (record_delivery_event.provider IS NULL OR m.sent_by = record_delivery_event.provider)
    ORDER BY m.created_at DESC LIMIT 1;
    IF NOT FOUND THEN
        RETURN false;
    END IF;
    INSERT INTO mhub.delivery_event (message_id, type, occurred_at, detail, source_id)
    VALUES (found_id, record_delivery_event.type, coalesce(record_delivery_event.occurred_at, mhub.now()), record_delivery_event.detail,
            coalesce(record_delivery_event.source_id, gen_random_uuid()::text))
    ON CONFLICT DO NOTHING;
    IF NOT FOUND THEN
        RETURN false;
    END IF;
    UPDATE mhub.message AS m
    SET state = CASE record_delivery_event.type WHEN 'delivered' THEN 'delivered' ELSE 'failed' END, pending = false,
        reason = nullif(record_delivery_event.type, 'delivered')
    WHERE m.message_id = found_id AND m.created_at = found_at
      AND (record_delivery_event.type = 'delivered' AND m.state IN ('sending', 'sent', 'unknown', 'deferred')
           OR record_delivery_event.type IN ('bounced', 'failed') AND m.state IN ('sending', 'sent', 'delivered', 'unknown', 'deferred'));
    IF record_delivery_event.type IN ('bounced', 'complained') THEN
        PERFORM mhub.suppress_message_address(found_id, record_delivery_event.type);
    ELSIF record_delivery_event.type = 'unsubscribed' THEN
        PERFORM mhub.record_person_consent(m.person_id, 'marketing', m.channel, false)
        FROM mhub.message AS m WHERE m.message_id = found_id AND m.created_at = found_at AND m.person_id IS NOT NULL;
    END IF;
    RETURN true;
END
$$;
COMMENT ON FUNCTION mhub.record_delivery_event(text, text, text, text, timestamptz, text, text) IS
'Takes in what a provider reports about a message, found by idempotency_key (what we sent) or by provider and provider_message_id (what it answered). type: delivered, opened, clicked, bounced (for good: suppresses the address on the channel), soft_bounced, complained (suppresses it too), unsubscribed (withdraws consent), failed. occurred_at defaults to now; detail: the provider''s words, no personal data; source_id: id of the notification, so that the same one again does nothing. True when it was new; false when it was there already or no such message is known. Errors: check_violation for another type, invalid_parameter_value when both ids are missing, MH001 when suppressing without a key file.';

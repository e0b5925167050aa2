-- Consent and the suppression list.

CREATE FUNCTION mhub.refuse_update() RETURNS trigger
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    RAISE EXCEPTION 'rows of mhub.% are not changed', TG_TABLE_NAME
        USING ERRCODE = 'object_not_in_prerequisite_state', HINT = 'Record what is new in a new row.';
END
$$;
COMMENT ON FUNCTION mhub.refuse_update() IS 'Trigger of append-only tables: refuses UPDATE with object_not_in_prerequisite_state.';

CREATE FUNCTION mhub.record_person_consent(person_id bigint, purpose text, channel text DEFAULT NULL, granted boolean DEFAULT true,
    legal_basis text DEFAULT 'consent', policy_version text DEFAULT NULL, proof text DEFAULT NULL) RETURNS bigint
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    survivor bigint := mhub.resolve_person($1);
BEGIN
    IF survivor IS NULL THEN
        RAISE EXCEPTION 'there is no person %', coalesce($1::text, 'NULL') USING ERRCODE = 'no_data_found';
    END IF;
    INSERT INTO mhub.consent (person_id, given_by, purpose, channel, granted, legal_basis, policy_version, proof)
    SELECT f.id, survivor, $2, $3, $4, $5, $6, mhub.encrypt($7, f.id, 'consent.proof')
    FROM mhub.person_family(survivor) AS f (id);
    RETURN survivor;
END
$$;
COMMENT ON FUNCTION mhub.record_person_consent(bigint, text, text, boolean, text, text, text) IS
'Records a decision about consent: person_id (any id of the person), purpose, channel (NULL for every channel), granted (false: refused or withdrawn), legal_basis (consent, contract, legal_obligation, vital_interests, public_task, legitimate_interests), policy_version of the notice shown, proof (sealed). Returns the person. Errors: no_data_found for an unknown person, check_violation for another legal basis or an empty purpose, MH001 when there is a proof but no key.';

CREATE FUNCTION mhub.record_consent(identifiers jsonb, purpose text, channel text DEFAULT NULL, granted boolean DEFAULT true,
    legal_basis text DEFAULT 'consent', policy_version text DEFAULT NULL, proof text DEFAULT NULL) RETURNS bigint
LANGUAGE sql VOLATILE PARALLEL UNSAFE SET search_path = pg_catalog, pg_temp AS $$
    SELECT mhub.record_person_consent(mhub.identify($1, source => 'consent'), $2, $3, $4, $5, $6, $7)
$$;
COMMENT ON FUNCTION mhub.record_consent(jsonb, text, text, boolean, text, text, text) IS
'Records a decision about consent for whom identifiers name, as mhub.identify() takes them: {"email": "li@example.com"}; the person is created if unknown. The rest as mhub.record_person_consent().';

CREATE FUNCTION mhub.consent_decision(person_id bigint, purpose text, channel text) RETURNS boolean
LANGUAGE plpgsql STABLE PARALLEL SAFE SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    -- In plpgsql, whose plans last: this is asked for every message to a person.
    RETURN (
        SELECT CASE WHEN c.for_channel IS NULL THEN a.for_all
                    WHEN NOT c.for_channel OR (NOT a.for_all AND a.consent_id > c.consent_id) THEN false
                    ELSE true END
        FROM (VALUES (true)) AS one
        LEFT JOIN LATERAL (SELECT d.granted AS for_all, d.consent_id FROM mhub.consent AS d
                           WHERE d.person_id = $1 AND d.purpose = $2 AND d.channel IS NULL
                           ORDER BY d.consent_id DESC LIMIT 1) AS a ON true
        LEFT JOIN LATERAL (SELECT d.granted AS for_channel, d.consent_id FROM mhub.consent AS d
                           WHERE d.person_id = $1 AND d.purpose = $2 AND d.channel = $3
                           ORDER BY d.consent_id DESC LIMIT 1) AS c ON true);
END
$$;
COMMENT ON FUNCTION mhub.consent_decision(bigint, text, text) IS
'The decision on record for exactly this id, merges and suppression aside: true, false, or NULL when there is none. The latest one counts, of the channel before that of every channel; but a withdrawal for every channel ends earlier grants of a channel, and a grant for every channel does not lift the refusal of one. channel NULL asks for the decision about every channel.';

CREATE FUNCTION mhub.has_consent(person_id bigint, purpose text, channel text DEFAULT NULL) RETURNS boolean
LANGUAGE plpgsql STABLE PARALLEL UNSAFE SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    RETURN (SELECT coalesce(bool_and(d.granted), false) AND NOT mhub.is_suppressed_person($1, $3)
            FROM mhub.person_family($1) AS f (id), LATERAL mhub.consent_decision(f.id, $2, $3) AS d (granted));
END
$$;
COMMENT ON FUNCTION mhub.has_consent(bigint, text, text) IS
'Whether the person has agreed to the purpose on the channel (NULL: on every channel). Of the ids that were merged into one person each has its latest decision; all on record must be grants, and there must be one: merging keeps the stricter answer. False for a person who is unknown, erased or on the suppression list (for this channel or all). Never NULL. Error MH001 when the suppression list has entries and there is no key.';

CREATE FUNCTION mhub.person_consent(person_id bigint) RETURNS jsonb
LANGUAGE sql STABLE PARALLEL UNSAFE SET search_path = pg_catalog, pg_temp AS $$
    SELECT coalesce(jsonb_object_agg(by_purpose.purpose, by_purpose.channels), '{}')
    FROM (SELECT asked.purpose, jsonb_object_agg(coalesce(asked.channel, '*'), mhub.has_consent($1, asked.purpose, asked.channel)) AS channels
          FROM (SELECT DISTINCT c.purpose, c.channel FROM mhub.consent AS c
                WHERE c.person_id IN (SELECT mhub.person_family($1))) AS asked
          GROUP BY asked.purpose) AS by_purpose
$$;
COMMENT ON FUNCTION mhub.person_consent(bigint) IS
'What mhub.has_consent() answers for every purpose and channel on record: {"marketing": {"*": true, "sms": false}}, * standing for every channel. {} when nothing is.';

CREATE FUNCTION mhub.suppression_index(value text, kind text, normaliser text) RETURNS bytea
LANGUAGE c STABLE PARALLEL RESTRICTED STRICT AS 'MODULE_PATHNAME', 'mhub_suppression_index';
COMMENT ON FUNCTION mhub.suppression_index(text, text, text) IS
'As mhub.blind_index(value, kind, normaliser), but under the key of the suppression list.';

CREATE FUNCTION mhub.suppression_index(value mhub.enc, column_name text, kind text, normaliser text) RETURNS bytea
LANGUAGE c STABLE PARALLEL UNSAFE STRICT AS 'MODULE_PATHNAME', 'mhub_suppression_index_sealed';
COMMENT ON FUNCTION mhub.suppression_index(mhub.enc, text, text, text) IS
'The same for a sealed value, which it opens but does not show: needs no purpose and is not logged. NULL when the value''s key is destroyed.';

CREATE FUNCTION mhub.suppression_indexes(person_id bigint) RETURNS TABLE (kind text, value_index bytea)
LANGUAGE sql STABLE PARALLEL UNSAFE STRICT SET search_path = pg_catalog, pg_temp AS $$
    SELECT i.kind, CASE WHEN k.pii THEN mhub.suppression_index(i.sealed, 'identifier.sealed', k.kind, k.normaliser)
                        ELSE mhub.suppression_index(i.value, k.kind, k.normaliser) END
    FROM mhub.identifier AS i JOIN mhub.identifier_kind AS k ON k.kind = i.kind
    WHERE i.person_id = (SELECT mhub.resolve_person($1))
$$;
COMMENT ON FUNCTION mhub.suppression_indexes(bigint) IS
'kind and value_index as in mhub.suppression for each identifier of a person (any id of it).';

CREATE FUNCTION mhub.suppress(kind text, value text, channel text DEFAULT NULL, reason text DEFAULT 'objection') RETURNS boolean
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    value_index bytea;
BEGIN
    SELECT mhub.suppression_index($2, k.kind, k.normaliser) INTO value_index FROM mhub.identifier_kind AS k WHERE k.kind = $1;
    IF NOT FOUND THEN
        RAISE EXCEPTION 'there is no kind of identifier "%"', $1
            USING ERRCODE = 'invalid_parameter_value', HINT = 'See mhub.identifier_kind.';
    END IF;
    IF value_index IS NULL THEN
        RAISE EXCEPTION 'value is no identifier of kind "%"', $1
            USING ERRCODE = 'invalid_parameter_value', HINT = 'mhub.normalise() tells which values are.';
    END IF;
    INSERT INTO mhub.suppression (value_index, channel, kind, reason)
    VALUES (value_index, coalesce($3, ''), $1, $4) ON CONFLICT DO NOTHING;
    RETURN FOUND;
END
$$;
COMMENT ON FUNCTION mhub.suppress(text, text, text, text) IS
'Puts an address on the suppression list: kind and value as for mhub.identify(), channel (NULL for all), reason (no personal data). Works for addresses never seen and outlives erasure. True when it was not there yet. Errors: invalid_parameter_value for an unknown kind or a value that is none of it, MH001 without a key.';

CREATE FUNCTION mhub.suppress_person(person_id bigint, channel text DEFAULT NULL, reason text DEFAULT 'objection') RETURNS integer
LANGUAGE sql VOLATILE PARALLEL UNSAFE SET search_path = pg_catalog, pg_temp AS $$
    WITH added AS (
        INSERT INTO mhub.suppression (value_index, channel, kind, reason)
        SELECT s.value_index, coalesce($2, ''), s.kind, $3 FROM mhub.suppression_indexes($1) AS s WHERE s.value_index IS NOT NULL
        ON CONFLICT DO NOTHING RETURNING 1
    )
    SELECT count(*)::integer FROM added
$$;
COMMENT ON FUNCTION mhub.suppress_person(bigint, text, text) IS
'mhub.suppress() for every identifier of a person (any id of it); returns how many were not on the list yet.';

CREATE FUNCTION mhub.unsuppress(kind text, value text, channel text DEFAULT NULL) RETURNS boolean
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    DELETE FROM mhub.suppression AS s
    USING mhub.identifier_kind AS k
    WHERE k.kind = $1 AND s.value_index = mhub.suppression_index($2, k.kind, k.normaliser) AND s.channel = coalesce($3, '');
    RETURN FOUND;
END
$$;
COMMENT ON FUNCTION mhub.unsuppress(text, text, text) IS
'Takes an address off the suppression list, for exactly this channel (NULL: the entry for all channels). True when it was there. Do so only on the person''s own request.';

CREATE FUNCTION mhub.is_suppressed(kind text, value text, channel text DEFAULT NULL) RETURNS boolean
LANGUAGE sql STABLE PARALLEL RESTRICTED SET search_path = pg_catalog, pg_temp AS $$
    SELECT CASE WHEN EXISTS (SELECT FROM mhub.suppression) THEN
        EXISTS (SELECT FROM mhub.identifier_kind AS k
                JOIN mhub.suppression AS s ON s.value_index = mhub.suppression_index($2, k.kind, k.normaliser)
                WHERE k.kind = $1 AND s.channel IN ('', coalesce($3, ''))) ELSE false END
$$;
COMMENT ON FUNCTION mhub.is_suppressed(text, text, text) IS
'Whether an address is on the suppression list, for this channel or for all. channel NULL asks for an entry for all. False for NULL and for values that are none of the kind. Error MH001 when the list has entries and there is no key.';

CREATE FUNCTION mhub.is_suppressed_person(person_id bigint, channel text DEFAULT NULL) RETURNS boolean
LANGUAGE plpgsql STABLE PARALLEL UNSAFE SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    RETURN CASE WHEN EXISTS (SELECT FROM mhub.suppression) THEN
        EXISTS (SELECT FROM mhub.suppression_indexes($1) AS p JOIN mhub.suppression AS s ON s.value_index = p.value_index
                WHERE s.channel IN ('', coalesce($2, '')) AND s.reason <> 'bounced') ELSE false END;
END
$$;
COMMENT ON FUNCTION mhub.is_suppressed_person(bigint, text) IS
'Whether any identifier of the person (any id of it) is on the suppression list, for this channel or for all. An address that is there with the reason bounced says nothing about the person''s other addresses and does not count.';

-- One person behind many identifiers.

CREATE FUNCTION mhub.identify(identifiers jsonb, traits jsonb DEFAULT '{}', occurred_at timestamptz DEFAULT now(), source text DEFAULT NULL) RETURNS bigint
LANGUAGE c VOLATILE PARALLEL UNSAFE AS 'MODULE_PATHNAME', 'mhub_identify';
COMMENT ON FUNCTION mhub.identify(jsonb, jsonb, timestamptz, text) IS
'Says that identifiers belong to one person, and returns that person. identifiers: {"cookie": "c-1", "email": "li@example.com"}, an array for several values of a kind; kinds are the rows of mhub.identifier_kind. Values are normalised and those of pii kinds sealed; null, empty, blocked (mhub.blocked_value), malformed and over-long (1,024 bytes) ones are ignored, see mhub.check_identifier(). New identifiers are created; each is linked to the primary one (smallest priority), and persons who turn out to be one are merged (mhub.merge_log) unless that breaks a limit: then the lesser identifier is left out and keeps its person (mhub.identity_conflict). traits: an object; per key the latest value by occurred_at wins, null changes nothing. occurred_at: when it was observed; NULL is now. source: any name of where it was observed. Returns the person of the primary identifier; NULL when no identifier is usable or identifiers is NULL. Many sessions may call it at once: one call a transaction never deadlocks. Errors: invalid_parameter_value for an unknown kind or a value that is neither text nor number, datetime_field_overflow for an infinite time, MH001 for a pii kind without a key.';

CREATE FUNCTION mhub.person_id(kind text, value text) RETURNS bigint
LANGUAGE c STABLE PARALLEL RESTRICTED STRICT AS 'MODULE_PATHNAME', 'mhub_person_id';
COMMENT ON FUNCTION mhub.person_id(text, text) IS
'The person an identifier belongs to now; NULL when it was never seen or identifies nobody. The value is normalised as mhub.identify() does. Writes nothing. NULL for a NULL argument. Errors: invalid_parameter_value for an unknown kind, MH001 for a pii kind without a key.';

CREATE FUNCTION mhub.check_identifier(kind text, value text, OUT accepted boolean, OUT normalised text, OUT reason text)
RETURNS record LANGUAGE c STABLE PARALLEL RESTRICTED STRICT AS 'MODULE_PATHNAME', 'mhub_check_identifier';
COMMENT ON FUNCTION mhub.check_identifier(text, text) IS
'What mhub.identify() makes of a value: accepted with its normalised form, or not with the reason: empty, blocked (mhub.blocked_value), malformed (no address, no telephone number), too_long (over 1,024 bytes). Stores nothing. NULL for a NULL argument. Errors: invalid_parameter_value for an unknown kind.';

CREATE FUNCTION mhub.resolve_person(old_id bigint) RETURNS bigint
LANGUAGE sql STABLE PARALLEL SAFE STRICT SET search_path = pg_catalog, pg_temp AS $$
    WITH RECURSIVE chain AS (
        SELECT p.person_id, p.merged_into FROM mhub.person AS p WHERE p.person_id = old_id
        UNION ALL
        SELECT p.person_id, p.merged_into FROM chain AS c JOIN mhub.person AS p ON p.person_id = c.merged_into
    )
    SELECT person_id FROM chain WHERE merged_into IS NULL
$$;
COMMENT ON FUNCTION mhub.resolve_person(bigint) IS
'The person that a person''s id stands for today: itself, or whom it was merged into. Ids once given resolve for ever. NULL for NULL and for an id that was never given.';

CREATE FUNCTION mhub.next_merge_id() RETURNS bigint
LANGUAGE c VOLATILE PARALLEL UNSAFE AS 'MODULE_PATHNAME', 'mhub_next_merge_id';
COMMENT ON FUNCTION mhub.next_merge_id() IS
'The next merge_id; the default of mhub.merge_log.merge_id. Also marks the transaction as one that is logging merges (a shared advisory lock of the transaction), which is how mhub.merge_horizon() knows. Use no other source of ids.';

CREATE FUNCTION mhub.merge_horizon() RETURNS bigint
LANGUAGE c VOLATILE PARALLEL UNSAFE AS 'MODULE_PATHNAME', 'mhub_merge_horizon';
COMMENT ON FUNCTION mhub.merge_horizon() IS
'The largest merge_id below which everything is settled: each row of mhub.merge_log up to it is committed or will never be. Never waits. Take the horizon first and read the rows in a later statement of a READ COMMITTED transaction. Errors: active_sql_transaction in REPEATABLE READ or SERIALIZABLE.';

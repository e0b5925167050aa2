-- One person behind many identifiers.

CREATE FUNCTION mhub.identify(identifiers jsonb, traits jsonb DEFAULT '{}', occurred_at timestamptz DEFAULT now(), source text DEFAULT NULL) RETURNS bigint
LANGUAGE c VOLATILE PARALLEL UNSAFE AS 'MODULE_PATHNAME', 'mhub_identify';
COMMENT ON FUNCTION mhub.identify(jsonb, jsonb, timestamptz, text) IS
'Says that identifiers belong to one person, and returns that person. identifiers: {"cookie": "c-1", "email": "li@example.com"}, an array for several values of a kind; kinds are the rows of mhub.identifier_kind. Values are normalised and those of pii kinds sealed; null, empty, blocked (mhub.blocked_value), malformed and over-long (1,024 bytes) ones are ignored, see mhub.check_identifier(). New identifiers are created; each is linked to the primary one (smallest priority), and persons who turn out to be one are merged (mhub.merge_log) unless that breaks a limit: then the lesser identifier is left out and keeps its person (mhub.identity_conflict). traits: an object; per key the latest value by occurred_at wins, null changes nothing. occurred_at: when it was observed; NULL is now. source: any name of where it was observed. Returns the person of the primary identifier; NULL when no identifier is usable or identifiers is NULL. Many sessions may call it at once: one call a transaction never deadlocks with others of its like. Errors: serialization_failure in REPEATABLE READ and SERIALIZABLE when a person changed since the snapshot; invalid_parameter_value for an unknown kind or a value that is neither text nor number, datetime_field_overflow for an infinite time, MH001 for a pii kind without a key.';

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

CREATE FUNCTION mhub.observe(identifiers jsonb, occurred_at timestamptz DEFAULT now(), source text DEFAULT NULL, OUT identifier_id bigint, OUT person_id bigint)
RETURNS record LANGUAGE c VOLATILE PARALLEL UNSAFE AS 'MODULE_PATHNAME', 'mhub_observe';
COMMENT ON FUNCTION mhub.observe(jsonb, timestamptz, text) IS
'As mhub.identify() without traits, and also tells the primary identifier: what rows of one''s own should point to, so that they follow merges and splits as events do. Both NULL when no identifier is usable.';

CREATE FUNCTION mhub.alias(previous text, user_id text, occurred_at timestamptz DEFAULT now(), source text DEFAULT NULL, previous_kind text DEFAULT NULL) RETURNS bigint
LANGUAGE c VOLATILE PARALLEL UNSAFE AS 'MODULE_PATHNAME', 'mhub_alias';
COMMENT ON FUNCTION mhub.alias(text, text, timestamptz, text, text) IS
'Segment''s alias: the previous id and the user (kind user_id) are one person, who goes on as the user''s. previous_kind: kind of the previous id; NULL means user_id when such a user is known, else anonymous_id. Returns the user''s person; NULL for a NULL id or when neither is usable. Limits hold: two known user ids stay apart (mhub.identity_conflict), use mhub.relink() to say that you know better. Errors as mhub.identify().';

CREATE FUNCTION mhub.group(identifiers jsonb, group_id text, traits jsonb DEFAULT '{}', occurred_at timestamptz DEFAULT now(), source text DEFAULT NULL) RETURNS bigint
LANGUAGE sql VOLATILE PARALLEL UNSAFE SET search_path = pg_catalog, pg_temp AS $$
    WITH who AS MATERIALIZED (
        SELECT o.identifier_id, o.person_id, coalesce($4, now()) AS at
        FROM mhub.observe($1, coalesce($4, now()), $5) AS o
    ), known AS (
        INSERT INTO mhub.group_profile AS g (group_id, traits, trait_times, created_at)
        SELECT $2, t.traits, t.times, w.at
        FROM who AS w CROSS JOIN LATERAL (
            SELECT coalesce(jsonb_object_agg(e.key, e.value), '{}') AS traits,
                   coalesce(jsonb_object_agg(e.key, replace(to_char(w.at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z" BC'), ' AD', '')), '{}') AS times
            FROM jsonb_each(coalesce($3, '{}')) AS e WHERE e.value <> 'null') AS t
        WHERE $2 IS NOT NULL
        ON CONFLICT (group_id) DO UPDATE SET
            created_at = least(g.created_at, excluded.created_at), updated_at = now(),
            traits = g.traits || (SELECT coalesce(jsonb_object_agg(e.key, e.value), '{}') FROM jsonb_each(excluded.traits) AS e
                WHERE coalesce((g.trait_times ->> e.key)::timestamptz <= (excluded.trait_times ->> e.key)::timestamptz, true)),
            trait_times = g.trait_times || (SELECT coalesce(jsonb_object_agg(e.key, e.value), '{}') FROM jsonb_each(excluded.trait_times) AS e
                WHERE coalesce((g.trait_times ->> e.key)::timestamptz <= (e.value #>> '{}')::timestamptz, true))
    ), member AS (
        INSERT INTO mhub.group_member AS m (group_id, identifier_id, first_seen_at, last_seen_at)
        SELECT $2, w.identifier_id, w.at, w.at FROM who AS w WHERE w.identifier_id IS NOT NULL AND $2 IS NOT NULL
        ON CONFLICT (group_id, identifier_id) DO UPDATE SET
            first_seen_at = least(m.first_seen_at, excluded.first_seen_at), last_seen_at = greatest(m.last_seen_at, excluded.last_seen_at)
    )
    SELECT w.person_id FROM who AS w
$$;
COMMENT ON FUNCTION mhub.group(jsonb, text, jsonb, timestamptz, text) IS
'Segment''s group: the person behind the identifiers belongs to a group (company, school, project); traits are the group''s. Identifies as mhub.observe() does, keeps the group in mhub.group_profile (per trait the latest value wins, null changes nothing) and the membership in mhub.group_member, and returns the person; NULL when no identifier is usable. occurred_at NULL is now; a NULL group_id adds no membership.';

CREATE FUNCTION mhub.unlink(kind_a text, value_a text, kind_b text, value_b text, reason text DEFAULT NULL) RETURNS boolean
LANGUAGE c VOLATILE PARALLEL UNSAFE AS 'MODULE_PATHNAME', 'mhub_unlink';
COMMENT ON FUNCTION mhub.unlink(text, text, text, text, text) IS
'Removes the link between two identifiers and recomputes their person from the links that remain. It stays removed, whatever is observed, until mhub.relink(); for two identifiers never seen together this forbids the link beforehand. What comes apart becomes persons of their own, in mhub.merge_log as splits: the part with the oldest identifier keeps the person''s id and traits, another gets back the id and traits of a person merged away earlier whose oldest identifier it holds, the rest are new. Events follow. Returns true when the two are different persons now, false when other links still join them, NULL when one of them was never seen. Errors: invalid_parameter_value for an unknown kind or an identifier and itself.';

CREATE FUNCTION mhub.split_person(person_id bigint, identifiers jsonb, reason text DEFAULT NULL) RETURNS bigint
LANGUAGE c VOLATILE PARALLEL UNSAFE AS 'MODULE_PATHNAME', 'mhub_split_person';
COMMENT ON FUNCTION mhub.split_person(bigint, jsonb, text) IS
'Takes identifiers, as in mhub.identify(), out of a person: their links to the person''s other identifiers are removed, as by mhub.unlink(), they stay together as one person, and the rest is recomputed from its links and keeps the id. Returns the person of the identifiers taken out (the same one when all were named); NULL for NULL or empty arguments. Errors: invalid_parameter_value when the person does not exist or an identifier is not the person''s.';

CREATE FUNCTION mhub.relink(kind_a text, value_a text, kind_b text, value_b text, reason text DEFAULT NULL) RETURNS bigint
LANGUAGE c VOLATILE PARALLEL UNSAFE AS 'MODULE_PATHNAME', 'mhub_relink';
COMMENT ON FUNCTION mhub.relink(text, text, text, text, text) IS
'States that two identifiers are one person, whatever the limits, mergeable, or an earlier mhub.unlink() say: makes or restores the link and merges. The way to undo an unlink and to join two user ids after all. Returns the person; NULL for NULL arguments or when a value identifies nobody and the other likewise. Errors as mhub.identify().';

CREATE FUNCTION mhub.lock_person(person_id bigint) RETURNS bigint
LANGUAGE c VOLATILE PARALLEL UNSAFE STRICT AS 'MODULE_PATHNAME', 'mhub_lock_person';
COMMENT ON FUNCTION mhub.lock_person(bigint) IS
'Locks the person that an id stands for and returns that person: until the end of the transaction no other session merges, splits or links it. For procedures that rewrite a person as a whole, such as erasure. Take it before other locks, one person a transaction; look at the person''s rows after it. NULL for NULL and for an id that was never given.';

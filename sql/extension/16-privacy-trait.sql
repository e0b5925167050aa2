-- Traits that are personal data.

CREATE FUNCTION mhub.canonical_trait(name text) RETURNS text
LANGUAGE c IMMUTABLE PARALLEL SAFE STRICT AS 'MODULE_PATHNAME', 'mhub_canonical_trait';
COMMENT ON FUNCTION mhub.canonical_trait(text) IS
'How names of personal traits are compared: first_name, firstName and "First Name" are firstname. NULL for NULL, and for a name of 128 bytes or more, which is none.';

CREATE FUNCTION mhub.has_pii_trait(traits jsonb) RETURNS boolean
LANGUAGE c STABLE PARALLEL RESTRICTED STRICT AS 'MODULE_PATHNAME', 'mhub_has_pii_trait';
COMMENT ON FUNCTION mhub.has_pii_trait(jsonb) IS 'Whether any key of an object is in mhub.pii_trait. False for what is no object, NULL for NULL.';

CREATE FUNCTION mhub.seal_traits() RETURNS trigger
LANGUAGE c VOLATILE PARALLEL UNSAFE AS 'MODULE_PATHNAME', 'mhub_seal_traits';
COMMENT ON FUNCTION mhub.seal_traits() IS
'Trigger of mhub.person: seals the traits named in mhub.pii_trait into mhub.sealed_trait (the latest observation of each wins) and takes them out of the row. Errors: MH001 without a key, MH003 when the person was erased.';

CREATE FUNCTION mhub.personal_traits(person_id bigint) RETURNS jsonb
LANGUAGE sql VOLATILE PARALLEL UNSAFE STRICT SET search_path = pg_catalog, pg_temp AS $$
    SELECT coalesce(jsonb_object_agg(latest.name, mhub.decrypt(latest.sealed, 'sealed_trait.sealed')), '{}')
    FROM (SELECT DISTINCT ON (t.name) t.name, t.sealed FROM mhub.sealed_trait AS t
          WHERE t.person_id IN (SELECT mhub.person_family($1)) ORDER BY t.name, t.observed_at DESC, t.person_id) AS latest
$$;
COMMENT ON FUNCTION mhub.personal_traits(bigint) IS
'The sealed traits of a person (any id of it), opened: {"first_name": "Wei"}; {} when there are none. Needs mhub.purpose and is logged, as mhub.decrypt().';

CREATE FUNCTION mhub.seal_known_traits() RETURNS bigint
LANGUAGE sql VOLATILE PARALLEL UNSAFE SET search_path = pg_catalog, pg_temp AS $$
    WITH sealed AS (UPDATE mhub.person SET traits = traits WHERE mhub.has_pii_trait(traits) RETURNING 1)
    SELECT count(*) FROM sealed
$$;
COMMENT ON FUNCTION mhub.seal_known_traits() IS
'Seals traits that were stored before their names came into mhub.pii_trait; returns the number of persons concerned. VACUUM FULL mhub.person afterwards removes what the old rows still hold.';

CREATE FUNCTION mhub.message_traits(person_id bigint) RETURNS jsonb
LANGUAGE c VOLATILE PARALLEL UNSAFE STRICT AS 'MODULE_PATHNAME', 'mhub_message_traits';
COMMENT ON FUNCTION mhub.message_traits(bigint) IS
'As mhub.personal_traits() of a surviving person, for the delivery of messages: needs no purpose, and mhub.access_log tells the action message and the purpose delivery.';

CREATE FUNCTION mhub.visible_traits(person_id bigint) RETURNS jsonb
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    IF $1 IS NULL OR NOT has_function_privilege('mhub.message_traits(bigint)', 'EXECUTE') THEN
        RETURN '{}';
    END IF;
    RETURN mhub.message_traits($1);
END
$$;
COMMENT ON FUNCTION mhub.visible_traits(bigint) IS
'mhub.message_traits() for callers who may execute that, {} for others and for NULL: a preview shows names to those who may see them.';

-- Sealed personal data: type mhub.enc, sealing, blind indexes, normalisers.

CREATE TYPE mhub.enc;
CREATE FUNCTION mhub.enc_in(value cstring) RETURNS mhub.enc
LANGUAGE c IMMUTABLE PARALLEL SAFE STRICT AS 'MODULE_PATHNAME', 'mhub_enc_in';
CREATE FUNCTION mhub.enc_out(value mhub.enc) RETURNS cstring
LANGUAGE c IMMUTABLE PARALLEL SAFE STRICT AS 'MODULE_PATHNAME', 'mhub_enc_out';
CREATE FUNCTION mhub.enc_recv(message internal) RETURNS mhub.enc
LANGUAGE c IMMUTABLE PARALLEL SAFE STRICT AS 'MODULE_PATHNAME', 'mhub_enc_recv';
CREATE FUNCTION mhub.enc_send(value mhub.enc) RETURNS bytea
LANGUAGE c IMMUTABLE PARALLEL SAFE STRICT AS 'MODULE_PATHNAME', 'mhub_enc_send';
CREATE TYPE mhub.enc (
    INPUT = mhub.enc_in, OUTPUT = mhub.enc_out, RECEIVE = mhub.enc_recv, SEND = mhub.enc_send,
    INTERNALLENGTH = VARIABLE, ALIGNMENT = int4, STORAGE = external
);
COMMENT ON TYPE mhub.enc IS
'A sealed text: AES-256-GCM under the key of a person (or of the hub, for secrets), bound to its column. Text form \x and hexadecimal digits, so dump and restore need no key. 44 bytes longer than the text in UTF-8. Has no operators: to look values up keep mhub.blind_index() beside it.';
COMMENT ON FUNCTION mhub.enc_in(cstring) IS 'Input of mhub.enc. Checks form and length only (SQLSTATE MH005).';
COMMENT ON FUNCTION mhub.enc_out(mhub.enc) IS 'Output of mhub.enc: the ciphertext in hexadecimal.';
COMMENT ON FUNCTION mhub.enc_recv(internal) IS 'Binary input of mhub.enc.';
COMMENT ON FUNCTION mhub.enc_send(mhub.enc) IS 'Binary output of mhub.enc.';

CREATE FUNCTION mhub.encrypt(value text, person_id bigint, column_name text, row_key text DEFAULT NULL) RETURNS mhub.enc
LANGUAGE c VOLATILE PARALLEL UNSAFE AS 'MODULE_PATHNAME', 'mhub_encrypt';
COMMENT ON FUNCTION mhub.encrypt(text, bigint, text, text) IS
'Seals a value for a person and a column of mhub.enc_column, and binds it to a row, if row_key, the text of the row''s primary key, is given: it then opens with the same only. The person''s key is made when a value is first sealed for it. A different result every time. NULL for a NULL value, person_id or column_name. Errors: MH001 no key configured, MH002 the epoch of the person''s key is not in the key file, MH003 the person was erased, undefined_object for an unregistered column.';

CREATE FUNCTION mhub.encrypt_secret(value text, column_name text) RETURNS mhub.enc
LANGUAGE c VOLATILE PARALLEL UNSAFE STRICT AS 'MODULE_PATHNAME', 'mhub_encrypt_secret';
COMMENT ON FUNCTION mhub.encrypt_secret(text, text) IS
'Seals a secret of the hub itself, such as a provider''s token, for a column of mhub.enc_column. No person''s erasure touches it. NULL for a NULL argument. Errors as mhub.encrypt().';

CREATE FUNCTION mhub.decrypt(value mhub.enc, column_name text, person_id bigint DEFAULT NULL, row_key text DEFAULT NULL) RETURNS text
LANGUAGE c STABLE PARALLEL UNSAFE COST 10 AS 'MODULE_PATHNAME', 'mhub_decrypt';
COMMENT ON FUNCTION mhub.decrypt(mhub.enc, text, bigint, text) IS
'Opens a sealed value of a column of mhub.enc_column. Needs mhub.purpose to be set and is logged in mhub.access_log (in the server''s log, when the transaction rolls back). person_id, where given, is whose value it must be, merges followed; row_key what it was sealed with, NULL for none. NULL for a NULL value or column, and when the person was erased. Errors: MH006 no purpose, MH001 no key configured, MH002 the key''s epoch is not in the key file, MH004 value, column, person or row do not belong together, MH005 no readable value, read_only_sql_transaction where nothing can be logged, undefined_object for an unregistered column.';

CREATE FUNCTION mhub.decrypt_strict(value mhub.enc, column_name text, person_id bigint DEFAULT NULL, row_key text DEFAULT NULL) RETURNS text
LANGUAGE c STABLE PARALLEL UNSAFE COST 10 AS 'MODULE_PATHNAME', 'mhub_decrypt_strict';
COMMENT ON FUNCTION mhub.decrypt_strict(mhub.enc, text, bigint, text) IS
'As mhub.decrypt(), but raises MH003 instead of returning NULL when the person was erased.';

CREATE FUNCTION mhub.person_family(person_id bigint) RETURNS SETOF bigint
LANGUAGE plpgsql STABLE PARALLEL SAFE STRICT SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    -- In plpgsql, whose plans last: planning this anew for each message to a person took longer than all the rest.
    IF NOT EXISTS (SELECT FROM mhub.person AS p WHERE p.merged_into = $1)
       AND NOT EXISTS (SELECT FROM mhub.person AS p WHERE p.person_id = $1 AND p.merged_into IS NOT NULL) THEN
        RETURN NEXT $1;    -- nearly everybody
        RETURN;
    END IF;
    RETURN QUERY
    WITH RECURSIVE up (id) AS (
        SELECT $1
        UNION ALL
        SELECT p.merged_into FROM up JOIN mhub.person AS p ON p.person_id = up.id WHERE p.merged_into IS NOT NULL
    ), family (id) AS (
        SELECT u.id FROM up AS u WHERE NOT EXISTS (SELECT FROM mhub.person AS p WHERE p.person_id = u.id AND p.merged_into IS NOT NULL)
        UNION
        SELECT p.person_id FROM family AS f JOIN mhub.person AS p ON p.merged_into = f.id
    )
    SELECT f.id FROM family AS f;
END
$$;
COMMENT ON FUNCTION mhub.person_family(bigint) IS
'All ids of a person: the surviving one and every id that was merged into it, directly or not. Takes any of them. The id itself when no such person exists; nothing for NULL.';

CREATE FUNCTION mhub.blind_index(value text, domain text, normaliser text DEFAULT NULL) RETURNS bytea
LANGUAGE c STABLE PARALLEL RESTRICTED AS 'MODULE_PATHNAME', 'mhub_blind_index';
COMMENT ON FUNCTION mhub.blind_index(text, text, text) IS
'17 bytes that are equal for equal values and tell nothing without the key: version byte and HMAC-SHA256(index key, domain, 0x00, normalised value) cut to 128 bits. domain keeps kinds of values apart; for identifiers it is their kind. normaliser is exact, lower, email or phone; by default the domain if it is one of these names, else exact. NULL for a NULL value or domain, and for a value that its normaliser refuses, so that a look-up finds nothing. Errors: MH001 no key configured, MH002, invalid_parameter_value for an unknown normaliser.';

CREATE FUNCTION mhub.normalise(value text, normaliser text) RETURNS text
LANGUAGE c STABLE PARALLEL SAFE STRICT AS 'MODULE_PATHNAME', 'mhub_normalise_value';
COMMENT ON FUNCTION mhub.normalise(text, text) IS
'One spelling for equal values. email: white space around it removed, NFKC, lower case; must have one @ with something on both sides, at most 254 bytes, and no white space, invisible character, or bracket, comma, colon, semicolon, quote or backslash in it. Dots and + in front of the @ count, punycode is not converted. phone: E.164 as +8613800138000; full-width digits, spaces, dashes, brackets, 00 or the country''s own international prefix are understood, national numbers are those of mhub.default_country; numbers of China and North America are checked to the digit. exact: white space around it removed; lower: and lower case. NULL for NULL and for what is none (no @, impossible number, empty text). Works on UTF-8 whatever the database''s encoding and does not depend on the locale; in an SQL_ASCII database bytes that are not UTF-8 are refused by all but exact, which leaves them alone. Error: invalid_parameter_value for an unknown normaliser.';

CREATE FUNCTION mhub.keys_reload() RETURNS integer
LANGUAGE c VOLATILE PARALLEL UNSAFE AS 'MODULE_PATHNAME', 'mhub_keys_reload';
COMMENT ON FUNCTION mhub.keys_reload() IS
'Reads the key file (or runs mhub.key_command) now and, from this transaction''s commit on, makes every session read it again before it next needs a key. Returns the number of epochs. Errors: MH001 when there is no usable key file.';

CREATE FUNCTION mhub.register_enc_column(name text, padded boolean DEFAULT false) RETURNS integer
LANGUAGE sql VOLATILE PARALLEL UNSAFE SET search_path = pg_catalog, pg_temp AS $$
    WITH added AS (
        INSERT INTO mhub.enc_column (name, padded) SELECT $1, coalesce($2, false) WHERE $1 IS NOT NULL
        ON CONFLICT DO NOTHING RETURNING column_id
    )
    SELECT column_id FROM added UNION ALL SELECT c.column_id FROM mhub.enc_column AS c WHERE c.name = $1 LIMIT 1
$$;
COMMENT ON FUNCTION mhub.register_enc_column(text, boolean) IS
'Registers a column that holds values of type mhub.enc, by convention named schema.table.column, and returns its number; the number it has when it is registered already, which changes nothing. padded: fill texts up to a multiple of 16 bytes. NULL for a NULL name.';

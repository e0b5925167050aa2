-- What the hub holds about a person, table by table: the one list that export and erasure work through.
-- A room that adds a table with ids of persons or identifiers adds its line here; test/sql/privacy_held.sql finds those missing.

CREATE FUNCTION mhub.plain_addresses(persons bigint[]) RETURNS text[]
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE STRICT SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    IF NOT mhub.key_configured() THEN
        RETURN '{}';
    END IF;
    RETURN (SELECT coalesce(array_agg(DISTINCT spelling), '{}')
            FROM (SELECT lower(mhub.decrypt(i.sealed, 'identifier.sealed')) AS value FROM mhub.identifier AS i
                  WHERE i.person_id = ANY (persons) AND i.sealed IS NOT NULL) AS address
            CROSS JOIN LATERAL unnest(ARRAY[value, CASE WHEN value ~ '^[+]' THEN substr(value, 2) END, CASE WHEN value ~ '^[+]86' THEN substr(value, 4) END]) AS spelling
            WHERE spelling IS NOT NULL);
END
$$;
COMMENT ON FUNCTION mhub.plain_addresses(bigint[]) IS
'The sealed identifiers of persons, opened, in lower case, telephone numbers also without plus and as written inside China: how messages without a person and rejected input may name them. Part of mhub.export_person() and mhub.erase_person(). Needs mhub.purpose and is logged, as mhub.decrypt(); empty without a key.';

CREATE FUNCTION mhub.personal_data(OUT relation regclass, OUT id_of text, OUT id_columns text[], OUT rows_of text, OUT erase text, OUT scrub text, OUT exported boolean, OUT place integer)
RETURNS SETOF record LANGUAGE sql STABLE PARALLEL SAFE SET search_path = pg_catalog, pg_temp AS $$
    SELECT to_regclass(v.relation), v.id_of, v.id_columns::text[], v.rows_of, v.erase, v.scrub, v.exported, v.place
    FROM (VALUES
        -- privacy
        ('mhub.consent', 'person', '{person_id}', NULL, 'delete', NULL, true, 50),
        ('mhub.sealed_trait', 'person', '{person_id}', NULL, 'delete', NULL, true, 50),
        ('mhub.person_key', 'person', '{person_id}', NULL, 'keep', NULL, false, 50), -- mhub.destroy_person_keys() empties it
        ('mhub.access_log', 'person', '{}', 't.persons && $1', 'keep', NULL, true, 50),
        ('mhub.suppression', 'person', '{}', 't.value_index IN (SELECT s.value_index FROM mhub.suppression_indexes($1[1]) AS s)', 'keep', NULL, true, 50),
        -- identity
        -- both ends of a link that joins are the person's: its identifier_b finds it
        ('mhub.link', 'identifier', '{identifier_a,identifier_b}', 't.identifier_b = ANY ($2) OR t.identifier_a = ANY ($2) AND NOT t.joins', 'delete', NULL, true, 80),
        ('mhub.merge_log', 'person', '{person_id,other_person_id}', NULL, 'delete', NULL, true, 80),
        ('mhub.merge_log', 'identifier', '{identifier_a,identifier_b}', NULL, 'delete', NULL, false, 80),
        ('mhub.identity_conflict', 'identifier', '{identifier_id,left_out_identifier_id}', NULL, 'delete', NULL, true, 80),
        ('mhub.identity_conflict', 'person', '{person_id,other_person_id}', NULL, 'delete', NULL, false, 80),
        ('mhub.group_member', 'identifier', '{identifier_id}', NULL, 'delete', NULL, true, 80),
        ('mhub.identifier', 'person', '{person_id,first_person_id}', 't.person_id = ANY ($1)', 'delete', NULL, true, 90),
        ('mhub.person', 'person', '{person_id}', NULL, 'scrub', 'traits = ''{}'', trait_times = ''{}''', true, 95),
        -- collection
        ('mhub.event', 'identifier', '{identifier_id}', NULL, 'anonymise',
         'message_id = pg_catalog.gen_random_uuid()::text, click_id = NULL, referrer_host = NULL, search_term = NULL, url = NULL, ip = NULL, user_agent = NULL, client_sequence = NULL, properties = ''{}'', context = ''{}''',
         true, 50),
        ('mhub.event_counter', 'identifier', '{identifier_id}', NULL, 'anonymise', NULL, true, 50),
        ('mhub.rollup_visitor', 'identifier', '{identifier_id}', NULL, 'anonymise', NULL, true, 50),
        -- segments and content; what changing the person touches is taken away after it
        ('mhub.segment_listed', 'person', '{person_id}', NULL, 'delete', NULL, true, 96),
        ('mhub.segment_member', 'person', '{person_id}', NULL, 'delete', NULL, true, 97),
        ('mhub.segment_candidate', 'person', '{person_id}', NULL, 'delete', NULL, false, 97),
        ('mhub.segment_touched', 'person', '{person_id}', NULL, 'delete', NULL, false, 97),
        ('mhub.segment_due', 'person', '{person_id}', NULL, 'delete', NULL, false, 97),
        ('mhub.impression', 'identifier', '{identifier_id}', NULL, 'anonymise', NULL, true, 50),
        -- traffic
        ('mhub.session_page', 'person', '{}', 't.session_id IN (SELECT s.session_id FROM mhub.session AS s WHERE s.person_id = ANY ($1))', 'delete', NULL, true, 40),
        ('mhub.session', 'person', '{person_id}', NULL, 'anonymise', 'entry_page = NULL, exit_page = NULL', true, 50),
        ('mhub.session', 'identifier', '{identifier_id}', NULL, 'anonymise', NULL, false, 50),
        ('mhub.session_todo', 'identifier', '{identifier_id}', NULL, 'anonymise', NULL, false, 50),
        -- delivery; what providers answered may name the address; what webhooks told other systems names the person in its data
        ('mhub.delivery_event', 'person', '{}', 't.message_id IN (SELECT m.message_id FROM mhub.message AS m WHERE m.person_id = ANY ($1))', 'anonymise', 'detail = NULL', true, 44),
        ('mhub.delivery_failure', 'person', '{}', 't.message_id IN (SELECT m.message_id FROM mhub.message AS m WHERE m.person_id = ANY ($1))', 'anonymise', 'answer = NULL', true, 44),
        ('mhub.message_queue', 'person', '{}', 't.message_id IN (SELECT m.message_id FROM mhub.message AS m WHERE m.person_id = ANY ($1))', 'scrub', 'order_key = NULL', false, 44),
        ('mhub.message', 'identifier', '{identifier_id}', 't.person_id = ANY ($1) AND t.identifier_id = ANY ($2)', 'anonymise', NULL, false, 45),
        ('mhub.message', 'person', '{person_id}', NULL, 'anonymise',
         'recipient = NULL, data = ''{}'', order_key = NULL, idempotency_key = ''erased_'' || pg_catalog.gen_random_uuid(), state = CASE WHEN pending THEN ''suppressed'' ELSE state END, reason = CASE WHEN pending THEN ''person_erased'' ELSE reason END, pending = false, provider_message_id = NULL',
         true, 50),
        ('mhub.message', 'person', '{}',
         'pg_catalog.starts_with(t.idempotency_key, ''sub_'') AND pg_catalog.split_part(t.order_key, '' '', 2) = ANY ($1::text[]) AND t.person_id IS NULL AND t.data #>> ''{data,person_id}'' = ANY ($1::text[])',
         'anonymise', 'data = ''{}'', order_key = NULL, state = CASE WHEN pending THEN ''suppressed'' ELSE state END, reason = CASE WHEN pending THEN ''person_erased'' ELSE reason END, pending = false',
         true, 50),
        ('mhub.message', 'person', '{}', 't.person_id IS NULL AND lower(t.recipient) = ANY ((SELECT mhub.plain_addresses($1))::text[])', 'anonymise',
         'recipient = NULL, data = ''{}'', order_key = NULL, state = CASE WHEN pending THEN ''suppressed'' ELSE state END, reason = CASE WHEN pending THEN ''person_erased'' ELSE reason END, pending = false, provider_message_id = NULL',
         true, 51),
        ('mhub.rejected', 'person', '{}',
         'EXISTS (SELECT FROM unnest((SELECT mhub.plain_addresses($1))) AS a WHERE strpos(lower(t.raw), a) > 0)'
         ' OR EXISTS (SELECT FROM mhub.identifier AS i WHERE i.identifier_id = ANY ($2) AND i.sealed IS NULL AND length(i.value) >= 8 AND strpos(t.raw, ''"'' || i.value || ''"'') > 0)',
         'delete', NULL, true, 51),
        -- workflow; history and counters name enrollments only, and without these nobody can tell whose they were
        ('mhub.enrollment_failure', 'person', '{}', 't.enrollment_id IN (SELECT e.enrollment_id FROM mhub.enrollment AS e WHERE e.person_id = ANY ($1))', 'delete', NULL, false, 35),
        ('mhub.enrollment', 'person', '{person_id}', NULL, 'delete', NULL, true, 40),
        ('mhub.enrollment_request', 'person', '{person_id}', NULL, 'delete', NULL, false, 40),
        ('mhub.task', 'person', '{person_id}', NULL, 'delete', NULL, true, 40),
        -- attribution
        ('mhub.conversion', 'identifier', '{identifier_id}', NULL, 'anonymise', 'order_id = NULL', true, 50),
        ('mhub.touch', 'identifier', '{identifier_id}', NULL, 'anonymise', 'landing_page = NULL', true, 50),
        ('mhub.attribution_dirty', 'identifier', '{identifier_id}', NULL, 'anonymise', NULL, false, 50)
    ) AS v (relation, id_of, id_columns, rows_of, erase, scrub, exported, place)
    WHERE to_regclass(v.relation) IS NOT NULL
    UNION ALL
    SELECT p.relation, p.id_of, p.id_columns, p.rows_of, p.erase, p.scrub, p.exported, p.place FROM mhub.personal_table AS p
$$;
COMMENT ON FUNCTION mhub.personal_data() IS
'Every table that holds something about persons: those of the hub, and yours in mhub.personal_table, whose columns explain the columns here. mhub.export_person() and mhub.erase_person() work through this list.';

CREATE FUNCTION mhub.personal_rows(id_of text, id_columns text[], rows_of text) RETURNS text
LANGUAGE sql IMMUTABLE PARALLEL SAFE SET search_path = pg_catalog, pg_temp AS $$
    SELECT coalesce($3, (SELECT string_agg(format('t.%I = ANY (%s)', c, CASE $1 WHEN 'person' THEN '$1' ELSE '$2' END), ' OR ') FROM unnest($2) AS c))
$$;
COMMENT ON FUNCTION mhub.personal_rows(text, text[], text) IS
'The SQL condition that finds a person''s rows in a table of mhub.personal_data(): rows_of, or any of id_columns being among the ids. The table is called t; $1 is the array of the person''s ids, $2 that of its identifiers.';

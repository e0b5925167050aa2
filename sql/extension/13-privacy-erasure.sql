-- Export and erasure of everything held about a person.

CREATE FUNCTION mhub.destroy_person_keys(persons bigint[]) RETURNS bigint
LANGUAGE c VOLATILE PARALLEL UNSAFE STRICT AS 'MODULE_PATHNAME', 'mhub_destroy_person_keys';
COMMENT ON FUNCTION mhub.destroy_person_keys(bigint[]) IS
'Destroys the keys of persons, so that nothing sealed for them can be read again, and keeps new ones from being made. Returns how many were destroyed. Part of mhub.erase_person(); by itself it erases no plain data.';

CREATE FUNCTION mhub.reseal(value mhub.enc, person_id bigint, column_name text) RETURNS mhub.enc
LANGUAGE c VOLATILE PARALLEL UNSAFE STRICT AS 'MODULE_PATHNAME', 'mhub_reseal';
COMMENT ON FUNCTION mhub.reseal(mhub.enc, bigint, text) IS
'The value sealed under this person''s key, without showing it; unchanged when it is already, or when its key is destroyed. For values that were sealed while two persons were taken for one; not for those bound to a row. Errors as mhub.encrypt() and mhub.decrypt(), but no purpose is needed.';

CREATE FUNCTION mhub.note_access(action text, person_id bigint, purpose text DEFAULT NULL) RETURNS void
LANGUAGE c VOLATILE PARALLEL UNSAFE AS 'MODULE_PATHNAME', 'mhub_note_access';
COMMENT ON FUNCTION mhub.note_access(text, bigint, text) IS
'Writes to mhub.access_log at the end of the transaction that the caller did something with all data of a person. purpose is by default mhub.purpose; error MH006 when neither is set. Nothing for a NULL action or person.';

CREATE FUNCTION mhub.refresh_statistics(tables regclass[]) RETURNS void
LANGUAGE c VOLATILE PARALLEL UNSAFE STRICT AS 'MODULE_PATHNAME', 'mhub_refresh_statistics';
COMMENT ON FUNCTION mhub.refresh_statistics(regclass[]) IS
'ANALYZE of tables with their owners'' rights: the planner''s statistics (pg_stats) keep values of deleted rows until then.';

CREATE FUNCTION mhub.key_configured() RETURNS boolean
LANGUAGE c STABLE PARALLEL SAFE AS 'MODULE_PATHNAME', 'mhub_key_configured';
COMMENT ON FUNCTION mhub.key_configured() IS
'Whether mhub.key_file or mhub.key_command is set. mhub.key_status() tells whether it works.';

CREATE FUNCTION mhub.opened_columns(relation regclass) RETURNS text
LANGUAGE sql STABLE PARALLEL SAFE STRICT SET search_path = pg_catalog, pg_temp AS $$
    SELECT coalesce('|| jsonb_build_object(' || string_agg(format('%L, mhub.decrypt(t.%I, %L, NULL, %s)', a.attname, a.attname, e.name, coalesce('(' || e.row_key || ')::text', 'NULL')), ', ' ORDER BY a.attnum) || ')', '')
    FROM pg_attribute AS a
    JOIN pg_class AS c ON c.oid = a.attrelid
    JOIN mhub.enc_column AS e
        ON e.name = CASE c.relnamespace WHEN 'mhub'::regnamespace THEN '' ELSE c.relnamespace::regnamespace::text || '.' END || c.relname || '.' || a.attname
    WHERE a.attrelid = $1 AND a.attnum > 0 AND NOT a.attisdropped AND a.atttypid = 'mhub.enc'::regtype
$$;
COMMENT ON FUNCTION mhub.opened_columns(regclass) IS
'Part of mhub.export_person()''s statements: opens those columns of a table t that are registered in mhub.enc_column as table.column (schema.table.column outside schema mhub).';

CREATE FUNCTION mhub.export_person(person_id bigint) RETURNS jsonb
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    persons bigint[];
    identifiers bigint[];
    entry record;
    found jsonb;
    held jsonb := '{}';
BEGIN
    PERFORM mhub.note_access('export', $1);
    SELECT array_agg(f.id) INTO persons FROM mhub.person_family($1) AS f (id) WHERE EXISTS (SELECT FROM mhub.person AS p WHERE p.person_id = f.id);
    IF persons IS NULL THEN
        RAISE EXCEPTION 'there is no person %', coalesce($1::text, 'NULL') USING ERRCODE = 'no_data_found';
    END IF;
    SELECT coalesce(array_agg(i.identifier_id), '{}') INTO identifiers FROM mhub.identifier AS i WHERE i.person_id = ANY (persons);
    FOR entry IN
        SELECT d.relation, mhub.personal_rows(d.id_of, d.id_columns, d.rows_of) AS condition
        FROM mhub.personal_data() AS d WHERE d.exported ORDER BY d.relation::text
    LOOP
        EXECUTE format('SELECT jsonb_agg(to_jsonb(t) %s) FROM %s AS t WHERE %s', mhub.opened_columns(entry.relation), entry.relation, entry.condition)
            INTO found USING persons, identifiers;
        IF found IS NOT NULL THEN
            held := held || jsonb_build_object(entry.relation::text, coalesce(held -> entry.relation::text, '[]') || found);
        END IF;
    END LOOP;
    RETURN jsonb_build_object('person_id', mhub.resolve_person($1), 'exported_at', now(), 'held', held);
END
$$;
COMMENT ON FUNCTION mhub.export_person(bigint) IS
'Everything held about a person (any id of it), sealed values opened, for access and portability requests (GDPR Art. 15, 20): {"person_id": 1, "exported_at": "...", "held": {"mhub.event": [{...}], ...}}, one array of rows per table of mhub.personal_data(). Needs mhub.purpose and is logged. Of an erased person what is kept. Errors: no_data_found for an unknown person, MH006 without a purpose, MH001 and MH002 when keys are missing; program_limit_exceeded beyond what one jsonb can hold (256 MB).';

CREATE FUNCTION mhub.erasure_statement(relation regclass, id_of text, id_columns text[], condition text, action text, scrub text) RETURNS text
LANGUAGE sql IMMUTABLE PARALLEL SAFE SET search_path = pg_catalog, pg_temp AS $$
    SELECT format('WITH done AS (%s WHERE %s RETURNING t.tableoid) SELECT count(*), array_agg(DISTINCT done.tableoid::regclass) FROM done',
        CASE $5
            WHEN 'delete' THEN format('DELETE FROM %s AS t', $1)
            WHEN 'scrub' THEN format('UPDATE %s AS t SET %s', $1, $6)
            WHEN 'anonymise' THEN format('UPDATE %s AS t SET %s', $1, concat_ws(', ', $6,
                (SELECT string_agg(CASE $2 WHEN 'person' THEN format('%1$I = CASE WHEN t.%1$I = ANY ($1) THEN $3 ELSE t.%1$I END', c)
                                           ELSE format('%1$I = coalesce((SELECT m.fresh FROM unnest($2, $4) AS m (old, fresh) WHERE m.old = t.%1$I), t.%1$I)', c) END, ', ')
                 FROM unnest($3) AS c)))
        END, $4)
$$;
COMMENT ON FUNCTION mhub.erasure_statement(regclass, text, text[], text, text, text) IS
'Part of mhub.erase_person(): the statement that deletes, scrubs or anonymises the rows that condition finds, and counts them. $1 to $4 are the person''s ids, its identifiers, the pseudonymous person and its identifiers, one for each of $2.';

CREATE FUNCTION mhub.erase_rows(persons bigint[], identifiers bigint[], pseudonym bigint, fresh bigint[], events text, OUT counts jsonb, OUT touched regclass[])
RETURNS record LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    entry record;
    rows_done bigint;
    tables regclass[];
BEGIN
    counts := '{}';
    touched := '{}';
    FOR entry IN
        SELECT d.relation, mhub.erasure_statement(d.relation, d.id_of, d.id_columns, mhub.personal_rows(d.id_of, d.id_columns, d.rows_of),
                   CASE WHEN d.erase = 'anonymise' AND $5 = 'delete' THEN 'delete' ELSE d.erase END, d.scrub) AS statement
        FROM mhub.personal_data() AS d WHERE d.erase <> 'keep' ORDER BY d.place, d.relation::text
    LOOP
        EXECUTE entry.statement INTO rows_done, tables USING $1, $2, $3, $4;
        IF rows_done > 0 THEN
            counts := counts || jsonb_build_object(entry.relation::text, coalesce((counts ->> entry.relation::text)::bigint, 0) + rows_done);
            touched := touched || tables;
            -- Somebody analyzed the partitioned table as a whole: that has statistics of its own.
            IF EXISTS (SELECT FROM pg_stats AS s WHERE s.inherited AND format('%I.%I', s.schemaname, s.tablename)::regclass = entry.relation) THEN
                touched := touched || entry.relation;
            END IF;
        END IF;
    END LOOP;
END
$$;
COMMENT ON FUNCTION mhub.erase_rows(bigint[], bigint[], bigint, bigint[], text) IS
'Part of mhub.erase_person(): deletes, scrubs or anonymises the rows about a person, table by table as mhub.personal_data() says. Arguments: its ids, its identifiers, the pseudonymous person and its identifiers (one for each), what to do to events. Returns the number of rows by table and the tables touched, partitions named singly.';

CREATE FUNCTION mhub.erase_person(person_id bigint, reason text, events text DEFAULT 'anonymise', suppress boolean DEFAULT false, analyze_tables boolean DEFAULT true) RETURNS jsonb
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    persons bigint[];
    identifiers bigint[];
    pseudonym bigint;
    fresh bigint[];
    subjects bytea[] := '{}';
    touched regclass[];
    counts jsonb;
    keys bigint;
    erasure uuid;
    purpose text := coalesce(current_setting('mhub.purpose', true), '');
BEGIN
    IF $2 IS NULL OR $3 IS NULL OR $3 NOT IN ('anonymise', 'delete') THEN
        RAISE EXCEPTION 'erasure needs a reason, and events to be "anonymise" or "delete"' USING ERRCODE = 'invalid_parameter_value';
    END IF;
    -- The family is read behind the lock of the survivor, without whom none of it changes.
    PERFORM mhub.lock_person($1);
    SELECT array_agg(p.person_id) INTO persons FROM mhub.person AS p WHERE p.person_id IN (SELECT mhub.person_family($1));
    IF persons IS NULL THEN
        RAISE EXCEPTION 'there is no person %', coalesce($1::text, 'NULL') USING ERRCODE = 'no_data_found';
    END IF;
    PERFORM mhub.note_access('erase', $1, $2);
    SELECT coalesce(array_agg(i.identifier_id), '{}') INTO identifiers FROM mhub.identifier AS i WHERE i.person_id = ANY (persons);

    -- What needs the values comes first. The erasure is what they are opened for, unless the caller said otherwise.
    PERFORM set_config('mhub.purpose', coalesce(nullif(purpose, ''), $2), true);
    IF $4 THEN
        PERFORM mhub.suppress_person($1, NULL, 'erased');
    END IF;
    IF mhub.key_configured() THEN
        SELECT coalesce(array_agg(s.value_index), '{}') INTO subjects FROM mhub.suppression_indexes($1) AS s WHERE s.value_index IS NOT NULL;
    END IF;

    INSERT INTO mhub.person DEFAULT VALUES RETURNING mhub.person.person_id INTO pseudonym;
    WITH added AS (
        INSERT INTO mhub.identifier (person_id, first_person_id, kind, value, first_seen_at, last_seen_at, source)
        SELECT pseudonym, pseudonym, 'erased', gen_random_uuid()::text, now(), now(), 'erasure' FROM unnest(identifiers)
        RETURNING identifier_id
    )
    SELECT coalesce(array_agg(added.identifier_id), '{}') INTO fresh FROM added;

    SELECT r.counts, r.touched INTO counts, touched FROM mhub.erase_rows(persons, identifiers, pseudonym, fresh, $3) AS r;
    PERFORM set_config('mhub.purpose', purpose, true);
    keys := mhub.destroy_person_keys(persons);

    INSERT INTO mhub.erasure_log (persons, subject_indexes, reason, events, row_counts, keys_destroyed)
    VALUES (persons, subjects, $2, $3, counts, keys) RETURNING erasure_id INTO erasure;
    INSERT INTO mhub.erasure_pending (erasure_id, persons, identifiers, pseudonym, fresh, events)
    VALUES (erasure, persons, identifiers, pseudonym, fresh, $3);
    PERFORM pg_notify('mhub_erasure', json_build_object('persons', persons)::text);
    IF $5 THEN
        PERFORM mhub.refresh_statistics(touched);
    END IF;
    RETURN jsonb_build_object('persons', persons, 'rows', counts, 'keys_destroyed', keys);
END
$$;
COMMENT ON FUNCTION mhub.erase_person(bigint, text, text, boolean, boolean) IS
'Erases a person (any id of it) in this transaction (GDPR Art. 17): keys destroyed, identifiers with their blind indexes and links deleted, traits, consent and workflow state deleted, queued messages cancelled; events, conversions and messages are kept for counting under a fresh pseudonym and without address, agent, URL and properties, or deleted: events => ''delete''. suppress puts its addresses on the suppression list first. analyze_tables refreshes the statistics of the tables touched, which still hold erased values; say false to erase many and ANALYZE once. Logged in mhub.erasure_log and told to listeners of mhub_erasure. What a transaction under way goes on to write about the person is erased by mhub.finish_erasures(). Returns ids, rows per table and keys destroyed. Errors: no_data_found for an unknown person, invalid_parameter_value. Backups and WAL: see doc/privacy.md.';

CREATE FUNCTION mhub.other_transactions() RETURNS text[]
LANGUAGE sql VOLATILE PARALLEL UNSAFE SET search_path = pg_catalog, pg_temp AS $$
    SELECT coalesce(array_agg(DISTINCT l.virtualtransaction), '{}')
    FROM pg_locks AS l LEFT JOIN pg_stat_activity AS a ON a.pid = l.pid
    WHERE l.locktype IN ('virtualxid', 'transactionid') AND l.pid IS DISTINCT FROM pg_backend_pid()
      AND (a.datname IS NULL OR a.datname = current_database())
$$;
COMMENT ON FUNCTION mhub.other_transactions() IS
'The transactions of other sessions under way in this database, prepared ones included, as pg_locks.virtualtransaction names them. Part of mhub.finish_erasures().';

CREATE FUNCTION mhub.add_late_counts(identifiers bigint[], fresh bigint[]) RETURNS void
LANGUAGE sql VOLATILE PARALLEL UNSAFE SET search_path = pg_catalog, pg_temp AS $$
    WITH late AS (
        DELETE FROM mhub.event_counter AS c USING unnest($1, $2) AS m (old, fresh), mhub.event_counter AS t
        WHERE c.identifier_id = m.old AND t.identifier_id = m.fresh AND t.name = c.name AND t.day = c.day
        RETURNING m.fresh, c.name, c.day, c.count, c.value_sum, c.first_at, c.last_at
    )
    UPDATE mhub.event_counter AS t
    SET count = t.count + l.count, value_sum = t.value_sum + l.value_sum, first_at = least(t.first_at, l.first_at), last_at = greatest(t.last_at, l.last_at)
    FROM late AS l WHERE t.identifier_id = l.fresh AND t.name = l.name AND t.day = l.day;

    DELETE FROM mhub.rollup_visitor AS v USING unnest($1, $2) AS m (old, fresh), mhub.rollup_visitor AS t
    WHERE v.identifier_id = m.old AND t.identifier_id = m.fresh AND t.hour = v.hour AND t.channel = v.channel;
$$;
COMMENT ON FUNCTION mhub.add_late_counts(bigint[], bigint[]) IS
'Part of mhub.finish_erasures(): what was counted for erased identifiers after their counters (mhub.event_counter, mhub.rollup_visitor) had become those of the pseudonym''s identifiers (fresh, one for each) is added to these, where they have the same.';

CREATE FUNCTION mhub.finish_erasure_rows() RETURNS integer
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    running text[];
    entry mhub.erasure_pending;
    counts jsonb;
    finished integer := 0;
BEGIN
    -- Whoever had looked the person up before the erasure was committed is among those who are running now that it is seen.
    UPDATE mhub.erasure_pending AS p SET waiting_for = mhub.other_transactions() WHERE p.waiting_for IS NULL;
    running := mhub.other_transactions();

    FOR entry IN
        SELECT p.* FROM mhub.erasure_pending AS p WHERE NOT p.waiting_for && running FOR UPDATE SKIP LOCKED
    LOOP
        PERFORM mhub.add_late_counts(entry.identifiers, entry.fresh);
        SELECT r.counts INTO counts FROM mhub.erase_rows(entry.persons, entry.identifiers, entry.pseudonym, entry.fresh, entry.events) AS r;
        UPDATE mhub.erasure_log AS l
        SET row_counts = l.row_counts || (
            SELECT coalesce(jsonb_object_agg(c.key, coalesce((l.row_counts ->> c.key)::bigint, 0) + c.value::bigint), '{}') FROM jsonb_each_text(counts) AS c)
        WHERE l.erasure_id = entry.erasure_id;
        DELETE FROM mhub.erasure_pending AS p WHERE p.erasure_id = entry.erasure_id;
        finished := finished + 1;
    END LOOP;
    RETURN finished;
END
$$;
COMMENT ON FUNCTION mhub.finish_erasure_rows() IS
'Part of mhub.finish_erasures(), with the rights of the caller: needs those of the hub''s owner. Returns how many erasures it finished.';

CREATE FUNCTION mhub.finish_erasure_step() RETURNS integer
LANGUAGE c VOLATILE PARALLEL UNSAFE AS 'MODULE_PATHNAME', 'mhub_finish_erasure_step';
COMMENT ON FUNCTION mhub.finish_erasure_step() IS
'mhub.finish_erasure_rows() with the rights of the owner of mhub.erasure_pending: who runs the jobs may finish an erasure, but not begin one.';

CREATE PROCEDURE mhub.finish_erasures()
LANGUAGE plpgsql AS $$
BEGIN
    PERFORM mhub.finish_erasure_step();
END
$$;
COMMENT ON PROCEDURE mhub.finish_erasures() IS
'Erases what transactions that were under way during mhub.erase_person() have written about the person since. An erasure is finished once every transaction has ended that was running when it was first looked at; the next call takes it up. mhub.run_jobs() calls it each minute.';

CREATE FUNCTION mhub.was_erased(kind text, value text) RETURNS boolean
LANGUAGE sql STABLE PARALLEL RESTRICTED SET search_path = pg_catalog, pg_temp AS $$
    SELECT CASE WHEN EXISTS (SELECT FROM mhub.erasure_log AS l WHERE l.subject_indexes <> '{}') THEN
        EXISTS (SELECT FROM mhub.identifier_kind AS k
                JOIN mhub.erasure_log AS l ON l.subject_indexes @> ARRAY[mhub.suppression_index($2, k.kind, k.normaliser)]
                WHERE k.kind = $1) ELSE false END
$$;
COMMENT ON FUNCTION mhub.was_erased(text, text) IS
'Whether a person who had this identifier was erased: ask before importing old data. False for NULL and for values that are none of the kind. Error MH001 without a key.';

CREATE FUNCTION mhub.replay_erasures() RETURNS integer
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    entry record;
    repeated integer := 0;
BEGIN
    FOR entry IN
        SELECT DISTINCT ON (root) mhub.resolve_person(p.person_id) AS root, l.erasure_id, l.events
        FROM mhub.erasure_log AS l
        JOIN mhub.person AS p ON p.person_id = ANY (l.persons) AND p.created_at <= l.erased_at
        WHERE EXISTS (SELECT FROM mhub.identifier AS i WHERE i.person_id = p.person_id)
           OR EXISTS (SELECT FROM mhub.person_key AS k WHERE k.person_id = p.person_id AND k.destroyed_at IS NULL)
        ORDER BY root, l.erased_at
    LOOP
        PERFORM mhub.erase_person(entry.root, format('replay of erasure %s', entry.erasure_id), entry.events, false, false);
        repeated := repeated + 1;
    END LOOP;
    RETURN repeated;
END
$$;
COMMENT ON FUNCTION mhub.replay_erasures() IS
'After a restore: erases again whom mhub.erasure_log says was erased but who is back. Load the copy of the log that you keep outside into mhub.erasure_log first, and do it before anything writes: ids given out again later must not be mistaken. Returns how many persons it erased; 0 the second time.';

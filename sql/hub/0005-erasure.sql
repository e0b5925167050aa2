-- Your own tables about persons, and the log of erasures.

CREATE TABLE mhub.personal_table (
    relation regclass NOT NULL,
    id_of text NOT NULL CHECK (id_of IN ('person', 'identifier')),
    id_columns text[] NOT NULL DEFAULT '{}',
    rows_of text,
    erase text NOT NULL CHECK (erase IN ('delete', 'anonymise', 'scrub', 'keep')),
    scrub text,
    exported boolean NOT NULL DEFAULT true,
    place integer NOT NULL DEFAULT 50,
    PRIMARY KEY (relation, id_columns),
    CHECK (cardinality(id_columns) > 0 OR rows_of IS NOT NULL),
    CHECK (erase <> 'scrub' OR scrub IS NOT NULL)
);
COMMENT ON TABLE mhub.personal_table IS 'Your own tables that hold data about the hub''s persons. mhub.export_person() and mhub.erase_person() treat them like those of the hub, which mhub.personal_data() lists.';
COMMENT ON COLUMN mhub.personal_table.relation IS 'The table.';
COMMENT ON COLUMN mhub.personal_table.id_of IS 'What id_columns hold: ids of persons or of identifiers.';
COMMENT ON COLUMN mhub.personal_table.id_columns IS 'The columns; a row is about a person when any of them names it.';
COMMENT ON COLUMN mhub.personal_table.rows_of IS 'Instead of comparing id_columns: an SQL condition on the table, called t, in which $1 is the array of the person''s ids and $2 that of its identifiers. Executed as it is.';
COMMENT ON COLUMN mhub.personal_table.erase IS 'What erasure does to the rows: delete; anonymise (keep them under a fresh pseudonym, or delete them where the caller says so); scrub (keep them as they are but for scrub); keep.';
COMMENT ON COLUMN mhub.personal_table.scrub IS 'For anonymise and scrub: assignments that remove what is personal, e.g. name = NULL, note = ''''. Executed as it is.';
COMMENT ON COLUMN mhub.personal_table.exported IS 'Whether the rows are part of mhub.export_person().';
COMMENT ON COLUMN mhub.personal_table.place IS 'Order of treatment, smallest first: tables whose rows are found through another one come before that.';

CREATE TABLE mhub.erasure_log (
    erasure_id uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    erased_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    erased_by text NOT NULL DEFAULT current_user,
    persons bigint[] NOT NULL,
    subject_indexes bytea[] NOT NULL DEFAULT '{}',
    reason text NOT NULL,
    events text NOT NULL,
    row_counts jsonb NOT NULL,
    keys_destroyed bigint NOT NULL
);
CREATE INDEX erasure_log_subject_indexes_idx ON mhub.erasure_log USING gin (subject_indexes);
COMMENT ON TABLE mhub.erasure_log IS 'Erasures carried out, without personal data. Keep a copy outside the database, beside the key file: mhub.replay_erasures() repeats them after a backup was restored.';
COMMENT ON COLUMN mhub.erasure_log.erasure_id IS 'Random id, so that copies of the log can be put together.';
COMMENT ON COLUMN mhub.erasure_log.erased_at IS 'When.';
COMMENT ON COLUMN mhub.erasure_log.erased_by IS 'Role that asked for it.';
COMMENT ON COLUMN mhub.erasure_log.persons IS 'All ids of the person, which no longer lead to anything.';
COMMENT ON COLUMN mhub.erasure_log.subject_indexes IS 'mhub.suppression_index() of each identifier it had, for mhub.was_erased(); empty when there was no key.';
COMMENT ON COLUMN mhub.erasure_log.reason IS 'Why, as given; no personal data.';
COMMENT ON COLUMN mhub.erasure_log.events IS 'What was done to events: anonymise or delete.';
COMMENT ON COLUMN mhub.erasure_log.row_counts IS 'Rows deleted or changed, by table.';
COMMENT ON COLUMN mhub.erasure_log.keys_destroyed IS 'How many keys were destroyed.';

CREATE TABLE mhub.erasure_pending (
    erasure_id uuid PRIMARY KEY,
    persons bigint[] NOT NULL,
    identifiers bigint[] NOT NULL,
    pseudonym bigint NOT NULL,
    fresh bigint[] NOT NULL,
    events text NOT NULL,
    waiting_for text[]
);
COMMENT ON TABLE mhub.erasure_pending IS 'Erasures that transactions under way may not have heard of: what those still write about the person is erased by mhub.finish_erasures() once they have ended. Then the row goes, and with it the last trace of who became which pseudonym.';
COMMENT ON COLUMN mhub.erasure_pending.erasure_id IS 'The erasure''s row in mhub.erasure_log.';
COMMENT ON COLUMN mhub.erasure_pending.persons IS 'All ids of the person.';
COMMENT ON COLUMN mhub.erasure_pending.identifiers IS 'The identifiers it had.';
COMMENT ON COLUMN mhub.erasure_pending.pseudonym IS 'The person of nobody that stands for it.';
COMMENT ON COLUMN mhub.erasure_pending.fresh IS 'That person''s identifiers, one for each of identifiers.';
COMMENT ON COLUMN mhub.erasure_pending.events IS 'What is done to events: anonymise or delete.';
COMMENT ON COLUMN mhub.erasure_pending.waiting_for IS 'Transactions (pg_locks.virtualtransaction) that were running when mhub.finish_erasures() first saw the row; NULL before that.';

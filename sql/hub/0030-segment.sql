-- Segments: named conditions, who is in them, and what must be looked at again.

CREATE TABLE mhub.segment (
    key text PRIMARY KEY CHECK (key <> ''),
    condition mhub.condition,
    description text NOT NULL DEFAULT '',
    member_count bigint NOT NULL DEFAULT 0,
    refreshed_condition mhub.condition,
    filling boolean NOT NULL DEFAULT false,
    refreshed_at timestamptz,
    updated_at timestamptz NOT NULL DEFAULT now()
);
COMMENT ON TABLE mhub.segment IS 'Named conditions over profiles, and lists of people. mhub.refresh_segments() keeps their members; a profile''s own $segments are always computed afresh.';
COMMENT ON COLUMN mhub.segment.key IS 'Name of the segment.';
COMMENT ON COLUMN mhub.segment.condition IS 'Who is in it. May refer to other segments (in segment ''vip''), not in a circle. NULL: a list, of those whom mhub.add_to_segment() put in.';
COMMENT ON COLUMN mhub.segment.description IS 'For the people who work with it.';
COMMENT ON COLUMN mhub.segment.member_count IS 'How many people are in it, as of the last refresh.';
COMMENT ON COLUMN mhub.segment.refreshed_condition IS 'The condition that mhub.segment_member was filled by; another one than condition: to be filled anew. NULL for a list.';
COMMENT ON COLUMN mhub.segment.filling IS 'It is being filled: those in mhub.segment_candidate are still to be looked at.';
COMMENT ON COLUMN mhub.segment.refreshed_at IS 'Last time its members changed.';
COMMENT ON COLUMN mhub.segment.updated_at IS 'Last change of the definition.';

CREATE TABLE mhub.segment_member (
    segment text NOT NULL REFERENCES mhub.segment ON DELETE CASCADE ON UPDATE CASCADE,
    person_id bigint NOT NULL,
    entered_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (segment, person_id)
);
CREATE INDEX segment_member_person_id_idx ON mhub.segment_member (person_id);
COMMENT ON TABLE mhub.segment_member IS 'Who is in which segment, as of the last refresh.';
COMMENT ON COLUMN mhub.segment_member.segment IS 'The segment.';
COMMENT ON COLUMN mhub.segment_member.person_id IS 'The person.';
COMMENT ON COLUMN mhub.segment_member.entered_at IS 'Since when.';

CREATE TABLE mhub.segment_listed (
    segment text NOT NULL REFERENCES mhub.segment ON DELETE CASCADE ON UPDATE CASCADE,
    person_id bigint NOT NULL,
    listed_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (segment, person_id)
);
CREATE INDEX segment_listed_person_id_idx ON mhub.segment_listed (person_id);
COMMENT ON TABLE mhub.segment_listed IS 'Who was put into segments that are lists: see mhub.add_to_segment().';
COMMENT ON COLUMN mhub.segment_listed.segment IS 'The segment.';
COMMENT ON COLUMN mhub.segment_listed.person_id IS 'The person, by the id of that time; merges do not rewrite it.';
COMMENT ON COLUMN mhub.segment_listed.listed_at IS 'Since when.';

CREATE TABLE mhub.segment_candidate (
    person_id bigint NOT NULL,
    segment text NOT NULL REFERENCES mhub.segment ON DELETE CASCADE ON UPDATE CASCADE,
    PRIMARY KEY (person_id, segment)
);
CREATE INDEX segment_candidate_segment_idx ON mhub.segment_candidate (segment);
COMMENT ON TABLE mhub.segment_candidate IS 'Who is still to be looked at for a segment that is being filled.';
COMMENT ON COLUMN mhub.segment_candidate.person_id IS 'The person; may have been merged away since.';
COMMENT ON COLUMN mhub.segment_candidate.segment IS 'The segment.';

CREATE TABLE mhub.segment_touched (
    touch_id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    person_id bigint NOT NULL
);
COMMENT ON TABLE mhub.segment_touched IS 'Persons whose traits, identity, consent or place on a list changed since the last refresh of segments; what they did is found through mhub.event.';
COMMENT ON COLUMN mhub.segment_touched.touch_id IS 'Surrogate id.';
COMMENT ON COLUMN mhub.segment_touched.person_id IS 'The person; may have been merged away since.';

CREATE TABLE mhub.segment_due (
    person_id bigint PRIMARY KEY,
    due_at timestamptz NOT NULL
);
CREATE INDEX segment_due_due_at_idx ON mhub.segment_due (due_at);
COMMENT ON TABLE mhub.segment_due IS 'When a person''s segments may change only because time passes (within ''30 days'' ends, say).';
COMMENT ON COLUMN mhub.segment_due.person_id IS 'The person.';
COMMENT ON COLUMN mhub.segment_due.due_at IS 'Look again from then on.';

-- From a segment to its people: candidates come from these.
CREATE INDEX event_counter_name_idx ON mhub.event_counter (name, identifier_id);

CREATE TRIGGER segment_changed AFTER INSERT OR UPDATE OF key, condition OR DELETE OR TRUNCATE ON mhub.segment
    FOR EACH STATEMENT EXECUTE FUNCTION mhub.invalidate_cache();
CREATE TRIGGER segment_check BEFORE INSERT OR UPDATE OF key, condition ON mhub.segment
    FOR EACH ROW EXECUTE FUNCTION mhub.check_segment();
CREATE TRIGGER segment_in_use AFTER DELETE OR UPDATE OF key ON mhub.segment
    FOR EACH ROW EXECUTE FUNCTION mhub.keep_used_segment();
CREATE TRIGGER segments_in_use BEFORE TRUNCATE ON mhub.segment
    FOR EACH STATEMENT EXECUTE FUNCTION mhub.keep_used_segment();
CREATE TRIGGER segment_member_added AFTER INSERT ON mhub.segment_member
    REFERENCING NEW TABLE AS changed FOR EACH STATEMENT EXECUTE FUNCTION mhub.count_segment_members();
CREATE TRIGGER segment_member_removed AFTER DELETE ON mhub.segment_member
    REFERENCING OLD TABLE AS changed FOR EACH STATEMENT EXECUTE FUNCTION mhub.count_segment_members();
CREATE TRIGGER segment_members_removed AFTER TRUNCATE ON mhub.segment_member
    FOR EACH STATEMENT EXECUTE FUNCTION mhub.count_segment_members();
CREATE TRIGGER segment_person_touched AFTER UPDATE ON mhub.person
    REFERENCING NEW TABLE AS touched FOR EACH STATEMENT EXECUTE FUNCTION mhub.touch_persons();
CREATE TRIGGER segment_person_created BEFORE INSERT ON mhub.person
    FOR EACH ROW EXECUTE FUNCTION mhub.touch_person();
CREATE TRIGGER segment_consent_given AFTER INSERT ON mhub.consent
    REFERENCING NEW TABLE AS touched FOR EACH STATEMENT EXECUTE FUNCTION mhub.touch_persons();
CREATE TRIGGER segment_person_listed AFTER INSERT ON mhub.segment_listed
    REFERENCING NEW TABLE AS touched FOR EACH STATEMENT EXECUTE FUNCTION mhub.touch_persons();
CREATE TRIGGER segment_person_unlisted AFTER DELETE ON mhub.segment_listed
    REFERENCING OLD TABLE AS touched FOR EACH STATEMENT EXECUTE FUNCTION mhub.touch_persons();

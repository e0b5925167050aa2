-- Persons, the identifiers seen of them, and the links that make several identifiers one person.
--
-- No foreign keys among these tables: their share locks on hot rows would cost more than the rest of mhub.identify()
-- and bring deadlocks that its own lock order excludes. No CHECK constraints on person, identifier and link either: the server
-- parses each anew for every statement. mhub.doctor() checks what both would have checked.

CREATE TABLE mhub.identifier_kind (
    kind text COLLATE "C" PRIMARY KEY,
    pii boolean NOT NULL DEFAULT false,
    normaliser text NOT NULL DEFAULT 'exact',
    priority integer NOT NULL DEFAULT 100,
    max_per_person integer CHECK (max_per_person > 0),
    period interval CHECK (period > interval '0'),
    unique_per_person boolean NOT NULL DEFAULT false,
    mergeable boolean NOT NULL DEFAULT true,
    description text NOT NULL DEFAULT '',
    CHECK (kind <> '' AND octet_length(kind) <= 63),
    CHECK (period IS NULL OR max_per_person IS NOT NULL)
);
COMMENT ON TABLE mhub.identifier_kind IS 'The kinds of identifier and how each is treated. Edit the rows or add kinds of your own; running sessions notice. A lowered limit binds from the next link on and splits nothing.';
COMMENT ON COLUMN mhub.identifier_kind.kind IS 'Name of the kind: cookie, email, phone, user_id, wechat_openid ...';
COMMENT ON COLUMN mhub.identifier_kind.pii IS 'True: personal data. mhub.identifier then holds the blind index as value and the value itself only sealed. Do not change it once identifiers of the kind exist.';
COMMENT ON COLUMN mhub.identifier_kind.normaliser IS 'How values are brought to one form before they are compared: exact (white space around them is cut off), lower (also lower case), email, phone. Do not change it once identifiers of the kind exist.';
COMMENT ON COLUMN mhub.identifier_kind.priority IS 'Rank among the identifiers of one observation: the smallest number is the primary identifier, the largest is left out first in a conflict.';
COMMENT ON COLUMN mhub.identifier_kind.max_per_person IS 'How many identifiers of this kind a person may have; NULL is unlimited. What would exceed it is not linked (mhub.identity_conflict).';
COMMENT ON COLUMN mhub.identifier_kind.period IS 'With it max_per_person counts only identifiers first seen within this time before the observation (or after it): 5 and 7 days mean five new ones a week. Months count as 30 days. NULL: for ever.';
COMMENT ON COLUMN mhub.identifier_kind.unique_per_person IS 'True: two different values mean two different persons, who are never merged.';
COMMENT ON COLUMN mhub.identifier_kind.mergeable IS 'False: an identifier of this kind never joins persons; its links are kept as evidence for mhub.match_candidates() only (fingerprints, daily visitors).';
COMMENT ON COLUMN mhub.identifier_kind.description IS 'What it is and where it comes from.';

INSERT INTO mhub.identifier_kind (kind, pii, normaliser, priority, max_per_person, period, unique_per_person, mergeable, description) VALUES
    ('user_id', false, 'exact', 10, NULL, NULL, true, true, 'The account in your own application; what Segment calls userId.'),
    ('customer_id', false, 'exact', 15, 5, NULL, false, true, 'Customer or member number in a CRM, shop or loyalty system.'),
    ('wechat_unionid', false, 'exact', 20, NULL, NULL, true, true, 'WeChat unionid: one per person across all apps of one WeChat Open Platform account.'),
    ('alipay_user_id', false, 'exact', 25, 3, NULL, false, true, 'Alipay user id or open id.'),
    ('phone', true, 'phone', 30, 5, NULL, false, true, 'Telephone number; normalised to E.164.'),
    ('email', true, 'email', 35, 10, NULL, false, true, 'E-mail address.'),
    ('wechat_openid', false, 'exact', 40, 20, NULL, false, true, 'WeChat openid of an official account; differs per account, so prefix it with the appid where you have several.'),
    ('wechat_mini_openid', false, 'exact', 41, 20, NULL, false, true, 'WeChat openid of a mini program; prefix it with the appid where you have several.'),
    ('wecom_external_userid', false, 'exact', 42, 20, NULL, false, true, 'WeCom (WeChat Work) external contact.'),
    ('qq_openid', false, 'exact', 43, 10, NULL, false, true, 'QQ openid.'),
    ('weibo_uid', false, 'exact', 44, 5, NULL, false, true, 'Weibo user id.'),
    ('douyin_openid', false, 'exact', 45, 10, NULL, false, true, 'Douyin open id.'),
    ('xiaohongshu_openid', false, 'exact', 46, 10, NULL, false, true, 'Xiaohongshu (RED) open id.'),
    ('taobao_openid', false, 'exact', 47, 10, NULL, false, true, 'Taobao or Tmall open uid.'),
    ('imei', true, 'exact', 60, 10, NULL, false, true, 'IMEI of a telephone, plain or as the MD5 that ad networks pass.'),
    ('idfa', false, 'lower', 61, 20, NULL, false, true, 'Apple advertising id.'),
    ('oaid', false, 'lower', 62, 20, NULL, false, true, 'Open anonymous device id of Chinese Android devices (MSA).'),
    ('gaid', false, 'lower', 63, 20, NULL, false, true, 'Google advertising id.'),
    ('android_id', false, 'lower', 64, 20, NULL, false, true, 'Android device id.'),
    ('device', false, 'exact', 70, 50, NULL, false, true, 'Device or installation id of your own app.'),
    ('push_token', false, 'exact', 75, 50, interval '30 days', false, true, 'Push token of an app installation.'),
    ('anonymous_id', false, 'exact', 80, 100, interval '30 days', false, true, 'What Segment calls anonymousId: a client''s random id.'),
    ('cookie', false, 'exact', 81, 100, interval '30 days', false, true, 'First-party cookie.'),
    ('ga_client_id', false, 'exact', 82, 100, interval '30 days', false, true, 'Google Analytics client id.'),
    ('fingerprint', false, 'exact', 200, NULL, NULL, false, false, 'mhub.device_fingerprint(): what a device looks like. Shared by strangers, so it never merges by itself.'),
    ('visitor', false, 'exact', 210, NULL, NULL, false, false, 'mhub.anonymous_visitor(): address and agent hashed under a daily salt. Counts visitors of one day, nothing else.');

CREATE TABLE mhub.blocked_value (
    kind text COLLATE "C" NOT NULL DEFAULT '',
    match text NOT NULL DEFAULT 'exact' CHECK (match IN ('exact', 'ignore_case', 'regex')),
    value text COLLATE "C" NOT NULL,
    description text NOT NULL DEFAULT '',
    PRIMARY KEY (kind, match, value),
    CHECK (match <> 'regex' OR '' ~ value IS NOT NULL) -- an expression that cannot be read is refused here
);
COMMENT ON TABLE mhub.blocked_value IS 'Values that identify nobody: what programs send when they know no value. An identifier that matches is ignored, also when the value comes in single or double quotes. Running sessions notice changes.';
COMMENT ON COLUMN mhub.blocked_value.kind IS 'Kind the row is for; empty for every kind.';
COMMENT ON COLUMN mhub.blocked_value.match IS 'exact, ignore_case, or regex (a regular expression of PostgreSQL that is searched). Each is tried on the value without white space around it and on the normalised one.';
COMMENT ON COLUMN mhub.blocked_value.value IS 'The value or the expression. For a kind it blocks every spelling that the kind''s normaliser takes for the same: 13800000000 also +86 138-0000-0000.';
COMMENT ON COLUMN mhub.blocked_value.description IS 'Why it is blocked.';

INSERT INTO mhub.blocked_value (match, value, description) VALUES
    ('ignore_case', 'null', 'missing value as text'),
    ('ignore_case', '(null)', 'missing value as text'),
    ('ignore_case', 'nil', 'missing value as text'),
    ('exact', 'None', 'missing value of Python as text'),
    ('exact', 'none', 'missing value as text'),
    ('exact', 'NaN', 'missing value of JavaScript as text; case matters, Nan is also a name'),
    ('ignore_case', 'undefined', 'missing value of JavaScript as text'),
    ('ignore_case', 'true', 'a boolean'),
    ('ignore_case', 'false', 'a boolean'),
    ('exact', '[object Object]', 'an object of JavaScript as text'),
    ('ignore_case', 'anonymous', 'placeholder'),
    ('ignore_case', 'guest', 'placeholder'),
    ('ignore_case', 'unknown', 'placeholder'),
    ('ignore_case', 'n/a', 'placeholder'),
    ('ignore_case', 'id', 'name of the field instead of its value'),
    ('ignore_case', 'distinct_id', 'name of the field instead of its value'),
    ('ignore_case', 'distinctid', 'name of the field instead of its value'),
    ('ignore_case', 'user_id', 'name of the field instead of its value'),
    ('ignore_case', 'email', 'name of the field instead of its value'),
    ('ignore_case', 'phone', 'name of the field instead of its value'),
    ('ignore_case', 'not_authenticated', 'placeholder'),
    ('exact', '-1', 'placeholder'),
    ('regex', '^\+?[0-]*$', 'nothing but zeros and dashes: 0, 0000, 00000000-0000-0000-0000-000000000000'),
    ('ignore_case', 'test@test.com', 'placeholder'),
    ('ignore_case', 'test@example.com', 'placeholder');

CREATE TRIGGER identifier_kind_changed AFTER INSERT OR UPDATE OR DELETE OR TRUNCATE ON mhub.identifier_kind
    FOR EACH STATEMENT EXECUTE FUNCTION mhub.invalidate_cache();
CREATE TRIGGER blocked_value_changed AFTER INSERT OR UPDATE OR DELETE OR TRUNCATE ON mhub.blocked_value
    FOR EACH STATEMENT EXECUTE FUNCTION mhub.invalidate_cache();

CREATE TABLE mhub.person (
    person_id bigint GENERATED BY DEFAULT AS IDENTITY PRIMARY KEY,
    created_at timestamptz NOT NULL DEFAULT now(),
    merged_into bigint,
    traits jsonb NOT NULL DEFAULT '{}',
    trait_times jsonb NOT NULL DEFAULT '{}',
    updated_at timestamptz NOT NULL DEFAULT now()
) WITH (fillfactor = 90); -- room on the page for the next version saves its entries in the indexes
CREATE INDEX person_merged_into_idx ON mhub.person (merged_into) WHERE merged_into IS NOT NULL;
COMMENT ON TABLE mhub.person IS 'One row per person ever known. A merged-away person keeps its row for ever, so that old ids resolve, and its own traits, so that a split gives them back.';
COMMENT ON COLUMN mhub.person.person_id IS 'Surrogate id; never derived from an identifier.';
COMMENT ON COLUMN mhub.person.created_at IS 'Earliest observation of any identifier of the person.';
COMMENT ON COLUMN mhub.person.merged_into IS 'The person this one was merged into, when it was; else NULL. That one may have been merged on: mhub.resolve_person() follows.';
COMMENT ON COLUMN mhub.person.traits IS 'Current traits that are not personal data, one key a trait.';
COMMENT ON COLUMN mhub.person.trait_times IS 'For each key of traits the time of the observation it comes from; a later one wins.';
COMMENT ON COLUMN mhub.person.updated_at IS 'When a merge, a split or an observation last changed this row.';

CREATE TABLE mhub.identifier (
    identifier_id bigint GENERATED BY DEFAULT AS IDENTITY PRIMARY KEY,
    person_id bigint NOT NULL,
    first_person_id bigint NOT NULL,
    first_seen_at timestamptz NOT NULL,
    last_seen_at timestamptz NOT NULL,
    kind text COLLATE "C" NOT NULL,
    value text COLLATE "C" NOT NULL,
    sealed mhub.enc,
    source text,
    UNIQUE (value, kind) -- in this order, because comparing the values mostly decides
) WITH (fillfactor = 90);
CREATE INDEX identifier_person_id_kind_idx ON mhub.identifier (person_id, kind);
COMMENT ON TABLE mhub.identifier IS 'Every identifier ever seen, with the person it belongs to now. Events point here, so a merge or split moves them by changing person_id.';
COMMENT ON COLUMN mhub.identifier.identifier_id IS 'Surrogate id, never rewritten.';
COMMENT ON COLUMN mhub.identifier.person_id IS 'The person of the connected component this identifier is in; always a surviving person.';
COMMENT ON COLUMN mhub.identifier.first_person_id IS 'The person it was first seen of, or was first split off to. When a split frees the identifier again, that person''s id may come back to life.';
COMMENT ON COLUMN mhub.identifier.first_seen_at IS 'Earliest observation (by the time of the event).';
COMMENT ON COLUMN mhub.identifier.last_seen_at IS 'Latest observation (by the time of the event), correct to the hour: a later one is stored when it is an hour later.';
COMMENT ON COLUMN mhub.identifier.kind IS 'Kind of the identifier.';
COMMENT ON COLUMN mhub.identifier.value IS 'Normalised value; for a pii kind the blind index in hexadecimal.';
COMMENT ON COLUMN mhub.identifier.sealed IS 'For a pii kind the value, sealed under the person''s key; else NULL.';
COMMENT ON COLUMN mhub.identifier.source IS 'Where it was first seen: the source argument of mhub.identify(), or the collection call.';

CREATE TABLE mhub.link (
    identifier_a bigint NOT NULL,
    identifier_b bigint NOT NULL,
    first_seen_at timestamptz NOT NULL,
    last_seen_at timestamptz NOT NULL,
    confidence real NOT NULL DEFAULT 1,
    joins boolean NOT NULL DEFAULT true,
    source text,
    removed_at timestamptz,
    removed_reason text,
    PRIMARY KEY (identifier_b, identifier_a) -- in this order, because the larger is mostly new: the index grows at its end
);
-- The ends of a link that joins are identifiers of one person, so identifier_b finds it; only the others need both ways.
CREATE INDEX link_identifier_a_idx ON mhub.link (identifier_a) WHERE NOT joins;
COMMENT ON TABLE mhub.link IS 'Observed "same person" edges. A person is a connected component of the rows with joins. The identifiers of one observation are linked to its primary identifier. Rows are kept: mhub.unlink() marks them removed.';
COMMENT ON COLUMN mhub.link.identifier_a IS 'The smaller identifier_id.';
COMMENT ON COLUMN mhub.link.identifier_b IS 'The larger identifier_id.';
COMMENT ON COLUMN mhub.link.first_seen_at IS 'Earliest observation.';
COMMENT ON COLUMN mhub.link.last_seen_at IS 'Latest observation, correct to the hour.';
COMMENT ON COLUMN mhub.link.confidence IS '1 for an observed link; below 1 for a probabilistic one (mhub.link_match()) that was not observed since.';
COMMENT ON COLUMN mhub.link.joins IS 'True: the two are one person. False: removed, or only evidence (a kind that is not mergeable).';
COMMENT ON COLUMN mhub.link.source IS 'Where the link was first observed.';
COMMENT ON COLUMN mhub.link.removed_at IS 'When mhub.unlink() or mhub.split_person() removed it; it stays removed, whatever is observed, until mhub.relink().';
COMMENT ON COLUMN mhub.link.removed_reason IS 'The reason given for that.';

CREATE SEQUENCE mhub.merge_id_seq;
CREATE TABLE mhub.merge_log (
    merge_id bigint PRIMARY KEY DEFAULT mhub.next_merge_id(),
    action text NOT NULL CHECK (action IN ('merge', 'split')),
    person_id bigint NOT NULL,
    other_person_id bigint NOT NULL,
    identifier_a bigint,
    identifier_b bigint,
    cause text NOT NULL,
    source text,
    occurred_at timestamptz NOT NULL,
    recorded_at timestamptz NOT NULL DEFAULT now()
);
ALTER SEQUENCE mhub.merge_id_seq OWNED BY mhub.merge_log.merge_id;
CREATE INDEX merge_log_person_id_idx ON mhub.merge_log (person_id);
CREATE INDEX merge_log_other_person_id_idx ON mhub.merge_log (other_person_id);
COMMENT ON TABLE mhub.merge_log IS 'Every merge and split of persons, append-only. Consumers that must react follow merge_id: read mhub.merge_horizon() first, then handle the rows with last < merge_id <= horizon in order of merge_id, and keep the horizon as the new last, all in one transaction. Never use max(merge_id) for that: a transaction with a smaller id may still commit. Handle a row by recomputing both person_id and other_person_id, resolved by mhub.resolve_person(): later rows may have moved them on, and doing so twice does no harm.';
COMMENT ON COLUMN mhub.merge_log.merge_id IS 'Grows with time; follow it as the table''s comment says.';
COMMENT ON COLUMN mhub.merge_log.action IS 'merge: other_person_id went into person_id. split: other_person_id came out of person_id.';
COMMENT ON COLUMN mhub.merge_log.person_id IS 'The person who stays.';
COMMENT ON COLUMN mhub.merge_log.other_person_id IS 'The person merged away, or split off.';
COMMENT ON COLUMN mhub.merge_log.identifier_a IS 'The identifiers whose link caused it.';
COMMENT ON COLUMN mhub.merge_log.identifier_b IS 'The other end of that link.';
COMMENT ON COLUMN mhub.merge_log.cause IS 'What was done: observation, alias, relink, match, unlink or split_person, with the reason given by the caller where there is one.';
COMMENT ON COLUMN mhub.merge_log.source IS 'Source of the observation.';
COMMENT ON COLUMN mhub.merge_log.occurred_at IS 'Time of the observation.';
COMMENT ON COLUMN mhub.merge_log.recorded_at IS 'Time of the transaction.';

CREATE TABLE mhub.identity_conflict (
    conflict_id bigint GENERATED BY DEFAULT AS IDENTITY PRIMARY KEY,
    reason text NOT NULL CHECK (reason IN ('unique', 'limit')),
    kind text COLLATE "C" NOT NULL,
    identifier_id bigint NOT NULL,
    left_out_identifier_id bigint NOT NULL,
    person_id bigint,
    other_person_id bigint,
    source text,
    occurred_at timestamptz NOT NULL,
    recorded_at timestamptz NOT NULL DEFAULT now()
);
CREATE UNIQUE INDEX identity_conflict_pair_idx ON mhub.identity_conflict (identifier_id, left_out_identifier_id);
CREATE INDEX identity_conflict_left_out_identifier_id_idx ON mhub.identity_conflict (left_out_identifier_id);
COMMENT ON TABLE mhub.identity_conflict IS 'Links that were observed but not made, because they would have broken a limit or joined two different people. One row per refused pair: a repetition is not logged again.';
COMMENT ON COLUMN mhub.identity_conflict.conflict_id IS 'Surrogate id.';
COMMENT ON COLUMN mhub.identity_conflict.reason IS 'unique: both sides have a value of a kind that is unique per person. limit: together they would have more of the kind than max_per_person.';
COMMENT ON COLUMN mhub.identity_conflict.kind IS 'The kind whose rule stood against it.';
COMMENT ON COLUMN mhub.identity_conflict.identifier_id IS 'Primary identifier of the observation.';
COMMENT ON COLUMN mhub.identity_conflict.left_out_identifier_id IS 'The identifier that was left out; it stays with the person it had.';
COMMENT ON COLUMN mhub.identity_conflict.person_id IS 'Person of the primary identifier at that time.';
COMMENT ON COLUMN mhub.identity_conflict.other_person_id IS 'Person of the left-out identifier at that time.';
COMMENT ON COLUMN mhub.identity_conflict.source IS 'Source of the observation.';
COMMENT ON COLUMN mhub.identity_conflict.occurred_at IS 'Time of the observation.';
COMMENT ON COLUMN mhub.identity_conflict.recorded_at IS 'Time of the transaction.';

CREATE TABLE mhub.group_profile (
    group_id text PRIMARY KEY,
    traits jsonb NOT NULL DEFAULT '{}',
    trait_times jsonb NOT NULL DEFAULT '{}',
    created_at timestamptz NOT NULL DEFAULT now(),
    updated_at timestamptz NOT NULL DEFAULT now()
);
COMMENT ON TABLE mhub.group_profile IS 'Groups that persons belong to (companies, schools, projects), as told by mhub.group().';
COMMENT ON COLUMN mhub.group_profile.group_id IS 'Your id of the group.';
COMMENT ON COLUMN mhub.group_profile.traits IS 'The group''s traits.';
COMMENT ON COLUMN mhub.group_profile.trait_times IS 'For each key of traits the time it is from; a later one wins.';
COMMENT ON COLUMN mhub.group_profile.created_at IS 'Earliest observation.';
COMMENT ON COLUMN mhub.group_profile.updated_at IS 'When the row was last written.';

CREATE TABLE mhub.group_member (
    group_id text NOT NULL,
    identifier_id bigint NOT NULL,
    first_seen_at timestamptz NOT NULL,
    last_seen_at timestamptz NOT NULL,
    PRIMARY KEY (group_id, identifier_id)
);
CREATE INDEX group_member_identifier_id_idx ON mhub.group_member (identifier_id);
COMMENT ON TABLE mhub.group_member IS 'Who belongs to which group. Points to identifiers, as events do, so memberships follow merges and splits.';
COMMENT ON COLUMN mhub.group_member.group_id IS 'The group.';
COMMENT ON COLUMN mhub.group_member.identifier_id IS 'The identifier that was told to belong to it; the person follows from mhub.identifier.';
COMMENT ON COLUMN mhub.group_member.first_seen_at IS 'Earliest observation.';
COMMENT ON COLUMN mhub.group_member.last_seen_at IS 'Latest observation.';

CREATE TABLE mhub.link_job (
    source text NOT NULL,
    query text NOT NULL,
    query_md5 text NOT NULL,
    started_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    updated_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    finished_at timestamptz,
    rows_at_start bigint NOT NULL DEFAULT 0,
    rows_done bigint NOT NULL DEFAULT 0
);
CREATE UNIQUE INDEX link_job_key ON mhub.link_job (source, query_md5);
COMMENT ON TABLE mhub.link_job IS 'Runs of mhub.link_identifiers(), one row for each source and query: how far it has come.';
COMMENT ON COLUMN mhub.link_job.source IS 'Its source; empty where none was given.';
COMMENT ON COLUMN mhub.link_job.query IS 'Its query, with asterisks for values in it, which may be personal data.';
COMMENT ON COLUMN mhub.link_job.query_md5 IS 'MD5 of the query as given, by which a run finds where it was interrupted.';
COMMENT ON COLUMN mhub.link_job.started_at IS 'When the last run began.';
COMMENT ON COLUMN mhub.link_job.updated_at IS 'When its last batch was done.';
COMMENT ON COLUMN mhub.link_job.finished_at IS 'When it was done with all rows; NULL while it runs or after an interruption.';
COMMENT ON COLUMN mhub.link_job.rows_at_start IS 'Rows that an interrupted run before it had done.';
COMMENT ON COLUMN mhub.link_job.rows_done IS 'Rows done in all.';

CREATE VIEW mhub.link_progress AS
    SELECT j.source, j.query, j.rows_done, j.started_at, j.updated_at, j.finished_at,
           round((j.rows_done - j.rows_at_start) / greatest(extract(epoch FROM j.updated_at - j.started_at), 0.001)) AS rows_per_second
    FROM mhub.link_job AS j;
COMMENT ON VIEW mhub.link_progress IS 'How far the runs of mhub.link_identifiers() have come, seen from other sessions after every batch.';
COMMENT ON COLUMN mhub.link_progress.source IS 'Source given to the run.';
COMMENT ON COLUMN mhub.link_progress.query IS 'Query given to the run, with asterisks for values in it.';
COMMENT ON COLUMN mhub.link_progress.rows_done IS 'Rows done in all.';
COMMENT ON COLUMN mhub.link_progress.started_at IS 'When the last run began.';
COMMENT ON COLUMN mhub.link_progress.updated_at IS 'When its last batch was done.';
COMMENT ON COLUMN mhub.link_progress.finished_at IS 'When it was done with all rows; NULL while it runs or after an interruption.';
COMMENT ON COLUMN mhub.link_progress.rows_per_second IS 'Rate of the last run.';

CREATE TABLE mhub.visitor_salt (
    day date PRIMARY KEY,
    salt bytea NOT NULL
);
COMMENT ON TABLE mhub.visitor_salt IS 'Salts of mhub.anonymous_visitor(), of yesterday, today and tomorrow only.';
COMMENT ON COLUMN mhub.visitor_salt.day IS 'Day of the hub.';
COMMENT ON COLUMN mhub.visitor_salt.salt IS '256 random bits.';

-- Most persons have no traits, and an empty object would cost an entry each.
CREATE INDEX person_traits_idx ON mhub.person USING gin (traits jsonb_path_ops) WHERE traits <> '{}';

CREATE TABLE mhub.match_field (
    trait text PRIMARY KEY,
    blocks boolean NOT NULL DEFAULT true,
    m_exact double precision NOT NULL CHECK (m_exact > 0 AND m_exact < 1),
    u_exact double precision NOT NULL CHECK (u_exact > 0 AND u_exact < 1),
    close_at real NOT NULL DEFAULT 2 CHECK (close_at > 0),
    m_close double precision NOT NULL DEFAULT 0.0001 CHECK (m_close > 0 AND m_exact + m_close < 1),
    u_close double precision NOT NULL DEFAULT 0.0001 CHECK (u_close > 0 AND u_exact + u_close < 1)
);
COMMENT ON TABLE mhub.match_field IS 'What mhub.match_candidates() compares, and what agreement is worth: log2 of m / u. Edit the rows to your data, and add traits of your own.';
COMMENT ON COLUMN mhub.match_field.trait IS 'Name of the trait; $fingerprint for identifiers seen with the same fingerprint, $network for the same network and agent within a day, $seen_together for an identifier seen with both and left out by a limit (a cookie with two accounts).';
COMMENT ON COLUMN mhub.match_field.blocks IS 'True: an exactly equal value makes a candidate. False for what too many share.';
COMMENT ON COLUMN mhub.match_field.m_exact IS 'How often the values of one and the same person are equal.';
COMMENT ON COLUMN mhub.match_field.u_exact IS 'How often those of two different persons are.';
COMMENT ON COLUMN mhub.match_field.close_at IS 'From this similarity on values count as close; 2 for never.';
COMMENT ON COLUMN mhub.match_field.m_close IS 'How often the values of one person are close, but not equal.';
COMMENT ON COLUMN mhub.match_field.u_close IS 'How often those of two persons are.';
INSERT INTO mhub.match_field (trait, blocks, m_exact, u_exact, close_at, m_close, u_close) VALUES
    ('first_name', true, 0.75, 0.01, 0.85, 0.15, 0.01),
    ('last_name', true, 0.75, 0.008, 0.85, 0.15, 0.01),
    ('name', true, 0.7, 0.001, 0.88, 0.2, 0.004),
    ('birthday', true, 0.8, 0.0004, 0.9, 0.12, 0.02),
    ('city', true, 0.75, 0.02, 0.88, 0.12, 0.02),
    ('region', false, 0.85, 0.25, 2, 0.0001, 0.0001),
    ('postcode', true, 0.8, 0.003, 0.85, 0.1, 0.05),
    ('address', true, 0.7, 0.002, 0.88, 0.15, 0.01),
    ('company', true, 0.7, 0.005, 0.9, 0.15, 0.005),
    ('national_id', true, 0.85, 0.0001, 0.9, 0.08, 0.005),
    ('email', true, 0.7, 0.0003, 0.92, 0.15, 0.002),
    ('phone', true, 0.7, 0.0003, 0.95, 0.1, 0.002),
    ('$fingerprint', true, 0.5, 0.002, 2, 0.0001, 0.0001),
    ('$seen_together', true, 0.3, 0.005, 2, 0.0001, 0.0001),
    ('$network', true, 0.4, 0.005, 2, 0.0001, 0.0001);

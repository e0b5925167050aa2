-- Profiles: what is known about a person, as conditions see it.

CREATE FUNCTION mhub.profile(person_id bigint, at timestamptz DEFAULT mhub.now(), condition mhub.condition DEFAULT NULL) RETURNS jsonb
LANGUAGE c STABLE PARALLEL UNSAFE AS 'MODULE_PATHNAME', 'mhub_profile';
COMMENT ON FUNCTION mhub.profile(bigint, timestamptz, mhub.condition) IS
'The profile of a person (any id of theirs, merged ones too) at a time (default mhub.now()): traits at the top level, and $unit (the person''s id, which variants are drawn with), $events {name: {count, value, first_at, last_at, days: {date: n}}} of valid events, $segments (computed afresh), $consent {purpose: granted; the strictest of all channels and merged ids}, $score (trait score). Traits are those of now; events are those up to the time, the last day as a whole. Give the condition that you will ask about: it adds items [{at, value, properties}] for events of which it must see each one (where, and windows shorter than days). NULL for an unknown person or NULL arguments.';

CREATE FUNCTION mhub.profiles(person_ids bigint[], at timestamptz DEFAULT mhub.now(), condition mhub.condition DEFAULT NULL,
    OUT person_id bigint, OUT profile jsonb)
RETURNS SETOF record LANGUAGE c STABLE PARALLEL UNSAFE AS 'MODULE_PATHNAME', 'mhub_profiles';
COMMENT ON FUNCTION mhub.profiles(bigint[], timestamptz, mhub.condition) IS
'mhub.profile() of many persons in one statement: a row for each that is known and not merged away. A batch of a few hundred to a few thousand is a good size. Error null_value_not_allowed for a NULL among the ids.';

CREATE FUNCTION mhub.segment_outcomes(person_ids bigint[], at timestamptz,
    OUT person_id bigint, OUT segments text[], OUT due_at timestamptz)
RETURNS SETOF record LANGUAGE c STABLE PARALLEL UNSAFE STRICT AS 'MODULE_PATHNAME', 'mhub_segment_outcomes';
COMMENT ON FUNCTION mhub.segment_outcomes(bigint[], timestamptz) IS
'For each person that is known and not merged away: the segments it is in at a time, and when that may change with time alone (NULL: never; perhaps too early, never too late). NULL gives no row.';

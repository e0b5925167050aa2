-- Behaviour over any table of events: funnels, retention, sequences, paths.

-- window_funnel
CREATE FUNCTION mhub.window_funnel_transfn(state bytea, at timestamptz, steps boolean[], step_window interval) RETURNS bytea
LANGUAGE c IMMUTABLE PARALLEL SAFE AS 'MODULE_PATHNAME', 'mhub_window_funnel_transfn';
COMMENT ON FUNCTION mhub.window_funnel_transfn(bytea, timestamptz, boolean[], interval) IS 'Transition function of mhub.window_funnel() and mhub.window_funnel_times() without mode.';
CREATE FUNCTION mhub.window_funnel_transfn(state bytea, at timestamptz, steps boolean[], step_window interval, mode text) RETURNS bytea
LANGUAGE c IMMUTABLE PARALLEL SAFE AS 'MODULE_PATHNAME', 'mhub_window_funnel_transfn';
COMMENT ON FUNCTION mhub.window_funnel_transfn(bytea, timestamptz, boolean[], interval, text) IS 'Transition function of mhub.window_funnel() and mhub.window_funnel_times() with mode.';
CREATE FUNCTION mhub.window_funnel_transfn(state bytea, at timestamptz, step integer, step_window interval) RETURNS bytea
LANGUAGE c IMMUTABLE PARALLEL SAFE AS 'MODULE_PATHNAME', 'mhub_window_funnel_step_transfn';
COMMENT ON FUNCTION mhub.window_funnel_transfn(bytea, timestamptz, integer, interval) IS 'Transition function of mhub.window_funnel() and mhub.window_funnel_times() by number of step, without mode.';
CREATE FUNCTION mhub.window_funnel_transfn(state bytea, at timestamptz, step integer, step_window interval, mode text) RETURNS bytea
LANGUAGE c IMMUTABLE PARALLEL SAFE AS 'MODULE_PATHNAME', 'mhub_window_funnel_step_transfn';
COMMENT ON FUNCTION mhub.window_funnel_transfn(bytea, timestamptz, integer, interval, text) IS 'Transition function of mhub.window_funnel() and mhub.window_funnel_times() by number of step, with mode.';
CREATE FUNCTION mhub.window_funnel_combinefn(a bytea, b bytea) RETURNS bytea
LANGUAGE c IMMUTABLE PARALLEL SAFE AS 'MODULE_PATHNAME', 'mhub_window_funnel_combinefn';
COMMENT ON FUNCTION mhub.window_funnel_combinefn(bytea, bytea) IS 'Combine function of mhub.window_funnel() and mhub.window_funnel_times().';
CREATE FUNCTION mhub.window_funnel_finalfn(state bytea) RETURNS integer
LANGUAGE c IMMUTABLE PARALLEL SAFE AS 'MODULE_PATHNAME', 'mhub_window_funnel_finalfn';
COMMENT ON FUNCTION mhub.window_funnel_finalfn(bytea) IS 'Final function of mhub.window_funnel().';
CREATE FUNCTION mhub.window_funnel_times_finalfn(state bytea) RETURNS timestamptz[]
LANGUAGE c IMMUTABLE PARALLEL SAFE AS 'MODULE_PATHNAME', 'mhub_window_funnel_times_finalfn';
COMMENT ON FUNCTION mhub.window_funnel_times_finalfn(bytea) IS 'Final function of mhub.window_funnel_times().';

CREATE AGGREGATE mhub.window_funnel(at timestamptz, steps boolean[], step_window interval) (
    SFUNC = mhub.window_funnel_transfn, STYPE = bytea, FINALFUNC = mhub.window_funnel_finalfn, COMBINEFUNC = mhub.window_funnel_combinefn, PARALLEL = SAFE);
COMMENT ON AGGREGATE mhub.window_funnel(timestamptz, boolean[], interval) IS
'How many steps of a funnel a person reached in order: the greatest n such that events of steps 1 to n follow each other, the last at most step_window (exact, included) after the first. at: time of the event; steps: which steps the event is, up to 32, NULL counts as false; events at one time count as in order of steps, so that one event may be several steps. A row without time or steps does not count; no row gives NULL. Semantics of ClickHouse''s windowFunnel. Errors: array_subscript_error for arrays of different lengths, invalid_parameter_value for a window with months.';
CREATE AGGREGATE mhub.window_funnel(at timestamptz, steps boolean[], step_window interval, mode text) (
    SFUNC = mhub.window_funnel_transfn, STYPE = bytea, FINALFUNC = mhub.window_funnel_finalfn, COMBINEFUNC = mhub.window_funnel_combinefn, PARALLEL = SAFE);
COMMENT ON AGGREGATE mhub.window_funnel(timestamptz, boolean[], interval, text) IS
'mhub.window_funnel(at, steps, step_window) with modes, separated by commas: strict_order: any other event after the first step ends the search, as does a step whose predecessor is missing (with allow_reentry the latter is passed over); rows that are no step must be given, then; strict_deduplication: a step after the first that comes again ends the search; strict_increase: each step must be later than the one before, not at the same time; strict_once: one event is at most one step of a path. Errors: invalid_parameter_value for an unknown mode.';
CREATE AGGREGATE mhub.window_funnel(at timestamptz, step integer, step_window interval) (
    SFUNC = mhub.window_funnel_transfn, STYPE = bytea, FINALFUNC = mhub.window_funnel_finalfn, COMBINEFUNC = mhub.window_funnel_combinefn, PARALLEL = SAFE);
COMMENT ON AGGREGATE mhub.window_funnel(timestamptz, integer, interval) IS
'mhub.window_funnel(at, steps, step_window) where each event is at most one step, given by its number from 1 to 32 (NULL or 0: none); takes less time.';
CREATE AGGREGATE mhub.window_funnel(at timestamptz, step integer, step_window interval, mode text) (
    SFUNC = mhub.window_funnel_transfn, STYPE = bytea, FINALFUNC = mhub.window_funnel_finalfn, COMBINEFUNC = mhub.window_funnel_combinefn, PARALLEL = SAFE);
COMMENT ON AGGREGATE mhub.window_funnel(timestamptz, integer, interval, text) IS
'mhub.window_funnel(at, steps, step_window, mode) where each event is at most one step, given by its number from 1 to 32 (NULL or 0: none).';
CREATE AGGREGATE mhub.window_funnel_times(at timestamptz, steps boolean[], step_window interval) (
    SFUNC = mhub.window_funnel_transfn, STYPE = bytea, FINALFUNC = mhub.window_funnel_times_finalfn, COMBINEFUNC = mhub.window_funnel_combinefn, PARALLEL = SAFE);
COMMENT ON AGGREGATE mhub.window_funnel_times(timestamptz, boolean[], interval) IS
'As mhub.window_funnel(at, steps, step_window), but returns the times at which the steps were reached, of the path that came furthest (among several of the one that started last): cardinality() is the level, element k the time of step k.';
CREATE AGGREGATE mhub.window_funnel_times(at timestamptz, steps boolean[], step_window interval, mode text) (
    SFUNC = mhub.window_funnel_transfn, STYPE = bytea, FINALFUNC = mhub.window_funnel_times_finalfn, COMBINEFUNC = mhub.window_funnel_combinefn, PARALLEL = SAFE);
COMMENT ON AGGREGATE mhub.window_funnel_times(timestamptz, boolean[], interval, text) IS
'As mhub.window_funnel(at, steps, step_window, mode), but returns the times at which the steps were reached, see mhub.window_funnel_times(at, steps, step_window).';

-- funnel_reached
CREATE FUNCTION mhub.funnel_reached_transfn(state bytea, person_id bigint, at timestamptz, step integer, step_window interval) RETURNS bytea
LANGUAGE c IMMUTABLE PARALLEL SAFE AS 'MODULE_PATHNAME', 'mhub_funnel_reached_transfn';
COMMENT ON FUNCTION mhub.funnel_reached_transfn(bytea, bigint, timestamptz, integer, interval) IS 'Transition function of mhub.funnel_reached() without mode.';
CREATE FUNCTION mhub.funnel_reached_transfn(state bytea, person_id bigint, at timestamptz, step integer, step_window interval, mode text) RETURNS bytea
LANGUAGE c IMMUTABLE PARALLEL SAFE AS 'MODULE_PATHNAME', 'mhub_funnel_reached_transfn';
COMMENT ON FUNCTION mhub.funnel_reached_transfn(bytea, bigint, timestamptz, integer, interval, text) IS 'Transition function of mhub.funnel_reached() with mode.';
CREATE FUNCTION mhub.funnel_reached_combinefn(a bytea, b bytea) RETURNS bytea
LANGUAGE c IMMUTABLE PARALLEL SAFE AS 'MODULE_PATHNAME', 'mhub_funnel_reached_combinefn';
COMMENT ON FUNCTION mhub.funnel_reached_combinefn(bytea, bytea) IS 'Combine function of mhub.funnel_reached().';
CREATE FUNCTION mhub.funnel_reached_finalfn(state bytea) RETURNS bigint[]
LANGUAGE c IMMUTABLE PARALLEL SAFE AS 'MODULE_PATHNAME', 'mhub_funnel_reached_finalfn';
COMMENT ON FUNCTION mhub.funnel_reached_finalfn(bytea) IS 'Final function of mhub.funnel_reached().';
CREATE AGGREGATE mhub.funnel_reached(person_id bigint, at timestamptz, step integer, step_window interval) (
    SFUNC = mhub.funnel_reached_transfn, STYPE = bytea, FINALFUNC = mhub.funnel_reached_finalfn, COMBINEFUNC = mhub.funnel_reached_combinefn, PARALLEL = SAFE);
COMMENT ON AGGREGATE mhub.funnel_reached(bigint, timestamptz, integer, interval) IS
'The funnel of everybody at once: element k is how many people reached step k, as mhub.window_funnel(at, step, step_window) grouped by person would tell, in less time than the grouping takes. 24 bytes an event that is a step, all in memory. Rows without person or time do not count; no row gives NULL.';
CREATE AGGREGATE mhub.funnel_reached(person_id bigint, at timestamptz, step integer, step_window interval, mode text) (
    SFUNC = mhub.funnel_reached_transfn, STYPE = bytea, FINALFUNC = mhub.funnel_reached_finalfn, COMBINEFUNC = mhub.funnel_reached_combinefn, PARALLEL = SAFE);
COMMENT ON AGGREGATE mhub.funnel_reached(bigint, timestamptz, integer, interval, text) IS
'mhub.funnel_reached(person_id, at, step, step_window) with the modes of mhub.window_funnel().';

-- retention
CREATE FUNCTION mhub.retention_transfn(state bigint, conditions boolean[]) RETURNS bigint
LANGUAGE c IMMUTABLE PARALLEL SAFE AS 'MODULE_PATHNAME', 'mhub_retention_transfn';
COMMENT ON FUNCTION mhub.retention_transfn(bigint, boolean[]) IS 'Transition function of mhub.retention().';
CREATE FUNCTION mhub.retention_combinefn(a bigint, b bigint) RETURNS bigint
LANGUAGE c IMMUTABLE PARALLEL SAFE STRICT AS 'MODULE_PATHNAME', 'mhub_retention_combinefn';
COMMENT ON FUNCTION mhub.retention_combinefn(bigint, bigint) IS 'Combine function of mhub.retention().';
CREATE FUNCTION mhub.retention_finalfn(state bigint) RETURNS boolean[]
LANGUAGE c IMMUTABLE PARALLEL SAFE STRICT AS 'MODULE_PATHNAME', 'mhub_retention_finalfn';
COMMENT ON FUNCTION mhub.retention_finalfn(bigint) IS 'Final function of mhub.retention().';
CREATE AGGREGATE mhub.retention(conditions boolean[]) (
    SFUNC = mhub.retention_transfn, STYPE = bigint, FINALFUNC = mhub.retention_finalfn, COMBINEFUNC = mhub.retention_combinefn, PARALLEL = SAFE);
COMMENT ON AGGREGATE mhub.retention(boolean[]) IS
'Which of up to 32 conditions a person met: element 1 whether the first was ever true, element i whether both the first and the i-th were, in whatever order. Rows with NULL do not count, a NULL element is false; no row gives NULL. Sum the elements over persons for a retention table. Errors: array_subscript_error for arrays of different lengths.';

-- sequence_match, sequence_count
CREATE FUNCTION mhub.sequence_transfn(state bytea, pattern text, at timestamptz, conditions boolean[]) RETURNS bytea
LANGUAGE c IMMUTABLE PARALLEL SAFE AS 'MODULE_PATHNAME', 'mhub_sequence_transfn';
COMMENT ON FUNCTION mhub.sequence_transfn(bytea, text, timestamptz, boolean[]) IS 'Transition function of mhub.sequence_match() and mhub.sequence_count().';
CREATE FUNCTION mhub.sequence_combinefn(a bytea, b bytea) RETURNS bytea
LANGUAGE c IMMUTABLE PARALLEL SAFE AS 'MODULE_PATHNAME', 'mhub_sequence_combinefn';
COMMENT ON FUNCTION mhub.sequence_combinefn(bytea, bytea) IS 'Combine function of mhub.sequence_match() and mhub.sequence_count().';
CREATE FUNCTION mhub.sequence_match_finalfn(state bytea) RETURNS boolean
LANGUAGE c IMMUTABLE PARALLEL SAFE AS 'MODULE_PATHNAME', 'mhub_sequence_match_finalfn';
COMMENT ON FUNCTION mhub.sequence_match_finalfn(bytea) IS 'Final function of mhub.sequence_match().';
CREATE FUNCTION mhub.sequence_count_finalfn(state bytea) RETURNS bigint
LANGUAGE c IMMUTABLE PARALLEL SAFE AS 'MODULE_PATHNAME', 'mhub_sequence_count_finalfn';
COMMENT ON FUNCTION mhub.sequence_count_finalfn(bytea) IS 'Final function of mhub.sequence_count().';
CREATE AGGREGATE mhub.sequence_match(pattern text, at timestamptz, conditions boolean[]) (
    SFUNC = mhub.sequence_transfn, STYPE = bytea, FINALFUNC = mhub.sequence_match_finalfn, COMBINEFUNC = mhub.sequence_combinefn, PARALLEL = SAFE);
COMMENT ON AGGREGATE mhub.sequence_match(text, timestamptz, boolean[]) IS
'Whether a person''s events, in order of time, contain a pattern. The pattern is made of (?1), (?2) ... for an event that meets the condition of that number (up to 32), . for any event, .* for any number of events, and (?t<=3600) between two events for the seconds between them (operators >=, >, ==, <, <=; several may follow each other; other events may lie between). Without .* or a time clause two events must be adjacent among those that meet any condition; others do not count at all. Events at one time are in order of their conditions, the higher numbers later. pattern: the same in every row. Rows without time or conditions do not count; no row gives NULL. Takes time in proportion to events and pattern, however written. Errors: invalid_regular_expression for a malformed pattern, array_subscript_error for one that names a condition there is not.';
CREATE AGGREGATE mhub.sequence_count(pattern text, at timestamptz, conditions boolean[]) (
    SFUNC = mhub.sequence_transfn, STYPE = bytea, FINALFUNC = mhub.sequence_count_finalfn, COMBINEFUNC = mhub.sequence_combinefn, PARALLEL = SAFE);
COMMENT ON AGGREGATE mhub.sequence_count(text, timestamptz, boolean[]) IS
'How often the pattern occurs one after the other without overlap: the greatest number possible. Pattern and rows as for mhub.sequence_match().';

-- paths
CREATE TYPE mhub.path_session AS (started_at timestamptz, ended_at timestamptz, path text[]);
COMMENT ON TYPE mhub.path_session IS 'A stretch of a path without a long gap: an element of the result of mhub.path_sessions().';
COMMENT ON COLUMN mhub.path_session.started_at IS 'Time of its first touch.';
COMMENT ON COLUMN mhub.path_session.ended_at IS 'Time of its last touch.';
COMMENT ON COLUMN mhub.path_session.path IS 'The labels of its touches, in order.';
CREATE FUNCTION mhub.path_transfn(state bytea, label text, at timestamptz) RETURNS bytea
LANGUAGE c IMMUTABLE PARALLEL SAFE AS 'MODULE_PATHNAME', 'mhub_path_transfn';
COMMENT ON FUNCTION mhub.path_transfn(bytea, text, timestamptz) IS 'Transition function of mhub.path(label, at).';
CREATE FUNCTION mhub.path_transfn(state bytea, label text, at timestamptz, touch_id bigint) RETURNS bytea
LANGUAGE c IMMUTABLE PARALLEL SAFE AS 'MODULE_PATHNAME', 'mhub_path_transfn';
COMMENT ON FUNCTION mhub.path_transfn(bytea, text, timestamptz, bigint) IS 'Transition function of mhub.path(label, at, touch_id).';
CREATE FUNCTION mhub.path_sessions_transfn(state bytea, label text, at timestamptz, gap interval) RETURNS bytea
LANGUAGE c IMMUTABLE PARALLEL SAFE AS 'MODULE_PATHNAME', 'mhub_path_sessions_transfn';
COMMENT ON FUNCTION mhub.path_sessions_transfn(bytea, text, timestamptz, interval) IS 'Transition function of mhub.path_sessions(label, at, gap).';
CREATE FUNCTION mhub.path_sessions_transfn(state bytea, label text, at timestamptz, gap interval, touch_id bigint) RETURNS bytea
LANGUAGE c IMMUTABLE PARALLEL SAFE AS 'MODULE_PATHNAME', 'mhub_path_sessions_transfn';
COMMENT ON FUNCTION mhub.path_sessions_transfn(bytea, text, timestamptz, interval, bigint) IS 'Transition function of mhub.path_sessions(label, at, gap, touch_id).';
CREATE FUNCTION mhub.path_combinefn(a bytea, b bytea) RETURNS bytea
LANGUAGE c IMMUTABLE PARALLEL SAFE AS 'MODULE_PATHNAME', 'mhub_path_combinefn';
COMMENT ON FUNCTION mhub.path_combinefn(bytea, bytea) IS 'Combine function of mhub.path() and mhub.path_sessions().';
CREATE FUNCTION mhub.path_finalfn(state bytea) RETURNS text[]
LANGUAGE c IMMUTABLE PARALLEL SAFE AS 'MODULE_PATHNAME', 'mhub_path_finalfn';
COMMENT ON FUNCTION mhub.path_finalfn(bytea) IS 'Final function of mhub.path().';
CREATE FUNCTION mhub.path_sessions_finalfn(state bytea) RETURNS mhub.path_session[]
LANGUAGE c STABLE PARALLEL SAFE AS 'MODULE_PATHNAME', 'mhub_path_sessions_finalfn';
COMMENT ON FUNCTION mhub.path_sessions_finalfn(bytea) IS 'Final function of mhub.path_sessions().';
CREATE AGGREGATE mhub.path(label text, at timestamptz) (
    SFUNC = mhub.path_transfn, STYPE = bytea, FINALFUNC = mhub.path_finalfn, COMBINEFUNC = mhub.path_combinefn, PARALLEL = SAFE);
COMMENT ON AGGREGATE mhub.path(text, timestamptz) IS
'The labels in order of time; at the same time in byte order. Rows without label or time do not count; no row gives NULL.';
CREATE AGGREGATE mhub.path(label text, at timestamptz, touch_id bigint) (
    SFUNC = mhub.path_transfn, STYPE = bytea, FINALFUNC = mhub.path_finalfn, COMBINEFUNC = mhub.path_combinefn, PARALLEL = SAFE);
COMMENT ON AGGREGATE mhub.path(text, timestamptz, bigint) IS
'The labels in order of time and touch_id (NULL counts as 0). Rows without label or time do not count; no row gives NULL.';
CREATE AGGREGATE mhub.path_sessions(label text, at timestamptz, gap interval) (
    SFUNC = mhub.path_sessions_transfn, STYPE = bytea, FINALFUNC = mhub.path_sessions_finalfn, COMBINEFUNC = mhub.path_combinefn, PARALLEL = SAFE);
COMMENT ON AGGREGATE mhub.path_sessions(text, timestamptz, interval) IS
'As mhub.path(label, at), split where more than gap lies between two touches (exact duration, the same in every row). unnest() it for one row per session. Errors: invalid_parameter_value for a gap that is NULL, negative or has months.';
CREATE AGGREGATE mhub.path_sessions(label text, at timestamptz, gap interval, touch_id bigint) (
    SFUNC = mhub.path_sessions_transfn, STYPE = bytea, FINALFUNC = mhub.path_sessions_finalfn, COMBINEFUNC = mhub.path_combinefn, PARALLEL = SAFE);
COMMENT ON AGGREGATE mhub.path_sessions(text, timestamptz, interval, bigint) IS
'As mhub.path(label, at, touch_id), split where more than gap lies between two touches, see mhub.path_sessions(label, at, gap).';
CREATE FUNCTION mhub.transform_path(path text[], transform text, label text DEFAULT NULL) RETURNS text[]
LANGUAGE c IMMUTABLE PARALLEL SAFE AS 'MODULE_PATHNAME', 'mhub_transform_path';
COMMENT ON FUNCTION mhub.transform_path(text[], text, text) IS
'Simplifies a path: consecutive (of a run of equal labels one), first (each label once, where it first appears), frequency (the same, with how often: B(2)), remove_if_not_all (without label, unless nothing else is left), remove_if_last_and_not_all (without label at the end, likewise). NULL elements count as (not set). NULL for a NULL path or transform. Errors: invalid_parameter_value for an unknown transform, null_value_not_allowed when it needs a label.';

-- Attribution over any table: first and last touch, and the credits of many models in one pass.

-- first_touch, last_touch, last_non_direct_touch
CREATE FUNCTION mhub.first_touch_transfn(state bytea, label text, at timestamptz) RETURNS bytea
LANGUAGE c IMMUTABLE PARALLEL SAFE AS 'MODULE_PATHNAME', 'mhub_first_touch_transfn';
COMMENT ON FUNCTION mhub.first_touch_transfn(bytea, text, timestamptz) IS 'Transition function of mhub.first_touch(label, at).';
CREATE FUNCTION mhub.first_touch_transfn(state bytea, label text, at timestamptz, touch_id bigint) RETURNS bytea
LANGUAGE c IMMUTABLE PARALLEL SAFE AS 'MODULE_PATHNAME', 'mhub_first_touch_transfn';
COMMENT ON FUNCTION mhub.first_touch_transfn(bytea, text, timestamptz, bigint) IS 'Transition function of mhub.first_touch(label, at, touch_id).';
CREATE FUNCTION mhub.first_touch_combinefn(a bytea, b bytea) RETURNS bytea
LANGUAGE c IMMUTABLE PARALLEL SAFE AS 'MODULE_PATHNAME', 'mhub_first_touch_combinefn';
COMMENT ON FUNCTION mhub.first_touch_combinefn(bytea, bytea) IS 'Combine function of mhub.first_touch().';
CREATE FUNCTION mhub.last_touch_transfn(state bytea, label text, at timestamptz) RETURNS bytea
LANGUAGE c IMMUTABLE PARALLEL SAFE AS 'MODULE_PATHNAME', 'mhub_last_touch_transfn';
COMMENT ON FUNCTION mhub.last_touch_transfn(bytea, text, timestamptz) IS 'Transition function of mhub.last_touch(label, at).';
CREATE FUNCTION mhub.last_touch_transfn(state bytea, label text, at timestamptz, touch_id bigint) RETURNS bytea
LANGUAGE c IMMUTABLE PARALLEL SAFE AS 'MODULE_PATHNAME', 'mhub_last_touch_transfn';
COMMENT ON FUNCTION mhub.last_touch_transfn(bytea, text, timestamptz, bigint) IS 'Transition function of mhub.last_touch(label, at, touch_id).';
CREATE FUNCTION mhub.last_touch_combinefn(a bytea, b bytea) RETURNS bytea
LANGUAGE c IMMUTABLE PARALLEL SAFE AS 'MODULE_PATHNAME', 'mhub_last_touch_combinefn';
COMMENT ON FUNCTION mhub.last_touch_combinefn(bytea, bytea) IS 'Combine function of mhub.last_touch() and mhub.last_non_direct_touch().';
CREATE FUNCTION mhub.last_non_direct_touch_transfn(state bytea, label text, at timestamptz) RETURNS bytea
LANGUAGE c IMMUTABLE PARALLEL SAFE AS 'MODULE_PATHNAME', 'mhub_last_non_direct_touch_transfn';
COMMENT ON FUNCTION mhub.last_non_direct_touch_transfn(bytea, text, timestamptz) IS 'Transition function of mhub.last_non_direct_touch(label, at).';
CREATE FUNCTION mhub.last_non_direct_touch_transfn(state bytea, label text, at timestamptz, touch_id bigint) RETURNS bytea
LANGUAGE c IMMUTABLE PARALLEL SAFE AS 'MODULE_PATHNAME', 'mhub_last_non_direct_touch_transfn';
COMMENT ON FUNCTION mhub.last_non_direct_touch_transfn(bytea, text, timestamptz, bigint) IS 'Transition function of mhub.last_non_direct_touch(label, at, touch_id).';
CREATE FUNCTION mhub.edge_touch_finalfn(state bytea) RETURNS text
LANGUAGE c IMMUTABLE PARALLEL SAFE AS 'MODULE_PATHNAME', 'mhub_edge_touch_finalfn';
COMMENT ON FUNCTION mhub.edge_touch_finalfn(bytea) IS 'Final function of mhub.first_touch(), mhub.last_touch() and mhub.last_non_direct_touch().';

CREATE AGGREGATE mhub.first_touch(label text, at timestamptz) (
    SFUNC = mhub.first_touch_transfn, STYPE = bytea, FINALFUNC = mhub.edge_touch_finalfn,
    COMBINEFUNC = mhub.first_touch_combinefn, PARALLEL = SAFE);
COMMENT ON AGGREGATE mhub.first_touch(text, timestamptz) IS
'Label of the earliest touch. Of touches at the same time the one whose label sorts first by bytes, whatever the order of the rows. Rows without label or time do not count; NULL when none is left.';
CREATE AGGREGATE mhub.first_touch(label text, at timestamptz, touch_id bigint) (
    SFUNC = mhub.first_touch_transfn, STYPE = bytea, FINALFUNC = mhub.edge_touch_finalfn,
    COMBINEFUNC = mhub.first_touch_combinefn, PARALLEL = SAFE);
COMMENT ON AGGREGATE mhub.first_touch(text, timestamptz, bigint) IS
'Label of the earliest touch; of touches at the same time the one with the smallest touch_id (NULL counts as 0). Rows without label or time do not count; NULL when none is left.';
CREATE AGGREGATE mhub.last_touch(label text, at timestamptz) (
    SFUNC = mhub.last_touch_transfn, STYPE = bytea, FINALFUNC = mhub.edge_touch_finalfn,
    COMBINEFUNC = mhub.last_touch_combinefn, PARALLEL = SAFE);
COMMENT ON AGGREGATE mhub.last_touch(text, timestamptz) IS
'Label of the latest touch. Of touches at the same time the one whose label sorts last by bytes, whatever the order of the rows. Rows without label or time do not count; NULL when none is left.';
CREATE AGGREGATE mhub.last_touch(label text, at timestamptz, touch_id bigint) (
    SFUNC = mhub.last_touch_transfn, STYPE = bytea, FINALFUNC = mhub.edge_touch_finalfn,
    COMBINEFUNC = mhub.last_touch_combinefn, PARALLEL = SAFE);
COMMENT ON AGGREGATE mhub.last_touch(text, timestamptz, bigint) IS
'Label of the latest touch; of touches at the same time the one with the greatest touch_id (NULL counts as 0). Rows without label or time do not count; NULL when none is left.';
CREATE AGGREGATE mhub.last_non_direct_touch(label text, at timestamptz) (
    SFUNC = mhub.last_non_direct_touch_transfn, STYPE = bytea, FINALFUNC = mhub.edge_touch_finalfn,
    COMBINEFUNC = mhub.last_touch_combinefn, PARALLEL = SAFE);
COMMENT ON AGGREGATE mhub.last_non_direct_touch(text, timestamptz) IS
'Label of the latest touch that is not direct traffic (Direct, direct, (direct), (none), direct / none, (direct) / (none)); when all are direct, of the latest one. Ties as in mhub.last_touch(label, at). Rows without label or time do not count; NULL when none is left.';
CREATE AGGREGATE mhub.last_non_direct_touch(label text, at timestamptz, touch_id bigint) (
    SFUNC = mhub.last_non_direct_touch_transfn, STYPE = bytea, FINALFUNC = mhub.edge_touch_finalfn,
    COMBINEFUNC = mhub.last_touch_combinefn, PARALLEL = SAFE);
COMMENT ON AGGREGATE mhub.last_non_direct_touch(text, timestamptz, bigint) IS
'Label of the latest touch that is not direct traffic (Direct, direct, (direct), (none), direct / none, (direct) / (none)); when all are direct, of the latest one. Ties as in mhub.last_touch(label, at, touch_id). Rows without label or time do not count; NULL when none is left.';

-- the general aggregate
CREATE TYPE mhub.credit_share AS (
    conversion_id bigint,
    model text,
    touch_id bigint,
    touched_at timestamptz,
    label text,
    share double precision,
    value numeric
);
COMMENT ON TYPE mhub.credit_share IS 'What one touch earned of one conversion under one model: an element of the result of mhub.attribution().';
COMMENT ON COLUMN mhub.credit_share.conversion_id IS 'The id given with the conversion.';
COMMENT ON COLUMN mhub.credit_share.model IS 'The attribution model.';
COMMENT ON COLUMN mhub.credit_share.touch_id IS 'The id given with the touch; NULL when the conversion has no touch to credit.';
COMMENT ON COLUMN mhub.credit_share.touched_at IS 'Time of the touch; NULL when the conversion has no touch to credit.';
COMMENT ON COLUMN mhub.credit_share.label IS 'Label of the touch, or (unattributed) when the conversion has no touch to credit.';
COMMENT ON COLUMN mhub.credit_share.share IS 'Share of the conversion; the shares of a conversion and model sum to 1 (participation: to the number of distinct labels).';
COMMENT ON COLUMN mhub.credit_share.value IS 'Share of the conversion''s value, in whole cents; sums to the value exactly (participation: each distinct label has the whole value).';

CREATE FUNCTION mhub.attribution_transfn(state bytea, kind text, at timestamptz, label text, id bigint, value numeric) RETURNS bytea
LANGUAGE c STABLE PARALLEL SAFE AS 'MODULE_PATHNAME', 'mhub_attribution_transfn';
COMMENT ON FUNCTION mhub.attribution_transfn(bytea, text, timestamptz, text, bigint, numeric) IS 'Transition function of mhub.attribution() with default options.';
CREATE FUNCTION mhub.attribution_transfn(state bytea, kind text, at timestamptz, label text, id bigint, value numeric, options jsonb) RETURNS bytea
LANGUAGE c STABLE PARALLEL SAFE AS 'MODULE_PATHNAME', 'mhub_attribution_transfn';
COMMENT ON FUNCTION mhub.attribution_transfn(bytea, text, timestamptz, text, bigint, numeric, jsonb) IS 'Transition function of mhub.attribution().';
CREATE FUNCTION mhub.attribution_combinefn(a bytea, b bytea) RETURNS bytea
LANGUAGE c IMMUTABLE PARALLEL SAFE AS 'MODULE_PATHNAME', 'mhub_attribution_combinefn';
COMMENT ON FUNCTION mhub.attribution_combinefn(bytea, bytea) IS 'Combine function of mhub.attribution().';
CREATE FUNCTION mhub.attribution_finalfn(state bytea) RETURNS mhub.credit_share[]
LANGUAGE c STABLE PARALLEL SAFE AS 'MODULE_PATHNAME', 'mhub_attribution_finalfn';
COMMENT ON FUNCTION mhub.attribution_finalfn(bytea) IS 'Final function of mhub.attribution().';

CREATE AGGREGATE mhub.attribution(kind text, at timestamptz, label text, id bigint, value numeric) (
    SFUNC = mhub.attribution_transfn, STYPE = bytea, FINALFUNC = mhub.attribution_finalfn,
    COMBINEFUNC = mhub.attribution_combinefn, PARALLEL = SAFE);
COMMENT ON AGGREGATE mhub.attribution(text, timestamptz, text, bigint, numeric) IS
'mhub.attribution(kind, at, label, id, value, options) with all options at their defaults.';
CREATE AGGREGATE mhub.attribution(kind text, at timestamptz, label text, id bigint, value numeric, options jsonb) (
    SFUNC = mhub.attribution_transfn, STYPE = bytea, FINALFUNC = mhub.attribution_finalfn,
    COMBINEFUNC = mhub.attribution_combinefn, PARALLEL = SAFE);
COMMENT ON AGGREGATE mhub.attribution(text, timestamptz, text, bigint, numeric, jsonb) IS
'Credits of one person''s conversions under several models in one pass: GROUP BY person over the touches and conversions together, then unnest() the result.
Arguments: kind: touch, conversion, lead or opportunity (the milestones of w_shaped and full_path); at: its time; label: channel or whatever earns the credit (touches; NULL is (not set)); id: touch or conversion id (NULL is 0); value: of a conversion, at most 18 digits (NULL is 0); options: jsonb object, the same for all rows of a group. A row without kind or time does not count; no row at all gives NULL.
Options: models: array of first_touch, last_touch, last_non_direct_touch, linear, position_based, w_shaped, full_path, j_shaped, inverse_j_shaped, time_decay, custom, participation (at least one; default: the first five but for the milestone models, and time_decay); lookback: exact duration such as "30 days" (24 hours each), both ends included (default: unlimited); lookback_days and time_zone: calendar days before the conversion''s day there; half_life (default "7 days"); conversions: "reuse" (default) or "cut" (touches up to the previous conversion do not count); dedupe: "none" (default), "consecutive" (first of a run of equal labels) or "first" (first of each label); touch_limit: only the latest so many; position_weights and custom_weights: [first, all middle, last] (default [0.4, 0.2, 0.4]); direct: array of labels that are direct traffic; scale: decimals of a cent amount (default 2).
A touch at the conversion''s own time counts. Order is (at, id, label). A conversion without a touch gives one row labelled (unattributed) per model. Errors: invalid_parameter_value for an unknown kind, option or model, numeric_value_out_of_range for a value of more than 18 digits.';

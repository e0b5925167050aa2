-- Credits of everybody at once, summed by label: for large tables, where one group per person costs more than the rest.

CREATE TYPE mhub.label_credit AS (model text, label text, conversions double precision, value numeric);
COMMENT ON TYPE mhub.label_credit IS 'What one label earned under one model: an element of the result of mhub.attribution_totals().';
COMMENT ON COLUMN mhub.label_credit.model IS 'The attribution model.';
COMMENT ON COLUMN mhub.label_credit.label IS 'The label, or (unattributed) for conversions without a touch.';
COMMENT ON COLUMN mhub.label_credit.conversions IS 'Its conversions, in shares.';
COMMENT ON COLUMN mhub.label_credit.value IS 'Its part of the conversions'' value: whole cents of each, which sum to the value exactly.';

CREATE FUNCTION mhub.conversion_set_transfn(state bytea, person_id bigint, at timestamptz, conversion_id bigint, value numeric) RETURNS bytea
LANGUAGE c IMMUTABLE PARALLEL SAFE AS 'MODULE_PATHNAME', 'mhub_conversion_set_transfn';
COMMENT ON FUNCTION mhub.conversion_set_transfn(bytea, bigint, timestamptz, bigint, numeric) IS 'Transition function of mhub.conversion_set().';
CREATE FUNCTION mhub.conversion_set_combinefn(a bytea, b bytea) RETURNS bytea
LANGUAGE c IMMUTABLE PARALLEL SAFE AS 'MODULE_PATHNAME', 'mhub_conversion_set_combinefn';
COMMENT ON FUNCTION mhub.conversion_set_combinefn(bytea, bytea) IS 'Combine function of mhub.conversion_set().';
CREATE FUNCTION mhub.conversion_set_finalfn(state bytea) RETURNS bytea
LANGUAGE c IMMUTABLE PARALLEL SAFE AS 'MODULE_PATHNAME', 'mhub_conversion_set_finalfn';
COMMENT ON FUNCTION mhub.conversion_set_finalfn(bytea) IS 'Final function of mhub.conversion_set().';
CREATE AGGREGATE mhub.conversion_set(person_id bigint, at timestamptz, conversion_id bigint, value numeric) (
    SFUNC = mhub.conversion_set_transfn, STYPE = bytea, FINALFUNC = mhub.conversion_set_finalfn,
    COMBINEFUNC = mhub.conversion_set_combinefn, PARALLEL = SAFE);
COMMENT ON AGGREGATE mhub.conversion_set(bigint, timestamptz, bigint, numeric) IS
'All conversions as one value, for mhub.attribution_totals(): person, time, id (orders conversions at one time; NULL counts as 0) and value (NULL counts as 0). Rows without person or time do not count. 40 bytes a conversion while it is made, at most 1 GB. Errors: numeric_value_out_of_range for a value of more than 18 digits.';

CREATE FUNCTION mhub.converts_after(conversions bytea, person_id bigint, at timestamptz, within interval DEFAULT NULL) RETURNS boolean
LANGUAGE c IMMUTABLE PARALLEL SAFE AS 'MODULE_PATHNAME', 'mhub_converts_after';
COMMENT ON FUNCTION mhub.converts_after(bytea, bigint, timestamptz, interval) IS
'Does a conversion of the person follow at that time or later, at most within later (NULL: ever)? conversions: from mhub.conversion_set(), best a scalar subquery: WHERE mhub.converts_after((SELECT mhub.conversion_set(person_id, at, conversion_id, value) FROM conversions), person_id, at, interval ''30 days'') keeps the touches that conversions can credit, before they are grouped by person, and costs far less than a join. False for a NULL conversions, person or time. Errors: invalid_parameter_value for what is no result of conversion_set(), or a within that is negative or has months.';

CREATE FUNCTION mhub.attribution_totals_transfn(state bytea, conversions bytea, person_id bigint, at timestamptz, label text, touch_id bigint) RETURNS bytea
LANGUAGE c STABLE PARALLEL SAFE AS 'MODULE_PATHNAME', 'mhub_attribution_totals_transfn';
COMMENT ON FUNCTION mhub.attribution_totals_transfn(bytea, bytea, bigint, timestamptz, text, bigint) IS 'Transition function of mhub.attribution_totals() with default options.';
CREATE FUNCTION mhub.attribution_totals_transfn(state bytea, conversions bytea, person_id bigint, at timestamptz, label text, touch_id bigint, options jsonb) RETURNS bytea
LANGUAGE c STABLE PARALLEL SAFE AS 'MODULE_PATHNAME', 'mhub_attribution_totals_transfn';
COMMENT ON FUNCTION mhub.attribution_totals_transfn(bytea, bytea, bigint, timestamptz, text, bigint, jsonb) IS 'Transition function of mhub.attribution_totals().';
CREATE FUNCTION mhub.attribution_totals_combinefn(a bytea, b bytea) RETURNS bytea
LANGUAGE c IMMUTABLE PARALLEL SAFE AS 'MODULE_PATHNAME', 'mhub_attribution_totals_combinefn';
COMMENT ON FUNCTION mhub.attribution_totals_combinefn(bytea, bytea) IS 'Combine function of mhub.attribution_totals().';
CREATE FUNCTION mhub.attribution_totals_finalfn(state bytea) RETURNS mhub.label_credit[]
LANGUAGE c STABLE PARALLEL SAFE AS 'MODULE_PATHNAME', 'mhub_attribution_totals_finalfn';
COMMENT ON FUNCTION mhub.attribution_totals_finalfn(bytea) IS 'Final function of mhub.attribution_totals().';
CREATE AGGREGATE mhub.attribution_totals(conversions bytea, person_id bigint, at timestamptz, label text, touch_id bigint) (
    SFUNC = mhub.attribution_totals_transfn, STYPE = bytea, FINALFUNC = mhub.attribution_totals_finalfn,
    COMBINEFUNC = mhub.attribution_totals_combinefn, PARALLEL = SAFE);
COMMENT ON AGGREGATE mhub.attribution_totals(bytea, bigint, timestamptz, text, bigint) IS
'mhub.attribution_totals(conversions, person_id, at, label, touch_id, options) with all options at their defaults.';
CREATE AGGREGATE mhub.attribution_totals(conversions bytea, person_id bigint, at timestamptz, label text, touch_id bigint, options jsonb) (
    SFUNC = mhub.attribution_totals_transfn, STYPE = bytea, FINALFUNC = mhub.attribution_totals_finalfn,
    COMBINEFUNC = mhub.attribution_totals_combinefn, PARALLEL = SAFE);
COMMENT ON AGGREGATE mhub.attribution_totals(bytea, bigint, timestamptz, text, bigint, jsonb) IS
'Credits summed by label and model over all people, in one pass over the touches without grouping by person: the sums of mhub.attribution() with the same options (but for the models w_shaped and full_path, which need milestones).
SELECT t.* FROM unnest((SELECT mhub.attribution_totals((SELECT mhub.conversion_set(person_id, at, conversion_id, value) FROM conversions), person_id, at, channel, touch_id, ''{"lookback": "30 days"}'') FROM touches)) AS t.
conversions: from mhub.conversion_set(), the same in every row; person_id, at, label, touch_id: the touches, as for mhub.attribution(). Keeps 24 bytes for each touch that a conversion can reach, and nothing of people who never convert; what exceeds work_mem * hash_mem_multiplier goes to temporary files. Rows without person or time do not count; no row gives NULL. Errors: invalid_parameter_value for wrong options or conversions, feature_not_supported for models with milestones.';

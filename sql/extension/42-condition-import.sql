-- Conditions of other engines.

CREATE FUNCTION mhub.growthbook_matches(condition jsonb, attributes jsonb, groups jsonb DEFAULT '{}') RETURNS boolean
LANGUAGE c STABLE PARALLEL SAFE STRICT AS 'MODULE_PATHNAME', 'mhub_growthbook_matches';
COMMENT ON FUNCTION mhub.growthbook_matches(jsonb, jsonb, jsonb) IS
'Whether attributes fulfil a GrowthBook targeting condition, with GrowthBook''s own semantics (specification 0.8.0): two-valued, a missing attribute is null, values are coerced as JavaScript does, unknown operators never match. groups are the saved groups of $inGroup: an object of arrays. Regular expressions are PostgreSQL''s. Objects compare without regard to the order of keys. NULL gives NULL; error invalid_parameter_value when condition is not an object.';

CREATE FUNCTION mhub.from_jsonlogic(logic jsonb) RETURNS mhub.condition
LANGUAGE c IMMUTABLE PARALLEL SAFE STRICT AS 'MODULE_PATHNAME', 'mhub_from_jsonlogic';
COMMENT ON FUNCTION mhub.from_jsonlogic(jsonb) IS
'The condition that a JsonLogic rule, as visual rule builders export it, stands for. ! becomes unless and != becomes is not, because JsonLogic''s negations hold for what is missing; otherwise values of different types are not coerced, they are unknown. Error feature_not_supported names what has no counterpart (arithmetic, if, map, reduce ...). NULL gives NULL.';

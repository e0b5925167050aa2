-- Deterministic, sticky assignment to variants: GrowthBook's hashing, so that its SDKs and the hub agree.

CREATE FUNCTION mhub.bucket(seed text, unit text, hash_version integer DEFAULT 2, encoding text DEFAULT 'utf8') RETURNS double precision
LANGUAGE c IMMUTABLE PARALLEL SAFE STRICT AS 'MODULE_PATHNAME', 'mhub_bucket';
COMMENT ON FUNCTION mhub.bucket(text, text, integer, text) IS
'The bucket of a unit (a person''s or device''s id) in an experiment (its seed): 0 <= bucket < 1, the same for ever. GrowthBook''s hash: version 2 has 10,000 buckets, version 1 has 1,000; another version gives NULL. encoding is what is hashed: utf8 (default, as GrowthBook''s Go, Python, PHP ... SDKs do) or utf16 (code units, as its JavaScript SDK does; differs for ids that are not ASCII), else error invalid_parameter_value. NULL gives NULL.';

CREATE FUNCTION mhub.equal_weights(variants integer) RETURNS double precision[]
LANGUAGE sql IMMUTABLE PARALLEL SAFE STRICT SET search_path = pg_catalog, pg_temp AS $$
    SELECT array_fill(1 / nullif(variants, 0)::double precision, ARRAY[greatest(variants, 0)])
$$;
COMMENT ON FUNCTION mhub.equal_weights(integer) IS 'Equal weights of so many variants, summing to 1; an empty array for 0 or less. NULL gives NULL.';

CREATE FUNCTION mhub.bucket_ranges(variants integer, coverage double precision DEFAULT 1, weights double precision[] DEFAULT NULL)
RETURNS double precision[] LANGUAGE c IMMUTABLE PARALLEL SAFE AS 'MODULE_PATHNAME', 'mhub_bucket_ranges';
COMMENT ON FUNCTION mhub.bucket_ranges(integer, double precision, double precision[]) IS
'The range {start, end} of buckets of each variant (start included, end not), as GrowthBook''s getBucketRanges: each variant gets its weight times coverage (cut to 0 ... 1) from where it starts, so raising coverage moves nobody between variants. Weights that are NULL, of another number or do not sum to 1 within 0.01 give way to equal ones. NULL variants or coverage gives NULL.';

CREATE FUNCTION mhub.choose_variation(bucket double precision, ranges double precision[]) RETURNS integer
LANGUAGE c IMMUTABLE PARALLEL SAFE STRICT AS 'MODULE_PATHNAME', 'mhub_choose_variation';
COMMENT ON FUNCTION mhub.choose_variation(double precision, double precision[]) IS
'The 0-based index of the first of ranges (pairs {start, end}) that the bucket is in, or -1. NULL gives NULL. Error invalid_parameter_value when ranges is not an array of pairs.';

CREATE FUNCTION mhub.in_namespace(unit text, namespace text, range_start double precision, range_end double precision) RETURNS boolean
LANGUAGE sql IMMUTABLE PARALLEL SAFE STRICT SET search_path = pg_catalog, pg_temp AS $$
    SELECT mhub.bucket('__' || namespace, unit, 1) >= range_start AND mhub.bucket('__' || namespace, unit, 1) < range_end
$$;
COMMENT ON FUNCTION mhub.in_namespace(text, text, double precision, double precision) IS
'Whether a unit is in a part of a namespace. Experiments that take disjoint ranges of one namespace share no unit, as in GrowthBook. NULL gives NULL.';

CREATE FUNCTION mhub.choose_variant(seed text, unit text, weights double precision[], coverage double precision DEFAULT 1,
    hash_version integer DEFAULT 2, encoding text DEFAULT 'utf8') RETURNS integer
LANGUAGE c IMMUTABLE PARALLEL SAFE STRICT AS 'MODULE_PATHNAME', 'mhub_choose_variant';
COMMENT ON FUNCTION mhub.choose_variant(text, text, double precision[], double precision, integer, text) IS
'The variant of a unit in an experiment: 0-based index into weights, always the same for the same seed and unit, or NULL when the unit is outside coverage or empty. Weights sum to 1 (within 0.01; else they count as equal). For experiments that must not share units see mhub.in_namespace(); hash_version and encoding as in mhub.bucket(). NULL gives NULL; error invalid_parameter_value for an unknown version or encoding, NULL weights or more than 1000.';

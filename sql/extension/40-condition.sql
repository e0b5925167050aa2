-- Conditions: the type mhub.condition, in text and in MongoDB's notation, and what evaluates it.

CREATE TYPE mhub.condition;
COMMENT ON TYPE mhub.condition IS
'A predicate over a profile (jsonb), e.g. age >= 30 and city in (''Shanghai'', ''Beijing'') and did not(''Order Completed'', within ''30 days''). Input is that text notation or MongoDB-style JSON such as {"age": {"$gte": 30}}; output is the canonical text. Three-valued: what is said about a missing, null or wrongly typed value is unknown. At most 1 MB, 64 levels deep. doc/conditions.md has the language.';

CREATE FUNCTION mhub.condition_in(cstring) RETURNS mhub.condition
LANGUAGE c IMMUTABLE PARALLEL SAFE STRICT AS 'MODULE_PATHNAME', 'mhub_condition_in';
COMMENT ON FUNCTION mhub.condition_in(cstring) IS
'Input of mhub.condition in either notation. Error invalid_text_representation says at which position what was expected; duplicate JSON keys are refused; program_limit_exceeded above 1 MB.';
CREATE FUNCTION mhub.condition_out(mhub.condition) RETURNS cstring
LANGUAGE c IMMUTABLE PARALLEL SAFE STRICT AS 'MODULE_PATHNAME', 'mhub_condition_out';
COMMENT ON FUNCTION mhub.condition_out(mhub.condition) IS 'Output of mhub.condition: its canonical text.';
CREATE FUNCTION mhub.condition_recv(internal) RETURNS mhub.condition
LANGUAGE c STABLE PARALLEL SAFE STRICT AS 'MODULE_PATHNAME', 'mhub_condition_recv';
COMMENT ON FUNCTION mhub.condition_recv(internal) IS 'Binary input of mhub.condition: either notation as text.';
CREATE FUNCTION mhub.condition_send(mhub.condition) RETURNS bytea
LANGUAGE c STABLE PARALLEL SAFE STRICT AS 'MODULE_PATHNAME', 'mhub_condition_send';
COMMENT ON FUNCTION mhub.condition_send(mhub.condition) IS 'Binary output of mhub.condition: its canonical text.';

CREATE TYPE mhub.condition (
    INPUT = mhub.condition_in, OUTPUT = mhub.condition_out, RECEIVE = mhub.condition_recv, SEND = mhub.condition_send,
    INTERNALLENGTH = VARIABLE, STORAGE = extended
);

CREATE FUNCTION mhub.condition_from_jsonb(condition jsonb) RETURNS mhub.condition
LANGUAGE c IMMUTABLE PARALLEL SAFE STRICT AS 'MODULE_PATHNAME', 'mhub_condition_from_jsonb';
COMMENT ON FUNCTION mhub.condition_from_jsonb(jsonb) IS
'The condition that a MongoDB-style object describes; behind the cast from jsonb. $ne, $nin and $not are weak as in MongoDB (true for a missing attribute); $neKnown, $ninKnown and $notKnown are strong. Errors as for the input of mhub.condition.';
CREATE FUNCTION mhub.condition_to_jsonb(condition mhub.condition) RETURNS jsonb
LANGUAGE c IMMUTABLE PARALLEL SAFE STRICT AS 'MODULE_PATHNAME', 'mhub_condition_to_jsonb';
COMMENT ON FUNCTION mhub.condition_to_jsonb(mhub.condition) IS
'The condition as a MongoDB-style object; behind the cast to jsonb. Casting it back gives the same condition.';
CREATE CAST (jsonb AS mhub.condition) WITH FUNCTION mhub.condition_from_jsonb(jsonb) AS ASSIGNMENT;
CREATE CAST (mhub.condition AS jsonb) WITH FUNCTION mhub.condition_to_jsonb(mhub.condition);

-- Equality and order of the canonical texts: for DISTINCT, GROUP BY and indexes.
CREATE FUNCTION mhub.condition_eq(a mhub.condition, b mhub.condition) RETURNS boolean
LANGUAGE internal IMMUTABLE PARALLEL SAFE STRICT AS 'byteaeq';
COMMENT ON FUNCTION mhub.condition_eq(mhub.condition, mhub.condition) IS 'Whether the canonical text of a equals that of b, byte by byte.';
CREATE FUNCTION mhub.condition_ne(a mhub.condition, b mhub.condition) RETURNS boolean
LANGUAGE internal IMMUTABLE PARALLEL SAFE STRICT AS 'byteane';
COMMENT ON FUNCTION mhub.condition_ne(mhub.condition, mhub.condition) IS 'Whether the canonical text of a differs from that of b, byte by byte.';
CREATE FUNCTION mhub.condition_lt(a mhub.condition, b mhub.condition) RETURNS boolean
LANGUAGE internal IMMUTABLE PARALLEL SAFE STRICT AS 'bytealt';
COMMENT ON FUNCTION mhub.condition_lt(mhub.condition, mhub.condition) IS 'Whether the canonical text of a comes before that of b, byte by byte.';
CREATE FUNCTION mhub.condition_le(a mhub.condition, b mhub.condition) RETURNS boolean
LANGUAGE internal IMMUTABLE PARALLEL SAFE STRICT AS 'byteale';
COMMENT ON FUNCTION mhub.condition_le(mhub.condition, mhub.condition) IS 'Whether the canonical text of a does not come after that of b, byte by byte.';
CREATE FUNCTION mhub.condition_gt(a mhub.condition, b mhub.condition) RETURNS boolean
LANGUAGE internal IMMUTABLE PARALLEL SAFE STRICT AS 'byteagt';
COMMENT ON FUNCTION mhub.condition_gt(mhub.condition, mhub.condition) IS 'Whether the canonical text of a comes after that of b, byte by byte.';
CREATE FUNCTION mhub.condition_ge(a mhub.condition, b mhub.condition) RETURNS boolean
LANGUAGE internal IMMUTABLE PARALLEL SAFE STRICT AS 'byteage';
COMMENT ON FUNCTION mhub.condition_ge(mhub.condition, mhub.condition) IS 'Whether the canonical text of a does not come before that of b, byte by byte.';
CREATE FUNCTION mhub.condition_cmp(a mhub.condition, b mhub.condition) RETURNS integer
LANGUAGE internal IMMUTABLE PARALLEL SAFE STRICT AS 'byteacmp';
COMMENT ON FUNCTION mhub.condition_cmp(mhub.condition, mhub.condition) IS 'Order of two canonical texts, byte by byte: negative, 0 or positive.';
CREATE FUNCTION mhub.condition_hash(condition mhub.condition) RETURNS integer
LANGUAGE internal IMMUTABLE PARALLEL SAFE STRICT AS 'hashvarlena';
COMMENT ON FUNCTION mhub.condition_hash(mhub.condition) IS 'Hash of a condition''s canonical text.';
CREATE OPERATOR mhub.= (
    LEFTARG = mhub.condition, RIGHTARG = mhub.condition, FUNCTION = mhub.condition_eq,
    COMMUTATOR = OPERATOR(mhub.=), NEGATOR = OPERATOR(mhub.<>), RESTRICT = eqsel, JOIN = eqjoinsel, HASHES, MERGES
);
COMMENT ON OPERATOR mhub.= (mhub.condition, mhub.condition) IS 'The canonical text of the left equals that of the right.';
CREATE OPERATOR mhub.<> (
    LEFTARG = mhub.condition, RIGHTARG = mhub.condition, FUNCTION = mhub.condition_ne,
    COMMUTATOR = OPERATOR(mhub.<>), NEGATOR = OPERATOR(mhub.=), RESTRICT = neqsel, JOIN = neqjoinsel
);
COMMENT ON OPERATOR mhub.<> (mhub.condition, mhub.condition) IS 'The canonical text of the left differs from that of the right.';
CREATE OPERATOR mhub.< (
    LEFTARG = mhub.condition, RIGHTARG = mhub.condition, FUNCTION = mhub.condition_lt,
    COMMUTATOR = OPERATOR(mhub.>), NEGATOR = OPERATOR(mhub.>=), RESTRICT = scalarltsel, JOIN = scalarltjoinsel
);
COMMENT ON OPERATOR mhub.< (mhub.condition, mhub.condition) IS 'The canonical text of the left comes before that of the right.';
CREATE OPERATOR mhub.<= (
    LEFTARG = mhub.condition, RIGHTARG = mhub.condition, FUNCTION = mhub.condition_le,
    COMMUTATOR = OPERATOR(mhub.>=), NEGATOR = OPERATOR(mhub.>), RESTRICT = scalarlesel, JOIN = scalarlejoinsel
);
COMMENT ON OPERATOR mhub.<= (mhub.condition, mhub.condition) IS 'The canonical text of the left does not come after that of the right.';
CREATE OPERATOR mhub.> (
    LEFTARG = mhub.condition, RIGHTARG = mhub.condition, FUNCTION = mhub.condition_gt,
    COMMUTATOR = OPERATOR(mhub.<), NEGATOR = OPERATOR(mhub.<=), RESTRICT = scalargtsel, JOIN = scalargtjoinsel
);
COMMENT ON OPERATOR mhub.> (mhub.condition, mhub.condition) IS 'The canonical text of the left comes after that of the right.';
CREATE OPERATOR mhub.>= (
    LEFTARG = mhub.condition, RIGHTARG = mhub.condition, FUNCTION = mhub.condition_ge,
    COMMUTATOR = OPERATOR(mhub.<=), NEGATOR = OPERATOR(mhub.<), RESTRICT = scalargesel, JOIN = scalargejoinsel
);
COMMENT ON OPERATOR mhub.>= (mhub.condition, mhub.condition) IS 'The canonical text of the left does not come before that of the right.';
CREATE OPERATOR CLASS mhub.condition_ops DEFAULT FOR TYPE mhub.condition USING btree AS
    OPERATOR 1 mhub.<, OPERATOR 2 mhub.<=, OPERATOR 3 mhub.=, OPERATOR 4 mhub.>=, OPERATOR 5 mhub.>,
    FUNCTION 1 mhub.condition_cmp(mhub.condition, mhub.condition);
COMMENT ON OPERATOR CLASS mhub.condition_ops USING btree IS 'Order of canonical texts, for DISTINCT, GROUP BY and unique indexes.';
CREATE OPERATOR CLASS mhub.condition_ops DEFAULT FOR TYPE mhub.condition USING hash AS
    OPERATOR 1 mhub.= (mhub.condition, mhub.condition),
    FUNCTION 1 mhub.condition_hash(mhub.condition);
COMMENT ON OPERATOR CLASS mhub.condition_ops USING hash IS 'Equality of canonical texts, for hash joins and hash indexes.';

CREATE FUNCTION mhub.matches(profile jsonb, condition mhub.condition, at timestamptz DEFAULT mhub.now()) RETURNS boolean
LANGUAGE c STABLE PARALLEL SAFE STRICT AS 'MODULE_PATHNAME', 'mhub_matches';
COMMENT ON FUNCTION mhub.matches(jsonb, mhub.condition, timestamptz) IS
'Whether a profile fulfils a condition at a given time (default mhub.now()): true, false, or NULL when that is unknown, which counts as no match. Times without a zone are in the hub''s time zone. NULL arguments give NULL.';

CREATE FUNCTION mhub.matches_now(profile jsonb, condition mhub.condition) RETURNS boolean
LANGUAGE c STABLE PARALLEL SAFE STRICT AS 'MODULE_PATHNAME', 'mhub_matches_now';
COMMENT ON FUNCTION mhub.matches_now(jsonb, mhub.condition) IS
'mhub.matches() at mhub.now(): the function behind the operator @@.';
CREATE OPERATOR mhub.@@ (
    LEFTARG = jsonb, RIGHTARG = mhub.condition, FUNCTION = mhub.matches_now, RESTRICT = matchingsel, JOIN = matchingjoinsel
);
COMMENT ON OPERATOR mhub.@@ (jsonb, mhub.condition) IS 'Profile fulfils condition, now: mhub.matches(profile, condition).';

CREATE FUNCTION mhub.explain(profile jsonb, condition mhub.condition, at timestamptz DEFAULT mhub.now(),
    OUT depth integer, OUT predicate text, OUT actual jsonb, OUT outcome boolean, OUT reason text)
RETURNS SETOF record LANGUAGE c STABLE PARALLEL SAFE STRICT AS 'MODULE_PATHNAME', 'mhub_explain';
COMMENT ON FUNCTION mhub.explain(jsonb, mhub.condition, timestamptz) IS
'Why a profile fulfils a condition or does not: one row for each connective and predicate, outer ones first. depth (0 is the whole condition), predicate (canonical text, so what was expected), actual (the value found; for did(...) how often, for last(...) when), outcome (NULL: unknown) and, where unknown, the reason, e.g. unknown: age missing.';

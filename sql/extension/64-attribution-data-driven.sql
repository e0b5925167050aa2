-- Data-driven attribution: Markov removal effects and Shapley values, from aggregated paths.

CREATE TYPE mhub.channel_effect AS (
    label text,
    effect double precision,
    effect_value double precision,
    conversions double precision,
    value double precision
);
COMMENT ON TYPE mhub.channel_effect IS 'What a channel contributes: an element of the result of mhub.markov_attribution() and mhub.shapley_attribution().';
COMMENT ON COLUMN mhub.channel_effect.label IS 'The channel.';
COMMENT ON COLUMN mhub.channel_effect.effect IS 'Removal effect (0 to 1: the part of the conversions that is lost without the channel), or Shapley value.';
COMMENT ON COLUMN mhub.channel_effect.effect_value IS 'The same of the conversions'' value.';
COMMENT ON COLUMN mhub.channel_effect.conversions IS 'The channel''s conversions: all of them, shared in proportion to effect.';
COMMENT ON COLUMN mhub.channel_effect.value IS 'The channel''s part of the value, shared in proportion to effect_value.';

CREATE FUNCTION mhub.markov_transfn(state bytea, path text[], conversions double precision) RETURNS bytea
LANGUAGE c IMMUTABLE PARALLEL SAFE AS 'MODULE_PATHNAME', 'mhub_markov_transfn';
COMMENT ON FUNCTION mhub.markov_transfn(bytea, text[], double precision) IS 'Transition function of mhub.markov_attribution() with 2 arguments.';
CREATE FUNCTION mhub.markov_transfn(state bytea, path text[], conversions double precision, value double precision, non_conversions double precision) RETURNS bytea
LANGUAGE c IMMUTABLE PARALLEL SAFE AS 'MODULE_PATHNAME', 'mhub_markov_transfn';
COMMENT ON FUNCTION mhub.markov_transfn(bytea, text[], double precision, double precision, double precision) IS 'Transition function of mhub.markov_attribution() with 4 arguments.';
CREATE FUNCTION mhub.markov_transfn(state bytea, path text[], conversions double precision, value double precision, non_conversions double precision, path_order integer) RETURNS bytea
LANGUAGE c IMMUTABLE PARALLEL SAFE AS 'MODULE_PATHNAME', 'mhub_markov_transfn';
COMMENT ON FUNCTION mhub.markov_transfn(bytea, text[], double precision, double precision, double precision, integer) IS 'Transition function of mhub.markov_attribution() with 5 arguments.';
CREATE FUNCTION mhub.markov_combinefn(a bytea, b bytea) RETURNS bytea
LANGUAGE c IMMUTABLE PARALLEL SAFE AS 'MODULE_PATHNAME', 'mhub_markov_combinefn';
COMMENT ON FUNCTION mhub.markov_combinefn(bytea, bytea) IS 'Combine function of mhub.markov_attribution().';
CREATE FUNCTION mhub.markov_finalfn(state bytea) RETURNS mhub.channel_effect[]
LANGUAGE c STABLE PARALLEL SAFE AS 'MODULE_PATHNAME', 'mhub_markov_finalfn';
COMMENT ON FUNCTION mhub.markov_finalfn(bytea) IS 'Final function of mhub.markov_attribution().';
CREATE FUNCTION mhub.shapley_transfn(state bytea, path text[], conversions double precision) RETURNS bytea
LANGUAGE c IMMUTABLE PARALLEL SAFE AS 'MODULE_PATHNAME', 'mhub_shapley_transfn';
COMMENT ON FUNCTION mhub.shapley_transfn(bytea, text[], double precision) IS 'Transition function of mhub.shapley_attribution() with 2 arguments.';
CREATE FUNCTION mhub.shapley_transfn(state bytea, path text[], conversions double precision, value double precision, non_conversions double precision) RETURNS bytea
LANGUAGE c IMMUTABLE PARALLEL SAFE AS 'MODULE_PATHNAME', 'mhub_shapley_transfn';
COMMENT ON FUNCTION mhub.shapley_transfn(bytea, text[], double precision, double precision, double precision) IS 'Transition function of mhub.shapley_attribution() with 4 arguments.';
CREATE FUNCTION mhub.shapley_transfn(state bytea, path text[], conversions double precision, value double precision, non_conversions double precision, game text) RETURNS bytea
LANGUAGE c IMMUTABLE PARALLEL SAFE AS 'MODULE_PATHNAME', 'mhub_shapley_transfn';
COMMENT ON FUNCTION mhub.shapley_transfn(bytea, text[], double precision, double precision, double precision, text) IS 'Transition function of mhub.shapley_attribution() with 5 arguments.';
CREATE FUNCTION mhub.shapley_combinefn(a bytea, b bytea) RETURNS bytea
LANGUAGE c IMMUTABLE PARALLEL SAFE AS 'MODULE_PATHNAME', 'mhub_shapley_combinefn';
COMMENT ON FUNCTION mhub.shapley_combinefn(bytea, bytea) IS 'Combine function of mhub.shapley_attribution().';
CREATE FUNCTION mhub.shapley_finalfn(state bytea) RETURNS mhub.channel_effect[]
LANGUAGE c STABLE PARALLEL SAFE AS 'MODULE_PATHNAME', 'mhub_shapley_finalfn';
COMMENT ON FUNCTION mhub.shapley_finalfn(bytea) IS 'Final function of mhub.shapley_attribution().';
CREATE AGGREGATE mhub.markov_attribution(path text[], conversions double precision) (
    SFUNC = mhub.markov_transfn, STYPE = bytea, FINALFUNC = mhub.markov_finalfn, COMBINEFUNC = mhub.markov_combinefn, PARALLEL = SAFE);
COMMENT ON AGGREGATE mhub.markov_attribution(text[], double precision) IS
'mhub.markov_attribution(path, conversions, value, non_conversions, path_order) of order 1, from converting paths without value only.';
CREATE AGGREGATE mhub.markov_attribution(path text[], conversions double precision, value double precision, non_conversions double precision) (
    SFUNC = mhub.markov_transfn, STYPE = bytea, FINALFUNC = mhub.markov_finalfn, COMBINEFUNC = mhub.markov_combinefn, PARALLEL = SAFE);
COMMENT ON AGGREGATE mhub.markov_attribution(text[], double precision, double precision, double precision) IS
'mhub.markov_attribution(path, conversions, value, non_conversions, path_order) of order 1.';
CREATE AGGREGATE mhub.markov_attribution(path text[], conversions double precision, value double precision, non_conversions double precision, path_order integer) (
    SFUNC = mhub.markov_transfn, STYPE = bytea, FINALFUNC = mhub.markov_finalfn, COMBINEFUNC = mhub.markov_combinefn, PARALLEL = SAFE);
COMMENT ON AGGREGATE mhub.markov_attribution(text[], double precision, double precision, double precision, integer) IS
'Attribution by a Markov chain over paths, exactly (by solving the chain, not by simulation). The chain''s states are the last path_order channels of a path (1 to 8; a shorter path is one state). The removal effect of a channel is the part of the conversions (and of the value) that is lost when every path that would come through it ends there without converting; conversions and value are shared in proportion.
path: the channels in order (a NULL element is (not set)); conversions: how many such paths converted; value: what these brought in all; non_conversions: how many did not convert. NULL numbers count as 0; a row with a NULL or empty path, or without paths, does not count; no row gives NULL. The result is in order of the label: unnest() it. From touches: aggregate mhub.path() first.
Errors: invalid_parameter_value for a negative number of paths or an order not within 1 and 8.';
CREATE AGGREGATE mhub.shapley_attribution(path text[], conversions double precision) (
    SFUNC = mhub.shapley_transfn, STYPE = bytea, FINALFUNC = mhub.shapley_finalfn, COMBINEFUNC = mhub.shapley_combinefn, PARALLEL = SAFE);
COMMENT ON AGGREGATE mhub.shapley_attribution(text[], double precision) IS
'mhub.shapley_attribution(path, conversions, value, non_conversions, game) by counts, without value.';
CREATE AGGREGATE mhub.shapley_attribution(path text[], conversions double precision, value double precision, non_conversions double precision) (
    SFUNC = mhub.shapley_transfn, STYPE = bytea, FINALFUNC = mhub.shapley_finalfn, COMBINEFUNC = mhub.shapley_combinefn, PARALLEL = SAFE);
COMMENT ON AGGREGATE mhub.shapley_attribution(text[], double precision, double precision, double precision) IS
'mhub.shapley_attribution(path, conversions, value, non_conversions, game) by counts.';
CREATE AGGREGATE mhub.shapley_attribution(path text[], conversions double precision, value double precision, non_conversions double precision, game text) (
    SFUNC = mhub.shapley_transfn, STYPE = bytea, FINALFUNC = mhub.shapley_finalfn, COMBINEFUNC = mhub.shapley_combinefn, PARALLEL = SAFE);
COMMENT ON AGGREGATE mhub.shapley_attribution(text[], double precision, double precision, double precision, text) IS
'Attribution by Shapley values of the channels. game counts (default): a set of channels is worth the conversions of the paths that need no other channel, which makes every conversion shared evenly by the distinct channels of its path; game rates: it is worth those paths'' conversion rate; exact for up to 16 channels, beyond from 4,096 random orders, the same ones every time. conversions and value of the result are the totals shared in proportion; with rates a channel that lowers the rate comes out negative.
Arguments and rows as for mhub.markov_attribution(). Errors: invalid_parameter_value for a negative number of paths or an unknown game.';

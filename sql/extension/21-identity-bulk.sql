-- Connected components in bulk.

CREATE FUNCTION mhub.connected_components_add(state bytea, a bigint, b bigint) RETURNS bytea
LANGUAGE c IMMUTABLE PARALLEL SAFE AS 'MODULE_PATHNAME', 'mhub_connected_components_add';
COMMENT ON FUNCTION mhub.connected_components_add(bytea, bigint, bigint) IS
'State transition of mhub.connected_components(bigint, bigint).';

CREATE FUNCTION mhub.connected_components_add(state bytea, a integer, b integer) RETURNS bytea
LANGUAGE c IMMUTABLE PARALLEL SAFE AS 'MODULE_PATHNAME', 'mhub_connected_components_add_int4';
COMMENT ON FUNCTION mhub.connected_components_add(bytea, integer, integer) IS
'State transition of mhub.connected_components(integer, integer).';

CREATE FUNCTION mhub.connected_components_combine(state bytea, other bytea) RETURNS bytea
LANGUAGE c IMMUTABLE PARALLEL SAFE AS 'MODULE_PATHNAME', 'mhub_connected_components_combine';
COMMENT ON FUNCTION mhub.connected_components_combine(bytea, bytea) IS
'Joins two states of mhub.connected_components(): of parallel workers, of Citus nodes, or of your own from different days.';

CREATE AGGREGATE mhub.connected_components(a bigint, b bigint) (
    SFUNC = mhub.connected_components_add, STYPE = bytea, COMBINEFUNC = mhub.connected_components_combine, PARALLEL = SAFE
);
COMMENT ON AGGREGATE mhub.connected_components(bigint, bigint) IS
'Connected components of the graph whose edges are the rows (a, b), in any order. The result is a state that mhub.components() reads. A self-link, or a row with one NULL, adds a lone node; a row with two adds nothing. NULL without rows. Ids that lie close together are the fastest. Memory: 16 bytes a row until known nodes repeat, then 16 a node; while it compacts 32 bytes a row more (64 where ids span over 32 bits), hence some 50 to 80 MB for 1,000,000 rows and nodes; does not spill. Errors: program_limit_exceeded when a state that must travel (parallel query, subquery) is over 1 GB, some 67 million nodes.';

CREATE AGGREGATE mhub.connected_components(a integer, b integer) (
    SFUNC = mhub.connected_components_add, STYPE = bytea, COMBINEFUNC = mhub.connected_components_combine, PARALLEL = SAFE
);
COMMENT ON AGGREGATE mhub.connected_components(integer, integer) IS
'As mhub.connected_components(bigint, bigint), for integer ids, without a conversion.';

CREATE FUNCTION mhub.components(state bytea, OUT node bigint, OUT component bigint)
RETURNS SETOF record LANGUAGE c IMMUTABLE PARALLEL SAFE STRICT ROWS 100000 AS 'MODULE_PATHNAME', 'mhub_components';
COMMENT ON FUNCTION mhub.components(bytea) IS
'Reads a state of mhub.connected_components(): one row a node, in order of node, with the smallest node of its component. SELECT * FROM mhub.components((SELECT mhub.connected_components(a, b) FROM edge)). No rows for NULL. Errors: invalid_parameter_value for bytes that are no such state.';

CREATE PROCEDURE mhub.link_identifiers(query text, source text DEFAULT NULL, batch_size integer DEFAULT NULL)
LANGUAGE c AS 'MODULE_PATHNAME', 'mhub_link_identifiers';
COMMENT ON PROCEDURE mhub.link_identifiers(text, text, integer) IS
'Links identifiers in bulk, with the same outcome as one mhub.identify() a row, in the query''s order: limits, conflicts, merges and their logs included. query: a SELECT of kind_a, value_a, kind_b, value_b and, if wanted, seen_at (else the present time); a row with NULL on one side observes the other alone. source: as in mhub.identify(). Commits every batch_size rows, NULL for as many as fit into maintenance_work_mem (some 1,000 bytes a row), and tells its progress in notices and in mhub.link_progress; within a transaction block it commits nothing. From 10,000 rows on the first batch into a hub without identifiers builds their indexes after the rows, as a restore does, which is several times as fast: let a first load be one batch where memory allows. Sessions that need identifiers wait for its end; where one is using them, or mhub.identifier or mhub.link has triggers, indexes grow as always. After an interruption call it again with the same query and source: a query with ORDER BY goes on behind the last row committed, any other starts over, which costs time but (limits with a period aside) changes nothing. Errors: invalid_parameter_value for a query that is no single SELECT of 4 or 5 columns, for an unknown kind, and for a batch_size below 1.';

-- What backends keep of small tables in memory is dropped when one of these changes.

CREATE FUNCTION mhub.invalidate_cache() RETURNS trigger
LANGUAGE c VOLATILE PARALLEL UNSAFE AS 'MODULE_PATHNAME', 'mhub_invalidate_cache';
COMMENT ON FUNCTION mhub.invalidate_cache() IS
'Statement trigger of tables that backends keep in memory (channel rules, lists of hosts ...): tells every backend to read them again, at commit; the own backend at once.';

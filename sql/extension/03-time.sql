-- The hub's days.

CREATE FUNCTION mhub.hub_time_zone() RETURNS text
LANGUAGE c STABLE PARALLEL SAFE STRICT AS 'MODULE_PATHNAME', 'mhub_hub_time_zone';
COMMENT ON FUNCTION mhub.hub_time_zone() IS
'The hub''s time zone: setting mhub.time_zone, default UTC. Counters, costs and reports are by its days. Set it once with ALTER DATABASE ... SET mhub.time_zone = ''Asia/Shanghai'' (superuser), before the first event.';

CREATE FUNCTION mhub.hub_day(at timestamptz) RETURNS date
LANGUAGE c STABLE PARALLEL SAFE STRICT AS 'MODULE_PATHNAME', 'mhub_hub_day';
COMMENT ON FUNCTION mhub.hub_day(timestamptz) IS
'The day of a time in the hub''s time zone (mhub.hub_time_zone()), whatever the session''s own. Infinite times give infinite dates; NULL gives NULL.';

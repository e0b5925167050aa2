-- The one clock, and times on a person's wall clock.

CREATE FUNCTION mhub.now() RETURNS timestamptz
LANGUAGE c STABLE PARALLEL SAFE AS 'MODULE_PATHNAME', 'mhub_now';
COMMENT ON FUNCTION mhub.now() IS
'The hub''s clock: the start of the current transaction, like pg_catalog.now(), unless the setting mhub.simulated_time tells another time. Everything in the hub that depends on time asks it.';

CREATE FUNCTION mhub.is_time_zone(name text) RETURNS boolean
LANGUAGE c STABLE PARALLEL SAFE STRICT AS 'MODULE_PATHNAME', 'mhub_is_time_zone';
COMMENT ON FUNCTION mhub.is_time_zone(text) IS
'Whether name is a time zone of the IANA database, e.g. Asia/Shanghai. Unlike SET timezone it does not take POSIX rules such as UTC2, whose sign is the opposite of what people mean. NULL gives NULL.';

CREATE FUNCTION mhub.add_local(at timestamptz, delay interval, zone text) RETURNS timestamptz
LANGUAGE c IMMUTABLE PARALLEL SAFE STRICT AS 'MODULE_PATHNAME', 'mhub_add_local';
COMMENT ON FUNCTION mhub.add_local(timestamptz, interval, text) IS
'at + delay on the calendar of a time zone: months and days keep the time of day over daylight-saving changes, hours and smaller units are elapsed time. A day that a month lacks becomes its last (31 January + 1 month = 28 or 29 February). A local time that happens twice means its second passing, one that is skipped is as much later as the clock jumps. zone is an IANA name, else error invalid_parameter_value. NULL gives NULL.';

CREATE FUNCTION mhub.next_local_time(at timestamptz, zone text, time_of_day time DEFAULT NULL,
    window_from time DEFAULT NULL, window_until time DEFAULT NULL, weekdays integer[] DEFAULT NULL) RETURNS timestamptz
LANGUAGE c IMMUTABLE PARALLEL SAFE AS 'MODULE_PATHNAME', 'mhub_next_local_time';
COMMENT ON FUNCTION mhub.next_local_time(timestamptz, text, time, time, time, integer[]) IS
'The earliest instant, not before at, whose local time in zone is welcome: at time_of_day; or inside the window from window_from up to but not including window_until (one that ends before it starts crosses midnight and belongs to the day it starts on; equal ends mean the whole day); on one of weekdays (1 = Monday ... 7 = Sunday; NULL or empty: any). at itself when it is welcome. Local times that daylight saving skips or repeats: see mhub.add_local(). NULL when at or zone is NULL; error invalid_parameter_value for an unknown zone or weekday, half a window, or a window together with a time of day.';

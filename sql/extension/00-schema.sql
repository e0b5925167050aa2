CREATE SCHEMA mhub;
COMMENT ON SCHEMA mhub IS 'mhub, the marketing hub: functions and types belong to the extension; tables and views are the hub, made by mhub.install().';

-- Nothing is for everybody: mhub.grant_access() hands out rights by profile.
REVOKE ALL ON ALL FUNCTIONS IN SCHEMA mhub FROM PUBLIC;
REVOKE ALL ON ALL PROCEDURES IN SCHEMA mhub FROM PUBLIC;

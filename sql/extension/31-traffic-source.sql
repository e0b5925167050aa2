-- Where a visit comes from: sources, channels, and addresses fit to be stored.

CREATE TYPE mhub.traffic_source AS (
    source text,
    medium text,
    campaign text,
    term text,
    content text,
    campaign_id text,
    click_id text,
    click_network text,
    referrer_host text,
    search_term text,
    channel text,
    is_paid boolean
);
COMMENT ON TYPE mhub.traffic_source IS 'Where a visit comes from: the result of mhub.parse_source().';
COMMENT ON COLUMN mhub.traffic_source.source IS 'Traffic source in lower case: utm_source, else by click id or referrer (baidu, wechat, example.org), else (direct). NULL for a move inside the own site.';
COMMENT ON COLUMN mhub.traffic_source.medium IS 'Medium in lower case: utm_medium, else cpc, organic, social, video, email, ai-assistant, referral, affiliate, display or (none).';
COMMENT ON COLUMN mhub.traffic_source.campaign IS 'utm_campaign, or the same of Matomo (mtm_, pk_) or Baidu Tongji (hmpl).';
COMMENT ON COLUMN mhub.traffic_source.term IS 'utm_term: the keyword that was booked.';
COMMENT ON COLUMN mhub.traffic_source.content IS 'utm_content: which of several ads or links.';
COMMENT ON COLUMN mhub.traffic_source.campaign_id IS 'utm_id, or the ad network''s campaign id.';
COMMENT ON COLUMN mhub.traffic_source.click_id IS 'Value of the ad network''s click id; NULL when it is an unreplaced macro.';
COMMENT ON COLUMN mhub.traffic_source.click_network IS 'The ad network: google, baidu, tencent, bytedance, kuaishou, alibaba ...; NULL when a generic click_id has no known source beside it.';
COMMENT ON COLUMN mhub.traffic_source.referrer_host IS 'Host of the referrer (lower case, punycode) when it is another site.';
COMMENT ON COLUMN mhub.traffic_source.search_term IS 'Search words that the referring search engine passed on.';
COMMENT ON COLUMN mhub.traffic_source.channel IS 'Channel group by mhub.channel_rule, Unassigned where no rule holds; NULL for a move inside the own site, which is no arrival.';
COMMENT ON COLUMN mhub.traffic_source.is_paid IS 'True when the address carries the click id of an ad, or the channel''s rule is a paid one.';

CREATE FUNCTION mhub.parse_source(url text, referrer text, own_hosts text[] DEFAULT NULL) RETURNS mhub.traffic_source
LANGUAGE c STABLE PARALLEL SAFE AS 'MODULE_PATHNAME', 'mhub_parse_source';
COMMENT ON FUNCTION mhub.parse_source(text, text, text[]) IS
'Where a visit comes from. url is the landing address, referrer the referring one; either may be NULL, and neither can raise an error: what is no address says nothing. own_hosts names further hosts of the own site (with their subdomains), beside the address''s own host and the rows of category own in mhub.source_host. Order: campaign parameters (UTM, Matomo''s, Baidu Tongji''s; query before fragment, first of repeated ones), click ids, referrer, else (direct)/(none). Unreplaced macros, empty values and personal values count as absent. A referrer of the own site, a payment gateway or a login page is no arrival: all columns but is_paid and referrer_host are NULL then. doc/sources.md has the rules in full.';

CREATE FUNCTION mhub.channel(source text, medium text, campaign text DEFAULT NULL) RETURNS text
LANGUAGE c STABLE PARALLEL SAFE AS 'MODULE_PATHNAME', 'mhub_channel';
COMMENT ON FUNCTION mhub.channel(text, text, text) IS
'Channel group of a source, medium and campaign by the current version of mhub.channel_rule; Unassigned where no rule holds. NULLs are tested as empty words.';

CREATE FUNCTION mhub.source_category(source text) RETURNS text
LANGUAGE c STABLE PARALLEL SAFE STRICT AS 'MODULE_PATHNAME', 'mhub_source_category';
COMMENT ON FUNCTION mhub.source_category(text) IS
'What is known about a traffic source, given its name (baidu, its name in Chinese, google_ads) or host (m.baidu.com): search, social, video, shopping, email, ai, paid, excluded, own, spam, or none for a known site of no category; NULL when nothing is known. Looks in mhub.source_host, then in the shipped lists.';

CREATE FUNCTION mhub.shipped_source_host(OUT host text, OUT category text, OUT source text, OUT terms text)
RETURNS SETOF record LANGUAGE c IMMUTABLE PARALLEL SAFE AS 'MODULE_PATHNAME', 'mhub_shipped_source_host';
COMMENT ON FUNCTION mhub.shipped_source_host() IS
'The shipped list of hosts: host (example.* is every top-level domain; a path narrows it; subdomains are included), category, the name of the source, and the query parameters that hold its search words. Rows of mhub.source_host add to it and override it.';

CREATE FUNCTION mhub.clean_url(url text) RETURNS text
LANGUAGE c STABLE PARALLEL SAFE STRICT AS 'MODULE_PATHNAME', 'mhub_clean_url';
COMMENT ON FUNCTION mhub.clean_url(text) IS
'The address as it may be stored: user and password removed; the values of parameters that are personal or secret by their name (email, phone, token, openid and their Chinese names ...) or by their form (e-mail addresses, phone numbers, Chinese identity and bank card numbers with right check digits, JSON web tokens, keys of known services; in full-width characters, among other words and in addresses within the value too) replaced by [redacted], also in the fragment; mailboxes, identity numbers and secrets in the path too, and what follows words like verify or user there when it is a code or telephone. At most 8192 bytes. Everything else stays as it was. Never an error.';

CREATE FUNCTION mhub.user_agent_is_bot(user_agent text) RETURNS boolean
LANGUAGE c IMMUTABLE PARALLEL SAFE STRICT AS 'MODULE_PATHNAME', 'mhub_user_agent_is_bot';
COMMENT ON FUNCTION mhub.user_agent_is_bot(text) IS
'True when a user agent is a robot''s: a crawler, monitor, preview, HTTP library or headless browser. An empty user agent is one; NULL gives NULL. Only the words of the user agent are looked at, so a robot that calls itself a browser passes: see mhub.invalid_rule for rates and data centres.';

CREATE FUNCTION mhub.new_channel_rules(note text) RETURNS integer
LANGUAGE sql VOLATILE PARALLEL UNSAFE SET search_path = pg_catalog, pg_temp AS $$
    WITH made AS (
        INSERT INTO mhub.channel_rule_version (version, note)
        SELECT coalesce(max(v.version), 0) + 1, new_channel_rules.note FROM mhub.channel_rule_version AS v
        RETURNING version
    ), copied AS (
        INSERT INTO mhub.channel_rule (version, position, channel, is_paid, source_category, source, medium, campaign)
        SELECT m.version, r.position, r.channel, r.is_paid, r.source_category, r.source, r.medium, r.campaign
        FROM made AS m CROSS JOIN mhub.channel_rule AS r JOIN mhub.channel_rule_version AS v ON v.version = r.version AND v.is_current
    )
    SELECT version FROM made
$$;
COMMENT ON FUNCTION mhub.new_channel_rules(text) IS
'Copies the current channel rules into a new version with this note and returns its number. Edit its rows in mhub.channel_rule, then mhub.use_channel_rules(version). Errors: not_null_violation for a NULL note.';

CREATE FUNCTION mhub.use_channel_rules(version integer) RETURNS void
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    IF NOT EXISTS (SELECT FROM mhub.channel_rule_version AS v WHERE v.version = use_channel_rules.version) THEN
        RAISE EXCEPTION 'channel rules have no version %', coalesce(use_channel_rules.version::text, 'NULL')
            USING ERRCODE = 'no_data_found', HINT = 'See mhub.channel_rule_version, or make one with mhub.new_channel_rules(note).';
    END IF;
    UPDATE mhub.channel_rule_version AS v SET is_current = false WHERE v.is_current AND v.version <> use_channel_rules.version;
    UPDATE mhub.channel_rule_version AS v SET is_current = true WHERE NOT v.is_current AND v.version = use_channel_rules.version;
END
$$;
COMMENT ON FUNCTION mhub.use_channel_rules(integer) IS
'Makes a version of the channel rules the current one, for every backend from the commit on. Events recorded before keep their channel until CALL mhub.reassign_channels(since). Errors: no_data_found for a version that does not exist.';

-- Which visits do not count, and the files that say where an address is.

CREATE TABLE mhub.invalid_rule (
    position integer PRIMARY KEY,
    reason text CHECK (reason ~ '^[a-z][a-z0-9_]*$'),
    enabled boolean NOT NULL DEFAULT true,
    robot boolean NOT NULL DEFAULT false,
    spam boolean NOT NULL DEFAULT false,
    user_agent text[],
    referrer_host text[],
    url text[],
    name text[],
    network cidr[],
    asn bigint[],
    properties jsonb,
    context jsonb,
    max_events integer CHECK (max_events > 0),
    period interval CHECK (period > '0' AND date_part('year', period) = 0 AND date_part('month', period) = 0),
    note text NOT NULL DEFAULT '',
    CHECK (num_nulls(max_events, period) IN (0, 2)),
    CHECK (max_events IS NULL OR reason IS NOT NULL AND NOT robot AND NOT spam
           AND num_nonnulls(user_agent, referrer_host, url, network, asn, properties, context) = 0)
);
COMMENT ON TABLE mhub.invalid_rule IS 'Which events do not count. The enabled rules are tested in order of position; the first whose conditions all hold decides. Events keep being stored; event.invalid_reason says why they do not count. After a change CALL mhub.reclassify_events(since). Rules with max_events are about rates, see mhub.flag_rates(). To drop a rule disable it: only reasons named here are ever taken back.';
COMMENT ON COLUMN mhub.invalid_rule.position IS 'Order; lower is tested earlier.';
COMMENT ON COLUMN mhub.invalid_rule.reason IS 'What becomes event.invalid_reason; NULL: such an event counts, whatever later rules say (for exceptions).';
COMMENT ON COLUMN mhub.invalid_rule.enabled IS 'False: the rule is skipped.';
COMMENT ON COLUMN mhub.invalid_rule.robot IS 'True: the user agent is a robot''s (mhub.user_agent_is_bot()).';
COMMENT ON COLUMN mhub.invalid_rule.spam IS 'True: the referrer is of category spam in mhub.source_host.';
COMMENT ON COLUMN mhub.invalid_rule.user_agent IS 'The user agent matches one of these shell patterns (* ? [abc], case does not matter); NULL: no condition.';
COMMENT ON COLUMN mhub.invalid_rule.referrer_host IS 'The referrer''s host matches one of these patterns; NULL: no condition.';
COMMENT ON COLUMN mhub.invalid_rule.url IS 'The address matches one of these patterns; NULL: no condition.';
COMMENT ON COLUMN mhub.invalid_rule.name IS 'The event''s name matches one of these patterns; NULL: no condition. For a rule about rates: the events counted.';
COMMENT ON COLUMN mhub.invalid_rule.network IS 'The client''s address lies in one of these networks; NULL: no condition.';
COMMENT ON COLUMN mhub.invalid_rule.asn IS 'The client''s address belongs to one of these autonomous systems (mhub.ip_lookup()); NULL: no condition. Never holds without an IP database that knows them.';
COMMENT ON COLUMN mhub.invalid_rule.properties IS 'The event''s properties contain this (jsonb containment); NULL: no condition.';
COMMENT ON COLUMN mhub.invalid_rule.context IS 'The event''s context contains this; NULL: no condition.';
COMMENT ON COLUMN mhub.invalid_rule.max_events IS 'Rule about rates: more than so many events of one identifier within period are too many; all events of that period are flagged. NULL: no such rule.';
COMMENT ON COLUMN mhub.invalid_rule.period IS 'Length of the period that max_events is about. In days or shorter units; periods are aligned to the clock.';
COMMENT ON COLUMN mhub.invalid_rule.note IS 'Why the rule is there.';
CREATE TRIGGER invalidate_cache AFTER INSERT OR UPDATE OR DELETE OR TRUNCATE ON mhub.invalid_rule
    FOR EACH STATEMENT EXECUTE FUNCTION mhub.invalidate_cache();

INSERT INTO mhub.invalid_rule (position, reason, enabled, robot, spam, user_agent, referrer_host, url, network, asn, properties, context, note) VALUES
    (100, 'bot_user_agent', true, true, false, NULL, NULL, NULL, NULL, NULL, NULL, NULL, 'crawlers, monitors, previews, HTTP libraries, headless browsers'),
    (200, 'prefetch', true, false, false, NULL, NULL, NULL, NULL, NULL, NULL, '{"purpose": "prefetch"}', 'the header Purpose or Sec-Purpose, as the client passes it on'),
    (201, 'prefetch', true, false, false, NULL, NULL, NULL, NULL, NULL, NULL, '{"purpose": "preview"}', 'Safari''s header X-Purpose'),
    (202, 'prefetch', true, false, false, NULL, NULL, NULL, NULL, NULL, NULL, '{"sec-purpose": "prefetch"}', ''),
    (203, 'prefetch', true, false, false, NULL, NULL, NULL, NULL, NULL, NULL, '{"sec-purpose": "prefetch;prerender"}', ''),
    (300, 'test_visit', true, false, false, NULL, NULL, '{*[?&]mhub_test=1*}', NULL, NULL, NULL, NULL, 'add mhub_test=1 to an address to try something out'),
    (301, 'test_visit', true, false, false, NULL, NULL, NULL, NULL, NULL, '{"test": true}', NULL, ''),
    (302, 'test_visit', true, false, false, NULL, NULL, NULL, NULL, NULL, NULL, '{"test": true}', ''),
    (303, 'test_visit', true, false, false, NULL, NULL, '{http://localhost*,https://localhost*,http://127.0.0.1*,https://127.0.0.1*,file:*}', NULL, NULL, NULL, NULL, 'a developer''s machine'),
    (400, 'internal_ip', false, false, false, NULL, NULL, NULL, '{10.0.0.0/8,172.16.0.0/12,192.168.0.0/16,127.0.0.0/8,::1/128,fc00::/7,fe80::/10}', NULL, NULL, NULL, 'private addresses; disabled, for behind a proxy that hides the client every visit has one. Put your offices'' networks here.'),
    (500, 'spam_referrer', true, false, true, NULL, NULL, NULL, NULL, NULL, NULL, NULL, 'mhub.source_host of category spam'),
    (501, 'spam_referrer', true, false, false, NULL,
        '{*semalt*,*buttons-for-*,*-share-buttons.*,*darodar.*,*ilovevitaly.*,*blackhatworth*,*priceg.com,*hulfingtonpost.*,*bestwebsitesawards.*,*o-o-6-o-o.*,*cenoval.*,*cenokos.*,*free-social-buttons*,*get-free-traffic-now*,*event-tracking.com,*social-buttons.*,*traffic2money*,*simple-share-buttons.*,*best-seo-*,*seo-platform.*,*success-seo.*,*top1-seo-service.*,*rankings-analytics.*,*website-analyzer.info,*trafficmonetize*,*trafficmonetizer*,*webmonetizer*,*website-stealer*,*torture.ml,*guardlink.org,*4webmasters.org,*responsinator.*,*make-money-online*,*sexyali*,*floating-share-buttons*,*pornhub-forum.*,*rapidgator-porn.*,*econom.co,*savetubevideo.*,*kambasoft.*,*7makemoneyonline.*,*iskalko.*,*lomb.co,*ranksonic.*,*luxup.ru,*bottraffic*,*trafficbot.*,*bot-traffic.*}',
        NULL, NULL, NULL, NULL, NULL, 'referrers that only exist in reports'),
    (600, 'datacentre_ip', true, false, false, NULL, NULL, NULL, NULL,
        '{14618,16509,8987,7224,15169,396982,19527,8075,12076,31898,36351,20473,63949,14061,16276,24940,213230,51167,12876,60781,28753,30633,9009,46606,26496,54290,62567,394699,202425,37963,45102,34947,45090,132203,55990,136907,38365,55967,59019,135377,58466}',
        NULL, NULL, 'networks of cloud and hosting companies (Amazon, Google, Microsoft, Oracle, IBM, Vultr, Linode, DigitalOcean, OVH, Hetzner, Contabo, Scaleway, Leaseweb, Alibaba, Tencent, Huawei, Baidu, Kingsoft, UCloud ...): people do not browse from there. Needs an IP database with ASNs.');
INSERT INTO mhub.invalid_rule (position, reason, max_events, period, note) VALUES
    (900, 'rate', 600, '1 minute', 'no person does ten things a second for a minute');

CREATE TABLE mhub.ip_database (
    name text PRIMARY KEY,
    path text NOT NULL,
    language text NOT NULL DEFAULT 'en',
    position integer NOT NULL DEFAULT 0,
    enabled boolean NOT NULL DEFAULT true
);
COMMENT ON TABLE mhub.ip_database IS 'Files of the MaxMind DB format that mhub.ip_lookup() looks in. A row is refused when its file cannot be read or is damaged. Update a file by renaming the new one over it: backends notice. Never write into it in place: it is mapped into memory, and one that shrinks under a session is done without, with a warning, until it is whole again.';
COMMENT ON COLUMN mhub.ip_database.name IS 'Name of your choice, e.g. city or asn.';
COMMENT ON COLUMN mhub.ip_database.path IS 'Absolute path of the file on the server.';
COMMENT ON COLUMN mhub.ip_database.language IS 'Language of the names of regions and cities, as the file has them (zh-CN, en ...); English where it lacks one.';
COMMENT ON COLUMN mhub.ip_database.position IS 'Order: the first file that knows a column gives it.';
COMMENT ON COLUMN mhub.ip_database.enabled IS 'False: the file is not used.';
CREATE TRIGGER check_ip_database BEFORE INSERT OR UPDATE ON mhub.ip_database
    FOR EACH ROW EXECUTE FUNCTION mhub.check_ip_database();
CREATE TRIGGER invalidate_cache AFTER INSERT OR UPDATE OR DELETE OR TRUNCATE ON mhub.ip_database
    FOR EACH STATEMENT EXECUTE FUNCTION mhub.invalidate_cache();

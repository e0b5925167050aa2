-- Channel rules in versions, and what the hub's owner knows about hosts.

CREATE TABLE mhub.channel_rule_version (
    version integer PRIMARY KEY CHECK (version > 0),
    note text NOT NULL,
    is_current boolean NOT NULL DEFAULT false,
    created_at timestamptz NOT NULL DEFAULT now()
);
CREATE UNIQUE INDEX channel_rule_version_is_current_idx ON mhub.channel_rule_version (is_current) WHERE is_current;
COMMENT ON TABLE mhub.channel_rule_version IS 'Versions of the channel rules; one is current.';
COMMENT ON COLUMN mhub.channel_rule_version.version IS 'Number of the version; 1 is the shipped one.';
COMMENT ON COLUMN mhub.channel_rule_version.note IS 'What distinguishes it.';
COMMENT ON COLUMN mhub.channel_rule_version.is_current IS 'True for the version that events are classified by now.';
COMMENT ON COLUMN mhub.channel_rule_version.created_at IS 'When it was made.';

CREATE TABLE mhub.channel_rule (
    version integer NOT NULL REFERENCES mhub.channel_rule_version ON DELETE CASCADE,
    position integer NOT NULL,
    channel text NOT NULL CHECK (channel <> ''),
    is_paid boolean NOT NULL DEFAULT false,
    source_category text[] CHECK (source_category <@ ARRAY['none', 'search', 'social', 'video', 'shopping', 'email', 'ai', 'paid', 'excluded', 'own', 'spam'] AND source_category <> '{}'),
    source text[],
    medium text[],
    campaign text[],
    PRIMARY KEY (version, position)
);
COMMENT ON TABLE mhub.channel_rule IS 'Which channel group a visit belongs to: the rules of the current version are tested in order of position, the first whose conditions all hold decides. Conditions are shell patterns (* ? [abc] [!a-z]), case does not matter.';
COMMENT ON COLUMN mhub.channel_rule.version IS 'The version the rule belongs to.';
COMMENT ON COLUMN mhub.channel_rule.position IS 'Order within the version; lower is tested earlier.';
COMMENT ON COLUMN mhub.channel_rule.channel IS 'The channel group, e.g. Paid Search.';
COMMENT ON COLUMN mhub.channel_rule.is_paid IS 'True: visits of this rule are paid traffic.';
COMMENT ON COLUMN mhub.channel_rule.source_category IS 'The source is of one of these categories (mhub.source_category()); NULL: no condition.';
COMMENT ON COLUMN mhub.channel_rule.source IS 'The source matches one of these patterns; NULL: no condition.';
COMMENT ON COLUMN mhub.channel_rule.medium IS 'The medium matches one of these patterns; NULL: no condition.';
COMMENT ON COLUMN mhub.channel_rule.campaign IS 'The campaign matches one of these patterns; NULL: no condition.';

CREATE TABLE mhub.source_host (
    host text PRIMARY KEY CHECK (host ~ '^[^/: ]+(/[^ ]*)?$'),
    category text NOT NULL CHECK (category IN ('none', 'search', 'social', 'video', 'shopping', 'email', 'ai', 'paid', 'excluded', 'own', 'spam')),
    source text CHECK (source <> ''),
    terms text,
    note text NOT NULL DEFAULT ''
);
COMMENT ON TABLE mhub.source_host IS 'What the hub''s owner knows about hosts: the own sites, further search engines, social networks, payment gateways, spam. Overrides the shipped list (mhub.shipped_source_host()).';
COMMENT ON COLUMN mhub.source_host.host IS 'Host, subdomains included; example.* is example under every top-level domain; host/path narrows it to addresses whose path begins so.';
COMMENT ON COLUMN mhub.source_host.category IS 'own: part of the own site; excluded: payment gateway or login page, coming back from there is no arrival; spam: its visits are invalid; or search, social, video, shopping, email, ai, paid (an ad server), none.';
COMMENT ON COLUMN mhub.source_host.source IS 'Name as a traffic source; NULL: the host.';
COMMENT ON COLUMN mhub.source_host.terms IS 'For search engines: the query parameters that hold the search words, separated by spaces; NULL: q.';
COMMENT ON COLUMN mhub.source_host.note IS 'Free text.';

CREATE TRIGGER invalidate_cache AFTER INSERT OR UPDATE OR DELETE OR TRUNCATE ON mhub.channel_rule_version
    FOR EACH STATEMENT EXECUTE FUNCTION mhub.invalidate_cache();
CREATE TRIGGER invalidate_cache AFTER INSERT OR UPDATE OR DELETE OR TRUNCATE ON mhub.channel_rule
    FOR EACH STATEMENT EXECUTE FUNCTION mhub.invalidate_cache();
CREATE TRIGGER invalidate_cache AFTER INSERT OR UPDATE OR DELETE OR TRUNCATE ON mhub.source_host
    FOR EACH STATEMENT EXECUTE FUNCTION mhub.invalidate_cache();

INSERT INTO mhub.channel_rule_version (version, note, is_current) VALUES
    (1, 'shipped: the default channel group of Google Analytics 4, and AI Assistants', true);

-- Source: Google's help page "[GA4] Default channel group"; doc/sources.md names the differences.
INSERT INTO mhub.channel_rule (version, position, channel, is_paid, source_category, source, medium, campaign) VALUES
    (1,  10, 'Direct', false, NULL, '{(direct)}', '{(none),"(not set)"}', NULL),
    (1,  20, 'Cross-network', true, NULL, NULL, NULL, '{*cross-network*}'),
    (1,  30, 'Paid Shopping', true, '{shopping}', NULL, '{*cp*,ppc,retargeting,paid*}', NULL),
    (1,  31, 'Paid Shopping', true, NULL, NULL, '{*cp*,ppc,retargeting,paid*}', '{shop*,*[!a-df-z]shop*,*shopping*}'),
    (1,  40, 'Paid Search', true, '{search}', NULL, '{*cp*,ppc,retargeting,paid*}', NULL),
    (1,  50, 'Paid Social', true, '{social}', NULL, '{*cp*,ppc,retargeting,paid*}', NULL),
    (1,  60, 'Paid Video', true, '{video}', NULL, '{*cp*,ppc,retargeting,paid*}', NULL),
    (1,  70, 'Display', true, NULL, NULL, '{display,banner,expandable,interstitial,cpm}', NULL),
    (1,  80, 'Paid Other', true, NULL, NULL, '{*cp*,ppc,retargeting,paid*}', NULL),
    (1,  90, 'AI Assistants', false, '{ai}', NULL, NULL, NULL),
    (1,  91, 'AI Assistants', false, NULL, NULL, '{ai-assistant,ai}', NULL),
    (1, 100, 'Organic Shopping', false, '{shopping}', NULL, NULL, NULL),
    (1, 101, 'Organic Shopping', false, NULL, NULL, NULL, '{shop*,*[!a-df-z]shop*,*shopping*}'),
    (1, 110, 'Organic Social', false, '{social}', NULL, NULL, NULL),
    (1, 111, 'Organic Social', false, NULL, NULL, '{social,social-network,social-media,sm,"social network","social media"}', NULL),
    (1, 120, 'Organic Video', false, '{video}', NULL, NULL, NULL),
    (1, 121, 'Organic Video', false, NULL, NULL, '{*video*}', NULL),
    (1, 130, 'Organic Search', false, '{search}', NULL, NULL, NULL),
    (1, 131, 'Organic Search', false, NULL, NULL, '{organic}', NULL),
    (1, 140, 'Email', false, '{email}', NULL, NULL, NULL),
    (1, 141, 'Email', false, NULL, '{email,e-mail,e_mail,"e mail"}', NULL, NULL),
    (1, 142, 'Email', false, NULL, NULL, '{email,e-mail,e_mail,"e mail"}', NULL),
    (1, 150, 'Affiliates', false, NULL, NULL, '{affiliate,affiliates}', NULL),
    (1, 160, 'Referral', false, NULL, NULL, '{referral,app,link}', NULL),
    (1, 170, 'Audio', false, NULL, NULL, '{audio}', NULL),
    (1, 180, 'SMS', false, NULL, '{sms}', NULL, NULL),
    (1, 181, 'SMS', false, NULL, NULL, '{sms}', NULL),
    (1, 190, 'Mobile Push Notifications', false, NULL, NULL, '{*push,*mobile*,*notification*}', NULL),
    (1, 191, 'Mobile Push Notifications', false, NULL, '{firebase}', NULL, NULL);

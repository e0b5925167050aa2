-- Sessions: visits made of events, with their pages.

CREATE TABLE mhub.session_policy (
    singleton boolean PRIMARY KEY DEFAULT true CHECK (singleton),
    gap interval NOT NULL DEFAULT '30 minutes' CHECK (gap > '0'),
    midnight_time_zone text CHECK (mhub.is_time_zone(midnight_time_zone)),
    heartbeat interval NOT NULL DEFAULT '30 seconds' CHECK (heartbeat > '0')
);
INSERT INTO mhub.session_policy DEFAULT VALUES;
COMMENT ON TABLE mhub.session_policy IS 'What ends a session; one row. After a change SELECT mhub.rebuild_sessions(since).';
COMMENT ON COLUMN mhub.session_policy.singleton IS 'Always true: there is one row.';
COMMENT ON COLUMN mhub.session_policy.gap IS 'A session ends when its person does nothing for longer than this.';
COMMENT ON COLUMN mhub.session_policy.midnight_time_zone IS 'A session also ends at midnight in this time zone; NULL: it does not.';
COMMENT ON COLUMN mhub.session_policy.heartbeat IS 'The most that one Heartbeat event without properties.engaged_time adds to the engaged time: the interval at which the client sends them.';

CREATE TABLE mhub.session (
    session_id bigint PRIMARY KEY,
    person_id bigint NOT NULL,
    identifier_id bigint NOT NULL,
    started_at timestamptz NOT NULL,
    ended_at timestamptz NOT NULL,
    events integer NOT NULL,
    pages integer NOT NULL,
    entry_page text,
    exit_page text,
    channel text NOT NULL,
    source text,
    medium text,
    campaign text,
    is_paid boolean NOT NULL,
    engaged interval NOT NULL,
    value numeric NOT NULL
);
CREATE INDEX session_person_id_started_at_idx ON mhub.session (person_id, started_at);
CREATE INDEX session_started_at_idx ON mhub.session (started_at);
COMMENT ON TABLE mhub.session IS 'Sessions, made of the valid events that a client sent (pages, screens, and whatever has an address or user agent) by mhub.refresh_sessions(). A session ends after mhub.session_policy.gap without an event; a new campaign starts a new one.';
COMMENT ON COLUMN mhub.session.session_id IS 'The event_id of the session''s first event.';
COMMENT ON COLUMN mhub.session.person_id IS 'Whose session it is; follows merges and splits with the next refresh.';
COMMENT ON COLUMN mhub.session.identifier_id IS 'The identifier of the first event.';
COMMENT ON COLUMN mhub.session.started_at IS 'Time of the first event.';
COMMENT ON COLUMN mhub.session.ended_at IS 'Time of the last event.';
COMMENT ON COLUMN mhub.session.events IS 'Number of events.';
COMMENT ON COLUMN mhub.session.pages IS 'Number of pages and screens viewed.';
COMMENT ON COLUMN mhub.session.entry_page IS 'First page: its address without query and fragment, or its name where it has none; NULL without pages.';
COMMENT ON COLUMN mhub.session.exit_page IS 'Last page.';
COMMENT ON COLUMN mhub.session.channel IS 'Channel of the first arrival in the session; Direct where there is none.';
COMMENT ON COLUMN mhub.session.source IS 'Its source.';
COMMENT ON COLUMN mhub.session.medium IS 'Its medium.';
COMMENT ON COLUMN mhub.session.campaign IS 'Its campaign.';
COMMENT ON COLUMN mhub.session.is_paid IS 'Whether it was paid for.';
COMMENT ON COLUMN mhub.session.engaged IS 'Time that the page was in use, by properties.engaged_time (seconds, a day at most) of the events, and Heartbeat events.';
COMMENT ON COLUMN mhub.session.value IS 'Sum of the events'' values in the hub''s currency (mhub.counted_value()).';

CREATE TABLE mhub.session_page (
    session_id bigint NOT NULL,
    position integer NOT NULL,
    event_id bigint NOT NULL,
    page text,
    entered_at timestamptz NOT NULL,
    dwell interval NOT NULL,
    engaged interval NOT NULL,
    PRIMARY KEY (session_id, position)
);
COMMENT ON TABLE mhub.session_page IS 'The pages and screens of each session, in order.';
COMMENT ON COLUMN mhub.session_page.session_id IS 'The session (mhub.session; no foreign key, whose checks would cost as much as the sessions themselves).';
COMMENT ON COLUMN mhub.session_page.position IS 'First page 1, and so on.';
COMMENT ON COLUMN mhub.session_page.event_id IS 'The event of the page view.';
COMMENT ON COLUMN mhub.session_page.page IS 'Address without query and fragment, or the page''s name where it has no address.';
COMMENT ON COLUMN mhub.session_page.entered_at IS 'When it was opened.';
COMMENT ON COLUMN mhub.session_page.dwell IS 'Time until the next page, or until the session''s last event.';
COMMENT ON COLUMN mhub.session_page.engaged IS 'Time that the page was in use, as for the session.';

CREATE TABLE mhub.session_todo (
    identifier_id bigint NOT NULL,
    since timestamptz NOT NULL
);
COMMENT ON TABLE mhub.session_todo IS 'Whose sessions are to be made anew although no new event says so: events judged anew, a changed policy. Emptied by mhub.refresh_sessions().';
COMMENT ON COLUMN mhub.session_todo.identifier_id IS 'The identifier; its person''s sessions are meant.';
COMMENT ON COLUMN mhub.session_todo.since IS 'From this time on.';

CREATE VIEW mhub.session_day AS
SELECT mhub.hub_day(s.started_at) AS day, s.channel,
       count(*) AS sessions, count(DISTINCT s.person_id) AS persons, sum(s.pages) AS pages,
       count(*) FILTER (WHERE s.pages <= 1 AND s.engaged < interval '10 seconds' AND s.ended_at - s.started_at < interval '10 seconds') AS bounces,
       avg(s.ended_at - s.started_at) AS average_length, avg(s.engaged) AS average_engaged, sum(s.value) AS value
FROM mhub.session AS s GROUP BY 1, 2;
COMMENT ON VIEW mhub.session_day IS 'Sessions by day and channel.';
COMMENT ON COLUMN mhub.session_day.day IS 'Day of the session''s start in the hub''s time zone.';
COMMENT ON COLUMN mhub.session_day.channel IS 'Channel.';
COMMENT ON COLUMN mhub.session_day.sessions IS 'Number of sessions.';
COMMENT ON COLUMN mhub.session_day.persons IS 'Number of persons.';
COMMENT ON COLUMN mhub.session_day.pages IS 'Pages viewed.';
COMMENT ON COLUMN mhub.session_day.bounces IS 'Sessions of one page at most that lasted, and were engaged, less than 10 seconds.';
COMMENT ON COLUMN mhub.session_day.average_length IS 'Average time from first to last event.';
COMMENT ON COLUMN mhub.session_day.average_engaged IS 'Average engaged time.';
COMMENT ON COLUMN mhub.session_day.value IS 'Sum of the events'' values.';

CREATE VIEW mhub.page_summary AS
SELECT mhub.hub_day(p.entered_at) AS day, p.page, count(*) AS views,
       count(*) FILTER (WHERE p.position = 1) AS entries,
       count(*) FILTER (WHERE p.position = s.pages) AS exits,
       avg(p.dwell) AS average_dwell, avg(p.engaged) AS average_engaged
FROM mhub.session_page AS p JOIN mhub.session AS s ON s.session_id = p.session_id GROUP BY 1, 2;
COMMENT ON VIEW mhub.page_summary IS 'Page views by day and page.';
COMMENT ON COLUMN mhub.page_summary.day IS 'Day in the hub''s time zone.';
COMMENT ON COLUMN mhub.page_summary.page IS 'The page.';
COMMENT ON COLUMN mhub.page_summary.views IS 'Times it was viewed.';
COMMENT ON COLUMN mhub.page_summary.entries IS 'Sessions that began with it.';
COMMENT ON COLUMN mhub.page_summary.exits IS 'Sessions that ended with it.';
COMMENT ON COLUMN mhub.page_summary.average_dwell IS 'Average time until the next page or the session''s last event.';
COMMENT ON COLUMN mhub.page_summary.average_engaged IS 'Average engaged time.';

-- Web server access logs into events.

CREATE FUNCTION mhub.load_access_log(path text, own_host text DEFAULT NULL,
    OUT lines_read bigint, OUT events bigint, OUT duplicates bigint, OUT rejected bigint,
    OUT first_at timestamptz, OUT last_at timestamptz, OUT host text)
RETURNS record LANGUAGE c VOLATILE PARALLEL UNSAFE AS 'MODULE_PATHNAME', 'mhub_load_access_log_file';
COMMENT ON FUNCTION mhub.load_access_log(text, text) IS
'Loads a web server''s access log in combined format, plain or gzip, from an absolute path on the server. Every well-formed line becomes an event: Page Viewed for a page that was shown (GET, status 2xx or 304, no image, script, style or the like), Request Received for anything else; properties path, method, status, bytes. Who: user_id where the line names a user, and the fingerprint of address and agent. A line that is not understood, or not valid UTF-8, goes to mhub.rejected with the reason and never stops the load. own_host is the site''s host, which the log does not name; NULL takes the host that most referrers of embedded files name. All or nothing: it is one transaction. Loading the same lines again gives duplicates, not second events. Returns lines_read, events, duplicates, rejected, the time span, and the host. NULL path gives NULL. Errors: insufficient_privilege without pg_read_server_files, and those of reading a file.';

CREATE FUNCTION mhub.load_access_log(lines text[], own_host text DEFAULT NULL,
    OUT lines_read bigint, OUT events bigint, OUT duplicates bigint, OUT rejected bigint,
    OUT first_at timestamptz, OUT last_at timestamptz, OUT host text)
RETURNS record LANGUAGE c VOLATILE PARALLEL UNSAFE AS 'MODULE_PATHNAME', 'mhub_load_access_log_lines';
COMMENT ON FUNCTION mhub.load_access_log(text[], text) IS
'The same for lines that the client sends, one an element (NULL elements are skipped); needs no right to read files.';

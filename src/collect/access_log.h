/*
 * access_log.h
 *	  Reading one line of a web server's access log in combined format.
 *
 * Pure C: nothing here knows PostgreSQL.
 */
#ifndef MHUB_ACCESS_LOG_H
#define MHUB_ACCESS_LOG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Part of the line, not terminated by NUL; length 0 where the line has "-". */
typedef struct LogField
{
	const char *start;
	size_t		length;
} LogField;

typedef struct AccessLogLine
{
	LogField	host;			/* client address or name */
	LogField	user;			/* authenticated user */
	LogField	method;
	LogField	target;			/* path and query as requested */
	LogField	protocol;
	LogField	referrer;
	LogField	user_agent;
	int64_t		unix_seconds;
	int			status;
	int64_t		bytes;			/* size of the answer; 0 where the line has "-" */
} AccessLogLine;

/*
 * Takes a line without its line end apart.  Returns NULL and fills *result, or
 * returns why the line is bad, in words for a person.  Fields point into the
 * line; escapes within quotes (\" \\ \xHH) are still there.
 */
extern const char *access_log_parse(const char *line, size_t length, AccessLogLine *result);

/* Writes the field without its escapes to out (at least field.length bytes); returns the new length. */
extern size_t access_log_unescape(LogField field, char *out);

/* Is the target a file that pages embed (image, script, style ...), and no page? */
extern bool access_log_is_asset(LogField target);

/* The target's path, without query and fragment. */
extern LogField access_log_path(LogField target);

#endif							/* MHUB_ACCESS_LOG_H */

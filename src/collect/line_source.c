/*
 * line_source.c
 *	  Lines one after another, from a file (plain or gzip) or from a text array.
 */
#include "collect/line_source.h"

#include <errno.h>
#include <sys/stat.h>
#include <zlib.h>

#include "catalog/pg_authid.h"
#include "catalog/pg_type.h"
#include "miscadmin.h"
#include "utils/acl.h"
#include "utils/memutils.h"

struct LineSource
{
	/* file */
	const char *path;
	gzFile		file;
	MemoryContextCallback close_file;
	char	   *buffer;			/* MHUB_LINE_MAX bytes */

	/* array */
	Datum	   *elements;
	bool	   *nulls;
	int			nelements;
	int			next;
};

static void
close_file(void *argument)
{
	LineSource *source = argument;

	if (source->file != NULL)
		gzclose(source->file);
	source->file = NULL;
}

static void
check_may_read(const char *path)
{
	struct stat status;

	if (!has_privs_of_role(GetUserId(), ROLE_PG_READ_SERVER_FILES))
		ereport(ERROR,
				(errcode(ERRCODE_INSUFFICIENT_PRIVILEGE),
				 errmsg("permission denied to read a file on the server"),
				 errhint("Grant the role pg_read_server_files, or send the lines themselves as text[].")));
	if (!is_absolute_path(path))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_NAME),
				 errmsg("path \"%s\" is not absolute", path)));
	if (stat(path, &status) != 0)
		ereport(ERROR,
				(errcode_for_file_access(),
				 errmsg("could not open file \"%s\": %m", path),
				 errhint("The file must be on the database server, readable by the server's operating system user.")));
	if (!S_ISREG(status.st_mode))
		ereport(ERROR,
				(errcode(ERRCODE_WRONG_OBJECT_TYPE),
				 errmsg("\"%s\" is not a regular file", path)));
}

LineSource *
line_source_open_file(const char *path)
{
	LineSource *source = palloc0(sizeof(LineSource));

	check_may_read(path);
	source->path = pstrdup(path);
	source->buffer = palloc(MHUB_LINE_MAX);
	source->file = gzopen(path, "rb");
	if (source->file == NULL)
		ereport(ERROR,
				(errcode_for_file_access(),
				 errmsg("could not open file \"%s\": %m", path)));

	/* An error anywhere later must not leave the file open. */
	source->close_file.func = close_file;
	source->close_file.arg = source;
	MemoryContextRegisterResetCallback(CurrentMemoryContext, &source->close_file);
	return source;
}

LineSource *
line_source_open_array(ArrayType *lines)
{
	LineSource *source = palloc0(sizeof(LineSource));

	deconstruct_array(lines, TEXTOID, -1, false, TYPALIGN_INT,
					  &source->elements, &source->nulls, &source->nelements);
	return source;
}

static void
report_read_error(LineSource *source)
{
	int			code;
	const char *message = gzerror(source->file, &code);

	if (code == Z_ERRNO)
		ereport(ERROR,
				(errcode_for_file_access(),
				 errmsg("could not read file \"%s\": %m", source->path)));
	if (code != Z_OK)
		ereport(ERROR,
				(errcode(ERRCODE_DATA_CORRUPTED),
				 errmsg("could not read file \"%s\": %s", source->path, message)));
}

/* Reads on to the end of a line of which the buffer holds the first part. */
static void
skip_rest_of_line(LineSource *source)
{
	int			c;

	do
	{
		CHECK_FOR_INTERRUPTS();
		c = gzgetc(source->file);
	} while (c != '\n' && c != -1);
}

/*
 * gzgets() would stop at a NUL byte without telling how much it had read, so
 * the line is collected here; gzgetc() is a macro that reads from a buffer.
 */
static bool
next_file_line(LineSource *source, const char **line, size_t *length)
{
	size_t		used = 0;
	int			c;

	while ((c = gzgetc(source->file)) != -1 && c != '\n')
	{
		source->buffer[used++] = (char) c;
		if (used == MHUB_LINE_MAX)
		{
			skip_rest_of_line(source);
			break;
		}
	}
	if (c == -1)
		report_read_error(source);
	if (c == -1 && used == 0)
		return false;
	if (used > 0 && source->buffer[used - 1] == '\r')
		used--;
	*line = source->buffer;
	*length = used;
	return true;
}

static bool
next_array_line(LineSource *source, const char **line, size_t *length)
{
	text	   *element;

	while (source->next < source->nelements && source->nulls[source->next])
		source->next++;
	if (source->next == source->nelements)
		return false;
	element = DatumGetTextPP(source->elements[source->next++]);
	*line = VARDATA_ANY(element);
	*length = VARSIZE_ANY_EXHDR(element);
	while (*length > 0 && ((*line)[*length - 1] == '\n' || (*line)[*length - 1] == '\r'))
		(*length)--;
	return true;
}

bool
line_source_next(LineSource *source, const char **line, size_t *length)
{
	return source->file != NULL ? next_file_line(source, line, length) : next_array_line(source, line, length);
}

void
line_source_rewind(LineSource *source)
{
	source->next = 0;
	if (source->file != NULL && gzrewind(source->file) != 0)
		report_read_error(source);
}

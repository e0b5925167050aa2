/*
 * line_source.h
 *	  Lines one after another, from a file (plain or gzip) or from a text array.
 */
#ifndef MHUB_LINE_SOURCE_H
#define MHUB_LINE_SOURCE_H

#include "common/pgcompat.h"

#include "utils/array.h"

/* A longer line is not a log line; it is cut here and its rest skipped. */
#define MHUB_LINE_MAX 65536

typedef struct LineSource LineSource;

/* Both live in the current memory context, whose reset closes the file. */
extern LineSource *line_source_open_file(const char *path);
extern LineSource *line_source_open_array(ArrayType *lines);

/* The next line without its line end, valid until the next call; false at the end. */
extern bool line_source_next(LineSource *source, const char **line, size_t *length);

extern void line_source_rewind(LineSource *source);

#endif							/* MHUB_LINE_SOURCE_H */

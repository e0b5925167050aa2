/*
 * query.h
 *	  The parameters of a query string, one after the other, decoded.
 */
#ifndef MHUB_QUERY_H
#define MHUB_QUERY_H

#include "common/pgcompat.h"

/* Longer names are none that we know. */
#define MHUB_PARAM_NAME_MAX 48

/* Where the next parameter starts, and the current one, still encoded */
typedef struct MhubQueryScan
{
	const char *next;
	const char *name;
	size_t		name_length;
	const char *value;			/* NULL: a name without = */
	size_t		value_length;
} MhubQueryScan;

extern void mhub_query_start(MhubQueryScan *scan, const char *query);
extern bool mhub_query_next(MhubQueryScan *scan);
extern bool mhub_query_name(const MhubQueryScan *scan, char *name);
extern char *mhub_query_value(const MhubQueryScan *scan);
extern char *mhub_text_decoded(const char *text, size_t length);

#endif							/* MHUB_QUERY_H */

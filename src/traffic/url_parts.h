/*
 * url_parts.h
 *	  An address taken apart, by libcurl's URL API.
 */
#ifndef MHUB_URL_PARTS_H
#define MHUB_URL_PARTS_H

#include "common/pgcompat.h"

/* palloc'd; NULL for what the address does not have */
typedef struct MhubUrl
{
	char	   *scheme;			/* lower case */
	char	   *host;			/* lower case, IDN as punycode, no trailing dot */
	char	   *port;
	char	   *path;			/* begins with / */
	char	   *query;			/* without ? */
	char	   *fragment;		/* without # */
} MhubUrl;

extern bool mhub_url_split(const char *url, MhubUrl *parts);
extern char *mhub_host_normalised(const char *host);

#endif							/* MHUB_URL_PARTS_H */

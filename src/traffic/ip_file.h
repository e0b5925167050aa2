/*
 * ip_file.h
 *	  One file of the MaxMind DB format.
 */
#ifndef MHUB_IP_FILE_H
#define MHUB_IP_FILE_H

#include "common/pgcompat.h"

#include <maxminddb.h>

/* What a file says about an address; palloc'd, in the server's encoding, NULL for what it does not know */
typedef struct MhubIpInfo
{
	char	   *country;
	char	   *region;
	char	   *city;
	char	   *organisation;
	char	   *time_zone;
	int64		asn;			/* 0: unknown */
} MhubIpInfo;

/* The caller's own copy of what went wrong, or NULL */
extern char *mhub_ip_file_open(const char *path, MMDB_s *file);
extern char *mhub_ip_file_check(MMDB_s *file);
extern bool mhub_ip_file_lookup(MMDB_s *file, const char *language, const struct sockaddr *address,
								MhubIpInfo *info);
extern bool mhub_ip_file_asn(MMDB_s *file, const struct sockaddr *address, int64 *asn);

#endif							/* MHUB_IP_FILE_H */

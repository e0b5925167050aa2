/*
 * ip_lookup.h
 *	  Where an address is, by the files of mhub.ip_database.
 */
#ifndef MHUB_IP_LOOKUP_H
#define MHUB_IP_LOOKUP_H

#include "traffic/ip_file.h"

#include "utils/inet.h"

extern void mhub_ip_info(const inet *ip, MhubIpInfo *info);
extern int64 mhub_ip_asn(const inet *ip);

#endif							/* MHUB_IP_LOOKUP_H */

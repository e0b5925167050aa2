/*
 * punycode.h
 *	  International host names in their ASCII form (RFC 3492).
 */
#ifndef MHUB_PUNYCODE_H
#define MHUB_PUNYCODE_H

#include "common/pgcompat.h"

extern char *mhub_punycode_host(const char *host);

#endif							/* MHUB_PUNYCODE_H */

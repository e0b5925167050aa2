/*
 * address_guard.h
 *	  Which network addresses a delivery may connect to.
 */
#ifndef MHUB_ADDRESS_GUARD_H
#define MHUB_ADDRESS_GUARD_H

#include "common/pgcompat.h"

#include <sys/socket.h>

/* An IPv4 network is kept in its own family; family is AF_INET or AF_INET6. */
typedef struct GuardNetwork
{
	int			family;
	unsigned char address[16];
	int			prefix;
	int			port;			/* 0: every port */
} GuardNetwork;

typedef struct GuardList
{
	GuardNetwork *networks;
	int			count;
} GuardList;

typedef struct AddressGuard
{
	GuardList	allowed;
	GuardList	denied;
} AddressGuard;

extern bool guard_parse_list(const char *text, GuardList *list);
extern const char *guard_refusal(const AddressGuard *guard, const struct sockaddr *address);

#endif							/* MHUB_ADDRESS_GUARD_H */

/*
 * address.h
 *	  Network addresses.
 */
#ifndef MHUB_ADDRESS_H
#define MHUB_ADDRESS_H

#include "common/pgcompat.h"

#include <sys/socket.h>

#include "utils/inet.h"

/*
 * ::ffff:1.2.3.4, as servers that listen for both families report a client,
 * made 1.2.3.4; any other address stays what it is.
 */
static inline void
mhub_unmap_address(inet_struct *address)
{
	static const unsigned char mapped[12] = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xFF, 0xFF};

	if (address->family != PGSQL_AF_INET6 || address->bits < 96 || memcmp(address->ipaddr, mapped, sizeof(mapped)) != 0)
		return;
	address->family = PGSQL_AF_INET;
	address->bits -= 96;
	memmove(address->ipaddr, address->ipaddr + sizeof(mapped), 4);
}

/* The same of a value: itself, or a palloc'd one */
static inline const inet *
mhub_unmapped(const inet *ip)
{
	inet_struct address = {0};
	inet	   *four;

	memcpy(&address, VARDATA_ANY(ip), VARSIZE_ANY_EXHDR(ip));
	mhub_unmap_address(&address);
	if (address.family == ip_family(ip))
		return ip;
	four = palloc0(sizeof(inet));
	four->inet_data = address;
	SET_VARSIZE(four, VARHDRSZ + offsetof(inet_struct, ipaddr) + 4);
	return four;
}

#endif							/* MHUB_ADDRESS_H */

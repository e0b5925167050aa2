/*
 * network.c
 *	  Is an address in a network?
 */
#include "condition/network.h"

#include <arpa/inet.h>


#define LONGEST_NETWORK 64		/* an IPv6 address and its length in bits */

static bool
read_bits(const char *text, int most, int *bits)
{
	char	   *end;
	long		value;

	if (*text < '0' || *text > '9')
		return false;
	value = strtol(text, &end, 10);
	*bits = (int) value;
	return *end == '\0' && value <= most;
}

/* An IPv4 address inside IPv6 (::ffff:192.0.2.1) is the IPv4 address. */
static void
unmap(CondNetwork *network)
{
	static const unsigned char prefix[12] = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};

	if (network->family != 6 || network->bits < 96 || memcmp(network->address, prefix, 12) != 0)
		return;
	memmove(network->address, network->address + 12, 4);
	network->family = 4;
	network->bits -= 96;
}

bool
condition_read_network(const char *text, int length, CondNetwork *network)
{
	char		copy[LONGEST_NETWORK];
	char	   *slash;

	if (length >= LONGEST_NETWORK || memchr(text, '\0', length) != NULL)
		return false;
	memcpy(copy, text, length);
	copy[length] = '\0';
	slash = strchr(copy, '/');
	if (slash != NULL)
		*slash++ = '\0';
	if (inet_pton(AF_INET, copy, network->address) == 1)
		network->family = 4;
	else if (inet_pton(AF_INET6, copy, network->address) == 1)
		network->family = 6;
	else
		return false;
	network->bits = network->family == 4 ? 32 : 128;
	if (slash != NULL && !read_bits(slash, network->bits, &network->bits))
		return false;
	unmap(network);
	return true;
}

/* A single address: no network length. */
bool
condition_read_address(const char *text, int length, CondNetwork *address)
{
	return memchr(text, '/', length) == NULL && condition_read_network(text, length, address);
}

bool
condition_in_network(const CondNetwork *address, const CondNetwork *network)
{
	int			bytes = network->bits / 8;
	int			rest = network->bits % 8;

	if (address->family != network->family || memcmp(address->address, network->address, bytes) != 0)
		return false;
	if (rest == 0)
		return true;
	return ((address->address[bytes] ^ network->address[bytes]) >> (8 - rest)) == 0;
}

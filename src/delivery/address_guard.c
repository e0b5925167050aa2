/*
 * address_guard.c
 *	  Which network addresses a delivery may connect to.
 *
 * The question is asked of the very address a socket is about to be opened
 * for, after name resolution, so that no name can lead inside (rebinding).
 * guard_refusal() runs in libcurl's frames: it allocates and raises nothing.
 */
#include "delivery/address_guard.h"

#include <arpa/inet.h>
#include <netinet/in.h>


/* IANA special-purpose registries, RFC 6890 and its successors. */
static const struct
{
	unsigned char address[4];
	int			prefix;
	const char *why;
}			refused_v4[] = {
	{{0, 0, 0, 0}, 8, "this network"},
	{{10, 0, 0, 0}, 8, "private network"},
	{{100, 64, 0, 0}, 10, "carrier-grade NAT"},
	{{127, 0, 0, 0}, 8, "loopback"},
	{{169, 254, 0, 0}, 16, "link-local"},
	{{172, 16, 0, 0}, 12, "private network"},
	{{192, 0, 0, 0}, 24, "protocol assignments"},
	{{192, 0, 2, 0}, 24, "documentation"},
	{{192, 88, 99, 0}, 24, "6to4 relay"},
	{{192, 168, 0, 0}, 16, "private network"},
	{{198, 18, 0, 0}, 15, "benchmarking"},
	{{198, 51, 100, 0}, 24, "documentation"},
	{{203, 0, 113, 0}, 24, "documentation"},
	{{224, 0, 0, 0}, 4, "multicast"},
	{{240, 0, 0, 0}, 4, "reserved"},
};

/* Those that embed an IPv4 address are refused whatever it is: they lead past the table above. */
static const struct
{
	unsigned char address[16];
	int			prefix;
	const char *why;
}			refused_v6[] = {
	{{0}, 96, "unspecified, loopback or embedded IPv4"},
	{{[10] = 0xff, [11] = 0xff}, 96, "mapped IPv4"},
	{{[8] = 0xff, [9] = 0xff}, 96, "translated IPv4"},
	{{0x00, 0x64, 0xff, 0x9b}, 96, "NAT64"},
	{{0x00, 0x64, 0xff, 0x9b, 0x00, 0x01}, 48, "local NAT64"},
	{{0x01}, 64, "discard"},
	{{0x20, 0x01, 0x00, 0x00}, 32, "Teredo"},
	{{0x20, 0x01}, 23, "protocol assignments"},
	{{0x20, 0x01, 0x0d, 0xb8}, 32, "documentation"},
	{{0x20, 0x02}, 16, "6to4"},
	{{0x3f, 0xff}, 20, "documentation"},
	{{0xfc}, 7, "unique local"},
	{{0xfe, 0x80}, 10, "link-local"},
	{{0xfe, 0xc0}, 10, "site-local"},
	{{0xff}, 8, "multicast"},
};

static bool
in_network(const unsigned char *address, const unsigned char *network, int prefix)
{
	int			bytes = prefix / 8;
	int			bits = prefix % 8;

	if (memcmp(address, network, bytes) != 0)
		return false;
	return bits == 0 || ((address[bytes] ^ network[bytes]) >> (8 - bits)) == 0;
}

static bool
in_list(const GuardList *list, int family, const unsigned char *address, int port)
{
	for (int i = 0; i < list->count; i++)
	{
		const GuardNetwork *network = &list->networks[i];

		if (network->family == family && (network->port == 0 || network->port == port) &&
			in_network(address, network->address, network->prefix))
			return true;
	}
	return false;
}

static const char *
refusal_v4(const unsigned char *address)
{
	for (size_t i = 0; i < lengthof(refused_v4); i++)
	{
		if (in_network(address, refused_v4[i].address, refused_v4[i].prefix))
			return refused_v4[i].why;
	}
	return NULL;
}

static const char *
refusal_v6(const unsigned char *address)
{
	for (size_t i = 0; i < lengthof(refused_v6); i++)
	{
		if (in_network(address, refused_v6[i].address, refused_v6[i].prefix))
			return refused_v6[i].why;
	}
	return NULL;
}

/* Why the address must not be connected to; NULL when it may. */
const char *
guard_refusal(const AddressGuard *guard, const struct sockaddr *address)
{
	const unsigned char *bytes;
	int			port;

	if (address->sa_family == AF_INET)
	{
		const struct sockaddr_in *v4 = (const struct sockaddr_in *) address;

		bytes = (const unsigned char *) &v4->sin_addr;
		port = ntohs(v4->sin_port);
	}
	else if (address->sa_family == AF_INET6)
	{
		const struct sockaddr_in6 *v6 = (const struct sockaddr_in6 *) address;

		bytes = (const unsigned char *) &v6->sin6_addr;
		port = ntohs(v6->sin6_port);
	}
	else
		return "not an internet address";

	if (in_list(&guard->denied, address->sa_family, bytes, port))
		return "denied by mhub.denied_networks";
	if (in_list(&guard->allowed, address->sa_family, bytes, port))
		return NULL;
	return address->sa_family == AF_INET ? refusal_v4(bytes) : refusal_v6(bytes);
}

/* Takes a decimal number up to max off the end of the text, behind the separator, where there is one. */
static bool
split_number(char *text, char separator, int max, int *number)
{
	char	   *at = strrchr(text, separator);
	char	   *end;
	long		value;

	if (at == NULL)
		return true;
	value = strtol(at + 1, &end, 10);
	if (end == at + 1 || *end != 0 || value < 0 || value > max)
		return false;
	*at = 0;
	*number = (int) value;
	return true;
}

/* address[/prefix][:port], where an IPv6 address with a port stands in brackets. */
static bool
parse_network(char *text, GuardNetwork *network)
{
	bool		v6 = text[0] == '[' || strchr(text, ':') != strrchr(text, ':');
	char	   *close = strchr(text, ']');

	memset(network, 0, sizeof(*network));
	network->prefix = v6 ? 128 : 32;
	network->family = v6 ? AF_INET6 : AF_INET;
	if (v6 && text[0] == '[')
	{
		if (close == NULL || !split_number(close, ':', 65535, &network->port) || (close[1] != 0 && network->port == 0))
			return false;
		*close = 0;
		text++;
	}
	else if (!v6 && !split_number(text, ':', 65535, &network->port))
		return false;
	if (!split_number(text, '/', network->prefix, &network->prefix))
		return false;
	return inet_pton(network->family, text, network->address) == 1;
}

/*
 * Parses a list of networks separated by commas; allocated in the current
 * memory context.  False when one is not understood.
 */
bool
guard_parse_list(const char *text, GuardList *list)
{
	char	   *copy = pstrdup(text);
	char	   *state = NULL;
	int			capacity = 1;

	for (const char *c = text; *c; c++)
		capacity += *c == ',';
	list->networks = palloc(capacity * sizeof(GuardNetwork));
	list->count = 0;
	for (char *entry = strtok_r(copy, ", \t\r\n", &state); entry; entry = strtok_r(NULL, ", \t\r\n", &state))
	{
		if (!parse_network(entry, &list->networks[list->count]))
			return false;
		list->count++;
	}
	return true;
}

/*
 * settings.c
 *	  Settings of the delivery room.
 */
#include "delivery/settings.h"

#include "utils/guc.h"

int			mhub_delivery_concurrency = 64;
int			mhub_delivery_lease = 300;

static char *allowed_networks = NULL;
static char *denied_networks = NULL;
static char *ca_file = NULL;
static char *link_url = NULL;
static char *unsubscribe_url = NULL;

static bool
check_networks(char **value, void **extra pg_attribute_unused(), GucSource source pg_attribute_unused())
{
	GuardList	list;

	if (*value == NULL || guard_parse_list(*value, &list))
		return true;
	GUC_check_errdetail("A network is written address[/length][:port], with an IPv6 address in brackets before a port; networks are separated by commas.");
	return false;
}

/* The lists as they are set now, in the current memory context. */
void
settings_address_guard(AddressGuard *guard)
{
	if (!guard_parse_list(allowed_networks ? allowed_networks : "", &guard->allowed) ||
		!guard_parse_list(denied_networks ? denied_networks : "", &guard->denied))
		elog(ERROR, "network list was accepted but cannot be parsed");
}

/* NULL: the system's certificate authorities. */
const char *
settings_ca_file(void)
{
	return ca_file != NULL && ca_file[0] != 0 ? pstrdup(ca_file) : NULL;
}

void
mhub_delivery_init(void)
{
	DefineCustomStringVariable("mhub.allowed_networks",
							   "Networks that deliveries may connect to although they are private, loopback or otherwise special.",
							   "A list like 10.1.0.0/16, 127.0.0.1:8080, [::1]:25. Everything public is allowed anyway.",
							   &allowed_networks, "", PGC_SUSET, 0, check_networks, NULL, NULL);
	DefineCustomStringVariable("mhub.denied_networks",
							   "Networks that deliveries may not connect to, whatever else allows it.",
							   "Written like mhub.allowed_networks.",
							   &denied_networks, "", PGC_SUSET, 0, check_networks, NULL, NULL);
	DefineCustomStringVariable("mhub.ca_file",
							   "File with the certificate authorities that servers of providers are checked against.",
							   "In PEM form. Empty: those of the system.",
							   &ca_file, "", PGC_SUSET, 0, NULL, NULL, NULL);
	DefineCustomStringVariable("mhub.link_url",
							   "Address before the token of a tracked link, e.g. https://go.example.com/l/.",
							   "What serves it calls mhub.open_link(token) and redirects. Empty: templates get no tracked links.",
							   &link_url, "", PGC_USERSET, 0, NULL, NULL, NULL);
	DefineCustomStringVariable("mhub.unsubscribe_url",
							   "Address before the token of an unsubscribe link, e.g. https://go.example.com/u/.",
							   "What serves it calls mhub.unsubscribe(token). Empty: messages carry no unsubscribe link.",
							   &unsubscribe_url, "", PGC_USERSET, 0, NULL, NULL, NULL);
	DefineCustomIntVariable("mhub.delivery_concurrency",
							"Requests that one call of mhub.deliver_messages() has in flight at most.",
							"Each provider has its own limit besides.",
							&mhub_delivery_concurrency, 64, 1, 256, PGC_USERSET, 0, NULL, NULL, NULL);
	DefineCustomIntVariable("mhub.delivery_lease",
							"Time after which messages of a lost deliverer are taken over by another.",
							"Never less than the provider's timeout and 10 seconds.",
							&mhub_delivery_lease, 300, 1, 86400, PGC_SUSET, GUC_UNIT_S, NULL, NULL, NULL);
}

/*
 * privacy.c
 *	  The privacy room's settings.
 */
#include "mhub.h"

#include "privacy/access_log.h"
#include "privacy/key_file.h"
#include "privacy/key_store.h"
#include "privacy/log_mask.h"
#include "privacy/utility_mask.h"

#include "utils/guc.h"

/* The path has changed: what was read from the old one is no longer meant. */
static void
key_source_changed(const char *value pg_attribute_unused(), void *extra pg_attribute_unused())
{
	mhub_forget_epochs();
}

static bool
check_country(char **value, void **extra pg_attribute_unused(), GucSource source pg_attribute_unused())
{
	if ((*value)[0] == '\0' || mhub_country_known(*value))
		return true;
	GUC_check_errdetail("It is a country's two-letter code of ISO 3166, e.g. CN, or empty.");
	return false;
}

void
mhub_privacy_init(void)
{
	DefineCustomStringVariable("mhub.key_file",
							   "File with the epoch keys that protect personal data.",
							   "Lines epoch:base64, mode 600, owned by the server's user or root, outside the data directory. Only the path is a setting, never a key.",
							   &mhub_key_file, "", PGC_SIGHUP, GUC_SUPERUSER_ONLY,
							   NULL, key_source_changed, NULL);
	DefineCustomStringVariable("mhub.key_command",
							   "Command that prints the epoch keys, in place of mhub.key_file.",
							   "Run by each session that needs a key, and again after mhub.keys_reload(). Not used while mhub.key_file is set.",
							   &mhub_key_command, "", PGC_SIGHUP, GUC_SUPERUSER_ONLY,
							   NULL, key_source_changed, NULL);
	DefineCustomStringVariable("mhub.default_country",
							   "Country whose telephone numbers come without country code.",
							   "Two-letter code of ISO 3166; empty refuses such numbers. A different value makes different blind indexes of the same national number, so set it once for the database.",
							   &mhub_default_country, "CN", PGC_SUSET, 0,
							   check_country, NULL, NULL);
	DefineCustomStringVariable("mhub.purpose",
							   "What personal data is being read for.",
							   "mhub.decrypt() and mhub.export_person() refuse to work while it is empty; it goes to mhub.access_log.",
							   &mhub_purpose, "", PGC_USERSET, 0,
							   NULL, NULL, NULL);
	mhub_key_store_init();
	mhub_access_log_init();
	mhub_log_mask_init();
	mhub_utility_mask_init();
}

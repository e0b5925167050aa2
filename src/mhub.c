/*
 * mhub.c
 *	  Module entry: magic block, settings (GUCs) and each room's initialiser.
 */
#include "mhub.h"

#include "collect/settings.h"
#include "common/hub_time.h"
#include "delivery/settings.h"
#include "identity/identity.h"
#include "privacy/privacy.h"
#include "utils/guc.h"
#include "workflow/clock.h"

PG_MODULE_MAGIC;

PGDLLEXPORT void _PG_init(void);

void
_PG_init(void)
{
	mhub_workflow_init();
	mhub_hub_time_init();
	mhub_privacy_init();
	mhub_identity_init();
	mhub_delivery_init();
	mhub_collect_init();
	MarkGUCPrefixReserved("mhub");
}

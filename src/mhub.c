/*
 * mhub.c
 *	  Module entry: magic block, settings (GUCs) and each room's initialiser.
 */
#include "mhub.h"

#include "utils/guc.h"

PG_MODULE_MAGIC;

PGDLLEXPORT void _PG_init(void);

void
_PG_init(void)
{
	MarkGUCPrefixReserved("mhub");
}

/*
 * version.c
 *	  mhub.version(): the version of the loaded library.
 */
#include "mhub.h"

#include "common/version.h"
#include "utils/builtins.h"

PG_FUNCTION_INFO_V1(mhub_version);

Datum
mhub_version(PG_FUNCTION_ARGS pg_attribute_unused())
{
	PG_RETURN_TEXT_P(cstring_to_text(MHUB_VERSION));
}

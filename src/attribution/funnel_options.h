/*
 * funnel_options.h
 *	  Window and mode of a funnel as the SQL functions take them.
 */
#ifndef MHUB_FUNNEL_OPTIONS_H
#define MHUB_FUNNEL_OPTIONS_H

#include "attribution/funnel.h"

#include "fmgr.h"

/* At the head of a funnel's state. */
typedef struct MhubFunnelOptions
{
	int64		window;			/* microseconds */
	int32		n_steps;
	int32		mode;
} MhubFunnelOptions;

extern MhubFunnelOptions mhub_funnel_options(FunctionCallInfo fcinfo, int argument, int n_steps);
extern uint32 mhub_funnel_step_mark(int32 step);

/* Other events matter to strict_order alone. */
static inline bool
mhub_funnel_wants(const MhubFunnelOptions *options, uint32 steps)
{
	return steps != 0 || (options->mode & MHUB_FUNNEL_STRICT_ORDER) != 0;
}

#endif							/* MHUB_FUNNEL_OPTIONS_H */

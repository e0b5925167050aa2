/*
 * funnel.h
 *	  How far a sequence of events gets along ordered steps within a window.
 */
#ifndef MHUB_FUNNEL_H
#define MHUB_FUNNEL_H

#include "attribution/marked_event.h"

#define MHUB_FUNNEL_MAX_STEPS MHUB_MAX_CONDITIONS

typedef enum MhubFunnelMode
{
	MHUB_FUNNEL_STRICT_ORDER = 1,
	MHUB_FUNNEL_STRICT_DEDUPLICATION = 2,
	MHUB_FUNNEL_STRICT_INCREASE = 4,
	MHUB_FUNNEL_STRICT_ONCE = 8,
	MHUB_FUNNEL_ALLOW_REENTRY = 16
} MhubFunnelMode;

/* times[k]: when step k + 1 was reached, for k < level. */
typedef struct MhubFunnelResult
{
	int			level;
	int64		times[MHUB_FUNNEL_MAX_STEPS];
} MhubFunnelResult;

extern void mhub_funnel(const MhubMarkedEvent *events, int n, int n_steps, int64 window, int mode, MhubFunnelResult *result);

#endif							/* MHUB_FUNNEL_H */

/*
 * version_cache.h
 *	  Programs of workflow versions, kept by each backend.
 */
#ifndef MHUB_WORKFLOW_VERSION_CACHE_H
#define MHUB_WORKFLOW_VERSION_CACHE_H

#include "workflow/run.h"

typedef struct WfVersion
{
	int32		version_id;		/* hash key */
	MemoryContext context;
	WfProgram  *program;
	WfFacts    *facts;
	char	   *workflow;		/* its key */
	int		   *needs;			/* per step, WF_NEEDS_... */
	text	   *item_condition; /* conditions that must see single events, or NULL */
} WfVersion;

extern WfVersion *wf_version(int32 version_id);

#endif							/* MHUB_WORKFLOW_VERSION_CACHE_H */

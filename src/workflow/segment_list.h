/*
 * segment_list.h
 *	  The segments in a profile, as a step changes them.
 */
#ifndef MHUB_WORKFLOW_SEGMENT_LIST_H
#define MHUB_WORKFLOW_SEGMENT_LIST_H

#include "common/pgcompat.h"

#include "nodes/pg_list.h"
#include "utils/jsonb.h"

extern Jsonb *wf_change_segments(Jsonb *profile, const List *add_to, const List *remove_from);

#endif							/* MHUB_WORKFLOW_SEGMENT_LIST_H */

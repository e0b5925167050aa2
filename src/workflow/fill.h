/*
 * fill.h
 *	  Templates in the fields of a step, filled in from the enrollment's context
 *	  and the person's profile.
 */
#ifndef MHUB_WORKFLOW_FILL_H
#define MHUB_WORKFLOW_FILL_H

#include "workflow/reader.h"

extern void wf_read_templates(Reader *reader, WfStep *step, const char *fields);
extern Jsonb *wf_fill(const WfStep *step, Jsonb *context, Jsonb *profile);

#endif							/* MHUB_WORKFLOW_FILL_H */

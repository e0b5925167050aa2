/*
 * eval.h
 *	  Evaluation of a condition's tree, shared with what explains it.
 */
#ifndef MHUB_CONDITION_EVAL_H
#define MHUB_CONDITION_EVAL_H

#include "condition/condition.h"

/* What paths refer to: the profile, or an element of an array or the properties of an event in it. */
typedef struct CondScope
{
	MhubProfile *profile;
	CondValue  *element;		/* NULL: the profile itself */
} CondScope;

extern MhubTruth condition_eval(const CondNode *node, CondScope *scope);
extern CondValue *condition_get(CondScope *scope, const CondPath *path, CondValue *scratch);
extern bool condition_subject_instant(const CondNode *node, CondScope *scope, TimestampTz *instant);

/* behaviour.c */
extern bool condition_event_time(const CondNode *node, CondScope *scope, TimestampTz *at);
extern bool condition_count_events(const CondNode *node, CondScope *scope, int64 *count);

#endif							/* MHUB_CONDITION_EVAL_H */

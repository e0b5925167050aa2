/*
 * logic.h
 *	  What can be told about conditions without a profile.
 */
#ifndef MHUB_CONDITION_LOGIC_H
#define MHUB_CONDITION_LOGIC_H

#include "condition/condition.h"

extern bool condition_implies(const CondNode *given, const CondNode *wanted);
extern bool condition_never(const CondNode *node);

#endif							/* MHUB_CONDITION_LOGIC_H */

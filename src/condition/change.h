/*
 * change.h
 *	  When may a condition's outcome change only because time passes?
 */
#ifndef MHUB_CONDITION_CHANGE_H
#define MHUB_CONDITION_CHANGE_H

#include "condition/eval.h"

extern TimestampTz condition_next_change(const CondNode *node, CondScope *scope);

#endif							/* MHUB_CONDITION_CHANGE_H */

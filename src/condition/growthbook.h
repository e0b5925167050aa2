/*
 * growthbook.h
 *	  GrowthBook's targeting conditions with their own semantics.
 */
#ifndef MHUB_CONDITION_GROWTHBOOK_H
#define MHUB_CONDITION_GROWTHBOOK_H

#include "condition/ast.h"

extern bool growthbook_eval(CondValue *condition, CondValue *attributes, CondValue *groups);

#endif							/* MHUB_CONDITION_GROWTHBOOK_H */

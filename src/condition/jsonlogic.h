/*
 * jsonlogic.h
 *	  JsonLogic, as rule builders export it, translated to conditions.
 */
#ifndef MHUB_CONDITION_JSONLOGIC_H
#define MHUB_CONDITION_JSONLOGIC_H

#include "condition/ast.h"

extern CondNode *jsonlogic_parse(const char *input, int length, CondError *error);

#endif							/* MHUB_CONDITION_JSONLOGIC_H */

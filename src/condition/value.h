/*
 * value.h
 *	  Values of a profile, and how two of them compare.
 */
#ifndef MHUB_CONDITION_VALUE_H
#define MHUB_CONDITION_VALUE_H

#include "condition/ast.h"

/* Result of comparing what cannot be compared. */
#define COND_INCOMPARABLE 2

extern void condition_set_number(CondValue *value, Numeric numeric);
extern void condition_set_written_number(CondValue *value, Numeric numeric, const char *text);
extern void condition_from_jsonb(const JsonbValue *jsonb, CondValue *value);
extern void condition_walk(JsonbContainer *container, const CondPath *path, CondValue *value);
extern void condition_step(const CondValue *from, const CondSegment *segment, CondValue *value);
extern void condition_elements(CondValue *array);
extern int	condition_compare(const CondValue *a, const CondValue *b, bool fold);
extern bool condition_same(const CondValue *a, const CondValue *b, bool fold);
extern void condition_sort_values(CondNode *node);
extern bool condition_find_value(const CondNode *node, const CondValue *value);
extern const char *condition_type_name(CondType type);

#endif							/* MHUB_CONDITION_VALUE_H */

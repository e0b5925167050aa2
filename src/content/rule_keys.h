/*
 * rule_keys.h
 *	  Values of attributes, numbered, and the rules posted under one of them
 *	  or a pair.
 */
#ifndef MHUB_RULE_KEYS_H
#define MHUB_RULE_KEYS_H

#include "condition/ast.h"

typedef struct RuleKeys RuleKeys;

#define NO_VALUE (-1)

extern RuleKeys *rule_keys_create(void);

/* The number of a value, NO_VALUE for one that nothing is posted under; rule_keys_add_value() gives it one. */
extern int	rule_keys_value(const RuleKeys *keys, int attribute, const CondValue *value);
extern int	rule_keys_add_value(RuleKeys *keys, int attribute, const CondValue *value, bool *is_new);

/* Posts a rule under a pair of values, or one (second is NO_VALUE).  Rules come in order. */
extern void rule_keys_post(RuleKeys *keys, int first, int second, int rule);

/* The rules under a pair, one after the other: at is where the next one stands, -1 behind the last. */
extern int	rule_keys_first(const RuleKeys *keys, int first, int second);
extern int	rule_keys_next(const RuleKeys *keys, int *at);

#endif							/* MHUB_RULE_KEYS_H */

/*
 * pattern.h
 *	  Regular expressions of conditions: PostgreSQL's own, compiled once.
 */
#ifndef MHUB_CONDITION_PATTERN_H
#define MHUB_CONDITION_PATTERN_H

#include "condition/ast.h"

extern const char *condition_check_pattern(const char *pattern, int length);
extern regex_t *condition_compile_pattern(const char *pattern, int length, MemoryContext context);
extern bool condition_match_once(const char *pattern, int length, const char *string, bool ignore_case);
extern bool condition_match_pattern(regex_t *regex, const char *string, int length);

#endif							/* MHUB_CONDITION_PATTERN_H */

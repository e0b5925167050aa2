/*
 * js_value.h
 *	  JavaScript's conversions and comparisons of JSON values, for conditions
 *	  that were written for an engine in JavaScript.
 */
#ifndef MHUB_CONDITION_JS_VALUE_H
#define MHUB_CONDITION_JS_VALUE_H

#include "condition/ast.h"

typedef enum JsOrder
{
	JS_LESS = -1,
	JS_EQUAL = 0,
	JS_GREATER = 1,
	JS_UNORDERED = 2			/* NaN is involved */
} JsOrder;

extern double js_to_number(CondValue *value);
extern const char *js_to_string(CondValue *value);
extern bool js_to_boolean(const CondValue *value);
extern bool js_identical(const CondValue *a, const CondValue *b);
extern bool js_deep_equal(CondValue *a, CondValue *b);
extern JsOrder js_compare(CondValue *a, CondValue *b);
extern const char *js_type(const CondValue *value);

#endif							/* MHUB_CONDITION_JS_VALUE_H */

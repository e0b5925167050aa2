/*
 * names.h
 *	  The operators' names in both notations.
 */
#ifndef MHUB_CONDITION_NAMES_H
#define MHUB_CONDITION_NAMES_H

#include "condition/ast.h"

/* How the JSON operator's operand looks. */
typedef enum CondOperand
{
	OPERAND_SCALAR,				/* a string, number or boolean, null for some */
	OPERAND_LIST,				/* an array of those */
	OPERAND_STRING,
	OPERAND_STRINGS,			/* a string or an array of strings */
	OPERAND_FLAG,				/* true or false */
	OPERAND_MOMENT,				/* a time or {"$now": "-3 days"} */
	OPERAND_SPAN
} CondOperand;

typedef struct CondOperatorName
{
	const char *json;			/* the JSON operator; the first entry that fits a node is printed */
	CondOperand operand;
	CondKind	kind;
	CondOp		op;
	bool		weak;
	bool		negated;
} CondOperatorName;

extern const CondOperatorName *condition_json_operator(const char *name, int length);
extern const CondOperatorName *condition_json_name(const CondNode *node);
extern const char *condition_op_symbol(CondOp op);

#endif							/* MHUB_CONDITION_NAMES_H */

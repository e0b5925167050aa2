/*
 * names.c
 *	  The operators' names in both notations.
 *
 * Names and meaning of the JSON operators are MongoDB's where it has them:
 * its $ne, $nin and $not are true for a missing attribute (weak).  The
 * strong ones, unknown for a missing attribute, end in Known.
 */
#include "condition/names.h"

static const CondOperatorName operators[] = {
	{"$eq", OPERAND_SCALAR, COND_COMPARE, OP_EQ, false, false},
	{"$ne", OPERAND_SCALAR, COND_COMPARE, OP_NE, true, false},
	{"$neKnown", OPERAND_SCALAR, COND_COMPARE, OP_NE, false, false},
	{"$lt", OPERAND_SCALAR, COND_COMPARE, OP_LT, false, false},
	{"$lte", OPERAND_SCALAR, COND_COMPARE, OP_LE, false, false},
	{"$gt", OPERAND_SCALAR, COND_COMPARE, OP_GT, false, false},
	{"$gte", OPERAND_SCALAR, COND_COMPARE, OP_GE, false, false},
	{"$in", OPERAND_LIST, COND_IN, OP_NONE, false, false},
	{"$nin", OPERAND_LIST, COND_IN, OP_NONE, true, true},
	{"$ninKnown", OPERAND_LIST, COND_IN, OP_NONE, false, true},
	{"$between", OPERAND_LIST, COND_BETWEEN, OP_NONE, false, false},
	{"$has", OPERAND_SCALAR, COND_HAS, OP_HAS, false, false},
	{"$hasAny", OPERAND_LIST, COND_HAS, OP_HAS_ANY, false, false},
	{"$hasAll", OPERAND_LIST, COND_HAS, OP_HAS_ALL, false, false},
	{"$all", OPERAND_LIST, COND_HAS, OP_HAS_ALL, false, false},
	{"$hasNone", OPERAND_LIST, COND_HAS, OP_HAS_NONE, false, false},
	{"$exists", OPERAND_FLAG, COND_EXISTS, OP_NONE, false, false},
	{"$missing", OPERAND_FLAG, COND_MISSING, OP_NONE, false, false},
	{"$isNull", OPERAND_FLAG, COND_IS_NULL, OP_NONE, false, false},
	{"$startsWith", OPERAND_STRING, COND_AFFIX, OP_STARTS, false, false},
	{"$endsWith", OPERAND_STRING, COND_AFFIX, OP_ENDS, false, false},
	{"$contains", OPERAND_STRING, COND_AFFIX, OP_CONTAINS, false, false},
	{"$regex", OPERAND_STRING, COND_REGEX, OP_NONE, false, false},
	{"$veq", OPERAND_STRING, COND_VERSION, OP_EQ, false, false},
	{"$vne", OPERAND_STRING, COND_VERSION, OP_NE, false, false},
	{"$vlt", OPERAND_STRING, COND_VERSION, OP_LT, false, false},
	{"$vlte", OPERAND_STRING, COND_VERSION, OP_LE, false, false},
	{"$vgt", OPERAND_STRING, COND_VERSION, OP_GT, false, false},
	{"$vgte", OPERAND_STRING, COND_VERSION, OP_GE, false, false},
	{"$before", OPERAND_MOMENT, COND_TIME, OP_BEFORE, false, false},
	{"$after", OPERAND_MOMENT, COND_TIME, OP_AFTER, false, false},
	{"$within", OPERAND_SPAN, COND_TIME, OP_WITHIN, false, false},
	{"$withinNext", OPERAND_SPAN, COND_TIME, OP_WITHIN_NEXT, false, false},
	{"$olderThan", OPERAND_SPAN, COND_TIME, OP_OLDER, false, false},
	{"$inNetwork", OPERAND_STRINGS, COND_NETWORK, OP_NONE, false, false}
};

const CondOperatorName *
condition_json_operator(const char *name, int length)
{
	for (int i = 0; i < (int) lengthof(operators); i++)
	{
		if ((int) strlen(operators[i].json) == length && memcmp(operators[i].json, name, length) == 0)
			return &operators[i];
	}
	return NULL;
}

const CondOperatorName *
condition_json_name(const CondNode *node)
{
	for (int i = 0; i < (int) lengthof(operators); i++)
	{
		const CondOperatorName *name = &operators[i];

		if (name->kind == node->kind && name->op == node->op && name->weak == node->weak && name->negated == node->negated)
			return name;
	}
	elog(ERROR, "condition node %d has no operator name", (int) node->kind);
}

/* The operator's words in the text notation. */
const char *
condition_op_symbol(CondOp op)
{
	static const char *const symbols[] = {
		"", "=", "!=", "<", "<=", ">", ">=", "has", "has any", "has all", "has none",
		"starts with", "ends with", "contains", "before", "after", "within", "within next", "older than"
	};

	return symbols[op];
}

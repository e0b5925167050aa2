/*
 * explain.h
 *	  Why a condition matched or did not.
 */
#ifndef MHUB_CONDITION_EXPLAIN_H
#define MHUB_CONDITION_EXPLAIN_H

#include "condition/eval.h"

typedef struct CondExplained
{
	const CondNode *node;
	int			depth;
	MhubTruth	outcome;
	const char *reason;			/* why unknown; else NULL */
	bool		has_actual;
	JsonbValue	actual;
} CondExplained;

typedef void (*CondExplainSink) (void *arg, const CondExplained *line);

extern void condition_explain(const CondNode *node, MhubProfile *profile, CondExplainSink sink, void *arg);
extern void condition_to_jsonb(const CondValue *value, JsonbValue *jsonb);

#endif							/* MHUB_CONDITION_EXPLAIN_H */

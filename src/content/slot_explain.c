/*
 * slot_explain.c
 *	  mhub.explain_slot(): every rule of a slot in order, with why it applies
 *	  to a profile or does not.
 */
#include "mhub.h"

#include "condition/explain.h"
#include "content/slot.h"
#include "funcapi.h"
#include "lib/stringinfo.h"
#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/timestamp.h"

PG_FUNCTION_INFO_V1(mhub_explain_slot);

/* Adds a part of the condition that keeps it from being true. */
static void
add_failure(void *arg, const CondExplained *line)
{
	StringInfo	text = arg;

	if (line->outcome == MHUB_TRUE || line->node->kind == COND_AND || line->depth > 1)
		return;
	if (text->len > 0)
		appendStringInfoString(text, "; ");
	condition_print(text, line->node);
	if (line->outcome == MHUB_FALSE)
		appendStringInfoString(text, " is false");
	else if (line->reason != NULL)
		appendStringInfo(text, " is unknown: %s", line->reason);
	else
		appendStringInfoString(text, " is unknown");
	if (line->has_actual)
	{
		Jsonb	   *actual = JsonbValueToJsonb(unconstify(JsonbValue *, &line->actual));

		appendStringInfo(text, " (found %s)", JsonbToCString(NULL, &actual->root, VARSIZE(actual)));
	}
}

static const char *
failing_parts(RuleSet *set, const Rule *rule)
{
	StringInfoData text;

	initStringInfo(&text);
	condition_explain(rule->condition->root, &set->profile, add_failure, &text);
	return text.data;
}

static const char *
outcome_name(RuleOutcome outcome)
{
	static const char *const names[] = {
		"applies", "broken", "stock used up", "not now", "no match", "unknown", "frequency cap", "no unit",
		"outside coverage", "content expired", "held out"
	};

	return names[outcome];
}

/* Why no rule is asked at all; NULL when they are. */
static const char *
not_asked(Slot *slot)
{
	if (!slot->enabled)
		return "slot off";
	return ruleset_refuses_profiling(&slot->set) ? "profiling refused" : NULL;
}

static const char *
detail(RuleSet *set, const Rule *rule, RuleOutcome outcome)
{
	switch (outcome)
	{
		case RULE_BROKEN:
			return rule->broken;
		case RULE_NO_MATCH:
		case RULE_UNKNOWN:
			return failing_parts(set, rule);
		case RULE_NO_UNIT:
			return "the profile has no $unit to draw a variant for";
		default:
			return NULL;
	}
}

static Datum
text_or_null(const char *text, bool *isnull)
{
	*isnull = text == NULL;
	return text ? CStringGetTextDatum(text) : (Datum) 0;
}

static void
put_rule_not_asked(ReturnSetInfo *result, const Rule *rule, int number, const char *why)
{
	Datum		values[7] = {Int32GetDatum(number + 1), CStringGetTextDatum(rule->key), CStringGetTextDatum(why)};
	bool		nulls[7] = {false, false, false, true, true, true, true};

	tuplestore_putvalues(result->setResult, result->setDesc, values, nulls);
}

static void
put_rule(ReturnSetInfo *result, RuleSet *set, int number)
{
	Rule	   *rule = &set->rules[number];
	RuleVariant *variant;
	RuleOutcome outcome = ruleset_try(set, number, NULL, &variant);
	const ContentVersion *version = outcome == RULE_APPLIES ? ruleset_content(set, variant->content) : NULL;
	Datum		values[7];
	bool		nulls[7] = {false};

	values[0] = Int32GetDatum(number + 1);
	values[1] = CStringGetTextDatum(rule->key);
	values[2] = CStringGetTextDatum(outcome_name(outcome));
	values[3] = text_or_null(outcome == RULE_HELD_OUT ? "holdout" : variant ? variant->key : NULL, &nulls[3]);
	values[4] = text_or_null(outcome == RULE_APPLIES ? variant->content_key : NULL, &nulls[4]);
	nulls[5] = version == NULL;
	values[5] = version ? JsonbPGetDatum(version->payload) : (Datum) 0;
	values[6] = text_or_null(detail(set, rule, outcome), &nulls[6]);
	tuplestore_putvalues(result->setResult, result->setDesc, values, nulls);
}

Datum
mhub_explain_slot(PG_FUNCTION_ARGS)
{
	text	   *name = PG_GETARG_TEXT_PP(0);
	Slot	   *slot = slot_get(VARDATA_ANY(name), VARSIZE_ANY_EXHDR(name));
	ReturnSetInfo *result = (ReturnSetInfo *) fcinfo->resultinfo;
	const char *why_not;

	InitMaterializedSRF(fcinfo, 0);
	ruleset_open(&slot->set, PG_GETARG_JSONB_P(1), PG_GETARG_TIMESTAMPTZ(2));
	why_not = not_asked(slot);
	for (int i = 0; i < slot->set.nrules; i++)
	{
		CHECK_FOR_INTERRUPTS();
		if (why_not != NULL)
			put_rule_not_asked(result, &slot->set.rules[i], i, why_not);
		else
			put_rule(result, &slot->set, i);
	}
	return (Datum) 0;
}

/*
 * slot_decide.c
 *	  What a slot shows to a profile; nothing is written here.
 */
#include "mhub.h"

#include "content/slot.h"

#include "access/htup_details.h"
#include "common/error_caught.h"
#include "funcapi.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"
#include "utils/timestamp.h"
#include "utils/typcache.h"

PG_FUNCTION_INFO_V1(mhub_decide);

#define DECISION_COLUMNS 5

static void
show(Decision *decision, RuleSet *set, const Content *content)
{
	const ContentVersion *version = content ? ruleset_content(set, content) : NULL;

	decision->content_key = version ? content->key : NULL;
	decision->payload = version ? version->payload : NULL;
}

/* A rule that fails while it is evaluated is broken from then on; whoever shows a page must not notice. */
static void
break_rule(Slot *slot, int number, ErrorData *error)
{
	Rule	   *rule = &slot->set.rules[number];

	rule->broken = MemoryContextStrdup(slot->context, error->message);
	ereport(WARNING,
			(errcode(ERRCODE_WARNING),
			 errmsg("rule \"%s\" of slot \"%s\" is skipped: %s", rule->key, slot->name, rule->broken)));
}

/*
 * Chooses, surviving an error of one rule.  Evaluation touches nothing but
 * memory, so that an error needs no subtransaction to be undone.
 */
static bool
try_to_choose(Slot *slot, const bool *excluded, RuleChoice *choice)
{
	MemoryContext context = CurrentMemoryContext;
	volatile bool done = true;

	PG_TRY();
	{
		ruleset_choose(&slot->set, excluded, choice);
	}
	PG_CATCH();
	{
		if (slot->set.trying < 0)
			PG_RE_THROW();
		break_rule(slot, slot->set.trying, mhub_catch_error(context));
		done = false;
	}
	PG_END_TRY();
	return done;
}

static void
take_choice(Slot *slot, const RuleChoice *choice, Decision *decision)
{
	decision->rule = choice->rule;
	decision->rule_key = choice->rule->key;
	if (choice->outcome == RULE_HELD_OUT)
	{
		show(decision, &slot->set, slot->default_content);
		decision->variant = "holdout";
		decision->reason = "SPLIT";
		return;
	}
	show(decision, &slot->set, choice->variant->content);
	decision->variant = choice->variant->key;
	decision->reason = choice->variant->key ? "SPLIT" : "TARGETING_MATCH";
}

void
slot_decide(Slot *slot, const bool *excluded, Decision *decision)
{
	RuleChoice	choice;

	memset(decision, 0, sizeof(*decision));
	if (slot->enabled && !ruleset_refuses_profiling(&slot->set))
	{
		while (!try_to_choose(slot, excluded, &choice))
			;
		if (choice.rule != NULL)
		{
			take_choice(slot, &choice, decision);
			return;
		}
	}
	show(decision, &slot->set, slot->default_content);
	decision->reason = !slot->exists ? "ERROR" : !slot->enabled ? "DISABLED" : "DEFAULT";
}

/* The expression that calls the function knows its type; only without one the catalog has to be asked. */
static Oid
result_type(FunctionCallInfo fcinfo)
{
	Oid			type = get_fn_expr_rettype(fcinfo->flinfo);

	return OidIsValid(type) ? type : get_func_rettype(fcinfo->flinfo->fn_oid);
}

static Datum
text_or_null(const char *text, bool *isnull)
{
	*isnull = text == NULL;
	return text ? CStringGetTextDatum(text) : (Datum) 0;
}

/* Turns a decision into the row that the function called returns. */
Datum
decision_datum(FunctionCallInfo fcinfo, const Decision *decision)
{
	TupleDesc	descriptor = lookup_rowtype_tupdesc(result_type(fcinfo), -1);
	Datum		values[DECISION_COLUMNS];
	bool		nulls[DECISION_COLUMNS];
	HeapTuple	row;

	if (descriptor->natts != DECISION_COLUMNS)
		elog(ERROR, "mhub.decision has %d columns instead of %d", descriptor->natts, DECISION_COLUMNS);
	values[0] = text_or_null(decision->content_key, &nulls[0]);
	nulls[1] = decision->payload == NULL;
	values[1] = nulls[1] ? (Datum) 0 : JsonbPGetDatum(decision->payload);
	values[2] = text_or_null(decision->variant, &nulls[2]);
	values[3] = text_or_null(decision->rule_key, &nulls[3]);
	values[4] = text_or_null(decision->reason, &nulls[4]);
	row = heap_form_tuple(descriptor, values, nulls);
	ReleaseTupleDesc(descriptor);
	return HeapTupleGetDatum(row);
}

Datum
mhub_decide(PG_FUNCTION_ARGS)
{
	text	   *name = PG_GETARG_TEXT_PP(0);
	Jsonb	   *profile = PG_GETARG_JSONB_P(1);
	Slot	   *slot = slot_get(VARDATA_ANY(name), VARSIZE_ANY_EXHDR(name));
	Decision	decision;

	ruleset_open(&slot->set, profile, PG_GETARG_TIMESTAMPTZ(2));
	slot_decide(slot, NULL, &decision);
	PG_RETURN_DATUM(decision_datum(fcinfo, &decision));
}

/*
 * slot_decide.c
 *	  What a slot shows to a profile; nothing is written here.
 */
#include "mhub.h"

#include "content/slot.h"

#include "access/htup_details.h"
#include "catalog/pg_type.h"
#include "common/error_caught.h"
#include "funcapi.h"
#include "utils/builtins.h"
#include "utils/memutils.h"
#include "utils/timestamp.h"

PG_FUNCTION_INFO_V1(mhub_decide);

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

static Datum
text_or_null(const char *text, bool *isnull)
{
	*isnull = text == NULL;
	return text ? CStringGetTextDatum(text) : (Datum) 0;
}

/*
 * The result's row type.  Made here once: to ask the catalog at each call
 * would cost as much as to decide.
 */
static TupleDesc
decision_type(void)
{
	static TupleDesc type = NULL;

	if (type == NULL)
	{
		MemoryContext before = MemoryContextSwitchTo(TopMemoryContext);
		TupleDesc	made = CreateTemplateTupleDesc(5);

		TupleDescInitEntry(made, 1, "content_key", TEXTOID, -1, 0);
		TupleDescInitEntry(made, 2, "payload", JSONBOID, -1, 0);
		TupleDescInitEntry(made, 3, "variant", TEXTOID, -1, 0);
		TupleDescInitEntry(made, 4, "rule_key", TEXTOID, -1, 0);
		TupleDescInitEntry(made, 5, "reason", TEXTOID, -1, 0);
		type = BlessTupleDesc(made);
		MemoryContextSwitchTo(before);
	}
	return type;
}

Datum
decision_datum(const Decision *decision)
{
	Datum		values[5];
	bool		nulls[5];

	values[0] = text_or_null(decision->content_key, &nulls[0]);
	nulls[1] = decision->payload == NULL;
	values[1] = nulls[1] ? (Datum) 0 : JsonbPGetDatum(decision->payload);
	values[2] = text_or_null(decision->variant, &nulls[2]);
	values[3] = text_or_null(decision->rule_key, &nulls[3]);
	values[4] = text_or_null(decision->reason, &nulls[4]);
	return HeapTupleGetDatum(heap_form_tuple(decision_type(), values, nulls));
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
	PG_RETURN_DATUM(decision_datum(&decision));
}

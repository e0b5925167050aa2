/*
 * predicate.c
 *	  Conditions inside a workflow.
 */
#include "workflow/predicate.h"

#include "condition/profile.h"
#include "condition/value.h"
#include "utils/memutils.h"

#define CONTEXT_KEY "$context"

static bool
segment_is(const CondSegment *segment, const char *name)
{
	return segment->length == (int) strlen(name) && memcmp(segment->name, name, segment->length) == 0;
}

static int
needs_of_path(const CondPath *path)
{
	if (path == NULL || path->nsegments == 0 || segment_is(&path->segments[0], CONTEXT_KEY))
		return 0;
	return path->segments[0].name[0] == '$' ? WF_NEEDS_PROFILE : WF_NEEDS_TRAITS;
}

static int
needs_of(const CondNode *node)
{
	int			needs = needs_of_path(node->path) | needs_of_path(node->other);

	if (node->kind == COND_DID || node->kind == COND_SEGMENT || node->event_path != NULL)
		needs |= WF_NEEDS_PROFILE;
	for (int i = 0; i < node->nchildren; i++)
		needs |= needs_of(node->children[i]);
	return needs;
}

static CondNode *
parse(const JsonbValue *value, CondError *error)
{
	StringInfoData json;

	if (value->type == jbvString)
		return condition_parse_text(value->val.string.val, value->val.string.len, error);
	if (value->type != jbvBinary || !JsonContainerIsObject(value->val.binary.data))
	{
		error->message = "a condition is a text or an object";
		return NULL;
	}
	initStringInfo(&json);
	(void) JsonbToCString(&json, value->val.binary.data, value->val.binary.len);
	return condition_parse_json(json.data, json.len, error);
}

/* NULL, and what is wrong, for what is no condition.  Without attributes it can only be evaluated on its own. */
WfPredicate *
wf_predicate_read(const JsonbValue *value, MhubAttributes *attributes, char **problem)
{
	CondError	error = {0};
	CondNode   *root = parse(value, &error);
	StringInfoData text;
	WfPredicate *predicate;
	char	  **item_events = NULL;
	int			nitem_events = 0;

	if (root == NULL)
	{
		*problem = error.hint == NULL ? pstrdup(error.message) : psprintf("%s (%s)", error.message, error.hint);
		return NULL;
	}
	predicate = palloc(sizeof(WfPredicate));
	predicate->needs = needs_of(root);
	condition_item_events(root, &item_events, &nitem_events);
	predicate->needs_items = nitem_events > 0;
	initStringInfo(&text);
	condition_print(&text, root);
	predicate->text = text.data;
	predicate->condition = mhub_condition_compile(text.data, text.len, attributes);
	return predicate;
}

WfFacts *
wf_facts_create(MhubAttributes *attributes)
{
	WfFacts    *facts = palloc0(sizeof(WfFacts));

	facts->attributes = attributes;
	facts->context = palloc(Max(attributes->count, 1) * sizeof(int));
	for (int i = 0; i < attributes->count; i++)
		if (segment_is(&attributes->paths[i]->segments[0], CONTEXT_KEY))
			facts->context[facts->ncontext++] = i;
	mhub_profile_init(&facts->profile, attributes);
	return facts;
}

/*
 * The context is not part of the profile's jsonb; writing both into one for
 * each enrollment would cost more than all conditions.  So the attributes
 * below $context are decoded here, where the profile will look for them.
 */
void
wf_facts_open(WfFacts *facts, Jsonb *profile, Jsonb *context, TimestampTz at)
{
	mhub_profile_open(&facts->profile, profile, at);
	if (context == NULL)
		return;
	for (int i = 0; i < facts->ncontext; i++)
	{
		int			attribute = facts->context[i];
		const CondPath *path = facts->attributes->paths[attribute];
		CondValue  *value = &facts->profile.values[attribute];
		CondValue	inner = {.type = COND_VALUE_OBJECT, .container = &context->root};

		for (int segment = 1; segment < path->nsegments; segment++)
		{
			CondValue	from = inner;

			condition_step(&from, &path->segments[segment], &inner);
		}
		*value = inner;
		facts->profile.stamps[attribute] = facts->profile.stamp;
	}
}

bool
wf_predicate_holds(const WfPredicate *predicate, WfFacts *facts)
{
	return predicate == NULL || mhub_condition_eval(predicate->condition, &facts->profile) == MHUB_TRUE;
}

/*
 * explain.c
 *	  Why a condition matched or did not: every node with its outcome, and
 *	  for predicates the value found.
 */
#include "condition/explain.h"

#include "catalog/pg_type.h"
#include "condition/json_member.h"
#include "condition/value.h"
#include "lib/stringinfo.h"
#include "utils/datetime.h"
#include "utils/json.h"
#include "utils/timestamp.h"

void
condition_to_jsonb(const CondValue *value, JsonbValue *jsonb)
{
	switch (value->type)
	{
		case COND_VALUE_MISSING:
		case COND_VALUE_NULL:
			jsonb->type = jbvNull;
			break;
		case COND_VALUE_BOOL:
			jsonb->type = jbvBool;
			jsonb->val.boolean = value->boolean;
			break;
		case COND_VALUE_NUMBER:
			jsonb->type = jbvNumeric;
			jsonb->val.numeric = value->numeric;
			break;
		case COND_VALUE_STRING:
			jsonb->type = jbvString;
			jsonb->val.string.val = unconstify(char *, value->string);
			jsonb->val.string.len = value->length;
			break;
		case COND_VALUE_ARRAY:
		case COND_VALUE_OBJECT:
			jsonb->type = jbvBinary;
			jsonb->val.binary.data = value->container;
			jsonb->val.binary.len = value->length;
			break;
	}
}

static void
set_actual(CondExplained *line, const CondValue *value)
{
	line->has_actual = value->type != COND_VALUE_MISSING;
	if (line->has_actual)
		condition_to_jsonb(value, &line->actual);
}

/* "age missing", "age is a string" */
static const char *
describe(const CondPath *path, const CondValue *value)
{
	StringInfoData text;

	initStringInfo(&text);
	condition_print_path(&text, path);
	if (value->type == COND_VALUE_MISSING)
		appendStringInfoString(&text, " missing");
	else
		appendStringInfo(&text, " is %s", condition_type_name(value->type));
	return text.data;
}

/* Which of the two sides of a comparison makes it unknown. */
static const char *
why_compare_unknown(const CondNode *node, CondScope *scope, const CondValue *value)
{
	CondValue	scratch;
	CondValue  *other;

	if (node->other == NULL || value->type <= COND_VALUE_NULL)
		return describe(node->path, value);
	other = condition_get(scope, node->other, &scratch);
	if (other->type <= COND_VALUE_NULL)
		return describe(node->other, other);
	return psprintf("%s, %s", describe(node->path, value), describe(node->other, other));
}

static const char *
why_unknown(const CondNode *node, CondScope *scope, const CondValue *value)
{
	switch (node->kind)
	{
		case COND_VERSION:
			if (value->type == COND_VALUE_STRING)
				return psprintf("%s, not a version", describe(node->path, value));
			break;
		case COND_NETWORK:
			if (value->type == COND_VALUE_STRING)
				return psprintf("%s, not an address", describe(node->path, value));
			break;
		case COND_TIME:
			if (value->type == COND_VALUE_STRING)
				return psprintf("%s, not an ISO 8601 time", describe(node->path, value));
			break;
		case COND_COMPARE:
			return why_compare_unknown(node, scope, value);
		default:
			break;
	}
	return describe(node->path, value);
}

/* last(...) and first(...) with a "where" */
static void
explain_item_time(const CondNode *node, CondScope *scope, CondExplained *line)
{
	char		text[MAXDATELEN + 1];
	TimestampTz at;

	if (condition_event_time(node, scope, &at))
	{
		JsonEncodeDateTime(text, TimestampTzGetDatum(at), TIMESTAMPTZOID, NULL);
		line->has_actual = true;
		line->actual = json_string(pstrdup(text), strlen(text));
	}
	else
		line->reason = psprintf("no '%s' that this asks for is in the profile", node->event);
}

static void
explain_event(const CondNode *node, CondScope *scope, CondExplained *line)
{
	CondScope	profile = {scope->profile, NULL};
	CondSegment member = {node->subject == SUBJECT_LAST ? "last_at" : "first_at", 0, -1};
	CondValue	scratch;
	CondValue	at;
	int64		count;

	if (node->kind == COND_DID)
	{
		if (condition_count_events(node, scope, &count))
		{
			line->has_actual = true;
			line->actual.type = jbvNumeric;
			line->actual.val.numeric = int64_to_numeric(count);
		}
		else
			line->reason = psprintf("the profile does not hold the events '%s' that this asks for", node->event);
		return;
	}
	if (node->nchildren > 0)
	{
		explain_item_time(node, scope, line);
		return;
	}
	member.length = strlen(member.name);
	condition_step(condition_get(&profile, node->event_path, &scratch), &member, &at);
	set_actual(line, &at);
	if (line->outcome == MHUB_UNKNOWN)
		line->reason = psprintf("'%s' never happened", node->event);
}

static void
explain_segment(const CondNode *node, CondScope *scope, CondExplained *line)
{
	CondValue	scratch;
	CondValue  *segments = condition_get(scope, node->event_path, &scratch);

	set_actual(line, segments);
	if (line->outcome == MHUB_UNKNOWN)
		line->reason = describe(node->event_path, segments);
}

static void
explain_value(const CondNode *node, CondScope *scope, CondExplained *line)
{
	CondValue	scratch;
	CondValue  *value = condition_get(scope, node->path, &scratch);

	set_actual(line, value);
	if (line->outcome == MHUB_UNKNOWN)
		line->reason = why_unknown(node, scope, value);
}

static bool
is_joining(CondKind kind)
{
	return kind == COND_AND || kind == COND_OR || kind == COND_NOT || kind == COND_UNLESS;
}

static void
explain_node(const CondNode *node, CondScope *scope, int depth, CondExplainSink sink, void *arg)
{
	CondExplained line = {.node = node, .depth = depth};

	line.outcome = condition_eval(node, scope);
	if (node->kind == COND_NOT && node->children[0]->kind == COND_DID)
		explain_event(node->children[0], scope, &line);
	else if (node->kind == COND_DID || node->subject != SUBJECT_PATH)
		explain_event(node, scope, &line);
	else if (node->kind == COND_SEGMENT)
		explain_segment(node, scope, &line);
	else if (!is_joining(node->kind) && node->kind != COND_CONSTANT)
		explain_value(node, scope, &line);
	sink(arg, &line);
	if (!is_joining(node->kind))
		return;
	for (int i = 0; i < node->nchildren; i++)
		explain_node(node->children[i], scope, depth + 1, sink, arg);
}

/* Tells the sink about every connective and predicate, outer ones first. */
void
condition_explain(const CondNode *node, MhubProfile *profile, CondExplainSink sink, void *arg)
{
	CondScope	scope = {profile, NULL};

	explain_node(node, &scope, 0, sink, arg);
}

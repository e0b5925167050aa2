/*
 * eval.c
 *	  Evaluation in Kleene's three-valued logic.
 *
 * A predicate about a value that is missing, null or of another type is
 * unknown.  Only what asks for that (exists, is missing, is null), what is
 * weak on purpose (is not, is not in, unless) and what counts events turns it
 * into true or false.
 */
#include "condition/eval.h"

#include "condition/fold.h"
#include "condition/network.h"
#include "condition/pattern.h"
#include "condition/value.h"
#include "condition/version.h"
#include "condition/when.h"
#include "miscadmin.h"

static inline MhubTruth
truth(bool value)
{
	return value ? MHUB_TRUE : MHUB_FALSE;
}

/* The value that a path leads to from the scope. */
CondValue *
condition_get(CondScope *scope, const CondPath *path, CondValue *scratch)
{
	CondValue	from;

	if (scope->element == NULL)
		return mhub_profile_value(scope->profile, path, scratch);
	if (path->nsegments == 0)
		return scope->element;
	from = *scope->element;
	for (int i = 0; i < path->nsegments; i++)
	{
		condition_step(&from, &path->segments[i], scratch);
		from = *scratch;
	}
	return scratch;
}

static MhubTruth
by_order(CondOp op, int order)
{
	if (order == COND_INCOMPARABLE)
		return MHUB_UNKNOWN;
	switch (op)
	{
		case OP_EQ:
			return truth(order == 0);
		case OP_NE:
			return truth(order != 0);
		case OP_LT:
			return truth(order < 0);
		case OP_LE:
			return truth(order <= 0);
		case OP_GT:
			return truth(order > 0);
		case OP_GE:
			return truth(order >= 0);
		default:
			elog(ERROR, "unexpected comparison %d", (int) op);
	}
}

static MhubTruth
eval_compare(const CondNode *node, CondScope *scope)
{
	CondValue	scratch;
	CondValue	other_scratch;
	CondValue  *value = condition_get(scope, node->path, &scratch);
	const CondValue *other = node->other ? condition_get(scope, node->other, &other_scratch) : &node->values[0];
	MhubTruth	result;

	/* false and true have no order: another attribute may bring what the parser refuses */
	if (value->type == COND_VALUE_BOOL && node->op != OP_EQ && node->op != OP_NE)
		return MHUB_UNKNOWN;
	result = by_order(node->op, condition_compare(value, other, node->fold));
	return node->weak && result == MHUB_UNKNOWN ? MHUB_TRUE : result;
}

static bool
is_comparable(const CondNode *node, const CondValue *value)
{
	if (value->type != COND_VALUE_BOOL && value->type != COND_VALUE_NUMBER && value->type != COND_VALUE_STRING)
		return false;
	for (int i = 0; i < node->nvalues; i++)
	{
		if (node->values[i].type == value->type)
			return true;
	}
	return false;
}

static MhubTruth
eval_in(const CondNode *node, CondScope *scope)
{
	CondValue	scratch;
	CondValue  *value = condition_get(scope, node->path, &scratch);

	if (!is_comparable(node, value))
		return node->weak ? MHUB_TRUE : MHUB_UNKNOWN;
	return truth(condition_find_value(node, value) != node->negated);
}

static MhubTruth
eval_between(const CondNode *node, CondScope *scope)
{
	CondValue	scratch;
	CondValue  *value = condition_get(scope, node->path, &scratch);
	int			low = condition_compare(value, &node->values[0], node->fold);

	if (low == COND_INCOMPARABLE)
		return MHUB_UNKNOWN;
	return truth(low >= 0 && condition_compare(value, &node->values[1], node->fold) <= 0);
}

static bool
has_element(const CondValue *array, const CondValue *wanted, bool fold)
{
	for (int i = 0; i < array->nelements; i++)
	{
		if (condition_same(&array->elements[i], wanted, fold))
			return true;
	}
	return false;
}

static MhubTruth
eval_has(const CondNode *node, CondScope *scope)
{
	CondValue	scratch;
	CondValue  *array = condition_get(scope, node->path, &scratch);
	int			found = 0;

	if (array->type != COND_VALUE_ARRAY)
		return MHUB_UNKNOWN;
	condition_elements(array);
	for (int i = 0; i < node->nvalues; i++)
		found += has_element(array, &node->values[i], node->fold);
	if (node->op == OP_HAS_ALL)
		return truth(found == node->nvalues);
	return truth((found > 0) != (node->op == OP_HAS_NONE));
}

static bool
contains(const char *text, int length, const char *part, int part_length)
{
	for (int i = 0; i + part_length <= length; i++)
	{
		if (memcmp(text + i, part, part_length) == 0)
			return true;
	}
	return false;
}

static MhubTruth
eval_affix(const CondNode *node, CondScope *scope)
{
	CondValue	scratch;
	CondValue  *value = condition_get(scope, node->path, &scratch);
	const CondValue *part = &node->values[0];
	const char *text = value->string;
	int			length = value->length;
	const char *wanted = node->fold ? part->folded : part->string;
	int			wanted_length = node->fold ? part->folded_length : part->length;

	if (value->type != COND_VALUE_STRING)
		return MHUB_UNKNOWN;
	if (node->fold)
		text = condition_fold(value->string, value->length, &length);
	if (node->op == OP_CONTAINS)
		return truth(contains(text, length, wanted, wanted_length));
	if (wanted_length > length)
		return MHUB_FALSE;
	if (node->op == OP_ENDS)
		text += length - wanted_length;
	return truth(memcmp(text, wanted, wanted_length) == 0);
}

static MhubTruth
eval_regex(const CondNode *node, CondScope *scope)
{
	CondValue	scratch;
	CondValue  *value = condition_get(scope, node->path, &scratch);

	if (value->type != COND_VALUE_STRING)
		return MHUB_UNKNOWN;
	if (node->regex == NULL)
		unconstify(CondNode *, node)->regex =
			condition_compile_pattern(node->values[0].string, node->values[0].length, node->context);
	return truth(condition_match_pattern(node->regex, value->string, value->length));
}

static MhubTruth
eval_version(const CondNode *node, CondScope *scope)
{
	CondValue	scratch;
	CondValue  *value = condition_get(scope, node->path, &scratch);
	int			order;

	if (value->type != COND_VALUE_STRING || !condition_is_version(value->string, value->length))
		return MHUB_UNKNOWN;
	order = condition_compare_versions(value->string, value->length, node->values[0].string, node->values[0].length);
	return by_order(node->op, (order > 0) - (order < 0));
}

static MhubTruth
eval_network(const CondNode *node, CondScope *scope)
{
	CondValue	scratch;
	CondValue  *value = condition_get(scope, node->path, &scratch);
	CondNetwork address;

	if (value->type != COND_VALUE_STRING || !condition_read_address(value->string, value->length, &address))
		return MHUB_UNKNOWN;
	for (int i = 0; i < node->nnetworks; i++)
	{
		if (condition_in_network(&address, &node->networks[i]))
			return MHUB_TRUE;
	}
	return MHUB_FALSE;
}

/* The instant that a time predicate is about; false when there is none. */
bool
condition_subject_instant(const CondNode *node, CondScope *scope, TimestampTz *instant)
{
	CondValue	scratch;
	CondValue  *value;

	if (node->subject != SUBJECT_PATH)
		return condition_event_time(node, scope, instant);
	value = condition_get(scope, node->path, &scratch);
	return value->type == COND_VALUE_STRING && condition_instant(value->string, value->length, instant);
}

static MhubTruth
eval_time(const CondNode *node, CondScope *scope)
{
	TimestampTz now = scope->profile->at;
	TimestampTz instant;

	if (!condition_subject_instant(node, scope, &instant))
		return MHUB_UNKNOWN;
	switch (node->op)
	{
		case OP_BEFORE:
			return truth(instant < condition_moment(&node->moment, now));
		case OP_AFTER:
			return truth(instant > condition_moment(&node->moment, now));
		case OP_WITHIN:
			return truth(instant <= now && instant >= condition_shift(now, &node->span, true));
		case OP_WITHIN_NEXT:
			return truth(instant >= now && instant <= condition_shift(now, &node->span, false));
		case OP_OLDER:
			return truth(instant < condition_shift(now, &node->span, true));
		default:
			elog(ERROR, "unexpected time predicate %d", (int) node->op);
	}
}

static MhubTruth
eval_live_segment(const CondNode *node, const MhubProfile *profile)
{
	for (int i = 0; i < profile->nlive_segments; i++)
	{
		if (strcmp(profile->live_segments[i], node->event) == 0)
			return MHUB_TRUE;
	}
	return MHUB_FALSE;
}

static MhubTruth
eval_segment(const CondNode *node, CondScope *scope)
{
	CondScope	profile = {scope->profile, NULL};
	CondValue	scratch;
	CondValue  *segments = condition_get(&profile, node->event_path, &scratch);
	CondValue	key = {.type = COND_VALUE_STRING, .string = node->event, .length = node->event_length};

	if (scope->profile->live_segments != NULL)
		return eval_live_segment(node, scope->profile);
	if (segments->type != COND_VALUE_ARRAY)
		return MHUB_UNKNOWN;
	condition_elements(segments);
	return truth(has_element(segments, &key, false));
}

static MhubTruth
eval_did(const CondNode *node, CondScope *scope)
{
	int64		count;

	if (!condition_count_events(node, scope, &count))
		return MHUB_UNKNOWN;
	return truth(count >= node->at_least && (node->at_most < 0 || count <= node->at_most));
}

/* An array has an element for which the inner condition is true. */
static MhubTruth
eval_any(const CondNode *node, CondScope *scope)
{
	CondValue	scratch;
	CondValue  *array = condition_get(scope, node->path, &scratch);
	MhubTruth	result = MHUB_FALSE;

	if (array->type != COND_VALUE_ARRAY)
		return MHUB_UNKNOWN;
	condition_elements(array);
	for (int i = 0; i < array->nelements; i++)
	{
		CondScope	inner = {scope->profile, &array->elements[i]};
		MhubTruth	one = condition_eval(node->children[0], &inner);

		CHECK_FOR_INTERRUPTS();
		if (one == MHUB_TRUE)
			return MHUB_TRUE;
		if (one == MHUB_UNKNOWN)
			result = MHUB_UNKNOWN;
	}
	return result;
}

/* AND: false decides; OR: true decides; else unknown if any is. */
static MhubTruth
eval_joined(const CondNode *node, CondScope *scope, MhubTruth decides)
{
	MhubTruth	result = decides == MHUB_FALSE ? MHUB_TRUE : MHUB_FALSE;

	for (int i = 0; i < node->nchildren; i++)
	{
		MhubTruth	one = condition_eval(node->children[i], scope);

		if (one == decides)
			return decides;
		if (one == MHUB_UNKNOWN)
			result = MHUB_UNKNOWN;
	}
	return result;
}

MhubTruth
condition_eval(const CondNode *node, CondScope *scope)
{
	CondValue	scratch;
	CondType	type;
	MhubTruth	inner;

	switch (node->kind)
	{
		case COND_CONSTANT:
			return truth(node->truth);
		case COND_AND:
			return eval_joined(node, scope, MHUB_FALSE);
		case COND_OR:
			return eval_joined(node, scope, MHUB_TRUE);
		case COND_NOT:
			inner = condition_eval(node->children[0], scope);
			return inner == MHUB_UNKNOWN ? MHUB_UNKNOWN : truth(inner == MHUB_FALSE);
		case COND_UNLESS:
			return truth(condition_eval(node->children[0], scope) != MHUB_TRUE);
		case COND_COMPARE:
			return eval_compare(node, scope);
		case COND_IN:
			return eval_in(node, scope);
		case COND_BETWEEN:
			return eval_between(node, scope);
		case COND_HAS:
			return eval_has(node, scope);
		case COND_EXISTS:
		case COND_MISSING:
			type = condition_get(scope, node->path, &scratch)->type;
			return truth((type <= COND_VALUE_NULL) == (node->kind == COND_MISSING));
		case COND_IS_NULL:
			return truth(condition_get(scope, node->path, &scratch)->type == COND_VALUE_NULL);
		case COND_AFFIX:
			return eval_affix(node, scope);
		case COND_REGEX:
			return eval_regex(node, scope);
		case COND_VERSION:
			return eval_version(node, scope);
		case COND_TIME:
			return eval_time(node, scope);
		case COND_NETWORK:
			return eval_network(node, scope);
		case COND_SEGMENT:
			return eval_segment(node, scope);
		case COND_DID:
			return eval_did(node, scope);
		case COND_ANY:
			return eval_any(node, scope);
	}
	elog(ERROR, "unexpected condition node %d", (int) node->kind);
}

MhubTruth
mhub_condition_eval(const MhubCondition *condition, MhubProfile *profile)
{
	CondScope	scope = {profile, NULL};

	return condition_eval(condition->root, &scope);
}

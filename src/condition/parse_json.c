/*
 * parse_json.c
 *	  MongoDB's notation of conditions.
 *
 * The operators about one attribute are listed in names.c.
 */
#include "condition/ast.h"

#include "condition/json_reader.h"
#include "condition/names.h"
#include "condition/when.h"

typedef struct Parser
{
	int			depth;
	CondError  *error;
} Parser;

static CondNode *parse_condition(Parser *parser, const JsonNode *json);
static CondNode *parse_field(Parser *parser, const CondPath *path, const JsonNode *json);

static void *
fail(Parser *parser, const JsonNode *json, const char *message)
{
	if (parser->error->message == NULL)
	{
		parser->error->message = message;
		parser->error->offset = json->offset;
	}
	return NULL;
}

static bool
add_literal(Parser *parser, CondNode *node, const JsonNode *json)
{
	CondValue	value = {.type = COND_VALUE_BOOL, .boolean = json->truth};

	if (json->kind == JSON_KIND_STRING)
		value = condition_string_value(json->text, json->length);
	else if (json->kind == JSON_KIND_NUMBER)
	{
		if (!condition_number_value(json->text, json->length, &value))
			return fail(parser, json, "expected a number between 1e-300 and 1e308 in size") != NULL;
	}
	else if (json->kind != JSON_KIND_BOOL)
		return fail(parser, json, "expected a string, a number, true or false") != NULL;
	condition_add_value(node, &value);
	return true;
}

static bool
read_span(Parser *parser, const JsonNode *json, const char *text, int length, CondSpan *span)
{
	if (json->kind == JSON_KIND_STRING && condition_read_span(text, length, span))
		return true;
	return fail(parser, json, "expected a length of time such as \"30 days\"") != NULL;
}

/* "2026-01-31T09:00:00Z", or {"$now": "-3 days"} */
static bool
read_moment(Parser *parser, const JsonNode *json, CondMoment *moment)
{
	const JsonNode *shift = json->kind == JSON_KIND_OBJECT && json->nchildren == 1 ? json_member(json, "$now") : NULL;

	if (shift != NULL)
	{
		bool		is_signed = shift->kind == JSON_KIND_STRING && shift->length > 0 && strchr("+-", *shift->text) != NULL;

		if (!is_signed)
			return fail(parser, shift, "expected a shift such as \"-3 days\" or \"+12 hours\"") != NULL;
		moment->relative = true;
		moment->minus = *shift->text == '-';
		return read_span(parser, shift, shift->text + 1, shift->length - 1, &moment->span);
	}
	if (json->kind != JSON_KIND_STRING ||
		!condition_read_time(json->text, json->length, &moment->usecs, &moment->has_zone))
		return fail(parser, json, "expected a time such as \"2026-01-31T09:00:00Z\" or {\"$now\": \"-3 days\"}") != NULL;
	moment->text = pnstrdup(json->text, json->length);
	return true;
}

/* A literal; null where "equal to null" has a meaning; {"$path": "other"} for another attribute. */
static bool
read_scalar(Parser *parser, CondNode *node, const JsonNode *json)
{
	const JsonNode *other = json->kind == JSON_KIND_OBJECT && json->nchildren == 1 ? json_member(json, "$path") : NULL;

	if (json->kind == JSON_KIND_NULL && node->kind == COND_COMPARE && (node->op == OP_EQ || node->weak))
	{
		node->kind = node->op == OP_EQ ? COND_MISSING : COND_EXISTS;
		node->op = OP_NONE;
		node->weak = false;
		return true;
	}
	if (other != NULL && node->kind == COND_COMPARE)
	{
		node->other = other->kind == JSON_KIND_STRING ? condition_path_from_key(other->text, other->length) : NULL;
		return node->other != NULL || fail(parser, other, "expected the path of an attribute") != NULL;
	}
	return add_literal(parser, node, json);
}

static bool
read_list(Parser *parser, CondNode *node, const JsonNode *json)
{
	int			wanted = node->kind == COND_BETWEEN ? 2 : 0;

	if (json->kind != JSON_KIND_ARRAY)
		return fail(parser, json, "expected an array") != NULL;
	if (json->nchildren == 0 || (wanted != 0 && json->nchildren != wanted))
		return fail(parser, json, wanted ? "expected an array of two limits" : "expected an array that is not empty") != NULL;
	for (int i = 0; i < json->nchildren; i++)
	{
		if (!add_literal(parser, node, json->children[i]))
			return false;
	}
	return true;
}

static bool
read_flag(Parser *parser, CondNode *node, const JsonNode *json)
{
	if (json->kind != JSON_KIND_BOOL)
		return fail(parser, json, "expected true or false") != NULL;
	if (json->truth)
		return true;
	if (node->kind == COND_IS_NULL)
		return fail(parser, json, "expected true") != NULL;
	node->kind = node->kind == COND_EXISTS ? COND_MISSING : COND_EXISTS;
	return true;
}

static bool
read_operand(Parser *parser, CondNode *node, const JsonNode *json, CondOperand operand)
{
	switch (operand)
	{
		case OPERAND_SCALAR:
			return read_scalar(parser, node, json);
		case OPERAND_STRINGS:
			if (json->kind == JSON_KIND_ARRAY)
				return read_list(parser, node, json);
			/* FALLTHROUGH */
		case OPERAND_STRING:
			if (json->kind != JSON_KIND_STRING)
				return fail(parser, json, "expected a string") != NULL;
			return add_literal(parser, node, json);
		case OPERAND_LIST:
			return read_list(parser, node, json);
		case OPERAND_FLAG:
			return read_flag(parser, node, json);
		case OPERAND_MOMENT:
			return read_moment(parser, json, &node->moment);
		case OPERAND_SPAN:
			return read_span(parser, json, json->text, json->length, &node->span);
	}
	return false;
}

/* {"$op": operand} about a subject that node already has */
static CondNode *
parse_operator(Parser *parser, CondNode *node, const JsonNode *key, const JsonNode *operand, bool fold)
{
	const CondOperatorName *name = condition_json_operator(key->text, key->length);
	const char *problem;

	if (name == NULL)
	{
		parser->error->hint = "Operators are $eq, $ne, $neKnown, $lt, $lte, $gt, $gte, $in, $nin, $ninKnown, $between, $has, "
			"$hasAny, $hasAll, $hasNone, $elemMatch, $exists, $missing, $isNull, $startsWith, $endsWith, $contains, $regex, "
			"$veq ... $vgte, $before, $after, $within, $withinNext, $olderThan, $inNetwork, $not.";
		return fail(parser, key, psprintf("unknown operator \"%s\"", key->text));
	}
	if (node->subject != SUBJECT_PATH && name->kind != COND_TIME)
		return fail(parser, key, "expected $before, $after, $within or $olderThan");
	node->kind = name->kind;
	node->op = name->op;
	node->weak = name->weak;
	node->negated = name->negated;
	node->fold = fold;
	if (!read_operand(parser, node, operand, name->operand))
		return NULL;
	problem = condition_complete(node);
	return problem ? fail(parser, operand, problem) : node;
}

/* $elemMatch: a single $eq or $in of scalars is "has", all else a condition about the element. */
static CondNode *
parse_elements(Parser *parser, const CondPath *path, const JsonNode *json)
{
	CondNode   *node;
	CondNode   *inner;
	CondPath   *element = condition_path_from_segments(NULL, 0);
	bool		operators = json->kind == JSON_KIND_OBJECT && json->nchildren > 0 &&
		(condition_json_operator(json->keys[0]->text, json->keys[0]->length) != NULL);

	if (json->kind != JSON_KIND_OBJECT)
		return fail(parser, json, "expected an object");
	inner = operators ? parse_field(parser, element, json) : parse_condition(parser, json);
	if (inner == NULL)
		return NULL;
	if (operators && json->nchildren == 1 && !inner->negated && inner->other == NULL && !inner->fold &&
		((inner->kind == COND_COMPARE && inner->op == OP_EQ) || inner->kind == COND_IN))
	{
		inner->op = inner->kind == COND_IN ? OP_HAS_ANY : OP_HAS;
		inner->kind = COND_HAS;
		inner->sorted = false;
		inner->path = unconstify(CondPath *, path);
		return inner;
	}
	node = condition_wrap(COND_ANY, inner);
	node->path = unconstify(CondPath *, path);
	return node;
}

static CondNode *
parse_member(Parser *parser, const CondPath *path, const JsonNode *key, const JsonNode *operand, bool fold)
{
	CondNode   *node;

	if (strcmp(key->text, "$not") == 0)
	{
		node = parse_field(parser, path, operand);
		return node ? condition_wrap(COND_UNLESS, node) : NULL;
	}
	if (strcmp(key->text, "$elemMatch") == 0)
		return parse_elements(parser, path, operand);
	node = condition_node(COND_COMPARE);
	node->path = unconstify(CondPath *, path);
	return parse_operator(parser, node, key, operand, fold);
}

/* What is said about one attribute: a value it equals, or an object of operators, all of which must hold. */
static CondNode *
parse_operators(Parser *parser, const CondPath *path, const JsonNode *json)
{
	const JsonNode *fold = json_member(json, "$fold");
	CondNode   *all = NULL;

	if (fold != NULL && fold->kind != JSON_KIND_BOOL)
		return fail(parser, fold, "expected true or false");
	for (int i = 0; i < json->nchildren; i++)
	{
		CondNode   *node;

		if (json->children[i] == fold)
			continue;
		node = parse_member(parser, path, json->keys[i], json->children[i], fold != NULL && fold->truth);
		if (node == NULL)
			return NULL;
		all = condition_join(COND_AND, all, node);
	}
	return all ? all : fail(parser, json, "expected an operator such as $eq");
}

static CondNode *
parse_field(Parser *parser, const CondPath *path, const JsonNode *json)
{
	CondNode   *node;

	if (++parser->depth > CONDITION_MAX_DEPTH)
		return fail(parser, json, "expected at most 64 levels of nesting");
	if (json->kind == JSON_KIND_OBJECT && !json_member(json, "$path"))
		node = parse_operators(parser, path, json);
	else if (json->kind == JSON_KIND_ARRAY)
		node = fail(parser, json, "an attribute is not compared with an array; use $hasAll, $hasAny or $in");
	else
	{
		node = condition_node(COND_COMPARE);
		node->op = OP_EQ;
		node->path = unconstify(CondPath *, path);
		if (!read_scalar(parser, node, json))
			node = NULL;
	}
	parser->depth--;
	return node;
}

static CondNode *
parse_list(Parser *parser, const JsonNode *json, CondKind kind)
{
	CondNode   *all = NULL;

	if (json->kind != JSON_KIND_ARRAY || json->nchildren == 0)
		return fail(parser, json, "expected an array of conditions");
	for (int i = 0; i < json->nchildren; i++)
	{
		CondNode   *node = parse_condition(parser, json->children[i]);

		if (node == NULL)
			return NULL;
		all = condition_join(kind, all, node);
	}
	return all;
}

static bool
read_times(Parser *parser, const JsonNode *json, int64 *times)
{
	if (json->kind != JSON_KIND_NUMBER || json->length > 9 || strspn(json->text, "0123456789") < (size_t) json->length)
		return fail(parser, json, "expected a number of times") != NULL;
	*times = strtol(json->text, NULL, 10);
	return true;
}

static bool
read_where(Parser *parser, CondNode *node, const JsonNode *json)
{
	CondNode   *where = parse_condition(parser, json);

	if (where != NULL)
		condition_set_where(node, where);
	return where != NULL;
}

static bool
read_did_member(Parser *parser, CondNode *node, const JsonNode *key, const JsonNode *json)
{
	if (strcmp(key->text, "event") == 0)
		return true;
	if (strcmp(key->text, "atLeast") == 0)
		return read_times(parser, json, &node->at_least);
	if (strcmp(key->text, "atMost") == 0)
		return read_times(parser, json, &node->at_most);
	if (strcmp(key->text, "within") == 0)
	{
		node->has_span = true;
		return read_span(parser, json, json->text, json->length, &node->span);
	}
	if (strcmp(key->text, "where") == 0)
		return read_where(parser, node, json);
	return fail(parser, key, "expected event, atLeast, atMost, within or where") != NULL;
}

/* The name of the event of a $did, $last or $first. */
static bool
read_event(Parser *parser, CondNode *node, const JsonNode *json)
{
	const JsonNode *event = json->kind == JSON_KIND_OBJECT ? json_member(json, "event") : NULL;

	if (event == NULL || event->kind != JSON_KIND_STRING)
		return fail(parser, json, "expected an object with \"event\", the name of an event") != NULL;
	condition_set_event(node, event->text, event->length);
	return true;
}

static CondNode *
parse_did(Parser *parser, const JsonNode *json)
{
	CondNode   *node = condition_node(COND_DID);
	const char *problem;

	if (!read_event(parser, node, json))
		return NULL;
	if (json_member(json, "atMost") != NULL && json_member(json, "atLeast") == NULL)
		node->at_least = 0;
	for (int i = 0; i < json->nchildren; i++)
	{
		if (!read_did_member(parser, node, json->keys[i], json->children[i]))
			return NULL;
	}
	problem = condition_complete(node);
	return problem ? fail(parser, json, problem) : node;
}

/* A node about the time of the event of a $last or $first. */
static CondNode *
start_event_time(Parser *parser, const JsonNode *json, CondSubject subject)
{
	CondNode   *node = condition_node(COND_TIME);
	const JsonNode *where;

	node->subject = subject;
	if (!read_event(parser, node, json))
		return NULL;
	where = json_member(json, "where");
	return where == NULL || read_where(parser, node, where) ? node : NULL;
}

static CondNode *
parse_event_time(Parser *parser, const JsonNode *json, CondSubject subject)
{
	CondNode   *all = NULL;
	CondNode   *node = start_event_time(parser, json, subject);

	if (node == NULL)
		return NULL;
	for (int i = 0; i < json->nchildren; i++)
	{
		if (strcmp(json->keys[i]->text, "event") == 0 || strcmp(json->keys[i]->text, "where") == 0)
			continue;
		node = parse_operator(parser, start_event_time(parser, json, subject), json->keys[i], json->children[i], false);
		if (node == NULL)
			return NULL;
		all = condition_join(COND_AND, all, node);
	}
	return all ? all : fail(parser, json, "expected $before, $after, $within or $olderThan");
}

static CondNode *
parse_segment(Parser *parser, const JsonNode *json)
{
	CondNode   *node = condition_node(COND_SEGMENT);

	if (json->kind != JSON_KIND_STRING)
		return fail(parser, json, "expected the key of a segment");
	condition_set_event(node, json->text, json->length);
	return node;
}

static CondNode *
parse_wrapped(Parser *parser, const JsonNode *json, CondKind kind)
{
	CondNode   *node = parse_condition(parser, json);

	return node ? condition_wrap(kind, node) : NULL;
}

static CondNode *
parse_never(Parser *parser, const JsonNode *json)
{
	if (json->kind != JSON_KIND_BOOL || !json->truth)
		return fail(parser, json, "expected true");
	return condition_node(COND_CONSTANT);
}

static CondNode *
parse_attribute(Parser *parser, const JsonNode *key, const JsonNode *json)
{
	CondPath   *path = condition_path_from_key(key->text, key->length);

	if (path == NULL)
		return fail(parser, key, "expected the path of an attribute");
	if (*key->text == '$' && !condition_is_reserved(path->segments[0].name, path->segments[0].length))
		return fail(parser, key, psprintf("unknown operator \"%s\"", key->text));
	return parse_field(parser, path, json);
}

/* One member of a condition's object. */
static CondNode *
parse_entry(Parser *parser, const JsonNode *key, const JsonNode *json)
{
	const char *name = key->text;
	CondNode   *node;

	if (strcmp(name, "$and") == 0)
		return parse_list(parser, json, COND_AND);
	if (strcmp(name, "$or") == 0)
		return parse_list(parser, json, COND_OR);
	if (strcmp(name, "$nor") == 0)
	{
		node = parse_list(parser, json, COND_OR);
		return node ? condition_wrap(COND_UNLESS, node) : NULL;
	}
	if (strcmp(name, "$not") == 0)
		return parse_wrapped(parser, json, COND_UNLESS);
	if (strcmp(name, "$notKnown") == 0)
		return parse_wrapped(parser, json, COND_NOT);
	if (strcmp(name, "$never") == 0)
		return parse_never(parser, json);
	if (strcmp(name, "$segment") == 0)
		return parse_segment(parser, json);
	if (strcmp(name, "$did") == 0)
		return parse_did(parser, json);
	if (strcmp(name, "$last") == 0)
		return parse_event_time(parser, json, SUBJECT_LAST);
	if (strcmp(name, "$first") == 0)
		return parse_event_time(parser, json, SUBJECT_FIRST);
	return parse_attribute(parser, key, json);
}

/* An object, all of whose members must hold; {} always holds. */
static CondNode *
parse_condition(Parser *parser, const JsonNode *json)
{
	CondNode   *all = NULL;

	if (json->kind != JSON_KIND_OBJECT)
		return fail(parser, json, "expected an object");
	if (++parser->depth > CONDITION_MAX_DEPTH)
		return fail(parser, json, "expected at most 64 levels of nesting");
	for (int i = 0; i < json->nchildren; i++)
	{
		CondNode   *node = parse_entry(parser, json->keys[i], json->children[i]);

		if (node == NULL)
			return NULL;
		all = condition_join(COND_AND, all, node);
	}
	if (all == NULL)
	{
		all = condition_node(COND_CONSTANT);
		all->truth = true;
	}
	parser->depth--;
	return all;
}

CondNode *
condition_parse_json(const char *input, int length, CondError *error)
{
	Parser		parser = {0, error};
	JsonNode   *json = json_read(input, length, error);
	CondNode   *node = json ? parse_condition(&parser, json) : NULL;

	return error->message == NULL ? node : NULL;
}

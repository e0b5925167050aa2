/*
 * jsonlogic.c
 *	  JsonLogic, as rule builders export it, translated to conditions.
 *
 * JsonLogic is two-valued: its negations are true for what is missing, so !
 * becomes unless and != becomes is not.
 */
#include "condition/jsonlogic.h"

#include "condition/json_reader.h"

typedef struct Translator
{
	int			depth;
	CondError  *error;
} Translator;

static CondNode *translate(Translator *translator, const JsonNode *json);

static void *
fail(Translator *translator, const JsonNode *json, const char *message)
{
	if (translator->error->message == NULL)
	{
		translator->error->message = message;
		translator->error->offset = json->offset;
	}
	return NULL;
}

/* {"op": [arguments]}, or {"op": argument} */
static const JsonNode *
operation(const JsonNode *json, const char **op)
{
	if (json->kind != JSON_KIND_OBJECT || json->nchildren != 1)
		return NULL;
	*op = json->keys[0]->text;
	return json->children[0];
}

static int
count_arguments(const JsonNode *arguments)
{
	return arguments->kind == JSON_KIND_ARRAY ? arguments->nchildren : 1;
}

static const JsonNode *
argument(const JsonNode *arguments, int i)
{
	return arguments->kind == JSON_KIND_ARRAY ? arguments->children[i] : arguments;
}

/* The path of {"var": "a.b"}; NULL when it is something else. */
static CondPath *
variable(const JsonNode *json)
{
	const char *op;
	const JsonNode *name = operation(json, &op);

	if (name == NULL || strcmp(op, "var") != 0)
		return NULL;
	if (name->kind == JSON_KIND_ARRAY && name->nchildren == 1)
		name = name->children[0];
	if (name->kind != JSON_KIND_STRING)
		return NULL;
	if (name->length == 0)
		return condition_path_from_segments(NULL, 0);
	return condition_path_from_key(name->text, name->length);
}

static bool
add_literal(Translator *translator, CondNode *node, const JsonNode *json)
{
	CondValue	value = {.type = COND_VALUE_BOOL, .boolean = json->truth};

	if (json->kind == JSON_KIND_STRING)
		value = condition_string_value(json->text, json->length);
	else if (json->kind == JSON_KIND_NUMBER)
	{
		if (!condition_number_value(json->text, json->length, &value))
			return fail(translator, json, "the number is out of range") != NULL;
	}
	else if (json->kind != JSON_KIND_BOOL)
		return fail(translator, json, "expected a string, a number, true, false or a variable") != NULL;
	condition_add_value(node, &value);
	return true;
}

static CondNode *
complete(Translator *translator, CondNode *node, const JsonNode *json)
{
	const char *problem = condition_complete(node);

	return problem ? fail(translator, json, problem) : node;
}

static CondOp
mirrored(CondOp op)
{
	switch (op)
	{
		case OP_LT:
			return OP_GT;
		case OP_LE:
			return OP_GE;
		case OP_GT:
			return OP_LT;
		case OP_GE:
			return OP_LE;
		default:
			return op;
	}
}

/* Neither side is a variable: name the operation that stands in its place. */
static CondNode *
no_variable(Translator *translator, const JsonNode *left, const JsonNode *right)
{
	const char *op;

	if (operation(left, &op) != NULL)
		return fail(translator, left, psprintf("\"%s\" has no counterpart in a condition", op));
	if (operation(right, &op) != NULL)
		return fail(translator, right, psprintf("\"%s\" has no counterpart in a condition", op));
	return fail(translator, left, "expected a variable on one side of a comparison");
}

/* variable op literal, in either order, or variable op variable */
static CondNode *
translate_pair(Translator *translator, const JsonNode *left, const JsonNode *right, CondOp op)
{
	CondNode   *node = condition_node(COND_COMPARE);

	node->path = variable(left);
	if (node->path == NULL)
	{
		const JsonNode *swap = left;

		left = right;
		right = swap;
		op = mirrored(op);
		node->path = variable(left);
	}
	if (node->path == NULL)
		return no_variable(translator, left, right);
	node->op = op;
	node->weak = op == OP_NE;
	if (right->kind == JSON_KIND_NULL && (op == OP_EQ || op == OP_NE))
	{
		node->kind = op == OP_EQ ? COND_MISSING : COND_EXISTS;
		node->op = OP_NONE;
		node->weak = false;
		return node;
	}
	node->other = variable(right);
	if (node->other == NULL && !add_literal(translator, node, right))
		return NULL;
	return complete(translator, node, right);
}

/* a < b, and a < b < c for "between" */
static CondNode *
translate_comparison(Translator *translator, const JsonNode *arguments, CondOp op)
{
	int			count = count_arguments(arguments);
	CondNode   *first;
	CondNode   *second;

	if (count < 2 || count > 3 || (count == 3 && op != OP_LT && op != OP_LE))
		return fail(translator, arguments, "expected two arguments of a comparison, or three of < and <=");
	first = translate_pair(translator, argument(arguments, 0), argument(arguments, 1), op);
	if (first == NULL || count == 2)
		return first;
	second = translate_pair(translator, argument(arguments, 1), argument(arguments, 2), op);
	return second ? condition_join(COND_AND, first, second) : NULL;
}

/* {"in": ["a", {"var": "x"}]}: a part of a string or an element of an array, whichever x is */
static CondNode *
translate_member(Translator *translator, const JsonNode *literal, CondPath *path)
{
	CondNode   *has = condition_node(COND_HAS);
	CondNode   *contains = condition_node(COND_AFFIX);

	has->op = OP_HAS;
	has->path = path;
	if (!add_literal(translator, has, literal))
		return NULL;
	if (literal->kind != JSON_KIND_STRING)
		return has;
	contains->op = OP_CONTAINS;
	contains->path = path;
	add_literal(translator, contains, literal);
	return condition_join(COND_OR, contains, has);
}

static CondNode *
translate_in(Translator *translator, const JsonNode *arguments)
{
	const JsonNode *needle;
	const JsonNode *haystack;
	CondNode   *node;

	if (count_arguments(arguments) != 2)
		return fail(translator, arguments, "expected two arguments of \"in\"");
	needle = argument(arguments, 0);
	haystack = argument(arguments, 1);
	if (variable(haystack) != NULL)
		return translate_member(translator, needle, variable(haystack));
	if (variable(needle) == NULL || haystack->kind != JSON_KIND_ARRAY || haystack->nchildren == 0)
		return fail(translator, arguments, "expected a variable and a list, or a value and a variable, in \"in\"");
	node = condition_node(COND_IN);
	node->path = variable(needle);
	for (int i = 0; i < haystack->nchildren; i++)
	{
		if (!add_literal(translator, node, haystack->children[i]))
			return NULL;
	}
	return complete(translator, node, haystack);
}

static CondNode *
translate_list(Translator *translator, const JsonNode *arguments, CondKind kind)
{
	CondNode   *all = NULL;

	for (int i = 0; i < count_arguments(arguments); i++)
	{
		CondNode   *node = translate(translator, argument(arguments, i));

		if (node == NULL)
			return NULL;
		all = condition_join(kind, all, node);
	}
	return all ? all : fail(translator, arguments, "expected at least one condition");
}

static CondNode *
translate_not(Translator *translator, const JsonNode *arguments)
{
	CondNode   *inner;

	if (count_arguments(arguments) != 1)
		return fail(translator, arguments, "expected one condition");
	inner = translate(translator, argument(arguments, 0));
	return inner ? condition_wrap(COND_UNLESS, inner) : NULL;
}

/* some: an element fulfils; none: no element does */
static CondNode *
translate_some(Translator *translator, const JsonNode *arguments, bool none)
{
	CondPath   *path = count_arguments(arguments) == 2 ? variable(argument(arguments, 0)) : NULL;
	CondNode   *inner;
	CondNode   *node;

	if (path == NULL)
		return fail(translator, arguments, "expected a variable and a condition about its elements");
	inner = translate(translator, argument(arguments, 1));
	if (inner == NULL)
		return NULL;
	node = condition_wrap(COND_ANY, inner);
	node->path = path;
	return none ? condition_wrap(COND_UNLESS, node) : node;
}

static CondNode *
translate_affix(Translator *translator, const JsonNode *arguments, CondOp op)
{
	CondNode   *node = condition_node(COND_AFFIX);

	node->op = op;
	if (count_arguments(arguments) == 2)
		node->path = variable(argument(arguments, 0));
	if (node->path == NULL || argument(arguments, 1)->kind != JSON_KIND_STRING)
		return fail(translator, arguments, "expected a variable and a string");
	add_literal(translator, node, argument(arguments, 1));
	return node;
}

static CondNode *
translate_operation(Translator *translator, const JsonNode *json, const char *op, const JsonNode *arguments)
{
	static const struct
	{
		const char *name;
		CondOp		op;
	}			comparisons[] = {
		{"==", OP_EQ}, {"===", OP_EQ}, {"!=", OP_NE}, {"!==", OP_NE}, {"<", OP_LT}, {"<=", OP_LE}, {">", OP_GT}, {">=", OP_GE}
	};

	for (int i = 0; i < (int) lengthof(comparisons); i++)
	{
		if (strcmp(op, comparisons[i].name) == 0)
			return translate_comparison(translator, arguments, comparisons[i].op);
	}
	if (strcmp(op, "and") == 0)
		return translate_list(translator, arguments, COND_AND);
	if (strcmp(op, "or") == 0)
		return translate_list(translator, arguments, COND_OR);
	if (strcmp(op, "!") == 0)
		return translate_not(translator, arguments);
	if (strcmp(op, "in") == 0)
		return translate_in(translator, arguments);
	if (strcmp(op, "some") == 0 || strcmp(op, "none") == 0)
		return translate_some(translator, arguments, *op == 'n');
	if (strcmp(op, "startsWith") == 0)
		return translate_affix(translator, arguments, OP_STARTS);
	if (strcmp(op, "endsWith") == 0)
		return translate_affix(translator, arguments, OP_ENDS);
	translator->error->hint = "Translated are ==, ===, !=, !==, <, <=, >, >=, and, or, !, in, some, none, startsWith and endsWith.";
	return fail(translator, json, psprintf("\"%s\" has no counterpart in a condition", op));
}

static CondNode *
translate(Translator *translator, const JsonNode *json)
{
	const char *op;
	const JsonNode *arguments = operation(json, &op);
	CondNode   *node;

	if (json->kind == JSON_KIND_BOOL)
	{
		node = condition_node(COND_CONSTANT);
		node->truth = json->truth;
		return node;
	}
	if (arguments == NULL)
		return fail(translator, json, "expected an operation such as {\">=\": [{\"var\": \"age\"}, 30]}");
	if (++translator->depth > CONDITION_MAX_DEPTH)
		return fail(translator, json, "it is nested more than 64 levels deep");
	node = translate_operation(translator, json, op, arguments);
	translator->depth--;
	return node;
}

CondNode *
jsonlogic_parse(const char *input, int length, CondError *error)
{
	Translator	translator = {0, error};
	JsonNode   *json = json_read(input, length, error);
	CondNode   *node = json ? translate(&translator, json) : NULL;

	return error->message == NULL ? node : NULL;
}

/*
 * parse_predicate.c
 *	  The text notation of conditions: predicates about attributes.
 */
#include "condition/parse_text.h"

/* Reads a string literal. */
bool
parser_string(Parser *parser, const char *what, const char **text, int *length)
{
	Token	   *token = &parser->lexer.token;

	if (token->kind != TOKEN_STRING)
	{
		lexer_expected(&parser->lexer, what);
		return false;
	}
	*text = token->text;
	*length = token->length;
	lexer_next(&parser->lexer);
	return true;
}

/* Reads a string, number, true or false and adds it to the node. */
static bool
parse_literal(Parser *parser, CondNode *node)
{
	Lexer	   *lexer = &parser->lexer;
	Token	   *token = &lexer->token;
	CondValue	value = {.type = COND_VALUE_BOOL};

	if (token->kind == TOKEN_STRING)
		value = condition_string_value(token->text, token->length);
	else if (token->kind == TOKEN_NUMBER)
	{
		if (!condition_number_value(token->text, token->length, &value))
		{
			lexer_expected(lexer, "a number between 1e-300 and 1e308 in size");
			return false;
		}
	}
	else if (lexer_is(lexer, "true") || lexer_is(lexer, "false"))
		value.boolean = lexer_is(lexer, "true");
	else
	{
		if (lexer_is(lexer, "null"))
			lexer->error->hint = "Nothing equals null; write \"is null\", \"exists\" or \"is missing\".";
		lexer_expected(lexer, "a string in single quotes, a number, true or false");
		return false;
	}
	condition_add_value(node, &value);
	lexer_next(lexer);
	return true;
}

/* ( literal, literal ... ) */
static bool
parse_list(Parser *parser, CondNode *node)
{
	if (!lexer_skip(&parser->lexer, "("))
	{
		lexer_expected(&parser->lexer, "\"(\" and a list");
		return false;
	}
	do
	{
		if (!parse_literal(parser, node))
			return false;
	} while (lexer_skip(&parser->lexer, ","));
	if (lexer_skip(&parser->lexer, ")"))
		return true;
	lexer_expected(&parser->lexer, "\",\" or \")\"");
	return false;
}

static CondOp
comparison(const Lexer *lexer)
{
	static const struct
	{
		const char *symbol;
		CondOp		op;
	}			known[] = {
		{"=", OP_EQ}, {"==", OP_EQ}, {"!=", OP_NE}, {"<>", OP_NE},
		{"<", OP_LT}, {"<=", OP_LE}, {">", OP_GT}, {">=", OP_GE}
	};

	for (int i = 0; i < (int) lengthof(known); i++)
	{
		if (lexer->token.kind == TOKEN_SYMBOL && lexer_is(lexer, known[i].symbol))
			return known[i].op;
	}
	return OP_NONE;
}

/* The right side of a comparison: a literal or another attribute. */
static bool
parse_operand(Parser *parser, CondNode *node)
{
	Token	   *token = &parser->lexer.token;

	if (token->kind == TOKEN_PATH && (!token->bare || !condition_is_keyword(token->segments[0].name, token->segments[0].length)))
	{
		node->other = condition_path_from_segments(token->segments, token->nsegments);
		lexer_next(&parser->lexer);
		return true;
	}
	return parse_literal(parser, node);
}

static bool
parse_comparison(Parser *parser, CondNode *node, CondOp op)
{
	lexer_next(&parser->lexer);
	node->kind = COND_COMPARE;
	node->op = op;
	return parse_operand(parser, node);
}

/* is 'x', is not 'x', is missing, is null, is not in (...) */
static bool
parse_is(Parser *parser, CondNode *node)
{
	Lexer	   *lexer = &parser->lexer;
	bool		negated = lexer_skip(lexer, "not");

	if (lexer_skip(lexer, "missing"))
	{
		node->kind = negated ? COND_EXISTS : COND_MISSING;
		return true;
	}
	if (lexer_is(lexer, "null") && !negated)
	{
		lexer_next(lexer);
		node->kind = COND_IS_NULL;
		return true;
	}
	if (lexer_is(lexer, "null"))
		lexer->error->hint = "Write \"exists\": true when the attribute is there and not null.";
	else if (negated && lexer_skip(lexer, "in"))
	{
		node->kind = COND_IN;
		node->negated = true;
		node->weak = true;
		return parse_list(parser, node);
	}
	node->kind = COND_COMPARE;
	node->op = negated ? OP_NE : OP_EQ;
	node->weak = negated;
	return parse_operand(parser, node);
}

/* in ( ... ), in network '...' or in network ( ... ) */
static bool
parse_in(Parser *parser, CondNode *node)
{
	node->kind = COND_IN;
	if (!lexer_skip(&parser->lexer, "network"))
		return parse_list(parser, node);
	node->kind = COND_NETWORK;
	if (lexer_is(&parser->lexer, "("))
		return parse_list(parser, node);
	return parse_literal(parser, node);
}

static bool
parse_between(Parser *parser, CondNode *node)
{
	node->kind = COND_BETWEEN;
	if (!parse_literal(parser, node))
		return false;
	if (!lexer_skip(&parser->lexer, "and"))
	{
		lexer_expected(&parser->lexer, "\"and\" and the upper limit");
		return false;
	}
	return parse_literal(parser, node);
}

static bool
parse_has(Parser *parser, CondNode *node)
{
	Lexer	   *lexer = &parser->lexer;

	node->kind = COND_HAS;
	if (lexer_skip(lexer, "any"))
		node->op = OP_HAS_ANY;
	else if (lexer_skip(lexer, "all"))
		node->op = OP_HAS_ALL;
	else if (lexer_skip(lexer, "none"))
		node->op = OP_HAS_NONE;
	else
	{
		node->op = OP_HAS;
		return parse_literal(parser, node);
	}
	return parse_list(parser, node);
}

static bool
parse_text_match(Parser *parser, CondNode *node, CondKind kind, CondOp op)
{
	const char *text;
	int			length;
	CondValue	value;

	node->kind = kind;
	node->op = op;
	parser->text_offset = parser->lexer.token.offset;
	if (!parser_string(parser, "a string in single quotes", &text, &length))
		return false;
	value = condition_string_value(text, length);
	condition_add_value(node, &value);
	return true;
}

static bool
parse_affix(Parser *parser, CondNode *node, CondOp op)
{
	if (op != OP_CONTAINS && !lexer_skip(&parser->lexer, "with"))
	{
		lexer_expected(&parser->lexer, "\"with\"");
		return false;
	}
	return parse_text_match(parser, node, COND_AFFIX, op);
}

static bool
parse_version(Parser *parser, CondNode *node)
{
	CondOp		op = comparison(&parser->lexer);

	if (op == OP_NONE)
	{
		lexer_expected(&parser->lexer, "=, !=, <, <=, > or >= and a version");
		return false;
	}
	lexer_next(&parser->lexer);
	return parse_text_match(parser, node, COND_VERSION, op);
}

/* not in ( ... ): strong */
static bool
parse_not_in(Parser *parser, CondNode *node)
{
	if (!lexer_skip(&parser->lexer, "in"))
	{
		lexer_expected(&parser->lexer, "\"in\"");
		return false;
	}
	node->negated = true;
	node->kind = COND_IN;
	return parse_list(parser, node);
}

/* The part of a predicate behind the attribute. */
static bool
parse_operator(Parser *parser, CondNode *node)
{
	Lexer	   *lexer = &parser->lexer;
	CondOp		op = comparison(lexer);

	if (op != OP_NONE)
		return parse_comparison(parser, node, op);
	if (lexer_skip(lexer, "is"))
		return parse_is(parser, node);
	if (lexer_skip(lexer, "in"))
		return parse_in(parser, node);
	if (lexer_skip(lexer, "not"))
		return parse_not_in(parser, node);
	if (lexer_skip(lexer, "between"))
		return parse_between(parser, node);
	if (lexer_skip(lexer, "has"))
		return parse_has(parser, node);
	if (lexer_skip(lexer, "starts"))
		return parse_affix(parser, node, OP_STARTS);
	if (lexer_skip(lexer, "ends"))
		return parse_affix(parser, node, OP_ENDS);
	if (lexer_skip(lexer, "contains"))
		return parse_affix(parser, node, OP_CONTAINS);
	if (lexer_skip(lexer, "matches"))
		return parse_text_match(parser, node, COND_REGEX, OP_NONE);
	if (lexer_skip(lexer, "version"))
		return parse_version(parser, node);
	if (lexer_skip(lexer, "exists"))
	{
		node->kind = COND_EXISTS;
		return true;
	}
	return parser_time(parser, node);
}

/* What is wrong with a node is told where its operator stands, or the text that cannot be read. */
static CondNode *
complete(Parser *parser, CondNode *node, int offset)
{
	bool		is_text = (node->kind == COND_REGEX || node->kind == COND_VERSION);
	const char *problem;

	if (lexer_skip(&parser->lexer, "folded"))
		node->fold = true;
	problem = parser->lexer.error->message == NULL ? condition_complete(node) : NULL;
	if (problem != NULL)
		lexer_fail(&parser->lexer, is_text && !node->fold ? parser->text_offset : offset, problem);
	return parser->lexer.error->message == NULL ? node : NULL;
}

/* in segment 'key' */
static CondNode *
parse_segment(Parser *parser)
{
	CondNode   *node = condition_node(COND_SEGMENT);
	const char *key;
	int			length;

	lexer_next(&parser->lexer);
	if (!lexer_skip(&parser->lexer, "segment"))
	{
		lexer_expected(&parser->lexer, "\"segment\" and its key");
		return NULL;
	}
	if (!parser_string(parser, "the key of a segment in single quotes", &key, &length))
		return NULL;
	condition_set_event(node, key, length);
	return node;
}

static bool
parse_path(Parser *parser, CondPath **path, const char *what)
{
	Token	   *token = &parser->lexer.token;

	if (token->kind != TOKEN_PATH || (token->bare && condition_is_keyword(token->segments[0].name, token->segments[0].length)))
	{
		lexer_expected(&parser->lexer, what);
		return false;
	}
	if (lexer_is(&parser->lexer, "@"))
		*path = condition_path_from_segments(NULL, 0);
	else
		*path = condition_path_from_segments(token->segments, token->nsegments);
	lexer_next(&parser->lexer);
	return true;
}

/* any path where ( condition ) */
static CondNode *
parse_any(Parser *parser)
{
	CondPath   *path;
	CondNode   *inner;
	CondNode   *node;

	lexer_next(&parser->lexer);
	if (!parse_path(parser, &path, "the path of an array"))
		return NULL;
	if (!lexer_skip(&parser->lexer, "where"))
	{
		lexer_expected(&parser->lexer, "\"where\" and a condition in parentheses");
		return NULL;
	}
	inner = parser_group(parser);
	if (inner == NULL)
		return NULL;
	node = condition_wrap(COND_ANY, inner);
	node->path = path;
	return node;
}

/* last('Event' [, where ...]) or first(...), then a predicate about its time */
static CondNode *
parse_event_time(Parser *parser, CondSubject subject, int offset)
{
	CondNode   *node = condition_node(COND_TIME);

	node->subject = subject;
	if (!parser_event(parser, node) || !parser_time(parser, node))
		return NULL;
	return complete(parser, node, offset);
}

CondNode *
parser_predicate(Parser *parser)
{
	Lexer	   *lexer = &parser->lexer;
	int			offset = lexer->token.offset;
	CondNode   *node;

	if (lexer_is(lexer, "in"))
		return parse_segment(parser);
	if (lexer_is(lexer, "any"))
		return parse_any(parser);
	if (lexer_is(lexer, "did"))
		return parser_did(parser);
	if (lexer_is_call(lexer, "last"))
		return parse_event_time(parser, SUBJECT_LAST, offset);
	if (lexer_is_call(lexer, "first"))
		return parse_event_time(parser, SUBJECT_FIRST, offset);

	node = condition_node(COND_COMPARE);
	if (!parse_path(parser, &node->path, "an attribute, did(...), last(...), first(...), \"in segment\", \"any\", \"not\", \"unless\" or \"(\""))
		return NULL;
	offset = lexer->token.offset;
	if (!parse_operator(parser, node))
		return NULL;
	return complete(parser, node, offset);
}

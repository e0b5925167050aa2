/*
 * parse_text.c
 *	  The text notation of conditions: connectives and what they join.
 *
 *	  condition := and-term { or and-term }
 *	  and-term  := factor { and factor }
 *	  factor    := not factor | unless factor | ( condition ) | true | false | predicate
 *
 * The predicates are in parse_predicate.c.
 */
#include "condition/parse_text.h"

static CondNode *parse_or(Parser *parser);

static bool
enter(Parser *parser)
{
	if (++parser->depth <= CONDITION_MAX_DEPTH)
		return true;
	lexer_fail(&parser->lexer, parser->lexer.token.offset, "expected at most 64 levels of nesting");
	return false;
}

/* not (strong) or unless (weak) */
static CondNode *
parse_negation(Parser *parser, CondKind kind)
{
	CondNode   *child;

	lexer_next(&parser->lexer);
	if (!enter(parser))
		return NULL;
	child = parser_factor(parser);
	parser->depth--;
	return child ? condition_wrap(kind, child) : NULL;
}

/* What stands in parentheses, which are the current token. */
CondNode *
parser_group(Parser *parser)
{
	CondNode   *node;

	if (!lexer_skip(&parser->lexer, "("))
	{
		lexer_expected(&parser->lexer, "\"(\"");
		return NULL;
	}
	if (!enter(parser))
		return NULL;
	node = parse_or(parser);
	parser->depth--;
	if (node != NULL && !lexer_skip(&parser->lexer, ")"))
	{
		lexer_expected(&parser->lexer, "\")\", \"and\" or \"or\"");
		return NULL;
	}
	return node;
}

CondNode *
parser_factor(Parser *parser)
{
	Lexer	   *lexer = &parser->lexer;
	CondNode   *node;

	if (lexer_is(lexer, "not"))
		return parse_negation(parser, COND_NOT);
	if (lexer_is(lexer, "unless"))
		return parse_negation(parser, COND_UNLESS);
	if (lexer_is(lexer, "("))
		return parser_group(parser);
	if (lexer_is(lexer, "true") || lexer_is(lexer, "false"))
	{
		node = condition_node(COND_CONSTANT);
		node->truth = lexer_is(lexer, "true");
		lexer_next(lexer);
		return node;
	}
	return parser_predicate(parser);
}

static CondNode *
parse_and(Parser *parser)
{
	CondNode   *node = parser_factor(parser);

	while (node != NULL && lexer_skip(&parser->lexer, "and"))
	{
		CondNode   *right = parser_factor(parser);

		node = right ? condition_join(COND_AND, node, right) : NULL;
	}
	return node;
}

static CondNode *
parse_or(Parser *parser)
{
	CondNode   *node = parse_and(parser);

	while (node != NULL && lexer_skip(&parser->lexer, "or"))
	{
		CondNode   *right = parse_and(parser);

		node = right ? condition_join(COND_OR, node, right) : NULL;
	}
	return node;
}

/* A condition inside another one, up to where it ends by itself. */
CondNode *
parser_condition(Parser *parser)
{
	CondNode   *node;

	if (!enter(parser))
		return NULL;
	node = parse_or(parser);
	parser->depth--;
	return node;
}

CondNode *
condition_parse_text(const char *input, int length, CondError *error)
{
	Parser		parser = {.depth = 0};
	CondNode   *node;

	lexer_open(&parser.lexer, input, length, error);
	node = parse_or(&parser);
	if (node != NULL && parser.lexer.token.kind != TOKEN_END)
		lexer_expected(&parser.lexer, "\"and\", \"or\" or the end of the condition");
	return error->message == NULL ? node : NULL;
}

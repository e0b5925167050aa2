/*
 * parse_event.c
 *	  The text notation of conditions: time and behaviour.
 */
#include "condition/parse_text.h"

#include "condition/when.h"

static bool
parse_span(Parser *parser, CondSpan *span)
{
	Token	   *token = &parser->lexer.token;

	if (token->kind != TOKEN_STRING || !condition_read_span(token->text, token->length, span))
	{
		lexer_expected(&parser->lexer, "a length of time such as '30 days' or '2 hours 30 minutes'");
		return false;
	}
	lexer_next(&parser->lexer);
	return true;
}

/* now(), now() - '3 days' or '2026-01-31' */
static bool
parse_moment(Parser *parser, CondMoment *moment)
{
	Lexer	   *lexer = &parser->lexer;
	Token	   *token = &lexer->token;

	if (lexer_is_call(lexer, "now"))
	{
		lexer_next(lexer);
		lexer_next(lexer);
		if (!lexer_skip(lexer, ")"))
		{
			lexer_expected(lexer, "\")\"");
			return false;
		}
		moment->relative = true;
		moment->minus = lexer_is(lexer, "-");
		if (lexer_skip(lexer, "-") || lexer_skip(lexer, "+"))
			return parse_span(parser, &moment->span);
		return true;
	}
	if (token->kind != TOKEN_STRING ||
		!condition_read_time(token->text, token->length, &moment->usecs, &moment->has_zone))
	{
		lexer_expected(lexer, "a time such as '2026-01-31', '2026-01-31T09:00:00+08:00' or now() - '3 days'");
		return false;
	}
	moment->text = pnstrdup(token->text, token->length);
	lexer_next(lexer);
	return true;
}

/* before ..., after ..., within ..., within next ..., older than ... */
bool
parser_time(Parser *parser, CondNode *node)
{
	Lexer	   *lexer = &parser->lexer;

	node->kind = COND_TIME;
	if (lexer_is(lexer, "before") || lexer_is(lexer, "after"))
	{
		node->op = lexer_is(lexer, "before") ? OP_BEFORE : OP_AFTER;
		lexer_next(lexer);
		return parse_moment(parser, &node->moment);
	}
	if (lexer_skip(lexer, "within"))
	{
		node->op = lexer_skip(lexer, "next") ? OP_WITHIN_NEXT : OP_WITHIN;
		return parse_span(parser, &node->span);
	}
	if (lexer_skip(lexer, "older"))
	{
		node->op = OP_OLDER;
		if (lexer_skip(lexer, "than"))
			return parse_span(parser, &node->span);
		lexer_expected(lexer, "\"than\"");
		return false;
	}
	if (node->subject != SUBJECT_PATH)
		lexer_expected(lexer, "before, after, within or older than");
	else
		lexer_expected(lexer, "an operator: =, !=, <, <=, >, >=, is, in, not in, between, has, exists, starts with, "
					   "ends with, contains, matches, version, before, after, within or older than");
	return false;
}

static bool
parse_times(Parser *parser, int64 *times)
{
	Token	   *token = &parser->lexer.token;

	if (token->kind != TOKEN_NUMBER || token->length > 9 || strspn(token->text, "0123456789") < (size_t) token->length)
	{
		lexer_expected(&parser->lexer, "a number of times");
		return false;
	}
	*times = strtol(token->text, NULL, 10);
	lexer_next(&parser->lexer);
	return true;
}

static bool
skip_times(Parser *parser)
{
	if (lexer_skip(&parser->lexer, "times") || lexer_skip(&parser->lexer, "time"))
		return true;
	lexer_expected(&parser->lexer, "\"times\"");
	return false;
}

/* at least N, at most N */
static bool
parse_bound(Parser *parser, CondNode *node)
{
	if (lexer_skip(&parser->lexer, "least"))
		return parse_times(parser, &node->at_least);
	if (lexer_skip(&parser->lexer, "most"))
	{
		node->at_least = 0;
		return parse_times(parser, &node->at_most);
	}
	lexer_expected(&parser->lexer, "\"least\" or \"most\"");
	return false;
}

/* between N and M */
static bool
parse_range(Parser *parser, CondNode *node)
{
	if (!parse_times(parser, &node->at_least))
		return false;
	if (lexer_skip(&parser->lexer, "and"))
		return parse_times(parser, &node->at_most);
	lexer_expected(&parser->lexer, "\"and\"");
	return false;
}

/* at least N times, at most N times, exactly N times, between N and M times */
static bool
parse_frequency(Parser *parser, CondNode *node)
{
	Lexer	   *lexer = &parser->lexer;
	bool		read;

	if (lexer_skip(lexer, "at"))
		read = parse_bound(parser, node);
	else if (lexer_skip(lexer, "between"))
		read = parse_range(parser, node);
	else if (lexer_skip(lexer, "exactly"))
	{
		read = parse_times(parser, &node->at_least);
		node->at_most = node->at_least;
	}
	else
	{
		lexer_expected(lexer, "\"at least\", \"at most\", \"exactly\", \"between\", \"within\" or \"where\"");
		return false;
	}
	return read && skip_times(parser);
}

static bool
parse_where(Parser *parser, CondNode *node)
{
	CondNode   *where = parser_condition(parser);

	if (where != NULL)
		condition_set_where(node, where);
	return where != NULL;
}

/* ('Event' [, where condition]) behind last or first */
bool
parser_event(Parser *parser, CondNode *node)
{
	Lexer	   *lexer = &parser->lexer;
	const char *name;
	int			length;

	lexer_next(lexer);
	lexer_next(lexer);
	if (!parser_string(parser, "the name of an event in single quotes", &name, &length))
		return false;
	condition_set_event(node, name, length);
	if (lexer_skip(lexer, ","))
	{
		if (!lexer_skip(lexer, "where"))
		{
			lexer_expected(lexer, "\"where\"");
			return false;
		}
		if (!parse_where(parser, node))
			return false;
	}
	if (lexer_skip(lexer, ")"))
		return true;
	lexer_expected(lexer, node->nchildren > 0 ? "\")\"" : "\",\" or \")\"");
	return false;
}

/* One of the clauses of did(...), behind a comma; each at most once, in any order. */
static bool
parse_clause(Parser *parser, CondNode *node, bool *counted)
{
	Lexer	   *lexer = &parser->lexer;

	if (!node->has_span && lexer_skip(lexer, "within"))
	{
		node->has_span = true;
		return parse_span(parser, &node->span);
	}
	if (node->nchildren == 0 && lexer_skip(lexer, "where"))
		return parse_where(parser, node);
	if (*counted)
	{
		lexer_expected(lexer, "each of the number of times, \"within\" and \"where\" at most once");
		return false;
	}
	*counted = true;
	return parse_frequency(parser, node);
}

/* did('Event' [, frequency] [, within '...'] [, where condition]), did not(...) */
CondNode *
parser_did(Parser *parser)
{
	Lexer	   *lexer = &parser->lexer;
	int			offset = lexer->token.offset;
	CondNode   *node = condition_node(COND_DID);
	const char *name;
	int			length;
	bool		negated;
	bool		counted = false;
	const char *problem;

	lexer_next(lexer);
	negated = lexer_skip(lexer, "not");
	if (!lexer_skip(lexer, "("))
	{
		lexer_expected(lexer, "\"(\" and the name of an event");
		return NULL;
	}
	if (!parser_string(parser, "the name of an event in single quotes", &name, &length))
		return NULL;
	condition_set_event(node, name, length);
	while (lexer_skip(lexer, ","))
	{
		if (!parse_clause(parser, node, &counted))
			return NULL;
	}
	if (!lexer_skip(lexer, ")"))
	{
		lexer_expected(lexer, "\",\" or \")\"");
		return NULL;
	}
	problem = condition_complete(node);
	if (problem != NULL)
		lexer_fail(lexer, offset, problem);
	if (lexer->error->message != NULL)
		return NULL;
	return negated ? condition_wrap(COND_NOT, node) : node;
}

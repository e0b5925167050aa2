/*
 * lexer.c
 *	  The words of the text notation of conditions.
 *
 * Strings stand in single quotes, path segments with odd characters in double
 * quotes; a quote inside is written twice, as in SQL.  Every byte above 0x7F
 * is a letter, so that names may be in any script.
 */
#include "condition/lexer.h"

static bool
is_letter(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_' || c == '$' || c == '@' || IS_HIGHBIT_SET(c);
}

static bool
is_digit(char c)
{
	return c >= '0' && c <= '9';
}

static bool
is_blank(char c)
{
	return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

void
lexer_fail(Lexer *lexer, int offset, const char *message)
{
	/* The first problem is the one to tell. */
	if (lexer->error->message == NULL)
	{
		lexer->error->message = message;
		lexer->error->offset = offset;
	}
	lexer->token.kind = TOKEN_BAD;
}

void
lexer_expected(Lexer *lexer, const char *what)
{
	lexer_fail(lexer, lexer->token.offset, psprintf("expected %s", what));
}

/* What stands between two quotes, each doubled quote once; NULL when the closing one is missing. */
static char *
read_quoted(Lexer *lexer, int *length)
{
	char		quote = *lexer->at;
	const char *opening = lexer->at;
	const char *closing = memchr(lexer->at + 1, quote, lexer->end - lexer->at - 1);
	char	   *text;
	int			n = 0;

	/* room up to the first quote is enough unless that is doubled */
	text = palloc((closing && (closing + 1 >= lexer->end || closing[1] != quote) ? closing : lexer->end) - lexer->at);

	for (lexer->at++; lexer->at < lexer->end; lexer->at++)
	{
		if (*lexer->at == quote)
		{
			if (lexer->at + 1 >= lexer->end || lexer->at[1] != quote)
			{
				lexer->at++;
				text[n] = '\0';
				*length = n;
				return text;
			}
			lexer->at++;
		}
		text[n++] = *lexer->at;
	}
	lexer_fail(lexer, opening - lexer->start, quote == '\'' ? "unterminated string" : "unterminated name");
	return NULL;
}

static bool
read_segment(Lexer *lexer, CondSegment *segment, bool first)
{
	if (lexer->at < lexer->end && *lexer->at == '"')
	{
		segment->name = read_quoted(lexer, &segment->length);
		if (segment->name != NULL && segment->length == 0)
			lexer_fail(lexer, lexer->at - 2 - lexer->start, "expected a name between the quotes");
		return segment->name != NULL && segment->length > 0;
	}
	segment->name = lexer->at;
	if (first || (lexer->at < lexer->end && is_letter(*lexer->at)))
	{
		while (lexer->at < lexer->end && (is_letter(*lexer->at) || is_digit(*lexer->at)))
			lexer->at++;
	}
	else
	{
		while (lexer->at < lexer->end && is_digit(*lexer->at))
			lexer->at++;
	}
	segment->length = lexer->at - segment->name;
	if (segment->length == 0)
		lexer_fail(lexer, lexer->at - lexer->start, "expected a name after the dot");
	return segment->length > 0;
}

static void
read_path(Lexer *lexer)
{
	Token	   *token = &lexer->token;
	bool		quoted = *lexer->at == '"';

	token->kind = TOKEN_PATH;
	token->nsegments = 0;
	for (;;)
	{
		if (token->nsegments == CONDITION_MAX_SEGMENTS)
		{
			lexer_fail(lexer, token->offset, "expected a path of at most 16 names");
			return;
		}
		if (!read_segment(lexer, &token->segments[token->nsegments], token->nsegments == 0))
			return;
		token->nsegments++;
		if (lexer->at >= lexer->end || *lexer->at != '.')
			break;
		lexer->at++;
	}
	token->bare = token->nsegments == 1 && !quoted;
}

static void
read_number(Lexer *lexer)
{
	Token	   *token = &lexer->token;

	token->kind = TOKEN_NUMBER;
	token->text = lexer->at;
	if (*lexer->at == '-')
		lexer->at++;
	while (lexer->at < lexer->end && is_digit(*lexer->at))
		lexer->at++;
	if (lexer->at + 1 < lexer->end && *lexer->at == '.' && is_digit(lexer->at[1]))
	{
		lexer->at++;
		while (lexer->at < lexer->end && is_digit(*lexer->at))
			lexer->at++;
	}
	if (lexer->at + 1 < lexer->end && (*lexer->at == 'e' || *lexer->at == 'E'))
	{
		const char *digits = lexer->at + 1;

		if (*digits == '+' || *digits == '-')
			digits++;
		if (digits < lexer->end && is_digit(*digits))
		{
			while (digits < lexer->end && is_digit(*digits))
				digits++;
			lexer->at = digits;
		}
	}
	token->length = lexer->at - token->text;
}

static void
read_symbol(Lexer *lexer)
{
	static const char *const symbols[] = {"!=", "<>", "<=", ">=", "==", "=", "<", ">", "(", ")", ",", "+", "-"};
	Token	   *token = &lexer->token;

	for (int i = 0; i < (int) lengthof(symbols); i++)
	{
		int			length = symbols[i][1] == '\0' ? 1 : 2;

		if (*lexer->at == symbols[i][0] && lexer->end - lexer->at >= length && memcmp(lexer->at, symbols[i], length) == 0)
		{
			token->kind = TOKEN_SYMBOL;
			token->text = symbols[i];
			token->length = length;
			lexer->at += length;
			return;
		}
	}
	lexer_fail(lexer, token->offset, "unexpected character");
}

/* Reads the next token into lexer->token. */
void
lexer_next(Lexer *lexer)
{
	Token	   *token = &lexer->token;

	if (lexer->error->message != NULL)
		return;
	while (lexer->at < lexer->end && is_blank(*lexer->at))
		lexer->at++;
	token->offset = lexer->at - lexer->start;
	token->bare = false;
	if (lexer->at >= lexer->end)
		token->kind = TOKEN_END;
	else if (*lexer->at == '\'')
	{
		token->kind = TOKEN_STRING;
		token->text = read_quoted(lexer, &token->length);
	}
	else if (*lexer->at == '"' || is_letter(*lexer->at))
		read_path(lexer);
	else if (is_digit(*lexer->at) || (*lexer->at == '-' && lexer->at + 1 < lexer->end && is_digit(lexer->at[1])))
		read_number(lexer);
	else
		read_symbol(lexer);
}

void
lexer_open(Lexer *lexer, const char *input, int length, CondError *error)
{
	memset(lexer, 0, sizeof(*lexer));
	memset(error, 0, sizeof(*error));
	lexer->start = input;
	lexer->at = input;
	lexer->end = input + length;
	lexer->error = error;
	lexer_next(lexer);
}

/* Is the current token this keyword (in any case) or symbol? */
bool
lexer_is(const Lexer *lexer, const char *word)
{
	const Token *token = &lexer->token;

	if (token->kind == TOKEN_PATH)
		return token->bare && lexer_same_word(token->segments[0].name, token->segments[0].length, word);
	return token->kind == TOKEN_SYMBOL && lexer_same_word(token->text, token->length, word);
}

/* Is it this keyword followed by an opening parenthesis? */
bool
lexer_is_call(const Lexer *lexer, const char *word)
{
	const char *at = lexer->at;

	if (!lexer_is(lexer, word))
		return false;
	while (at < lexer->end && is_blank(*at))
		at++;
	return at < lexer->end && *at == '(';
}

bool
lexer_skip(Lexer *lexer, const char *word)
{
	if (!lexer_is(lexer, word))
		return false;
	lexer_next(lexer);
	return true;
}

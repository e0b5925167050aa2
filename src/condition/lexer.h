/*
 * lexer.h
 *	  The words of the text notation of conditions.
 */
#ifndef MHUB_CONDITION_LEXER_H
#define MHUB_CONDITION_LEXER_H

#include "condition/ast.h"

typedef enum TokenKind
{
	TOKEN_END,
	TOKEN_PATH,					/* a dotted path; a keyword is a path of one bare segment */
	TOKEN_STRING,
	TOKEN_NUMBER,
	TOKEN_SYMBOL,				/* ( ) , + - = != < <= > >= */
	TOKEN_BAD
} TokenKind;

/* Is the text this word, which is written in lower case, in whatever case? */
static inline bool
lexer_same_word(const char *text, int length, const char *word)
{
	for (int i = 0; i < length; i++)
	{
		char		letter = text[i] >= 'A' && text[i] <= 'Z' ? text[i] + ('a' - 'A') : text[i];

		if (letter != word[i])
			return false;
	}
	return word[length] == '\0';
}

typedef struct Token
{
	TokenKind	kind;
	int			offset;			/* of its first byte */
	const char *text;			/* STRING: unquoted; NUMBER: as written; SYMBOL: its characters */
	int			length;
	bool		bare;			/* PATH: one segment without quotes, so perhaps a keyword */
	int			nsegments;
	CondSegment segments[CONDITION_MAX_SEGMENTS];
} Token;

typedef struct Lexer
{
	const char *start;
	const char *at;
	const char *end;
	Token		token;			/* the current one */
	CondError  *error;
} Lexer;

extern void lexer_open(Lexer *lexer, const char *input, int length, CondError *error);
extern void lexer_next(Lexer *lexer);
extern bool lexer_is(const Lexer *lexer, const char *word);
extern bool lexer_is_call(const Lexer *lexer, const char *word);
extern bool lexer_skip(Lexer *lexer, const char *word);
extern void lexer_fail(Lexer *lexer, int offset, const char *message);
extern void lexer_expected(Lexer *lexer, const char *what);

#endif							/* MHUB_CONDITION_LEXER_H */

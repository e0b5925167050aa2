/*
 * parse_text.h
 *	  What the two halves of the text notation's parser share.
 *
 * Each parser_...() returns NULL (or false) after it has set the error.
 */
#ifndef MHUB_CONDITION_PARSE_TEXT_H
#define MHUB_CONDITION_PARSE_TEXT_H

#include "condition/lexer.h"

typedef struct Parser
{
	Lexer		lexer;
	int			depth;
	int			text_offset;	/* of the text that a pattern or version was read from */
} Parser;

extern CondNode *parser_condition(Parser *parser);
extern CondNode *parser_group(Parser *parser);
extern CondNode *parser_factor(Parser *parser);
extern CondNode *parser_predicate(Parser *parser);
extern bool parser_string(Parser *parser, const char *what, const char **text, int *length);
extern bool parser_event(Parser *parser, CondNode *node);
extern bool parser_time(Parser *parser, CondNode *node);
extern CondNode *parser_did(Parser *parser);

#endif							/* MHUB_CONDITION_PARSE_TEXT_H */

/*
 * mask_text.c
 *	  Blotting values out of the text of statements.
 *
 * Every character of a value becomes an asterisk, in place, so that nothing
 * is allocated while an error is being reported.  When in doubt (a quote in a
 * comment, say) more is blotted out, not less.
 */
#include "privacy/mask_text.h"

#include <ctype.h>

/* Shorter numbers are counts and ids; longer ones may be telephone numbers. */
#define LONG_NUMBER 7

static char *
blot_until(char *from, const char *end)
{
	while (from < end)
		*from++ = '*';
	return from;
}

/* from is behind the opening quote; returns what is behind the closing one. */
static char *
mask_string(char *from, bool backslashes)
{
	while (*from != '\0')
	{
		if (backslashes && *from == '\\' && from[1] != '\0')
			*from++ = '*';
		else if (*from == '\'' && from[1] == '\'')
			*from++ = '*';
		else if (*from == '\'')
			return from + 1;
		*from++ = '*';
	}
	return from;
}

/* $tag$ ... $tag$; from is at the first $.  NULL when it begins no such string. */
static char *
mask_dollar_string(char *from)
{
	size_t		tag_len = 1;
	char		tag[66];
	char	   *body;
	char	   *end;

	while (isalnum((unsigned char) from[tag_len]) || from[tag_len] == '_')
		tag_len++;
	if (from[tag_len] != '$' || isdigit((unsigned char) from[1]) || tag_len + 2 > sizeof(tag))
		return NULL;
	memcpy(tag, from, tag_len + 1);
	tag[tag_len + 1] = '\0';
	body = from + tag_len + 1;
	end = strstr(body, tag);
	if (end == NULL)
		return blot_until(body, body + strlen(body));
	return blot_until(body, end) + tag_len + 1;
}

static char *
mask_number(char *from)
{
	char	   *end = from;

	while (isdigit((unsigned char) *end))
		end++;
	return end - from >= LONG_NUMBER ? blot_until(from, end) : end;
}

static bool
is_word(char c)
{
	return isalnum((unsigned char) c) || c == '_' || c == '$' || IS_HIGHBIT_SET(c);
}

/* String constants, also in dollar quotes, and long numbers */
void
mhub_mask_literals(char *statement)
{
	char		before = ' ';

	while (*statement != '\0')
	{
		char	   *next = NULL;

		if (*statement == '\'')
			next = mask_string(statement + 1, before == 'E' || before == 'e');
		else if (*statement == '$' && !is_word(before))
			next = mask_dollar_string(statement);
		else if (isdigit((unsigned char) *statement) && !is_word(before))
			next = mask_number(statement);
		if (next == NULL)
			next = statement + 1;
		before = next[-1];
		statement = next;
	}
}

/* What a message has in double quotes: the value it complains about */
void
mhub_mask_quoted(char *message)
{
	char	   *open = strchr(message, '"');
	char	   *close = open != NULL ? strrchr(message, '"') : NULL;

	if (close != NULL && close > open)
		blot_until(open + 1, close);
}

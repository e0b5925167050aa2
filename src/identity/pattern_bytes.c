/*
 * pattern_bytes.c
 *	  Which bytes a value must be made of to match a simple regular expression.
 *
 * To run a regular expression over every identifier that comes by costs more
 * than all else that is asked about it.  Most have a byte that rules a simple
 * expression out.
 */
#include "identity/pattern_bytes.h"

static bool
is_plain(char c)
{
	return c != '\0' && ((c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
						 strchr("-_@#%&=~:;,/<> '\"", c) != NULL);
}

static bool
is_punctuation(char c)
{
	return c > ' ' && c < 0x7F && !(c >= '0' && c <= '9') && !(c >= 'a' && c <= 'z') && !(c >= 'A' && c <= 'Z');
}

/* [...] of single characters and ranges of digits or letters; NULL for any other. */
static const char *
take_list(const char *at, bool bytes[256])
{
	for (; *at != ']'; at++)
	{
		if (!is_plain(*at) && *at != '+' && *at != '.' && *at != '*')
			return NULL;
		if (at[1] == '-' && at[2] != ']')
		{
			if (!is_plain(at[2]) || *at > at[2])
				return NULL;
			for (int c = (unsigned char) *at; c <= (unsigned char) at[2]; c++)
				bytes[c] = true;
			at += 2;
		}
		else
			bytes[(unsigned char) *at] = true;
	}
	return at + 1;
}

bool
mhub_pattern_bytes(const char *pattern, bool bytes[256])
{
	const char *at = pattern;

	memset(bytes, false, 256 * sizeof(bool));
	if (*at++ != '^')
		return false;
	while (!(at[0] == '$' && at[1] == '\0'))
	{
		if (*at == '[' && at[1] != '^' && at[1] != ']')
		{
			at = take_list(at + 1, bytes);
			if (at == NULL)
				return false;
		}
		else if (*at == '\\' && is_punctuation(at[1]))
		{
			bytes[(unsigned char) at[1]] = true;
			at += 2;
		}
		else if (*at != '\0' && is_plain(*at))
			bytes[(unsigned char) *at++] = true;
		else
			return false;
		if (*at == '?' || *at == '*' || *at == '+')
			at++;
	}
	return true;
}

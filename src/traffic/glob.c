/*
 * glob.c
 *	  Shell patterns for short words: * ? [abc] [!a-z].
 *
 * Channel rules are tested per event, and whoever edits them should not be
 * able to write one that takes minutes: a star only ever backtracks to the
 * last one, so the time is bounded by pattern times text.
 */
#include "traffic/glob.h"

/* The character class at pattern, which points behind its [; sets *end behind its ]. */
static bool
class_matches(const char *pattern, unsigned char c, const char **end)
{
	bool		negated = (*pattern == '!' || *pattern == '^');
	bool		found = false;
	const char *start;

	if (negated)
		pattern++;
	for (start = pattern; *pattern != '\0' && (*pattern != ']' || pattern == start); pattern++)
	{
		if (pattern[1] == '-' && pattern[2] != ']' && pattern[2] != '\0')
		{
			found = found || (c >= (unsigned char) pattern[0] && c <= (unsigned char) pattern[2]);
			pattern += 2;
		}
		else
			found = found || c == (unsigned char) *pattern;
	}
	*end = *pattern == ']' ? pattern + 1 : pattern;
	return found != negated;
}

/* Does one byte of text match the head of pattern?  Sets *end behind that head. */
static bool
head_matches(const char *pattern, unsigned char c, const char **end)
{
	if (*pattern == '[')
		return class_matches(pattern + 1, c, end);
	*end = pattern + 1;
	return *pattern == '?' || (unsigned char) *pattern == c;
}

/* Behind a star nothing can match before the next byte of the pattern occurs; NULL when it does not. */
static const char *
next_chance(const char *pattern, const char *text)
{
	if (*pattern == '\0' || strchr("*?[", *pattern) != NULL)
		return text;
	return strchr(text, *pattern);
}

/* Both in lower case already; bytes, so ? is one byte. */
bool
mhub_glob_match(const char *pattern, const char *text)
{
	const char *star = NULL;
	const char *resume = NULL;

	while (*text != '\0')
	{
		const char *end;

		if (*pattern == '*')
		{
			star = ++pattern;
			text = resume = next_chance(pattern, text);
			if (text == NULL)
				return false;
		}
		else if (*pattern != '\0' && head_matches(pattern, (unsigned char) *text, &end))
		{
			pattern = end;
			text++;
		}
		else if (star != NULL)
		{
			pattern = star;
			text = resume = next_chance(pattern, resume + 1);
			if (text == NULL)
				return false;
		}
		else
			return false;
	}
	while (*pattern == '*')
		pattern++;
	return *pattern == '\0';
}

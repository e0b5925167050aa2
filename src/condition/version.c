/*
 * version.c
 *	  Order of version numbers (semver.org 2.0.0, read generously).
 *
 * A leading v and everything from + on do not count; parts are separated by
 * dots or hyphens; digits compare as numbers and come before letters; what
 * has exactly three parts is a release and comes after its pre-releases.
 * GrowthBook's $v operators order the same way, except that they compare
 * numbers of more than five digits as text.
 */
#include "condition/version.h"

typedef struct Part
{
	const char *text;
	int			length;
	bool		number;
} Part;

static bool
all_digits(const char *text, int length)
{
	for (int i = 0; i < length; i++)
	{
		if (text[i] < '0' || text[i] > '9')
			return false;
	}
	return length > 0;
}

static void
trim(const char **text, int *length)
{
	if (*length > 0 && **text == 'v')
	{
		(*text)++;
		(*length)--;
	}
	for (int i = 0; i < *length; i++)
	{
		if ((*text)[i] == '+')
			*length = i;
	}
}

static int
split(const char *text, int length, Part parts[CONDITION_VERSION_MAX + 2])
{
	int			n = 0;
	int			start = 0;

	trim(&text, &length);
	for (int i = 0; i <= length; i++)
	{
		if (i < length && text[i] != '.' && text[i] != '-')
			continue;
		parts[n].text = text + start;
		parts[n].length = i - start;
		parts[n].number = all_digits(text + start, i - start);
		n++;
		start = i + 1;
	}
	/* A tilde sorts behind every letter and digit: a release is later than its pre-releases. */
	if (n == 3)
	{
		parts[n].text = "~";
		parts[n].length = 1;
		parts[n++].number = false;
	}
	return n;
}

static int
compare_bytes(const char *a, int a_length, const char *b, int b_length)
{
	int			order = memcmp(a, b, Min(a_length, b_length));

	return order != 0 ? order : a_length - b_length;
}

static int
compare_parts(Part a, Part b)
{
	if (a.number != b.number)
		return a.number ? -1 : 1;
	if (!a.number)
		return compare_bytes(a.text, a.length, b.text, b.length);
	for (; a.length > 1 && *a.text == '0'; a.length--)
		a.text++;
	for (; b.length > 1 && *b.text == '0'; b.length--)
		b.text++;
	if (a.length != b.length)
		return a.length - b.length;
	return memcmp(a.text, b.text, a.length);
}

/* Does the text look like a version: a digit first, perhaps behind a v? */
bool
condition_is_version(const char *text, int length)
{
	if (length > 0 && *text == 'v')
	{
		text++;
		length--;
	}
	return length > 0 && length <= CONDITION_VERSION_MAX && *text >= '0' && *text <= '9';
}

/* Negative, 0 or positive.  Neither text may be longer than CONDITION_VERSION_MAX. */
int
condition_compare_versions(const char *a, int a_length, const char *b, int b_length)
{
	Part		a_parts[CONDITION_VERSION_MAX + 2];
	Part		b_parts[CONDITION_VERSION_MAX + 2];
	int			a_count = split(a, a_length, a_parts);
	int			b_count = split(b, b_length, b_parts);

	for (int i = 0; i < a_count && i < b_count; i++)
	{
		int			order = compare_parts(a_parts[i], b_parts[i]);

		if (order != 0)
			return order;
	}
	return a_count - b_count;
}

/*
 * body_parts.c
 *	  The messages of a body, told apart without understanding them.
 *
 * For bodies that are no JSON to the server as a whole: one message may be
 * nested too deeply, or hold \u0000, or half an emoji.  Counting brackets and
 * quotes is enough to find the others.  Pure; no recursion.
 */
#include "collect/body_parts.h"

static void
skip_space(MhubBody *body)
{
	while (body->at < body->end && strchr(" \t\r\n", *body->at) != NULL)
		body->at++;
}

static bool
take(MhubBody *body, char c)
{
	skip_space(body);
	if (body->at == body->end || *body->at != c)
		return false;
	body->at++;
	return true;
}

/* Behind the closing quote of the string that "at" is within */
static void
skip_string(MhubBody *body)
{
	for (; body->at < body->end; body->at++)
	{
		if (*body->at == '\\' && body->at + 1 < body->end)
			body->at++;
		else if (*body->at == '"')
		{
			body->at++;
			return;
		}
	}
}

/* Behind a value: to the comma or bracket that follows it, or to the end. */
static void
skip_value(MhubBody *body)
{
	int64		depth = 0;

	while (body->at < body->end)
	{
		char		c = *body->at;

		if (depth == 0 && (c == ',' || c == ']' || c == '}'))
			return;
		body->at++;
		if (c == '"')
			skip_string(body);
		else if (c == '[' || c == '{')
			depth++;
		else if (c == ']' || c == '}')
			depth--;
	}
}

/* Reads "name": and says whether that is the name. */
static bool
take_key(MhubBody *body, const char *name, bool *is_name)
{
	const char *start;

	if (!take(body, '"'))
		return false;
	start = body->at;
	skip_string(body);
	*is_name = (size_t) (body->at - start) == strlen(name) + 1 && strncmp(start, name, strlen(name)) == 0;
	return take(body, ':');
}

bool
mhub_body_find_list(MhubBody *body)
{
	bool		is_batch;

	body->at = body->text;
	if (take(body, '['))
		return true;
	if (!take(body, '{'))
		return false;
	do
	{
		if (!take_key(body, "batch", &is_batch))
			return false;
		if (is_batch && take(body, '['))
			return true;
		skip_value(body);
	} while (take(body, ','));
	return false;
}

bool
mhub_body_next_message(MhubBody *body, const char **message, size_t *length)
{
	skip_space(body);
	if (body->at == body->end || *body->at == ']')
		return false;
	*message = body->at;
	skip_value(body);
	*length = body->at - *message;
	if (!take(body, ',') && body->at < body->end && *body->at != ']')
		body->at = body->end;	/* a bracket that closes nothing */
	return true;
}

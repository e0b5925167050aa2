/*
 * build.c
 *	  Making and completing nodes: what the parsers of both notations share.
 */
#include "condition/ast.h"

#include <math.h>

#include "condition/fold.h"
#include "condition/network.h"
#include "condition/pattern.h"
#include "condition/value.h"
#include "condition/version.h"
#include "fmgr.h"
#include "utils/fmgrprotos.h"

/* Longer IN lists are sorted and searched. */
#define SORT_FROM 8

CondNode *
condition_node(CondKind kind)
{
	CondNode   *node = palloc0(sizeof(CondNode));

	node->kind = kind;
	node->at_least = 1;
	node->at_most = -1;
	return node;
}

CondNode *
condition_wrap(CondKind kind, CondNode *child)
{
	CondNode   *node = condition_node(kind);

	node->nchildren = 1;
	node->children = palloc(sizeof(CondNode *));
	node->children[0] = child;
	return node;
}

static void
append_child(CondNode *node, CondNode *child)
{
	int			n = node->nchildren;

	/* grow at powers of two */
	if (n == 0)
		node->children = palloc(2 * sizeof(CondNode *));
	else if (n >= 2 && (n & (n - 1)) == 0)
		node->children = repalloc(node->children, 2 * n * sizeof(CondNode *));
	node->children[node->nchildren++] = child;
}

/* left AND/OR right; a chain of one kind is one flat node. */
CondNode *
condition_join(CondKind kind, CondNode *left, CondNode *right)
{
	CondNode   *node = left;

	if (left == NULL)
		return right;
	if (left->kind != kind)
	{
		node = condition_node(kind);
		append_child(node, left);
	}
	if (right->kind == kind)
	{
		for (int i = 0; i < right->nchildren; i++)
			append_child(node, right->children[i]);
	}
	else
		append_child(node, right);
	return node;
}

static int
array_index(const char *name, int length)
{
	int			index = 0;

	if (length == 0 || length > 6)
		return -1;
	for (int i = 0; i < length; i++)
	{
		if (name[i] < '0' || name[i] > '9')
			return -1;
		index = index * 10 + (name[i] - '0');
	}
	return index;
}

CondPath *
condition_path_from_segments(const CondSegment *segments, int nsegments)
{
	CondPath   *path = palloc(offsetof(CondPath, segments) + nsegments * sizeof(CondSegment));

	path->nsegments = nsegments;
	path->attribute = -1;
	for (int i = 0; i < nsegments; i++)
	{
		path->segments[i].name = pnstrdup(segments[i].name, segments[i].length);
		path->segments[i].length = segments[i].length;
		path->segments[i].index = array_index(segments[i].name, segments[i].length);
	}
	return path;
}

/* One segment of a key: quoted, or anything up to the next dot. */
static const char *
read_key_segment(const char *at, const char *end, CondSegment *segment)
{
	char	   *name = palloc(end - at + 1);
	int			n = 0;

	if (at < end && *at == '"')
	{
		for (at++; at < end; at++)
		{
			if (*at == '"' && (at + 1 >= end || at[1] != '"'))
				break;
			if (*at == '"')
				at++;
			name[n++] = *at;
		}
		if (at >= end)
			return NULL;
		at++;
		if (at < end && *at != '.')
			return NULL;
	}
	else
	{
		while (at < end && *at != '.')
			name[n++] = *at++;
	}
	segment->name = name;
	segment->length = n;
	return n > 0 ? at : NULL;
}

/* The path that a JSON key names: segments between dots, in double quotes where one has a dot itself; @ is the element. */
CondPath *
condition_path_from_key(const char *key, int length)
{
	CondSegment segments[CONDITION_MAX_SEGMENTS];
	const char *at = key;
	const char *end = key + length;
	int			n = 0;

	if (length == 1 && *key == '@')
		return condition_path_from_segments(NULL, 0);
	for (;;)
	{
		if (n == CONDITION_MAX_SEGMENTS)
			return NULL;
		at = read_key_segment(at, end, &segments[n++]);
		if (at == NULL)
			return NULL;
		if (at == end)
			return condition_path_from_segments(segments, n);
		at++;
	}
}

/* Names the event (or segment) of a node, and the path of the event's counters. */
void
condition_set_event(CondNode *node, const char *name, int length)
{
	CondSegment segments[2] = {{"$events", 7, -1}, {name, length, -1}};

	node->event = pnstrdup(name, length);
	node->event_length = length;
	if (node->kind == COND_SEGMENT)
	{
		segments[0].name = "$segments";
		segments[0].length = 9;
		node->event_path = condition_path_from_segments(segments, 1);
	}
	else
		node->event_path = condition_path_from_segments(segments, 2);
}

/* Of the events, those whose properties fulfil the condition. */
void
condition_set_where(CondNode *node, CondNode *where)
{
	node->nchildren = 1;
	node->children = palloc(sizeof(CondNode *));
	node->children[0] = where;
}

/* Are the conditions below a node about elements of an array or properties of events, not about the profile? */
bool
condition_asks_within(const CondNode *node)
{
	return node->kind == COND_ANY || node->kind == COND_DID || node->kind == COND_TIME;
}

/* The string itself is kept, not a copy: it must live as long as the tree. */
CondValue
condition_string_value(const char *string, int length)
{
	CondValue	value = {.type = COND_VALUE_STRING};

	value.string = string;
	value.length = length;
	return value;
}

/* A number as written; false when it is out of the range that a double holds. */
bool
condition_number_value(const char *text, int length, CondValue *value)
{
	char	   *copy;
	double		number;

	if (length > 100)
		return false;
	copy = pnstrdup(text, length);
	number = strtod(copy, NULL);
	if (isinf(number) || (number != 0 && fabs(number) < 1e-300))
		return false;
	memset(value, 0, sizeof(*value));
	condition_set_written_number(value, DatumGetNumeric(DirectFunctionCall3(numeric_in, CStringGetDatum(copy),
																			ObjectIdGetDatum(InvalidOid),
																			Int32GetDatum(-1))), copy);
	pfree(copy);
	return true;
}

void
condition_add_value(CondNode *node, const CondValue *value)
{
	int			n = node->nvalues;

	if (n == 0)
		node->values = palloc(sizeof(CondValue));
	else if ((n & (n - 1)) == 0)
		node->values = repalloc_huge(node->values, 2 * n * sizeof(CondValue));
	node->values[node->nvalues++] = *value;
}

static const char *
fold_values(CondNode *node)
{
	for (int i = 0; i < node->nvalues; i++)
	{
		CondValue  *value = &node->values[i];

		if (value->type == COND_VALUE_STRING)
			value->folded = condition_fold(value->string, value->length, &value->folded_length);
	}
	return NULL;
}

static const char *
complete_compare(CondNode *node)
{
	if (node->other == NULL && node->values[0].type == COND_VALUE_BOOL && node->op != OP_EQ && node->op != OP_NE)
		return "true and false have no order; use = or !=";
	return NULL;
}

static const char *
complete_between(CondNode *node)
{
	if (node->values[0].type != node->values[1].type || node->values[0].type == COND_VALUE_BOOL)
		return "between needs two numbers or two strings";
	return NULL;
}

static const char *
complete_network(CondNode *node)
{
	node->nnetworks = node->nvalues;
	node->networks = palloc(node->nvalues * sizeof(CondNetwork));
	for (int i = 0; i < node->nvalues; i++)
	{
		CondValue  *value = &node->values[i];

		if (value->type != COND_VALUE_STRING ||
			!condition_read_network(value->string, value->length, &node->networks[i]))
			return "expected a network such as '10.0.0.0/8' or '2001:db8::/32'";
		node->networks[i].text = value->string;
	}
	return NULL;
}

static bool
takes_fold(CondKind kind)
{
	return kind == COND_COMPARE || kind == COND_IN || kind == COND_BETWEEN || kind == COND_HAS || kind == COND_AFFIX;
}

/*
 * Checks and prepares a node whose parts have all been read.  Returns what is
 * wrong with it, or NULL.
 */
const char *
condition_complete(CondNode *node)
{
	const char *problem = NULL;

	if (node->fold && !takes_fold(node->kind))
		return "folded applies to =, !=, <, in, between, has, starts with, ends with and contains";
	switch (node->kind)
	{
		case COND_COMPARE:
			problem = complete_compare(node);
			break;
		case COND_BETWEEN:
			problem = complete_between(node);
			break;
		case COND_NETWORK:
			return complete_network(node);
		case COND_REGEX:
			return condition_check_pattern(node->values[0].string, node->values[0].length);
		case COND_VERSION:
			if (!condition_is_version(node->values[0].string, node->values[0].length))
				return "expected a version such as '2.10.0'";
			break;
		case COND_DID:
			if (node->at_most >= 0 && node->at_most < node->at_least)
				return "the upper number of times is below the lower one";
			break;
		default:
			break;
	}
	if (problem == NULL && node->fold)
		problem = fold_values(node);
	if (problem == NULL && node->kind == COND_IN && node->nvalues > SORT_FROM && !node->fold)
		condition_sort_values(node);
	return problem;
}

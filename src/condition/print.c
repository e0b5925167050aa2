/*
 * print.c
 *	  The canonical text of a condition.  Reading it gives the same tree.
 */
#include "condition/ast.h"

#include "condition/lexer.h"
#include "condition/names.h"
#include "fmgr.h"
#include "lib/stringinfo.h"
#include "utils/fmgrprotos.h"

static bool
is_one_of(const char *word, int length, const char *const *words, int count)
{
	for (int i = 0; i < count; i++)
	{
		if (lexer_same_word(word, length, words[i]))
			return true;
	}
	return false;
}

/* Words that cannot name an attribute unless they stand in double quotes. */
bool
condition_is_keyword(const char *word, int length)
{
	static const char *const words[] = {"and", "any", "did", "false", "folded", "in", "not", "null", "or", "true", "unless"};

	return is_one_of(word, length, words, lengthof(words));
}

/* Words with a meaning somewhere: an attribute of that name is printed in quotes, to be clear. */
static bool
has_meaning(const char *word, int length)
{
	static const char *const words[] = {
		"after", "all", "before", "between", "contains", "ends", "exists", "first", "has", "is", "last", "matches",
		"missing", "none", "now", "older", "segment", "starts", "version", "where", "within"
	};

	return is_one_of(word, length, words, lengthof(words)) || condition_is_keyword(word, length);
}

static void
print_quoted(StringInfo out, char quote, const char *text, int length)
{
	appendStringInfoChar(out, quote);
	for (int i = 0; i < length; i++)
	{
		if (text[i] == quote)
			appendStringInfoChar(out, quote);
		appendStringInfoChar(out, text[i]);
	}
	appendStringInfoChar(out, quote);
}

/* Names with a dollar sign are the profile's own; one that is not stands in quotes. */
bool
condition_is_reserved(const char *name, int length)
{
	static const char *const names[] = {"$events", "$segments", "$consent", "$context", "$score"};

	for (int i = 0; i < (int) lengthof(names); i++)
	{
		if ((int) strlen(names[i]) == length && memcmp(names[i], name, length) == 0)
			return true;
	}
	return false;
}

static bool
is_bare(const CondSegment *segment, bool first, bool only)
{
	if (segment->index >= 0 && !first)
		return true;
	if (first && *segment->name == '$' && !condition_is_reserved(segment->name, segment->length))
		return false;
	if (only && (has_meaning(segment->name, segment->length) ||
				 (segment->length == 1 && *segment->name == '@')))
		return false;
	for (int i = 0; i < segment->length; i++)
	{
		char		c = segment->name[i];
		bool		letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_' || c == '$' || c == '@' || IS_HIGHBIT_SET(c);

		if (!letter && (i == 0 || c < '0' || c > '9'))
			return false;
	}
	return true;
}

void
condition_print_path(StringInfo out, const CondPath *path)
{
	if (path->nsegments == 0)
		appendStringInfoChar(out, '@');
	for (int i = 0; i < path->nsegments; i++)
	{
		const CondSegment *segment = &path->segments[i];

		if (i > 0)
			appendStringInfoChar(out, '.');
		if (is_bare(segment, i == 0, path->nsegments == 1))
			appendBinaryStringInfo(out, segment->name, segment->length);
		else
			print_quoted(out, '"', segment->name, segment->length);
	}
}

/* A number or boolean: the same in both notations. */
void
condition_print_bare(StringInfo out, const CondValue *value)
{
	if (value->type == COND_VALUE_NUMBER)
		appendStringInfoString(out, DatumGetCString(DirectFunctionCall1(numeric_out, NumericGetDatum(value->numeric))));
	else
		appendStringInfoString(out, value->boolean ? "true" : "false");
}

static void
print_value(StringInfo out, const CondValue *value)
{
	if (value->type == COND_VALUE_STRING)
		print_quoted(out, '\'', value->string, value->length);
	else
		condition_print_bare(out, value);
}

static void
print_list(StringInfo out, const CondNode *node)
{
	appendStringInfoChar(out, '(');
	for (int i = 0; i < node->nvalues; i++)
	{
		if (i > 0)
			appendStringInfoString(out, ", ");
		print_value(out, &node->values[i]);
	}
	appendStringInfoChar(out, ')');
}

static void
print_unit(StringInfo out, int start, int64 amount, const char *unit)
{
	if (amount == 0)
		return;
	if (out->len > start)
		appendStringInfoChar(out, ' ');
	appendStringInfo(out, INT64_FORMAT " %s%s", amount, unit, amount == 1 ? "" : "s");
}

void
condition_print_span(StringInfo out, const CondSpan *span)
{
	int			start = out->len;

	print_unit(out, start, span->months / 12, "year");
	print_unit(out, start, span->months % 12, "month");
	print_unit(out, start, span->days, "day");
	print_unit(out, start, span->usecs / USECS_PER_HOUR, "hour");
	print_unit(out, start, span->usecs % USECS_PER_HOUR / USECS_PER_MINUTE, "minute");
	print_unit(out, start, span->usecs % USECS_PER_MINUTE / USECS_PER_SEC, "second");
	if (out->len == start)
		appendStringInfoString(out, "0 seconds");
}

static void
print_span_literal(StringInfo out, const CondSpan *span)
{
	appendStringInfoChar(out, '\'');
	condition_print_span(out, span);
	appendStringInfoChar(out, '\'');
}

static void
print_moment(StringInfo out, const CondMoment *moment)
{
	if (!moment->relative)
	{
		print_quoted(out, '\'', moment->text, strlen(moment->text));
		return;
	}
	appendStringInfoString(out, "now()");
	if (moment->span.months != 0 || moment->span.days != 0 || moment->span.usecs != 0)
	{
		appendStringInfoString(out, moment->minus ? " - " : " + ");
		print_span_literal(out, &moment->span);
	}
}

static void
print_compare(StringInfo out, const CondNode *node)
{
	appendStringInfo(out, " %s ", node->weak ? "is not" : condition_op_symbol(node->op));
	if (node->other != NULL)
		condition_print_path(out, node->other);
	else
		print_value(out, &node->values[0]);
}

static void
print_in(StringInfo out, const CondNode *node)
{
	appendStringInfoString(out, node->weak ? " is not in " : node->negated ? " not in " : " in ");
	print_list(out, node);
}

static void
print_has(StringInfo out, const CondNode *node)
{
	appendStringInfo(out, " %s ", condition_op_symbol(node->op));
	if (node->op == OP_HAS)
		print_value(out, &node->values[0]);
	else
		print_list(out, node);
}

static void
print_time(StringInfo out, const CondNode *node)
{
	appendStringInfo(out, " %s ", condition_op_symbol(node->op));
	if (node->op == OP_BEFORE || node->op == OP_AFTER)
		print_moment(out, &node->moment);
	else
		print_span_literal(out, &node->span);
}

static void
print_where(StringInfo out, const CondNode *node)
{
	if (node->nchildren == 0)
		return;
	appendStringInfoString(out, ", where ");
	condition_print(out, node->children[0]);
}

static void
print_subject(StringInfo out, const CondNode *node)
{
	if (node->subject == SUBJECT_PATH)
	{
		condition_print_path(out, node->path);
		return;
	}
	appendStringInfoString(out, node->subject == SUBJECT_LAST ? "last(" : "first(");
	print_quoted(out, '\'', node->event, node->event_length);
	print_where(out, node);
	appendStringInfoChar(out, ')');
}

static void
print_frequency(StringInfo out, const CondNode *node)
{
	if (node->at_most < 0)
	{
		if (node->at_least != 1)
			appendStringInfo(out, ", at least " INT64_FORMAT " times", node->at_least);
	}
	else if (node->at_least == node->at_most)
		appendStringInfo(out, ", exactly " INT64_FORMAT " times", node->at_least);
	else if (node->at_least == 0)
		appendStringInfo(out, ", at most " INT64_FORMAT " times", node->at_most);
	else
		appendStringInfo(out, ", between " INT64_FORMAT " and " INT64_FORMAT " times", node->at_least, node->at_most);
}

static void
print_did(StringInfo out, const CondNode *node, bool negated)
{
	appendStringInfoString(out, negated ? "did not(" : "did(");
	print_quoted(out, '\'', node->event, node->event_length);
	print_frequency(out, node);
	if (node->has_span)
	{
		appendStringInfoString(out, ", within ");
		print_span_literal(out, &node->span);
	}
	print_where(out, node);
	appendStringInfoChar(out, ')');
}

static void
print_predicate(StringInfo out, const CondNode *node)
{
	print_subject(out, node);
	switch (node->kind)
	{
		case COND_COMPARE:
			print_compare(out, node);
			break;
		case COND_IN:
			print_in(out, node);
			break;
		case COND_BETWEEN:
			appendStringInfoString(out, " between ");
			print_value(out, &node->values[0]);
			appendStringInfoString(out, " and ");
			print_value(out, &node->values[1]);
			break;
		case COND_HAS:
			print_has(out, node);
			break;
		case COND_EXISTS:
			appendStringInfoString(out, " exists");
			break;
		case COND_MISSING:
			appendStringInfoString(out, " is missing");
			break;
		case COND_IS_NULL:
			appendStringInfoString(out, " is null");
			break;
		case COND_AFFIX:
			appendStringInfo(out, " %s ", condition_op_symbol(node->op));
			print_value(out, &node->values[0]);
			break;
		case COND_REGEX:
			appendStringInfoString(out, " matches ");
			print_value(out, &node->values[0]);
			break;
		case COND_VERSION:
			appendStringInfo(out, " version %s ", condition_op_symbol(node->op));
			print_value(out, &node->values[0]);
			break;
		case COND_TIME:
			print_time(out, node);
			break;
		case COND_NETWORK:
			appendStringInfoString(out, " in network ");
			if (node->nvalues == 1)
				print_value(out, &node->values[0]);
			else
				print_list(out, node);
			break;
		default:
			elog(ERROR, "unexpected condition node %d", (int) node->kind);
	}
	if (node->fold)
		appendStringInfoString(out, " folded");
}

/* Prints a child, in parentheses where the parent binds tighter. */
static void
print_child(StringInfo out, const CondNode *child, CondKind parent)
{
	bool		group = child->kind == COND_OR || (child->kind == COND_AND && parent != COND_OR);

	if (group)
		appendStringInfoChar(out, '(');
	condition_print(out, child);
	if (group)
		appendStringInfoChar(out, ')');
}

static void
print_children(StringInfo out, const CondNode *node, const char *word)
{
	for (int i = 0; i < node->nchildren; i++)
	{
		if (i > 0)
			appendStringInfoString(out, word);
		print_child(out, node->children[i], node->kind);
	}
}

void
condition_print(StringInfo out, const CondNode *node)
{
	switch (node->kind)
	{
		case COND_CONSTANT:
			appendStringInfoString(out, node->truth ? "true" : "false");
			break;
		case COND_AND:
			print_children(out, node, " and ");
			break;
		case COND_OR:
			print_children(out, node, " or ");
			break;
		case COND_NOT:
			if (node->children[0]->kind == COND_DID)
				print_did(out, node->children[0], true);
			else
			{
				appendStringInfoString(out, "not ");
				print_child(out, node->children[0], COND_NOT);
			}
			break;
		case COND_UNLESS:
			appendStringInfoString(out, "unless ");
			print_child(out, node->children[0], COND_UNLESS);
			break;
		case COND_SEGMENT:
			appendStringInfoString(out, "in segment ");
			print_quoted(out, '\'', node->event, node->event_length);
			break;
		case COND_DID:
			print_did(out, node, false);
			break;
		case COND_ANY:
			appendStringInfoString(out, "any ");
			condition_print_path(out, node->path);
			appendStringInfoString(out, " where (");
			condition_print(out, node->children[0]);
			appendStringInfoChar(out, ')');
			break;
		default:
			print_predicate(out, node);
	}
}

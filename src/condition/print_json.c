/*
 * print_json.c
 *	  A condition in MongoDB's notation.  Reading it gives the same tree.
 */
#include "condition/ast.h"

#include "condition/names.h"
#include "lib/stringinfo.h"
#include "utils/json.h"

static void
print_string(StringInfo out, const char *text, int length)
{
	escape_json(out, pnstrdup(text, length));
}

static void
print_value(StringInfo out, const CondValue *value)
{
	if (value->type == COND_VALUE_STRING)
		print_string(out, value->string, value->length);
	else
		condition_print_bare(out, value);
}

static void
print_list(StringInfo out, const CondNode *node)
{
	appendStringInfoChar(out, '[');
	for (int i = 0; i < node->nvalues; i++)
	{
		if (i > 0)
			appendStringInfoChar(out, ',');
		print_value(out, &node->values[i]);
	}
	appendStringInfoChar(out, ']');
}

/* The text of a path is also its key. */
static void
print_key(StringInfo out, const CondPath *path)
{
	StringInfoData key;

	initStringInfo(&key);
	condition_print_path(&key, path);
	escape_json(out, key.data);
	pfree(key.data);
}

static void
print_span(StringInfo out, const char *sign, const CondSpan *span)
{
	appendStringInfo(out, "\"%s", sign);
	condition_print_span(out, span);
	appendStringInfoChar(out, '"');
}

static void
print_moment(StringInfo out, const CondMoment *moment)
{
	if (!moment->relative)
	{
		print_string(out, moment->text, strlen(moment->text));
		return;
	}
	appendStringInfoString(out, "{\"$now\":");
	print_span(out, moment->minus ? "-" : "+", &moment->span);
	appendStringInfoChar(out, '}');
}

static void
print_operand(StringInfo out, const CondNode *node, CondOperand operand)
{
	switch (operand)
	{
		case OPERAND_SCALAR:
			if (node->other == NULL)
			{
				print_value(out, &node->values[0]);
				break;
			}
			appendStringInfoString(out, "{\"$path\":");
			print_key(out, node->other);
			appendStringInfoChar(out, '}');
			break;
		case OPERAND_STRING:
			print_value(out, &node->values[0]);
			break;
		case OPERAND_LIST:
		case OPERAND_STRINGS:
			print_list(out, node);
			break;
		case OPERAND_FLAG:
			appendStringInfoString(out, "true");
			break;
		case OPERAND_MOMENT:
			print_moment(out, &node->moment);
			break;
		case OPERAND_SPAN:
			print_span(out, "", &node->span);
			break;
	}
}

/* "$op": operand, and "$fold" where it applies */
static void
print_operator(StringInfo out, const CondNode *node)
{
	const CondOperatorName *name = condition_json_name(node);

	appendStringInfo(out, "\"%s\":", name->json);
	print_operand(out, node, name->operand);
	if (node->fold)
		appendStringInfoString(out, ",\"$fold\":true");
}

static void
print_where(StringInfo out, const CondNode *node)
{
	if (node->nchildren == 0)
		return;
	appendStringInfoString(out, ",\"where\":");
	condition_print_json(out, node->children[0]);
}

static void
print_predicate(StringInfo out, const CondNode *node)
{
	appendStringInfoChar(out, '{');
	if (node->subject == SUBJECT_PATH)
	{
		print_key(out, node->path);
		appendStringInfoString(out, ":{");
	}
	else
	{
		appendStringInfo(out, "\"%s\":{\"event\":", node->subject == SUBJECT_LAST ? "$last" : "$first");
		print_string(out, node->event, node->event_length);
		print_where(out, node);
		appendStringInfoChar(out, ',');
	}
	print_operator(out, node);
	appendStringInfoString(out, "}}");
}

static void
print_did(StringInfo out, const CondNode *node)
{
	appendStringInfoString(out, "{\"$did\":{\"event\":");
	print_string(out, node->event, node->event_length);
	appendStringInfo(out, ",\"atLeast\":" INT64_FORMAT, node->at_least);
	if (node->at_most >= 0)
		appendStringInfo(out, ",\"atMost\":" INT64_FORMAT, node->at_most);
	if (node->has_span)
	{
		appendStringInfoString(out, ",\"within\":");
		print_span(out, "", &node->span);
	}
	print_where(out, node);
	appendStringInfoString(out, "}}");
}

static void
print_joined(StringInfo out, const char *name, const CondNode *node)
{
	appendStringInfo(out, "{\"%s\":[", name);
	for (int i = 0; i < node->nchildren; i++)
	{
		if (i > 0)
			appendStringInfoChar(out, ',');
		condition_print_json(out, node->children[i]);
	}
	appendStringInfoString(out, "]}");
}

static void
print_wrapped(StringInfo out, const char *name, const CondNode *node)
{
	appendStringInfo(out, "{\"%s\":", name);
	condition_print_json(out, node->children[0]);
	appendStringInfoChar(out, '}');
}

void
condition_print_json(StringInfo out, const CondNode *node)
{
	switch (node->kind)
	{
		case COND_CONSTANT:
			appendStringInfoString(out, node->truth ? "{}" : "{\"$never\":true}");
			break;
		case COND_AND:
			print_joined(out, "$and", node);
			break;
		case COND_OR:
			print_joined(out, "$or", node);
			break;
		case COND_NOT:
			print_wrapped(out, "$notKnown", node);
			break;
		case COND_UNLESS:
			print_wrapped(out, "$not", node);
			break;
		case COND_SEGMENT:
			appendStringInfoString(out, "{\"$segment\":");
			print_string(out, node->event, node->event_length);
			appendStringInfoChar(out, '}');
			break;
		case COND_DID:
			print_did(out, node);
			break;
		case COND_ANY:
			appendStringInfoChar(out, '{');
			print_key(out, node->path);
			appendStringInfoString(out, ":{\"$elemMatch\":");
			condition_print_json(out, node->children[0]);
			appendStringInfoString(out, "}}");
			break;
		default:
			print_predicate(out, node);
	}
}

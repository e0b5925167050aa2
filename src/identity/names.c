/*
 * names.c
 *	  Identifiers as callers write them: {"cookie": "c-1", "email": ["a@b.c", "d@e.f"]}.
 */
#include "mhub.h"

#include "identity/identity.h"

#include "utils/builtins.h"
#include "utils/fmgrprotos.h"
#include "utils/numeric.h"

typedef struct NameList
{
	IdentityName *names;
	int			n;
	int			capacity;
} NameList;

static void
add_name(NameList *list, const JsonbValue *kind, const char *value, int length)
{
	if (list->n == list->capacity)
	{
		list->capacity = Max(4, list->capacity * 2);
		list->names = list->names == NULL
			? palloc(sizeof(IdentityName) * list->capacity)
			: repalloc(list->names, sizeof(IdentityName) * list->capacity);
	}
	list->names[list->n++] = (IdentityName) {kind->val.string.val, kind->val.string.len, value, length};
}

static void
add_value(NameList *list, const JsonbValue *kind, const JsonbValue *value, bool lenient)
{
	char	   *number;

	switch (value->type)
	{
		case jbvNull:
			return;
		case jbvString:
			add_name(list, kind, value->val.string.val, value->val.string.len);
			return;
		case jbvNumeric:
			number = DatumGetCString(DirectFunctionCall1(numeric_out, NumericGetDatum(value->val.numeric)));
			add_name(list, kind, number, strlen(number));
			return;
		default:
			if (!lenient)
				ereport(ERROR,
						(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
						 errmsg("value of identifier \"%.*s\" is neither text nor number",
								kind->val.string.len, kind->val.string.val),
						 errhint("Give a string, a number, or an array of these: {\"cookie\": \"c-1\", \"email\": [\"a@example.com\"]}.")));
	}
}

static void
add_values(NameList *list, const JsonbValue *kind, const JsonbValue *value, bool lenient)
{
	JsonbIterator *iterator;
	JsonbIteratorToken token;
	JsonbValue	element;

	if (value->type != jbvBinary || !JsonContainerIsArray(value->val.binary.data))
	{
		add_value(list, kind, value, lenient);
		return;
	}
	iterator = JsonbIteratorInit(value->val.binary.data);
	while ((token = JsonbIteratorNext(&iterator, &element, true)) != WJB_DONE)
	{
		if (token == WJB_ELEM)
			add_value(list, kind, &element, lenient);
	}
}

IdentityName *
mhub_identity_names(Jsonb *identifiers, bool lenient, int *n)
{
	NameList	list = {NULL, 0, 0};
	JsonbIterator *iterator = JsonbIteratorInit(&identifiers->root);
	JsonbIteratorToken token = WJB_DONE;
	JsonbValue	kind;
	JsonbValue	value;

	*n = 0;
	if (JB_ROOT_IS_OBJECT(identifiers))
		token = JsonbIteratorNext(&iterator, &kind, true);
	else if (!lenient)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("identifiers must be a jsonb object"),
				 errhint("Write {\"kind\": \"value\"}, for example {\"cookie\": \"c-1\", \"user_id\": \"42\"}.")));
	if (token != WJB_BEGIN_OBJECT)
		return NULL;
	while (JsonbIteratorNext(&iterator, &kind, true) == WJB_KEY)
	{
		(void) JsonbIteratorNext(&iterator, &value, true);
		add_values(&list, &kind, &value, lenient);
	}
	*n = list.n;
	return list.names;
}

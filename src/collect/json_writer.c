/*
 * json_writer.c
 *	  Objects from members that are jsonb already.
 *
 * pushJsonbValue() would take every nested value apart and put it together
 * again; copying its bytes is several times faster, and most of an event is
 * nested values that nobody wants changed.  The layout is that of
 * utils/jsonb.h, and has been for good: it is what is on disk.
 */
#include "collect/json_writer.h"

#include "utils/numeric.h"

typedef struct Writer
{
	Jsonb	   *out;
	char	   *data;			/* where the values' bytes begin */
	uint32		length;			/* of them, so far */
	int			n_entries;
} Writer;

static uint32
value_length(const JsonbValue *value)
{
	switch (value->type)
	{
		case jbvString:
			return value->val.string.len;
		case jbvNumeric:
			return VARSIZE_ANY(value->val.numeric);
		case jbvBinary:
			return value->val.binary.len;
		default:
			return 0;
	}
}

static bool
is_aligned(const JsonbValue *value)
{
	return value->type == jbvNumeric || value->type == jbvBinary;
}

static Size
size_of_object(const JsonbPair *pairs, int n)
{
	Size		length = 0;

	for (int i = 0; i < n; i++)
		length += pairs[i].key.val.string.len;
	for (int i = 0; i < n; i++)
	{
		if (is_aligned(&pairs[i].value))
			length = INTALIGN(length);
		length += value_length(&pairs[i].value);
	}
	return VARHDRSZ + sizeof(uint32) + 2 * n * sizeof(JEntry) + length;
}

static JEntry
entry_type(const JsonbValue *value)
{
	switch (value->type)
	{
		case jbvNull:
			return JENTRY_ISNULL;
		case jbvString:
			return JENTRY_ISSTRING;
		case jbvNumeric:
			return JENTRY_ISNUMERIC;
		case jbvBool:
			return value->val.boolean ? JENTRY_ISBOOL_TRUE : JENTRY_ISBOOL_FALSE;
		case jbvBinary:
			return JENTRY_ISCONTAINER;
		default:
			elog(ERROR, "unexpected jsonb value of type %d", (int) value->type);
	}
}

static const void *
value_bytes(const JsonbValue *value)
{
	switch (value->type)
	{
		case jbvString:
			return value->val.string.val;
		case jbvNumeric:
			return value->val.numeric;
		default:
			return value->val.binary.data;
	}
}

/* Padding before an aligned value counts as part of it. */
static void
write_value(Writer *writer, const JsonbValue *value)
{
	uint32		start = writer->length;
	uint32		length = value_length(value);
	JEntry		entry = entry_type(value);

	while (is_aligned(value) && writer->length != INTALIGN(writer->length))
		writer->data[writer->length++] = '\0';
	if (length > 0)
		memcpy(writer->data + writer->length, value_bytes(value), length);
	writer->length += length;
	/* Every so many entries hold where they end instead of how long they are. */
	if (writer->n_entries % JB_OFFSET_STRIDE == 0)
		entry |= JENTRY_HAS_OFF | writer->length;
	else
		entry |= writer->length - start;
	writer->out->root.children[writer->n_entries++] = entry;
}

/* The pairs are in jsonb's order of keys; values are scalars or whole containers. */
Jsonb *
mhub_json_write(const JsonbPair *pairs, int n)
{
	Size		size = size_of_object(pairs, n);
	Writer		writer = {palloc(size), NULL, 0, 0};

	if (size > JENTRY_OFFLENMASK)
		ereport(ERROR,
				(errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED),
				 errmsg("JSON object exceeds %u bytes", JENTRY_OFFLENMASK)));
	SET_VARSIZE(writer.out, size);
	writer.out->root.header = n | JB_FOBJECT;
	writer.data = (char *) &writer.out->root.children[2 * n];
	for (int i = 0; i < n; i++)
		write_value(&writer, &pairs[i].key);
	for (int i = 0; i < n; i++)
		write_value(&writer, &pairs[i].value);
	return writer.out;
}

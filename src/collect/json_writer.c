/*
 * json_writer.c
 *	  Objects and arrays from members that are jsonb already.
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

/* Bytes of the values behind those of the keys */
static Size
size_of_values(const JsonbPair *pairs, int n, Size length)
{
	for (int i = 0; i < n; i++)
	{
		if (is_aligned(&pairs[i].value))
			length = INTALIGN(length);
		length += value_length(&pairs[i].value);
	}
	return length;
}

static Size
size_of_keys(const JsonbPair *pairs, int n)
{
	Size		length = 0;

	for (int i = 0; i < n; i++)
		length += pairs[i].key.val.string.len;
	return length;
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

static Writer
start_writing(uint32 header, int n_entries, Size length)
{
	Size		size = VARHDRSZ + sizeof(uint32) + n_entries * sizeof(JEntry) + length;
	Writer		writer = {NULL, NULL, 0, 0};

	if (size > JENTRY_OFFLENMASK)
		ereport(ERROR,
				(errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED),
				 errmsg("JSON object or array exceeds %u bytes", JENTRY_OFFLENMASK)));
	writer.out = palloc(size);
	SET_VARSIZE(writer.out, size);
	writer.out->root.header = header;
	writer.data = (char *) &writer.out->root.children[n_entries];
	return writer;
}

Jsonb *
mhub_json_write(const JsonbPair *pairs, int n)
{
	Writer		writer = start_writing(n | JB_FOBJECT, 2 * n, size_of_values(pairs, n, size_of_keys(pairs, n)));

	for (int i = 0; i < n; i++)
		write_value(&writer, &pairs[i].key);
	for (int i = 0; i < n; i++)
		write_value(&writer, &pairs[i].value);
	return writer.out;
}

Jsonb *
mhub_json_write_array(const JsonbPair *elements, int n)
{
	Writer		writer = start_writing(n | JB_FARRAY, n, size_of_values(elements, n, 0));

	for (int i = 0; i < n; i++)
		write_value(&writer, &elements[i].value);
	return writer.out;
}

/* Short keys come first, so that most comparisons are of lengths. */
static int
compare_keys(const void *a, const void *b)
{
	const JsonbPair *left = a;
	const JsonbPair *right = b;
	int			left_length = left->key.val.string.len;
	int			right_length = right->key.val.string.len;
	int			order;

	if (left_length != right_length)
		return left_length < right_length ? -1 : 1;
	order = memcmp(left->key.val.string.val, right->key.val.string.val, left_length);
	if (order == 0)
		order = left->order < right->order ? -1 : 1;
	return order;
}

static bool
same_key(const JsonbPair *a, const JsonbPair *b)
{
	return a->key.val.string.len == b->key.val.string.len &&
		memcmp(a->key.val.string.val, b->key.val.string.val, a->key.val.string.len) == 0;
}

int
mhub_json_sort_pairs(JsonbPair *pairs, int n)
{
	int			kept = 0;

	for (int i = 0; i < n; i++)
		pairs[i].order = i;
	qsort(pairs, n, sizeof(JsonbPair), compare_keys);
	for (int i = 1; i < n; i++)
	{
		if (!same_key(&pairs[kept], &pairs[i]))
			kept++;
		if (kept != i)
			pairs[kept] = pairs[i];
	}
	return Min(kept + 1, n);
}

/*
 * path_transform.c
 *	  mhub.transform_path(): the usual simplifications of a path of labels.
 */
#include "mhub.h"

#include "attribution/label_set.h"
#include "catalog/pg_type.h"
#include "lib/stringinfo.h"
#include "utils/array.h"
#include "utils/builtins.h"

PG_FUNCTION_INFO_V1(mhub_transform_path);

/* A path as numbers of labels. */
typedef struct Path
{
	MhubLabelSet labels;
	int		   *steps;
	int			n;
} Path;

/* label is the one to be removed, -1 where the transform needs none; the answer is the new length. */
typedef int (*Transform) (Path *path, int label);

static int
keep_first_of_run(Path *path, int label pg_attribute_unused())
{
	int			kept = 0;

	for (int i = 0; i < path->n; i++)
	{
		if (kept == 0 || path->steps[kept - 1] != path->steps[i])
			path->steps[kept++] = path->steps[i];
	}
	return kept;
}

/* Labels are numbered by first appearance: their first appearances are 0, 1, 2 ... */
static int
keep_first(Path *path, int label pg_attribute_unused())
{
	for (int i = 0; i < path->labels.n; i++)
		path->steps[i] = i;
	return path->labels.n;
}

static int
remove_label(Path *path, int label)
{
	int			kept = 0;

	for (int i = 0; i < path->n; i++)
	{
		if (path->steps[i] != label)
			path->steps[kept++] = path->steps[i];
	}
	return kept == 0 ? path->n : kept;
}

static int
remove_last(Path *path, int label)
{
	int			kept = path->n;

	while (kept > 0 && path->steps[kept - 1] == label)
		kept--;
	return kept == 0 ? path->n : kept;
}

static const struct
{
	const char *name;
	Transform	transform;
	bool		needs_label;
}			transforms[] = {
	{"consecutive", keep_first_of_run, false},
	{"first", keep_first, false},
	{"frequency", keep_first, false},
	{"remove_if_not_all", remove_label, true},
	{"remove_if_last_and_not_all", remove_last, true}
};

static Path
read_path(ArrayType *array)
{
	Path		path;
	Datum	   *elements;
	bool	   *nulls;

	deconstruct_array(array, TEXTOID, -1, false, TYPALIGN_INT, &elements, &nulls, &path.n);
	mhub_label_set_init(&path.labels);
	path.steps = palloc_extended(sizeof(int) * (path.n + 1), MCXT_ALLOC_HUGE);
	for (int i = 0; i < path.n; i++)
	{
		text	   *label = nulls[i] ? cstring_to_text("(not set)") : DatumGetTextPP(elements[i]);

		path.steps[i] = mhub_label_number(&path.labels, VARDATA_ANY(label), VARSIZE_ANY_EXHDR(label));
	}
	return path;
}

/* label(3): how often each comes. */
static Datum
counted_label(const Path *path, const int *counts, int label)
{
	StringInfoData text;

	initStringInfo(&text);
	appendBinaryStringInfo(&text, path->labels.labels[label].text, path->labels.labels[label].length);
	if (counts != NULL)
		appendStringInfo(&text, "(%d)", counts[label]);
	return PointerGetDatum(cstring_to_text_with_len(text.data, text.len));
}

static ArrayType *
write_path(const Path *path, int n, const int *counts)
{
	Datum	   *elements = palloc_extended(sizeof(Datum) * (n + 1), MCXT_ALLOC_HUGE);

	for (int i = 0; i < n; i++)
		elements[i] = counted_label(path, counts, path->steps[i]);
	return construct_array(elements, n, TEXTOID, -1, false, TYPALIGN_INT);
}

static int *
count_labels(const Path *path)
{
	int		   *counts = palloc0(sizeof(int) * (path->labels.n + 1));

	for (int i = 0; i < path->n; i++)
		counts[path->steps[i]]++;
	return counts;
}

/* Arguments: path, name of the transform, label. */
Datum
mhub_transform_path(PG_FUNCTION_ARGS)
{
	char	   *name;
	Path		path;
	int		   *counts = NULL;
	int			label = -1;

	if (PG_ARGISNULL(0) || PG_ARGISNULL(1))
		PG_RETURN_NULL();
	name = text_to_cstring(PG_GETARG_TEXT_PP(1));
	path = read_path(PG_GETARG_ARRAYTYPE_P(0));
	for (size_t i = 0; i < lengthof(transforms); i++)
	{
		if (strcmp(transforms[i].name, name) != 0)
			continue;
		if (transforms[i].needs_label && PG_ARGISNULL(2))
			ereport(ERROR,
					(errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
					 errmsg("path transform %s needs a label", name)));
		if (transforms[i].needs_label)
		{
			text	   *given = PG_GETARG_TEXT_PP(2);

			label = mhub_label_number(&path.labels, VARDATA_ANY(given), VARSIZE_ANY_EXHDR(given));
		}
		if (strcmp(name, "frequency") == 0)
			counts = count_labels(&path);
		PG_RETURN_ARRAYTYPE_P(write_path(&path, transforms[i].transform(&path, label), counts));
	}
	ereport(ERROR,
			(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
			 errmsg("unknown path transform \"%s\"", name),
			 errhint("Transforms are consecutive, first, frequency, remove_if_not_all and remove_if_last_and_not_all.")));
}

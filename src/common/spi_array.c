/*
 * spi_array.c
 *	  Rows as array parameters of a statement, one array a column.
 */
#include "common/spi_array.h"

#include "catalog/pg_type.h"
#include "utils/array.h"

void
mhub_columns_init(MhubColumns *columns, int ncolumns, const Oid *element_types)
{
	columns->n = columns->capacity = 0;
	columns->ncolumns = ncolumns;
	memcpy(columns->types, element_types, sizeof(Oid) * ncolumns);
}

/* Gives all columns a new place, which is one piece of memory. */
static void
grow(MhubColumns *columns)
{
	int			old = columns->capacity;
	Size		capacity = Max(4, (Size) old * 2);
	char	   *place = palloc_extended((sizeof(Datum) + sizeof(bool)) * capacity * columns->ncolumns, MCXT_ALLOC_HUGE);
	Datum	   *values = (Datum *) place;
	bool	   *nulls = (bool *) (values + capacity * columns->ncolumns);
	void	   *before = old > 0 ? columns->values[0] : NULL;
	int			i;

	for (i = 0; i < columns->ncolumns; i++)
	{
		if (old > 0)
		{
			memcpy(values, columns->values[i], sizeof(Datum) * old);
			memcpy(nulls, columns->nulls[i], sizeof(bool) * old);
		}
		columns->values[i] = values;
		columns->nulls[i] = nulls;
		values += capacity;
		nulls += capacity;
	}
	columns->capacity = capacity;
	if (before != NULL)
		pfree(before);
}

/* Adds a row of values that are not null; mhub_columns_null() corrects that. */
void
mhub_columns_add(MhubColumns *columns, const Datum *row)
{
	int			i;

	if (columns->n == columns->capacity)
		grow(columns);
	for (i = 0; i < columns->ncolumns; i++)
	{
		columns->values[i][columns->n] = row[i];
		columns->nulls[i][columns->n] = false;
	}
	columns->n++;
}

/* Makes a column of the row added last null. */
void
mhub_columns_null(MhubColumns *columns, int column)
{
	columns->nulls[column][columns->n - 1] = true;
}

static Datum
array_of(Oid element_type, Datum *values, bool *nulls, int n)
{
	int			lower = 1;
	int			length = -1;
	bool		by_value = false;
	char		align = TYPALIGN_INT;

	switch (element_type)
	{
		case BOOLOID:
			length = 1;
			by_value = true;
			align = TYPALIGN_CHAR;
			break;
		case INT4OID:
		case FLOAT4OID:
			length = 4;
			by_value = true;
			break;
		case INT8OID:
		case TIMESTAMPTZOID:
			length = 8;
			by_value = FLOAT8PASSBYVAL;
			align = TYPALIGN_DOUBLE;
			break;
		case TEXTOID:
		case BYTEAOID:
		case JSONBOID:
			break;
		default:
			elog(ERROR, "no arrays of type %u are made here", element_type);
	}
	return PointerGetDatum(construct_md_array(values, nulls, 1, &n, &lower,
											  element_type, length, by_value, align));
}

/* One array a column, in their order */
void
mhub_columns_arrays(const MhubColumns *columns, Datum *arrays)
{
	int			i;

	for (i = 0; i < columns->ncolumns; i++)
		arrays[i] = array_of(columns->types[i], columns->values[i], columns->nulls[i], columns->n);
}

/* Runs a statement whose parameters are the values of one row. */
uint64
mhub_execute_row(MhubPlan *one, const MhubColumns *columns, int row, int expected)
{
	Datum		args[MHUB_MAX_COLUMNS];
	char		nulls[MHUB_MAX_COLUMNS];
	int			i;

	for (i = 0; i < columns->ncolumns; i++)
	{
		args[i] = columns->values[i][row];
		nulls[i] = columns->nulls[i][row] ? 'n' : ' ';
	}
	return mhub_execute_batch(one, args, nulls, expected);
}

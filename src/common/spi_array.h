/*
 * spi_array.h
 *	  Rows as array parameters of a statement, one array a column.
 */
#ifndef MHUB_SPI_ARRAY_H
#define MHUB_SPI_ARRAY_H

#include "common/pgcompat.h"

#include "common/spi_plan.h"

/* So few rows are quicker one by one than as arrays, which cost a function scan. */
#define MHUB_FEW_ROWS 4

#define MHUB_MAX_COLUMNS 32

typedef struct MhubColumns
{
	int			n;				/* rows */
	int			capacity;
	int			ncolumns;
	Oid			types[MHUB_MAX_COLUMNS];
	Datum	   *values[MHUB_MAX_COLUMNS];
	bool	   *nulls[MHUB_MAX_COLUMNS];
} MhubColumns;

extern void mhub_columns_init(MhubColumns *columns, int ncolumns, const Oid *element_types);
extern void mhub_columns_add(MhubColumns *columns, const Datum *row);
extern void mhub_columns_null(MhubColumns *columns, int column);
extern void mhub_columns_arrays(const MhubColumns *columns, Datum *arrays);
extern uint64 mhub_execute_row(MhubPlan *one, const MhubColumns *columns, int row, int expected);

#endif							/* MHUB_SPI_ARRAY_H */

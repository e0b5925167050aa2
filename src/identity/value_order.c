/*
 * value_order.c
 *	  Sorting many values, bytewise.
 *
 * Values share long beginnings (a cookie's prefix, a customer number's zeros),
 * so comparing whole strings reads the same bytes again and again, each time
 * from somewhere else in memory.  Here eight bytes are read as one number, and
 * only values that agree in them are sorted on by the next eight.
 */
#include "identity/value_order.h"

#include "miscadmin.h"

#define PART ((int) sizeof(uint64))

/* So many values before its turn memory is asked for one. */
#define AHEAD 16

static inline int
compare_parts(const OrderedValue *a, const OrderedValue *b)
{
	if (a->part != b->part)
		return a->part < b->part ? -1 : 1;
	return (a->tie > b->tie) - (a->tie < b->tie);
}

#define ST_SORT sort_by_part
#define ST_ELEMENT_TYPE OrderedValue
#define ST_COMPARE(a, b) compare_parts(a, b)
#define ST_SCOPE static
#define ST_CHECK_FOR_INTERRUPTS
#define ST_DEFINE
#include "lib/sort_template.h"

/* The next bytes as a number that compares as they do; behind the end they are zero. */
static uint64
part_of(const char *value)
{
	uint64		part = 0;
	int			i;

	for (i = 0; i < PART && value[i] != '\0'; i++)
		part |= (uint64) (unsigned char) value[i] << (8 * (PART - 1 - i));
	return part;
}

/* Do values that agree in this part have more? */
static bool
goes_on(uint64 part)
{
	return (part & 0xff) != 0;
}

/* Sorts values that agree in the bytes before depth, and have that many. */
static void
sort_from(OrderedValue *values, Size n, Size depth)
{
	Size		from;
	Size		to;

	for (from = 0; from < n; from++)
	{
		if (from + AHEAD < n)
			__builtin_prefetch(values[from + AHEAD].value + depth);
		values[from].part = part_of(values[from].value + depth);
	}
	sort_by_part(values, n);
	for (from = 0; from < n; from = to)
	{
		for (to = from + 1; to < n && values[to].part == values[from].part; to++)
			;
		if (to - from > 1 && goes_on(values[from].part))
			sort_from(values + from, to - from, depth + PART);
	}
}

void
sort_values(OrderedValue *values, int n)
{
	sort_from(values, n, 0);
}

int *
numbers_of_values(const OrderedValue *values, int n)
{
	int		   *numbers = palloc_extended(sizeof(int) * (Size) n, MCXT_ALLOC_HUGE);
	int			i;

	for (i = 0; i < n; i++)
		numbers[i] = values[i].number;
	return numbers;
}

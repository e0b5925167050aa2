/*
 * conversion_set.c
 *	  Conversions of many people, to be looked up by person.
 *
 * No SPI, no fmgr.
 */
#include "attribution/conversion_set.h"

#include "attribution/amount.h"
#include "utils/memutils.h"

static void *
allocate(Size count, Size size)
{
	return palloc_extended(Max(count, 1) * size, MCXT_ALLOC_HUGE | MCXT_ALLOC_ZERO);
}

static int
count_persons(const char *rows, int n)
{
	int			count = 0;
	int64		last = 0;

	for (int i = 0; i < n; i++)
	{
		int64		person;

		memcpy(&person, rows + (Size) i * sizeof(MhubPersonConversion) + offsetof(MhubPersonConversion, person), sizeof(person));
		count += i == 0 || person != last;
		last = person;
	}
	return count;
}

static void
index_persons(MhubConversionSet *set, const char *rows)
{
	int			n_persons = count_persons(rows, set->n);
	MhubPersonConversion row;

	set->persons = allocate(n_persons, sizeof(int64));
	set->spans = allocate(n_persons, sizeof(MhubPersonSpan));
	set->begin = allocate((Size) n_persons + 1, sizeof(int));
	for (int i = 0; i < set->n; i++)
	{
		memcpy(&row, rows + (Size) i * sizeof(row), sizeof(row));
		if (set->n_persons == 0 || row.person != set->persons[set->n_persons - 1])
		{
			set->begin[set->n_persons] = i;
			set->spans[set->n_persons].first_at = row.at;
			set->persons[set->n_persons++] = row.person;
		}
		set->spans[set->n_persons - 1].last_at = row.at;
	}
	set->begin[set->n_persons] = set->n;
	mhub_person_index_build(&set->index, set->persons, set->n_persons);
}

/* Opens a flat set, in the current memory context, with amounts of min_scale decimals at least. */
MhubConversionSet *
mhub_conversion_set_open(const char *flat, Size size, int min_scale)
{
	MhubConversionSetHead head;
	MhubConversionSet *set = palloc0(sizeof(MhubConversionSet));
	const char *rows = flat + sizeof(head);

	if (size >= sizeof(head))
		memcpy(&head, flat, sizeof(head));
	if (size < sizeof(head) || head.magic != MHUB_CONVERSION_SET_MAGIC || head.n < 0 ||
		size != sizeof(head) + (Size) head.n * sizeof(MhubPersonConversion))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("conversions must be the result of mhub.conversion_set()")));
	set->n = head.n;
	set->scale = Max(head.scale, min_scale);
	set->fingerprint = head.fingerprint;
	index_persons(set, rows);
	set->conversions = allocate(set->n, sizeof(MhubConversion));
	for (int i = 0; i < set->n; i++)
	{
		MhubPersonConversion row;

		memcpy(&row, rows + (Size) i * sizeof(row), sizeof(row));
		set->conversions[i] = (MhubConversion) {row.at, row.id, {mhub_amount_rescaled((MhubAmount) {row.units, head.scale}, set->scale), set->scale}};
	}
	return set;
}

/* The time of the person's first conversion that is not before at; there is one. */
int64
mhub_conversion_set_next(const MhubConversionSet *set, int person, int64 at)
{
	int			low = set->begin[person];
	int			high = set->begin[person + 1] - 1;

	while (low < high)
	{
		int			middle = low + (high - low) / 2;

		if (set->conversions[middle].at < at)
			low = middle + 1;
		else
			high = middle;
	}
	return set->conversions[low].at;
}

Size
mhub_conversion_set_flat_size(const MhubConversionSet *set)
{
	return sizeof(MhubConversionSetHead) + (Size) set->n * sizeof(MhubPersonConversion);
}

void
mhub_conversion_set_flatten(const MhubConversionSet *set, char **to)
{
	MhubConversionSetHead head = {set->fingerprint, MHUB_CONVERSION_SET_MAGIC, set->n, set->scale};

	memcpy(*to, &head, sizeof(head));
	*to += sizeof(head);
	for (int p = 0; p < set->n_persons; p++)
	{
		for (int i = set->begin[p]; i < set->begin[p + 1]; i++)
		{
			const MhubConversion *c = &set->conversions[i];
			MhubPersonConversion row = {set->persons[p], c->at, c->id, c->amount.units};

			memcpy(*to, &row, sizeof(row));
			*to += sizeof(row);
		}
	}
}

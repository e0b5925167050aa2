/*
 * label_set.c
 *	  Texts numbered 0, 1, 2 ... in order of first appearance.
 *
 * Lives in the memory context it was initialised in.
 */
#include "attribution/label_set.h"

#include "attribution/flat.h"
#include "common/hashfn.h"
#include "utils/memutils.h"

#define FIRST_CAPACITY 8

void
mhub_label_set_init(MhubLabelSet *set)
{
	set->n = 0;
	set->capacity = FIRST_CAPACITY;
	set->labels = palloc(sizeof(MhubLabel) * set->capacity);
	set->mask = FIRST_CAPACITY * 2 - 1;
	set->slots = palloc0(sizeof(int32) * (set->mask + 1));
}

static void
enlarge(MhubLabelSet *set)
{
	Size		slots = ((Size) set->mask + 1) * 2;

	set->capacity *= 2;
	set->labels = repalloc_huge(set->labels, sizeof(MhubLabel) * set->capacity);
	pfree(set->slots);
	set->slots = palloc_extended(sizeof(int32) * slots, MCXT_ALLOC_HUGE | MCXT_ALLOC_ZERO);
	set->mask = slots - 1;
	for (int i = 0; i < set->n; i++)
	{
		uint32		slot = set->labels[i].hash & set->mask;

		while (set->slots[slot] != 0)
			slot = (slot + 1) & set->mask;
		set->slots[slot] = i + 1;
	}
}

/* The label's number, a new one at its first appearance. */
int
mhub_label_number(MhubLabelSet *set, const char *text, int length)
{
	uint32		hash = hash_bytes((const unsigned char *) text, length);
	uint32		slot = hash & set->mask;

	while (set->slots[slot] != 0)
	{
		const MhubLabel *label = &set->labels[set->slots[slot] - 1];

		if (label->hash == hash && label->length == length && memcmp(label->text, text, length) == 0)
			return set->slots[slot] - 1;
		slot = (slot + 1) & set->mask;
	}
	if (set->n == set->capacity)
	{
		enlarge(set);
		slot = hash & set->mask;
		while (set->slots[slot] != 0)
			slot = (slot + 1) & set->mask;
	}
	set->labels[set->n] = (MhubLabel) {text, length, hash};
	set->slots[slot] = ++set->n;
	return set->n - 1;
}

/* Byte order: the same on every machine and in every locale. */
int
mhub_label_compare(const MhubLabel *a, const MhubLabel *b)
{
	int			order = memcmp(a->text, b->text, Min(a->length, b->length));

	return order != 0 ? order : a->length - b->length;
}

/* The same, copying the text of a new label to the current memory context. */
int
mhub_label_number_copied(MhubLabelSet *set, const char *text, int length)
{
	int			before = set->n;
	int			number = mhub_label_number(set, text, length);

	if (set->n > before)
	{
		char	   *copy = palloc(Max(length, 1));

		memcpy(copy, text, length);
		set->labels[number].text = copy;
	}
	return number;
}

Size
mhub_label_set_flat_size(const MhubLabelSet *set)
{
	Size		size = sizeof(int32);

	for (int i = 0; i < set->n; i++)
		size += sizeof(int32) + set->labels[i].length;
	return size;
}

void
mhub_label_set_flatten(const MhubLabelSet *set, char **to)
{
	mhub_flat_put_int(to, set->n);
	for (int i = 0; i < set->n; i++)
	{
		mhub_flat_put_int(to, set->labels[i].length);
		mhub_flat_put(to, set->labels[i].text, set->labels[i].length);
	}
}

/*
 * Adds the labels of a flattened set; the answer is the number each has here.
 * It is in the current memory context, as are the copies of new labels.
 */
int *
mhub_label_set_merge(MhubLabelSet *set, const char **from, int *n)
{
	int		   *numbers;

	*n = mhub_flat_get_int(from);
	numbers = palloc_extended(sizeof(int) * ((Size) *n + 1), MCXT_ALLOC_HUGE);
	for (int i = 0; i < *n; i++)
	{
		int			length = mhub_flat_get_int(from);

		numbers[i] = mhub_label_number_copied(set, *from, length);
		*from += length;
	}
	return numbers;
}

/*
 * label_set.c
 *	  Texts numbered 0, 1, 2 ... in order of first appearance.
 *
 * Lives in the memory context it was initialised in.
 */
#include "attribution/label_set.h"

#include "attribution/flat.h"
#include "utils/memutils.h"

#define FIRST_CAPACITY 8

void
mhub_label_set_init(MhubLabelSet *set)
{
	set->n = 0;
	set->capacity = FIRST_CAPACITY;
	set->labels = palloc(sizeof(MhubLabel) * set->capacity);
	set->keys = palloc(sizeof(MhubLabelKey) * set->capacity);
	set->mask = FIRST_CAPACITY * 2 - 1;
	set->slots = palloc0(sizeof(int32) * (set->mask + 1));
}

static void
occupy(MhubLabelSet *set, int number)
{
	uint32		slot = set->keys[number].hash & set->mask;

	while (set->slots[slot] != 0)
		slot = (slot + 1) & set->mask;
	set->slots[slot] = number + 1;
}

static void
enlarge(MhubLabelSet *set)
{
	Size		slots = ((Size) set->mask + 1) * 2;

	set->capacity *= 2;
	set->labels = repalloc_huge(set->labels, sizeof(MhubLabel) * set->capacity);
	set->keys = repalloc_huge(set->keys, sizeof(MhubLabelKey) * set->capacity);
	pfree(set->slots);
	set->slots = palloc_extended(sizeof(int32) * slots, MCXT_ALLOC_HUGE | MCXT_ALLOC_ZERO);
	set->mask = slots - 1;
	for (int i = 0; i < set->n; i++)
		occupy(set, i);
}

/* A label that is not there yet. */
int
mhub_label_add(MhubLabelSet *set, const MhubLabelKey *key, const char *text)
{
	if (set->n == set->capacity)
		enlarge(set);
	set->labels[set->n] = (MhubLabel) {text, key->length};
	set->keys[set->n] = *key;
	occupy(set, set->n);
	return set->n++;
}

/* Byte order: the same on every machine and in every locale. */
int
mhub_label_compare(const MhubLabel *a, const MhubLabel *b)
{
	int			order = memcmp(a->text, b->text, Min(a->length, b->length));

	return order != 0 ? order : a->length - b->length;
}

/* The text of a short label, in the current memory context. */
char *
mhub_label_text_of_ends(const MhubLabelKey *key)
{
	int			end = key->length >= 8 ? 8 : key->length >= 4 ? 4 : key->length;
	char	   *text = palloc(MHUB_SHORT_LABEL);

	memcpy(text, &key->head, end);
	if (key->length >= 4)
		memcpy(text + key->length - end, &key->tail, end);
	return text;
}

/* Copies the text of the last label, which is new, to the current memory context. */
void
mhub_label_copy_last(MhubLabelSet *set)
{
	MhubLabel  *label = &set->labels[set->n - 1];
	char	   *copy = palloc(Max(label->length, 1));

	memcpy(copy, label->text, label->length);
	label->text = copy;
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

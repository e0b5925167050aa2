/*
 * label_set.h
 *	  Texts numbered 0, 1, 2 ... in order of first appearance.
 */
#ifndef MHUB_LABEL_SET_H
#define MHUB_LABEL_SET_H

#include "common/pgcompat.h"

#include "common/hashfn.h"

/* A label; the text is not 0-terminated and not copied. */
typedef struct MhubLabel
{
	const char *text;
	int			length;
} MhubLabel;

/* What tells labels apart: all of one of up to 16 bytes, the hash of a longer one. */
typedef struct MhubLabelKey
{
	uint64		head;
	uint64		tail;
	int32		length;
	uint32		hash;
} MhubLabelKey;

typedef struct MhubLabelSet
{
	MhubLabel  *labels;
	MhubLabelKey *keys;
	int			n;
	int			capacity;		/* of labels and keys */
	int32	   *slots;			/* open addressing: number of a label + 1, or 0 */
	uint32		mask;
} MhubLabelSet;

#define MHUB_SHORT_LABEL 16

extern void mhub_label_set_init(MhubLabelSet *set);
extern int	mhub_label_add(MhubLabelSet *set, const MhubLabelKey *key, const char *text);
extern void mhub_label_copy_last(MhubLabelSet *set);
extern char *mhub_label_text_of_ends(const MhubLabelKey *key);
extern Size mhub_label_set_flat_size(const MhubLabelSet *set);
extern void mhub_label_set_flatten(const MhubLabelSet *set, char **to);
extern int *mhub_label_set_merge(MhubLabelSet *set, const char **from, int *n);
extern int	mhub_label_compare(const MhubLabel *a, const MhubLabel *b);

/* The key of a short label but for its hash.  Both its ends, which overlap, are all of it. */
static inline MhubLabelKey
mhub_label_ends(const char *text, int length)
{
	MhubLabelKey key = {.length = length};

	if (length >= 8)
	{
		memcpy(&key.head, text, 8);
		memcpy(&key.tail, text + length - 8, 8);
	}
	else if (length >= 4)
	{
		memcpy(&key.head, text, 4);
		memcpy(&key.tail, text + length - 4, 4);
	}
	else
		memcpy(&key.head, text, length);
	return key;
}

static inline uint32
mhub_label_hash(const MhubLabelKey *key)
{
	uint64		mix = (key->head ^ UINT64CONST(0x9E3779B97F4A7C15)) * UINT64CONST(0xD6E8FEB86659FD93);

	mix = (mix ^ mix >> 32 ^ key->tail ^ (uint64) key->length << 56) * UINT64CONST(0xD6E8FEB86659FD93);
	return mix >> 32;
}

/* The number of the label with that key; -1 if there is none yet.  Of a short one the text does not matter. */
static inline int
mhub_label_find(const MhubLabelSet *set, const MhubLabelKey *key, const char *text)
{
	for (uint32 slot = key->hash & set->mask; set->slots[slot] != 0; slot = (slot + 1) & set->mask)
	{
		int			number = set->slots[slot] - 1;
		const MhubLabelKey *other = &set->keys[number];

		if (other->head == key->head && other->tail == key->tail && other->length == key->length &&
			(key->length <= MHUB_SHORT_LABEL || memcmp(set->labels[number].text, text, key->length) == 0))
			return number;
	}
	return -1;
}

/* The label's number, a new one at its first appearance. */
static inline int
mhub_label_number(MhubLabelSet *set, const char *text, int length)
{
	MhubLabelKey key;
	int			number;

	if (length <= MHUB_SHORT_LABEL)
		key = mhub_label_ends(text, length);
	else
		key = (MhubLabelKey) {.head = hash_bytes_extended((const unsigned char *) text, length, 0),.length = length};
	key.hash = mhub_label_hash(&key);
	number = mhub_label_find(set, &key, text);
	return number >= 0 ? number : mhub_label_add(set, &key, text);
}

/* The same for a short label of which there is only what mhub_label_ends() took. */
static inline int
mhub_label_number_of_ends(MhubLabelSet *set, MhubLabelKey key)
{
	int			number;

	key.hash = mhub_label_hash(&key);
	number = mhub_label_find(set, &key, "");
	return number >= 0 ? number : mhub_label_add(set, &key, mhub_label_text_of_ends(&key));
}

/* The same, copying the text of a new label to the current memory context. */
static inline int
mhub_label_number_copied(MhubLabelSet *set, const char *text, int length)
{
	int			before = set->n;
	int			number = mhub_label_number(set, text, length);

	if (set->n > before)
		mhub_label_copy_last(set);
	return number;
}

#endif							/* MHUB_LABEL_SET_H */

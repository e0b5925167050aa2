/*
 * label_set.h
 *	  Texts numbered 0, 1, 2 ... in order of first appearance.
 */
#ifndef MHUB_LABEL_SET_H
#define MHUB_LABEL_SET_H

#include "common/pgcompat.h"

/* A label; the text is not 0-terminated and not copied. */
typedef struct MhubLabel
{
	const char *text;
	int			length;
	uint32		hash;
} MhubLabel;

typedef struct MhubLabelSet
{
	MhubLabel  *labels;
	int			n;
	int			capacity;		/* of labels */
	int32	   *slots;			/* open addressing: number of a label + 1, or 0 */
	uint32		mask;
} MhubLabelSet;

extern void mhub_label_set_init(MhubLabelSet *set);
extern int	mhub_label_number(MhubLabelSet *set, const char *text, int length);
extern int	mhub_label_number_copied(MhubLabelSet *set, const char *text, int length);
extern Size mhub_label_set_flat_size(const MhubLabelSet *set);
extern void mhub_label_set_flatten(const MhubLabelSet *set, char **to);
extern int *mhub_label_set_merge(MhubLabelSet *set, const char **from, int *n);
extern int	mhub_label_compare(const MhubLabel *a, const MhubLabel *b);

#endif							/* MHUB_LABEL_SET_H */

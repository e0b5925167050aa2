/*
 * credit_options.h
 *	  The options of mhub.attribution(): from jsonb to a flat struct.
 */
#ifndef MHUB_CREDIT_OPTIONS_H
#define MHUB_CREDIT_OPTIONS_H

#include "attribution/models.h"

#include "utils/jsonb.h"

typedef enum MhubDedupe
{
	MHUB_DEDUPE_NONE,
	MHUB_DEDUPE_CONSECUTIVE,	/* of a run of equal labels the first */
	MHUB_DEDUPE_FIRST			/* of each label the first */
} MhubDedupe;

/* Travels at the head of the aggregate's state, hence flat: the texts follow the struct. */
typedef struct MhubCreditOptions
{
	uint32		size;			/* of all, texts included */
	uint32		models;			/* bit i: MhubModel i */
	int64		lookback;		/* microseconds; -1 unlimited */
	int32		lookback_days;	/* calendar days before the conversion's; -1 unlimited */
	int32		touch_limit;	/* the latest so many; 0 unlimited */
	int16		direct_labels;	/* how many texts follow the time zone's; -1: the default ones */
	uint8		dedupe;			/* MhubDedupe */
	bool		cut;			/* touches up to the previous conversion belong to that one */
	int8		scale;			/* decimals of money */
	MhubModelOptions model;
	char		texts[FLEXIBLE_ARRAY_MEMBER];	/* time zone, direct labels; each ends with a 0 byte */
} MhubCreditOptions;

extern MhubCreditOptions *mhub_credit_options(Jsonb *json);
extern uint32 mhub_credit_options_size(const char *flat);
extern bool mhub_is_default_direct(const char *label, int length);
extern bool mhub_is_direct(const MhubCreditOptions *options, const char *label, int length);

#endif							/* MHUB_CREDIT_OPTIONS_H */

/*
 * channel_rule.h
 *	  Which channel group a source belongs to, by ordered rules.
 */
#ifndef MHUB_CHANNEL_RULE_H
#define MHUB_CHANNEL_RULE_H

#include "common/pgcompat.h"

#include "traffic/source_host.h"

/* Words or shell patterns in lower case; n = -1: no condition */
typedef struct MhubPatterns
{
	char	  **patterns;
	int			n;
} MhubPatterns;

/* All conditions must hold. */
typedef struct MhubChannelRule
{
	char	   *channel;
	bool		is_paid;
	uint32		categories;		/* set of 1 << category; 0: no condition */
	MhubPatterns source;
	MhubPatterns medium;
	MhubPatterns campaign;
} MhubChannelRule;

/* What the rules look at; NULL is tested as the empty word */
typedef struct MhubChannelInput
{
	const char *source;
	const char *medium;
	const char *campaign;		/* lower case */
	MhubSourceCategory category;
} MhubChannelInput;

extern bool mhub_patterns_match(const MhubPatterns *condition, const char *word);
extern const MhubChannelRule *mhub_channel_match(const MhubChannelRule *rules, int n,
												 const MhubChannelInput *input);

#endif							/* MHUB_CHANNEL_RULE_H */

/*
 * channel_rule.c
 *	  Which channel group a source belongs to, by ordered rules.
 */
#include "traffic/channel_rule.h"

#include "traffic/glob.h"

/* Does one of the patterns match the word, or is there no condition?  NULL is the empty word. */
bool
mhub_patterns_match(const MhubPatterns *condition, const char *word)
{
	int			i;

	if (condition->n < 0)
		return true;
	for (i = 0; i < condition->n; i++)
	{
		if (mhub_glob_match(condition->patterns[i], word != NULL ? word : ""))
			return true;
	}
	return false;
}

/* The first rule all of whose conditions hold, or NULL */
const MhubChannelRule *
mhub_channel_match(const MhubChannelRule *rules, int n, const MhubChannelInput *input)
{
	int			i;

	for (i = 0; i < n; i++)
	{
		const MhubChannelRule *rule = &rules[i];

		if ((rule->categories == 0 || (rule->categories & (1u << input->category)) != 0) &&
			mhub_patterns_match(&rule->medium, input->medium) &&
			mhub_patterns_match(&rule->source, input->source) &&
			mhub_patterns_match(&rule->campaign, input->campaign))
			return rule;
	}
	return NULL;
}

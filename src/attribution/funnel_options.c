/*
 * funnel_options.c
 *	  Window and mode of a funnel as the SQL functions take them.
 */
#include "attribution/funnel_options.h"

#include "attribution/duration.h"
#include "utils/builtins.h"
#include "utils/timestamp.h"

static int
mode_word(const char *word, size_t length)
{
	static const struct
	{
		const char *word;
		MhubFunnelMode mode;
	}			words[] = {
		{"strict_order", MHUB_FUNNEL_STRICT_ORDER}, {"strict_deduplication", MHUB_FUNNEL_STRICT_DEDUPLICATION},
		{"strict_increase", MHUB_FUNNEL_STRICT_INCREASE}, {"strict_once", MHUB_FUNNEL_STRICT_ONCE},
		{"allow_reentry", MHUB_FUNNEL_ALLOW_REENTRY}
	};

	for (size_t i = 0; i < lengthof(words); i++)
	{
		if (strlen(words[i].word) == length && memcmp(words[i].word, word, length) == 0)
			return words[i].mode;
	}
	ereport(ERROR,
			(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
			 errmsg("unknown funnel mode \"%s\"", pnstrdup(word, length)),
			 errhint("Modes are strict_order, strict_deduplication, strict_increase, strict_once and allow_reentry, separated by commas or blanks.")));
}

static int
parse_mode(const char *text)
{
	int			mode = 0;

	for (text += strspn(text, ", "); *text != '\0'; text += strspn(text, ", "))
	{
		size_t		length = strcspn(text, ", ");

		mode |= mode_word(text, length);
		text += length;
	}
	if ((mode & MHUB_FUNNEL_ALLOW_REENTRY) != 0 && (mode & MHUB_FUNNEL_STRICT_ORDER) == 0)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("funnel mode allow_reentry needs strict_order")));
	return mode;
}

static int64
parse_window(const Interval *interval)
{
	int64		window;

	if (!mhub_duration(interval, &window))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("the window of a funnel must not be negative, have months or be too long"),
				 errhint("Give it in days or smaller units; a day is 24 hours.")));
	return window;
}

/* From the arguments window (the one of that number) and mode (the next, if there is one). */
MhubFunnelOptions
mhub_funnel_options(FunctionCallInfo fcinfo, int argument, int n_steps)
{
	bool		has_mode = PG_NARGS() > argument + 1;

	if (PG_ARGISNULL(argument) || (has_mode && PG_ARGISNULL(argument + 1)))
		ereport(ERROR,
				(errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
				 errmsg("window and mode of a funnel must not be null")));
	return (MhubFunnelOptions) {
		parse_window(PG_GETARG_INTERVAL_P(argument)), n_steps,
		has_mode ? parse_mode(text_to_cstring(PG_GETARG_TEXT_PP(argument + 1))) : 0
	};
}

/* The event's mark as that step, by its number. */
uint32
mhub_funnel_step_mark(int32 step)
{
	if (step < 0 || step > MHUB_FUNNEL_MAX_STEPS)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("step %d of a funnel is not within 1 and %d", step, MHUB_FUNNEL_MAX_STEPS)));
	return step == 0 ? 0 : (uint32) 1 << (step - 1);
}

/*
 * journey.c
 *	  One person's touches, milestones and conversions, and the credits that follow.
 *
 * No SPI, no fmgr.
 */
#include "attribution/journey.h"

#include "miscadmin.h"
#include "utils/datetime.h"
#include "utils/timestamp.h"

/* What one conversion sees of the journey. */
typedef struct Path
{
	const MhubTouch *touches;
	int			n;
} Path;

typedef struct Scratch
{
	MhubTouch  *touches;
	double	   *weights;
	int64	   *parts;
	bool	   *seen;			/* by label */
} Scratch;

/* Most people have few touches: no memory is allocated for up to so many. */
#define FEW 32

static inline int
compare_touches(const MhubTouch *a, const MhubTouch *b, const MhubLabel *labels)
{
	if (a->at != b->at)
		return a->at < b->at ? -1 : 1;
	if (a->id != b->id)
		return a->id < b->id ? -1 : 1;
	return mhub_label_compare(&labels[a->label], &labels[b->label]);
}

static inline int
compare_conversions(const MhubConversion *a, const MhubConversion *b)
{
	if (a->at != b->at)
		return a->at < b->at ? -1 : 1;
	if (a->id != b->id)
		return a->id < b->id ? -1 : 1;
	return 0;
}

static int
compare_milestones(const void *a, const void *b)
{
	const MhubMilestoneReached *left = a;
	const MhubMilestoneReached *right = b;

	return left->at < right->at ? -1 : left->at > right->at;
}

#define ST_SORT sort_touches
#define ST_ELEMENT_TYPE MhubTouch
#define ST_COMPARE(a, b, labels) compare_touches(a, b, labels)
#define ST_COMPARE_ARG_TYPE const MhubLabel
#define ST_SCOPE static
#define ST_DEFINE
#include "lib/sort_template.h"

#define ST_SORT sort_conversions
#define ST_ELEMENT_TYPE MhubConversion
#define ST_COMPARE(a, b) compare_conversions(a, b)
#define ST_SCOPE static
#define ST_DEFINE
#include "lib/sort_template.h"

/* Puts everything in order of (time, id); ties between touches of one id go by label, so that no order of input shows. */
void
mhub_journey_sort(MhubJourney *journey)
{
	sort_touches(journey->touches, journey->n_touches, journey->labels);
	sort_conversions(journey->conversions, journey->n_conversions);
	qsort(journey->milestones, journey->n_milestones, sizeof(MhubMilestoneReached), compare_milestones);
}

/* Midnight, in the options' time zone, of the day so many calendar days before the conversion's. */
static TimestampTz
first_midnight(const MhubCreditOptions *options, TimestampTz at)
{
	pg_tz	   *zone = options->texts[0] != '\0' ? pg_tzset(options->texts) : session_timezone;
	struct pg_tm tm = {0};
	fsec_t		fsec;
	int			offset;
	TimestampTz midnight;

	if (timestamp2tm(at, &offset, &tm, &fsec, NULL, zone) != 0)
		return DT_NOBEGIN;
	j2date(date2j(tm.tm_year, tm.tm_mon, tm.tm_mday) - options->lookback_days, &tm.tm_year, &tm.tm_mon, &tm.tm_mday);
	tm.tm_hour = tm.tm_min = tm.tm_sec = 0;
	offset = DetermineTimeZoneOffset(&tm, zone);
	if (tm2timestamp(&tm, 0, &offset, &midnight) != 0)
		return DT_NOBEGIN;
	return midnight;
}

/* Of infinity itself: what comes at the end of time cannot lead to anything. */
static TimestampTz
just_after(TimestampTz at)
{
	return at < DT_NOEND ? at + 1 : DT_NOEND;
}

/* The earliest time a touch of the conversion may have. */
static TimestampTz
earliest(const MhubJourney *journey, const MhubCreditOptions *options, const MhubConversion *conversion)
{
	TimestampTz since = DT_NOBEGIN;

	if (options->lookback >= 0 && conversion->at > DT_NOBEGIN + options->lookback)
		since = conversion->at - options->lookback;
	if (options->lookback_days >= 0)
		since = Max(since, first_midnight(options, conversion->at));
	if (options->cut && conversion > journey->conversions)
		since = Max(since, just_after(conversion[-1].at));
	return since;
}

/* How many touches lie before that time. */
static int
touches_before(const MhubJourney *journey, TimestampTz at)
{
	int			low = 0;
	int			high = journey->n_touches;

	while (low < high)
	{
		int			middle = low + (high - low) / 2;

		if (journey->touches[middle].at < at)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

/* Drops repeats of labels.  Works in place: the touches are a copy. */
static int
deduplicate(const MhubJourney *journey, MhubDedupe dedupe, MhubTouch *touches, int n, bool *seen)
{
	int			kept = 0;

	memset(seen, 0, journey->n_labels);
	for (int i = 0; i < n; i++)
	{
		int32		label = touches[i].label;

		if (dedupe == MHUB_DEDUPE_FIRST ? seen[label] : kept > 0 && touches[kept - 1].label == label)
			continue;
		seen[label] = true;
		touches[kept++] = touches[i];
	}
	return kept;
}

/* Marks the touch that led to each milestone: the last one up to it.  The first time a milestone is reached counts. */
static void
mark_milestones(const MhubJourney *journey, TimestampTz until, MhubTouch *touches, int n)
{
	int			reached = 0;

	for (int i = 0; i < journey->n_milestones && journey->milestones[i].at <= until; i++)
	{
		const MhubMilestoneReached *milestone = &journey->milestones[i];
		int			led = n - 1;

		while (led >= 0 && touches[led].at > milestone->at)
			led--;
		if (led < 0 || (reached & milestone->milestone) != 0)
			continue;
		reached |= milestone->milestone;
		touches[led].milestones |= milestone->milestone;
	}
}

static Path
path_of(const MhubJourney *journey, const MhubCreditOptions *options, const MhubConversion *conversion, Scratch *scratch)
{
	int			begin = touches_before(journey, earliest(journey, options, conversion));
	int			end = touches_before(journey, just_after(conversion->at));
	Path		path = {journey->touches + begin, Max(end - begin, 0)};
	bool		milestones = journey->n_milestones > 0 &&
		(options->models & (1 << MHUB_W_SHAPED | 1 << MHUB_FULL_PATH)) != 0;

	if (options->dedupe != MHUB_DEDUPE_NONE || milestones)
	{
		memcpy(scratch->touches, path.touches, sizeof(MhubTouch) * path.n);
		path.touches = scratch->touches;
	}
	if (options->dedupe != MHUB_DEDUPE_NONE)
		path.n = deduplicate(journey, options->dedupe, scratch->touches, path.n, scratch->seen);
	if (options->touch_limit > 0 && path.n > options->touch_limit)
	{
		path.touches += path.n - options->touch_limit;
		path.n = options->touch_limit;
	}
	if (milestones)
		mark_milestones(journey, conversion->at, (MhubTouch *) path.touches, path.n);
	return path;
}

/* Participation gives the whole amount to each distinct label; every other model shares it. */
static void
share_money(MhubModel model, const MhubCreditOptions *options, MhubAmount amount, int n, Scratch *scratch)
{
	if (model != MHUB_PARTICIPATION)
	{
		mhub_money_split(amount, options->scale, scratch->weights, n, scratch->parts);
		return;
	}
	for (int i = 0; i < n; i++)
		scratch->parts[i] = scratch->weights[i] > 0 ? amount.units : 0;
}

static void
credit_model(MhubModel model, const MhubCreditOptions *options, const MhubConversion *conversion,
			 Path path, Scratch *scratch, MhubCreditSink sink, void *arg)
{
	if (path.n == 0)
	{
		sink(arg, conversion, model, NULL, 1, conversion->amount.units);
		return;
	}
	mhub_model_weights(model, &options->model, path.touches, path.n, scratch->weights);
	share_money(model, options, conversion->amount, path.n, scratch);
	for (int i = 0; i < path.n; i++)
	{
		if (scratch->weights[i] > 0)
			sink(arg, conversion, model, &path.touches[i], scratch->weights[i], scratch->parts[i]);
	}
}

/* Credits every conversion of the (sorted) journey under every chosen model. */
void
mhub_journey_credit(const MhubJourney *journey, const MhubCreditOptions *options, MhubCreditSink sink, void *arg)
{
	Size		n = journey->n_touches;
	MhubTouch	touches[FEW];
	double		weights[FEW];
	int64		parts[FEW];
	bool		seen[FEW];
	Scratch		scratch = {touches, weights, parts, seen};

	if (n > FEW)
	{
		scratch.touches = palloc_extended(sizeof(MhubTouch) * n, MCXT_ALLOC_HUGE);
		scratch.weights = palloc_extended(sizeof(double) * n, MCXT_ALLOC_HUGE);
		scratch.parts = palloc_extended(sizeof(int64) * n, MCXT_ALLOC_HUGE);
	}
	if (journey->n_labels > FEW)
		scratch.seen = palloc(journey->n_labels);
	for (int i = 0; i < journey->n_conversions; i++)
	{
		Path		path = path_of(journey, options, &journey->conversions[i], &scratch);

		CHECK_FOR_INTERRUPTS();
		for (int model = 0; model < MHUB_MODELS; model++)
		{
			if ((options->models & (1 << model)) != 0)
				credit_model(model, options, &journey->conversions[i], path, &scratch, sink, arg);
		}
	}
	if (n > FEW)
	{
		pfree(scratch.touches);
		pfree(scratch.weights);
		pfree(scratch.parts);
	}
	if (journey->n_labels > FEW)
		pfree(scratch.seen);
}

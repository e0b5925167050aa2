/*
 * client_time.c
 *	  Times as clients send them: ISO 8601 and epoch numbers, and the skew of
 *	  their clocks.
 *
 * Pure: never an error, so that one bad time spoils one message only.
 */
#include "collect/client_time.h"

#include <ctype.h>
#include <math.h>

#include "utils/datetime.h"

/* Epoch numbers above this are milliseconds (in seconds it would be the year 5138). */
#define EPOCH_SECONDS_MAX 1e11

typedef struct Cursor
{
	const char *at;
	const char *end;
} Cursor;

static bool
take(Cursor *cursor, char c)
{
	if (cursor->at < cursor->end && *cursor->at == c)
	{
		cursor->at++;
		return true;
	}
	return false;
}

/* Exactly n digits */
static bool
take_number(Cursor *cursor, int n, int *number)
{
	if (cursor->end - cursor->at < n)
		return false;
	*number = 0;
	for (int i = 0; i < n; i++)
	{
		if (!isdigit((unsigned char) *cursor->at))
			return false;
		*number = *number * 10 + (*cursor->at++ - '0');
	}
	return true;
}

/* Digits after the decimal mark as microseconds; further ones are cut. */
static bool
take_fraction(Cursor *cursor, int64 *microseconds)
{
	int64		unit = 100000;
	const char *start = cursor->at;

	*microseconds = 0;
	for (; cursor->at < cursor->end && isdigit((unsigned char) *cursor->at); cursor->at++)
	{
		*microseconds += (*cursor->at - '0') * unit;
		unit /= 10;
	}
	return cursor->at > start;
}

static bool
take_date(Cursor *cursor, int64 *days)
{
	int			year,
				month,
				day;

	if (!take_number(cursor, 4, &year) || !take(cursor, '-') ||
		!take_number(cursor, 2, &month) || !take(cursor, '-') || !take_number(cursor, 2, &day))
		return false;
	if (year < 1 || month < 1 || month > 12 || day < 1 || day > day_tab[isleap(year)][month - 1])
		return false;
	*days = date2j(year, month, day) - POSTGRES_EPOCH_JDATE;
	return true;
}

static bool
take_time_of_day(Cursor *cursor, int64 *microseconds)
{
	int			hour,
				minute,
				second = 0;
	int64		fraction = 0;

	if (!take_number(cursor, 2, &hour) || !take(cursor, ':') || !take_number(cursor, 2, &minute))
		return false;
	if (take(cursor, ':'))
	{
		if (!take_number(cursor, 2, &second))
			return false;
		if ((take(cursor, '.') || take(cursor, ',')) && !take_fraction(cursor, &fraction))
			return false;
	}
	if (hour > 23 || minute > 59 || second > 60)
		return false;
	*microseconds = ((hour * 60 + minute) * INT64CONST(60) + second) * USECS_PER_SEC + fraction;
	return true;
}

/* Z, +hh:mm, +hhmm or +hh; nothing means UTC, as JavaScript's clients mean it. */
static bool
take_zone(Cursor *cursor, int64 *microseconds)
{
	bool		west = cursor->at < cursor->end && *cursor->at == '-';
	int			hours,
				minutes = 0;

	*microseconds = 0;
	if (take(cursor, 'Z') || take(cursor, 'z') || cursor->at == cursor->end)
		return true;
	if (!take(cursor, '+') && !take(cursor, '-'))
		return false;
	if (!take_number(cursor, 2, &hours))
		return false;
	if (cursor->at < cursor->end)
	{
		(void) take(cursor, ':');
		if (!take_number(cursor, 2, &minutes))
			return false;
	}
	if (hours > 15 || minutes > 59)
		return false;
	*microseconds = (hours * 60 + minutes) * INT64CONST(60) * USECS_PER_SEC * (west ? -1 : 1);
	return true;
}

/* 2026-11-22T08:00:00.000Z and its variants: a space for the T, no seconds, a zone, a date alone. */
bool
mhub_parse_client_time(const char *text, size_t length, TimestampTz *result)
{
	Cursor		cursor = {text, text + length};
	int64		days,
				time = 0,
				zone = 0;

	if (!take_date(&cursor, &days))
		return false;
	if (cursor.at < cursor.end)
	{
		if (!take(&cursor, 'T') && !take(&cursor, 't') && !take(&cursor, ' '))
			return false;
		if (!take_time_of_day(&cursor, &time) || !take_zone(&cursor, &zone))
			return false;
	}
	*result = days * USECS_PER_DAY + time - zone;
	return cursor.at == cursor.end && IS_VALID_TIMESTAMP(*result);
}

/* Seconds or milliseconds since 1970 */
bool
mhub_epoch_time(double number, TimestampTz *result)
{
	double		seconds = fabs(number) > EPOCH_SECONDS_MAX ? number / 1000.0 : number;
	double		microseconds = (seconds - (double) SECS_PER_DAY * (POSTGRES_EPOCH_JDATE - UNIX_EPOCH_JDATE)) * USECS_PER_SEC;

	if (!isfinite(number) || fabs(seconds) > EPOCH_SECONDS_MAX || microseconds < (double) MHUB_EARLIEST_TIME)
		return false;
	*result = (TimestampTz) rint(microseconds);
	return true;
}

/*
 * When it happened by our clock.  As Segment defines it, the client's clock is
 * off by received - sent; but that holds the network's delay too, so it is
 * believed beyond the threshold only.  Nothing happens after it is received,
 * and a correction that leads to before the year 1 corrects nothing.
 */
TimestampTz
mhub_corrected_time(TimestampTz original, TimestampTz sent, TimestampTz received, int64 threshold_us)
{
	TimestampTz corrected = original;

	if (TIMESTAMP_IS_NOBEGIN(original))
		return received;
	if (!TIMESTAMP_IS_NOBEGIN(sent))
	{
		int64		skew = received - sent;

		if ((skew > threshold_us || skew < -threshold_us) && original + skew >= MHUB_EARLIEST_TIME)
			corrected = original + skew;
	}
	return Min(corrected, received);
}

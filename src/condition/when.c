/*
 * when.c
 *	  Times and lengths of time in conditions.
 */
#include "condition/when.h"

#include "common/hub_time.h"
#include "utils/datetime.h"
#include "utils/timestamp.h"

/* Reads exactly count digits. */
static bool
read_digits(const char **at, const char *end, int count, int *value)
{
	*value = 0;
	for (int i = 0; i < count; i++)
	{
		if (*at >= end || **at < '0' || **at > '9')
			return false;
		*value = *value * 10 + (*(*at)++ - '0');
	}
	return true;
}

static bool
read_char(const char **at, const char *end, char wanted)
{
	if (*at < end && **at == wanted)
	{
		(*at)++;
		return true;
	}
	return false;
}

/* The fraction of a second, to microseconds; further digits are dropped. */
static bool
read_fraction(const char **at, const char *end, int *usecs)
{
	int			scale = 100000;

	*usecs = 0;
	if (*at >= end || **at < '0' || **at > '9')
		return false;
	while (*at < end && **at >= '0' && **at <= '9')
	{
		*usecs += (**at - '0') * scale;
		scale /= 10;
		(*at)++;
	}
	return true;
}

/* Z, +hh, +hhmm or +hh:mm; the offset in microseconds east of Greenwich. */
static bool
read_zone(const char **at, const char *end, int64 *offset)
{
	int			hours;
	int			minutes = 0;
	int			sign;

	*offset = 0;
	if (read_char(at, end, 'Z') || read_char(at, end, 'z'))
		return true;
	if (read_char(at, end, '+'))
		sign = 1;
	else if (read_char(at, end, '-'))
		sign = -1;
	else
		return false;
	if (!read_digits(at, end, 2, &hours))
		return false;
	if (read_char(at, end, ':') || *at < end)
	{
		if (!read_digits(at, end, 2, &minutes))
			return false;
	}
	if (hours > 15 || minutes > 59)
		return false;
	*offset = sign * (hours * INT64CONST(3600) + minutes * 60) * USECS_PER_SEC;
	return true;
}

static bool
read_date(const char **at, const char *end, int64 *usecs)
{
	int			year;
	int			month;
	int			day;

	if (!read_digits(at, end, 4, &year) || !read_char(at, end, '-') ||
		!read_digits(at, end, 2, &month) || !read_char(at, end, '-') ||
		!read_digits(at, end, 2, &day))
		return false;
	if (year < 1 || month < 1 || month > 12 || day < 1 || day > day_tab[isleap(year)][month - 1])
		return false;
	*usecs = (int64) (date2j(year, month, day) - POSTGRES_EPOCH_JDATE) * USECS_PER_DAY;
	return true;
}

static bool
read_clock(const char **at, const char *end, int64 *usecs)
{
	int			hour;
	int			minute;
	int			second = 0;
	int			fraction = 0;

	if (!read_digits(at, end, 2, &hour) || !read_char(at, end, ':') || !read_digits(at, end, 2, &minute))
		return false;
	if (read_char(at, end, ':'))
	{
		if (!read_digits(at, end, 2, &second))
			return false;
		if (read_char(at, end, '.') && !read_fraction(at, end, &fraction))
			return false;
	}
	if (hour > 23 || minute > 59 || second > 60)
		return false;
	*usecs = ((hour * INT64CONST(60) + minute) * 60 + second) * USECS_PER_SEC + fraction;
	return true;
}

/*
 * Reads YYYY-MM-DD, optionally with T or a blank and hh:mm[:ss[.ffffff]] and a
 * zone.  *usecs counts from 2000-01-01, in UTC when *has_zone, else local.
 */
bool
condition_read_time(const char *text, int length, int64 *usecs, bool *has_zone)
{
	const char *at = text;
	const char *end = text + length;
	int64		clock = 0;
	int64		offset;

	*has_zone = false;
	if (!read_date(&at, end, usecs))
		return false;
	if (at == end)
		return true;
	if (!read_char(&at, end, 'T') && !read_char(&at, end, ' '))
		return false;
	if (!read_clock(&at, end, &clock))
		return false;
	*usecs += clock;
	if (at == end)
		return true;
	if (!read_zone(&at, end, &offset) || at != end)
		return false;
	*usecs -= offset;
	*has_zone = true;
	return true;
}

static bool
add_unit(CondSpan *span, int64 amount, const char *unit, int length)
{
	static const struct
	{
		const char *name;
		int32		months;
		int32		days;
		int64		usecs;
	}			units[] = {
		{"second", 0, 0, USECS_PER_SEC},
		{"minute", 0, 0, USECS_PER_MINUTE},
		{"hour", 0, 0, USECS_PER_HOUR},
		{"day", 0, 1, 0},
		{"week", 0, 7, 0},
		{"month", 1, 0, 0},
		{"year", 12, 0, 0}
	};

	if (length > 1 && (unit[length - 1] == 's' || unit[length - 1] == 'S'))
		length--;
	for (int i = 0; i < (int) lengthof(units); i++)
	{
		if ((int) strlen(units[i].name) == length && pg_strncasecmp(units[i].name, unit, length) == 0)
		{
			span->months += units[i].months * amount;
			span->days += units[i].days * amount;
			span->usecs += units[i].usecs * amount;
			return true;
		}
	}
	return false;
}

/* Reads "1 year 2 months 3 weeks 4 days 5 hours 6 minutes 7 seconds", any of them. */
bool
condition_read_span(const char *text, int length, CondSpan *span)
{
	const char *at = text;
	const char *end = text + length;

	memset(span, 0, sizeof(CondSpan));
	for (int parts = 0; ; parts++)
	{
		int64		amount = 0;
		int			digits = 0;
		const char *unit;

		while (at < end && *at == ' ')
			at++;
		if (at == end)
			return parts > 0;
		/* Six digits and few parts keep every sum far from overflow. */
		for (; at < end && *at >= '0' && *at <= '9'; at++, digits++)
			amount = amount * 10 + (*at - '0');
		if (digits == 0 || digits > 6 || parts > 6)
			return false;
		while (at < end && *at == ' ')
			at++;
		unit = at;
		while (at < end && ((*at >= 'a' && *at <= 'z') || (*at >= 'A' && *at <= 'Z')))
			at++;
		if (!add_unit(span, amount, unit, at - unit))
			return false;
	}
}

/* The instant of a local time in the hub's time zone. */
TimestampTz
condition_local_instant(int64 local_usecs)
{
	struct pg_tm tm;
	fsec_t		fraction;

	if (timestamp2tm(local_usecs, NULL, &tm, &fraction, NULL, NULL) != 0)
		return local_usecs;
	return local_usecs + DetermineTimeZoneOffset(&tm, mhub_hub_zone()) * USECS_PER_SEC;
}

bool
condition_instant(const char *text, int length, TimestampTz *instant)
{
	bool		has_zone;

	if (!condition_read_time(text, length, instant, &has_zone))
		return false;
	if (!has_zone)
		*instant = condition_local_instant(*instant);
	return true;
}

static void
add_months(struct pg_tm *tm, int32 months)
{
	int			month = tm->tm_year * 12 + tm->tm_mon - 1 + months;

	tm->tm_year = month / 12;
	tm->tm_mon = month % 12 + 1;
	tm->tm_mday = Min(tm->tm_mday, day_tab[isleap(tm->tm_year)][tm->tm_mon - 1]);
}

/* at plus or minus a length of time; months and days on the calendar of the hub's time zone. */
TimestampTz
condition_shift(TimestampTz at, const CondSpan *span, bool back)
{
	int			sign = back ? -1 : 1;
	struct pg_tm tm;
	fsec_t		fraction;
	int			zone;
	TimestampTz shifted;

	if (span->months == 0 && span->days == 0)
		return at + sign * span->usecs;
	if (timestamp2tm(at, &zone, &tm, &fraction, NULL, mhub_hub_zone()) != 0)
		return at;
	if (tm.tm_year * 12 + sign * span->months < 12 || tm.tm_year * 12 + sign * span->months > 12 * 200000)
		return back ? DT_NOBEGIN : DT_NOEND;
	add_months(&tm, sign * span->months);
	j2date(date2j(tm.tm_year, tm.tm_mon, tm.tm_mday) + sign * span->days, &tm.tm_year, &tm.tm_mon, &tm.tm_mday);
	zone = DetermineTimeZoneOffset(&tm, mhub_hub_zone());
	if (tm2timestamp(&tm, fraction, &zone, &shifted) != 0)
		return back ? DT_NOBEGIN : DT_NOEND;
	return shifted + sign * span->usecs;
}

TimestampTz
condition_moment(const CondMoment *moment, TimestampTz at)
{
	if (moment->relative)
		return condition_shift(at, &moment->span, moment->minus);
	return moment->has_zone ? moment->usecs : condition_local_instant(moment->usecs);
}

static char *
put_digits(char *at, int number, int count)
{
	for (int i = count - 1; i >= 0; i--, number /= 10)
		at[i] = '0' + number % 10;
	return at + count;
}

static void
write_day(int year, int month, int mday, char day[11])
{
	if (year < 0 || year > 9999)
	{
		strlcpy(day, year < 0 ? "0000-00-00" : "9999-99-99", 11);
		return;
	}
	day = put_digits(day, year, 4);
	*day++ = '-';
	day = put_digits(day, month, 2);
	*day++ = '-';
	*put_digits(day, mday, 2) = '\0';
}

/* A day before or after all of which dates can tell is the first or the last one. */
static void
write_date(DateADT date, char day[11])
{
	int			year = DATE_IS_NOBEGIN(date) ? -1 : 10000;
	int			month = 0;
	int			mday = 0;

	if (!DATE_NOT_FINITE(date))
		j2date(date + POSTGRES_EPOCH_JDATE, &year, &month, &mday);
	write_day(year, month, mday, day);
}

/* The day of an instant in the hub's time zone, and the day some months and days before. */
void
condition_local_dates(TimestampTz at, const CondSpan *span, DateADT *before, DateADT *day)
{
	struct pg_tm tm;
	fsec_t		fraction;
	int			zone;

	if (timestamp2tm(at, &zone, &tm, &fraction, NULL, mhub_hub_zone()) != 0)
	{
		*before = *day = at < 0 ? DATEVAL_NOBEGIN : DATEVAL_NOEND;
		return;
	}
	*day = date2j(tm.tm_year, tm.tm_mon, tm.tm_mday) - POSTGRES_EPOCH_JDATE;
	*before = DATEVAL_NOBEGIN;
	if (tm.tm_year * 12 - span->months < 12)
		return;
	add_months(&tm, -span->months);
	*before = date2j(tm.tm_year, tm.tm_mon, tm.tm_mday) - POSTGRES_EPOCH_JDATE - span->days;
}

/* The same, each as YYYY-MM-DD. */
void
condition_local_days(TimestampTz at, const CondSpan *span, char before[11], char day[11])
{
	DateADT		first;
	DateADT		last;

	condition_local_dates(at, span, &first, &last);
	write_date(first, before);
	write_date(last, day);
}

void
condition_local_day(TimestampTz at, char day[11])
{
	char		same[11];

	condition_local_days(at, &(CondSpan) {0}, same, day);
}

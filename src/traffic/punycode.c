/*
 * punycode.c
 *	  International host names in their ASCII form (RFC 3492).
 *
 * libcurl can do this too, but through libidn2 in the process's locale, which
 * in a server may be any.  Host names arrive as UTF-8 from browsers; what
 * is not valid UTF-8 is left as it is.
 */
#include "traffic/punycode.h"

#include "common/ascii.h"
#include "lib/stringinfo.h"
#include "mb/pg_wchar.h"

/* RFC 3492 section 5 */
#define BASE 36
#define T_MIN 1
#define T_MAX 26
#define SKEW 38
#define DAMP 700
#define INITIAL_BIAS 72
#define INITIAL_N 128

#define MAX_LABEL 63			/* characters; DNS allows no longer label */

static char
digit(uint32 d)
{
	return d < 26 ? 'a' + d : '0' + (d - 26);
}

/* RFC 3492 section 6.1 */
static uint32
adapted_bias(uint32 delta, uint32 n_points, bool first)
{
	uint32		k = 0;

	delta = first ? delta / DAMP : delta / 2;
	delta += delta / n_points;
	for (; delta > ((BASE - T_MIN) * T_MAX) / 2; k += BASE)
		delta /= BASE - T_MIN;
	return k + (BASE - T_MIN + 1) * delta / (delta + SKEW);
}

static void
append_variable_length(StringInfo out, uint32 delta, uint32 bias)
{
	uint32		q = delta;
	uint32		k;

	for (k = BASE;; k += BASE)
	{
		uint32		t = k <= bias ? T_MIN : (k >= bias + T_MAX ? T_MAX : k - bias);

		if (q < t)
			break;
		appendStringInfoChar(out, digit(t + (q - t) % (BASE - t)));
		q = (q - t) / (BASE - t);
	}
	appendStringInfoChar(out, digit(q));
}

static uint32
next_code_point(const uint32 *points, int n_points, uint32 at_least)
{
	uint32		smallest = PG_UINT32_MAX;
	int			i;

	for (i = 0; i < n_points; i++)
	{
		if (points[i] >= at_least && points[i] < smallest)
			smallest = points[i];
	}
	return smallest;
}

/* RFC 3492 section 6.3; a label's length keeps delta far from overflow */
static void
append_encoded(StringInfo out, const uint32 *points, int n_points)
{
	uint32		n = INITIAL_N;
	uint32		bias = INITIAL_BIAS;
	uint32		delta = 0;
	int			n_basic = 0;
	int			handled;
	int			i;

	appendStringInfoString(out, "xn--");
	for (i = 0; i < n_points; i++)
	{
		if (points[i] < INITIAL_N)
		{
			appendStringInfoChar(out, (char) points[i]);
			n_basic++;
		}
	}
	if (n_basic > 0)
		appendStringInfoChar(out, '-');
	for (handled = n_basic; handled < n_points; delta++, n++)
	{
		uint32		next = next_code_point(points, n_points, n);

		delta += (next - n) * (handled + 1);
		n = next;
		for (i = 0; i < n_points; i++)
		{
			if (points[i] < n)
				delta++;
			else if (points[i] == n)
			{
				append_variable_length(out, delta, bias);
				bias = adapted_bias(delta, handled + 1, handled == n_basic);
				delta = 0;
				handled++;
			}
		}
	}
}

static void
append_label(StringInfo out, const uint32 *points, int n_points)
{
	bool		ascii = true;
	int			i;

	for (i = 0; i < n_points; i++)
		ascii = ascii && points[i] < INITIAL_N;
	if (!ascii)
		append_encoded(out, points, n_points);
	else
	{
		for (i = 0; i < n_points; i++)
			appendStringInfoChar(out, (char) points[i]);
	}
}

/* A dot, or one of the East Asian full stops that count as one (IDNA 3.1) */
static bool
is_dot(uint32 point)
{
	return point == '.' || point == 0x3002 || point == 0xFF0E || point == 0xFF61;
}

/* ASCII letters fold to lower case, full-width ones to ASCII */
static uint32
folded(uint32 point)
{
	if (point >= 0xFF01 && point <= 0xFF5E)
		point -= 0xFEE0;
	return point < INITIAL_N ? pg_ascii_tolower((unsigned char) point) : point;
}

/* The host with every non-ASCII label encoded; palloc'd. */
char *
mhub_punycode_host(const char *host)
{
	const unsigned char *at = (const unsigned char *) host;
	int			left = (int) strlen(host);
	uint32		label[MAX_LABEL];
	int			n = 0;
	StringInfoData out;

	if (mhub_is_ascii(host, left) || pg_encoding_verifymbstr(PG_UTF8, host, left) != left)
		return pstrdup(host);
	initStringInfo(&out);
	while (left > 0)
	{
		int			width = pg_utf_mblen(at);
		uint32		point = utf8_to_unicode(at);

		at += width;
		left -= width;
		if (is_dot(point))
		{
			append_label(&out, label, n);
			appendStringInfoChar(&out, '.');
			n = 0;
		}
		else if (n == MAX_LABEL)
			return pstrdup(host);
		else
			label[n++] = folded(point);
	}
	append_label(&out, label, n);
	return out.data;
}

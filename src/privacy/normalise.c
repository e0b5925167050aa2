/*
 * normalise.c
 *	  One spelling for each e-mail address, telephone number and id.
 *
 * Everything here works on UTF-8 whatever the database's encoding, and never
 * asks the locale: a blind index must come out the same on every server.
 */
#include "privacy/normalise.h"

#include "common/ascii.h"
#include "common/unicode_norm.h"
#include "mb/pg_wchar.h"

/* RFC 5321 4.5.3.1.3: a path has 256 octets, two of them the angle brackets */
#define MAX_EMAIL_LEN 254
#define MAX_PHONE_LEN 64

bool
mhub_normaliser_named(const char *name, MhubNormaliser *normaliser)
{
	static const char *const names[] = {"exact", "email", "phone", "lower"};

	for (int i = 0; i < (int) lengthof(names); i++)
	{
		if (strcmp(name, names[i]) == 0)
		{
			*normaliser = (MhubNormaliser) i;
			return true;
		}
	}
	return false;
}

/* The code points of valid UTF-8 text, ended by a zero */
static pg_wchar *
code_points(const char *text, size_t len)
{
	pg_wchar   *wide = palloc((len + 1) * sizeof(pg_wchar));
	int			n = 0;

	for (size_t i = 0; i < len; i += pg_utf_mblen((const unsigned char *) text + i))
		wide[n++] = utf8_to_unicode((const unsigned char *) text + i);
	wide[n] = 0;
	return wide;
}

/* NFKC folds full-width forms to ASCII. */
static pg_wchar *
nfkc(const char *text, size_t len)
{
	return unicode_normalize(UNICODE_NFKC, code_points(text, len));
}

/* White space and the invisible marks that copying from address books adds */
static bool
is_blank(pg_wchar c)
{
	return c <= 0x20 || c == 0x7F || c == 0x85 || c == 0xA0 || c == 0xAD || c == 0x1680 || c == 0x180E ||
		(c >= 0x2000 && c <= 0x200F) || (c >= 0x2028 && c <= 0x202F) ||
		c == 0x205F || (c >= 0x2060 && c <= 0x2069) || c == 0x3000 || c == 0xFEFF;
}

static pg_wchar
lower_greek(pg_wchar c)
{
	if (c >= 0x391 && c != 0x3A2)
		return c + 32;
	switch (c)
	{
		case 0x386:
			return 0x3AC;
		case 0x388:
		case 0x389:
		case 0x38A:
			return c + 37;
		case 0x38C:
			return 0x3CC;
		case 0x38E:
		case 0x38F:
			return c + 63;
		default:
			return c;
	}
}

/* Where capitals and small letters are a constant apart, or take turns */
typedef struct LowerRange
{
	pg_wchar	first;
	pg_wchar	last;
	int			distance;		/* 1: those with the parity of first are the capitals */
} LowerRange;

static const LowerRange lower_ranges[] = {
	{0xC0, 0xD6, 32}, {0xD8, 0xDE, 32}, {0x100, 0x12E, 1}, {0x130, 0x130, 'i' - 0x130}, {0x132, 0x136, 1}, {0x139, 0x147, 1}, {0x14A, 0x176, 1},
	{0x178, 0x178, 0xFF - 0x178}, {0x179, 0x17D, 1}, {0x1A0, 0x1A4, 1}, {0x1AF, 0x1AF, 1}, {0x1CD, 0x1DB, 1}, {0x1DE, 0x1EE, 1}, {0x1F8, 0x21E, 1},
	{0x222, 0x232, 1}, {0x400, 0x40F, 80}, {0x410, 0x42F, 32}, {0x460, 0x480, 1}, {0x48A, 0x4BE, 1}, {0x4C0, 0x4C0, 15}, {0x4C1, 0x4CD, 1},
	{0x4D0, 0x52E, 1}, {0x531, 0x556, 48}, {0x1E00, 0x1E94, 1}, {0x1E9E, 0x1E9E, 0xDF - 0x1E9E}, {0x1EA0, 0x1EFE, 1}
};

/*
 * Simple lower case for the scripts that addresses are written in: Latin with
 * the letters of Pinyin and Vietnamese, Greek, Cyrillic and Armenian.  Fixed
 * here, because the C library's tables differ between servers.
 */
static pg_wchar
lower(pg_wchar c)
{
	if (c < 0x80)
		return c >= 'A' && c <= 'Z' ? c + 32 : c;
	if (c >= 0x386 && c <= 0x3AB)
		return lower_greek(c);
	for (int i = 0; i < (int) lengthof(lower_ranges) && lower_ranges[i].first <= c; i++)
	{
		const LowerRange *range = &lower_ranges[i];

		if (c <= range->last && (range->distance != 1 || ((c - range->first) & 1) == 0))
			return c + range->distance;
	}
	return c;
}

/* Room for the longest UTF-8 form of every character and the final zero */
static char *
to_utf8(const pg_wchar *wide, int n)
{
	char	   *text = palloc((size_t) n * 4 + 1);
	char	   *end = text;

	for (int i = 0; i < n; i++)
	{
		unicode_to_utf8(wide[i], (unsigned char *) end);
		end += pg_utf_mblen((unsigned char *) end);
	}
	*end = '\0';
	return text;
}

static size_t
blank_at_start(const char *value, size_t len)
{
	size_t		at = 0;

	while (at < len && is_blank(utf8_to_unicode((const unsigned char *) value + at)))
		at += pg_utf_mblen((const unsigned char *) value + at);
	return at;
}

static size_t
length_without_end_blanks(const char *value, size_t len)
{
	while (len > 0)
	{
		size_t		last = len - 1;

		while (last > 0 && ((unsigned char) value[last] & 0xC0) == 0x80)
			last--;
		if (!is_blank(utf8_to_unicode((const unsigned char *) value + last)))
			break;
		len = last;
	}
	return len;
}

/* A copy without white space around it */
static char *
trimmed(const char *value, size_t len)
{
	size_t		start = blank_at_start(value, len);

	return pnstrdup(value + start, length_without_end_blanks(value + start, len - start));
}

/* Lower case; by way of code points only where there are others than ASCII */
static char *
lowered(const char *value, bool with_nfkc)
{
	size_t		len = strlen(value);
	pg_wchar   *wide;
	int			n = 0;

	if (mhub_is_ascii(value, len))
	{
		char	   *copy = pstrdup(value);

		for (char *c = copy; *c != '\0'; c++)
			*c = (char) lower((unsigned char) *c);
		return copy;
	}
	wide = with_nfkc ? nfkc(value, len) : code_points(value, len);
	for (; wide[n] != 0; n++)
		wide[n] = lower(wide[n]);
	return to_utf8(wide, n);
}

static bool
has_blank(const char *value)
{
	for (; *value != '\0'; value += pg_utf_mblen((const unsigned char *) value))
	{
		if (is_blank(utf8_to_unicode((const unsigned char *) value)))
			return true;
	}
	return false;
}

/*
 * Exactly one @ with something on both sides, and nothing that RFC 5322 lets
 * stand around addresses only.  NFKC may bring new white space, hence the
 * second trim.
 */
static char *
normalise_email(const char *value, size_t len)
{
	char	   *email = lowered(trimmed(value, len), true);
	char	   *at;

	email = trimmed(email, strlen(email));
	at = strchr(email, '@');
	if (strlen(email) > MAX_EMAIL_LEN || has_blank(email) || strpbrk(email, "<>()[],;:\"\\") != NULL ||
		at == NULL || at == email || at[1] == '\0' || strchr(at + 1, '@') != NULL)
		return NULL;
	return email;
}

static bool
is_dash(pg_wchar c)
{
	return c == '-' || (c >= 0x2010 && c <= 0x2015) || c == 0x2212 || c == 0x30FC;
}

/*
 * Drops what people put between digits; what is left over must be digits, a
 * leading plus and brackets, else it is no telephone number.
 */
static char *
normalise_phone(const char *value, size_t len, const char *country)
{
	pg_wchar   *wide;
	char	   *digits;
	int			n = 0;

	if (len > MAX_PHONE_LEN * 4)
		return NULL;
	wide = nfkc(value, len);
	digits = palloc(len * 4 + 1);
	if (wide[0] == 't' && wide[1] == 'e' && wide[2] == 'l' && wide[3] == ':')
		wide += 4;
	for (; *wide != 0; wide++)
	{
		if (is_blank(*wide) || is_dash(*wide) || *wide == '.' || *wide == '/')
			continue;
		if (*wide >= 0x80 || strchr("0123456789+()", (int) *wide) == NULL || n >= MAX_PHONE_LEN)
			return NULL;
		digits[n++] = (char) *wide;
	}
	digits[n] = '\0';
	return mhub_phone_e164(digits, country);
}

static char *
unless_empty(char *value)
{
	return value[0] != '\0' ? value : NULL;
}

/*
 * The normalised value as zero-terminated UTF-8, freshly allocated, or NULL
 * when value is not what the normaliser is for.  value is valid UTF-8 without
 * zero bytes.  country (ISO 3166, two letters) tells how to read telephone
 * numbers without country code.
 */
char *
mhub_normalise_utf8(MhubNormaliser normaliser, const char *value, size_t len, const char *country)
{
	switch (normaliser)
	{
		case MHUB_NORMALISE_EMAIL:
			return normalise_email(value, len);
		case MHUB_NORMALISE_PHONE:
			return normalise_phone(value, len, country);
		case MHUB_NORMALISE_LOWER:
			return unless_empty(lowered(trimmed(value, len), false));
		case MHUB_NORMALISE_EXACT:
			break;
	}
	return unless_empty(trimmed(value, len));
}

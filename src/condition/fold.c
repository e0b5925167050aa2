/*
 * fold.c
 *	  Folding for comparisons that ignore case and width.
 *
 * NFKC makes full-width letters, digits and punctuation ordinary ones (and
 * half-width katakana full); then letters become lower case.  The case of
 * Latin, Greek and Cyrillic letters is computed here, because lower() depends
 * on the database's locale and a condition must mean the same everywhere.
 */
#include "condition/fold.h"

#include "common/ascii.h"
#include "common/unicode_norm.h"
#include "mb/pg_wchar.h"

static pg_wchar
lower(pg_wchar c)
{
	if (c < 0x80)
		return c >= 'A' && c <= 'Z' ? c + 32 : c;
	if (c >= 0xC0 && c <= 0xDE)
		return c == 0xD7 ? c : c + 32;
	/* Latin Extended-A: pairs, upper case even up to 0x137 and from 0x14A, odd between */
	if (c >= 0x100 && c <= 0x17F)
	{
		if (c == 0x130)
			return 'i';
		if (c == 0x178)
			return 0xFF;
		if (c == 0x131 || c == 0x138 || c == 0x149 || c == 0x17F)
			return c;
		if ((c >= 0x139 && c <= 0x148) || c >= 0x179)
			return c % 2 == 1 ? c + 1 : c;
		return c % 2 == 0 ? c + 1 : c;
	}
	if (c >= 0x391 && c <= 0x3A9 && c != 0x3A2)
		return c + 32;
	if (c >= 0x410 && c <= 0x42F)
		return c + 32;
	if (c >= 0x400 && c <= 0x40F)
		return c + 80;
	return c;
}

static char *
fold_ascii(const char *string, int length)
{
	char	   *folded = palloc(length + 1);

	for (int i = 0; i < length; i++)
		folded[i] = (char) lower((unsigned char) string[i]);
	folded[length] = '\0';
	return folded;
}

/* Code points of a UTF-8 string, ended by 0. */
static pg_wchar *
to_wide(const char *string, int length)
{
	const unsigned char *in = (const unsigned char *) string;
	const unsigned char *end = in + length;
	pg_wchar   *wide = palloc((length + 1) * sizeof(pg_wchar));
	int			n = 0;

	for (; in < end; in += pg_utf_mblen(in))
		wide[n++] = utf8_to_unicode(in);
	wide[n] = 0;
	return wide;
}

/* The code points in lower case as UTF-8. */
static char *
lower_to_utf8(const pg_wchar *wide, int *length)
{
	unsigned char *out;
	unsigned char *start;
	int			n = 0;

	while (wide[n] != 0)
		n++;
	start = out = palloc(n * 4 + 1);
	for (int i = 0; i < n; i++)
	{
		unicode_to_utf8(lower(wide[i]), out);
		out += pg_utf_mblen(out);
	}
	*out = '\0';
	*length = out - start;
	return (char *) start;
}

static bool
ascii_only(const char *string, int length)
{
	return mhub_is_ascii(string, length) || GetDatabaseEncoding() != PG_UTF8;
}

/* A string in lower case, palloc'd; other encodings than UTF-8 lower ASCII letters only. */
char *
condition_lower(const char *string, int length, int *lowered_length)
{
	*lowered_length = length;
	if (ascii_only(string, length))
		return fold_ascii(string, length);
	return lower_to_utf8(to_wide(string, length), lowered_length);
}

/* A string in lower case and of normal width, palloc'd. */
char *
condition_fold(const char *string, int length, int *folded_length)
{
	*folded_length = length;
	if (ascii_only(string, length))
		return fold_ascii(string, length);
	return lower_to_utf8(unicode_normalize(UNICODE_NFKC, to_wide(string, length)), folded_length);
}

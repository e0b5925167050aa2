/*
 * sms.c
 *	  How many parts a text message takes (3GPP TS 23.038 and 23.040).
 *
 * A text of the GSM 7-bit default alphabet has 160 septets in one part, or 153
 * in each of several; any other text is sent as UCS-2 with 70 or 67 units.
 * Characters of the extension table take two septets, characters beyond the
 * basic plane two units, and neither is torn apart between two parts.
 */
#include "delivery/sms.h"

#include "mb/pg_wchar.h"

#define GSM7_SINGLE		160
#define GSM7_PART		153
#define UCS2_SINGLE		70
#define UCS2_PART		67

/* Code points of the default alphabet beyond ASCII. */
static const pg_wchar gsm7_beyond_ascii[] = {
	0xA3, 0xA5, 0xE8, 0xE9, 0xF9, 0xEC, 0xF2, 0xC7, 0xD8, 0xF8, 0xC5, 0xE5,
	0x394, 0x3A6, 0x393, 0x39B, 0x3A9, 0x3A0, 0x3A8, 0x3A3, 0x398, 0x39E,
	0xC6, 0xE6, 0xDF, 0xC9, 0xA4, 0xA1, 0xC4, 0xD6, 0xD1, 0xDC, 0xA7, 0xBF,
	0xE4, 0xF6, 0xF1, 0xFC, 0xE0
};

/* Septets of a character in the 7-bit alphabet; 0 when it has none. */
static int
gsm7_units(pg_wchar c)
{
	if (c == 0x20AC || (c < 0x80 && c != 0 && strchr("\f^{}\\[~]|", (int) c) != NULL))
		return 2;
	if (c == '\n' || c == '\r' || (c >= ' ' && c < 0x7F && c != '`'))
		return 1;
	for (size_t i = 0; i < lengthof(gsm7_beyond_ascii); i++)
	{
		if (gsm7_beyond_ascii[i] == c)
			return 1;
	}
	return 0;
}

static int
units_of(pg_wchar c, bool gsm7)
{
	if (gsm7)
		return gsm7_units(c);
	return c > 0xFFFF ? 2 : 1;
}

static bool
all_gsm7(const unsigned char *text, int length)
{
	for (int at = 0; at < length; at += pg_utf_mblen(text + at))
	{
		if (gsm7_units(utf8_to_unicode(text + at)) == 0)
			return false;
	}
	return true;
}

/* Text is UTF-8. */
SmsLength
sms_length(const unsigned char *text, int length)
{
	SmsLength	result = {0};
	int			single;
	int			part;
	int			used = 0;

	result.gsm7 = all_gsm7(text, length);
	single = result.gsm7 ? GSM7_SINGLE : UCS2_SINGLE;
	part = result.gsm7 ? GSM7_PART : UCS2_PART;

	for (int at = 0; at < length; at += pg_utf_mblen(text + at))
	{
		int			units = units_of(utf8_to_unicode(text + at), result.gsm7);

		result.units += units;
		used += units;
		if (used > part)
		{
			result.segments++;
			used = units;
		}
	}
	if (used > 0)
		result.segments++;
	if (result.units > 0 && result.units <= single)
		result.segments = 1;
	return result;
}

/*
 * telephone.c
 *	  Telephone numbers in E.164.
 *
 * Country calling codes are those of ITU-T E.164 (annex to the Operational
 * Bulletin no. 1114); international and national prefixes those of ITU's list
 * of dialling procedures (Operational Bulletin no. 994).
 */
#include "privacy/normalise.h"

#include <ctype.h>

/* ITU-T E.164: at most 15 digits; the shortest whole numbers in use have 7 */
#define MIN_DIGITS 7
#define MAX_DIGITS 15

typedef struct Country
{
	char		iso[3];
	const char *code;			/* calling code */
	const char *international;	/* dialled before a foreign country's code; "" is 00 */
	const char *trunk;			/* dialled before national numbers, "" for none */
} Country;

/* A country that is not listed has no default: its national numbers are refused. Sorted by ISO code. */
static const Country countries[] = {
	{"AD", "376", "", ""}, {"AE", "971", "", "0"}, {"AF", "93", "", "0"}, {"AG", "1", "011", "1"},
	{"AL", "355", "", "0"}, {"AM", "374", "", "0"}, {"AO", "244", "", ""}, {"AR", "54", "", "0"},
	{"AT", "43", "", "0"}, {"AU", "61", "0011", "0"}, {"AZ", "994", "", "0"}, {"BA", "387", "", "0"},
	{"BB", "1", "011", "1"}, {"BD", "880", "", "0"}, {"BE", "32", "", "0"}, {"BF", "226", "", ""},
	{"BG", "359", "", "0"}, {"BH", "973", "", ""}, {"BI", "257", "", ""}, {"BJ", "229", "", ""},
	{"BN", "673", "", ""}, {"BO", "591", "", "0"}, {"BR", "55", "", "0"}, {"BS", "1", "011", "1"},
	{"BT", "975", "", ""}, {"BW", "267", "", ""}, {"BY", "375", "810", "8"}, {"BZ", "501", "", ""},
	{"CA", "1", "011", "1"}, {"CD", "243", "", "0"}, {"CF", "236", "", ""}, {"CG", "242", "", ""},
	{"CH", "41", "", "0"}, {"CI", "225", "", ""}, {"CL", "56", "", ""}, {"CM", "237", "", ""},
	{"CN", "86", "", "0"}, {"CO", "57", "", ""}, {"CR", "506", "", ""}, {"CU", "53", "119", "0"},
	{"CV", "238", "", ""}, {"CY", "357", "", ""}, {"CZ", "420", "", ""}, {"DE", "49", "", "0"},
	{"DJ", "253", "", ""}, {"DK", "45", "", ""}, {"DO", "1", "011", "1"}, {"DZ", "213", "", "0"},
	{"EC", "593", "", "0"}, {"EE", "372", "", ""}, {"EG", "20", "", "0"}, {"ES", "34", "", ""},
	{"ET", "251", "", "0"}, {"FI", "358", "", "0"}, {"FJ", "679", "", ""}, {"FR", "33", "", "0"},
	{"GA", "241", "", ""}, {"GB", "44", "", "0"}, {"GE", "995", "", "0"}, {"GH", "233", "", "0"},
	{"GI", "350", "", ""}, {"GM", "220", "", ""}, {"GN", "224", "", ""}, {"GR", "30", "", ""},
	{"GT", "502", "", ""}, {"GY", "592", "001", ""}, {"HK", "852", "001", ""}, {"HN", "504", "", ""},
	{"HR", "385", "", "0"}, {"HT", "509", "", ""}, {"HU", "36", "", "06"}, {"ID", "62", "001", "0"},
	{"IE", "353", "", "0"}, {"IL", "972", "", "0"}, {"IN", "91", "", "0"}, {"IQ", "964", "", "0"},
	{"IR", "98", "", "0"}, {"IS", "354", "", ""}, {"IT", "39", "", ""}, {"JM", "1", "011", "1"},
	{"JO", "962", "", "0"}, {"JP", "81", "010", "0"}, {"KE", "254", "000", "0"}, {"KG", "996", "", "0"},
	{"KH", "855", "001", "0"}, {"KP", "850", "", "0"}, {"KR", "82", "001", "0"}, {"KW", "965", "", ""},
	{"KZ", "7", "810", "8"}, {"LA", "856", "", "0"}, {"LB", "961", "", "0"}, {"LI", "423", "", ""},
	{"LK", "94", "", "0"}, {"LR", "231", "", "0"}, {"LT", "370", "", "0"}, {"LU", "352", "", ""},
	{"LV", "371", "", ""}, {"LY", "218", "", "0"}, {"MA", "212", "", "0"}, {"MC", "377", "", ""},
	{"MD", "373", "", "0"}, {"ME", "382", "", "0"}, {"MG", "261", "", "0"}, {"MK", "389", "", "0"},
	{"ML", "223", "", ""}, {"MM", "95", "", "0"}, {"MN", "976", "001", "0"}, {"MO", "853", "", ""},
	{"MT", "356", "", ""}, {"MU", "230", "020", ""}, {"MV", "960", "", ""}, {"MW", "265", "", "0"},
	{"MX", "52", "", ""}, {"MY", "60", "", "0"}, {"MZ", "258", "", ""}, {"NA", "264", "", "0"},
	{"NE", "227", "", ""}, {"NG", "234", "009", "0"}, {"NI", "505", "", ""}, {"NL", "31", "", "0"},
	{"NO", "47", "", ""}, {"NP", "977", "", "0"}, {"NZ", "64", "", "0"}, {"OM", "968", "", ""},
	{"PA", "507", "", ""}, {"PE", "51", "", "0"}, {"PG", "675", "", ""}, {"PH", "63", "", "0"},
	{"PK", "92", "", "0"}, {"PL", "48", "", ""}, {"PR", "1", "011", "1"}, {"PS", "970", "", "0"},
	{"PT", "351", "", ""}, {"PY", "595", "", "0"}, {"QA", "974", "", ""}, {"RO", "40", "", "0"},
	{"RS", "381", "", "0"}, {"RU", "7", "810", "8"}, {"RW", "250", "", "0"}, {"SA", "966", "", "0"},
	{"SC", "248", "", ""}, {"SD", "249", "", "0"}, {"SE", "46", "", "0"}, {"SG", "65", "001", ""},
	{"SI", "386", "", "0"}, {"SK", "421", "", "0"}, {"SL", "232", "", "0"}, {"SM", "378", "", ""},
	{"SN", "221", "", ""}, {"SO", "252", "", "0"}, {"SR", "597", "", "0"}, {"SV", "503", "", ""},
	{"SY", "963", "", "0"}, {"TD", "235", "", ""}, {"TG", "228", "", ""}, {"TH", "66", "001", "0"},
	{"TJ", "992", "810", ""}, {"TL", "670", "", ""}, {"TM", "993", "810", "8"}, {"TN", "216", "", ""},
	{"TR", "90", "", "0"}, {"TT", "1", "011", "1"}, {"TW", "886", "002", "0"}, {"TZ", "255", "000", "0"},
	{"UA", "380", "", "0"}, {"UG", "256", "000", "0"}, {"US", "1", "011", "1"}, {"UY", "598", "", "0"},
	{"UZ", "998", "", ""}, {"VE", "58", "", "0"}, {"VN", "84", "", "0"}, {"YE", "967", "", "0"},
	{"ZA", "27", "", "0"}, {"ZM", "260", "", "0"}, {"ZW", "263", "", "0"},
};

/* Calling codes without a country of the list: territories, and services shared by all countries */
static const char *const other_codes[] = {
	"211", "222", "239", "240", "245", "246", "247", "262", "263", "266", "268", "269", "290", "291", "297", "298",
	"299", "500", "508", "590", "594", "596", "599", "672", "674", "676", "677", "678", "680", "681", "682",
	"683", "685", "686", "687", "688", "689", "690", "691", "692", "800", "808", "870", "878", "881", "882", "883",
	"888", "979"
};

static const Country *
country_of(const char *iso)
{
	for (int i = 0; i < (int) lengthof(countries); i++)
	{
		if (pg_strcasecmp(countries[i].iso, iso) == 0)
			return &countries[i];
	}
	return NULL;
}

bool
mhub_country_known(const char *iso)
{
	return country_of(iso) != NULL;
}

static bool
starts_with(const char *text, const char *prefix)
{
	return strncmp(text, prefix, strlen(prefix)) == 0;
}

/* No calling code is the beginning of another one, so the first that fits is the one. */
static bool
split_calling_code(const char *digits, size_t *code_len, const char **trunk)
{
	for (int i = 0; i < (int) lengthof(countries); i++)
	{
		if (starts_with(digits, countries[i].code))
		{
			*code_len = strlen(countries[i].code);
			*trunk = countries[i].trunk;
			return true;
		}
	}
	for (int i = 0; i < (int) lengthof(other_codes); i++)
	{
		if (starts_with(digits, other_codes[i]))
		{
			*code_len = strlen(other_codes[i]);
			*trunk = "";
			return true;
		}
	}
	return false;
}

/*
 * Plans that the hub's users meet most are checked to the digit, because a
 * mistyped number must not make two people one; others by E.164's limits.
 */
static bool
is_plausible(const char *code, size_t code_len, const char *national)
{
	size_t		len = strlen(national);

	if (code_len == 2 && starts_with(code, "86"))
	{
		bool		mobile = national[0] == '1' && national[1] >= '3';

		return mobile ? len == 11 : len >= 9 && len <= 12;
	}
	if (code_len == 1 && code[0] == '1')
		return len == 10 && national[0] >= '2' && national[3] >= '2';
	return code_len + len >= MIN_DIGITS && code_len + len <= MAX_DIGITS;
}

/* digits: calling code and national number, possibly still with the trunk prefix in between */
static char *
international(const char *digits)
{
	size_t		code_len;
	const char *trunk;
	const char *national;

	if (!split_calling_code(digits, &code_len, &trunk))
		return NULL;
	national = digits + code_len;
	if (trunk[0] == '0' && starts_with(national, trunk))
		national += strlen(trunk);
	if (!is_plausible(digits, code_len, national))
		return NULL;
	return psprintf("+%.*s%s", (int) code_len, digits, national);
}

/*
 * A number as dialled inside the country.  "86 138..." and "86 10 ..." without
 * plus are common in Chinese exports: no national number that long begins so,
 * so the country code is taken for one.
 */
static char *
national(const char *digits, const Country *country)
{
	size_t		code_len = strlen(country->code);
	const char *rest = digits;

	if (strcmp(country->code, "86") == 0 && strlen(digits) >= 12 && starts_with(digits, "86"))
		return international(digits);
	if (country->trunk[0] != '\0' && starts_with(digits, country->trunk) &&
		(country->trunk[0] == '0' || strlen(digits) == 11))
		rest += strlen(country->trunk);
	if (!is_plausible(country->code, code_len, rest))
		return NULL;
	return psprintf("+%s%s", country->code, rest);
}

/* Takes brackets away, and with them a trunk zero as in +44 (0)20; false when a plus is not in front. */
static bool
strip_signs(const char *from, char *digits, bool *plus)
{
	*plus = from[0] == '+' || (from[0] == '(' && from[1] == '+');
	for (bool first = true; *from != '\0'; from++)
	{
		if (*plus && strncmp(from, "(0)", 3) == 0)
			from += 2;
		else if (isdigit((unsigned char) *from))
			*digits++ = *from;
		else if (*from == '+' && !first)
			return false;
		if (*from == '+' || isdigit((unsigned char) *from))
			first = false;
	}
	*digits = '\0';
	return true;
}

/*
 * The number in E.164 (+8613800138000), or NULL when it is none.  Input has
 * digits, plus signs and brackets only; iso is the country whose national
 * numbers come without country code, or NULL.
 */
char *
mhub_phone_e164(const char *digits_and_signs, const char *iso)
{
	const Country *country = iso != NULL ? country_of(iso) : NULL;
	const char *prefix = country != NULL && country->international[0] != '\0' ? country->international : "00";
	char	   *digits = palloc(strlen(digits_and_signs) + 1);
	bool		plus;

	if (!strip_signs(digits_and_signs, digits, &plus))
		return NULL;
	if (plus)
		return international(digits);
	if (starts_with(digits, prefix))
		return international(digits + strlen(prefix));
	if (starts_with(digits, "00"))
		return international(digits + 2);
	return country != NULL ? national(digits, country) : NULL;
}

/*
 * personal.c
 *	  Does a value in an address look like personal data or a secret?
 *
 * Names decide first, for a name tells what its value is; values alone are
 * judged by forms that little else has: e-mail addresses, phone numbers,
 * Chinese identity numbers and bank cards (both with their check digits), JSON
 * web tokens and keys of known services.  A value may be an address itself,
 * with parameters of its own.
 */
#include "traffic/personal.h"

#include "common/ascii.h"
#include "mb/pg_wchar.h"
#include "traffic/query.h"

#define PARAMETER_NAME_MAX 64

#define SHORTEST_KEY 20

/* Addresses within addresses, and text escaped more than once, are followed so far. */
#define DEPTH_MAX 3

/* Names without their separators */
static const char *const whole_names[] = {
	"addr", "address", "apikey", "appsecret", "auth", "authcode", "authorization", "authorizationcode",
	"bankaccount", "bankcard", "birthdate", "birthday", "card", "cardno", "cardnumber", "cell", "cellphone",
	"certno", "credential", "credentials", "credit", "creditcard", "csrf", "customeremail", "cvc", "cvv",
	"dianhua", "dob", "email", "emailaddress", "encryptedemail", "familyname", "firstname", "fname",
	"fullname", "givenname", "hsenc", "iban", "idcard", "idcardno", "identitycard", "idno", "idnumber",
	"jsessionid", "jwt", "kx", "lastname", "lname", "login", "loginname", "mail", "mailbox", "mceid", "mima",
	"mkttok", "mobile", "mobileno", "mobilenumber", "mobilephone", "msisdn", "openid", "otp", "pass",
	"passcode", "passport", "passportno", "passwd", "password", "phone", "phoneno", "phonenumber", "phpsessid",
	"pin", "pwd", "qqnumber", "realname", "receiver", "secret", "secretkey", "session", "sessionid",
	"sessionkey", "sessiontoken", "sfz", "shenfenzheng", "shouji", "shoujihao", "sid", "sig", "sign",
	"signature", "ssn", "surname", "tel", "telephone", "telno", "ticket", "token", "truename", "uemail",
	"unionid", "user", "useremail", "username", "vgoee", "wechatid", "wxid", "xingming", "youxiang",
	"zhenshixingming", "地址", "姓名", "密码", "微信号", "手机", "手机号", "手机号码", "生日", "电话", "证件号", "身份证", "身份证号", "邮件",
	"邮箱"
};

/* Names that end so are of that kind too: user_email, wx_openid, xsrf-token ... */
static const char *const name_endings[] = {
	"email", "emailaddress", "phone", "phonenumber", "mobile", "token", "password", "passwd", "secret", "apikey",
	"openid", "unionid", "sessionid", "idcard", "signature"
};

static void
plain_name(const char *name, char *out)
{
	size_t		n = 0;

	for (; *name != '\0' && n < PARAMETER_NAME_MAX - 1; name++)
	{
		if (strchr("-_. []", *name) == NULL)
			out[n++] = pg_ascii_tolower((unsigned char) *name);
	}
	out[n] = '\0';
}

static bool
ends_with(const char *text, const char *ending)
{
	size_t		length = strlen(text);
	size_t		tail = strlen(ending);

	return length >= tail && strcmp(text + length - tail, ending) == 0;
}

/* A parameter whose value is not to be stored, by its (decoded) name */
bool
mhub_name_is_personal(const char *name)
{
	char		plain[PARAMETER_NAME_MAX];
	int			i;

	plain_name(name, plain);
	for (i = 0; i < (int) lengthof(whole_names); i++)
	{
		if (strcmp(plain, whole_names[i]) == 0)
			return true;
	}
	for (i = 0; i < (int) lengthof(name_endings); i++)
	{
		if (ends_with(plain, name_endings[i]))
			return true;
	}
	return false;
}

static bool
is_mailbox_char(char c)
{
	return isalnum((unsigned char) c) || IS_HIGHBIT_SET(c) || strchr("._%+-", c) != NULL;
}

/* Something@somewhere.else anywhere in the value */
bool
mhub_value_is_email(const char *value)
{
	const char *at;

	for (at = strchr(value, '@'); at != NULL; at = strchr(at + 1, '@'))
	{
		const char *dot;
		size_t		domain = 0;

		if (at == value || !is_mailbox_char(at[-1]))
			continue;
		while (isalnum((unsigned char) at[1 + domain]) || IS_HIGHBIT_SET(at[1 + domain]) ||
			   at[1 + domain] == '-' || at[1 + domain] == '.')
			domain++;
		dot = memchr(at + 1, '.', domain);
		if (dot != NULL && dot > at + 1 && (size_t) (dot - at) < domain)
			return true;
	}
	return false;
}

/* Three base64url parts, the first of which begins with {" */
static bool
is_json_web_token(const char *value)
{
	const char *token = strstr(value, "eyJ");
	int			dots = 0;

	if (token == NULL || (token > value && isalnum((unsigned char) token[-1])))
		return false;
	for (; *token != '\0' && (isalnum((unsigned char) *token) || strchr("-_.", *token) != NULL); token++)
		dots += *token == '.';
	return dots >= 2;
}

/* A JSON web token, or a key as known services write them */
bool
mhub_value_is_secret(const char *value)
{
	static const char *const beginnings[] = {
		"AKIA", "AIza", "ya29.", "sk_live_", "sk_test_", "rk_live_", "ghp_", "gho_", "github_pat_", "glpat-", "xoxb-", "xoxp-"
	};
	int			i;

	for (i = 0; i < (int) lengthof(beginnings); i++)
	{
		if (strncmp(value, beginnings[i], strlen(beginnings[i])) == 0 && strlen(value) >= SHORTEST_KEY &&
			strchr(value, ' ') == NULL)
			return true;
	}
	return is_json_web_token(value);
}

/* The digits of a number written with separators; 0 when there is anything else in it */
static int
digits_of(const char *value, char *digits, int max, bool *plus)
{
	int			n = 0;

	*plus = *value == '+';
	if (*plus)
		value++;
	for (; *value != '\0'; value++)
	{
		if (isdigit((unsigned char) *value) || ((*value == 'x' || *value == 'X') && n == 17))
		{
			if (n == max)
				return 0;
			digits[n++] = *value;
		}
		else if (strchr(" -().", *value) == NULL)
			return 0;
	}
	return n;
}

/* 13812345678, 8613812345678, 008613812345678, or an international number with its plus */
static bool
is_phone(const char *digits, int n, bool plus)
{
	if (plus && n >= 8 && n <= 15)
		return true;
	if (n == 15 && strncmp(digits, "0086", 4) == 0)
		digits += 4, n -= 4;
	else if (n == 13 && strncmp(digits, "86", 2) == 0)
		digits += 2, n -= 2;
	return n == 11 && digits[0] == '1' && digits[1] >= '3';
}

/* GB 11643: 17 digits, among them the date of birth, and a check character (ISO 7064 mod 11-2) */
static bool
is_chinese_id(const char *digits, int n)
{
	static const int weights[17] = {7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2};
	int			sum = 0;
	int			i;

	if (n != 18 || (strncmp(digits + 6, "19", 2) != 0 && strncmp(digits + 6, "20", 2) != 0) ||
		strspn(digits, "0123456789") < 17)
		return false;
	for (i = 0; i < 17; i++)
		sum += (digits[i] - '0') * weights[i];
	return pg_toupper((unsigned char) digits[17]) == "10X98765432"[sum % 11];
}

/* ISO/IEC 7812: issuers' first digits, lengths in use, Luhn's check digit */
static bool
is_bank_card(const char *digits, int n)
{
	int			sum = 0;
	int			i;

	if ((n != 15 && n != 16 && n != 19) || digits[0] < '3' || digits[0] > '6')
		return false;
	for (i = 0; i < n; i++)
	{
		int			d = digits[n - 1 - i] - '0';

		if (i % 2 == 1)
			d = d * 2 > 9 ? d * 2 - 9 : d * 2;
		sum += d;
	}
	return sum % 10 == 0;
}

static bool
is_whole_number(const char *value)
{
	char		digits[20];
	bool		plus;
	int			n = digits_of(value, digits, (int) sizeof(digits), &plus);

	if (n == 0)
		return false;
	return is_phone(digits, n, plus) || is_chinese_id(digits, n) ||
		(strchr("xX", digits[n - 1]) == NULL && is_bank_card(digits, n));
}

/* Does this character make one word, number or code of what stands at both its sides? */
static bool
joins(const char *c)
{
	return mhub_is_letter(*c) || mhub_is_digit(*c) || *c == '_' ||
		((*c == '.' || *c == '-') && (mhub_is_letter(c[1]) || mhub_is_digit(c[1])));
}

/* A mobile or identity number among other words: "call 13812345678 now" */
static bool
has_number(const char *value)
{
	const char *at = value;

	while (*(at += strcspn(at, "0123456789")) != '\0')
	{
		size_t		n = strspn(at, "0123456789");
		bool		free_standing = at == value || !joins(at - 1);

		if (n == 17 && (at[n] == 'x' || at[n] == 'X'))
			n++;
		if (free_standing && !joins(at + n) && (is_phone(at, (int) n, false) || is_chinese_id(at, (int) n)))
			return true;
		at += n;
	}
	return false;
}

/* Full-width letters and signs, as Chinese keyboards write them, as their ASCII ones */
static char *
folded(const char *value)
{
	char	   *out = palloc(strlen(value) + 1);
	size_t		n = 0;

	while (*value != '\0')
	{
		uint32		code = (unsigned char) value[0] != 0xEF || value[1] == '\0' ? 0 :
			((unsigned char) value[1] & 0x3F) << 6 | ((unsigned char) value[2] & 0x3F);

		/* U+FF01 to U+FF5E; the first byte stands for U+F000 */
		if (code >= 0xF01 && code <= 0xF5E)
		{
			out[n++] = (char) (code - 0xF01 + '!');
			value += 3;
		}
		else
			out[n++] = *value++;
	}
	out[n] = '\0';
	return out;
}

static bool is_personal(const char *value, int depth);

/* An address within the value, or parameters without one: does one of them hold something personal? */
static bool
has_personal_parameter(const char *value, int depth)
{
	const char *mark = strchr(value, '?');
	char		name[MHUB_PARAM_NAME_MAX];
	MhubQueryScan scan;

	if (strchr(value, '=') == NULL)
		return false;
	mhub_query_start(&scan, mark != NULL ? mark + 1 : value);
	while (mhub_query_next(&scan))
	{
		char	   *inner = mhub_query_value(&scan);

		if (inner != NULL && ((mhub_query_name(&scan, name) && mhub_name_is_personal(name)) || is_personal(inner, depth)))
			return true;
	}
	return false;
}

static bool
is_personal(const char *value, int depth)
{
	char	   *again;

	if (GetDatabaseEncoding() == PG_UTF8 && strchr(value, 0xEF) != NULL)
		value = folded(value);
	if (mhub_value_is_email(value) || mhub_value_is_secret(value) || is_whole_number(value) || has_number(value))
		return true;
	if (depth == 0)
		return false;
	if (has_personal_parameter(value, depth - 1))
		return true;
	if (strchr(value, '%') == NULL)
		return false;
	again = mhub_text_decoded(value, strlen(value));
	return strcmp(again, value) != 0 && is_personal(again, depth - 1);
}

/* A (decoded) value that is personal data or a secret by its form */
bool
mhub_value_is_personal(const char *value)
{
	return is_personal(value, DEPTH_MAX);
}

/* The same in an address's path, where numbers are mostly articles': only an identity number says so itself. */
bool
mhub_segment_is_personal(const char *segment)
{
	return mhub_value_is_email(segment) || mhub_value_is_secret(segment) || is_chinese_id(segment, (int) strlen(segment)) ||
		(strchr(segment, '%') != NULL && mhub_value_is_email(mhub_text_decoded(segment, strlen(segment))));
}

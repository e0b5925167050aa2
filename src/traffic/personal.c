/*
 * personal.c
 *	  Does a value in an address look like personal data or a secret?
 *
 * Names decide first, for a name tells what its value is; values alone are
 * judged by forms that little else has: e-mail addresses, phone numbers,
 * Chinese identity numbers and bank cards (both with their check digits), and
 * JSON web tokens.
 */
#include "traffic/personal.h"

#define PARAMETER_NAME_MAX 64

/* Names without their separators; sorted */
static const char *const whole_names[] = {
	"_hsenc", "addr", "address", "apikey", "appsecret", "auth", "authcode", "authorization", "bankcard",
	"birthdate", "birthday", "bankaccount", "card", "cardno", "cardnumber", "cell", "cellphone", "certno",
	"credential", "credentials", "credit", "creditcard", "csrf", "customeremail", "cvc", "cvv", "dianhua", "dob",
	"email", "emailaddress", "encryptedemail", "familyname", "firstname", "fname", "fullname", "givenname",
	"hsenc", "iban", "idcard", "idcardno", "identitycard", "idno", "idnumber", "jsessionid", "jwt", "lastname",
	"lname", "login", "loginname", "mail", "mailbox", "mceid", "mima", "mkttok", "mobile", "mobileno",
	"mobilenumber", "mobilephone", "msisdn", "openid", "otp", "pass", "passcode", "passport", "passportno",
	"passwd", "password", "phone", "phoneno", "phonenumber", "phpsessid", "pin", "pwd", "qqnumber", "realname",
	"receiver", "secret", "secretkey", "session", "sessionid", "sessionkey", "sessiontoken", "sfz", "shenfenzheng",
	"shouji", "shoujihao", "sid", "sig", "sign", "signature", "ssn", "surname", "tel", "telephone", "telno",
	"ticket", "token", "truename", "uemail", "unionid", "user", "useremail", "username", "wechatid", "wxid",
	"xingming", "youxiang", "zhenshixingming", "地址", "姓名", "密码", "微信号", "手机", "手机号", "手机号码",
	"生日", "电话", "证件号", "身份证", "身份证号", "邮箱", "邮件"
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

/* A JSON web token: three base64url parts, the first of which begins with {" */
bool
mhub_value_is_secret(const char *value)
{
	const char *token = strstr(value, "eyJ");
	int			dots = 0;

	if (token == NULL || (token > value && isalnum((unsigned char) token[-1])))
		return false;
	for (; *token != '\0' && (isalnum((unsigned char) *token) || strchr("-_.", *token) != NULL); token++)
		dots += *token == '.';
	return dots >= 2;
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

	if (n != 18 || (strncmp(digits + 6, "19", 2) != 0 && strncmp(digits + 6, "20", 2) != 0))
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

/* A (decoded) value that is personal data or a secret by its form */
bool
mhub_value_is_personal(const char *value)
{
	char		digits[20];
	bool		plus;
	int			n;

	if (mhub_value_is_email(value) || mhub_value_is_secret(value))
		return true;
	n = digits_of(value, digits, (int) sizeof(digits), &plus);
	if (n == 0)
		return false;
	return is_phone(digits, n, plus) || is_chinese_id(digits, n) ||
		(strchr("xX", digits[n - 1]) == NULL && is_bank_card(digits, n));
}

/*
 * crypto.c
 *	  AES-256-GCM and HMAC-SHA256 as the privacy room needs them (OpenSSL EVP).
 *
 * Nonces are random, 96 bits, never a stored counter: a restored backup or a
 * promoted standby would repeat a counter, which breaks GCM completely.  The
 * cipher is fetched once and one context is re-keyed for every call, since
 * OpenSSL 3's implicit fetch costs more than sealing a short value does.
 */
#include "privacy/crypto.h"

#include <openssl/core_names.h>
#include <openssl/crypto.h>
#include <openssl/err.h>
#include <openssl/evp.h>

struct MhubHmac
{
	EVP_MAC_CTX *context;
};

/* Random bytes are drawn in one go for this many nonces: each draw has a fixed cost. */
#define NONCES_A_DRAW 64

static EVP_CIPHER *gcm_cipher = NULL;
static EVP_CIPHER_CTX *gcm_context = NULL;
static EVP_MAC *hmac_method = NULL;

static uint8 nonce_pool[NONCES_A_DRAW * MHUB_NONCE_LEN];
static int	nonces_left = 0;

/*
 * OpenSSL's reason goes to the message: it names a state of the library, never
 * data.
 */
pg_noreturn static void
crypto_failed(const char *what)
{
	unsigned long code = ERR_get_error();
	const char *reason = code != 0 ? ERR_reason_error_string(code) : NULL;

	ERR_clear_error();
	ereport(ERROR,
			(errcode(ERRCODE_INTERNAL_ERROR),
			 errmsg("could not %s: %s", what, reason != NULL ? reason : "no reason given"),
			 errhidestmt(true), errhidecontext(true)));
}

static EVP_CIPHER_CTX *
gcm_ready(void)
{
	if (gcm_cipher == NULL)
		gcm_cipher = EVP_CIPHER_fetch(NULL, "AES-256-GCM", NULL);
	if (gcm_cipher == NULL)
		crypto_failed("find AES-256-GCM");
	if (gcm_context == NULL)
		gcm_context = EVP_CIPHER_CTX_new();
	if (gcm_context == NULL)
		crypto_failed("allocate a cipher context");
	return gcm_context;
}

static void
next_nonce(uint8 *nonce)
{
	uint8	   *taken;

	if (nonces_left == 0)
	{
		if (!pg_strong_random(nonce_pool, sizeof(nonce_pool)))
			crypto_failed("draw random bytes");
		nonces_left = NONCES_A_DRAW;
	}
	taken = nonce_pool + --nonces_left * MHUB_NONCE_LEN;
	memcpy(nonce, taken, MHUB_NONCE_LEN);
	memset(taken, 0, MHUB_NONCE_LEN);
}

/*
 * Seals plain under a fresh random nonce.  cipher has room for plain_len bytes
 * and may not overlap plain.
 */
void
mhub_gcm_seal(const uint8 *key, const uint8 *aad, int aad_len,
			  const uint8 *plain, int plain_len,
			  uint8 *nonce, uint8 *cipher, uint8 *tag)
{
	EVP_CIPHER_CTX *context = gcm_ready();
	int			len;

	next_nonce(nonce);
	if (EVP_EncryptInit_ex2(context, gcm_cipher, key, nonce, NULL) != 1 ||
		EVP_EncryptUpdate(context, NULL, &len, aad, aad_len) != 1 ||
		EVP_EncryptUpdate(context, cipher, &len, plain, plain_len) != 1 ||
		EVP_EncryptFinal_ex(context, cipher + len, &len) != 1 ||
		EVP_CIPHER_CTX_ctrl(context, EVP_CTRL_AEAD_GET_TAG, MHUB_TAG_LEN, tag) != 1)
		crypto_failed("encrypt");
}

/*
 * Opens cipher into plain.  False, and plain wiped, when tag, key or aad do
 * not belong to it.
 */
bool
mhub_gcm_open(const uint8 *key, const uint8 *aad, int aad_len,
			  const uint8 *nonce, const uint8 *cipher, int cipher_len,
			  const uint8 *tag, uint8 *plain)
{
	EVP_CIPHER_CTX *context = gcm_ready();
	int			len = 0;

	if (EVP_DecryptInit_ex2(context, gcm_cipher, key, nonce, NULL) != 1 ||
		EVP_DecryptUpdate(context, NULL, &len, aad, aad_len) != 1 ||
		EVP_DecryptUpdate(context, plain, &len, cipher, cipher_len) != 1 ||
		EVP_CIPHER_CTX_ctrl(context, EVP_CTRL_AEAD_SET_TAG, MHUB_TAG_LEN, unconstify(uint8 *, tag)) != 1)
		crypto_failed("decrypt");
	if (EVP_DecryptFinal_ex(context, plain + len, &len) == 1)
		return true;
	ERR_clear_error();
	OPENSSL_cleanse(plain, cipher_len);
	return false;
}

void
mhub_wrap_key(const uint8 *kek, const uint8 *aad, int aad_len,
			  const uint8 *key, uint8 *wrapped)
{
	mhub_gcm_seal(kek, aad, aad_len, key, MHUB_KEY_LEN, wrapped, wrapped + MHUB_NONCE_LEN,
				  wrapped + MHUB_NONCE_LEN + MHUB_KEY_LEN);
}

bool
mhub_unwrap_key(const uint8 *kek, const uint8 *aad, int aad_len,
				const uint8 *wrapped, uint8 *key)
{
	return mhub_gcm_open(kek, aad, aad_len, wrapped, wrapped + MHUB_NONCE_LEN, MHUB_KEY_LEN,
						 wrapped + MHUB_NONCE_LEN + MHUB_KEY_LEN, key);
}

MhubHmac *
mhub_hmac_create(const uint8 *key, int key_len)
{
	MhubHmac   *hmac = malloc(sizeof(MhubHmac));
	OSSL_PARAM	params[] = {
		OSSL_PARAM_construct_utf8_string(OSSL_MAC_PARAM_DIGEST, (char *) "SHA256", 0),
		OSSL_PARAM_construct_end()
	};

	if (hmac_method == NULL)
		hmac_method = EVP_MAC_fetch(NULL, "HMAC", NULL);
	if (hmac == NULL || hmac_method == NULL)
		crypto_failed("prepare HMAC-SHA256");
	hmac->context = EVP_MAC_CTX_new(hmac_method);
	if (hmac->context == NULL || EVP_MAC_init(hmac->context, key, key_len, params) != 1)
		crypto_failed("prepare HMAC-SHA256");
	return hmac;
}

void
mhub_hmac_free(MhubHmac *hmac)
{
	if (hmac != NULL)
		EVP_MAC_CTX_free(hmac->context);	/* cleanses the key */
	free(hmac);
}

/* HMAC of first followed by second; out has MHUB_HMAC_LEN bytes. */
void
mhub_hmac_parts(MhubHmac *hmac, const void *first, size_t first_len,
				const void *second, size_t second_len, uint8 *out)
{
	size_t		len;

	if (EVP_MAC_init(hmac->context, NULL, 0, NULL) != 1 ||
		EVP_MAC_update(hmac->context, first, first_len) != 1 ||
		EVP_MAC_update(hmac->context, second, second_len) != 1 ||
		EVP_MAC_final(hmac->context, out, &len, MHUB_HMAC_LEN) != 1)
		crypto_failed("compute HMAC-SHA256");
}

/* out has MHUB_SHA256_LEN bytes. */
void
mhub_sha256(const void *data, size_t len, uint8 *out)
{
	if (EVP_Digest(data, len, out, NULL, EVP_sha256(), NULL) != 1)
		crypto_failed("compute SHA-256");
}

void
mhub_random_key(uint8 *key)
{
	if (!pg_strong_random(key, MHUB_KEY_LEN))
		crypto_failed("draw random bytes");
}

/* A wipe that the compiler may not leave out */
void
mhub_cleanse(void *memory, size_t size)
{
	OPENSSL_cleanse(memory, size);
}

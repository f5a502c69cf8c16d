#include "server/auth/secret.h"

#include <ctype.h>
#include <errno.h>
#include <nettle/sha2.h>
#include <stdio.h>
#include <string.h>
#include <sys/random.h>

static const char prefix[] = "swd_";
enum { PREFIX_LENGTH = sizeof prefix - 1 };

enum err secret_make(char out[SECRET_TEXT_BYTES], struct error *e)
{
    uint8_t random[32];

    /* So few bytes come whole, once the system has gathered enough after its start. */
    if (getrandom(random, sizeof random, 0) != (ssize_t)sizeof random)
        return error_set(e, ERR_IO, "the system gave no random numbers: %s", strerror(errno));
    memcpy(out, prefix, PREFIX_LENGTH);
    for (size_t i = 0; i < sizeof random; i++)
        (void)snprintf(out + PREFIX_LENGTH + 2 * i, 3, "%02x", random[i]);
    explicit_bzero(random, sizeof random);
    return ERR_OK;
}

bool secret_is_text(const char *text)
{
    size_t n = strlen(text);

    if (n < SECRET_MIN_LENGTH || n > SECRET_MAX_LENGTH || strncmp(text, prefix, PREFIX_LENGTH) != 0)
        return false;
    for (size_t i = PREFIX_LENGTH; i < n; i++)
        if (!isalnum((unsigned char)text[i]) && !strchr("-_+/=", text[i]))
            return false;
    return true;
}

void secret_digest(const char *text, uint8_t out[SECRET_DIGEST_BYTES])
{
    struct sha256_ctx state;

    sha256_init(&state);
    sha256_update(&state, strlen(text), (const uint8_t *)text);
    sha256_digest(&state, SECRET_DIGEST_BYTES, out);
    explicit_bzero(&state, sizeof state);
}

bool secret_read_digest(const char *text, uint8_t out[SECRET_DIGEST_BYTES])
{
    if (strlen(text) != 2 * SECRET_DIGEST_BYTES ||
        strspn(text, "0123456789abcdefABCDEF") != 2 * SECRET_DIGEST_BYTES)
        return false;
    for (size_t i = 0; i < SECRET_DIGEST_BYTES; i++)
        (void)sscanf(text + 2 * i, "%2hhx", &out[i]); /* two digits, as was checked */
    return true;
}

bool secret_equal(const uint8_t a[SECRET_DIGEST_BYTES], const uint8_t b[SECRET_DIGEST_BYTES])
{
    unsigned differing = 0;

    for (size_t i = 0; i < SECRET_DIGEST_BYTES; i++)
        differing |= (unsigned)a[i] ^ b[i];
    return differing == 0;
}

void secret_wipe(const char *text)
{
    if (text)
        explicit_bzero((char *)(uintptr_t)text, strlen(text));
}

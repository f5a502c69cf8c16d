/*
 * Secrets: 256 random bits, written as "swd_" and 64 hexadecimal digits, so that a scanner finds
 * one that was published by mistake. What is kept of one is its SHA-256: nobody can try out 2^256
 * texts, so there is no need for a hash that is slow.
 */
#ifndef SWEEPD_SERVER_AUTH_SECRET_H
#define SWEEPD_SERVER_AUTH_SECRET_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/base/error.h"

enum {
    SECRET_DIGEST_BYTES = 32,
    SECRET_TEXT_BYTES = 4 + 64 + 1,
    SECRET_MIN_LENGTH = 4 + 43, /* of one that was made elsewhere: 256 bits in base64 */
    SECRET_MAX_LENGTH = 200
};

/** A new one. ERR_IO where the system has no random numbers. */
enum err secret_make(char out[SECRET_TEXT_BYTES], struct error *e);

/** Whether a text has the form of a secret, of ours or made elsewhere (base64 also). */
bool secret_is_text(const char *text);

/** What is kept of a secret. */
void secret_digest(const char *text, uint8_t out[SECRET_DIGEST_BYTES]);

/** Reads a digest from its 64 hexadecimal digits. */
bool secret_read_digest(const char *text, uint8_t out[SECRET_DIGEST_BYTES]);

/** Compares in a time that does not depend on where they differ. */
bool secret_equal(const uint8_t a[SECRET_DIGEST_BYTES], const uint8_t b[SECRET_DIGEST_BYTES]);

/** Overwrites a text whose owner is done with it. Accepts NULL. */
void secret_wipe(const char *text);

#endif

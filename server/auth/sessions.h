/*
 * Sessions of browsers: each a secret that stands for a token until it expires. They live in memory:
 * after a restart of the daemon people log in again, and no file holds what could be used in their
 * place.
 *
 * Threads   one at a time: the keyring's lock.
 */
#ifndef SWEEPD_SERVER_AUTH_SESSIONS_H
#define SWEEPD_SERVER_AUTH_SESSIONS_H

#include <stdint.h>

#include "server/auth/secret.h"

enum { SESSIONS_MAX = 512, SESSIONS_PER_TOKEN = 16 };

struct session {
    uint8_t digest[SECRET_DIGEST_BYTES]; /* of its own secret */
    uint8_t token[SECRET_DIGEST_BYTES];  /* of the token's */
    int64_t expires_at_ms;               /* 0: the place is free */
};

/* Zero-initialise. */
struct sessions {
    struct session items[SESSIONS_MAX];
};

/** In place of the one that would end first, where the token, or all together, have too many. */
void sessions_add(struct sessions *s, const struct session *one, int64_t now_ms);

/** NULL where there is none, or it has expired. */
const struct session *sessions_find(const struct sessions *s, const uint8_t *digest,
                                    int64_t now_ms);

void sessions_remove(struct sessions *s, const uint8_t *digest);

#endif

/*
 * Who is who: the tokens that are valid, in memory, and the sessions of browsers that were begun
 * with one. Nothing but the daemon changes the database, so what was loaded from it stays right
 * until the daemon itself makes or revokes a token and loads again.
 *
 * A database that has ever had a token asks for one for good: that the last one was revoked or has
 * expired opens nothing.
 *
 * Threads   all calls may run at once, but for create and destroy.
 */
#ifndef SWEEPD_SERVER_AUTH_KEYRING_H
#define SWEEPD_SERVER_AUTH_KEYRING_H

#include <stdbool.h>
#include <stdint.h>

#include "core/base/error.h"
#include "server/auth/secret.h"
#include "server/auth/token.h"
#include "server/store/store.h"

enum { KEYRING_SESSION_MS = 7 * 24 * 3600 * 1000 }; /* a session lasts so long at most */

struct keyring;

/* Who asks. */
struct user {
    char label[TOKEN_LABEL_BYTES]; /* empty: nobody in particular */
    enum scope scope;
    int64_t token_id; /* 0: not one of the database */
    int64_t expires_at_ms; /* of the token, or of the session where that is sooner; 0: never */
    bool by_session;       /* not by presenting the token itself */
    bool is_stale;         /* that it was used is to be stored: its last time was an hour ago */
    uint8_t digest[SECRET_DIGEST_BYTES];  /* of the token */
    uint8_t session[SECRET_DIGEST_BYTES]; /* by_session: its own */
};

/**
 * Loads the tokens of the database and, unless `path` is NULL, of a file (see token_file.h).
 *
 * Errors  ERR_INVALID naming the line of the file
 */
enum err keyring_create(struct store *s, const char *path, struct keyring **out, struct error *e);

/** Accepts NULL. */
void keyring_destroy(struct keyring *k);

/** Reads the file of tokens again: those that it does not hold any more end. As keyring_create. */
enum err keyring_read_file(struct keyring *k, const char *path, struct error *e);

/** Loads again what the database has; `r` sees what was written. */
enum err keyring_load(struct keyring *k, struct reader *r, struct error *e);

/** Whether no token is needed, because there was never one. */
bool keyring_is_open(struct keyring *k);

/** Admits one more token, as admin, for as long as this process lives. */
void keyring_admit_operator(struct keyring *k, const char *secret);

/** Finds whose token it is, while it is valid. */
bool keyring_find(struct keyring *k, const char *secret, struct user *out);

/** Whether the token or session by which somebody was found is still valid; who came while no token
 * was needed may stay for as long as none is. */
bool keyring_holds(struct keyring *k, const struct user *u);

/** Begins a session with the user's token; `secret` is for the browser. */
enum err keyring_begin_session(struct keyring *k, const struct user *u,
                               char secret[SECRET_TEXT_BYTES], int64_t *expires_at_ms,
                               struct error *e);

/** As keyring_find, by the secret of a session. */
bool keyring_find_session(struct keyring *k, const char *secret, struct user *out);

/** Ends the session that the user was found by; does nothing where it was not by one. */
void keyring_end_session(struct keyring *k, const struct user *u);

#endif

/*
 * Tokens as they are made: a label, a scope, a lifetime, and a secret that is shown once.
 */
#ifndef SWEEPD_SERVER_AUTH_TOKEN_H
#define SWEEPD_SERVER_AUTH_TOKEN_H

#include <stdbool.h>
#include <stdint.h>

#include "core/base/error.h"
#include "server/auth/secret.h"
#include "server/store/store_token.h"

/* What a call needs and a token gives; each gives what the ones before it do. */
enum scope {
    SCOPE_UNSAID, /* of a route for which nobody said: as admin */
    SCOPE_OPEN,   /* no token is needed */
    SCOPE_READ,
    SCOPE_SUBMIT,
    SCOPE_ADMIN
};

enum { TOKEN_LABEL_BYTES = 65 };

/* A token that is valid until it expires. */
struct key {
    int64_t id; /* in the database; 0: not there */
    uint8_t digest[SECRET_DIGEST_BYTES];
    char label[TOKEN_LABEL_BYTES];
    enum scope scope;
    int64_t expires_at_ms; /* 0: never */
    int64_t used_at_ms;    /* as stored, or about to be; 0: never */
};

/* Names of the scopes that a token can have, NULL-terminated. */
extern const char *const token_scopes[];

/** False where there is no such scope. */
bool token_scope_find(const char *name, enum scope *out);

const char *token_scope_name(enum scope s);

/** ERR_INVALID unless it is 1 to 64 letters, digits, '.', '_', '-' or '@', not all digits. */
enum err token_check_label(const char *label, struct error *e);

/* What a token is to be. */
struct token_wish {
    const char *label, *scope;
    int64_t lifetime_ms; /* 0: for ever */
};

/** Makes one, to be stored; the record borrows the wish's texts. ERR_INVALID: label or scope. */
enum err token_make(const struct token_wish *wish, char secret[SECRET_TEXT_BYTES],
                    struct token_record *out, struct error *e);

#endif

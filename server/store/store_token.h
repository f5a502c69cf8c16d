/*
 * Tokens: who may use the service. A token itself is never stored, its SHA-256 is.
 */
#ifndef SWEEPD_SERVER_STORE_STORE_TOKEN_H
#define SWEEPD_SERVER_STORE_STORE_TOKEN_H

#include <stddef.h>
#include <stdint.h>

#include "core/base/error.h"
#include "core/base/mem.h"
#include "server/store/store.h"

enum { STORE_TOKEN_DIGEST_BYTES = 32 };

struct token_record {
    int64_t id; /* given by the store */
    const char *label;
    const char *scope; /* read, submit or admin */
    uint8_t digest[STORE_TOKEN_DIGEST_BYTES];
    int64_t created_at_ms;
    int64_t expires_at_ms;   /* 0: never */
    int64_t revoked_at_ms;   /* 0: it was not */
    int64_t last_used_at_ms; /* to the hour; 0: never */
};

/** Ignores id, revoked_at and last_used_at. */
enum err store_token_insert(struct store *s, const struct token_record *record, int64_t *out_id,
                            struct error *e);

/** All that were ever made, also those that were revoked, in order of id. */
enum err store_token_list(struct reader *r, struct arena *a, size_t *n, struct token_record **out,
                          struct error *e);

/**
 * Revokes the tokens with an id, or with a label, that were not revoked before.
 *
 * label   NULL: the id decides
 * Errors  ERR_NOT_FOUND where there is none
 */
enum err store_token_revoke(struct store *s, const char *label, int64_t id, int64_t at_ms,
                            struct error *e);

/** Remembers that it was used. */
enum err store_token_touch(struct store *s, int64_t id, int64_t at_ms, struct error *e);

#endif

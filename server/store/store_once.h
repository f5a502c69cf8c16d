/*
 * Answers to requests that are to be done once, by the key that their client gave them.
 */
#ifndef SWEEPD_SERVER_STORE_STORE_ONCE_H
#define SWEEPD_SERVER_STORE_STORE_ONCE_H

#include <stdbool.h>
#include <stdint.h>

#include "core/base/error.h"
#include "core/base/mem.h"
#include "server/store/store.h"

#define STORE_ONCE_MS (INT64_C(24) * 3600 * 1000) /* how long an answer is kept */

struct once_record {
    const char *owner, *key; /* the owner is "" where nobody owns it */
    const char *digest;      /* of what was asked for */
    const char *request;     /* the same for a person: "POST /api/v1/experiments" */
    int64_t status;
    const char *location; /* NULL: none */
    const char *body;     /* JSON */
    int64_t at_ms;
};

/** Stores an answer, in place of one that is too old, and forgets others that are. */
enum err store_once_insert(struct store *s, const struct once_record *record, struct error *e);

/** *found is false where there is none that is young enough. */
enum err store_once_get(struct reader *r, const char *owner, const char *key, int64_t now_ms,
                        struct arena *a, struct once_record *out, bool *found, struct error *e);

#endif
